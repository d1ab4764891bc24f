/*
 * sup_recycle_test.c - when a worker is to be replaced by a fresh one.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is neither a clock nor chance in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/sup_recycle.h"

#define MIB	(UINT64_C(1) << 20)

static enum sup_recycle_reason
due(const struct sup_recycle *limits, uint64_t requests, uint64_t age_ms,
    uint64_t private_bytes)
{
	struct sup_recycle now = { requests, age_ms, private_bytes };

	return sup_recycle_due(limits, &now);
}

static void
test_each_figure_has_its_reason(void **state)
{
	const struct sup_recycle limits = { 100, 5000, 64 * MIB };

	(void)state;
	assert_int_equal(due(&limits, 99, 4999, 64 * MIB - 1),
	    SUP_RECYCLE_REASONS);
	assert_int_equal(due(&limits, 100, 0, 0), SUP_RECYCLE_REQUESTS);
	assert_int_equal(due(&limits, 0, 5000, 0), SUP_RECYCLE_AGE);
	assert_int_equal(due(&limits, 0, 0, 64 * MIB), SUP_RECYCLE_MEMORY);
}

static void
test_what_is_not_set_is_no_reason(void **state)
{
	const struct config_pool pool = { .workers = 8, .recycle_jitter = 50 };
	struct sup_recycle limits = sup_recycle_draw(&pool, MIB, 12345);

	(void)state;
	assert_int_equal(due(&limits, UINT64_MAX, UINT64_MAX, UINT64_MAX),
	    SUP_RECYCLE_REASONS);
	assert_int_equal(config_pool_spares(&pool), 0);
}

/* Never over the figure, down to the percent below it, and all over that. */
static void
test_chance_lowers_them(void **state)
{
	const struct config_pool pool = { .recycle_requests = 1000,
	    .recycle_age_ms = 100000, .recycle_memory = 100 * MIB,
	    .recycle_jitter = 20 };
	unsigned below[4] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1024; i++) {
		struct sup_recycle limits = sup_recycle_draw(&pool, 0, i);

		assert_in_range(limits.requests, 800, 1000);
		assert_in_range(limits.age_ms, 80000, 100000);
		assert_in_range(limits.private_bytes, 80 * MIB, 100 * MIB);
		below[(limits.requests - 800) / 51]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(below[i], 200, 300);
	assert_int_equal(sup_recycle_draw(&pool, 0, 0).requests, 1000);
	assert_int_equal(sup_recycle_draw(&pool, 0, 1023).requests, 800);
}

static void
test_without_jitter_they_are_exact(void **state)
{
	const struct config_pool pool = { .recycle_requests = 3,
	    .recycle_age_ms = 1000, .recycle_memory = MIB };

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct sup_recycle limits = sup_recycle_draw(&pool, 0, i);

		assert_int_equal(limits.requests, 3);
		assert_int_equal(limits.age_ms, 1000);
		assert_int_equal(limits.private_bytes, MIB);
	}
}

/* One is never too many to begin with. */
static void
test_small_figures_stay_above_nothing(void **state)
{
	const struct config_pool pool = { .recycle_requests = 1,
	    .recycle_jitter = 50 };

	(void)state;
	for (uint32_t i = 0; i < 1024; i++)
		assert_int_equal(sup_recycle_draw(&pool, 0, i).requests, 1);
}

/* A limit below what every worker starts with does not replace them for ever;
 * what grows beyond is still bounded. */
static void
test_who_begins_with_more_has_to_grow(void **state)
{
	const struct config_pool pool = { .recycle_memory = 64 * MIB };
	struct sup_recycle limits = sup_recycle_draw(&pool, 80 * MIB, 7);

	(void)state;
	assert_int_equal(due(&limits, 1, 1, 80 * MIB), SUP_RECYCLE_REASONS);
	assert_int_equal(due(&limits, 1, 1, 100 * MIB), SUP_RECYCLE_MEMORY);
	limits = sup_recycle_draw(&pool, 10 * MIB, 7);
	assert_int_equal(due(&limits, 1, 1, 64 * MIB), SUP_RECYCLE_MEMORY);
}

static void
test_one_in_eight_is_out(void **state)
{
	struct config_pool pool = { .recycle_age_ms = 1 };

	(void)state;
	for (pool.workers = 1; pool.workers <= 8; pool.workers++)
		assert_int_equal(config_pool_spares(&pool), 1);
	assert_int_equal(config_pool_spares(&pool), 2);
	pool.workers = 1024;
	assert_int_equal(config_pool_spares(&pool), 128);
	assert_int_equal(config_pool_slots(&pool), 1152);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_figure_has_its_reason),
		cmocka_unit_test(test_what_is_not_set_is_no_reason),
		cmocka_unit_test(test_chance_lowers_them),
		cmocka_unit_test(test_without_jitter_they_are_exact),
		cmocka_unit_test(test_small_figures_stay_above_nothing),
		cmocka_unit_test(test_who_begins_with_more_has_to_grow),
		cmocka_unit_test(test_one_in_eight_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
