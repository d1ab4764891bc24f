/*
 * openapi_schema.c - a declared value as JSON Schema 2020-12.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: what the host refuses by a rule that a schema can say, the schema
 * refuses too; and it refuses nothing that the host takes.
 */
#include <string.h>

#include "openapi/openapi_private.h"

/* RFC 4648, section 4, padded, and without bits over in the last letter. */
#define BASE64	"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|"	\
		"[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"

static const struct {
	const char	*type;
	const char	*format;
} types[] = {
	[FH_TYPE_BOOLEAN] = { "boolean", NULL },
	[FH_TYPE_INTEGER] = { "integer", "int64" },
	[FH_TYPE_NUMBER] = { "number", "double" },
	[FH_TYPE_STRING] = { "string", NULL },
	[FH_TYPE_DATE] = { "string", "date" },
	[FH_TYPE_DATE_TIME] = { "string", "date-time" },
	[FH_TYPE_UUID] = { "string", "uuid" },
	[FH_TYPE_BYTE] = { "string", NULL },
	[FH_TYPE_ENUM] = { "string", NULL },
	[FH_TYPE_ARRAY] = { "array", NULL },
	[FH_TYPE_OBJECT] = { "object", NULL },
	[FH_TYPE_FILE] = { "string", "binary" },
};
#define TYPES	(sizeof(types) / sizeof(types[0]))

static void
add_type(struct json_object *schema, const struct schema_node *node)
{
	struct json_object *type = json_object_new_string(
	    types[node->type].type);
	struct json_object *both;

	if (node->nullable) {
		both = json_object_new_array();
		json_object_array_add(both, type);
		json_object_array_add(both, json_object_new_string("null"));
		type = both;
	}
	openapi_add(schema, "type", type);
	if (types[node->type].format != NULL)
		openapi_add(schema, "format",
		    json_object_new_string(types[node->type].format));
}

static void
add_value(struct json_object *schema, const char *key,
    const struct schema_node *node, const char *text)
{
	struct json_object *value;

	if (text == NULL)
		return;
	value = openapi_value(node->type, text);
	if (value != NULL)
		openapi_add(schema, key, value);
}

static void
add_bounds(struct json_object *schema, const struct schema_node *node)
{
	static const char *const words[SCHEMA_BOUNDS][2] = {
		[SCHEMA_MIN] = { "minimum", "formatMinimum" },
		[SCHEMA_MAX] = { "maximum", "formatMaximum" },
		[SCHEMA_ABOVE] = { "exclusiveMinimum",
		    "formatExclusiveMinimum" },
		[SCHEMA_BELOW] = { "exclusiveMaximum",
		    "formatExclusiveMaximum" },
	};
	bool timely = node->type == FH_TYPE_DATE ||
	    node->type == FH_TYPE_DATE_TIME;

	for (size_t i = 0; i < SCHEMA_BOUNDS; i++)
		add_value(schema, words[i][timely], node, node->bounds[i]);
}

/* How many characters of base64 so many bytes are. */
static size_t
encoded(size_t bytes)
{
	return bytes / 3 * 4 + (bytes % 3 != 0 ? 4 : 0);
}

static void
add_lengths(struct json_object *schema, const struct schema_node *node)
{
	bool items = node->type == FH_TYPE_ARRAY;
	size_t least = node->min_length, most = node->max_length;

	if (node->type == FH_TYPE_BYTE) {
		least = encoded(least);
		most = encoded(most);
	}
	if (least != 0)
		openapi_add(schema, items ? "minItems" : "minLength",
		    json_object_new_uint64(least));
	if (most != 0)
		openapi_add(schema, items ? "maxItems" : "maxLength",
		    json_object_new_uint64(most));
}

static void
add_pattern(struct json_object *schema, const char *pattern)
{
	if (pattern != NULL)
		openapi_add(schema, openapi_pattern(pattern) ? "pattern" :
		    "x-pcre2-pattern", openapi_string(pattern));
}

/* This makes it a file to OpenAPI 3.1; the format did to 3.0, and Swagger UI
 * knows the files of a list by it alone.  Lengths are in bytes. */
static void
add_media_type(struct json_object *schema, const struct schema_node *node)
{
	bool one = node->choice_count == 1 &&
	    strchr(node->choices[0], '*') == NULL;

	openapi_add(schema, "contentMediaType", openapi_string(one ?
	    node->choices[0] : "application/octet-stream"));
}

static void
add_choices(struct json_object *schema, const struct schema_node *node)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < node->choice_count; i++)
		json_object_array_add(list,
		    openapi_string(node->choices[i]));
	if (node->nullable)
		json_object_array_add(list, NULL);
	openapi_add(schema, "enum", list);
}

static void
finish_members(struct json_object *schema, const struct openapi_scope *scope,
    struct json_object *members, struct json_object *required)
{
	openapi_add(schema, "properties", members);
	if (json_object_array_length(required) > 0)
		openapi_add(schema, "required", required);
	else
		json_object_put(required);
	if (scope->strict)
		openapi_add(schema, "additionalProperties",
		    json_object_new_boolean(false));
}

static void
add_members(struct json_object *schema, const struct openapi_scope *scope,
    const struct schema_node *node)
{
	struct json_object *members = json_object_new_object();
	struct json_object *required = json_object_new_array();

	for (size_t i = 0; i < node->field_count; i++)
		openapi_add_member(members, required, scope,
		    &node->fields[i]);
	finish_members(schema, scope, members, required);
}

/* What is of this type alone. */
static void
add_inside(struct json_object *schema, const struct openapi_scope *scope,
    const struct schema_node *node)
{
	switch (node->type) {
	case FH_TYPE_STRING:
		add_pattern(schema, node->pattern);
		break;
	case FH_TYPE_BYTE:
		openapi_add(schema, "contentEncoding",
		    json_object_new_string("base64"));
		openapi_add(schema, "pattern",
		    json_object_new_string(BASE64));
		break;
	case FH_TYPE_ENUM:
		add_choices(schema, node);
		break;
	case FH_TYPE_FILE:
		add_media_type(schema, node);
		break;
	case FH_TYPE_ARRAY:
		openapi_add(schema, "items",
		    openapi_schema(scope, &node->fields[0]));
		break;
	case FH_TYPE_OBJECT:
		if (node->same == NULL)	/* or it would never end */
			add_members(schema, scope, node);
		break;
	default:
		break;
	}
}

static void
add_words(struct json_object *schema, const struct openapi_scope *scope,
    const struct schema_node *node)
{
	struct json_object *list, *example;

	if (node->about != NULL)
		openapi_add(schema, "description",
		    openapi_string(node->about));
	add_value(schema, "default", node, node->fallback);
	example = node->example == NULL ? NULL :
	    openapi_value(node->type, node->example);
	if (example != NULL) {
		list = json_object_new_array();
		json_object_array_add(list, example);
		openapi_add(schema, "examples", list);
	}
	if (!node->secret || scope->response)
		return;
	if (node->type == FH_TYPE_STRING)
		openapi_add(schema, "format",
		    json_object_new_string("password"));
	openapi_add(schema, "writeOnly", json_object_new_boolean(true));
}

struct json_object *
openapi_schema(const struct openapi_scope *scope,
    const struct schema_node *node)
{
	struct json_object *schema = json_object_new_object();

	if ((size_t)node->type >= TYPES)
		return schema;
	add_type(schema, node);
	add_bounds(schema, node);
	add_lengths(schema, node);
	add_inside(schema, scope, node);
	add_words(schema, scope, node);
	return schema;
}

/* ---------------------------------------------------- what has insides */

void
openapi_add_member(struct json_object *members, struct json_object *required,
    const struct openapi_scope *scope, const struct schema_node *node)
{
	openapi_add(members, node->name, openapi_schema(scope, node));
	if (node->required)
		json_object_array_add(required, openapi_string(node->name));
}

struct json_object *
openapi_members(const struct openapi_scope *scope,
    struct json_object *members, struct json_object *required)
{
	struct json_object *schema = json_object_new_object();

	openapi_add(schema, "type", json_object_new_string("object"));
	finish_members(schema, scope, members, required);
	return schema;
}
