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
declared(const struct schema_node *node, const char *name)
{
	const struct openapi_scope scope = { .strict = false };
	struct schema_node bare = *node;
	struct json_object *parameter = begin(name, place(node->in),
	    node->about, node->required);

	bare.about = NULL;	/* it stands one level up */
	if (node->type == FH_TYPE_ARRAY)
		add_style(parameter, node->in);
	openapi_add(parameter, "schema", openapi_schema(&scope, &bare));
	return parameter;
}

/* NULL: it is not declared. */
static const struct schema_node *
find(const struct schema *schema, const char *name)
{
	for (size_t i = 0; schema != NULL && i < schema->inputs.field_count;
	    i++) {
		const struct schema_node *node = &schema->inputs.fields[i];

		if (node->in == FH_IN_PATH && strcmp(node->name, name) == 0)
			return node;
	}
	return NULL;
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
		const struct schema_node *node = find(route->schema, name);
		struct json_object *parameter = node != NULL ?
		    declared(node, shown) : undeclared(shown);

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
	const struct schema *schema = route->schema;

	add_path(list, route, names);
	if (route->job)
		json_object_array_add(list, openapi_job_key());
	for (size_t i = 0; schema != NULL && i < schema->inputs.field_count;
	    i++) {
		const struct schema_node *node = &schema->inputs.fields[i];

		if (node->in != FH_IN_PATH && place(node->in) != NULL)
			json_object_array_add(list,
			    declared(node, node->name));
	}
	return list;
}
