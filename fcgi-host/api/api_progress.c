/*
 * api_progress.c - what a handler says of how far it is.
 *
 * Runs in: workers.
 * Owns: nothing.
 * Invariant: a word and a copy; who wants to know is told by the sink.
 */
#include "api/api_private.h"

void
fh_progress(struct fh_request *rq, int64_t done, int64_t total,
    const char *text)
{
	struct api_sink *sink = rq->sink;

	if (sink != NULL && sink->progress != NULL)
		sink->progress(sink, done, total, text == NULL ? "" : text);
}
