/*
 * wire_text.c - the small grammars of HTTP: tokens, numbers, escapes, fields.
 *
 * Runs in: every process that reads a request or writes a reply.
 * Owns: nothing; a span points into the caller's text.
 * Invariant: no text needs a NUL at its end, and none is read beyond it.
 */
#include "wire/wire_text.h"

#include <string.h>

static bool
is_token_mark(unsigned char c)
{
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool
is_alphanumeric(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' &&
	    (c | 0x20) <= 'z');
}

bool
wire_is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!is_alphanumeric(c) && !is_token_mark(c))
			return false;
	}
	return length > 0;
}

bool
wire_is_field_value(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return true;
}

int
wire_parse_number(const char *text, size_t length, int64_t *value_out)
{
	int64_t value = 0;

	if (length == 0)
		return -1;
	for (size_t i = 0; i < length; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9 || value > INT64_MAX / 10 ||
		    value * 10 > INT64_MAX - digit)
			return -1;
		value = value * 10 + digit;
	}
	*value_out = value;
	return 0;
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
escapes_are_good(const char *text, size_t length)
{
	const char *end = text + length;
	const char *at = text;

	while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
		if (end - at < 3 || hex_digit(at[1]) < 0 ||
		    hex_digit(at[2]) < 0)
			return false;
		at += 3;
	}
	return true;
}

ptrdiff_t
wire_percent_decode(char *out, const char *text, size_t length,
    bool plus_is_space)
{
	char *to = out;

	if (length == 0)
		return 0;
	if (!escapes_are_good(text, length))
		return -1;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '%') {
			c = (char)(hex_digit(text[i + 1]) << 4 |
			    hex_digit(text[i + 2]));
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		*to++ = c;
	}
	return to - out;
}

size_t
wire_percent_encode(char *out, const char *text, size_t length,
    const char *stays)
{
	static const char hex[] = "0123456789ABCDEF";
	char *to = out;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_alphanumeric(c) ||
		    (c != '\0' && strchr(stays, c) != NULL)) {
			*to++ = text[i];
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return (size_t)(to - out);
}

/* The next piece of a list, split at its first '='; 0 at the list's end. */
static int
next_piece(const char **cursor, const char *end, char separator,
    struct wire_span *name_out, struct wire_span *value_out)
{
	const char *at = *cursor, *stop, *equals;

	if (at == end)
		return 0;
	stop = memchr(at, separator, (size_t)(end - at));
	*cursor = stop == NULL ? end : stop + 1;
	if (stop == NULL)
		stop = end;
	equals = memchr(at, '=', (size_t)(stop - at));
	name_out->at = at;
	name_out->length = (size_t)((equals == NULL ? stop : equals) - at);
	value_out->at = equals == NULL ? stop : equals + 1;
	value_out->length = (size_t)(stop - value_out->at);
	return 1;
}

int
wire_form_next(const char **cursor, const char *end,
    struct wire_span *name_out, struct wire_span *value_out)
{
	while (next_piece(cursor, end, '&', name_out, value_out) == 1) {
		if (name_out->at + name_out->length != value_out->at ||
		    name_out->length > 0)
			return 1;
	}
	return 0;
}

struct wire_span
wire_trim(struct wire_span span)
{
	while (span.length > 0 && (*span.at == ' ' || *span.at == '\t')) {
		span.at++;
		span.length--;
	}
	while (span.length > 0 && (span.at[span.length - 1] == ' ' ||
	    span.at[span.length - 1] == '\t'))
		span.length--;
	return span;
}

int
wire_cookie_next(const char **cursor, const char *end,
    struct wire_span *name_out, struct wire_span *value_out)
{
	while (next_piece(cursor, end, ';', name_out, value_out) == 1) {
		bool equals = name_out->at + name_out->length != value_out->at;

		*name_out = wire_trim(*name_out);
		*value_out = wire_trim(*value_out);
		if (!equals && name_out->length == 0)
			continue;
		if (value_out->length >= 2 && *value_out->at == '"' &&
		    value_out->at[value_out->length - 1] == '"') {
			value_out->at++;
			value_out->length -= 2;
		}
		return 1;
	}
	return 0;
}
