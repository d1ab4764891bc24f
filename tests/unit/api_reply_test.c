/*
 * api_reply_test.c - status, length and headers of a reply: handler.h,
 * sentence by sentence.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each serve_ function does one thing; what left through the sink
 * is compared to the byte.
 */
#include "api_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------- status and length */

static void
test_length_is_computed(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, fixture_hello);
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
}

/* Told to end, it ends: the client may come again. */
static void
test_nonzero_when_cancelled_is_a_503(void **state)
{
	struct fixture *f = *state;

	f->cancelled = 1;
	fixture_serve(f, serve_failure);
	assert_non_null(strstr(fixture_log(f), " info "));
	assert_int_equal(f->result.status, 503);
	wants_header(f, "Retry-After: 1");
	assert_non_null(strstr(f->body, "the handler was stopped"));
}

/* ------------------------------------------------- HEAD, 204, 304 */

static void
test_head_has_no_body(void **state)
{
	struct fixture *f = *state;

	f->input.head_only = true;
	fixture_serve(f, fixture_hello);
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

static int
serve_204_length(struct fh_request *rq)
{
	fh_status(rq, 204);
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
	fixture_serve(f, serve_204_length);
	wants_head(f, "Status: 204 No Content\r\n\r\n");
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
	const char *log;

	for (int flushes = 0; flushes < 2; flushes++) {
		f->sink.space = flushes ? 2 : 65536;
		declare(f, "3", "abcdef", flushes);
		wants_header(f, "Content-Length: 3");
		wants_body(f, "abc");
		assert_int_equal(f->outcome, API_DONE);
		assert_int_equal(f->result.body_bytes, 3);
		log = strstr(fixture_log(f), "the body is longer than its "
		    "Content-Length of 3: cut\n");
		assert_non_null(log);
		assert_null(strstr(log + 1, "the body"));
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

/* nginx keeps the eight bytes before the block in the same buffer. */
static void
test_header_limit_leaves_room_for_the_record(void **state)
{
	struct fixture *f = *state;

	f->config.header_limit = sizeof("Status: 200 OK\r\n" PLAIN
	    "Content-Length: 14\r\n\r\n") - 1 + 7;
	fixture_serve(f, fixture_hello);
	assert_int_equal(f->head_length, 0);
	assert_int_equal(f->outcome, API_BROKEN);
	assert_non_null(strstr(fixture_log(f), "the header block is 79"));
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
		TEST(test_nonzero_when_cancelled_is_a_503),
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
		TEST(test_header_limit_leaves_room_for_the_record),
		TEST(test_flush_with_a_large_header)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
