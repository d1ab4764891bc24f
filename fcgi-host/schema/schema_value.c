/*
 * schema_value.c - a text as a value of the declared type.
 *
 * Runs in: front, workers, call, cgi; zygote for what the tables hold.
 * Owns: nothing.
 * Invariant: a string that is let through is UTF-8 and has no NUL inside.
 */
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

static enum schema_wrong
read_string(const char *text, size_t length, struct schema_reading *out)
{
	ptrdiff_t count = wire_utf8_count(text, length);

	if (count < 0)
		return SCHEMA_STRING_UNICODE;
	if (memchr(text, '\0', length) != NULL)
		return SCHEMA_STRING_NUL;
	out->value.string = text;
	out->length = (size_t)count;
	return SCHEMA_OK;
}

static enum schema_wrong
read_bytes(const char *text, size_t length, struct schema_run *run,
    struct schema_reading *out)
{
	uint8_t *bytes = run->alloc(run->context, length / 4 * 3 + 1);
	enum schema_wrong wrong;

	if (bytes == NULL)
		return SCHEMA_NO_MEMORY;
	wrong = schema_text_bytes(text, length, bytes, &out->length,
	    &out->why);
	out->value.bytes = (struct fh_bytes){ bytes, out->length };
	return wrong;
}

static enum schema_wrong
read_choice(const struct schema_node *node, const char *text, size_t length,
    int *out)
{
	for (size_t i = 0; i < node->choice_count; i++) {
		if (strlen(node->choices[i]) == length &&
		    memcmp(node->choices[i], text, length) == 0) {
			*out = (int)i;
			return SCHEMA_OK;
		}
	}
	return SCHEMA_ENUM;
}

static enum schema_wrong
read_text(const struct schema_node *node, const char *text, size_t length,
    struct schema_run *run, struct schema_reading *out)
{
	union schema_value *value = &out->value;

	switch (node->type) {
	case FH_TYPE_BOOLEAN:
		return schema_text_boolean(text, length, &value->boolean);
	case FH_TYPE_INTEGER:
		return schema_text_integer(text, length, &value->integer);
	case FH_TYPE_NUMBER:
		return schema_text_number(text, length, &value->number);
	case FH_TYPE_DATE:
		return schema_text_date(text, length, &value->date, &out->why);
	case FH_TYPE_DATE_TIME:
		return schema_text_time(text, length, &value->time, &out->why);
	case FH_TYPE_UUID:
		return schema_text_uuid(text, length, &value->uuid, &out->why);
	case FH_TYPE_BYTE:
		return read_bytes(text, length, run, out);
	case FH_TYPE_FILE:
		return SCHEMA_FILE_TYPE;
	case FH_TYPE_ENUM:
		return read_choice(node, text, length, &value->choice);
	default:
		return read_string(text, length, out);
	}
}

enum schema_wrong
schema_value_read(const struct schema_node *node, const char *text,
    size_t length, struct schema_run *run, struct schema_reading *out)
{
	enum schema_wrong wrong;

	out->why = "";
	out->length = 0;
	wrong = read_text(node, text, length, run, out);
	return wrong != SCHEMA_OK ? wrong :
	    schema_bounds_check(node, out, run);
}
