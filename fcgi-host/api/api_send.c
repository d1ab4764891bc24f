/*
 * api_send.c - collects a body, and gives it to the sink with its header.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: `space`, where a body is collected.
 * Invariant: the header leaves once and first; no more than the announced
 * bytes follow it; HEAD, 204 and 304 have no body.  After a failed send the
 * sink is not called again.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_text.h"

#define FAST_BLOCK	1024

static bool
has_no_body(const struct fh_request *rq)
{
	return rq->muted || rq->input->head_only ||
	    !wire_status_has_body(rq->status);
}

/* How much of `length` bytes the announced length leaves room for. */
static size_t
within_declared(struct fh_request *rq, size_t length)
{
	uint64_t left;

	if (rq->declared < 0)
		return length;
	left = (uint64_t)rq->declared - rq->sent;
	if (length <= left)
		return length;
	if (!rq->cut)
		api_log(rq, LOG_LEVEL_WARN, "the body is longer than its "
		    "Content-Length of %lld: cut",
		    (long long)rq->declared);
	rq->cut = true;
	return (size_t)left;
}

static int
give(struct fh_request *rq, const char *head, size_t head_length,
    const void *bytes, size_t length)
{
	if (head == NULL && length == 0)
		return 0;
	rq->left = rq->fixed = true;
	if (rq->sink->send(rq->sink, head, head_length, bytes, length) != 0) {
		rq->broken = true;
		errno = EPIPE;
		return -1;
	}
	rq->sent += length;
	return 0;
}

int
api_send(struct fh_request *rq, const void *bytes, size_t length, bool whole)
{
	char fast[FAST_BLOCK];
	const char *head = NULL;
	size_t head_length = 0;

	if (rq->broken) {
		errno = EPIPE;
		return -1;
	}
	if (!rq->left && api_condition_is_due(rq, rq->status))
		api_condition_at_last(rq);
	if (has_no_body(rq))
		length = 0;
	else
		length = within_declared(rq, length);
	if (!rq->left) {
		head = api_header_block(rq, whole, length, fast, sizeof(fast),
		    &head_length);
		if (head == NULL)
			return -1;
		head = api_cached(rq, whole, head, &head_length, bytes,
		    length);
	}
	return give(rq, head, head_length, bytes, length);
}

/* ------------------------------------------------- collecting */

static int
reserve(struct fh_request *rq, size_t need)
{
	size_t size = rq->space_size;
	char *space;

	if (need <= size)
		return 0;
	while (size < need)
		size *= 2;
	if ((space = realloc(rq->space, size)) == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	rq->space = space;
	rq->space_size = size;
	return 0;
}

static int
collect(struct fh_request *rq, const void *bytes, size_t length)
{
	if (reserve(rq, rq->collected + length) != 0)
		return -1;
	if (length > 0)
		memcpy(rq->space + rq->collected, bytes, length);
	rq->collected += length;
	return 0;
}

/* What is over the space goes out, or cannot go out at all. */
static int
overflow(struct fh_request *rq, const void *bytes, size_t length)
{
	size_t collected = rq->collected;

	if (!rq->sink->streams)
		return api_fault(rq, EMSGSIZE, "the reply is longer than the "
		    "%zu bytes that a sync route may send "
		    "(sync_reply_limit)", rq->sink->space);
	rq->collected = 0;
	if ((collected > 0 || length == 0) &&
	    api_send(rq, rq->space, collected, false) != 0)
		return -1;
	if (length > rq->sink->space)
		return api_send(rq, bytes, length, false);
	return collect(rq, bytes, length);
}

/* Without a body only the count matters: a HEAD says what a GET would. */
static int
push_nothing(struct fh_request *rq)
{
	if (rq->left || rq->written <= rq->sink->space)
		return 0;
	return overflow(rq, "", 0);
}

int
api_reply_state(const struct fh_request *rq)
{
	if (rq->sink == NULL || rq->broken || rq->header_only) {
		errno = EPIPE;
		return -1;
	}
	if (rq->fault[0] != '\0') {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

int
api_reply_push(struct fh_request *rq, const void *bytes, size_t length)
{
	if (api_reply_state(rq) != 0)
		return -1;
	api_timing_first(rq);
	rq->replied = true;
	rq->written += length;
	if (rq->input->head_only)
		return push_nothing(rq);
	if (rq->collected + length <= rq->sink->space)
		return collect(rq, bytes, length);
	return overflow(rq, bytes, length);
}

int
fh_write(struct fh_request *rq, const void *bytes, size_t length)
{
	return api_reply_push(rq, bytes, length);
}

/* ------------------------------------------------- in place */

size_t
api_reply_room(const struct fh_request *rq)
{
	size_t room = rq->space_size - rq->collected;

	if (rq->sink == NULL || rq->broken || rq->fault[0] != '\0' ||
	    rq->input->head_only || (rq->timed && rq->first_ns == 0) ||
	    rq->collected >= rq->sink->space)
		return 0;
	if (room > rq->sink->space - rq->collected)
		room = rq->sink->space - rq->collected;
	return room;
}

char *
api_reply_at(struct fh_request *rq)
{
	return rq->space + rq->collected;
}

void
api_reply_took(struct fh_request *rq, size_t length)
{
	rq->collected += length;
	rq->written += length;
	rq->replied = true;
}

/* ------------------------------------------------- formatted */

static int __attribute__((format(printf, 2, 0)))
print_aside(struct fh_request *rq, const char *format, va_list ap,
    size_t length)
{
	char *text = malloc(length + 1);
	int rc;

	if (text == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	vsnprintf(text, length + 1, format, ap);
	rc = api_reply_push(rq, text, length);
	free(text);
	return rc;
}

int
fh_vprintf(struct fh_request *rq, const char *format, va_list ap)
{
	size_t room = api_reply_room(rq);
	va_list again;
	int length, rc;

	va_copy(again, ap);
	length = vsnprintf(room == 0 ? NULL : rq->space + rq->collected, room,
	    format, ap);
	if (length < 0) {
		rc = -1;
	} else if ((size_t)length < room) {
		api_reply_took(rq, (size_t)length);
		rc = 0;
	} else {
		rc = print_aside(rq, format, again, (size_t)length);
	}
	va_end(again);
	return rc;
}

int
fh_printf(struct fh_request *rq, const char *format, ...)
{
	va_list ap;
	int rc;

	va_start(ap, format);
	rc = fh_vprintf(rq, format, ap);
	va_end(ap);
	return rc;
}

/* ------------------------------------------------- flush */

int
fh_flush(struct fh_request *rq)
{
	size_t collected = rq->collected;

	if (api_reply_state(rq) != 0)
		return -1;
	rq->replied = rq->fixed = true;
	if (!rq->sink->streams)
		return 0;
	rq->flushed = true;
	rq->collected = 0;
	if (api_send(rq, rq->space, collected, false) != 0)
		return -1;
	if (rq->sink->flush(rq->sink) != 0) {
		rq->broken = true;
		errno = EPIPE;
		return -1;
	}
	return 0;
}
