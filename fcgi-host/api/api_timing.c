/*
 * api_timing.c - where a request's time went, for Server-Timing (reply.h).
 *
 * Runs in: front, workers.
 * Owns: nothing.
 * Invariant: a request that is not timed costs no look at the clock.
 */
#include "api/api_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"

#define NS_PER_US	1000

void
api_timing_begin(struct fh_request *rq)
{
	rq->timed = rq->input->route->server_timing;
	if (rq->timed)
		rq->begun_ns = clock_now_ns();
}

void
api_timing_first(struct fh_request *rq)
{
	if (rq->timed && rq->first_ns == 0)
		rq->first_ns = clock_now_ns();
}

/* "run;dur=1.250": milliseconds. */
static int
put_metric(char *out, size_t size, const char *name, uint64_t from_ns,
    uint64_t to_ns)
{
	uint64_t us = to_ns <= from_ns ? 0 : (to_ns - from_ns) / NS_PER_US;

	return snprintf(out, size, "%s;dur=%" PRIu64 ".%03u", name, us / 1000,
	    (unsigned int)(us % 1000));
}

size_t
api_timing_line(const struct fh_request *rq, char out[API_TIMING_ROOM])
{
	uint64_t now = clock_now_ns();
	uint64_t first = rq->first_ns == 0 ? now : rq->first_ns;
	size_t size = API_TIMING_ROOM;
	int n = snprintf(out, size, "Server-Timing: ");

	if (rq->input->queued_ns != 0) {
		n += put_metric(out + n, size - (size_t)n, "queue",
		    rq->input->queued_ns, rq->begun_ns);
		n += snprintf(out + n, size - (size_t)n, ", ");
	}
	n += put_metric(out + n, size - (size_t)n, "run", rq->begun_ns, first);
	n += snprintf(out + n, size - (size_t)n, ", ");
	n += put_metric(out + n, size - (size_t)n, "write", first, now);
	n += snprintf(out + n, size - (size_t)n, "\r\n");
	return (size_t)n;
}
