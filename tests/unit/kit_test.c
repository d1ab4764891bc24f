/*
 * kit_test.c - libfh-test, as authors of handlers link it: fh_test.h, sentence
 * by sentence.
 *
 * Runs in: make check, over tests/fixtures/kit_show.c.
 * Owns: what is called at a failure, while one is expected.
 * Invariant: each expectation is seen to hold and to fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/fcgi-host/fh_test.h"

#define LONG_MS	20000		/* for what should come at once */

static char	last_failure[8192];
static int	failures;

static void
take_failure(void *context, const char *file, int line, const char *sentence)
{
	(void)context;
	(void)file;
	(void)line;
	failures++;
	snprintf(last_failure, sizeof(last_failure), "%s", sentence);
}

/* What follows must fail once, with these words. */
static void
begin_failing(void)
{
	failures = 0;
	fh_test_on_failure(take_failure, NULL);
}

static void
end_failing(const char *words)
{
	fh_test_on_failure(NULL, NULL);
	assert_int_equal(failures, 1);
	if (strstr(last_failure, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, last_failure);
}

static const char *
fixture(void)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/kit_show.so", getenv("FH_FIXTURES"));
	return path;
}

static int
open_show(void **state)
{
	*state = fh_test_open(fixture(), NULL);
	return 0;
}

static int
close_show(void **state)
{
	fh_test_close(*state);
	return 0;
}

/* ----------------------------------------------------------- requests */

static void
a_request_arrives_as_it_was_made(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "POST",
	    "/shown?q=a%20b");
	const struct fh_test_reply *reply;

	fh_test_header(call, "x-sent", "value");
	fh_test_cookie(fh_test_cookie(call, "a", "1"), "b", "2");
	fh_test_field(call, "other", "&=+ %");
	fh_test_field(call, "field", "x y");
	fh_test_param(call, "REMOTE_ADDR", "192.0.2.1");
	reply = fh_test_send(call);
	fh_test_expect_status(reply, 200);
	fh_test_expect_header(reply, "x-seen", "value");
	fh_test_expect_header(reply, "X-Other", NULL);
	fh_test_expect_body(reply, "POST /shown query=a b cookie=1,2 "
	    "form=x y addr=192.0.2.1 id=16\n");
}

static void
a_form_with_a_file_is_multipart(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "POST", "/echo");
	const struct fh_test_reply *reply;

	fh_test_field(call, "first", "1");
	fh_test_file(call, "upload", "a\"b.txt", NULL, "x\0y", 3);
	fh_test_field(call, "last", "2");
	reply = fh_test_send(call);
	assert_non_null(strstr(reply->type, "multipart/form-data; boundary="));
	fh_test_expect_text(reply, "name=\"first\"\r\n\r\n1\r\n");
	fh_test_expect_text(reply, "name=\"upload\"; filename=\"a%22b.txt\"\r\n"
	    "Content-Type: application/octet-stream\r\n\r\n");
	fh_test_expect_text(reply, "name=\"last\"\r\n\r\n2\r\n");
	assert_non_null(memmem(reply->body, reply->length, "x\0y\r\n--", 7));
}

static void
a_declared_file_arrives_or_is_refused(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "POST", "/photo");
	const struct fh_test_reply *reply;

	fh_test_field(call, "title", "Juist");
	fh_test_file(call, "photo", "a.png", "image/png", "xyz", 3);
	reply = fh_test_send(call);
	fh_test_expect_status(reply, 200);
	fh_test_expect_body(reply, "Juist: a.png, 3 bytes");
	call = fh_test_call(*state, "POST", "/photo");
	fh_test_file(call, "photo", "a.txt", "text/plain", "wxyz", 4);
	reply = fh_test_send(call);
	fh_test_expect_invalid(reply, "body.title", "missing");
	fh_test_expect_invalid(reply, "body.photo", "file_media_type");
	fh_test_expect_invalid(reply, "body.photo", "file_too_large");
}

static void
routes_are_found_as_in_the_host(void **state)
{
	const struct fh_test_reply *reply = fh_test_get(*state, "/nowhere");

	fh_test_expect_problem(reply, 404, "No route for this path.");
	reply = fh_test_post(*state, "/document", "{}");
	fh_test_expect_problem(reply, 405, "This path allows");
	fh_test_expect_header(reply, "Allow", "GET, HEAD, OPTIONS");
	reply = fh_test_send(fh_test_call(*state, "HEAD", "/document"));
	fh_test_expect_status(reply, 200);
	fh_test_expect_body(reply, "");
}

static void
finish_has_run_when_the_reply_is_there(void **state)
{
	fh_test_expect_body(fh_test_get(*state, "/counted"), "0");
	fh_test_expect_body(fh_test_get(*state, "/counted"), "1");
}

/* ----------------------------------------------------------- expectations */

static void
values_in_a_document(void **state)
{
	const struct fh_test_reply *reply = fh_test_get(*state, "/document");

	fh_test_expect_string(reply, "/name", "x");
	fh_test_expect_integer(reply, "/count", 3);
	fh_test_expect_number(reply, "/share", 0.5, 0);
	fh_test_expect_boolean(reply, "/on", true);
	fh_test_expect_null(reply, "/none");
	fh_test_expect_count(reply, "/items", 2);
	fh_test_expect_count(reply, "", 6);
	fh_test_expect_integer(reply, "/items/1", 2);
	reply = fh_test_get(*state, "/users/7");
	fh_test_expect_problem(reply, 404, "no user 7");
	reply = fh_test_get(*state, "/invalid");
	fh_test_expect_invalid(reply, "body.users.0.age", "int_parsing");
	fh_test_expect_invalid(reply, "body.users.0.age", NULL);
}

#define FAILS(call, words) \
	do { begin_failing(); call; end_failing(words); } while (0)

static void
each_expectation_can_fail(void **state)
{
	const struct fh_test_reply *reply = fh_test_get(*state, "/document");

	FAILS(fh_test_expect_status(reply, 201), "GET /document: expected the "
	    "status 201\nIt gave 200, application/json:\n{\"name\"");
	FAILS(fh_test_expect_header(reply, "X-A", "b"), "a header X-A: b");
	FAILS(fh_test_expect_header(reply, "Content-Type", "text/plain"),
	    "and it is \"application/json\"");
	FAILS(fh_test_expect_header(reply, "Content-Type", NULL),
	    "expected no header Content-Type");
	FAILS(fh_test_expect_body(reply, "{"), "expected the body \"{\"");
	FAILS(fh_test_expect_text(reply, "y"), "expected \"y\" in the body");
	FAILS(fh_test_expect_string(reply, "/name", "y"),
	    "expected \"y\" at \"/name\", and it is \"x\"");
	FAILS(fh_test_expect_string(reply, "/count", "3"), "and it is 3");
	FAILS(fh_test_expect_integer(reply, "/count", 4), "expected 4");
	FAILS(fh_test_expect_integer(reply, "/name", 0), "expected 0");
	FAILS(fh_test_expect_number(reply, "/share", 0.6, 0.01),
	    "(within 0.01)");
	FAILS(fh_test_expect_boolean(reply, "/on", false), "expected false");
	FAILS(fh_test_expect_boolean(reply, "/count", true), "expected true");
	FAILS(fh_test_expect_null(reply, "/on"), "expected null");
	FAILS(fh_test_expect_count(reply, "/items", 3), "expected 3 of them");
	FAILS(fh_test_expect_count(reply, "/on", 1), "expected 1 of them");
	FAILS(fh_test_expect_null(reply, "/no/such"), "where there is none");
	FAILS(fh_test_expect_problem(reply, 404, NULL), "a problem document");
	FAILS(fh_test_expect_invalid(reply, "body.x", NULL), "a 422");
	reply = fh_test_get(*state, "/invalid");
	FAILS(fh_test_expect_invalid(reply, "body.users.0", NULL),
	    "an error in body.users.0");
	FAILS(fh_test_expect_invalid(reply, "body.users.0.age", "missing"),
	    "of type missing");
	reply = fh_test_get(*state, "/counted");
	FAILS(fh_test_expect_string(reply, "/x", ""), "where there is none");
	reply = fh_test_get(*state, "/users/7");
	FAILS(fh_test_expect_problem(reply, 404, "user 8"), "\"user 8\"");
}

/* ----------------------------------------------------------- overlapping */

static void
async_calls_overlap_and_sync_ones_do_not(void **state)
{
	struct fh_test_call *a = fh_test_call(*state, "GET", "/overlap");
	struct fh_test_call *b = fh_test_call(*state, "GET", "/overlap");
	struct fh_test_call *c = fh_test_call(*state, "GET", "/alone");
	struct fh_test_call *d = fh_test_call(*state, "GET", "/alone");

	fh_test_start(a);
	assert_null(fh_test_wait(a, 10));
	fh_test_start(b);
	fh_test_start(c);
	fh_test_start(d);
	fh_test_expect_body(fh_test_wait(a, LONG_MS), "both\n");
	fh_test_expect_body(fh_test_wait(b, LONG_MS), "both\n");
	fh_test_expect_status(fh_test_wait(c, LONG_MS), 200);
	fh_test_expect_status(fh_test_wait(d, LONG_MS), 200);
}

static void
a_client_that_leaves(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "GET", "/until-told");
	const struct fh_test_reply *reply;

	fh_test_start(call);
	fh_test_cancel(call);
	reply = fh_test_wait(call, LONG_MS);
	assert_non_null(reply);
	fh_test_expect_status(reply, 0);
}

static void
a_host_that_wants_it_to_end(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "GET", "/until-told");

	fh_test_start(call);
	fh_test_end(call);
	fh_test_expect_body(fh_test_wait(call, LONG_MS), "told\n");
}

static void
time_that_is_up(void **state)
{
	struct fh_test_call *call = fh_test_timeout(
	    fh_test_call(*state, "GET", "/until-told"), 20);
	const struct fh_test_reply *reply = fh_test_send(call);

	fh_test_expect_problem(reply, 504, "within 20 ms");
	assert_true(reply->timed_out);
	call = fh_test_timeout(fh_test_call(*state, "GET", "/until-told"), 20);
	fh_test_start(call);
	reply = fh_test_wait(call, LONG_MS);
	fh_test_expect_problem(reply, 504, "within 20 ms");
	assert_true(reply->timed_out);
}

static void
a_stream_and_a_client_that_does_not_read(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "GET", "/stream");
	const struct fh_test_reply *reply;

	fh_test_hold(call, true);
	fh_test_start(call);
	assert_true(fh_test_wait_for(call, "begun\n", LONG_MS));
	assert_false(fh_test_wait_for(call, "ended\n", 20));
	fh_test_end(call);
	assert_null(fh_test_wait(call, 20));	/* it waits for room */
	fh_test_hold(call, false);
	reply = fh_test_wait(call, LONG_MS);
	fh_test_expect_status(reply, 200);
	fh_test_expect_text(reply, "ended\n");
	assert_true(reply->whole);
	assert_true(reply->length < 1 << 20);	/* it did wait */
}

static void
an_event_stream_waits_until_it_is_told(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "GET", "/waits");
	const struct fh_test_reply *reply;

	fh_test_start(call);
	assert_true(fh_test_wait_for(call, "data: waits\n\n", LONG_MS));
	fh_test_get(*state, "/ring");
	assert_true(fh_test_wait_for(call, "data: rang\n\n", LONG_MS));
	fh_test_end(call);
	reply = fh_test_wait(call, LONG_MS);
	fh_test_expect_header(reply, "Content-Type", "text/event-stream");
	fh_test_expect_text(reply, "data: told\n\n");
	call = fh_test_call(*state, "GET", "/waits");
	fh_test_start(call);
	assert_true(fh_test_wait_for(call, "data: waits\n\n", LONG_MS));
	fh_test_cancel(call);
	assert_non_null(fh_test_wait(call, LONG_MS));
}

static void
a_job_is_run_and_says_how_far_it_is(void **state)
{
	const struct fh_test_reply *reply = fh_test_post(*state, "/job",
	    "{}");

	fh_test_expect_body(reply, "worked\n");
	assert_int_equal(reply->done, 2);
	assert_int_equal(reply->total, 3);
	assert_non_null(fh_test_reply_header(reply, "X-Job"));
	fh_test_expect_header(reply, "X-Attempt", "1");
	reply = fh_test_send(fh_test_param(fh_test_json(fh_test_call(*state,
	    "POST", "/job"), "{}"), "JOB_ATTEMPT", "2"));
	fh_test_expect_header(reply, "X-Attempt", "2");
}

static void
a_reply_that_breaks_off(void **state)
{
	const struct fh_test_reply *reply = fh_test_get(*state, "/broken");

	assert_false(reply->whole);
	fh_test_expect_body(reply, "begun\n");
	FAILS(fh_test_expect_status(reply, 500), "not whole");
}

static void
closing_ends_what_still_runs(void **state)
{
	struct fh_test *test = fh_test_open(fixture(), NULL);

	(void)state;
	fh_test_start(fh_test_call(test, "GET", "/until-told"));
	fh_test_start(fh_test_call(test, "GET", "/overlap"));
	fh_test_close(test);
}

/* ----------------------------------------------------------- loading */

static void
settings_and_models_come_from_the_text(void **state)
{
	char config[512], path[] = "/tmp/kit_test.XXXXXX";
	int fd = mkstemp(path);
	struct fh_test *test;

	(void)state;
	assert_int_equal(write(fd, "words", 6), 6);
	close(fd);
	snprintf(config, sizeof(config), "handler \"kit_show\" { set = "
	    "{ \"greeting=hello\" } }\n"
	    "model \"words\" { path = \"%s\" kind = file }\n", path);
	test = fh_test_open(fixture(), config);
	fh_test_expect_body(fh_test_get(test, "/settings"), "hello, words");
	fh_test_close(test);
	unlink(path);
	begin_failing();
	assert_null(fh_test_open(fixture(), config));
	end_failing("model \"words\" is not there");
}

static void
a_client_that_is_known(void **state)
{
	struct fh_test *test = fh_test_open(fixture(),
	    "auth \"partners\" { type = key  keys_file = \"/nowhere\" }\n"
	    "route \"GET /who\" { auth = \"partners\"  scopes = \"read\" }\n");
	struct fh_test_call *call;

	(void)state;
	fh_test_expect_problem(fh_test_get(test, "/who"), 401, "is not known");
	call = fh_test_as(fh_test_call(test, "GET", "/who"), "ada", "look",
	    NULL);
	fh_test_expect_problem(fh_test_send(call), 403, "the scopes read");
	call = fh_test_as(fh_test_call(test, "GET", "/who"), "ada",
	    "read write", "{\"sub\":\"ada\"}");
	fh_test_expect_body(fh_test_send(call),
	    "ada, read write, {\"sub\":\"ada\"}, 1");
	fh_test_expect_status(fh_test_get(test, "/document"), 200);
	fh_test_close(test);
}

static void
expect_run(const struct fh_test_reply *reply, const char *body,
    const char *kind)
{
	const char *found = fh_test_reply_header(reply, "Cache-Status");

	fh_test_expect_status(reply, 200);
	fh_test_expect_body(reply, body);
	assert_non_null(found);
	assert_memory_equal(found, kind, strlen(kind));
}

static const struct fh_test_reply *
under_condition(struct fh_test *test, const char *target, const char *tag)
{
	return fh_test_send(fh_test_header(fh_test_call(test, "GET", target),
	    "If-None-Match", tag));
}

static void
replies_that_are_kept(struct fh_test *test)
{
	const struct fh_test_reply *reply;

	expect_run(fh_test_get(test, "/kept"), "run 3\n",
	    "fcgi-host; fwd=miss; stored");
	reply = fh_test_get(test, "/kept");
	expect_run(reply, "run 3\n", "fcgi-host; hit; ttl=");
	fh_test_expect_header(reply, "Age", "0");
	assert_true(reply->whole);
	reply = fh_test_send(fh_test_call(test, "HEAD", "/kept"));
	expect_run(reply, "", "fcgi-host; hit; ttl=");
	expect_run(fh_test_get(test, "/kept?x"), "run 4\n",
	    "fcgi-host; fwd=miss; stored");
	expect_run(fh_test_send(fh_test_as(fh_test_call(test, "GET", "/kept"),
	    "ada", NULL, NULL)), "run 5\n", "fcgi-host; fwd=miss; stored");
	for (int i = 6; i < 8; i++)
		assert_int_equal(atoi(fh_test_get(test, "/kept?private")->body +
		    sizeof("run")), i);
	expect_run(fh_test_get(test, "/kept?tag=a"), "run 8\n",
	    "fcgi-host; fwd=miss; stored");
	reply = under_condition(test, "/kept?tag=a", "\"a\"");
	fh_test_expect_status(reply, 304);
	fh_test_expect_header(reply, "ETag", "\"a\"");
	fh_test_expect_body(reply, "");
	expect_run(under_condition(test, "/kept?tag=a", "\"b\""), "run 8\n",
	    "fcgi-host; hit; ttl=");
}

/* Breaks when: `cache` of a route does something where no test has asked for
 * it, or does not what it does in the host. */
static void
cache_has_effect_where_wanted(void **state)
{
	struct fh_test *test = fh_test_open(fixture(), NULL);
	struct fh_test_call *call;

	(void)state;
	fh_test_expect_body(fh_test_get(test, "/kept"), "run 1\n");
	fh_test_expect_body(fh_test_get(test, "/kept"), "run 2\n");
	fh_test_expect_header(fh_test_get(test, "/ring"), "Cache-Status",
	    NULL);
	fh_test_keep(test, true);
	replies_that_are_kept(test);
	call = fh_test_call(test, "GET", "/kept");
	fh_test_start(call);
	expect_run(fh_test_wait(call, LONG_MS), "run 3\n",
	    "fcgi-host; hit; ttl=");
	fh_test_keep(test, false);
	fh_test_expect_body(fh_test_get(test, "/kept"), "run 9\n");
	fh_test_keep(test, true);	/* ... and has forgotten */
	expect_run(fh_test_get(test, "/kept-async"), "run 10\n",
	    "fcgi-host; fwd=miss; stored");
	expect_run(fh_test_get(test, "/kept"), "run 11\n",
	    "fcgi-host; fwd=miss; stored");
	fh_test_close(test);
}

static void
what_the_host_would_refuse(void **state)
{
	(void)state;
	begin_failing();
	assert_null(fh_test_open(fixture(), "timeout = \"10\""));
	end_failing("the test's configuration:1: timeout");
	begin_failing();
	assert_null(fh_test_open("nowhere.so", NULL));
	end_failing("nowhere.so");
	begin_failing();
	assert_null(fh_test_open(fixture(), "route \"GET /unlike/any\" { }"));
	end_failing("no loaded handler has a route like it");
}

static void
misuse_is_said(void **state)
{
	struct fh_test_call *call = fh_test_call(*state, "GET", "/document");

	fh_test_send(call);
	FAILS(fh_test_send(call), "a call is sent or started once");
	FAILS(fh_test_call(*state, "GET", "document"), "begins with '/'");
	FAILS(fh_test_call(*state, "GET", "/%zz"), "malformed escape");
	call = fh_test_call(*state, "GET", "/stream");
	fh_test_hold(call, true);
	fh_test_end(call);
	FAILS(fh_test_send(call), "is started, not sent");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_arrives_as_it_was_made),
		cmocka_unit_test(a_form_with_a_file_is_multipart),
		cmocka_unit_test(a_declared_file_arrives_or_is_refused),
		cmocka_unit_test(routes_are_found_as_in_the_host),
		cmocka_unit_test_setup_teardown(
		    finish_has_run_when_the_reply_is_there, open_show,
		    close_show),
		cmocka_unit_test(values_in_a_document),
		cmocka_unit_test(each_expectation_can_fail),
		cmocka_unit_test_setup_teardown(
		    async_calls_overlap_and_sync_ones_do_not, open_show,
		    close_show),
		cmocka_unit_test(a_client_that_leaves),
		cmocka_unit_test(a_host_that_wants_it_to_end),
		cmocka_unit_test(time_that_is_up),
		cmocka_unit_test(a_stream_and_a_client_that_does_not_read),
		cmocka_unit_test(an_event_stream_waits_until_it_is_told),
		cmocka_unit_test(a_job_is_run_and_says_how_far_it_is),
		cmocka_unit_test(a_reply_that_breaks_off),
		cmocka_unit_test(closing_ends_what_still_runs),
		cmocka_unit_test(settings_and_models_come_from_the_text),
		cmocka_unit_test(a_client_that_is_known),
		cmocka_unit_test(cache_has_effect_where_wanted),
		cmocka_unit_test(what_the_host_would_refuse),
		cmocka_unit_test(misuse_is_said),
	};

	return cmocka_run_group_tests(tests, open_show, close_show);
}
