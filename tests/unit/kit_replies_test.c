/*
 * kit_replies_test.c - libfh-test: what a reply may be by its route's
 * declaration, and a body by its limit.
 *
 * Runs in: make check, over tests/fixtures/kit_show.c.
 * Owns: nothing.
 * Invariant: what fh_test.h says of FH_RESPONSES is that of input.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "include/fcgi-host/fh_test.h"

#define DECLARED	"/declared?body=%7B%22name%22:%22x%22"

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

static void
replies_that_are_declared(void **state)
{
	static const int own[] = { 206, 304, 400, 401, 403, 406, 412, 413,
	    415, 416, 422, 500, 503 };	/* the host's: input.h */
	const struct fh_test_reply *reply;
	char target[32];

	reply = fh_test_get(*state, DECLARED "%7D");
	fh_test_expect_string(reply, "/name", "x");
	reply = fh_test_get(*state, DECLARED ",%22count%22:5,%22z%22:1%7D");
	fh_test_expect_status(reply, 200);
	reply = fh_test_get(*state, "/declared?status=201&type=text/plain"
	    "%3Bcharset%3Dutf-8&body=%7B");
	fh_test_expect_status(reply, 201);
	fh_test_expect_status(fh_test_get(*state, "/declared?status=204"),
	    204);
	fh_test_expect_status(fh_test_get(*state, "/declared?status=404"
	    "&type=application/problem%2Bjson&body=%7B%7D"), 404);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(target, sizeof(target), "/only?status=%d", own[i]);
		fh_test_expect_status(fh_test_get(*state, target), own[i]);
	}
	/* What is not in the reply, or has left, is not looked into. */
	fh_test_expect_status(fh_test_get(*state, "/declared?file=1"), 200);
	reply = fh_test_get(*state, "/early");
	fh_test_expect_body(reply, "{x");
	assert_true(reply->whole);
	fh_test_expect_status(fh_test_send(fh_test_call(*state, "HEAD",
	    DECLARED "%7D")), 200);
}

static void
replies_that_are_not_declared(void **state)
{
	static const struct { const char *target, *words; } cases[] = {
		{ DECLARED ",%22count%22:6%7D", "not as declared: " },
		{ DECLARED ",%22count%22:6%7D", "count" },
		{ DECLARED ",%22count%22:%225%22%7D", "count" },
		{ DECLARED ",%22list%22:%5B1,true%5D%7D", "list.1" },
		{ "/declared?body=%7B%7D", "name" },
		{ "/declared?body=%5B%5D", "not as declared" },
		{ "/declared?body=%7B", "declared as JSON, but is none" },
		{ "/declared", "declared as JSON, but is none" },
		{ "/declared?status=202&body=%7B%7D", "the status 202" },
		{ "/only?status=404", "the status 404" },
		{ "/only?status=302", "the status 302" },
		{ "/declared?type=text/csv&body=x", "is text/csv" },
		{ "/declared?status=201&body=%7B%7D", "is application/json" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		fh_test_expect_problem(fh_test_get(*state, cases[i].target),
		    500, cases[i].words);
}

/* Breaks when: a body over the limit reaches a handler, or one at it does not.
 */
static void
a_body_at_its_limit(void **state)
{
	struct fh_test *test = fh_test_open(fixture(), "body_limit = 10\n");
	struct fh_test_call *call;

	(void)state;
	call = fh_test_body(fh_test_call(test, "POST", "/job"), "a/b",
	    "0123456789", 10);
	fh_test_expect_status(fh_test_send(call), 200);
	call = fh_test_body(fh_test_call(test, "POST", "/job"), "a/b",
	    "0123456789x", 11);
	fh_test_expect_problem(fh_test_send(call), 413, "body_limit");
	fh_test_close(test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_that_are_declared),
		cmocka_unit_test(replies_that_are_not_declared),
		cmocka_unit_test(a_body_at_its_limit)
	};

	return cmocka_run_group_tests(tests, open_show, close_show);
}
