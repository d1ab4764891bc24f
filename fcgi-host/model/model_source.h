/*
 * model_source.h - the file a model is made from, read once and watched for
 * changes while it is read.
 */
#ifndef MODEL_MODEL_SOURCE_H
#define MODEL_MODEL_SOURCE_H

#include "common/err.h"
#include "common/hash.h"
#include "model/model.h"
#include "model/model_memory.h"

struct model_source {
	const char		*path;		/* the caller's */
	int			 fd;		/* -1: closed */
	struct model_identity	 identity;	/* when it was opened */
};

/* Opens a regular file that is not empty; never waits for a FIFO's writer. */
int	model_source_open(const char *path, struct model_source *out,
	    struct err *);

/*
 * Copies all of it to the start of `memory`, which is at least as large, and
 * hashes what arrived there.  The file's pages are dropped from the page cache
 * behind the copy, so that the model is not in memory twice.  -1 also when the
 * file changed meanwhile.
 */
int	model_source_copy(const struct model_source *, struct model_memory *,
	    char sha256_out[HASH_TEXT], struct err *);

/* Only hashes it, and leaves its pages in the cache for who reads it next. */
int	model_source_hash(const struct model_source *,
	    char sha256_out[HASH_TEXT], struct err *);

void	model_source_close(struct model_source *);

#endif
