/*
 * stream.c - a reply whose first line is read before its last is made.
 *
 * Teaches: fh_write() and fh_flush(), and that a write fails once nobody
 *	reads.  Nothing is kept: a stream may be longer than memory.
 * Runs in: the workers.
 * Owns: nothing.
 * Invariant: it ends with its count, with its client, or with its time.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <fcgi-host/handler.h>

#define COUNT_MAX	1000000
#define INTERVAL_MAX	60000

/* A query field as a number; `otherwise` without one; -1 if it is no number. */
static long
number(struct fh_request *rq, const char *name, long otherwise, long max)
{
	const char *text = fh_query(rq, name);
	char *end;
	long value;

	if (text == NULL)
		return otherwise;
	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || value < 0 ||
	    value > max)
		return -1;
	return value;
}

static int
stream(struct fh_request *rq)
{
	long count = number(rq, "count", 10, COUNT_MAX);
	long interval_ms = number(rq, "interval_ms", 100, INTERVAL_MAX);
	struct timespec pause;
	long i;

	if (count < 0 || interval_ms < 0)
		return fh_problem(rq, 422, "count: 0 to %d; interval_ms: 0 to "
		    "%d", COUNT_MAX, INTERVAL_MAX);
	pause.tv_sec = interval_ms / 1000;
	pause.tv_nsec = interval_ms % 1000 * 1000000;

	fh_status(rq, 200);
	fh_set_header(rq, "Content-Type", "text/plain; charset=utf-8");
	for (i = 1; i <= count && !fh_cancelled(rq); i++) {
		if (fh_printf(rq, "line %ld of %ld\n", i, count) != 0 ||
		    fh_flush(rq) != 0)
			return 0;	/* nobody reads: not our error */
		if (i < count && interval_ms > 0)
			nanosleep(&pause, NULL);
	}
	/* Too late for a status: this breaks the reply off, for all to see. */
	if (i <= count)
		return fh_problem(rq, 504, "the time is up");
	return 0;
}

FH_HANDLER(.name = "stream", .version = "1", .routes = FH_ROUTES(
	{ "GET", "/stream", .serve = stream, .async = true,
	    .summary = "?count= lines, one every ?interval_ms=" }));
