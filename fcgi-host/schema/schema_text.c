/*
 * schema_text.c - texts as values: booleans, numbers, UUIDs, base64.
 *
 * Runs in: front, workers, call, cgi; zygote for what the tables hold.
 * Owns: nothing.
 * Invariant: all of a text is the value, or it is none: no blanks, no plus
 * sign, no other base, no wrapping round.
 */
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_number.h"

static bool
is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

enum schema_wrong
schema_text_boolean(const char *text, size_t length, bool *out)
{
	*out = is(text, length, "true") || is(text, length, "1");
	if (*out || is(text, length, "false") || is(text, length, "0"))
		return SCHEMA_OK;
	return SCHEMA_BOOL_PARSING;
}

static bool
are_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return length > 0;
}

/* Counted below zero, where there is one more. */
enum schema_wrong
schema_text_integer(const char *text, size_t length, int64_t *out)
{
	bool negative = length > 0 && text[0] == '-';
	int64_t value = 0;

	if (!are_digits(text + negative, length - negative))
		return SCHEMA_INT_PARSING;
	for (size_t i = negative; i < length; i++) {
		if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
		    __builtin_sub_overflow(value, (int64_t)(text[i] - '0'),
		    &value))
			return SCHEMA_INT_SIZE;
	}
	if (!negative && value == INT64_MIN)
		return SCHEMA_INT_SIZE;
	*out = negative ? value : -value;
	return SCHEMA_OK;
}

enum schema_wrong
schema_text_number(const char *text, size_t length, double *out)
{
	int rc = wire_parse_double(text, length, out);

	if (rc == 0)
		return SCHEMA_OK;
	return rc == -2 ? SCHEMA_FLOAT_SIZE : SCHEMA_FLOAT_PARSING;
}

/* ------------------------------------------------- UUIDs */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum schema_wrong
schema_text_uuid(const char *text, size_t length, struct fh_uuid *out,
    const char **why_out)
{
	static const char digits[] = "0123456789abcdef";
	size_t nibble = 0;

	*why_out = "it has 36 characters";
	if (length != 36)
		return SCHEMA_UUID_PARSING;
	for (size_t i = 0; i < length; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		int value = hex(text[i]);

		*why_out = "it is written 8-4-4-4-12 in hexadecimal digits";
		if (dash ? text[i] != '-' : value < 0)
			return SCHEMA_UUID_PARSING;
		out->text[i] = dash ? '-' : digits[value];
		if (dash)
			continue;
		out->bytes[nibble / 2] = (uint8_t)(nibble % 2 == 0 ?
		    value << 4 : out->bytes[nibble / 2] | value);
		nibble++;
	}
	out->text[length] = '\0';
	*why_out = "";
	return SCHEMA_OK;
}

/* ------------------------------------------------- base64 */

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four letters, of which `padding` are '='; -1: not so. */
static long
quartet(const char *text, size_t padding)
{
	long bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? sextet(text[i]) : 0;

		if (value < 0 || (i >= 4 - padding && text[i] != '='))
			return -1;
		bits = bits << 6 | value;
	}
	return bits;
}

/* RFC 4648, section 3.5: what the last letter has over must be zero. */
enum schema_wrong
schema_text_bytes(const char *text, size_t length, uint8_t *out,
    size_t *length_out, const char **why_out)
{
	size_t padding = 0, count = 0;

	*why_out = "its length is no multiple of 4";
	if (length % 4 != 0)
		return SCHEMA_BYTES_ENCODING;
	for (size_t i = 0; i < length; i += 4) {
		long bits;

		if (i + 4 == length)
			padding = text[i + 3] != '=' ? 0 :
			    text[i + 2] != '=' ? 1 : 2;
		*why_out = "it has a character that is not of base64";
		if ((bits = quartet(text + i, padding)) < 0)
			return SCHEMA_BYTES_ENCODING;
		*why_out = "its last letter has bits over";
		if ((bits & ((1L << 8 * padding) - 1)) != 0)
			return SCHEMA_BYTES_ENCODING;
		for (size_t k = 0; k < 3 - padding; k++)
			out[count++] = (uint8_t)(bits >> (16 - 8 * k));
	}
	*why_out = "";
	*length_out = count;
	return SCHEMA_OK;
}
