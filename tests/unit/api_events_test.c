/*
 * api_events_test.c - streams as a handler sees them: waiting, events, HEAD.
 *
 * Runs in: make check.
 * Owns: one fixture per test.
 * Invariant: the sink's wait() says what happened while the handler slept, so
 * that no test depends on a clock but those of the keep-alive.
 */
#include "api_fixture.h"

#include <string.h>

#include "common/clock.h"
#include "common/shm.h"

static struct fixture	*f;
static unsigned		 waits;
static bool		 leaving;
static void		(*meanwhile)(void);
static struct api_wait	 asked;

static int
sink_wait(struct api_sink *sink, const struct api_wait *wait)
{
	(void)sink;
	assert_true(wait->ms > 0);
	asked = *wait;
	waits++;
	if (meanwhile != NULL)
		meanwhile();
	return 0;
}

static int
sink_hangup(struct api_sink *sink, const struct api_wait *wait)
{
	(void)sink;
	(void)wait;
	errno = EPIPE;
	return -1;
}

static bool
sink_ending(const struct api_sink *sink)
{
	assert_ptr_equal(sink, &f->sink);
	return leaving;
}

static int
setup(void **state)
{
	int rc = fixture_setup(state);

	f = *state;
	f->sink.wait = sink_wait;
	f->sink.ending = sink_ending;
	f->config.stream_keep_alive_ms = 3600000;
	waits = 0;
	leaving = false;
	meanwhile = NULL;
	return rc;
}

/* ------------------------------------------------- why a wait ends */

static int	got, got_errno;

static int
serve_wait(struct fh_request *rq)
{
	errno = 0;
	got = fh_wait(rq, INT64_MAX);
	got_errno = errno;
	return fh_reply_text(rq, 200, "after");
}

static void
left(void)
{
	f->cancelled = SHM_CANCELLED_NOBODY;
}

static void
ended(void)
{
	f->cancelled = SHM_CANCELLED_ENDING;
}

static void
worker_leaves(void)
{
	leaving = true;
}

static void
wants_end(void (*what)(void), int error)
{
	f->cancelled = SHM_CANCELLED_NOT;
	leaving = false;
	waits = 0;
	meanwhile = what;
	fixture_serve(f, serve_wait);
	assert_int_equal(got, -1);
	assert_int_equal(got_errno, error);
	assert_int_equal(waits, 1);
}

static void
test_why_a_wait_ends(void **state)
{
	(void)state;
	wants_end(left, EPIPE);
	wants_end(ended, ECANCELED);
	wants_body(f, "after");		/* it is still sent */
	assert_int_equal(f->outcome, API_DONE);
	f->route.stream = true;
	wants_end(worker_leaves, ECANCELED);
	f->cancelled = SHM_CANCELLED_NOT;
	leaving = false;
	f->sink.wait = sink_hangup;
	fixture_serve(f, serve_wait);
	assert_int_equal(got_errno, EPIPE);
	assert_int_equal(f->outcome, API_BROKEN);
}

static void
some_time_passes(void)
{
	if (waits == 3)
		f->input.deadline_ns = 1;
	leaving = true;
}

/* A worker that leaves ends what it runs, but for streams. */
static void
test_leaving_is_for_streams(void **state)
{
	(void)state;
	meanwhile = some_time_passes;
	fixture_serve(f, serve_wait);
	assert_int_equal(waits, 3);
	assert_int_equal(got_errno, ETIMEDOUT);
}

static int
serve_short_waits(struct fh_request *rq)
{
	assert_int_equal(fh_wait(rq, 0), 0);
	assert_int_equal(fh_wait(rq, -5), 0);
	assert_int_equal(waits, 0);
	meanwhile = NULL;
	f->sink.wait = NULL;		/* it sleeps by itself */
	assert_int_equal(fh_wait(rq, 25), 0);
	f->sink.wait = sink_wait;
	assert_false(fh_cancelled(rq));
	leaving = true;
	assert_true(fh_cancelled(rq));
	return fh_reply_text(rq, 200, "");
}

static void
test_short_waits(void **state)
{
	uint64_t begin = clock_now_ms();

	(void)state;
	f->route.stream = true;
	fixture_serve(f, serve_short_waits);
	assert_true(clock_now_ms() - begin >= 25);
	assert_int_equal(f->outcome, API_DONE);
}

static int
serve_give_up(struct fh_request *rq)
{
	return fh_wait(rq, 1000) < 0 ? 7 : 0;
}

static void
test_giving_up_when_told_is_no_fault(void **state)
{
	(void)state;
	f->route.stream = true;
	meanwhile = worker_leaves;
	fixture_serve(f, serve_give_up);
	assert_int_equal(f->result.status, 503);
	assert_non_null(strstr(fixture_log(f), "info req=abc123"));
}

/* ------------------------------------------------- topics */

static void
ring_both(void)
{
	if (waits == 1)
		fh_notify("nobody listens to this");
	if (waits == 2)
		fh_notify("orders");
}

static int
serve_listen(struct fh_request *rq)
{
	fh_notify("orders");		/* before: not heard */
	assert_int_equal(fh_listen(rq, "orders"), 0);
	assert_int_equal(fh_listen(rq, "orders"), 0);
	assert_int_equal(fh_listen(rq, "prices"), 0);
	assert_int_equal(fh_wait(rq, 60000), 1);
	assert_int_equal(waits, 2);
	assert_int_equal(fh_wait(rq, 0), 0);
	fh_notify("prices");
	fh_notify("prices");
	assert_int_equal(fh_wait(rq, 60000), 1);
	assert_int_equal(fh_wait(rq, 0), 0);
	assert_int_equal(waits, 2);
	/* nobody but this process can ring: it looks now and then */
	assert_true(asked.ms <= 10);
	return fh_reply_text(rq, 200, "");
}

static void
test_topics(void **state)
{
	(void)state;
	meanwhile = ring_both;
	fixture_serve(f, serve_listen);
	assert_int_equal(f->outcome, API_DONE);
}

static _Atomic uint32_t	counters[API_TOPICS];
static uint64_t		rung;

static void
bell(void *context, uint64_t topics)
{
	assert_ptr_equal(context, &rung);
	rung |= topics;
	for (unsigned i = 0; i < API_TOPICS; i++)
		counters[i] += topics >> i & 1;
}

static void
ring_then_end(void)
{
	if (waits == 1)
		fh_notify("orders");
	else
		ended();
}

static int
serve_shared(struct fh_request *rq)
{
	fh_listen(rq, "orders");
	assert_int_equal(fh_wait(rq, 60000), 1);
	FAILS(fh_wait(rq, 60000), ECANCELED);
	return fh_reply_text(rq, 200, "");
}

static void
test_a_bell_between_processes(void **state)
{
	(void)state;
	api_notify_set(counters, bell, &rung);
	meanwhile = ring_then_end;
	fixture_serve(f, serve_shared);
	assert_int_equal(waits, 2);
	assert_true(rung != 0 && (rung & (rung - 1)) == 0);
	assert_int_equal(asked.topics, rung);
	assert_int_equal(asked.heard, 1);
	assert_true(asked.ms > 10);	/* its sink wakes it */
}

/* ------------------------------------------------- events */

static int
serve_three(struct fh_request *rq)
{
	assert_int_equal(fh_sse_begin(rq, 1500), 0);
	assert_int_equal(f->flushes, 1);
	assert_int_equal(fh_sse(rq, "1", "a", "x\ny"), 0);
	assert_int_equal(f->flushes, 2);
	FAILS(fh_sse(rq, "1\r", "a", "x"), EINVAL);
	FAILS(fh_sse(rq, "1", "a\n", "x"), EINVAL);
	FAILS(fh_sse_begin(rq, 0), EALREADY);
	return fh_sse_printf(rq, NULL, NULL, "%*d", 2000, 7);
}

static void
test_events(void **state)
{
	(void)state;
	fixture_serve(f, serve_three);
	wants_head(f, "Status: 200 OK\r\nContent-Type: text/event-stream\r\n"
	    "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n\r\n");
	assert_memory_equal(f->body, "retry: 1500\n\nid: 1\nevent: a\n"
	    "data: x\ndata: y\n\ndata:  ", 52);
	assert_int_equal(f->body_length, 13 + 32 + 6 + 2000 + 2);
	assert_string_equal(f->body + f->body_length - 3, "7\n\n");
}

static int
serve_before(struct fh_request *rq)
{
	FAILS(fh_sse(rq, NULL, NULL, "x"), EINVAL);
	return 0;
}

static int
serve_own_caching(struct fh_request *rq)
{
	fh_set_header(rq, "cache-control", "no-store");
	return fh_sse_begin(rq, 0);
}

static void
test_beginnings(void **state)
{
	(void)state;
	fixture_serve(f, serve_before);
	wants_500(f, "fh_sse() before fh_sse_begin()");
	fixture_serve(f, serve_own_caching);
	wants_header(f, "cache-control: no-store");
	wants_no_header(f, "Cache-Control: no-cache\r\nX");
	f->sink.streams = false;
	fixture_serve(f, serve_own_caching);
	assert_int_equal(f->result.status, 500);
	assert_non_null(strstr(f->body, ".async = true, .stream = true"));
	fixture_serve(f, serve_wait);
	wants_500(f, "fh_wait() in a sync route");
}

static int
serve_quietly(struct fh_request *rq)
{
	assert_int_equal(fh_sse_begin(rq, 0), 0);
	assert_int_equal(fh_wait(rq, 400), 0);
	return 0;
}

static void
test_keep_alive(void **state)
{
	(void)state;
	f->config.stream_keep_alive_ms = 20;
	f->sink.wait = NULL;
	fixture_serve(f, serve_quietly);
	/* Never too often; how late they are is the machine's. */
	assert_in_range(f->body_length, 3 * 2, 3 * 20);
	assert_int_equal(f->body_length % 3, 0);
	for (size_t i = 0; i < f->body_length; i += 3)
		assert_memory_equal(f->body + i, ":\n\n", 3);
	f->config.stream_keep_alive_ms = 0;
	fixture_serve(f, serve_quietly);
	wants_body(f, "");
}

static int	in_head;

static int
serve_head(struct fh_request *rq)
{
	assert_int_equal(fh_sse_begin(rq, 1000), 0);
	in_head = fh_cancelled(rq);
	FAILS(fh_sse(rq, NULL, NULL, "x"), EPIPE);
	FAILS(fh_write(rq, "x", 1), EPIPE);
	FAILS(fh_printf(rq, "x"), EPIPE);
	FAILS(fh_flush(rq), EPIPE);
	FAILS(fh_wait(rq, 1000), EPIPE);
	return 0;
}

static void
test_head(void **state)
{
	(void)state;
	f->input.head_only = true;
	fixture_serve(f, serve_head);
	wants_header(f, "Content-Type: text/event-stream");
	wants_no_header(f, "Content-Length");
	wants_body(f, "");
	assert_true(in_head);
	assert_int_equal(f->outcome, API_DONE);
	assert_int_equal(waits, 0);
}

static char	last_id[FH_SSE_ID_MAX + 2];

static int
serve_last_id(struct fh_request *rq)
{
	const char *id = fh_sse_last_id(rq);

	return fh_reply_text(rq, 200, id == NULL ? "(none)" : id);
}

static void
wants_last_id(const char *given, const char *wanted)
{
	fixture_no_params(f);
	fixture_param(f, "HTTP_LAST_EVENT_ID", given);
	fixture_serve(f, serve_last_id);
	wants_body(f, wanted);
}

static void
test_last_id(void **state)
{
	(void)state;
	fixture_serve(f, serve_last_id);
	wants_body(f, "(none)");
	wants_last_id("", "(none)");
	wants_last_id("a b", "a b");
	wants_last_id("a\nb", "(none)");
	wants_last_id("\r", "(none)");
	memset(last_id, 'i', FH_SSE_ID_MAX);
	wants_last_id(last_id, last_id);
	last_id[FH_SSE_ID_MAX] = 'i';
	wants_last_id(last_id, "(none)");
}

/* ------------------------------------------------- the reader leaves */

static int
serve_until_it_fails(struct fh_request *rq)
{
	if (fh_sse_begin(rq, 0) != 0)
		return 0;
	while (fh_sse(rq, NULL, "e", "some data") == 0)
		continue;
	assert_int_equal(errno, EPIPE);
	FAILS(fh_wait(rq, 1000), EPIPE);
	return 0;
}

static void
test_a_reader_that_leaves(void **state)
{
	(void)state;
	for (int i = 1; i < 4; i++) {
		f->fail_at = i;
		fixture_serve(f, serve_until_it_fails);
		assert_int_equal(f->sends, i);
		assert_int_equal(f->outcome, API_BROKEN);
	}
	assert_string_equal(fixture_log(f), "");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_why_a_wait_ends),
		TEST(test_leaving_is_for_streams),
		TEST(test_short_waits),
		TEST(test_giving_up_when_told_is_no_fault),
		TEST(test_topics),
		TEST(test_events),
		TEST(test_beginnings),
		TEST(test_keep_alive),
		TEST(test_head),
		TEST(test_last_id),
		TEST(test_a_reader_that_leaves),
		TEST(test_a_bell_between_processes)	/* the last: it stays */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
