/*
 * hash.h - SHA-256 of a file, as it is copied.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define HASH_TEXT	65	/* 64 hex digits and the NUL */

/* Set up by hash_begin(), released by hash_finish(). */
struct hash {
	struct evp_md_ctx_st	*context;
	int			 failed;
};

int	hash_begin(struct hash *, struct err *);
void	hash_add(struct hash *, const void *bytes, size_t length);

/* Writes the digest as lower-case hex; -1 if any step failed.  Releases the
 * hash in either case; `text_out` may be NULL, to give up. */
int	hash_finish(struct hash *, char text_out[HASH_TEXT], struct err *);

/* All bytes of an open file, which has `size`: one that grows meanwhile is not
 * followed.  0, or -1 and why. */
int	hash_file(int fd, uint64_t size, char text_out[HASH_TEXT],
	    struct err *);

#endif
