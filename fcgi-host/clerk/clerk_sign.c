/*
 * clerk_sign.c - a webhook's signature, standardwebhooks.com 1.0.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: pure; id, time and body are signed together.
 */
#include "clerk/clerk_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_text.h"

#define PREFIX	"whsec_"

static int
decode(const char *text, size_t length, struct clerk_secret *out)
{
	unsigned char bytes[CLERK_SECRET_MAX * 2];
	int got;

	if (length == 0 || length % 4 != 0 || length > CLERK_SECRET_MAX)
		return -1;
	got = EVP_DecodeBlock(bytes, (const unsigned char *)text,
	    (int)length);
	if (got < 0)
		return -1;
	got -= text[length - 1] == '=';
	got -= text[length - 2] == '=';
	memcpy(out->bytes, bytes, (size_t)got);
	out->length = (size_t)got;
	return got > 0 ? 0 : -1;
}

int
clerk_sign_secret(const char *text, size_t length, struct clerk_secret *out)
{
	struct wire_span span = { text, length };

	while (span.length > 0 && strchr(" \t\r\n", span.at[span.length - 1]))
		span.length--;
	span = wire_trim(span);
	memset(out, 0, sizeof(*out));
	if (span.length > strlen(PREFIX) &&
	    memcmp(span.at, PREFIX, strlen(PREFIX)) == 0)
		return decode(span.at + strlen(PREFIX),
		    span.length - strlen(PREFIX), out);
	if (span.length == 0 || span.length > CLERK_SECRET_MAX)
		return -1;
	memcpy(out->bytes, span.at, span.length);
	out->length = span.length;
	return 0;
}

int
clerk_sign(const struct clerk_secret *secret, const char *id,
    int64_t timestamp, const void *body, size_t length,
    char out[CLERK_SIGNATURE_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *text = malloc(length + 128);
	unsigned size = 0;
	int head;

	if (text == NULL)
		return -1;
	head = snprintf(text, 128, "%.64s.%lld.", id, (long long)timestamp);
	memcpy(text + head, body, length);
	if (HMAC(EVP_sha256(), secret->bytes, (int)secret->length,
	    (const unsigned char *)text, (size_t)head + length, digest,
	    &size) == NULL)
		size = 0;
	free(text);
	if (size == 0)
		return -1;
	memcpy(out, "v1,", 3);
	EVP_EncodeBlock((unsigned char *)out + 3, digest, (int)size);
	return 0;
}
