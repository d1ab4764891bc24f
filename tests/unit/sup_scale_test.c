/*
 * sup_scale_test.c - when a pool gets workers, and when one has to leave.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is no clock in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "supervisor/sup_scale.h"

#define TIMEOUT_MS	1000

static struct sup_scale_step
step(struct sup_scale *scale, uint32_t wanted, uint32_t ready, uint64_t now_ms)
{
	struct sup_scale_now now = { .wanted = wanted, .ready = ready };

	return sup_scale_step(scale, &now, TIMEOUT_MS, now_ms);
}

static void
test_the_first_request_starts_one(void **state)
{
	struct sup_scale scale = { 0 };

	(void)state;
	assert_int_equal(step(&scale, 1, 0, 5).start, 1);
	assert_int_equal(step(&scale, 7, 0, 5).start, 1);
	assert_int_equal(step(&scale, 0, 0, 5).start, 0);
}

static void
test_a_crowd_doubles_them(void **state)
{
	struct sup_scale scale = { 0 };

	(void)state;
	assert_int_equal(step(&scale, 16, 1, 5).start, 1);
	assert_int_equal(step(&scale, 16, 4, 5).start, 4);
	assert_int_equal(step(&scale, 16, 12, 5).start, 4);
	assert_int_equal(step(&scale, 16, 16, 5).start, 0);
}

/* Those that are on their way are not started twice. */
static void
test_who_is_coming_counts(void **state)
{
	struct sup_scale_now now = { .wanted = 4, .coming = 3, .ready = 1 };
	struct sup_scale scale = { 0 };

	(void)state;
	assert_int_equal(sup_scale_step(&scale, &now, 1, 5).start, 0);
	now.wanted = 5;
	assert_int_equal(sup_scale_step(&scale, &now, 1, 5).start, 1);
}

static void
test_too_many_leave_when_their_time_is_over(void **state)
{
	struct sup_scale scale = { 0 };

	(void)state;
	for (uint64_t at = 100; at < 100 + TIMEOUT_MS; at += 10)
		assert_false(step(&scale, 1, 4, at).retire);
	assert_true(step(&scale, 1, 4, 100 + TIMEOUT_MS).retire);
	assert_true(step(&scale, 1, 3, 110 + TIMEOUT_MS).retire);
	assert_true(step(&scale, 1, 2, 120 + TIMEOUT_MS).retire);
	assert_false(step(&scale, 1, 1, 130 + TIMEOUT_MS).retire);
	assert_false(step(&scale, 1, 1, 130 + 9 * TIMEOUT_MS).retire);
}

static void
test_they_leave_one_at_a_time(void **state)
{
	struct sup_scale_now now = { .wanted = 0, .ready = 3 };
	struct sup_scale scale = { 0 };

	(void)state;
	sup_scale_step(&scale, &now, TIMEOUT_MS, 1);
	assert_true(sup_scale_step(&scale, &now, TIMEOUT_MS,
	    1 + TIMEOUT_MS).retire);
	now.ready = 2;
	now.leaving = 1;
	assert_false(sup_scale_step(&scale, &now, TIMEOUT_MS,
	    1 + 5 * TIMEOUT_MS).retire);
	now.leaving = 0;
	assert_true(sup_scale_step(&scale, &now, TIMEOUT_MS,
	    1 + 5 * TIMEOUT_MS).retire);
}

/* One that starts may be the next that serves: it cannot leave yet. */
static void
test_who_is_not_ready_does_not_leave(void **state)
{
	struct sup_scale_now now = { .wanted = 0, .coming = 1 };
	struct sup_scale scale = { 0 };

	(void)state;
	for (uint64_t at = 1; at < 5 * TIMEOUT_MS; at += 100)
		assert_false(sup_scale_step(&scale, &now, TIMEOUT_MS,
		    at).retire);
}

/* A load that needs 5 to 7 of 8 keeps 7, and does not start and end one all
 * the time. */
static void
test_what_was_needed_within_the_time_stays(void **state)
{
	struct sup_scale scale = { 0 };
	uint32_t ready = 8, started = 0;

	(void)state;
	for (uint64_t at = 1; at < 20 * TIMEOUT_MS; at += 100) {
		struct sup_scale_step next = step(&scale,
		    at / 100 % 5 == 0 ? 7 : 5, ready, at);

		started += next.start;
		ready -= next.retire;
	}
	assert_int_equal(ready, 7);
	assert_int_equal(started, 0);
}

static void
test_demand_begins_the_time_anew(void **state)
{
	struct sup_scale scale = { 0 };

	(void)state;
	step(&scale, 1, 4, 100);
	step(&scale, 4, 4, 900);
	step(&scale, 1, 4, 1000);
	assert_false(step(&scale, 1, 4, 900 + TIMEOUT_MS).retire);
	assert_true(step(&scale, 1, 4, 1000 + TIMEOUT_MS).retire);
}

/* ------------------------------------------------- how many a load needs */

static struct config_pool
pool_of(uint32_t option, uint32_t threads)
{
	struct config_pool pool = { .workers_option = option, .max_workers = 8,
	    .min_workers = 2, .spare_workers = 1, .threads = threads };

	config_pool_settle(&pool);
	return pool;
}

static void
test_a_number_is_that_many(void **state)
{
	struct config_pool pool = pool_of(3, 1);

	(void)state;
	assert_int_equal(pool.scaling, CONFIG_SCALING_STATIC);
	assert_int_equal(config_pool_wanted(&pool, 0), 3);
	assert_int_equal(config_pool_wanted(&pool, UINT64_MAX), 3);
}

static void
test_static_is_max_workers(void **state)
{
	struct config_pool pool = pool_of(CONFIG_WORKERS_STATIC, 1);

	(void)state;
	assert_int_equal(config_pool_wanted(&pool, 0), 8);
}

static void
test_dynamic_has_spare_ones_within_its_bounds(void **state)
{
	struct config_pool pool = pool_of(CONFIG_WORKERS_DYNAMIC, 1);

	(void)state;
	assert_int_equal(config_pool_wanted(&pool, 0), 2);
	assert_int_equal(config_pool_wanted(&pool, 1), 2);
	assert_int_equal(config_pool_wanted(&pool, 2), 3);
	assert_int_equal(config_pool_wanted(&pool, 7), 8);
	assert_int_equal(config_pool_wanted(&pool, 8), 8);
	assert_int_equal(config_pool_wanted(&pool, UINT64_MAX), 8);
}

static void
test_ondemand_has_what_it_needs(void **state)
{
	struct config_pool pool = pool_of(CONFIG_WORKERS_ONDEMAND, 1);

	(void)state;
	assert_int_equal(config_pool_wanted(&pool, 0), 0);
	assert_int_equal(config_pool_wanted(&pool, 1), 1);
	assert_int_equal(config_pool_wanted(&pool, 100), 8);
}

static void
test_threads_take_several(void **state)
{
	struct config_pool pool = pool_of(CONFIG_WORKERS_ONDEMAND, 4);

	(void)state;
	assert_int_equal(config_pool_wanted(&pool, 1), 1);
	assert_int_equal(config_pool_wanted(&pool, 4), 1);
	assert_int_equal(config_pool_wanted(&pool, 5), 2);
	assert_int_equal(config_pool_wanted(&pool, UINT64_MAX), 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_request_starts_one),
		cmocka_unit_test(test_a_crowd_doubles_them),
		cmocka_unit_test(test_who_is_coming_counts),
		cmocka_unit_test(test_too_many_leave_when_their_time_is_over),
		cmocka_unit_test(test_they_leave_one_at_a_time),
		cmocka_unit_test(test_who_is_not_ready_does_not_leave),
		cmocka_unit_test(test_what_was_needed_within_the_time_stays),
		cmocka_unit_test(test_demand_begins_the_time_anew),
		cmocka_unit_test(test_a_number_is_that_many),
		cmocka_unit_test(test_static_is_max_workers),
		cmocka_unit_test(test_dynamic_has_spare_ones_within_its_bounds),
		cmocka_unit_test(test_ondemand_has_what_it_needs),
		cmocka_unit_test(test_threads_take_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
