/*
 * front_arrival_test.c - when a request arrived, and by when it is due.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: no clock is read; every moment is passed in.
 */
#include "front/front_arrival.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/due.h"

#define MS	CLOCK_NS_PER_MS
#define UPTIME	(UINT64_C(1000000) * MS)	/* the machine's, in ns */
#define WALL	INT64_C(1795000000000)		/* ... at this time */

static struct front_wall wall;

/* Read and asked for at the same moment. */
static uint64_t
arrival(int64_t start_ms, uint64_t now_ns, int64_t wall_ms)
{
	return front_arrival(&wall, now_ns, start_ms, now_ns, wall_ms);
}

static int
fresh(void **state)
{
	(void)state;
	wall = (struct front_wall){ 0 };
	return 0;
}

/* Breaks when: the time in the web server and the backlog is not counted. */
static void
test_moved_back(void **state)
{
	(void)state;
	assert_int_equal(arrival(WALL - 1500, UPTIME, WALL),
	    UPTIME - 1500 * MS);
	assert_int_equal(arrival(WALL, UPTIME, WALL), UPTIME);
}

/* Breaks when: a start that cannot be moves a request out of its time. */
static void
test_what_cannot_be_is_ignored(void **state)
{
	const int64_t bad[] = { 0, -1, INT64_MIN, WALL + 1, WALL + 60000,
	    INT64_MAX, WALL - FRONT_ARRIVAL_AGE_MAX_MS - 1, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(arrival(bad[i], UPTIME, WALL), UPTIME);
	assert_int_equal(front_arrival(&wall, UPTIME, WALL -
	    FRONT_ARRIVAL_AGE_MAX_MS, UPTIME, WALL), 1);
}

/* Breaks when: the arrival is after the first byte, or before the machine. */
static void
test_bounds(void **state)
{
	const int64_t boot = WALL - (int64_t)(UPTIME / MS);

	(void)state;
	assert_int_equal(front_arrival(&wall, UPTIME - 9 * MS, WALL - 5,
	    UPTIME, WALL), UPTIME - 9 * MS);
	assert_int_equal(front_arrival(&wall, UPTIME - 9 * MS, WALL - 20,
	    UPTIME, WALL), UPTIME - 20 * MS);
	assert_int_equal(front_arrival(&wall, 50 * MS, boot - 5000, 50 * MS,
	    boot + 50), 1);
}

/* Breaks when: an administrator who sets the clock by an hour makes every
 * request on its way an hour old. */
static void
test_the_clock_is_set_forward(void **state)
{
	const int64_t hour = 3600000;
	uint64_t now = UPTIME + 10 * MS;

	(void)state;
	assert_int_equal(arrival(WALL - 2, UPTIME, WALL), UPTIME - 2 * MS);
	assert_int_equal(arrival(WALL, now, WALL + hour + 10), now);
	now += 500 * MS;	/* begun after it was set */
	assert_int_equal(arrival(WALL + hour + 410, now, WALL + hour + 510),
	    now - 100 * MS);
	assert_int_equal(arrival(WALL, now, WALL + hour + 510), now);
}

static void
test_the_clock_is_set_back(void **state)
{
	uint64_t now = UPTIME + 10 * MS;

	(void)state;
	assert_int_equal(arrival(WALL - 2, UPTIME, WALL), UPTIME - 2 * MS);
	assert_int_equal(arrival(WALL, now, WALL - 60000 + 10), now);
	now += 500 * MS;
	assert_int_equal(arrival(WALL - 60000 + 410, now, WALL - 60000 + 510),
	    now - 100 * MS);
}

/* Breaks when: a clock that ntpd slews is taken for one that was set. */
static void
test_slewing_is_not_setting(void **state)
{
	uint64_t now = UPTIME;
	int64_t at = WALL;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		now += 1000 * MS;
		at += 1001;	/* 1000 ppm */
		assert_int_equal(arrival(at - 700, now, at), now - 700 * MS);
	}
}

/* Breaks when: 0, which is never, is taken for a moment. */
static void
test_due(void **state)
{
	(void)state;
	assert_int_equal(due_first(0, 0), 0);
	assert_int_equal(due_first(5, 0), 5);
	assert_int_equal(due_first(0, 5), 5);
	assert_int_equal(due_first(7, 5), 5);
	assert_int_equal(due_after(7, 0), 0);
	assert_int_equal(due_after(7, 2), 7 + 2 * MS);
	assert_false(due_is_over(0, UINT64_MAX));
	assert_false(due_is_over(8, 7));
	assert_true(due_is_over(8, 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_moved_back, fresh),
		cmocka_unit_test_setup(test_what_cannot_be_is_ignored, fresh),
		cmocka_unit_test_setup(test_bounds, fresh),
		cmocka_unit_test_setup(test_the_clock_is_set_forward, fresh),
		cmocka_unit_test_setup(test_the_clock_is_set_back, fresh),
		cmocka_unit_test_setup(test_slewing_is_not_setting, fresh),
		cmocka_unit_test(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
