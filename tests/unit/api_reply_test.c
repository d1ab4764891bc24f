/*
 * api_reply_test.c - what a client gets: handler.h on replies, sentence by
 * sentence.
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
#include <stdlib.h>
#include <string.h>

#define PLAIN	"Content-Type: text/plain; charset=utf-8\r\n"

/* -1, and errno. */
#define FAILS(call, error) do {						\
	errno = 0;							\
	assert_int_equal(call, -1);					\
	assert_int_equal(errno, error);					\
} while (0)

/* ------------------------------------------------- status and length */

static int
serve_hello(struct fh_request *rq)
{
	assert_int_equal(fh_reply_status(rq), 200);
	assert_int_equal(fh_write(rq, "Hello, ", 7), 0);
	assert_int_equal(fh_printf(rq, "%s!\n", "world"), 0);
	return 0;
}

static void
test_length_is_computed(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_hello);
	wants_head(f, "Status: 200 OK\r\n" PLAIN
	    "Content-Length: 14\r\n\r\n");
	wants_body(f, "Hello, world!\n");
	assert_int_equal(f->outcome, API_DONE);
	assert_int_equal(f->result.status, 200);
	assert_int_equal(f->result.body_bytes, 14);
	assert_int_equal(f->sends, 1);
	assert_int_equal(f->flushes, 0);
	assert_string_equal(fixture_log(f), "");
}

static int
serve_change_of_mind(struct fh_request *rq)
{
	fh_write(rq, "x", 1);
	assert_int_equal(fh_status(rq, 404), 0);
	assert_int_equal(fh_reply_status(rq), 404);
	assert_int_equal(fh_set_header(rq, "X-Late", "yes"), 0);
	return 0;
}

static void
test_all_may_change_until_the_end(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_change_of_mind);
	wants_head(f, "Status: 404 Not Found\r\n" PLAIN
	    "Content-Length: 1\r\nX-Late: yes\r\n\r\n");
}

static int	status_to_set, status_result;

static int
serve_status(struct fh_request *rq)
{
	status_result = fh_status(rq, status_to_set);
	return 0;
}

static void
test_status_alone_is_a_reply(void **state)
{
	struct fixture *f = *state;

	status_to_set = 200;
	fixture_serve(f, serve_status);
	wants_head(f, "Status: 200 OK\r\nContent-Length: 0\r\n\r\n");
	status_to_set = 204;
	fixture_serve(f, serve_status);
	wants_head(f, "Status: 204 No Content\r\n\r\n");
	status_to_set = 304;
	fixture_serve(f, serve_status);
	wants_head(f, "Status: 304 Not Modified\r\n\r\n");
	status_to_set = 599;
	fixture_serve(f, serve_status);
	wants_head(f, "Status: 599 Unknown\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(status_result, 0);
}

static void
test_status_out_of_range(void **state)
{
	static const int bad[] = { 0, -1, 99, 600, 70000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		status_to_set = bad[i];
		fixture_serve(f, serve_status);
		assert_int_equal(status_result, -1);
		wants_500(f, "is not in 100..599");
	}
}

static int
serve_nothing(struct fh_request *rq)
{
	(void)rq;
	return 0;
}

static void
test_nothing_is_a_500(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_nothing);
	wants_500(f, "the handler replied nothing");
	assert_non_null(strstr(fixture_log(f), "warn req=abc123 "
	    "route=\"GET /users/{id}/{rest...}\" handler=tested "
	    "the handler replied nothing\n"));
}

static int
serve_empty_write(struct fh_request *rq)
{
	return fh_write(rq, "", 0);
}

static void
test_empty_write_is_a_reply(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_empty_write);
	wants_head(f, "Status: 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static int
serve_failure(struct fh_request *rq)
{
	fh_set_header(rq, "Set-Cookie", "secret=1");
	fh_printf(rq, "half of it");
	return 42;
}

static void
test_nonzero_is_a_500(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_failure);
	wants_500(f, "the handler failed");
	assert_non_null(strstr(fixture_log(f), "serve() returned 42\n"));
	f->cancelled = 1;
	fixture_serve(f, serve_failure);
	assert_non_null(strstr(fixture_log(f), " info "));
}

/* ------------------------------------------------- HEAD, 204, 304 */

static void
test_head_has_no_body(void **state)
{
	struct fixture *f = *state;

	f->input.head_only = true;
	fixture_serve(f, serve_hello);
	wants_head(f, "Status: 200 OK\r\n" PLAIN
	    "Content-Length: 14\r\n\r\n");
	wants_body(f, "");
	fixture_serve(f, serve_nothing);
	assert_int_equal(f->body_length, 0);
	wants_header(f, "Content-Type: application/problem+json");
	wants_no_header(f, "Transfer-Encoding");
}

static int
serve_head_length(struct fh_request *rq)
{
	return fh_set_header(rq, "Content-Length", "1000");
}

static void
test_head_keeps_a_length(void **state)
{
	struct fixture *f = *state;

	f->input.head_only = true;
	fixture_serve(f, serve_head_length);
	wants_head(f, "Status: 200 OK\r\nContent-Length: 1000\r\n\r\n");
	status_to_set = 200;
	fixture_serve(f, serve_status);
	wants_head(f, "Status: 200 OK\r\n\r\n");
}

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

static void
test_head_of_a_long_body(void **state)
{
	struct fixture *f = *state;

	f->input.head_only = true;
	fixture_serve(f, serve_long);
	wants_head(f, "Status: 200 OK\r\n" PLAIN "\r\n");
	wants_body(f, "");
	assert_int_equal(f->outcome, API_DONE);
	f->sink.streams = false;
	fixture_serve(f, serve_long);
	assert_int_equal(f->result.status, 500);
}

static int
serve_body_with_status(struct fh_request *rq)
{
	fh_status(rq, status_to_set);
	fh_set_header(rq, "Content-Type", "text/x");
	return serve_long(rq);
}

static void
test_204_and_304_have_no_body(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		f->sink.space = i == 0 ? 65536 : 1 << 20;
		status_to_set = 204;
		fixture_serve(f, serve_body_with_status);
		wants_head(f, "Status: 204 No Content\r\n"
		    "Content-Type: text/x\r\n\r\n");
		wants_body(f, "");
		status_to_set = 304;
		fixture_serve(f, serve_body_with_status);
		wants_head(f, "Status: 304 Not Modified\r\n"
		    "Content-Type: text/x\r\n\r\n");
		wants_body(f, "");
		assert_int_equal(f->outcome, API_DONE);
	}
}

static int
serve_304_length(struct fh_request *rq)
{
	fh_status(rq, 304);
	return fh_set_header(rq, "Content-Length", "77");
}

static void
test_304_keeps_a_length(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_304_length);
	wants_head(f, "Status: 304 Not Modified\r\n"
	    "Content-Length: 77\r\n\r\n");
	assert_int_equal(f->outcome, API_DONE);
}

/* ------------------------------------------------- Content-Length */

static const char	*length_to_set, *text_to_write;
static int		 flush_first;

static int
serve_declared(struct fh_request *rq)
{
	fh_set_header(rq, "content-length", length_to_set);
	if (flush_first)
		assert_int_equal(fh_flush(rq), 0);
	for (const char *c = text_to_write; *c != '\0'; c++)
		assert_int_equal(fh_write(rq, c, 1), 0);
	return 0;
}

static void
declare(struct fixture *f, const char *length, const char *text, int flushes)
{
	length_to_set = length;
	text_to_write = text;
	flush_first = flushes;
	fixture_serve(f, serve_declared);
}

static void
test_longer_than_declared_is_cut(void **state)
{
	struct fixture *f = *state;

	for (int flushes = 0; flushes < 2; flushes++) {
		f->sink.space = flushes ? 2 : 65536;
		declare(f, "3", "abcdef", flushes);
		wants_header(f, "Content-Length: 3");
		wants_body(f, "abc");
		assert_int_equal(f->outcome, API_DONE);
		assert_int_equal(f->result.body_bytes, 3);
		assert_non_null(strstr(fixture_log(f), "the body is longer "
		    "than its Content-Length of 3: cut\n"));
	}
	declare(f, "0", "abc", 0);
	wants_header(f, "Content-Length: 0");
	wants_body(f, "");
}

static void
test_shorter_than_declared(void **state)
{
	struct fixture *f = *state;

	declare(f, "7", "abc", 0);
	wants_500(f, "the body has 3 bytes of the Content-Length of 7");
	declare(f, "7", "abc", 1);
	wants_header(f, "Content-Length: 7");
	wants_body(f, "abc");
	assert_int_equal(f->outcome, API_BROKEN);
	assert_non_null(strstr(fixture_log(f), "3 bytes of the"));
	declare(f, "3", "abc", 1);
	assert_int_equal(f->outcome, API_DONE);
}

static void
test_length_that_is_none(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "1.5", "+3", " 3",
	    "99999999999999999999" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		length_to_set = bad[i];
		text_to_write = "";
		flush_first = 0;
		fixture_serve(f, serve_declared);
		wants_500(f, "\"content-length\" has a value that is no "
		    "length");
	}
}

/* ------------------------------------------------- headers */

static int
serve_headers(struct fh_request *rq)
{
	char value[] = "copied", name[] = "X-Copied";

	fh_add_header(rq, "Set-Cookie", "a=1");
	fh_add_header(rq, "Set-Cookie", "b=2");
	fh_set_header(rq, "X-Gone", "1");
	fh_add_header(rq, "x-gone", "2");
	fh_set_header(rq, "X-GONE", NULL);
	fh_set_header(rq, "X-Set", "1");
	fh_set_header(rq, "x-set", "2");
	fh_set_header(rq, "Content-Type", "text/a");
	fh_add_header(rq, "content-type", "text/b");
	fh_set_header(rq, name, value);
	name[0] = value[0] = '!';
	fh_set_header(rq, "X-Tab", "a\tb \xc3\xa4");
	fh_set_header(rq, "X-Empty", "");
	fh_set_header(rq, "Content-Length", "5");
	fh_set_header(rq, "Content-Length", NULL);
	fh_set_header(rq, "Connection", NULL);
	return fh_write(rq, "x", 1);
}

static void
test_headers(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_headers);
	wants_head(f, "Status: 200 OK\r\nContent-Type: text/b\r\n"
	    "Content-Length: 1\r\n"
	    "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nx-set: 2\r\n"
	    "X-Copied: copied\r\nX-Tab: a\tb \xc3\xa4\r\nX-Empty: \r\n\r\n");
}

static const char	*name_to_set, *value_to_set;

static int
serve_one_header(struct fh_request *rq)
{
	fh_add_header(rq, name_to_set, value_to_set);
	return fh_reply_text(rq, 200, "fine otherwise");
}

static int
serve_bad_header(struct fh_request *rq)
{
	FAILS(fh_add_header(rq, name_to_set, value_to_set), EINVAL);
	if (value_to_set != NULL)
		FAILS(fh_set_header(rq, name_to_set, value_to_set), EINVAL);
	FAILS(fh_write(rq, "x", 1), EINVAL);
	FAILS(fh_flush(rq), EINVAL);
	fh_reply_text(rq, 200, "fine otherwise");
	return 0;
}

struct header_case {
	const char	*name;
	const char	*value;
	const char	*says;
};

static void
test_bad_headers(void **state)
{
	static const struct header_case cases[] = {
		{ "X-Cr", "a\rb", "\"X-Cr\" has a value" },
		{ "X-Lf", "a\nSet-Cookie: b", "\"X-Lf\" has a value" },
		{ "X-Del", "\x7f", "\"X-Del\" has a value" },
		{ "X Space", "a", "\"X Space\" has a name" },
		{ "X\r\nY", "a", "has a name that is not a token" },
		{ "X:", "a", "\"X:\" has a name that is not a token" },
		{ "", "a", "\"\" has a name" },
		{ NULL, "a", "\"\" has a name" },
		{ "X-None", NULL, "\"X-None\" has no value" },
		{ "Connection", "close", "\"Connection\" belongs to" },
		{ "transfer-encoding", "chunked", "belongs to the web" },
		{ "Keep-Alive", "1", "belongs to the web server" },
		{ "Upgrade", "h2c", "belongs to the web server" },
		{ "Trailer", "X", "belongs to the web server" },
		{ "TE", "trailers", "belongs to the web server" },
		{ "Proxy-Connection", "close", "belongs to the web server" },
		{ "Status", "abc", "\"Status\" has a value" }
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		name_to_set = cases[i].name;
		value_to_set = cases[i].value;
		fixture_serve(f, serve_bad_header);
		wants_500(f, cases[i].says);
		assert_non_null(strstr(fixture_log(f), "req=abc123"));
	}
}

static void
test_status_as_a_header(void **state)
{
	struct fixture *f = *state;

	name_to_set = "Status";
	value_to_set = "404 Not Here";
	fixture_serve(f, serve_one_header);
	assert_int_equal(f->result.status, 200);
	assert_null(strstr(f->head, "404"));
}

static int
serve_many_headers(struct fh_request *rq)
{
	char value[101];

	memset(value, 'v', 100);
	value[100] = '\0';
	for (int i = 0; i < status_to_set; i++)
		fh_add_header(rq, "X-Many", value);
	return fh_write(rq, "x", 1);
}

static void
test_header_block_over_the_limit(void **state)
{
	struct fixture *f = *state;
	size_t length;

	status_to_set = 100;
	fixture_serve(f, serve_many_headers);
	assert_int_equal(f->result.status, 200);
	length = f->head_length;
	assert_true(length > 11000);
	status_to_set = 1000;
	fixture_serve(f, serve_many_headers);
	wants_500(f, "the header block is 110");
	assert_non_null(strstr(f->body, "header_limit allows 16376"));
	api_worker_destroy(f->thread);
	api_request_destroy(f->rq);
	f->thread = NULL;
	f->rq = NULL;
	f->config.header_limit = length + 8;
	status_to_set = 100;
	fixture_serve(f, serve_many_headers);
	assert_int_equal(f->result.status, 200);
	status_to_set = 101;
	fixture_serve(f, serve_many_headers);
	assert_int_equal(f->result.status, 500);
}

static int
serve_flush_with_large_header(struct fh_request *rq)
{
	serve_many_headers(rq);
	FAILS(fh_flush(rq), EMSGSIZE);
	FAILS(fh_write(rq, "x", 1), EINVAL);
	return 0;
}

static void
test_flush_with_a_large_header(void **state)
{
	struct fixture *f = *state;

	status_to_set = 1000;
	fixture_serve(f, serve_flush_with_large_header);
	wants_500(f, "the header block is");
	assert_int_equal(f->flushes, 0);
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
	fixture_serve(f, serve_hello);
	assert_int_equal(f->outcome, API_BROKEN);
	assert_int_equal(f->result.body_bytes, 0);
}

/* ------------------------------------------------- whole replies */

static int
serve_text_over_more(struct fh_request *rq)
{
	fh_write(rq, "thrown away", 11);
	fh_set_header(rq, "X-Kept", "yes");
	fh_set_header(rq, "Content-Length", "11");
	fh_set_header(rq, "Content-Type", "text/html");
	return fh_reply_text(rq, 201, "t\xc3\xa4xt");
}

static void
test_reply_text(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_text_over_more);
	wants_head(f, "Status: 201 Created\r\n" PLAIN
	    "Content-Length: 5\r\nX-Kept: yes\r\n\r\n");
	wants_body(f, "t\xc3\xa4xt");
}

static int
serve_json_reply(struct fh_request *rq)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "path", json_object_new_string("/a"));
	json_object_object_add(object, "n", json_object_new_int(7));
	return fh_reply_json(rq, 200, object);
}

static int
serve_json_null(struct fh_request *rq)
{
	return fh_reply_json(rq, 200, NULL);
}

static void
test_reply_json(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_json_reply);
	wants_head(f, "Status: 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: 19\r\n\r\n");
	wants_body(f, "{\"path\":\"/a\",\"n\":7}");
	fixture_serve(f, serve_json_null);
	wants_body(f, "null");
}

static int
serve_json_kept(struct fh_request *rq)
{
	return fh_reply_json(rq, 200, json_object_get(fh_json(rq)));
}

static void
test_reply_json_of_the_body(void **state)
{
	struct fixture *f = *state;

	fixture_body(f, "[1, 2]", 6);
	fixture_serve(f, serve_json_kept);
	wants_body(f, "[1,2]");
}

static int
serve_bytes(struct fh_request *rq)
{
	char type[] = "image/png";
	int rc = fh_reply_bytes(rq, 200, type, "\0PNG", 4);

	type[0] = 'X';
	return rc;
}

static int
serve_bytes_bad_type(struct fh_request *rq)
{
	FAILS(fh_reply_bytes(rq, 200, "a\r\nb: c", "x", 1), EINVAL);
	return 0;
}

static void
test_reply_bytes(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_bytes);
	wants_head(f, "Status: 200 OK\r\nContent-Type: image/png\r\n"
	    "Content-Length: 4\r\n\r\n");
	assert_memory_equal(f->body, "\0PNG", 4);
	fixture_serve(f, serve_bytes_bad_type);
	wants_500(f, "\"Content-Type\" has a value with");
}

static int
serve_large_bytes(struct fh_request *rq)
{
	static char large[300000];

	memset(large, 'x', sizeof(large));
	return fh_reply_bytes(rq, 200, "a/b", large, sizeof(large));
}

/* Its length is known although it does not fit into the space. */
static void
test_large_whole_reply_has_a_length(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_large_bytes);
	wants_head(f, "Status: 200 OK\r\nContent-Type: a/b\r\n"
	    "Content-Length: 300000\r\n\r\n");
	assert_int_equal(f->body_length, 300000);
	assert_int_equal(f->outcome, API_DONE);
	f->input.head_only = true;
	fixture_serve(f, serve_large_bytes);
	wants_header(f, "Content-Length: 300000");
	wants_body(f, "");
	assert_int_equal(f->outcome, API_DONE);
}

static const char	*file_to_send;

static int
serve_file(struct fh_request *rq)
{
	fh_write(rq, "thrown away", 11);
	fh_reply_file(rq, file_to_send);
	return 0;
}

static int
serve_typed_file(struct fh_request *rq)
{
	fh_set_header(rq, "Content-Type", "video/mp4");
	return fh_reply_file(rq, "/files/a.mp4");
}

static void
test_reply_file(void **state)
{
	struct fixture *f = *state;

	file_to_send = "/files/100% \xc3\xa4?#\n.txt";
	fixture_serve(f, serve_file);
	wants_head(f, "Status: 200 OK\r\nContent-Length: 0\r\n"
	    "X-Accel-Redirect: /files/100%25%20%C3%A4%3F%23%0A.txt\r\n\r\n");
	wants_body(f, "");
	fixture_serve(f, serve_typed_file);
	wants_header(f, "Content-Type: video/mp4");
	file_to_send = "relative";
	fixture_serve(f, serve_file);
	wants_500(f, "does not begin with '/'");
}

/* ------------------------------------------------- problems */

static int
serve_problem(struct fh_request *rq)
{
	fh_set_header(rq, "Retry-After", "5");
	return fh_problem(rq, 503, "no \"%s\"\n\xff", "model");
}

static int
serve_long_problem(struct fh_request *rq)
{
	return fh_problem(rq, 400, "%3000d", 7);
}

static void
test_problem(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_problem);
	wants_body(f, "{\"type\":\"about:blank\","
	    "\"title\":\"Service Unavailable\",\"status\":503,"
	    "\"detail\":\"no \\\"model\\\"\\n\xef\xbf\xbd\","
	    "\"instance\":\"abc123\"}\n");
	wants_header(f, "Content-Type: application/problem+json");
	wants_header(f, "Retry-After: 5");
	assert_int_equal(f->result.status, 503);
	fixture_serve(f, serve_long_problem);
	assert_true(f->body_length > 3000);
	assert_int_equal(f->result.status, 400);
}

static void
check_host_problem(const char *out, size_t length, bool has_body)
{
	const char *body = strstr(out, "\r\n\r\n");
	struct json_object *document;
	char said[64];

	assert_non_null(body);
	body += 4;
	assert_int_equal(strlen(out), length);
	if (!has_body) {
		assert_string_equal(body, "");
		return;
	}
	snprintf(said, sizeof(said), "\r\nContent-Length: %zu\r\n",
	    strlen(body));
	assert_non_null(strstr(out, said));
	document = json_tokener_parse(body);
	assert_non_null(document);
	json_object_put(document);
}

static void
test_host_problem(void **state)
{
	char out[API_PROBLEM_MAX + 1], detail[2000];
	size_t length;

	(void)state;
	length = api_problem(out, API_PROBLEM_MAX, 405, "id1", false,
	    "Allow: GET, HEAD\r\n", "no %s here", "POST");
	out[length] = '\0';
	check_host_problem(out, length, true);
	assert_non_null(strstr(out, "Status: 405 Method Not Allowed\r\n"));
	assert_non_null(strstr(out, "Allow: GET, HEAD\r\n\r\n{"));
	assert_non_null(strstr(out, "\"no POST here\",\"instance\":\"id1\""));
	length = api_problem(out, API_PROBLEM_MAX, 404, "id1", true, "", "x");
	out[length] = '\0';
	check_host_problem(out, length, false);
	assert_non_null(strstr(out, "\r\nContent-Length: "));
	length = api_problem(out, API_PROBLEM_MAX, 204, "id1", false,
	    "Allow: GET\r\n", "x");
	out[length] = '\0';
	assert_string_equal(out, "Status: 204 No Content\r\n"
	    "Allow: GET\r\n\r\n");
	for (int c = 1; c < 256; c += 13) {
		memset(detail, c, sizeof(detail));
		detail[sizeof(detail) - 1] = '\0';
		length = api_problem(out, API_PROBLEM_MAX, 500, "id1", false,
		    "", "%s", detail);
		assert_true(length <= API_PROBLEM_MAX);
		out[length] = '\0';
		check_host_problem(out, length, true);
		length = api_problem(out, 400, 500, "id1", false, "", "%s",
		    detail);
		assert_true(length <= 400);
		out[length] = '\0';
		check_host_problem(out, length, true);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_length_is_computed),
		TEST(test_all_may_change_until_the_end),
		TEST(test_status_alone_is_a_reply),
		TEST(test_status_out_of_range),
		TEST(test_nothing_is_a_500),
		TEST(test_empty_write_is_a_reply),
		TEST(test_nonzero_is_a_500),
		TEST(test_head_has_no_body),
		TEST(test_head_keeps_a_length),
		TEST(test_head_of_a_long_body),
		TEST(test_204_and_304_have_no_body),
		TEST(test_304_keeps_a_length),
		TEST(test_longer_than_declared_is_cut),
		TEST(test_shorter_than_declared),
		TEST(test_length_that_is_none),
		TEST(test_headers),
		TEST(test_bad_headers),
		TEST(test_status_as_a_header),
		TEST(test_header_block_over_the_limit),
		TEST(test_flush_with_a_large_header),
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
		TEST(test_epipe_at_a_flush_and_at_the_end),
		TEST(test_reply_text),
		TEST(test_reply_json),
		TEST(test_reply_json_of_the_body),
		TEST(test_reply_bytes),
		TEST(test_large_whole_reply_has_a_length),
		TEST(test_reply_file),
		TEST(test_problem),
		TEST(test_host_problem)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
