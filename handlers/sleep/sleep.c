/*
 * sleep.c - a handler that takes its time, and stops when nobody waits.
 *
 * Teaches: query fields, checking them, fh_problem(), and fh_cancelled() in a
 *	loop.  Ask /sleep and /sleep-sync for 10 seconds, then /hello: only
 *	the sync one holds everybody else up.
 * Runs in: the workers (/sleep) and the front (/sleep-sync).
 * Owns: nothing.
 * Invariant: once the client has left, it returns within SLICE_MS.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include <fcgi-host/handler.h>

#define SECONDS_MAX	3600.0
#define SLICE_MS	250

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
sleep_until(uint64_t when_ms)
{
	struct timespec when = {
		.tv_sec = (time_t)(when_ms / 1000),
		.tv_nsec = (long)(when_ms % 1000) * 1000000
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when,
	    NULL) == EINTR)
		;
}

static int
sleep_serve(struct fh_request *rq)
{
	const char *text = fh_query(rq, "seconds");
	char *end = NULL;
	double seconds = text == NULL ? NAN : strtod(text, &end);
	uint64_t now = now_ms(), until;

	if (text == NULL || end == text || *end != '\0' ||
	    !(seconds >= 0 && seconds <= SECONDS_MAX))
		return fh_problem(rq, 422, "seconds: a number from 0 to %g is "
		    "needed, as in /sleep?seconds=1.5", SECONDS_MAX);

	until = now + (uint64_t)(seconds * 1000);
	while (now < until && !fh_cancelled(rq)) {
		sleep_until(until - now < SLICE_MS ? until : now + SLICE_MS);
		now = now_ms();
	}
	if (now < until)
		return fh_problem(rq, 504, "woken early: nobody waits");
	return fh_reply_text(rq, 200,
	    fh_sprintf(rq, "slept %g s\n", seconds));
}

FH_HANDLER(.name = "sleep", .version = "1", .routes = FH_ROUTES(
	{ "GET", "/sleep", .serve = sleep_serve, .async = true,
	    .summary = "waits ?seconds= in a worker" },
	{ "GET", "/sleep-sync", .serve = sleep_serve,
	    .summary = "waits ?seconds= in the front, everybody with it" }));
