/*
 * openapi_body.c - the request's body: JSON or a form.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: one media type for JSON, both for a form, and multipart alone for
 * one with files.
 */
#include <stdlib.h>
#include <string.h>

#include "openapi/openapi_private.h"

/* `schema` becomes the content's, which is returned. */
static struct json_object *
add_content(struct json_object *content, const char *type,
    struct json_object *schema)
{
	struct json_object *media = json_object_new_object();

	openapi_add(media, "schema", schema);
	openapi_add(content, type, media);
	return media;
}

/* "image/png, image/jpeg" */
static struct json_object *
types_of(const struct schema_node *file)
{
	size_t size = 1;
	struct json_object *string;
	char *list, *at;

	for (size_t i = 0; i < file->choice_count; i++)
		size += strlen(file->choices[i]) + 2;
	at = list = malloc(size);
	if (list == NULL)
		return NULL;
	for (size_t i = 0; i < file->choice_count; i++) {
		at = stpcpy(at, i > 0 ? ", " : "");
		at = stpcpy(at, file->choices[i]);
	}
	string = openapi_string(list);
	free(list);
	return string;
}

/* What the parts of files may be, where that is declared. */
static void
add_encoding(struct json_object *media, const struct schema *schema)
{
	struct json_object *encoding = json_object_new_object();

	for (size_t i = 0; i < schema->inputs.field_count; i++) {
		const struct schema_node *node = &schema->inputs.fields[i];
		const struct schema_node *file = node->type == FH_TYPE_ARRAY ?
		    &node->fields[0] : node;
		struct json_object *one;

		if (file->type != FH_TYPE_FILE || file->choice_count == 0)
			continue;
		one = json_object_new_object();
		openapi_add(one, "contentType", types_of(file));
		openapi_add(encoding, node->name, one);
	}
	if (json_object_object_length(encoding) > 0)
		openapi_add(media, "encoding", encoding);
	else
		json_object_put(encoding);
}

/* The body as one value, whatever it is made of. */
static struct json_object *
schema_of(const struct schema *schema)
{
	const struct openapi_scope scope = { .strict = schema->strict };
	struct json_object *members = json_object_new_object();
	struct json_object *required = json_object_new_array();

	for (size_t i = 0; i < schema->inputs.field_count; i++) {
		const struct schema_node *node = &schema->inputs.fields[i];

		if (node->in == FH_IN_WHOLE_BODY) {
			json_object_put(members);
			json_object_put(required);
			return openapi_schema(&scope, node);
		}
		if (node->in == FH_IN_BODY || node->in == FH_IN_FORM)
			openapi_add_member(members, required, &scope, node);
	}
	return openapi_members(&scope, members, required);
}

/* Is there any part of it that must be sent? */
static bool
is_required(const struct schema *schema)
{
	for (size_t i = 0; i < schema->inputs.field_count; i++) {
		const struct schema_node *node = &schema->inputs.fields[i];

		if (node->required && node->in >= FH_IN_FORM)
			return true;
	}
	return false;
}

struct json_object *
openapi_body(const struct route *route)
{
	const struct schema *schema = route->schema;
	struct json_object *body, *content;

	if (schema == NULL || schema->body == SCHEMA_NO_BODY)
		return NULL;
	content = json_object_new_object();
	if (schema->body == SCHEMA_JSON)
		add_content(content, "application/json", schema_of(schema));
	else {
		if (!schema->has_files)
			add_content(content,
			    "application/x-www-form-urlencoded",
			    schema_of(schema));
		add_encoding(add_content(content, "multipart/form-data",
		    schema_of(schema)), schema);
	}
	body = json_object_new_object();
	openapi_add(body, "required",
	    json_object_new_boolean(is_required(schema)));
	openapi_add(body, "content", content);
	return body;
}
