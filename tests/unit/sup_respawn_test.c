/*
 * sup_respawn_test.c - how soon a dead process is replaced.
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

#include "supervisor/sup_respawn.h"

static void
test_who_has_worked_is_replaced_at_once(void **state)
{
	struct sup_respawn respawn = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(sup_respawn_delay(&respawn, 0, true), 0);
}

static void
test_who_has_lived_is_replaced_at_once(void **state)
{
	struct sup_respawn respawn = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(sup_respawn_delay(&respawn,
		    SUP_RESPAWN_LIVED_MS, false), 0);
	assert_int_equal(sup_respawn_delay(&respawn, UINT64_MAX, false), 0);
}

static void
test_one_death_is_forgiven_and_each_further_waits_longer(void **state)
{
	struct sup_respawn respawn = { 0 };
	uint64_t expected = SUP_RESPAWN_FIRST_MS;

	(void)state;
	assert_int_equal(sup_respawn_delay(&respawn, 5, false), 0);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(sup_respawn_delay(&respawn,
		    SUP_RESPAWN_LIVED_MS - 1, false), expected);
		expected = expected * 2 < SUP_RESPAWN_MAX_MS ? expected * 2 :
		    SUP_RESPAWN_MAX_MS;
	}
}

static void
test_work_forgives_everything(void **state)
{
	struct sup_respawn respawn = { 0 };

	(void)state;
	for (int i = 0; i < 9; i++)
		(void)sup_respawn_delay(&respawn, 5, false);
	assert_int_equal(sup_respawn_delay(&respawn, 5, true), 0);
	assert_int_equal(sup_respawn_delay(&respawn, 5, false), 0);
	assert_int_equal(sup_respawn_delay(&respawn, 5, false),
	    SUP_RESPAWN_FIRST_MS);
	assert_int_equal(sup_respawn_delay(&respawn, SUP_RESPAWN_LIVED_MS,
	    false), 0);
	assert_int_equal(sup_respawn_delay(&respawn, 5, false), 0);
}

/* Years of dying: the wait stays at its most. */
static void
test_the_count_does_not_go_round(void **state)
{
	struct sup_respawn respawn = { UINT32_MAX - 1 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(sup_respawn_delay(&respawn, 5, false),
		    SUP_RESPAWN_MAX_MS);
}

static void
test_each_slot_counts_for_itself(void **state)
{
	struct sup_respawn one = { 0 }, other = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)sup_respawn_delay(&one, 5, false);
	assert_int_equal(sup_respawn_delay(&other, 5, false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_has_worked_is_replaced_at_once),
		cmocka_unit_test(test_who_has_lived_is_replaced_at_once),
		cmocka_unit_test(
		    test_one_death_is_forgiven_and_each_further_waits_longer),
		cmocka_unit_test(test_work_forgives_everything),
		cmocka_unit_test(test_the_count_does_not_go_round),
		cmocka_unit_test(test_each_slot_counts_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
