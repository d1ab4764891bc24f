/*
 * load_test.c - what a load test plans, counts and concludes.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is neither a clock nor chance in here: a seed is
 * always the same plan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "load/load.h"
#include "load/load_report.h"

/* Two routes: one with a rate and four users, one without and one user. */
static void
make_scenario(struct load_scenario *scenario)
{
	struct load_route *route;
	struct err err;

	load_scenario_init(scenario);
	scenario->url = strdup("http://127.0.0.1:8080/app/");
	scenario->warmup_ms = 0;
	route = load_scenario_add(scenario, "GET /a?x=1", &err);
	assert_non_null(route);
	assert_int_equal(load_route_rate(route, "100/s", &err), 0);
	assert_int_equal(load_route_users(route, "4", &err), 0);
	route = load_scenario_add(scenario, "POST /b", &err);
	assert_non_null(route);
	assert_int_equal(load_route_users(route, "1", &err), 0);
	assert_int_equal(load_scenario_check(scenario, &err), 0);
}

/* ------------------------------------------------------------------- plans */

/* Breaks when: a rate is not kept, users ask in step, or a seed changes. */
static void
test_a_plan_keeps_its_rate_and_not_in_step(void **state)
{
	struct load_scenario scenario;
	struct load_plan plan, again, other;
	size_t gaps = 0;

	(void)state;
	make_scenario(&scenario);
	scenario.duration_ms = 100000;
	assert_int_equal(load_plan_make(&scenario, 7, &plan, NULL), 0);
	assert_int_equal(load_plan_make(&scenario, 7, &again, NULL), 0);
	assert_int_equal(load_plan_make(&scenario, 8, &other, NULL), 0);
	assert_int_equal(plan.user_count, 5);
	assert_true(plan.users[4].loop && plan.users[4].count == 0);
	/* 10000 are due, and chance is some 100 of them */
	assert_in_range(plan.due_count, 9600, 10400);
	for (size_t i = 0; i < 4; i++) {
		const struct load_user *user = &plan.users[i];

		assert_in_range(user->count, 2300, 2700);
		for (size_t j = 1; j < user->count; j++) {
			uint32_t gap = plan.due[user->first + j] -
			    plan.due[user->first + j - 1];

			assert_true(gap < plan.end_us);
			gaps += gap > 40000;	/* the mean */
		}
	}
	/* of an exponential distribution 36.8 % are over their mean */
	assert_in_range(gaps, 3400, 3950);
	assert_int_equal(plan.due_count, again.due_count);
	assert_memory_equal(plan.due, again.due, plan.due_count * 4);
	assert_true(plan.due[0] != other.due[0]);
	load_plan_free(&plan);
	load_plan_free(&again);
	load_plan_free(&other);
	load_scenario_free(&scenario);
}

/* ------------------------------------------------------------------ counts */

/* A plan by hand: one user, due each second; and one that loops. */
static uint32_t due_times[] = { 1000000, 2000000, 3000000, 4000000 };
static struct load_user two_users[] = { { 0, false, 0, 4 },
	{ 1, true, 0, 0 } };

static struct load_plan
by_hand(void)
{
	return (struct load_plan){ .users = two_users, .user_count = 2,
		.due = due_times, .due_count = 4, .end_us = 5000000 };
}

static void
near(double value, double wanted)
{
	assert_true(value > wanted * 0.97 && value < wanted * 1.03);
}

/*
 * The server stalls for 2.9 s: the request of second 1 is answered at 3.9, the
 * two that were due meanwhile at once after it.  Breaks when: a latency is
 * counted from the sending, which would hide two of the three.
 */
static void
test_a_stall_counts_for_all_who_waited(void **state)
{
	struct load_plan plan = by_hand();
	struct load_scenario scenario;
	struct load_tally tally;
	struct load_figures figures;

	(void)state;
	make_scenario(&scenario);
	assert_int_equal(load_tally_init(&tally, &scenario, &plan), 0);
	load_tally_line(&tally, "0 1000000 3900000 200");
	load_tally_line(&tally, "0 3900000 3910000 200");
	load_tally_line(&tally, "0 3910000 3920000 200");
	load_tally_line(&tally, "0 4000000 4010000 200");
	load_tally_end(&tally, 5000000, false);
	figures = load_figures(&tally, &tally.results[0]);
	assert_int_equal(tally.results[0].due, 4);
	assert_int_equal(tally.results[0].held, 2);
	near(figures.max, 2900000);
	near(figures.mean, (2900000 + 1910000 + 920000 + 10000) / 4.0);
	near(figures.service_p50, 10000);
	near(figures.held, 0.5);
	assert_int_equal(figures.errors * 1000, 0);
	load_tally_free(&tally);
	load_scenario_free(&scenario);
}

/* Breaks when: what the generator was late is blamed on the server, or not told
 * at all. */
static void
test_the_generators_delay_is_its_own(void **state)
{
	struct load_plan plan = by_hand();
	struct load_scenario scenario;
	struct load_tally tally;
	struct load_figures figures;
	char why[512];

	(void)state;
	make_scenario(&scenario);
	assert_int_equal(load_tally_init(&tally, &scenario, &plan), 0);
	load_tally_line(&tally, "0 1500000 1510000 200");
	load_tally_line(&tally, "0 2500000 2510000 200");
	load_tally_line(&tally, "0 3500000 3510000 200");
	load_tally_line(&tally, "0 4500000 4510000 200");
	load_tally_end(&tally, 5000000, false);
	figures = load_figures(&tally, &tally.results[0]);
	near(figures.max, 10000);
	near(load_lag_us(&tally), 500000);
	assert_true(load_is_generators(&tally, why, sizeof(why)));
	assert_non_null(strstr(why, "could not keep this rate"));
	load_tally_free(&tally);
	load_scenario_free(&scenario);
}

/* Breaks when: who got no reply, or could not even ask, is left out. */
static void
test_what_is_missing_counts(void **state)
{
	struct load_plan plan = by_hand();
	struct load_scenario scenario;
	struct load_tally tally;

	(void)state;
	make_scenario(&scenario);
	assert_int_equal(load_tally_init(&tally, &scenario, &plan), 0);
	load_tally_line(&tally, "0 1000000 1010000 200");
	assert_false(load_tally_is_whole(&tally));
	load_tally_end(&tally, 10000000, false);
	assert_int_equal(tally.results[0].due, 4);
	assert_int_equal(tally.results[0].faults[LOAD_UNANSWERED], 1);
	assert_int_equal(tally.results[0].faults[LOAD_UNSENT], 2);
	assert_int_equal(tally.results[0].errors, 3);
	near((double)tally.results[0].max_us, 8000000);
	/* of the one that asks again at once: what it waits for */
	assert_int_equal(tally.results[1].faults[LOAD_UNANSWERED], 1);
	assert_int_equal(tally.results[2].errors, 4);
	load_tally_free(&tally);
	load_scenario_free(&scenario);
}

/* Breaks when: a Ctrl-C makes errors of what was under way, or hides how long
 * it had waited. */
static void
test_an_interrupt_leaves_requests_open(void **state)
{
	struct load_plan plan = by_hand();
	struct load_scenario scenario;
	struct load_tally tally;

	(void)state;
	make_scenario(&scenario);
	assert_int_equal(load_tally_init(&tally, &scenario, &plan), 0);
	load_tally_line(&tally, "0 1000000 1010000 200");
	load_tally_end(&tally, 2500000, true);
	assert_int_equal(tally.results[0].due, 2);
	assert_int_equal(tally.results[0].open, 1);
	assert_int_equal(tally.results[0].errors, 0);
	near((double)tally.results[0].max_us, 500000);
	assert_int_equal(tally.measured_us, 2500000);
	load_tally_free(&tally);
	load_scenario_free(&scenario);
}

/* Breaks when: a kind of error goes under another's name. */
static void
test_errors_by_kind(void **state)
{
	struct load_plan plan = by_hand();
	struct load_scenario scenario;
	struct load_tally tally;
	const struct load_result *result;

	(void)state;
	make_scenario(&scenario);
	scenario.timeout_ms = 500;
	assert_int_equal(load_tally_init(&tally, &scenario, &plan), 0);
	load_tally_line(&tally, "0 1000000 1010000 503");
	load_tally_line(&tally, "0 2000000 2010000 0");
	load_tally_line(&tally, "0 3000000 3600000 200");
	load_tally_line(&tally, "0 4000000 4010000 302");
	assert_false(load_tally_is_whole(&tally));
	load_tally_line(&tally, "1 4990000 5100000 200");
	assert_false(load_tally_is_whole(&tally));
	load_tally_line(&tally, "1 5100000 5100000 1");
	assert_true(load_tally_is_whole(&tally));
	load_tally_end(&tally, 5100000, false);
	result = &tally.results[0];
	assert_int_equal(result->statuses[503], 1);
	assert_int_equal(result->faults[LOAD_LOST], 1);
	assert_int_equal(result->faults[LOAD_LATE], 1);
	assert_int_equal(result->errors, 3);
	assert_int_equal(result->replies, 3);
	assert_int_equal(tally.malformed, 0);
	load_tally_free(&tally);
	load_scenario_free(&scenario);
}

/* Breaks when: a line that cannot be is counted, or written beyond a table. */
static void
test_lines_that_cannot_be(void **state)
{
	static const char *const lines[] = { "", "0", "0 1 2", "x 1 2 200",
		"0 1000000 999999 200", "2 1 2 200", "99999999999 1 2 200",
		"0 1 2 200", "0 1000000 1000001 600", "0 1000000 1000001 -1",
		"0 1000000 1000001 200 1", "0 1000000 99999999999 200",
		"1 -5 10 200", "1 5 10 2", "0 4500000 4500000 1" };
	struct load_plan plan = by_hand();
	struct load_scenario scenario;
	struct load_tally tally;

	(void)state;
	make_scenario(&scenario);
	assert_int_equal(load_tally_init(&tally, &scenario, &plan), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		load_tally_line(&tally, lines[i]);
		assert_int_equal(tally.malformed, i + 1);
	}
	for (size_t i = 0; i < 4; i++)
		load_tally_line(&tally, "0 4500000 4500001 200");
	load_tally_line(&tally, "0 4500001 4500002 200");
	assert_int_equal(tally.results[0].due, 4);
	load_tally_free(&tally);
	load_scenario_free(&scenario);
}

/* --------------------------------------------------------------- comparing */

/* Breaks when: an interval is not Student's.  The figures are R's:
 * t.test(log(c(50, 55, 45) / 100)). */
static void
test_an_interval(void **state)
{
	const double first[] = { 100, 100, 100 };
	const double second[] = { 50, 55, 45 };
	const double none[] = { 50, 0, 45 };
	struct load_change change = load_change_of(first, second, 3);

	(void)state;
	assert_true(change.known);
	near(change.factor, 0.4983);
	near(change.low, 0.3880);
	near(change.high, 0.6399);
	assert_false(load_change_of(first, second, 1).known);
	assert_false(load_change_of(first, none, 3).known);
}

static struct load_comparison *
turns(const struct load_scenario *scenario, const double p95[2][3],
    const uint64_t errors[2])
{
	struct load_comparison *out = calloc(1, sizeof(*out));

	assert_non_null(out);
	out->scenario = scenario;
	out->route = "GET /a";
	out->sides[0] = "sync";
	out->sides[1] = "async";
	out->pairs = 3;
	for (size_t i = 0; i < 6; i++) {
		struct load_turn *turn = &out->turns[i % 2][i / 2];

		for (size_t j = 0; j < 3; j++) {
			turn->requests[j] = 1000;
			turn->errors[j] = errors[i % 2];
			turn->routes[j].errors = (double)errors[i % 2] /
			    1000;
			turn->routes[j].p95 = p95[i % 2][i / 2];
		}
	}
	load_compare(out);
	return out;
}

/* Breaks when: the better side is the wrong one, noise is taken for a result,
 * or speed outweighs failures. */
static void
test_verdicts(void **state)
{
	const double clear[2][3] = { { 100, 110, 105 }, { 50, 52, 51 } };
	const double noise[2][3] = { { 100, 110, 105 }, { 90, 130, 100 } };
	const uint64_t none[2] = { 0, 0 }, second[2] = { 0, 50 };
	struct load_scenario scenario;
	struct load_comparison *got;

	(void)state;
	make_scenario(&scenario);
	got = turns(&scenario, clear, none);
	assert_int_equal(got->verdict, LOAD_SECOND_BETTER);
	assert_non_null(strstr(got->sentence, "async is better"));
	assert_non_null(strstr(got->sentence, "51 % lower"));
	free(got);
	got = turns(&scenario, noise, none);
	assert_int_equal(got->verdict, LOAD_NO_DIFFERENCE);
	free(got);
	got = turns(&scenario, clear, second);
	assert_int_equal(got->verdict, LOAD_FIRST_BETTER);
	assert_non_null(strstr(got->sentence, "5.00 %"));
	free(got);
	load_scenario_free(&scenario);
}

/* --------------------------------------------------------------- scenarios */

/* Breaks when: nonsense is planned, or a text can end a line of a request. */
static void
test_nonsense_is_refused(void **state)
{
	static const char *const requests[] = { "", "GET", "GET hello",
		"get /x", "GET /a b", "GET /a\r\nX: y", "GET  /x", "HEAD /x" };
	static const char *const rates[] = { "", "10", "0/s", "-1/s", "10/h",
		"1e9/s", "nan/s", "x" };
	static const char *const headers[] = { "", "X", ": y", "X y: z",
		"X: a\nY: b" };
	static const char *const urls[] = { "", "127.0.0.1", "ftp://x",
		"http://", "http://x:y", "http://x y", "http://a@b",
		"http://x:" };
	struct load_scenario scenario;
	struct load_route route = { 0 };
	struct load_url url;
	struct err err;

	(void)state;
	load_scenario_init(&scenario);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		assert_null(load_scenario_add(&scenario, requests[i], &err));
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		assert_int_equal(load_route_rate(&route, rates[i], &err), -1);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(load_route_header(&route, headers[i], &err),
		    -1);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_int_equal(load_url_parse(urls[i], &url, &err), -1);
	assert_int_equal(load_route_users(&route, "0", &err), -1);
	assert_int_equal(load_route_users(&route, "2001", &err), -1);
	assert_int_equal(load_scenario_check(&scenario, &err), -1);
	assert_int_equal(load_url_parse("https://[::1]:8443/a/", &url, &err),
	    0);
	assert_string_equal(url.host, "[::1]");
	assert_string_equal(url.port, "8443");
	assert_string_equal(url.prefix, "/a");
	load_scenario_free(&scenario);
}

/* Breaks when: --compare takes a route for another, or none for a pattern. */
static void
test_what_a_route_asks(void **state)
{
	static const struct { const char *request, *name; bool asks; } of[] = {
		{ "GET /a", "GET /a", true },
		{ "GET /a?x=/b", "GET /a", true },
		{ "GET /a/7?x", "GET /a/{id}", true },
		{ "GET /a/7/b", "GET /a/{id}/b", true },
		{ "GET /", "GET /", true },
		{ "GET /a/7/b", "GET /a/{id}", false },
		{ "GET /a/", "GET /a/{id}", false },
		{ "GET /ab", "GET /a", false },
		{ "GET /a", "GET /ab", false },
		{ "GET /a", "POST /a", false },
		{ "GET /a", "GET", false },
		{ "GET /a", "", false },
	};
	struct load_scenario scenario;

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		load_scenario_init(&scenario);
		assert_int_equal(load_route_asks(load_scenario_add(&scenario,
		    of[i].request, NULL), of[i].name), of[i].asks);
		load_scenario_free(&scenario);
	}
}

/* Breaks when: a request is not what was wanted, byte by byte. */
static void
test_the_bytes_of_a_request(void **state)
{
	struct load_scenario scenario;
	size_t length;
	char *bytes;

	(void)state;
	make_scenario(&scenario);
	bytes = load_request_bytes(&scenario, &scenario.routes[0], &length);
	assert_string_equal(bytes, "GET /app/a?x=1 HTTP/1.1\r\n"
	    "Host: 127.0.0.1:8080\r\nUser-Agent: fcgi-host-load\r\n\r\n");
	assert_int_equal(length, strlen(bytes));
	free(bytes);
	assert_int_equal(load_route_body(&scenario.routes[1], "{}", NULL), 0);
	assert_int_equal(load_route_header(&scenario.routes[1],
	    "Host: other", NULL), 0);
	bytes = load_request_bytes(&scenario, &scenario.routes[1], &length);
	assert_string_equal(bytes, "POST /app/b HTTP/1.1\r\n"
	    "User-Agent: fcgi-host-load\r\nHost: other\r\n"
	    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	free(bytes);
	load_scenario_free(&scenario);
}

/* Breaks when: the scenario that is ready is none, or not of 200 users. */
static void
test_the_scenario_that_is_ready(void **state)
{
	struct load_scenario scenario;
	struct err err;

	(void)state;
	load_scenario_init(&scenario);
	assert_int_equal(load_scenario_read(&scenario, "mixed-200", &err), 0);
	assert_int_equal(load_scenario_users(&scenario), 200);
	assert_int_equal(scenario.duration_ms, 60000);
	assert_int_equal(scenario.route_count, 4);
	assert_string_equal(scenario.routes[3].name, "GET /sleep");
	assert_string_equal(scenario.routes[3].target, "/sleep?seconds=0.2");
	load_scenario_free(&scenario);
}

/* ---------------------------------------------------------- configurations */

/* Breaks when: the second host keeps a socket, a folder or the jobs of the
 * first, or its route keeps its tag. */
static void
test_the_configuration_of_a_second_host(void **state)
{
	static const char text[] =
	    "listen = \"unix:/run/a\" # keep this\n"
	    "jobs_webhooks = { \"https://x\",\n \"https://y\" }\n"
	    "timeout = 5s\n"
	    "route \"GET /b\" { async = true }\n"
	    "route \"GET /a\" { timeout = 1s async = true pool = x }\n";
	char *got = load_config_text(text, strlen(text), "GET /a", false,
	    "control = \"/c\"\n");

	(void)state;
	assert_string_equal(got,
	    "                       # keep this\n"
	    "                              \n"
	    "              \n"
	    "timeout = 5s\n"
	    "route \"GET /b\" { async = true }\n"
	    "route \"GET /a\" { async = false\t timeout = 1s"
	    "              pool = x }\n\n"
	    "control = \"/c\"\n");
	free(got);
	got = load_config_text("timeout = 5s", 12, "GET /a", true, "x = 1\n");
	assert_string_equal(got, "timeout = 5s\nx = 1\n"
	    "route \"GET /a\" { async = true }\n");
	free(got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_plan_keeps_its_rate_and_not_in_step),
		cmocka_unit_test(test_a_stall_counts_for_all_who_waited),
		cmocka_unit_test(test_the_generators_delay_is_its_own),
		cmocka_unit_test(test_what_is_missing_counts),
		cmocka_unit_test(test_an_interrupt_leaves_requests_open),
		cmocka_unit_test(test_errors_by_kind),
		cmocka_unit_test(test_lines_that_cannot_be),
		cmocka_unit_test(test_an_interval),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_nonsense_is_refused),
		cmocka_unit_test(test_what_a_route_asks),
		cmocka_unit_test(test_the_bytes_of_a_request),
		cmocka_unit_test(test_the_scenario_that_is_ready),
		cmocka_unit_test(test_the_configuration_of_a_second_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
