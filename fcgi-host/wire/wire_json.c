/*
 * wire_json.c - any bytes as the inside of a JSON string (RFC 8259, section 7).
 *
 * Runs in: every process that answers with a problem document.
 * Owns: nothing.
 * Invariant: what is written is valid UTF-8 and valid JSON between two quotes.
 */
#include "wire/wire_text.h"

#include <string.h>

/* What may follow a first byte of UTF-8 (Unicode 3.9, table 3-7). */
struct utf8_lead {
	uint8_t	first;
	uint8_t	last;
	uint8_t	follow;		/* how many bytes follow */
	uint8_t	second_min;
	uint8_t	second_max;
};

static const struct utf8_lead leads[] = {
	{ 0xc2, 0xdf, 1, 0x80, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },		/* no surrogates */
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f }		/* up to U+10FFFF */
};

static const struct utf8_lead *
find_lead(uint8_t byte)
{
	if (byte < 0x80)
		return NULL;
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	}
	return NULL;
}

/*
 * How many bytes at `at` are one character (*good_out true), or are to be
 * replaced as one.
 */
static size_t
utf8_take(const uint8_t *at, const uint8_t *end, bool *good_out)
{
	const struct utf8_lead *lead = find_lead(*at);
	size_t n = 1;

	*good_out = *at < 0x80;
	if (lead == NULL)
		return 1;
	for (; n <= lead->follow; n++) {
		uint8_t min = n == 1 ? lead->second_min : 0x80;
		uint8_t max = n == 1 ? lead->second_max : 0xbf;

		if (at + n == end || at[n] < min || at[n] > max)
			return n;
	}
	*good_out = true;
	return n;
}

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

ptrdiff_t
wire_json_escape(char *out, size_t size, const char *text, size_t length)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + length;
	char *to = out;

	while (at < end) {
		char escape[6];
		const char *piece = (const char *)at;
		bool good;
		size_t taken = utf8_take(at, end, &good), n = taken;

		if (!good) {
			piece = "\xef\xbf\xbd";
			n = 3;
		} else if (n == 1 && (n = escape_ascii(escape, *at)) > 0) {
			piece = escape;
		} else if (n == 0) {
			n = 1;
		}
		if (n > size - (size_t)(to - out))
			return -1;
		memcpy(to, piece, n);
		to += n;
		at += taken;
	}
	return to - out;
}
