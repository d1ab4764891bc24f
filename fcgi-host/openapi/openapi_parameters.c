/*
 * openapi_parameters.c - what is in path, query, headers and cookies.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: each parameter of the path is there, declared or not, and the
 * style is the one that the host reads.
 */
#include <string.h>

#include "openapi/openapi_private.h"

static const char *
place(enum fh_in in)
{
	switch (in) {
	case FH_IN_PATH:
		return "path";
	case FH_IN_QUERY:
		return "query";
	case FH_IN_HEADER:
		return "header";
	case FH_IN_COOKIE:
		return "cookie";
	default:
		return NULL;	/* of the body */
	}
}

/* Of a list with commas, or of a name that comes several times. */
static void
add_style(struct json_object *parameter, enum fh_in in)
{
	bool commas = in == FH_IN_PATH || in == FH_IN_HEADER;

	openapi_add(parameter, "style",
	    json_object_new_string(commas ? "simple" : "form"));
	openapi_add(parameter, "explode", json_object_new_boolean(!commas));
}

/* The first part of every parameter. */
static struct json_object *
begin(const char *name, const char *in, const char *about, bool required)
{
	struct json_object *parameter = json_object_new_object();

	openapi_add(parameter, "name", openapi_string(name));
	openapi_add(parameter, "in", json_object_new_string(in));
	if (about != NULL)
		openapi_add(parameter, "description", openapi_string(about));
	if (required)
		openapi_add(parameter, "required",
		    json_object_new_boolean(true));
	return parameter;
}

static struct json_object *
declared(const struct route *route, const struct fh_property *property,
    const char *name, enum fh_in in)
{
	const struct openapi_scope scope = { .desc = &route->handler->desc };
	struct fh_property bare = *property;
	struct json_object *parameter = begin(name, place(in),
	    property->about, property->required || in == FH_IN_PATH);

	bare.about = NULL;	/* it stands one level up */
	if (property->type == FH_TYPE_ARRAY)
		add_style(parameter, in);
	openapi_add(parameter, "schema", openapi_schema(&scope, &bare));
	return parameter;
}

static bool
find(const struct route *route, const char *name, struct fh_property *out)
{
	struct fh_inputs inputs;

	if (!openapi_inputs(route, &inputs))
		return false;
	for (size_t i = 0; openapi_property(&route->handler->desc,
	    inputs.properties, i, out); i++) {
		if (openapi_in(route, out) == FH_IN_PATH &&
		    strcmp(openapi_name(out), name) == 0)
			return true;
	}
	return false;
}

static struct json_object *
undeclared(const char *name)
{
	struct json_object *parameter = begin(name, "path", NULL, true);
	struct json_object *schema = json_object_new_object();

	openapi_add(schema, "type", json_object_new_string("string"));
	openapi_add(parameter, "schema", schema);
	return parameter;
}

/* In the order of the path; `names` has as many. */
static void
add_path(struct json_object *list, const struct route *route,
    const struct route *names)
{
	const char *name = route->names, *shown = names->names;

	for (uint32_t i = 0; i < route->capture_count; i++) {
		struct json_object *parameter;
		struct fh_property property;

		parameter = find(route, name, &property) ?
		    declared(route, &property, shown, FH_IN_PATH) :
		    undeclared(shown);
		if (i + 1 == route->capture_count && openapi_is_rest(route))
			openapi_add(parameter, "x-rest",
			    json_object_new_boolean(true));
		json_object_array_add(list, parameter);
		name += strlen(name) + 1;
		shown += strlen(shown) + 1;
	}
}

struct json_object *
openapi_parameters(const struct route *route, const struct route *names)
{
	struct json_object *list = json_object_new_array();
	struct fh_property property;
	struct fh_inputs inputs;

	add_path(list, route, names);
	if (route->job)
		json_object_array_add(list, openapi_job_key());
	if (!openapi_inputs(route, &inputs))
		return list;
	for (size_t i = 0; openapi_property(&route->handler->desc,
	    inputs.properties, i, &property); i++) {
		enum fh_in in = openapi_in(route, &property);

		if (in != FH_IN_PATH && place(in) != NULL)
			json_object_array_add(list, declared(route, &property,
			    openapi_name(&property), in));
	}
	return list;
}
