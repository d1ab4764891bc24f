/*
 * model_hash.h - SHA-256 of a model, as it is copied.
 */
#ifndef MODEL_MODEL_HASH_H
#define MODEL_MODEL_HASH_H

#include <stddef.h>

#include "common/err.h"

#define MODEL_HASH_TEXT	65	/* 64 hex digits and the NUL */

/* Set up by model_hash_begin(), released by model_hash_finish(). */
struct model_hash {
	struct evp_md_ctx_st	*context;
	int			 failed;
};

int	model_hash_begin(struct model_hash *, struct err *);
void	model_hash_add(struct model_hash *, const void *bytes, size_t length);

/* Writes the digest as lower-case hex; -1 if any step failed.  Releases the
 * hash in either case; `text_out` may be NULL, to give up. */
int	model_hash_finish(struct model_hash *, char text_out[MODEL_HASH_TEXT],
	    struct err *);

#endif
