/*
 * api_whole_test.c - whole replies and problem documents.
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
