/*
 * front_fault_test.c - policies: breakers of routes, poison requests.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: no clock is read; every moment is passed in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "front/front_breaker.h"
#include "front/front_poison.h"

static const struct front_breaker_policy policy = { .failures = 3,
	.window_ms = 1000, .pause_ms = 500 };

static bool
admits(struct front_breaker *breaker, uint64_t now, bool as_probe)
{
	bool probe, admitted = front_breaker_admits(breaker, now, &probe);

	assert_int_equal(probe, admitted && as_probe);
	return admitted;
}

static bool
fails(struct front_breaker *breaker, uint64_t now)
{
	return front_breaker_failed(breaker, &policy, false, now);
}

/* Breaks when: it opens one failure early or late, or counts old ones. */
static void
test_opens_after_k_in_t(void **state)
{
	struct front_breaker breaker = { 0 };

	(void)state;
	assert_false(fails(&breaker, 0));
	assert_false(fails(&breaker, 900));
	assert_false(fails(&breaker, 1100));	/* the first is too old */
	assert_true(admits(&breaker, 1100, false));
	assert_true(fails(&breaker, 1900));	/* 900, 1100, 1900 */
	assert_false(admits(&breaker, 1900, false));
	assert_false(admits(&breaker, 2399, false));
	front_breaker_finish(&breaker);
}

static struct front_breaker
opened(uint64_t now)
{
	struct front_breaker breaker = { 0 };

	for (int i = 0; i < 2; i++)
		assert_false(fails(&breaker, now));
	assert_true(fails(&breaker, now));
	return breaker;
}

/* Breaks when: more than one request tries a half-open route. */
static void
test_one_tries(void **state)
{
	struct front_breaker breaker = opened(0);

	(void)state;
	assert_true(admits(&breaker, 500, true));
	assert_false(admits(&breaker, 500, true));
	assert_false(admits(&breaker, 100000, true));
	front_breaker_succeeded(&breaker);
	assert_true(admits(&breaker, 501, false));
	assert_true(admits(&breaker, 501, false));
	front_breaker_finish(&breaker);
}

/* Breaks when: a route that is held is tried by itself, or what a request that
 * went before says of it changes that; or one that is released is not
 * closed. */
static void
test_held(void **state)
{
	struct front_breaker breaker = opened(0);

	(void)state;
	assert_true(admits(&breaker, 500, true));
	front_breaker_hold(&breaker);
	assert_false(admits(&breaker, UINT64_MAX, false));
	assert_false(front_breaker_failed(&breaker, &policy, true, 600));
	front_breaker_succeeded(&breaker);
	front_breaker_withdrawn(&breaker);
	for (int i = 0; i < 5; i++)
		assert_false(fails(&breaker, 700));
	assert_int_equal(breaker.state, FRONT_BREAKER_HELD);
	front_breaker_release(&breaker);
	assert_true(admits(&breaker, 800, false));
	assert_false(fails(&breaker, 800));
	assert_false(fails(&breaker, 800));
	assert_true(fails(&breaker, 800));
	front_breaker_finish(&breaker);
}

/* Breaks when: a try that fails does not double the pause, or the pause grows
 * beyond its most. */
static void
test_pause_doubles(void **state)
{
	struct front_breaker breaker = opened(0);
	uint64_t now = 0, pause = 500;

	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_false(admits(&breaker, now + pause - 1, true));
		now += pause;
		assert_true(admits(&breaker, now, true));
		assert_true(front_breaker_failed(&breaker, &policy, true,
		    now));
		pause = pause * 2 < FRONT_BREAKER_PAUSE_MAX_MS ? pause * 2 :
		    FRONT_BREAKER_PAUSE_MAX_MS;
	}
	assert_int_equal(pause, FRONT_BREAKER_PAUSE_MAX_MS);
	front_breaker_finish(&breaker);
}

/* Breaks when: a try that came to nothing keeps the route closed for good. */
static void
test_a_try_that_is_withdrawn(void **state)
{
	struct front_breaker breaker = opened(0);

	(void)state;
	assert_true(admits(&breaker, 500, true));
	front_breaker_withdrawn(&breaker);
	assert_true(admits(&breaker, 501, true));
	front_breaker_finish(&breaker);
}

/* Breaks when: those that went before it opened, and fail now, count. */
static void
test_late_failures(void **state)
{
	struct front_breaker breaker = opened(0);

	(void)state;
	for (int i = 0; i < 9; i++)
		assert_false(fails(&breaker, 10));
	assert_true(admits(&breaker, 500, true));
	assert_false(fails(&breaker, 510));
	front_breaker_succeeded(&breaker);
	assert_false(fails(&breaker, 520));
	assert_false(fails(&breaker, 520));
	assert_true(fails(&breaker, 520));
	front_breaker_finish(&breaker);
}

static void
test_off(void **state)
{
	const struct front_breaker_policy off = { 0 };
	struct front_breaker breaker = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_false(front_breaker_failed(&breaker, &off, false, 1));
	assert_true(admits(&breaker, 1, false));
}

/* ----------------------------------------------------------------- poison */

static struct front_poison poison;
static const struct front_poison_policy twice = { .kills = 2,
	.window_ms = 1000 };

static uint32_t
kill(uint32_t route, uint64_t hash, uint64_t now)
{
	return front_poison_killed(&poison, &twice, route, hash, now);
}

static bool
is_poison(uint32_t route, uint64_t hash, uint64_t now)
{
	return front_poison_is(&poison, &twice, route, hash, now);
}

/* Breaks when: another request, or the same of another route, is refused. */
static void
test_poison(void **state)
{
	(void)state;
	memset(&poison, 0, sizeof(poison));
	assert_false(front_poison_watches(&poison, 1));
	assert_int_equal(kill(1, 7, 0), 1);
	assert_true(front_poison_watches(&poison, 1));
	assert_false(front_poison_watches(&poison, 2));
	assert_false(is_poison(1, 7, 0));
	assert_int_equal(kill(1, 7, 900), 2);
	assert_true(is_poison(1, 7, 900));
	assert_false(is_poison(2, 7, 900));
	assert_false(is_poison(1, 8, 900));
	assert_true(is_poison(1, 7, 1900));
	assert_false(is_poison(1, 7, 1901));
}

/* Breaks when: kills that lie far apart add up. */
static void
test_poison_is_forgotten(void **state)
{
	(void)state;
	memset(&poison, 0, sizeof(poison));
	assert_int_equal(kill(1, 7, 0), 1);
	assert_int_equal(kill(1, 7, 1001), 1);
	assert_false(is_poison(1, 7, 1001));
}

/* Breaks when: a full table is written over its end, or keeps the oldest. */
static void
test_poison_table_is_bounded(void **state)
{
	(void)state;
	memset(&poison, 0, sizeof(poison));
	for (uint64_t i = 0; i < 2 * FRONT_POISON_MAX; i++) {
		kill(1, i, i);
		kill(1, i, i);
	}
	assert_int_equal(poison.count, FRONT_POISON_MAX);
	assert_false(is_poison(1, 0, 300));
	assert_true(is_poison(1, 2 * FRONT_POISON_MAX - 1, 300));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_after_k_in_t),
		cmocka_unit_test(test_one_tries),
		cmocka_unit_test(test_pause_doubles),
		cmocka_unit_test(test_a_try_that_is_withdrawn),
		cmocka_unit_test(test_late_failures),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_poison_is_forgotten),
		cmocka_unit_test(test_poison_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
