/*
 * front_lanes_test.c - policy: which request of a pool may go to its workers.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: no clock and no front; dice are seeded.
 */
#include "front/front_lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LANES	4

/* Begins as many of a lane as there are places for; how many that were. */
static unsigned
fill(struct front_lanes *lanes, uint32_t lane)
{
	unsigned count = 0;

	while (count < 1000 && front_lanes_may_run(lanes, lane)) {
		front_lanes_begun(lanes, lane);
		count++;
	}
	return count;
}

static void
drain(struct front_lanes *lanes, uint32_t lane, unsigned count)
{
	while (count-- > 0)
		front_lanes_ended(lanes, lane);
}

/* Breaks when: a pool without reserves is held back, or lets more or fewer
 * wait than its queue. */
static void
test_one_lane(void **state)
{
	struct front_lane list[1] = { { .reserve = 0 } };
	struct front_lanes lanes;

	(void)state;
	front_lanes_init(&lanes, list, 1, 4, 1);
	assert_int_equal(fill(&lanes, 0), 1000);
	drain(&lanes, 0, 1000 - 4);
	assert_false(front_lanes_admit(&lanes, 0, 0));
	assert_true(front_lanes_admit(&lanes, 0, 1));
	list[0].waiting = 1;
	assert_false(front_lanes_admit(&lanes, 0, 1));
	drain(&lanes, 0, 1);
	assert_true(front_lanes_admit(&lanes, 0, 1));
}

/* Breaks when: others get a place that is kept, or not each of those that are
 * not; or the route does not get its own, or not what else is free. */
static void
test_kept_places(void **state)
{
	struct front_lane list[3] = { { .reserve = 0 }, { .reserve = 2 },
	    { .reserve = 1 } };
	struct front_lanes lanes;

	(void)state;
	front_lanes_init(&lanes, list, 3, 8, 1);
	assert_int_equal(fill(&lanes, 0), 5);
	assert_int_equal(fill(&lanes, 1), 2);
	assert_int_equal(fill(&lanes, 2), 1);
	drain(&lanes, 0, 2);
	assert_int_equal(fill(&lanes, 1), 2);
	assert_int_equal(fill(&lanes, 0), 0);
	/* what it had beyond its own comes back first */
	drain(&lanes, 1, 3);
	assert_int_equal(fill(&lanes, 0), 2);
	assert_int_equal(fill(&lanes, 1), 1);
	drain(&lanes, 0, 5);
	drain(&lanes, 1, 2);
	drain(&lanes, 2, 1);
	assert_int_equal(lanes.shared_used, 0);
	assert_int_equal(fill(&lanes, 1), 7);
	assert_int_equal(fill(&lanes, 2), 1);
}

/* Breaks when: reserves that are too large starve everybody else, or take a
 * worker with threads for one request. */
static void
test_somebody_else_always_may(void **state)
{
	struct front_lane list[2] = { { .reserve = 0 }, { .reserve = 24 } };
	struct front_lanes lanes;

	(void)state;
	front_lanes_init(&lanes, list, 2, 16, 8);
	assert_int_equal(fill(&lanes, 0), 8);
	assert_int_equal(fill(&lanes, 1), 24);
}

/* Breaks when: a place is kept in a worker that is not there, or is not shared
 * again when that has come. */
static void
test_workers_that_are_not_there(void **state)
{
	struct front_lane list[2] = { { .reserve = 0 }, { .reserve = 2 } };
	struct front_lanes lanes;

	(void)state;
	front_lanes_init(&lanes, list, 2, 8, 2);
	assert_int_equal(fill(&lanes, 0), 6);
	front_lanes_present(&lanes, 6);
	drain(&lanes, 0, 2);
	assert_int_equal(fill(&lanes, 0), 0);
	assert_int_equal(fill(&lanes, 1), 2);
	front_lanes_present(&lanes, 8);
	assert_int_equal(fill(&lanes, 0), 2);
	drain(&lanes, 0, 6);
	front_lanes_present(&lanes, 2);
	assert_int_equal(fill(&lanes, 0), 2);
	drain(&lanes, 0, 2);
	front_lanes_present(&lanes, 0);
	assert_int_equal(fill(&lanes, 0), 2);
}

/* Breaks when: a full queue of others keeps a route from its kept places, or
 * from its own queue; or one overtakes those of its lane that wait. */
static void
test_queues(void **state)
{
	struct front_lane list[2] = { { .reserve = 0 }, { .reserve = 1 } };
	struct front_lanes lanes;

	(void)state;
	front_lanes_init(&lanes, list, 2, 2, 1);
	fill(&lanes, 0);
	list[0].waiting = 7;
	assert_false(front_lanes_admit(&lanes, 0, 7));
	assert_true(front_lanes_admit(&lanes, 0, 8));
	assert_true(front_lanes_admit(&lanes, 1, 0));
	fill(&lanes, 1);
	assert_false(front_lanes_admit(&lanes, 1, 0));
	assert_true(front_lanes_admit(&lanes, 1, 1));
	list[1].waiting = 1;
	assert_false(front_lanes_admit(&lanes, 1, 1));
	drain(&lanes, 1, 1);
	assert_false(front_lanes_admit(&lanes, 1, 1));
}

/* Breaks when: any order of beginnings and ends lets a lane out of its kept
 * places, or more run than there are. */
static void
test_any_order(void **state)
{
	struct front_lane list[LANES] = { { .reserve = 0 }, { .reserve = 1 },
	    { .reserve = 3 }, { .reserve = 2 } };
	struct front_lanes lanes;

	(void)state;
	srand(7);
	front_lanes_init(&lanes, list, LANES, 10, 1);
	for (unsigned turn = 0; turn < 20000; turn++) {
		uint32_t lane = (uint32_t)rand() % LANES;
		uint64_t all = 0;

		if (rand() % 2 == 0 && list[lane].running > 0)
			front_lanes_ended(&lanes, lane);
		else if (front_lanes_may_run(&lanes, lane))
			front_lanes_begun(&lanes, lane);
		for (uint32_t i = 0; i < LANES; i++) {
			all += list[i].running;
			assert_true(list[i].running >= list[i].reserve ||
			    front_lanes_may_run(&lanes, i));
		}
		assert_true(all <= 10);
		assert_true(list[0].running <= 4);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lane),
		cmocka_unit_test(test_kept_places),
		cmocka_unit_test(test_somebody_else_always_may),
		cmocka_unit_test(test_workers_that_are_not_there),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
