/*
 * events.c - server-sent events: a counter that every browser sees count.
 *
 * Teaches: fh_sse_begin(), fh_sse_printf() and fh_wait(); fh_listen() and
 *	fh_notify(), which wake all streams when one request has changed
 *	something; that Last-Event-ID says what a client has seen already.
 * Runs in: POST in the front, the streams in the workers.
 * Owns: the count, in memory that preload() shares with every process.
 * Invariant: a stream sends each count that it sees once, and ends with its
 *	client, or when the host wants it to.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <fcgi-host/handler.h>

#define RETRY_MS	1000
#define LOOK_MS		60000	/* at the count, whoever rings or not */

static _Atomic unsigned long *count;

/* Before the forks: all processes of a generation have the same page. */
static int
share_count(struct fh_host *host)
{
	void *page = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		fh_host_log(host, FH_LOG_ERROR, "no memory for the count");
		return -1;
	}
	count = page;
	return 0;
}

static int
send_count(struct fh_request *rq, unsigned long now)
{
	char id[24];

	snprintf(id, sizeof(id), "%lu", now);
	return fh_sse_printf(rq, id, "count", "{\"count\": %lu}", now);
}

static int
events(struct fh_request *rq)
{
	const char *last = fh_sse_last_id(rq);
	unsigned long now, seen = last == NULL ? 0 : strtoul(last, NULL, 10);
	bool fresh = last == NULL;

	if (fh_sse_begin(rq, RETRY_MS) != 0 || fh_listen(rq, "count") != 0)
		return 0;	/* nobody reads: not our error */
	do {
		now = atomic_load(count);
		if ((fresh || now != seen) && send_count(rq, now) != 0)
			return 0;
		seen = now;
		fresh = false;
	} while (fh_wait(rq, LOOK_MS) >= 0);
	return 0;
}

static int
add(struct fh_request *rq)
{
	unsigned long now = atomic_fetch_add(count, 1) + 1;

	fh_notify("count");
	fh_set_header(rq, "Content-Type", "application/json");
	return fh_printf(rq, "{\"count\": %lu}\n", now);
}

FH_HANDLER(.name = "events", .version = "1", .preload = share_count,
    .routes = FH_ROUTES(
	{ "GET", "/events", .serve = events, .async = true, .stream = true,
	    .summary = "the count, and each change of it" },
	{ "POST", "/events", .serve = add, .summary = "counts one up" }));
