/*
 * wrk_sink.c - a reply's way into the reply space, and the front's attention.
 *
 * Runs in: worker, the thread that serves the request.
 * Owns: the bytes of one reply slot's space that the front has not consumed.
 * Invariant: `written` - `consumed` never exceeds the space; a thread waits
 * only while somebody reads the reply, and there is a front.
 */
#include <sys/stat.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/futex.h"
#include "worker/wrk.h"

#define PROGRESS_MS	100	/* between two words to the front */

/* It has no type.  A handler that closed it may have a file of its own there,
 * into which we must not write; the supervisor sees that and ends us. */
static bool
is_event(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

void
wrk_wake_front(struct wrk *wrk)
{
	int event = wrk->start->fds[SPAWN_FD_EVENT];
	const uint64_t one = 1;
	uint32_t asleep = atomic_load(&wrk->shm->state->asleep);

	/* Waking takes a while: once for each of its sleeps is enough. */
	if (asleep == 0 || atomic_exchange(&wrk->rung, asleep) == asleep)
		return;
	if (is_event(event) && write(event, &one, sizeof(one)) < 0)
		return;		/* full: the front is awake by then */
}

void
wrk_tell_front(struct wrk *wrk, uint32_t slot)
{
	struct shm_reply *reply = shm_reply(wrk->shm, wrk->start->slot, slot);
	uint32_t at;

	if (atomic_exchange(&reply->flagged, 1) == 0) {
		at = atomic_fetch_add(&wrk->window->news_tail, 1);
		atomic_store(&wrk->window->news[at % wrk->pool->news_size],
		    slot + 1);
	}
	wrk_wake_front(wrk);
}

void
wrk_sink_publish(struct wrk_sink *sink)
{
	atomic_store(&sink->reply->written, sink->written);
}

static uint64_t
room(const struct wrk_sink *sink)
{
	return sink->wrk->start->geometry->reply_space -
	    (sink->written - atomic_load(&sink->reply->consumed));
}

static bool
nobody_reads(const struct wrk_sink *sink)
{
	return atomic_load(&sink->job->cancelled) == SHM_CANCELLED_NOBODY ||
	    atomic_load(&sink->wrk->shm->state->drain) != 0;
}

/* 0 when there is room, -1 when nobody reads any more. */
static int
wait_for_room(struct wrk_sink *sink)
{
	struct shm_reply *reply = sink->reply;
	uint32_t seen;

	wrk_sink_publish(sink);
	wrk_tell_front(sink->wrk, sink->slot);
	atomic_store(&reply->waits, SHM_WAITS_ROOM);
	for (;;) {
		seen = atomic_load(&reply->room);
		if (nobody_reads(sink) || room(sink) > 0)
			break;
		futex_wait(&reply->room, seen, 0);
	}
	atomic_store(&reply->waits, SHM_WAITS_NOT);
	return nobody_reads(sink) ? -1 : 0;
}

static bool
sink_ending(const struct api_sink *base)
{
	const struct wrk_sink *sink = (const struct wrk_sink *)base;

	return wrk_leaving(sink->wrk);
}

/* Is there nothing to look at yet? */
static bool
may_sleep(const struct wrk_sink *sink, const struct api_wait *wait)
{
	const struct route *routes = sink->wrk->start->set->routes;

	return atomic_load(&sink->job->cancelled) == SHM_CANCELLED_NOT &&
	    !nobody_reads(sink) &&
	    !(routes[sink->job->route].stream && wrk_leaving(sink->wrk)) &&
	    api_notify_count(wait->topics) == wait->heard;
}

/* The front counts `room` up for whatever it wants looked at, and we look after
 * we have read it: one of the two sees the other. */
static int
sink_wait(struct api_sink *base, const struct api_wait *wait)
{
	struct wrk_sink *sink = (struct wrk_sink *)base;
	struct shm_reply *reply = sink->reply;
	uint32_t seen;

	crash_end_copy();
	atomic_store(&reply->topics, wait->topics);
	atomic_store(&reply->waits, SHM_WAITS_WORD);
	seen = atomic_load(&reply->room);
	if (may_sleep(sink, wait))
		futex_wait(&reply->room, seen, wait->ms);
	atomic_store(&reply->waits, SHM_WAITS_NOT);
	if (!nobody_reads(sink))
		return 0;
	errno = EPIPE;
	return -1;
}

static int
put(struct wrk_sink *sink, const uint8_t *bytes, size_t length)
{
	uint64_t space = sink->wrk->start->geometry->reply_space;

	while (length > 0) {
		uint64_t at = sink->written % space;
		uint64_t piece = room(sink);

		if (piece == 0) {
			if (wait_for_room(sink) < 0)
				return -1;
			continue;
		}
		if (piece > space - at)
			piece = space - at;
		if (piece > length)
			piece = length;
		memcpy(sink->space + at, bytes, piece);
		sink->written += piece;
		bytes += piece;
		length -= piece;
	}
	return 0;
}

static int
sink_send(struct api_sink *base, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct wrk_sink *sink = (struct wrk_sink *)base;

	crash_end_copy();
	if (atomic_load_explicit(&sink->job->cancelled,
	    memory_order_relaxed) == SHM_CANCELLED_NOBODY ||
	    (head != NULL && put(sink, (const uint8_t *)head,
	    head_length) < 0) || put(sink, body, length) < 0) {
		errno = EPIPE;
		return -1;
	}
	return 0;
}

static int
sink_flush(struct api_sink *base)
{
	struct wrk_sink *sink = (struct wrk_sink *)base;

	wrk_sink_publish(sink);
	wrk_tell_front(sink->wrk, sink->slot);
	return 0;
}

/* The front reads it whenever it hears of this slot; it is woken for it a few
 * times a second. */
static void
sink_progress(struct api_sink *base, int64_t done, int64_t total,
    const char *text)
{
	struct wrk_sink *sink = (struct wrk_sink *)base;
	struct shm_progress *progress = &sink->reply->progress;
	uint32_t seq = atomic_load(&progress->seq);
	uint64_t now_ms;
	size_t i;

	atomic_store(&progress->seq, seq | 1);
	atomic_store(&progress->done, done);
	atomic_store(&progress->total, total);
	for (i = 0; i < SHM_PROGRESS_TEXT - 1 && text[i] != '\0'; i++)
		atomic_store_explicit(&progress->text[i], text[i],
		    memory_order_relaxed);
	atomic_store(&progress->text[i], '\0');
	atomic_store(&progress->seq, (seq | 1) + 1);
	now_ms = clock_now_ms();
	if (now_ms < sink->told_ms + PROGRESS_MS)
		return;
	sink->told_ms = now_ms;
	wrk_tell_front(sink->wrk, sink->slot);
}

void
wrk_sink_init(struct wrk_sink *sink, struct wrk *wrk,
    const struct shm_job *job, uint32_t slot)
{
	const struct config *config = wrk->start->config;
	uint64_t space = wrk->start->geometry->reply_space;

	*sink = (struct wrk_sink){ .sink = { .streams = true,
	    .send = sink_send, .flush = sink_flush, .wait = sink_wait,
	    .ending = sink_ending }, .wrk = wrk, .job = job,
	    .slot = slot };
	sink->sink.space = space > config->header_limit * 2 ?
	    space - config->header_limit : space / 2;
	sink->reply = shm_reply(wrk->shm, wrk->start->slot, slot);
	if (wrk->start->set->routes[job->route].job)
		sink->sink.progress = sink_progress;
	sink->space = shm_reply_space(wrk->shm, wrk->start->slot, slot);
}
