/*
 * hash.c - SHA-256 of a file, as it is copied.
 *
 * Runs in: loader (models), stage and zygote (handlers).
 * Owns: the libcrypto context between begin and finish.
 * Invariant: a digest is given out only if every byte went into it.
 */
#include "common/hash.h"

#include <openssl/evp.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int
hash_begin(struct hash *hash, struct err *err)
{
	hash->failed = 0;
	hash->context = EVP_MD_CTX_new();
	if (hash->context != NULL &&
	    EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) == 1)
		return 0;
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
	return err_set(err, "libcrypto has no SHA-256");
}

void
hash_add(struct hash *hash, const void *bytes, size_t length)
{
	if (EVP_DigestUpdate(hash->context, bytes, length) != 1)
		hash->failed = 1;
}

int
hash_finish(struct hash *hash, char text_out[HASH_TEXT],
    struct err *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (EVP_DigestFinal_ex(hash->context, digest, &length) != 1 ||
	    length * 2 + 1 != HASH_TEXT)
		hash->failed = 1;
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
	if (hash->failed)
		return err_set(err, "libcrypto could not make a SHA-256");
	if (text_out == NULL)
		return 0;
	for (unsigned int i = 0; i < length; i++)
		snprintf(text_out + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static int
add_file(struct hash *hash, int fd, uint64_t size, struct err *err)
{
	char buffer[65536];
	off_t at = 0;
	ssize_t got;

	while ((uint64_t)at < size &&
	    (got = pread(fd, buffer, sizeof(buffer), at)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot be read");
		hash_add(hash, buffer, (size_t)got);
		at += got;
	}
	return 0;
}

int
hash_file(int fd, uint64_t size, char text_out[HASH_TEXT], struct err *err)
{
	struct hash hash;
	int rc;

	if (hash_begin(&hash, err) < 0)
		return -1;
	rc = add_file(&hash, fd, size, err);
	return hash_finish(&hash, rc < 0 ? NULL : text_out,
	    rc < 0 ? NULL : err) < 0 ? -1 : rc;
}
