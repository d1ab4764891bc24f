/*
 * api_content_test.c - conditions and ranges: reply.h, sentence by sentence.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: a reply whose header says how long it is has that length.
 */
#include "api_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define THEN	"Sun, 06 Nov 1994 08:49:37 GMT"
#define THEN_S	INT64_C(784111777)

/* ------------------------------------------------- conditions */

static const char	*etag;		/* or NULL */
static bool		 weak;
static int64_t		 modified;	/* 0: none */
static int		 status, precondition;

static void
set_validators(struct fh_request *rq)
{
	if (etag != NULL)
		assert_int_equal(fh_set_etag(rq, etag, weak), 0);
	if (modified != 0)
		assert_int_equal(fh_set_modified(rq, modified), 0);
}

static int
serve_text(struct fh_request *rq)
{
	set_validators(rq);
	return fh_reply_text(rq, status, "content");
}

static int
serve_pieces(struct fh_request *rq)
{
	fh_write(rq, "con", 3);
	set_validators(rq);
	fh_status(rq, status);
	return fh_write(rq, "tent", 4);
}

static int
serve_stream(struct fh_request *rq)
{
	set_validators(rq);
	fh_write(rq, "con", 3);
	fh_flush(rq);
	return fh_write(rq, "tent", 4);
}

static int
serve_json(struct fh_request *rq)
{
	set_validators(rq);
	fh_json_begin(rq, 200);
	fh_json_array(rq);
	fh_json_close(rq);
	return fh_json_end(rq);
}

static int
serve_change(struct fh_request *rq)
{
	set_validators(rq);
	precondition = fh_precondition(rq);
	if (precondition != 0)
		return 0;
	return fh_reply_text(rq, 200, "changed");
}

static int	(*const ways[])(struct fh_request *) = {
	serve_text, serve_pieces, serve_stream
};

static void
know(const char *tag, bool is_weak, int64_t seconds)
{
	etag = tag;
	weak = is_weak;
	modified = seconds;
	status = 200;
}

static int
serve_bad_tag(struct fh_request *rq)
{
	FAILS(fh_set_etag(rq, etag, false), EINVAL);
	return 0;
}

static void
test_validators_are_headers(void **state)
{
	static const char *const bad[] = { "v 1", "v\"1", "v\r\nX: y" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		etag = bad[i];
		fixture_serve(f, serve_bad_tag);
		wants_500(f, "the entity tag has a quote, a blank or a "
		    "control");
	}
	know("v1", false, THEN_S);
	fixture_serve(f, serve_text);
	wants_head(f, "Status: 200 OK\r\n" PLAIN "Content-Length: 7\r\n"
	    "ETag: \"v1\"\r\nLast-Modified: " THEN "\r\n\r\n");
	know("v1", true, 0);
	fixture_serve(f, serve_text);
	wants_header(f, "ETag: W/\"v1\"");
}

static void
test_not_modified(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_IF_NONE_MATCH", "\"v0\", W/\"v1\"");
	know("v1", false, 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		fixture_serve(f, ways[i]);
		assert_int_equal(f->result.status, 304);
		assert_int_equal(f->outcome, API_DONE);
		wants_body(f, "");
		wants_header(f, "ETag: \"v1\"");
		wants_no_header(f, "Content-Type");
		wants_no_header(f, "Content-Length");
	}
	fixture_serve(f, serve_json);
	assert_int_equal(f->result.status, 304);
	assert_int_equal(f->outcome, API_DONE);
	know("v2", false, 0);
	fixture_serve(f, serve_text);
	wants_body(f, "content");
	know(NULL, false, 0);
	fixture_serve(f, serve_text);
	wants_body(f, "content");
}

static void
test_only_a_200_is_judged(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_IF_NONE_MATCH", "\"v1\"");
	know("v1", false, 0);
	status = 404;
	fixture_serve(f, serve_text);
	assert_int_equal(f->result.status, 404);
	wants_body(f, "content");
	fixture_serve(f, serve_pieces);
	assert_int_equal(f->result.status, 404);
	status = 200;
	fixture_param(f, "REQUEST_METHOD", "POST");	/* the last one wins */
	fixture_serve(f, serve_text);
	assert_int_equal(f->result.status, 200);
}

/* Whoever asks for the header alone is told the same. */
static void
test_head_is_judged(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "REQUEST_METHOD", "HEAD");
	fixture_param(f, "HTTP_IF_NONE_MATCH", "\"v1\"");
	f->input.head_only = true;
	know("v1", false, 0);
	fixture_serve(f, serve_text);
	assert_int_equal(f->result.status, 304);
	know("v2", false, 0);
	fixture_serve(f, serve_text);
	assert_int_equal(f->result.status, 200);
	wants_header(f, "Content-Length: 7");
}

static void
test_not_modified_since(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_IF_MODIFIED_SINCE", THEN);
	know(NULL, false, THEN_S);
	fixture_serve(f, serve_text);
	assert_int_equal(f->result.status, 304);
	know(NULL, false, THEN_S + 1);
	fixture_serve(f, serve_text);
	assert_int_equal(f->result.status, 200);
}

/* Whoever reads gets a 412 too, however the body was to come. */
static void
test_failed_reading(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_IF_MATCH", "\"v0\"");
	know("v1", false, 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		fixture_serve(f, ways[i]);
		assert_int_equal(f->result.status, 412);
		assert_int_equal(f->outcome, API_DONE);
		assert_null(strstr(f->body, "tent"));
	}
	fixture_serve(f, serve_text);
	wants_header(f, "Content-Type: application/problem+json");
	fixture_serve(f, serve_pieces);
	wants_header(f, "Content-Length: 0");
	assert_string_equal(fixture_log(f), "");
}

static void
test_a_change_is_judged_before(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "REQUEST_METHOD", "PUT");
	fixture_param(f, "HTTP_IF_MATCH", "\"v1\"");
	know("v1", false, 0);
	fixture_serve(f, serve_change);
	assert_int_equal(precondition, 0);
	wants_body(f, "changed");
	know("v2", false, 0);
	fixture_serve(f, serve_change);
	assert_int_equal(precondition, 412);
	assert_int_equal(f->result.status, 412);
	assert_non_null(strstr(f->body, "\"status\":412"));
	know(NULL, false, 0);
	fixture_serve(f, serve_change);
	assert_int_equal(precondition, 412);
}

static void
test_only_what_is_not_there_yet(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "REQUEST_METHOD", "PUT");
	fixture_param(f, "HTTP_IF_NONE_MATCH", "*");
	know(NULL, false, 0);
	fixture_serve(f, serve_change);
	wants_body(f, "changed");
	know("v1", false, 0);
	fixture_serve(f, serve_change);
	assert_int_equal(f->result.status, 412);
}

/* ------------------------------------------------- ranges */

static const char	digits[] = "0123456789";

static int
serve_digits(struct fh_request *rq)
{
	set_validators(rq);
	return fh_reply_content(rq, "text/plain", digits, 10);
}

static void
ask_range(struct fixture *f, const char *range)
{
	fixture_no_params(f);
	fixture_param(f, "REQUEST_METHOD", "GET");
	fixture_param(f, "PATH_INFO", "/users/7/x");
	if (range != NULL)
		fixture_param(f, "HTTP_RANGE", range);
	know("v1", false, 0);
}

static void
test_one_range(void **state)
{
	struct fixture *f = *state;

	ask_range(f, NULL);
	fixture_serve(f, serve_digits);
	wants_head(f, "Status: 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 10\r\nETag: \"v1\"\r\n"
	    "Accept-Ranges: bytes\r\n\r\n");
	wants_body(f, digits);
	ask_range(f, "bytes=2-4");
	fixture_serve(f, serve_digits);
	wants_head(f, "Status: 206 Partial Content\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 3\r\n"
	    "ETag: \"v1\"\r\nAccept-Ranges: bytes\r\n"
	    "Content-Range: bytes 2-4/10\r\n\r\n");
	wants_body(f, "234");
	ask_range(f, "bytes=-1");
	fixture_serve(f, serve_digits);
	wants_body(f, "9");
}

static void
test_no_range(void **state)
{
	struct fixture *f = *state;

	ask_range(f, "bytes=10-");
	fixture_serve(f, serve_digits);
	assert_int_equal(f->result.status, 416);
	wants_header(f, "Content-Range: bytes */10");
	wants_header(f, "Content-Type: application/problem+json");
	ask_range(f, "bytes=0-,0-");
	fixture_serve(f, serve_digits);
	assert_int_equal(f->result.status, 200);
	wants_body(f, digits);
	ask_range(f, "bytes=2-4");
	fixture_param(f, "REQUEST_METHOD", "POST");
	fixture_serve(f, serve_digits);
	wants_body(f, digits);
}

static void
test_head_has_no_range(void **state)
{
	struct fixture *f = *state;

	ask_range(f, "bytes=2-4");
	fixture_param(f, "REQUEST_METHOD", "HEAD");
	f->input.head_only = true;
	fixture_serve(f, serve_digits);
	assert_int_equal(f->result.status, 200);
	wants_header(f, "Content-Length: 10");
	wants_body(f, "");
	assert_int_equal(f->outcome, API_DONE);
}

static void
test_if_range(void **state)
{
	struct fixture *f = *state;

	ask_range(f, "bytes=2-4");
	fixture_param(f, "HTTP_IF_RANGE", "\"v1\"");
	fixture_serve(f, serve_digits);
	wants_body(f, "234");
	ask_range(f, "bytes=2-4");
	fixture_param(f, "HTTP_IF_RANGE", "\"v0\"");
	fixture_serve(f, serve_digits);
	wants_body(f, digits);
	ask_range(f, "bytes=2-4");
	fixture_param(f, "HTTP_IF_NONE_MATCH", "\"v1\"");
	fixture_serve(f, serve_digits);
	assert_int_equal(f->result.status, 304);
}

static void
test_several_ranges(void **state)
{
	struct fixture *f = *state;
	char boundary[33], wanted[1024], *at;

	ask_range(f, "bytes=0-0, 5-6");
	fixture_serve(f, serve_digits);
	assert_int_equal(f->result.status, 206);
	at = strstr(f->head, "multipart/byteranges; boundary=");
	assert_non_null(at);
	memcpy(boundary, at + 31, 32);
	boundary[32] = '\0';
	assert_int_equal(strspn(boundary, "0123456789abcdef"), 32);
	snprintf(wanted, sizeof(wanted),
	    "\r\n--%s\r\nContent-Type: text/plain\r\n"
	    "Content-Range: bytes 0-0/10\r\n\r\n0"
	    "\r\n--%s\r\nContent-Type: text/plain\r\n"
	    "Content-Range: bytes 5-6/10\r\n\r\n56"
	    "\r\n--%s--\r\n", boundary, boundary, boundary);
	wants_body(f, wanted);
	snprintf(wanted, sizeof(wanted), "Content-Length: %zu",
	    f->body_length);
	wants_header(f, wanted);
	wants_no_header(f, "Content-Range");
}

static int
serve_accel(struct fh_request *rq)
{
	set_validators(rq);
	return fh_reply_file(rq, "/internal/x");
}

/* The web server would send the file all the same. */
static void
test_not_modified_has_no_file(void **state)
{
	struct fixture *f = *state;

	ask_range(f, NULL);
	fixture_param(f, "HTTP_IF_NONE_MATCH", "\"v1\"");
	fixture_serve(f, serve_accel);
	assert_int_equal(f->result.status, 304);
	wants_no_header(f, "X-Accel-Redirect");
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, \
	    fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_validators_are_headers),
		TEST(test_not_modified),
		TEST(test_only_a_200_is_judged),
		TEST(test_head_is_judged),
		TEST(test_not_modified_since),
		TEST(test_failed_reading),
		TEST(test_a_change_is_judged_before),
		TEST(test_only_what_is_not_there_yet),
		TEST(test_one_range),
		TEST(test_no_range),
		TEST(test_head_has_no_range),
		TEST(test_if_range),
		TEST(test_several_ranges),
		TEST(test_not_modified_has_no_file)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
