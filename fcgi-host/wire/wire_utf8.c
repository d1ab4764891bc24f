/*
 * wire_utf8.c - which bytes are UTF-8 (RFC 3629).
 *
 * Runs in: every process.
 * Owns: nothing.
 * Invariant: pure; nothing behind the end is looked at.
 */
#include "wire/wire_text.h"

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

size_t
wire_utf8_take(const char *text, const char *end, bool *good_out)
{
	const uint8_t *at = (const uint8_t *)text;
	const struct utf8_lead *lead = find_lead(*at);
	size_t n = 1;

	*good_out = *at < 0x80;
	if (lead == NULL)
		return 1;
	for (; n <= lead->follow; n++) {
		uint8_t min = n == 1 ? lead->second_min : 0x80;
		uint8_t max = n == 1 ? lead->second_max : 0xbf;

		if (text + n == end || at[n] < min || at[n] > max)
			return n;
	}
	*good_out = true;
	return n;
}

bool
wire_is_utf8(const char *text, size_t length)
{
	const char *end = text + length;
	bool good = true;

	while (good && text < end)
		text += wire_utf8_take(text, end, &good);
	return good;
}

ptrdiff_t
wire_utf8_count(const char *text, size_t length)
{
	const char *end = text + length;
	ptrdiff_t count = 0;
	bool good = true;

	for (; good && text < end; count++)
		text += (unsigned char)*text < 0x80 ? 1 :
		    wire_utf8_take(text, end, &good);
	return good ? count : -1;
}
