/*
 * sup_pulse_test.c - when the front is asked, trusted, and ended.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure: a look is a call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/sup_pulse.h"

static enum sup_pulse_step
look(struct sup_pulse *pulse, enum sup_pulse_front front)
{
	return sup_pulse_step(pulse, front, false);
}

static void
test_a_front_that_answers_is_asked_each_time(void **state)
{
	struct sup_pulse pulse = { .asked = false };

	(void)state;
	assert_int_equal(look(&pulse, SUP_PULSE_OTHER), SUP_PULSE_ASK);
	for (int i = 0; i < 3; i++) {
		sup_pulse_step_answered(&pulse);
		assert_int_equal(look(&pulse, SUP_PULSE_SAME),
		    SUP_PULSE_ASK);
	}
}

/* Within half of WatchdogSec and a look, which is before its end. */
static void
test_one_that_does_not_is_ended(void **state)
{
	struct sup_pulse pulse = { .asked = false };
	int looks = 0;

	(void)state;
	assert_int_equal(look(&pulse, SUP_PULSE_OTHER), SUP_PULSE_ASK);
	while (look(&pulse, SUP_PULSE_SAME) == SUP_PULSE_WAIT)
		looks++;
	assert_int_equal(looks, SUP_PULSE_MISSED_MAX - 1);
	assert_true(looks + 2 < SUP_PULSE_LOOKS);
	/* SIGKILL does not help: never said to be well, and tried again */
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_WAIT);
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_END);
	/* its successor is asked at once */
	assert_int_equal(look(&pulse, SUP_PULSE_OTHER), SUP_PULSE_ASK);
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_WAIT);
}

static void
test_a_late_answer_is_one(void **state)
{
	struct sup_pulse pulse = { .asked = false };

	(void)state;
	look(&pulse, SUP_PULSE_OTHER);
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_WAIT);
	sup_pulse_step_answered(&pulse);
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_ASK);
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_WAIT);
}

static void
test_without_a_front_there_is_a_bound(void **state)
{
	struct sup_pulse pulse = { .asked = false };

	(void)state;
	for (int i = 0; i < SUP_PULSE_ALONE_MAX; i++)
		assert_int_equal(look(&pulse, SUP_PULSE_NONE),
		    SUP_PULSE_FEED);
	assert_int_equal(look(&pulse, SUP_PULSE_NONE), SUP_PULSE_WAIT);
	assert_int_equal(look(&pulse, SUP_PULSE_OTHER), SUP_PULSE_ASK);
	assert_int_equal(look(&pulse, SUP_PULSE_NONE), SUP_PULSE_FEED);
	/* the question to the front before is nobody's any more */
	assert_int_equal(look(&pulse, SUP_PULSE_SAME), SUP_PULSE_ASK);
}

static void
test_a_stop_has_its_own_bound(void **state)
{
	struct sup_pulse pulse = { .asked = true, .missed = 1 };

	(void)state;
	for (int i = 0; i < 3 * SUP_PULSE_ALONE_MAX; i++)
		assert_int_equal(sup_pulse_step(&pulse, SUP_PULSE_SAME, true),
		    SUP_PULSE_FEED);
}

static void
test_the_environment(void **state)
{
	(void)state;
	assert_int_equal(sup_pulse_period_us("60000000", "7", 7, false),
	    60000000);
	assert_int_equal(sup_pulse_period_us("60000000", NULL, 7, false),
	    60000000);
	assert_int_equal(sup_pulse_period_us("60000000", "8", 7, false), 0);
	assert_int_equal(sup_pulse_period_us("60000000", "8", 7, true),
	    60000000);
	assert_int_equal(sup_pulse_period_us(NULL, NULL, 7, false), 0);
	assert_int_equal(sup_pulse_period_us("", NULL, 7, false), 0);
	assert_int_equal(sup_pulse_period_us("-1", NULL, 7, false), 0);
	assert_int_equal(sup_pulse_period_us("1s", NULL, 7, false), 0);
	assert_int_equal(sup_pulse_period_us("99999999999999999999999", NULL,
	    7, false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_front_that_answers_is_asked_each_time),
		cmocka_unit_test(test_one_that_does_not_is_ended),
		cmocka_unit_test(test_a_late_answer_is_one),
		cmocka_unit_test(test_without_a_front_there_is_a_bound),
		cmocka_unit_test(test_a_stop_has_its_own_bound),
		cmocka_unit_test(test_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
