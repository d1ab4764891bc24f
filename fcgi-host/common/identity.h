/*
 * identity.h - who sent a request, as bytes on their way to its handler.
 *
 * Four texts, each with its NUL: the section auth, the name, the scopes, the
 * claims.  The front writes it, shared memory carries it beside the request's
 * parameters, api/ reads it.
 */
#ifndef COMMON_IDENTITY_H
#define COMMON_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/fcgi-host/identity.h"

/* No credential is longer than this, and what it becomes is not either. */
#define IDENTITY_CREDENTIAL_MAX	8192
#define IDENTITY_MAX	(IDENTITY_CREDENTIAL_MAX + 2048)

/* Returns its length, or 0 when `size` is too small.  The texts have no NUL
 * inside; scopes have one blank between them. */
size_t	identity_put(uint8_t *out, size_t size, const struct fh_identity *);

/* The texts stay where they are.  -1: it is none. */
int	identity_get(const uint8_t *bytes, size_t length,
	    struct fh_identity *out);

/* Is `scope`, of `length` bytes, one of the words of `scopes`? */
bool	identity_has_scope(const char *scopes, const char *scope,
	    size_t length);

/* Has it all the words of `wanted`? */
bool	identity_has_scopes(const char *scopes, const char *wanted);

#endif
