/*
 * access_base64.c - base64url as tokens have it (RFC 7515, section 2).
 *
 * Runs in: front, zygote, the tools.
 * Owns: nothing.
 * Invariant: bytes have one text: what is read could only have been written
 * so.  libcrypto's decoder takes blanks and whatever bits are left over.
 */
#include "access/access_private.h"

#define NONE	0xff

static uint8_t
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	return c == '-' ? 62 : c == '_' ? 63 : NONE;
}

ptrdiff_t
access_base64(uint8_t *out, const char *text, size_t length)
{
	uint32_t bits = 0;
	unsigned have = 0;
	ptrdiff_t count = 0;

	if (length % 4 == 1)
		return -1;
	for (size_t i = 0; i < length; i++) {
		uint8_t value = value_of(text[i]);

		if (value == NONE)
			return -1;
		bits = bits << 6 | value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[count++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	return bits == 0 ? count : -1;
}
