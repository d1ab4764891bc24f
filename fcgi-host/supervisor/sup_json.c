/*
 * sup_json.c - a member of a document in one call.
 *
 * Runs in: supervisor.
 * Owns: nothing; the documents are the callers'.
 * Invariant: what is printed is JSON, whatever bytes a name or a sentence has.
 */
#include "supervisor/sup_json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "wire/wire_text.h"

static bool
is_ascii(const char *text)
{
	while (*text > 0)
		text++;
	return *text == '\0';
}

/* A file's name may be any bytes. */
static struct json_object *
from_any_bytes(const char *text)
{
	size_t length = strlen(text), size = 6 * length;
	char *quoted = malloc(size + 3);
	struct json_object *string = NULL;
	ptrdiff_t used;

	if (quoted == NULL)
		return NULL;
	used = wire_json_escape(quoted + 1, size, text, length);
	if (used >= 0) {
		quoted[0] = quoted[used + 1] = '"';
		quoted[used + 2] = '\0';
		string = json_tokener_parse(quoted);
	}
	free(quoted);
	return string;
}

struct json_object *
sup_json_string(const char *text)
{
	if (text == NULL)
		return NULL;
	return is_ascii(text) ? json_object_new_string(text) :
	    from_any_bytes(text);
}

void
sup_json_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, sup_json_string(text));
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
