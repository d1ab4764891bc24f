/*
 * api_stream_test.c - replies that leave in pieces, and readers that leave.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each serve_ function does one thing; what left through the sink
 * is compared to the byte.
 */
#include "api_fixture.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static int
serve_long(struct fh_request *rq)
{
	char piece[1000];

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 200; i++) {
		if (fh_write(rq, piece, sizeof(piece)) != 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------- streams */

static struct fixture	*watched;

static int
serve_stream(struct fh_request *rq)
{
	fh_write(rq, "first", 5);
	assert_int_equal(watched->sends, 0);
	assert_int_equal(fh_flush(rq), 0);
	assert_int_equal(watched->sends, 1);
	assert_int_equal(watched->flushes, 1);
	wants_body(watched, "first");
	FAILS(fh_status(rq, 404), EALREADY);
	FAILS(fh_set_header(rq, "X", "y"), EALREADY);
	FAILS(fh_set_header(rq, "X", NULL), EALREADY);
	FAILS(fh_add_header(rq, "X\n", "y"), EALREADY);
	FAILS(fh_reply_text(rq, 200, "x"), EALREADY);
	FAILS(fh_problem(rq, 400, "x"), EALREADY);
	FAILS(fh_reply_file(rq, "/x"), EALREADY);
	FAILS(fh_reply_bytes(rq, 200, "a/b", "x", 1), EALREADY);
	FAILS(fh_reply_json(rq, 200, json_object_new_int(1)), EALREADY);
	FAILS(fh_set_etag(rq, "x", false), EALREADY);
	FAILS(fh_set_modified(rq, 1), EALREADY);
	FAILS(fh_precondition(rq), EALREADY);
	FAILS(fh_reply_content(rq, "a/b", "x", 1), EALREADY);
	FAILS(fh_reply_path(rq, NULL, "/dev/null"), EALREADY);
	FAILS(fh_reply_under(rq, NULL, "/", "x"), EALREADY);
	FAILS(fh_download(rq, "x"), EALREADY);
	FAILS(fh_set_cookie(rq, "a", "b", NULL), EALREADY);
	FAILS(fh_delete_cookie(rq, "a", NULL), EALREADY);
	FAILS(fh_redirect(rq, 302, "/x"), EALREADY);
	FAILS(fh_fresh_for(rq, 1, true), EALREADY);
	FAILS(fh_revalidate(rq), EALREADY);
	FAILS(fh_no_store(rq), EALREADY);
	FAILS(fh_vary(rq, "Accept"), EALREADY);
	FAILS(fh_json_begin(rq, 200), EALREADY);
	FAILS(fh_rows_begin(rq, 200, NULL), EALREADY);
	FAILS(fh_problem_with(rq, 400, NULL, json_object_new_object(), "x"),
	    EALREADY);
	assert_int_equal(fh_reply_status(rq), 200);
	assert_int_equal(fh_printf(rq, "%s", " last"), 0);
	wants_body(watched, "first");
	return 0;
}

static void
test_stream(void **state)
{
	struct fixture *f = watched = *state;

	fixture_serve(f, serve_stream);
	wants_head(f, "Status: 200 OK\r\n" PLAIN
	    "X-Accel-Buffering: no\r\n\r\n");
	wants_body(f, "first last");
	assert_int_equal(f->outcome, API_DONE);
	assert_int_equal(f->result.body_bytes, 10);
}

static int
serve_flush_only(struct fh_request *rq)
{
	fh_set_header(rq, "X-Accel-Buffering", "yes");
	assert_int_equal(fh_flush(rq), 0);
	assert_int_equal(fh_flush(rq), 0);
	return 0;
}

static void
test_flush_of_nothing(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_flush_only);
	wants_head(f, "Status: 200 OK\r\n" PLAIN
	    "X-Accel-Buffering: yes\r\n\r\n");
	assert_int_equal(f->sends, 1);
	assert_int_equal(f->flushes, 2);
	assert_int_equal(f->outcome, API_DONE);
}

static int
serve_stream_then_fail(struct fh_request *rq)
{
	fh_write(rq, "first", 5);
	fh_flush(rq);
	fh_write(rq, "lost", 4);
	return 3;
}

static void
test_failure_after_the_header(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_stream_then_fail);
	assert_int_equal(f->outcome, API_BROKEN);
	assert_int_equal(f->result.status, 200);
	wants_body(f, "first");
	assert_non_null(strstr(fixture_log(f), "serve() returned 3\n"));
}

static int
serve_fixed_without_stream(struct fh_request *rq)
{
	fh_write(rq, "ab", 2);
	assert_int_equal(fh_flush(rq), 0);
	FAILS(fh_status(rq, 404), EALREADY);
	return fh_write(rq, "cd", 2);
}

/* A route tagged sync or async must behave the same. */
static void
test_flush_where_nothing_can_leave(void **state)
{
	struct fixture *f = *state;

	f->sink.streams = false;
	fixture_serve(f, serve_fixed_without_stream);
	wants_head(f, "Status: 200 OK\r\n" PLAIN "Content-Length: 4\r\n\r\n");
	wants_body(f, "abcd");
	assert_int_equal(f->flushes, 0);
}

static int
serve_flush_then_fail(struct fh_request *rq)
{
	fh_write(rq, "ab", 2);
	fh_flush(rq);
	return 1;
}

static void
test_sync_failure_after_flush(void **state)
{
	struct fixture *f = *state;

	f->sink.streams = false;
	fixture_serve(f, serve_flush_then_fail);
	wants_500(f, "the handler failed");
}

static void
test_body_over_the_space(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_long);
	wants_head(f, "Status: 200 OK\r\n" PLAIN "\r\n");
	assert_int_equal(f->body_length, 200000);
	assert_int_equal(f->sends, 4);
	assert_int_equal(f->flushes, 0);
	assert_int_equal(f->outcome, API_DONE);
	for (size_t i = 0; i < f->body_length; i++)
		assert_int_equal(f->body[i], 'x');
}

static int
serve_sync_too_long(struct fh_request *rq)
{
	while (fh_write(rq, "0123456789", 10) == 0)
		;
	assert_int_equal(errno, EMSGSIZE);
	FAILS(fh_write(rq, "x", 1), EINVAL);
	return 0;
}

static void
test_sync_reply_over_the_limit(void **state)
{
	struct fixture *f = *state;

	f->sink.streams = false;
	f->sink.space = 1000;
	fixture_serve(f, serve_sync_too_long);
	wants_500(f, "1000 bytes that a sync route may send "
	    "(sync_reply_limit)");
	assert_int_equal(f->sends, 1);
}

static int
serve_exactly(struct fh_request *rq)
{
	for (int i = 0; i < 1000; i++)
		assert_int_equal(fh_printf(rq, "%d", i % 10), 0);
	return 0;
}

static void
test_exactly_the_space(void **state)
{
	struct fixture *f = *state;

	f->sink.space = 1000;
	fixture_serve(f, serve_exactly);
	wants_header(f, "Content-Length: 1000");
	assert_int_equal(f->sends, 1);
	f->sink.space = 999;
	fixture_serve(f, serve_exactly);
	wants_no_header(f, "Content-Length");
	assert_int_equal(f->body_length, 1000);
	assert_memory_equal(f->body + 990, "0123456789", 10);
	f->sink.space = 0;
	fixture_serve(f, serve_exactly);
	assert_int_equal(f->body_length, 1000);
	assert_int_equal(f->sends, 1000);
}

static int
serve_mixed_sizes(struct fh_request *rq)
{
	static char large[100000];

	memset(large, 'L', sizeof(large));
	fh_printf(rq, "%s", "start ");
	assert_int_equal(fh_write(rq, large, sizeof(large)), 0);
	assert_int_equal(fh_printf(rq, "%*d", 90000, 7), 0);
	assert_int_equal(fh_printf(rq, " %s", "end"), 0);
	return 0;
}

static void
test_large_pieces(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_mixed_sizes);
	assert_int_equal(f->body_length, 6 + 100000 + 90000 + 4);
	assert_memory_equal(f->body, "start LL", 8);
	assert_memory_equal(f->body + 100004, "LL  ", 4);
	assert_memory_equal(f->body + f->body_length - 5, "7 end", 5);
	assert_int_equal(f->outcome, API_DONE);
}

/* ------------------------------------------------- nobody reads */

static int	saw_cancelled, wrote;

static int
serve_until_epipe(struct fh_request *rq)
{
	wrote = 0;
	while (fh_write(rq, "0123456789", 10) == 0 && wrote < 100000)
		wrote++;
	assert_int_equal(errno, EPIPE);
	saw_cancelled = fh_cancelled(rq);
	FAILS(fh_flush(rq), EPIPE);
	FAILS(fh_printf(rq, "x"), EPIPE);
	return 0;
}

static void
test_epipe(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i < 4; i++) {
		f->fail_at = i;
		fixture_serve(f, serve_until_epipe);
		assert_int_equal(f->outcome, API_BROKEN);
		assert_int_equal(saw_cancelled, 1);
		assert_int_equal(f->sends, i);
		assert_true(wrote < 30000);
	}
	assert_string_equal(fixture_log(f), "");
}

static int
serve_flush_epipe(struct fh_request *rq)
{
	fh_write(rq, "a", 1);
	FAILS(fh_flush(rq), EPIPE);
	return 1;
}

static void
test_epipe_at_a_flush_and_at_the_end(void **state)
{
	struct fixture *f = *state;

	f->fail_at = 1;
	fixture_serve(f, serve_flush_epipe);
	assert_int_equal(f->outcome, API_BROKEN);
	assert_non_null(strstr(fixture_log(f), "info req=abc123"));
	fixture_serve(f, fixture_hello);
	assert_int_equal(f->outcome, API_BROKEN);
	assert_int_equal(f->result.body_bytes, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stream),
		TEST(test_flush_of_nothing),
		TEST(test_failure_after_the_header),
		TEST(test_flush_where_nothing_can_leave),
		TEST(test_sync_failure_after_flush),
		TEST(test_body_over_the_space),
		TEST(test_sync_reply_over_the_limit),
		TEST(test_exactly_the_space),
		TEST(test_large_pieces),
		TEST(test_epipe),
		TEST(test_epipe_at_a_flush_and_at_the_end)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
