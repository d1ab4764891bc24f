/*
 * api_stream.c - replies that go on: their beginning, and waiting.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a thread that waits sleeps in its sink, which knows what may wake
 * it; before each sleep everything that would make it pointless is looked at.
 */
#include "api/api_private.h"

#include <errno.h>
#include <time.h>

#include "common/clock.h"
#include "common/due.h"
#include "common/shm.h"

#define SLEEP_MAX_MS	((uint64_t)3600 * 1000)
#define LOOK_MS		10	/* where no sink can wake us */

bool
api_told(const struct fh_request *rq)
{
	const _Atomic uint32_t *cancelled = rq->input->cancelled;
	struct api_sink *sink = rq->sink;

	if (cancelled != NULL && atomic_load_explicit(cancelled,
	    memory_order_relaxed) != SHM_CANCELLED_NOT)
		return true;
	return rq->input->route->stream && sink != NULL &&
	    sink->ending != NULL && sink->ending(sink);
}

/* ------------------------------------------------- the beginning */

int
api_stream_start(struct fh_request *rq)
{
	if (fh_flush(rq) != 0)
		return -1;
	rq->header_only = rq->input->head_only && rq->sink->streams;
	return 0;
}

int
fh_stream_begin(struct fh_request *rq, int status, const char *type)
{
	if (fh_status(rq, status) != 0 || (type != NULL &&
	    fh_set_header(rq, "Content-Type", type) != 0))
		return -1;
	return api_stream_start(rq);
}

/* ------------------------------------------------- waiting */

/* Why it should end, as an errno; 0: it need not. */
static int
why_end(const struct fh_request *rq, uint64_t now_ns)
{
	const _Atomic uint32_t *cancelled = rq->input->cancelled;

	if (rq->fault[0] != '\0')
		return EINVAL;
	if (rq->broken || rq->header_only || (cancelled != NULL &&
	    atomic_load(cancelled) == SHM_CANCELLED_NOBODY))
		return EPIPE;
	if (api_told(rq))
		return ECANCELED;
	return due_is_over(rq->input->deadline_ns, now_ns) ? ETIMEDOUT : 0;
}

static bool
has_heard(struct fh_request *rq)
{
	uint32_t count = api_notify_count(rq->topics);

	if (count == rq->heard)
		return false;
	rq->heard = count;
	return true;
}

static uint64_t
sleep_ms(const struct fh_request *rq, uint64_t until_ns, uint64_t now_ns)
{
	uint64_t due = due_first(due_first(until_ns, rq->input->deadline_ns),
	    rq->comment_due_ns);
	uint64_t ms = due <= now_ns ? 1 :
	    (due - now_ns) / CLOCK_NS_PER_MS + 1;

	return ms < SLEEP_MAX_MS ? ms : SLEEP_MAX_MS;
}

static int
sleep_in_sink(struct fh_request *rq, uint64_t ms)
{
	struct api_wait wait = { .ms = ms, .topics = rq->topics,
	    .heard = rq->heard };
	struct timespec pause;

	if (rq->sink->wait == NULL || (rq->topics != 0 &&
	    !api_notify_is_shared()))
		wait.ms = ms < LOOK_MS ? ms : LOOK_MS;
	if (rq->sink->wait == NULL) {
		pause.tv_sec = 0;
		pause.tv_nsec = (long)(wait.ms * CLOCK_NS_PER_MS);
		nanosleep(&pause, NULL);
		return 0;
	}
	if (rq->sink->wait(rq->sink, &wait) == 0)
		return 0;
	rq->broken = true;
	errno = EPIPE;
	return -1;
}

/* 1: a topic rang; 0: the time is over; -1: it should end. */
static int
wait_until(struct fh_request *rq, uint64_t until_ns)
{
	for (;;) {
		uint64_t now = clock_now_ns();
		int error = why_end(rq, now);

		if (error != 0) {
			errno = error;
			return -1;
		}
		if (has_heard(rq))
			return 1;
		if (now >= until_ns)
			return 0;
		if (due_is_over(rq->comment_due_ns, now)) {
			if (api_sse_comment(rq) != 0)
				return -1;
			continue;
		}
		if (sleep_in_sink(rq, sleep_ms(rq, until_ns, now)) != 0)
			return -1;
	}
}

int
fh_wait(struct fh_request *rq, int64_t ms)
{
	uint64_t now = clock_now_ns(), length = ms < 0 ? 0 : (uint64_t)ms;

	if (rq->sink == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (!rq->sink->streams)
		return api_fault(rq, EINVAL, "fh_wait() in a sync route: "
		    "nothing else would be served meanwhile; tag it .async = "
		    "true");
	if (rq->left && rq->collected > 0 && fh_flush(rq) != 0)
		return -1;
	if (length > (UINT64_MAX - now) / CLOCK_NS_PER_MS)
		return wait_until(rq, UINT64_MAX);
	return wait_until(rq, now + length * CLOCK_NS_PER_MS);
}
