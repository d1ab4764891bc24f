/*
 * sup_ready_test.c - what can take a request, and why not.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so each case is its facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/sup_ready.h"

static const struct sup_ready_host good = { .serving = true, .front = true,
    .pools = 2 };

static void
test_the_host(void **state)
{
	struct sup_ready_host host = good;

	(void)state;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY);
	host.serving = false;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY_STARTING);
	host.stopping = true;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY_STOPPING);
	host = good;
	host.closed = true;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY_CLOSED);
	host = good;
	host.front = false;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY_FRONT);
}

/* One handler's pool must not take the others along. */
static void
test_pools_of_a_host(void **state)
{
	struct sup_ready_host host = good;

	(void)state;
	host.pools_down = 1;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY);
	host.pools_down = 2;
	assert_int_equal(sup_ready_of_host(&host), SUP_READY_WORKERS);
	host.pools = host.pools_down = 0;	/* all routes are sync */
	assert_int_equal(sup_ready_of_host(&host), SUP_READY);
}

static enum sup_ready
pool(uint32_t running, uint32_t coming, uint32_t held_back, uint32_t least)
{
	struct sup_ready_pool facts = { running, coming, held_back, least,
	    running > 0 ? 0 : SUP_READY_GRACE_MS };

	return sup_ready_of_pool(&facts);
}

static void
test_a_pool(void **state)
{
	(void)state;
	assert_int_equal(pool(1, 0, 0, 1), SUP_READY);
	assert_int_equal(pool(1, 3, 3, 4), SUP_READY);
	assert_int_equal(pool(0, 1, 0, 1), SUP_READY_WORKERS);
	assert_int_equal(pool(0, 0, 1, 1), SUP_READY_WORKERS);
	/* on demand: nobody needs one, or the first is on its way */
	assert_int_equal(pool(0, 0, 0, 0), SUP_READY);
	assert_int_equal(pool(0, 1, 0, 0), SUP_READY);
	assert_int_equal(pool(0, 0, 1, 0), SUP_READY_WORKERS);
}

static void
test_a_crash_makes_no_pool_unready(void **state)
{
	struct sup_ready_pool facts = { .held_back = 1, .least = 1,
	    .empty_ms = SUP_READY_GRACE_MS - 1 };

	(void)state;
	assert_int_equal(sup_ready_of_pool(&facts), SUP_READY);
	facts.empty_ms++;
	assert_int_equal(sup_ready_of_pool(&facts), SUP_READY_WORKERS);
}

static void
test_a_route(void **state)
{
	struct sup_ready_route route = { .pool_down = true, .jobs_away = true };

	(void)state;
	assert_int_equal(sup_ready_of_route(&route), SUP_READY);
	route.async = true;
	assert_int_equal(sup_ready_of_route(&route), SUP_READY_WORKERS);
	route.job = true;
	assert_int_equal(sup_ready_of_route(&route), SUP_READY_JOBS);
	route.breaker = true;
	assert_int_equal(sup_ready_of_route(&route), SUP_READY_BREAKER);
}

static void
test_each_has_its_words(void **state)
{
	(void)state;
	for (int ready = SUP_READY; ready <= SUP_READY_JOBS; ready++) {
		assert_non_null(sup_ready_word((enum sup_ready)ready));
		assert_non_null(sup_ready_detail((enum sup_ready)ready));
	}
	assert_string_equal(sup_ready_word(SUP_READY_STOPPING), "stopping");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_host),
		cmocka_unit_test(test_pools_of_a_host),
		cmocka_unit_test(test_a_pool),
		cmocka_unit_test(test_a_crash_makes_no_pool_unready),
		cmocka_unit_test(test_a_route),
		cmocka_unit_test(test_each_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
