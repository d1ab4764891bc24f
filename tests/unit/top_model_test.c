/*
 * top_model_test.c - `fcgi-host top`: two documents make rates and rows.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is neither a host nor a terminal.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "top_fixture.h"

/* Breaks when: a rate is not of the time between the two, or a figure is of
 * another thing. */
static void
test_two_documents(void **state)
{
	struct top_model *model = top_fixture_model();
	const struct top_row *row = &model->tables[TOP_ROUTES].rows[0];

	(void)state;
	assert_string_equal(model->title,
	    "fcgi-host 0.4.0 serving  gen 3  up 12s");
	assert_true(model->requests == 125 && model->failed == 2);
	assert_true(model->refused == 0);
	assert_int_equal(model->in_flight, 7);
	assert_int_equal(model->queued, 3);
	assert_int_equal(model->connections, 7);
	assert_int_equal(model->tables[TOP_ROUTES].count, 2);
	assert_string_equal(row->name, "GET /a");
	assert_string_equal(row->cells[0], "125");
	assert_string_equal(row->cells[1], "900us");
	assert_string_equal(row->cells[2], "12.3ms");
	assert_string_equal(row->cells[3], "40us");
	assert_string_equal(row->cells[4], "2");
	assert_string_equal(row->cells[5], "2");
	assert_string_equal(row->cells[7], "closed");
	assert_true(row->closed && row->style == TOP_WARN);
	assert_false(row[1].closed);
	assert_int_equal(row[1].style, TOP_BAD);
	top_model_destroy(model);
}

/* Breaks when: a worker, a request, a pool or a model is told wrongly, or an
 * order would name another. */
static void
test_the_other_tables(void **state)
{
	struct top_model *model = top_fixture_model();
	const struct top_row *workers = model->tables[TOP_WORKERS].rows;
	const struct top_row *running = model->tables[TOP_RUNNING].rows;
	const struct top_row *pool = model->tables[TOP_POOLS].rows;

	(void)state;
	assert_string_equal(workers[1].name, "1 default");
	assert_string_equal(workers[1].target, "1");
	assert_string_equal(workers[1].cells[0], "10");
	assert_string_equal(workers[0].cells[1], "1/4");
	assert_string_equal(workers[0].cells[2], "1M");
	assert_int_equal(workers[1].style, TOP_WARN);
	assert_string_equal(running[0].target, "4f2a");
	assert_string_equal(running[0].cells[0], "12s");
	assert_string_equal(running[0].cells[1], "0");
	assert_string_equal(running[1].cells[1], "front");
	assert_string_equal(pool->cells[0], "1/2");
	assert_string_equal(pool->cells[3], "3");
	assert_string_equal(pool->cells[5], "5");
	assert_string_equal(model->tables[TOP_MODELS].rows[0].cells[0],
	    "500M");
	top_model_destroy(model);
}

/* No rates: of the first document, of another host, of a clock that stands. */
static void
test_no_rates(void **state)
{
	struct json_object *first = top_fixture(10000, 100, 0, 10);
	struct json_object *other = top_fixture(12000, 50, 0, 10);
	struct json_object *befores[] = { NULL, first, first, other };
	struct json_object *nows[] = { first, first, other, first };
	struct top_model *model;

	(void)state;
	json_object_object_add(other, "started_at", json_object_new_int(1));
	for (int i = 0; i < 4; i++) {
		model = top_model_create(nows[i], befores[i]);
		assert_true(isnan(model->requests));
		assert_string_equal(model->tables[TOP_ROUTES].rows[0].cells[0],
		    "-");
		top_model_destroy(model);
	}
	json_object_put(first);
	json_object_put(other);
}

/* Breaks when: a process is compared with another that had its place, a route
 * with another, or a counter that went back gives a rate. */
static void
test_others_in_their_place(void **state)
{
	struct json_object *before = top_fixture(10000, 900, 0, 10);
	struct json_object *now = top_fixture(12000, 350, 0, 30);
	struct json_object *workers = json_object_object_get(before,
	    "workers");
	struct top_model *model;

	(void)state;
	json_object_object_add(json_object_array_get_idx(workers, 1), "pid",
	    json_object_new_int(4711));
	model = top_model_create(now, before);
	assert_string_equal(model->tables[TOP_WORKERS].rows[1].cells[0], "-");
	assert_string_equal(model->tables[TOP_ROUTES].rows[0].cells[0], "-");
	assert_string_equal(model->tables[TOP_ROUTES].rows[1].cells[0], "0");
	top_model_destroy(model);
	json_object_put(before);
	json_object_put(now);
}

static void
check_order(struct top_model *model, enum top_sort sort,
    enum top_section section, const char *first, const char *second)
{
	top_model_sort(model, sort);
	assert_string_equal(model->tables[section].rows[0].name, first);
	assert_string_equal(model->tables[section].rows[1].name, second);
}

/* Breaks when: a table is not by what was asked, or, where it has no such
 * figure, not as in the document. */
static void
test_orders(void **state)
{
	struct top_model *model = top_fixture_model();

	(void)state;
	check_order(model, TOP_BY_FLIGHT, TOP_ROUTES, "POST /b/{id}",
	    "GET /a");
	check_order(model, TOP_BY_RATE, TOP_ROUTES, "GET /a", "POST /b/{id}");
	check_order(model, TOP_BY_P95, TOP_ROUTES, "GET /a", "POST /b/{id}");
	check_order(model, TOP_BY_MEMORY, TOP_WORKERS, "1 default",
	    "0 default");
	check_order(model, TOP_BY_P95, TOP_WORKERS, "0 default", "1 default");
	check_order(model, TOP_BY_FLIGHT, TOP_WORKERS, "0 default",
	    "1 default");
	check_order(model, TOP_BY_NAME, TOP_RUNNING, "GET /a", "GET /s");
	top_model_destroy(model);
}

/* Breaks when: a document of another kind than expected crashes it. */
static void
test_strange_documents(void **state)
{
	static const char *const texts[] = { "{}",
		"{\"routes\": 7, \"workers\": {}, \"running\": [],"
		" \"pools\": \"x\", \"models\": null, \"degraded\": 1}",
		"{\"routes\": [1, null, [], {}, \"x\", {\"route\": 7,"
		" \"requests\": -5, \"in_flight\": \"many\","
		" \"run_us\": [], \"refused\": {\"a\": {}}}],"
		" \"running\": {\"oldest\": [null, {\"worker\": {}}]},"
		" \"workers\": [null], \"pools\": [[]], \"models\": [{}],"
		" \"degraded\": [null], \"uptime_ms\": 1e300}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_object *one = json_tokener_parse(texts[i]);
		struct top_model *model = top_model_create(one, one);

		assert_non_null(one);
		assert_non_null(model);
		for (int sort = 0; sort < TOP_SORTS; sort++)
			top_model_sort(model, (enum top_sort)sort);
		top_model_destroy(model);
		json_object_put(one);
	}
}

/* Breaks when: a figure takes more than a column, or is of another size. */
static void
test_units(void **state)
{
	static const struct {
		uint64_t	value;
		const char	*us, *bytes;
	} cases[] = {
		{ 0, "0us", "0B" }, { 999, "999us", "999B" },
		{ 1000, "1ms", "1000B" }, { 1536, "1.5ms", "1.5K" },
		{ 999999, "1.0s", "977K" }, { 12345678, "12.3s", "11.8M" },
		{ UINT64_MAX, "99999s", "99999T" },
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		top_put_us(text, sizeof(text), cases[i].value);
		assert_string_equal(text, cases[i].us);
		top_put_bytes(text, sizeof(text), cases[i].value);
		assert_string_equal(text, cases[i].bytes);
	}
	top_put_rate(text, sizeof(text), NAN);
	assert_string_equal(text, "-");
	top_put_rate(text, sizeof(text), 0.01);
	assert_string_equal(text, "0");
	top_put_rate(text, sizeof(text), 12345);
	assert_string_equal(text, "12.3k");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_documents),
		cmocka_unit_test(test_the_other_tables),
		cmocka_unit_test(test_no_rates),
		cmocka_unit_test(test_others_in_their_place),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_strange_documents),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
