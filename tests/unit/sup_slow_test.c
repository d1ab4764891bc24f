/*
 * sup_slow_test.c - how often slow handlers are looked for, and what the log
 * says of where one is.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure functions only; no process is looked at.
 */
#include "supervisor/sup_slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "config/config.h"

#define HANDLER	"\"module\":\"/s/generations/3/handlers/a.so\""

static uint64_t
period_of(uint64_t warn_ms, int64_t route_ms)
{
	struct config_route routes[] = {
		{ .sync_warn_ms = CONFIG_UNSET },
		{ .sync_warn_ms = route_ms }
	};
	struct config config = { .sync_warn_ms = warn_ms, .routes = routes,
	    .route_count = 2 };

	return sup_slow_period(&config);
}

/* Breaks when: a slow handler is seen late, or the supervisor wakes more often
 * than its time-outs need where nobody wants to know. */
static void
test_period(void **state)
{
	(void)state;
	assert_int_equal(period_of(250, CONFIG_UNSET), 125);
	assert_int_equal(period_of(0, CONFIG_UNSET), 1000);
	assert_int_equal(period_of(10, CONFIG_UNSET), 50);
	assert_int_equal(period_of(60000, CONFIG_UNSET), 1000);
	assert_int_equal(period_of(2000, 400), 200);
	assert_int_equal(period_of(0, 400), 200);
	assert_int_equal(period_of(400, 2000), 200);
	assert_int_equal(period_of(400, 0), 200);
	assert_int_equal(period_of(0, 0), 1000);
}

static bool	of_handler;

static const char *
line_of(const char *text)
{
	static char line[SUP_SLOW_LINE_MAX];
	struct json_object *report = json_tokener_parse(text);

	assert_non_null(report);
	sup_slow_line(report, line, sizeof(line));
	of_handler = sup_slow_is_of_handler(report);
	json_object_put(report);
	return line;
}

/* Breaks when: the host's own frames, which say nothing, are shown; or a frame
 * without debug information is lost. */
static void
test_frames(void **state)
{
	(void)state;
	assert_string_equal(line_of("{\"backtrace\":["
	    "{\"function\":\"sleep\",\"module\":\"/lib/libc.so.6\"},"
	    "{\"function\":\"work\",\"source\":\"/x/a.c:12\"," HANDLER "},"
	    "{\"pc\":\"0x7f\",\"offset\":\"0x10\"," HANDLER "},"
	    "{\"function\":\"api_serve\",\"source\":\"api.c:9\","
	    "\"module\":\"/usr/bin/fcgi-host\"}]}"),
	    "sleep (libc.so.6) < work (a.c:12) < a.so+0x10");
	assert_true(of_handler);
}

/* Breaks when: frames of the host, between two requests, count as those of a
 * handler that has returned meanwhile. */
static void
test_no_handler(void **state)
{
	(void)state;
	assert_string_equal(line_of("{\"backtrace\":["
	    "{\"function\":\"epoll_wait\"},{\"pc\":\"0x1\"}]}"),
	    "epoll_wait < 0x1");
	assert_false(of_handler);
}

/* Breaks when: a deep recursion is a line of pages, or hides who called it. */
static void
test_many_frames(void **state)
{
	char text[8192] = "{\"backtrace\":[";

	(void)state;
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s{\"function\":\"f%d\"," HANDLER "}", i > 0 ? "," : "",
		    i);
	strcat(text, "]}");
	assert_string_equal(line_of(text), "f0 (a.so) < f1 (a.so) < f2 (a.so) "
	    "< f3 (a.so) < f4 (a.so) < ... < f35 (a.so) < f36 (a.so) < "
	    "f37 (a.so) < f38 (a.so) < f39 (a.so)");
}

/* Breaks when: the line is longer than its place. */
static void
test_long_names(void **state)
{
	char text[8192] = "{\"backtrace\":[{\"function\":\"";
	size_t at = strlen(text);

	(void)state;
	memset(text + at, 'x', 5000);
	strcpy(text + at + 5000, "\"},{\"function\":\"y\"}]}");
	assert_int_equal(strlen(line_of(text)), SUP_SLOW_LINE_MAX - 1);
}

/* Breaks when: what is no report brings the supervisor down. */
static void
test_nonsense(void **state)
{
	(void)state;
	assert_string_equal(line_of("[]"), "");
	assert_string_equal(line_of("{}"), "");
	assert_string_equal(line_of("{\"backtrace\":7}"), "");
	assert_string_equal(line_of("{\"backtrace\":[]}"), "");
	assert_string_equal(line_of("{\"backtrace\":[null,7,{\"module\":1},"
	    "{\"function\":[]}]}"), "? < ? < ? < ?");
	assert_false(of_handler);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_period),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_no_handler),
		cmocka_unit_test(test_many_frames),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
