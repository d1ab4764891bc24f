/*
 * schema_fault.c - what is wrong with a value, in words.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: the types and sentences, which are pydantic's where it has them, so
 * that clients written for FastAPI understand them.
 * Invariant: what comes out is valid UTF-8, and JSON where it is to be.
 */
#include <stdio.h>
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_number.h"
#include "wire/wire_text.h"

/* What a sentence ends with, and what stands in `ctx`. */
enum measure {
	NOTHING,
	WHY,			/* "error": why it cannot be read */
	BOUND,			/* one of enum schema_bound */
	LEAST,			/* min_length */
	MOST,			/* max_length */
	PATTERN,
	EXPECTED
};

static const struct words {
	const char	*type;
	const char	*message;
	enum measure	 measure;
	const char	*name;		/* in ctx; of a length what it is in */
	int		 bound;
} words[] = {
	[SCHEMA_MISSING] = { .type = "missing",
	    .message = "Field required" },
	[SCHEMA_REPEATED] = { .type = "repeated",
	    .message = "Field was given more than once" },
	[SCHEMA_EXTRA] = { .type = "extra_forbidden",
	    .message = "Extra inputs are not permitted" },
	[SCHEMA_BOOL_TYPE] = { .type = "bool_type",
	    .message = "Input should be a valid boolean" },
	[SCHEMA_BOOL_PARSING] = { .type = "bool_parsing",
	    .message = "Input should be a valid boolean, unable to interpret "
	    "input" },
	[SCHEMA_INT_TYPE] = { .type = "int_type",
	    .message = "Input should be a valid integer" },
	[SCHEMA_INT_PARSING] = { .type = "int_parsing",
	    .message = "Input should be a valid integer, unable to parse "
	    "string as an integer" },
	[SCHEMA_INT_SIZE] = { .type = "int_parsing_size",
	    .message = "Unable to parse input as an integer, exceeded "
	    "maximum size" },
	[SCHEMA_INT_FRACTION] = { .type = "int_from_float",
	    .message = "Input should be a valid integer, got a number with "
	    "a fractional part" },
	[SCHEMA_FLOAT_TYPE] = { .type = "float_type",
	    .message = "Input should be a valid number" },
	[SCHEMA_FLOAT_PARSING] = { .type = "float_parsing",
	    .message = "Input should be a valid number, unable to parse "
	    "string as a number" },
	[SCHEMA_FLOAT_SIZE] = { .type = "finite_number",
	    .message = "Input should be a finite number" },
	[SCHEMA_STRING_TYPE] = { .type = "string_type",
	    .message = "Input should be a valid string" },
	[SCHEMA_STRING_UNICODE] = { .type = "string_unicode",
	    .message = "Input should be a valid string, unable to parse raw "
	    "data as a unicode string" },
	[SCHEMA_STRING_NUL] = { .type = "string_nul",
	    .message = "String should not have a NUL in it" },
	[SCHEMA_STRING_SHORT] = { .type = "string_too_short",
	    .message = "String should have at least ", .measure = LEAST,
	    .name = "character" },
	[SCHEMA_STRING_LONG] = { .type = "string_too_long",
	    .message = "String should have at most ", .measure = MOST,
	    .name = "character" },
	[SCHEMA_STRING_PATTERN] = { .type = "string_pattern_mismatch",
	    .message = "String should match pattern ", .measure = PATTERN },
	[SCHEMA_DATE_TYPE] = { .type = "date_type",
	    .message = "Input should be a valid date" },
	[SCHEMA_DATE_PARSING] = { .type = "date_parsing",
	    .message = "Input should be a valid date in the format "
	    "YYYY-MM-DD, ", .measure = WHY },
	[SCHEMA_TIME_TYPE] = { .type = "datetime_type",
	    .message = "Input should be a valid datetime" },
	[SCHEMA_TIME_PARSING] = { .type = "datetime_parsing",
	    .message = "Input should be a valid datetime, ",
	    .measure = WHY },
	[SCHEMA_UUID_TYPE] = { .type = "uuid_type",
	    .message = "UUID input should be a string" },
	[SCHEMA_UUID_PARSING] = { .type = "uuid_parsing",
	    .message = "Input should be a valid UUID, ", .measure = WHY },
	[SCHEMA_BYTES_TYPE] = { .type = "bytes_type",
	    .message = "Input should be valid bytes, as base64" },
	[SCHEMA_BYTES_ENCODING] = { .type = "bytes_invalid_encoding",
	    .message = "Data should be valid base64: ", .measure = WHY },
	[SCHEMA_BYTES_SHORT] = { .type = "bytes_too_short",
	    .message = "Data should have at least ", .measure = LEAST,
	    .name = "byte" },
	[SCHEMA_BYTES_LONG] = { .type = "bytes_too_long",
	    .message = "Data should have at most ", .measure = MOST,
	    .name = "byte" },
	[SCHEMA_ENUM] = { .type = "enum", .message = "Input should be ",
	    .measure = EXPECTED },
	[SCHEMA_LIST_TYPE] = { .type = "list_type",
	    .message = "Input should be a valid list" },
	[SCHEMA_LIST_SHORT] = { .type = "too_short",
	    .message = "List should have at least ", .measure = LEAST,
	    .name = "item" },
	[SCHEMA_LIST_LONG] = { .type = "too_long",
	    .message = "List should have at most ", .measure = MOST,
	    .name = "item" },
	[SCHEMA_OBJECT_TYPE] = { .type = "model_attributes_type",
	    .message = "Input should be a valid object" },
	[SCHEMA_FILE_TYPE] = { .type = "file_type",
	    .message = "Input should be a file" },
	[SCHEMA_FILE_SHORT] = { .type = "file_too_small",
	    .message = "File should have at least ", .measure = LEAST,
	    .name = "byte" },
	[SCHEMA_FILE_LONG] = { .type = "file_too_large",
	    .message = "File should have at most ", .measure = MOST,
	    .name = "byte" },
	[SCHEMA_FILE_MEDIA] = { .type = "file_media_type",
	    .message = "File should be of type ", .measure = EXPECTED },
	[SCHEMA_BELOW_MIN] = { .type = "greater_than_equal",
	    .message = "Input should be greater than or equal to ",
	    .measure = BOUND, .name = "ge", .bound = SCHEMA_MIN },
	[SCHEMA_ABOVE_MAX] = { .type = "less_than_equal",
	    .message = "Input should be less than or equal to ",
	    .measure = BOUND, .name = "le", .bound = SCHEMA_MAX },
	[SCHEMA_NOT_ABOVE] = { .type = "greater_than",
	    .message = "Input should be greater than ",
	    .measure = BOUND, .name = "gt", .bound = SCHEMA_ABOVE },
	[SCHEMA_NOT_BELOW] = { .type = "less_than",
	    .message = "Input should be less than ",
	    .measure = BOUND, .name = "lt", .bound = SCHEMA_BELOW }
};

const char *
schema_fault_type(const struct schema_fault *fault)
{
	return words[fault->wrong].type;
}

/* The length that was not kept; that of a list may be the host's own bound. */
static size_t
measured(const struct schema_fault *fault)
{
	const struct schema_node *node = fault->node;

	if (words[fault->wrong].measure == LEAST)
		return node->min_length;
	if (node->max_length != 0 && fault->actual > node->max_length)
		return node->max_length;
	return fault->wrong == SCHEMA_LIST_LONG ? fault->length :
	    node->max_length;
}

void
schema_fault_message(const struct schema_fault *fault, char *out, size_t size)
{
	const struct words *word = &words[fault->wrong];
	size_t count;

	switch (word->measure) {
	case LEAST:
	case MOST:
		count = measured(fault);
		snprintf(out, size, "%s%zu %s%s", word->message, count,
		    word->name, count == 1 ? "" : "s");
		break;
	case BOUND:
		snprintf(out, size, "%s%s", word->message,
		    fault->node->bounds[word->bound]);
		break;
	case PATTERN:
		snprintf(out, size, "%s'%s'", word->message,
		    fault->node->pattern);
		break;
	case EXPECTED:
		snprintf(out, size, "%s%s", word->message,
		    fault->node->expected);
		break;
	default:
		snprintf(out, size, "%s%s", word->message,
		    word->measure == WHY ? fault->why : "");
	}
}

/* ------------------------------------------------- ctx */

/* {"name":"text"}; "" if there is not the room. */
static void
put_quoted(char *out, size_t size, const char *name, const char *text)
{
	int n = snprintf(out, size, "{\"%s\":\"", name);
	ptrdiff_t length;

	if (n < 0 || (size_t)n + 3 > size) {
		out[0] = '\0';
		return;
	}
	length = wire_json_escape(out + n, size - (size_t)n - 3, text,
	    strlen(text));
	if (length < 0)
		out[0] = '\0';
	else
		memcpy(out + n + length, "\"}", 3);
}

static void
put_number(char *out, size_t size, const char *name,
    const struct schema_node *node, int bound)
{
	char number[WIRE_NUMBER_MAX + 1], *end;

	if (node->type == FH_TYPE_INTEGER)
		end = wire_put_integer(number, node->limits[bound].integer);
	else
		end = wire_put_double(number, node->limits[bound].number);
	*end = '\0';
	snprintf(out, size, "{\"%s\":%s}", name, number);
}

static void
put_bound(char *out, size_t size, const struct words *word,
    const struct schema_node *node)
{
	if (node->type == FH_TYPE_INTEGER || node->type == FH_TYPE_NUMBER)
		put_number(out, size, word->name, node, word->bound);
	else
		put_quoted(out, size, word->name, node->bounds[word->bound]);
}

static void
put_length(char *out, size_t size, const struct schema_fault *fault)
{
	const char *name = words[fault->wrong].measure == LEAST ?
	    "min_length" : "max_length";

	if (fault->node->type == FH_TYPE_ARRAY)
		snprintf(out, size, "{\"field_type\":\"List\",\"%s\":%zu,"
		    "\"actual_length\":%zu}", name, measured(fault),
		    fault->actual);
	else if (fault->node->type == FH_TYPE_FILE)
		snprintf(out, size, "{\"%s\":%zu,\"actual_length\":%zu}", name,
		    measured(fault), fault->actual);
	else
		snprintf(out, size, "{\"%s\":%zu}", name, measured(fault));
}

void
schema_fault_context(const struct schema_fault *fault, char *out, size_t size)
{
	const struct words *word = &words[fault->wrong];

	out[0] = '\0';
	switch (word->measure) {
	case LEAST:
	case MOST:
		put_length(out, size, fault);
		break;
	case BOUND:
		put_bound(out, size, word, fault->node);
		break;
	case PATTERN:
		put_quoted(out, size, "pattern", fault->node->pattern);
		break;
	case EXPECTED:
		put_quoted(out, size, "expected", fault->node->expected);
		break;
	case WHY:
		put_quoted(out, size, "error", fault->why);
		break;
	case NOTHING:
		break;
	}
}
