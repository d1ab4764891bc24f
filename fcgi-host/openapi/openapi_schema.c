/*
 * openapi_schema.c - a property as JSON Schema 2020-12.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: what the host refuses by a rule that a schema can say, the schema
 * refuses too; and it refuses nothing that the host takes.
 */
#include <string.h>

#include "openapi/openapi_private.h"

/* RFC 4648, section 4, padded. */
#define BASE64	"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|"		\
		"[A-Za-z0-9+/]{3}=)?$"

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
};
#define TYPES	(sizeof(types) / sizeof(types[0]))

static void
add_type(struct json_object *schema, const struct fh_property *property)
{
	struct json_object *type = json_object_new_string(
	    types[property->type].type);
	struct json_object *both;

	if (property->nullable) {
		both = json_object_new_array();
		json_object_array_add(both, type);
		json_object_array_add(both, json_object_new_string("null"));
		type = both;
	}
	openapi_add(schema, "type", type);
	if (types[property->type].format != NULL)
		openapi_add(schema, "format",
		    json_object_new_string(types[property->type].format));
}

static void
add_value(struct json_object *schema, const char *key,
    const struct fh_property *property, const char *text)
{
	struct json_object *value;

	if (text == NULL)
		return;
	value = openapi_value(property, text);
	if (value != NULL)
		openapi_add(schema, key, value);
}

static void
add_bounds(struct json_object *schema, const struct fh_property *property)
{
	bool timely = property->type == FH_TYPE_DATE ||
	    property->type == FH_TYPE_DATE_TIME;

	add_value(schema, timely ? "formatMinimum" : "minimum", property,
	    property->min);
	add_value(schema, timely ? "formatMaximum" : "maximum", property,
	    property->max);
	add_value(schema, timely ? "formatExclusiveMinimum" :
	    "exclusiveMinimum", property, property->above);
	add_value(schema, timely ? "formatExclusiveMaximum" :
	    "exclusiveMaximum", property, property->below);
}

/* How many characters of base64 so many bytes are. */
static size_t
encoded(size_t bytes)
{
	return bytes / 3 * 4 + (bytes % 3 != 0 ? 4 : 0);
}

static void
add_lengths(struct json_object *schema, const struct fh_property *property)
{
	bool items = property->type == FH_TYPE_ARRAY;
	size_t least = property->min_length, most = property->max_length;

	if (property->type == FH_TYPE_BYTE) {
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

static void
add_choices(struct json_object *schema, const struct fh_property *property)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; property->choices != NULL &&
	    property->choices[i] != NULL && i < OPENAPI_ENTRIES_MAX; i++)
		json_object_array_add(list,
		    openapi_string(property->choices[i]));
	if (property->nullable)
		json_object_array_add(list, NULL);
	openapi_add(schema, "enum", list);
}

/* What the schema says already stays. */
static void
merge(struct json_object *schema, struct json_object *more)
{
	json_object_object_foreach(more, key, value) {
		if (!json_object_object_get_ex(schema, key, NULL))
			openapi_add(schema, key, json_object_get(value));
	}
	json_object_put(more);
}

/* What is of this type alone. */
static void
add_inside(struct json_object *schema, const struct openapi_scope *scope,
    const struct fh_property *property)
{
	switch (property->type) {
	case FH_TYPE_STRING:
		add_pattern(schema, property->pattern);
		break;
	case FH_TYPE_BYTE:
		openapi_add(schema, "contentEncoding",
		    json_object_new_string("base64"));
		openapi_add(schema, "pattern",
		    json_object_new_string(BASE64));
		break;
	case FH_TYPE_ENUM:
		add_choices(schema, property);
		break;
	case FH_TYPE_ARRAY:
		merge(schema, openapi_array(scope, property->items));
		break;
	case FH_TYPE_OBJECT:
		merge(schema, openapi_object(scope, property->fields));
		break;
	default:
		break;
	}
}

static void
add_words(struct json_object *schema, const struct openapi_scope *scope,
    const struct fh_property *property)
{
	struct json_object *list, *example;

	if (property->about != NULL)
		openapi_add(schema, "description",
		    openapi_string(property->about));
	add_value(schema, "default", property, property->fallback);
	example = property->example == NULL ? NULL :
	    openapi_value(property, property->example);
	if (example != NULL) {
		list = json_object_new_array();
		json_object_array_add(list, example);
		openapi_add(schema, "examples", list);
	}
	if (!property->secret || scope->response)
		return;
	if (property->type == FH_TYPE_STRING)
		openapi_add(schema, "format",
		    json_object_new_string("password"));
	openapi_add(schema, "writeOnly", json_object_new_boolean(true));
}

struct json_object *
openapi_schema(const struct openapi_scope *scope,
    const struct fh_property *property)
{
	struct json_object *schema = json_object_new_object();

	if ((size_t)property->type >= TYPES)
		return schema;
	add_type(schema, property);
	add_bounds(schema, property);
	add_lengths(schema, property);
	add_inside(schema, scope, property);
	add_words(schema, scope, property);
	return schema;
}

/* ---------------------------------------------------- what has insides */

void
openapi_add_member(struct json_object *members, struct json_object *required,
    const struct openapi_scope *scope, const struct fh_property *property)
{
	const char *name = openapi_name(property);

	openapi_add(members, name, openapi_schema(scope, property));
	if (property->required)
		json_object_array_add(required, openapi_string(name));
}

struct json_object *
openapi_members(const struct openapi_scope *scope,
    struct json_object *members, struct json_object *required)
{
	struct json_object *schema = json_object_new_object();

	openapi_add(schema, "type", json_object_new_string("object"));
	openapi_add(schema, "properties", members);
	if (json_object_array_length(required) > 0)
		openapi_add(schema, "required", required);
	else
		json_object_put(required);
	if (scope->strict)
		openapi_add(schema, "additionalProperties",
		    json_object_new_boolean(false));
	return schema;
}

/* Does it stand in itself, or too deep? */
static bool
is_endless(const struct openapi_scope *scope, const struct fh_property *fields)
{
	unsigned depth = 0;

	for (; scope != NULL; scope = scope->outer) {
		if (scope->fields == fields || ++depth > OPENAPI_DEPTH_MAX)
			return true;
	}
	return false;
}

struct json_object *
openapi_object(const struct openapi_scope *scope,
    const struct fh_property *fields)
{
	struct openapi_scope inner = *scope;
	struct json_object *members, *required;
	struct fh_property field;

	members = json_object_new_object();
	if (fields == NULL || is_endless(scope, fields)) {
		openapi_add(members, "type",
		    json_object_new_string("object"));
		return members;
	}
	required = json_object_new_array();
	inner.outer = scope;
	inner.fields = fields;
	for (size_t i = 0; openapi_property(scope->desc, fields, i, &field);
	    i++)
		openapi_add_member(members, required, &inner, &field);
	return openapi_members(&inner, members, required);
}

/* `items` has one entry and no end. */
struct json_object *
openapi_array(const struct openapi_scope *scope,
    const struct fh_property *items)
{
	struct json_object *schema = json_object_new_object();
	struct fh_property item;

	openapi_add(schema, "type", json_object_new_string("array"));
	if (openapi_property(scope->desc, items, 0, &item))
		openapi_add(schema, "items", openapi_schema(scope, &item));
	return schema;
}
