/*
 * openapi_body.c - the request's body: JSON or a form.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: one media type for JSON, and both for a form.
 */
#include "openapi/openapi_private.h"

/* `schema` becomes the content's. */
static void
add_content(struct json_object *content, const char *type,
    struct json_object *schema)
{
	struct json_object *media = json_object_new_object();

	openapi_add(media, "schema", schema);
	openapi_add(content, type, media);
}

/* The object that is read from `in`; NULL if nothing is. */
static struct json_object *
collect(const struct route *route, const struct fh_inputs *inputs,
    enum fh_in in)
{
	const struct openapi_scope scope = { .desc = &route->handler->desc,
	    .strict = inputs->strict };
	struct json_object *members = json_object_new_object();
	struct json_object *required = json_object_new_array();
	struct fh_property property;
	struct json_object *schema;

	for (size_t i = 0; openapi_property(scope.desc, inputs->properties,
	    i, &property); i++) {
		if (openapi_in(route, &property) == in)
			openapi_add_member(members, required, &scope,
			    &property);
	}
	schema = openapi_members(&scope, members, required);
	if (json_object_object_length(members) > 0)
		return schema;
	json_object_put(schema);
	return NULL;
}

static bool
has_required(struct json_object *schema)
{
	return json_object_object_get_ex(schema, "required", NULL);
}

/* JSON with members, or a form.  True: something of it must be there. */
static bool
add_members(struct json_object *content, const struct route *route,
    const struct fh_inputs *inputs)
{
	struct json_object *json = collect(route, inputs, FH_IN_BODY);
	struct json_object *form = collect(route, inputs, FH_IN_FORM);
	bool required = false;

	if (json != NULL) {
		required = has_required(json);
		add_content(content, "application/json", json);
	}
	if (form != NULL) {
		required |= has_required(form);
		add_content(content, "application/x-www-form-urlencoded",
		    form);
		add_content(content, "multipart/form-data",
		    json_object_get(form));
	}
	return required;
}

static bool
add_whole(struct json_object *content, const struct route *route,
    const struct fh_inputs *inputs)
{
	const struct openapi_scope scope = { .desc = &route->handler->desc,
	    .strict = inputs->strict };
	struct fh_property property;

	for (size_t i = 0; openapi_property(scope.desc, inputs->properties,
	    i, &property); i++) {
		if (openapi_in(route, &property) != FH_IN_WHOLE_BODY)
			continue;
		add_content(content, "application/json",
		    openapi_schema(&scope, &property));
		return property.required;
	}
	return false;
}

struct json_object *
openapi_body(const struct route *route)
{
	struct json_object *body, *content;
	struct fh_inputs inputs;
	bool required;

	if (!openapi_inputs(route, &inputs))
		return NULL;
	content = json_object_new_object();
	required = add_members(content, route, &inputs);
	required |= add_whole(content, route, &inputs);
	if (json_object_object_length(content) == 0) {
		json_object_put(content);
		return NULL;
	}
	body = json_object_new_object();
	openapi_add(body, "required", json_object_new_boolean(required));
	openapi_add(body, "content", content);
	return body;
}
