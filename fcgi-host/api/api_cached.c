/*
 * api_cached.c - a reply that is kept for equal requests, as it leaves.
 *
 * Runs in: front, workers.
 * Owns: nothing.
 * Invariant: only a whole reply with status 200 is kept, and none that says it
 * is for one client alone; the client that caused it gets the same bytes.
 */
#include "api/api_private.h"

#include <string.h>

#include "common/cached.h"
#include "common/clock.h"

static bool
has_conditions(const struct fh_request *rq)
{
	return fh_header(rq, "If-None-Match") != NULL ||
	    fh_header(rq, "If-Modified-Since") != NULL ||
	    fh_header(rq, "If-Match") != NULL ||
	    fh_header(rq, "If-Unmodified-Since") != NULL;
}

/* Where the host has not judged the conditions, the handler may have: what it
 * sends then may be less than the whole. */
static bool
may_keep(const struct fh_request *rq)
{
	if (rq->status != 200 || rq->cut || rq->flushed ||
	    rq->input->head_only || rq->fault[0] != '\0' ||
	    (!rq->judged && has_conditions(rq)))
		return false;
	for (size_t i = 0; i < rq->header_count; i++) {
		const struct api_header *header = &rq->headers[i];

		if (!cached_header_may((struct wire_span){ header->name,
		    header->name_length }, (struct wire_span){ header->value,
		    header->value_length }))
			return false;
	}
	return true;
}

/* False: it is too large, or there is no memory. */
static bool
put(struct fh_request *rq, const struct cached_reply *reply)
{
	const size_t size = cached_packed(reply);
	struct cache *cache = rq->thread->set->cache;
	struct cache_key key;
	struct cache_value value = { CACHE_BYTES, NULL, size,
	    rq->input->route->cache_ms, 0 };
	void *packed;

	if (cache == NULL || size > CACHE_VALUE_MAX ||
	    cache_key_make(&key, CACHE_SPACE_REPLY, "", rq->input->cache_key,
	    CACHED_KEY) < 0 ||
	    (packed = api_arena_alloc(&rq->arena, size)) == NULL)
		return false;
	cached_pack(reply, packed);
	value.bytes = packed;
	return cache_put(cache, &key, CACHE_SET, &value) == 0;
}

/* How long this request took is not said of others: it is the last line. */
static size_t
without_timing(const struct fh_request *rq, const char *head, size_t length)
{
	const char *line;

	if (!rq->timed)
		return length;
	line = memrchr(head, '\n', length - 3);
	return line == NULL ? length : (size_t)(line + 1 - head) + 2;
}

static bool
keep(struct fh_request *rq, struct cached_reply *reply)
{
	const size_t head_length = without_timing(rq, reply->head,
	    reply->head_length);
	const bool cut = head_length != reply->head_length;
	char *head = cut ? api_copy(rq, reply->head, head_length) : NULL;

	if (cut && head == NULL)
		return false;
	if (cut) {
		memcpy(head + head_length - 2, "\r\n", 2);
		reply->head = head;
		reply->head_length = head_length;
	}
	return put(rq, reply);
}

/* The header once more, with a line before its blank one (RFC 9211). */
static const char *
add_line(struct fh_request *rq, const char *head, size_t *length,
    const char *line)
{
	size_t line_length = strlen(line);
	char *longer;

	if (*length + line_length + 8 > rq->thread->header_limit)
		return head;
	longer = api_arena_alloc(&rq->arena, *length + line_length);
	if (longer == NULL)
		return head;
	memcpy(longer, head, *length - 2);
	memcpy(longer + *length - 2, line, line_length);
	memcpy(longer + *length - 2 + line_length, "\r\n", 2);
	*length += line_length;
	return longer;
}

const char *
api_cached(struct fh_request *rq, bool whole, const char *head,
    size_t *head_length, const void *body, size_t length)
{
	struct cached_reply reply = { head, body, *head_length, length,
	    clock_now_ms() };

	if (rq->input->cache_key == NULL)
		return head;
	return add_line(rq, head, head_length, whole && may_keep(rq) &&
	    keep(rq, &reply) ? "Cache-Status: fcgi-host; fwd=miss; stored\r\n" :
	    "Cache-Status: fcgi-host; fwd=miss\r\n");
}
