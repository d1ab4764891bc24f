/*
 * openapi_value.c - the texts of a table as JSON values.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: what comes out is valid JSON whatever a handler's texts hold.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openapi/openapi_private.h"
#include "wire/wire_text.h"

void
openapi_add(struct json_object *to, const char *key,
    struct json_object *value)
{
	json_object_object_add(to, key, value);
}

struct json_object *
openapi_string(const char *text)
{
	size_t length = strlen(text), size = 6 * length + 3;
	char *quoted = malloc(size);
	struct json_object *string;
	ptrdiff_t n;

	if (quoted == NULL)
		return NULL;
	n = wire_json_escape(quoted + 1, size - 3, text, length);
	quoted[0] = '"';
	memcpy(quoted + 1 + n, "\"", 2);
	string = json_tokener_parse(quoted);
	free(quoted);
	return string;
}

struct json_object *
openapi_reference(const char *section, const char *name)
{
	struct json_object *reference = json_object_new_object();
	char path[128];

	snprintf(path, sizeof(path), "#/components/%s/%s", section, name);
	openapi_add(reference, "$ref", json_object_new_string(path));
	return reference;
}

/* Of the types that it may be, else NULL. */
static struct json_object *
parse(const char *text, enum json_type one, enum json_type other)
{
	struct json_object *value = json_tokener_parse(text);
	enum json_type type = json_object_get_type(value);

	if ((type == one || type == other) && (type != json_type_double ||
	    isfinite(json_object_get_double(value))))
		return value;
	json_object_put(value);
	return NULL;
}

struct json_object *
openapi_value(enum fh_type type, const char *text)
{
	switch (type) {
	case FH_TYPE_BOOLEAN:
		return json_object_new_boolean(strcmp(text, "true") == 0 ||
		    strcmp(text, "1") == 0);
	case FH_TYPE_INTEGER:
		return parse(text, json_type_int, json_type_int);
	case FH_TYPE_NUMBER:
		return parse(text, json_type_int, json_type_double);
	case FH_TYPE_ARRAY:
		return parse(text, json_type_array, json_type_array);
	case FH_TYPE_OBJECT:
		return parse(text, json_type_object, json_type_object);
	default:
		return openapi_string(text);
	}
}
