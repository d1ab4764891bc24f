/*
 * wire_json.c - any bytes as the inside of a JSON string (RFC 8259, section 7).
 *
 * Runs in: every process that answers with a problem document.
 * Owns: nothing.
 * Invariant: what is written is valid UTF-8 and valid JSON between two quotes.
 */
#include "wire/wire_text.h"

#include <string.h>

/* The escape of an ASCII character in `out`; 0 when it needs none. */
static size_t
escape_ascii(char out[6], uint8_t c)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	static const char hex[] = "0123456789abcdef";
	const char *found = c == '\0' ? NULL : strchr(plain, c);

	if (found != NULL) {
		out[0] = '\\';
		out[1] = letter[found - plain];
		return 2;
	}
	if (c >= ' ')
		return 0;
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

/* Does this byte stand for itself, whatever is around it? */
static bool
is_plain(uint8_t c)
{
	return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

#define EVERY	((uint64_t)0x0101010101010101)
#define TOPS	(0x80 * EVERY)

/* Has a byte that is 0?  (Its top bit is set then; H. Warren, 6-1.) */
static uint64_t
zero_bytes(uint64_t word)
{
	return (word - EVERY) & ~word & TOPS;
}

/* Are these eight bytes all plain? */
static bool
are_plain(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return ((word | (word - ' ' * EVERY)) & TOPS) == 0 &&
	    (zero_bytes(word ^ '"' * EVERY) |
	    zero_bytes(word ^ '\\' * EVERY)) == 0;
}

static size_t
plain_run(const uint8_t *at, size_t length)
{
	size_t n = 0;

	while (length - n >= sizeof(uint64_t) && are_plain(at + n))
		n += sizeof(uint64_t);
	while (n < length && is_plain(at[n]))
		n++;
	return n;
}

/* What is at `at`, which is not plain, as it is written in a string. */
static size_t
escape_one(const uint8_t *at, const uint8_t *end, char escape[6],
    const char **piece_out, size_t *length_out)
{
	bool good;
	size_t taken = wire_utf8_take((const char *)at, (const char *)end,
	    &good);

	*piece_out = (const char *)at;
	*length_out = taken;
	if (!good) {
		*piece_out = "\xef\xbf\xbd";
		*length_out = 3;
	} else if (taken == 1) {
		*length_out = escape_ascii(escape, *at);
		*piece_out = *length_out == 0 ? (const char *)at : escape;
		if (*length_out == 0)
			*length_out = 1;
	}
	return taken;
}

size_t
wire_json_escape_some(char *out, size_t size, const char **cursor,
    const char *text_end)
{
	const uint8_t *at = (const uint8_t *)*cursor;
	const uint8_t *end = (const uint8_t *)text_end;
	char *to = out, escape[6];
	const char *piece;

	while (at < end) {
		size_t left = size - (size_t)(to - out), n, taken;
		size_t most = (size_t)(end - at);

		n = plain_run(at, most < left ? most : left);
		memcpy(to, at, n);
		to += n;
		at += n;
		left -= n;
		if (at == end || (n > 0 && is_plain(*at)))
			continue;
		taken = escape_one(at, end, escape, &piece, &n);
		if (n > left)
			break;
		memcpy(to, piece, n);
		to += n;
		at += taken;
	}
	*cursor = (const char *)at;
	return (size_t)(to - out);
}

ptrdiff_t
wire_json_escape(char *out, size_t size, const char *text, size_t length)
{
	const char *cursor = text, *end = text + length;
	size_t n = wire_json_escape_some(out, size, &cursor, end);

	return cursor == end ? (ptrdiff_t)n : -1;
}
