/*
 * sup_json.c - a member of a document in one call.
 *
 * Runs in: supervisor.
 * Owns: nothing; the documents are the callers'.
 * Invariant: none.
 */
#include "supervisor/sup_json.h"

#include <string.h>

#include <json-c/json.h>

void
sup_json_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text == NULL ? NULL :
	    json_object_new_string(text));
}

void
sup_json_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key,
	    json_object_new_int64((int64_t)value));
}

void
sup_json_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

char *
sup_json_print(struct json_object *document)
{
	return strdup(json_object_to_json_string_ext(document,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	    JSON_C_TO_STRING_NOSLASHESCAPE));
}
