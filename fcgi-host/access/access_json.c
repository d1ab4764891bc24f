/*
 * access_json.c - objects of JSON in tokens and key sets, by json-c.
 *
 * Runs in: front, zygote, the tools.
 * Owns: nothing; an object is the caller's.
 * Invariant: a text with a NUL inside is none, so that no two of them are the
 * same to strcmp().
 */
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "access/access_private.h"

#define DEPTH_MAX	16

struct json_object *
access_json_object(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *json;

	if (tokener == NULL || length > INT_MAX ||
	    memchr(text, '\0', length) != NULL) {
		json_tokener_free(tokener);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
	    JSON_TOKENER_VALIDATE_UTF8);
	json = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != length ||
	    !json_object_is_type(json, json_type_object)) {
		json_object_put(json);
		json = NULL;
	}
	json_tokener_free(tokener);
	return json;
}

const char *
access_json_text(struct json_object *json, const char *name)
{
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(json, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ?
	    text : NULL;
}
