/*
 * access_known.c - credentials that were good a moment ago.
 *
 * Runs in: front.
 * Owns: struct access_known.
 * Invariant: what is found was verified by this process, for this section, and
 * is valid now.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

#include "access/access_private.h"

void
access_known_digest(const struct access_known *known, uint32_t section,
    const char *credential, size_t length, uint8_t out[ACCESS_DIGEST])
{
	uint8_t key[ACCESS_DIGEST + sizeof(section)];
	unsigned written = 0;

	memcpy(key, known->salt, ACCESS_DIGEST);
	memcpy(key + ACCESS_DIGEST, &section, sizeof(section));
	if (HMAC(EVP_sha256(), key, sizeof(key), (const uint8_t *)credential,
	    length, out, &written) == NULL)
		memset(out, 0, ACCESS_DIGEST);
	OPENSSL_cleanse(key, sizeof(key));
}

static struct access_known_one *
place_of(struct access_known *known, const uint8_t digest[ACCESS_DIGEST])
{
	uint32_t number;

	memcpy(&number, digest, sizeof(number));
	return &known->list[number % ACCESS_KNOWN];
}

const struct access_known_one *
access_known_find(struct access_known *known,
    const uint8_t digest[ACCESS_DIGEST], uint32_t section, int64_t wall_s)
{
	const struct access_known_one *one = place_of(known, digest);

	if (one->identity == NULL || one->section != section ||
	    wall_s >= one->ends_s || wall_s < one->begins_s ||
	    CRYPTO_memcmp(one->digest, digest, ACCESS_DIGEST) != 0)
		return NULL;
	return one;
}

static void
clear(struct access_known_one *one)
{
	access_file_free((char *)one->identity, one->length);
	*one = (struct access_known_one){ .identity = NULL };
}

int
access_known_put(struct access_known *known,
    const uint8_t digest[ACCESS_DIGEST], uint32_t section, int64_t begins_s,
    int64_t ends_s, const uint8_t *identity, size_t length)
{
	struct access_known_one *one = place_of(known, digest);
	uint8_t *copy = malloc(length);

	if (copy == NULL)
		return -1;
	memcpy(copy, identity, length);
	clear(one);
	*one = (struct access_known_one){ .section = section,
	    .begins_s = begins_s, .ends_s = ends_s, .identity = copy,
	    .length = length };
	memcpy(one->digest, digest, ACCESS_DIGEST);
	return 0;
}

void
access_known_forget(struct access_known *known)
{
	for (size_t i = 0; i < ACCESS_KNOWN; i++)
		clear(&known->list[i]);
	OPENSSL_cleanse(known->salt, sizeof(known->salt));
}
