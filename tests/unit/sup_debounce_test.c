/*
 * sup_debounce_test.c - when changes in the handler directory make a reload.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure: time is a variable in here, so an hour takes no time.
 */
#include "sup_debounce_clock.h"

/* ------------------------------------------------------------------- quiet */

static void
test_nothing_is_due_when_nothing_happens(void **state)
{
	(void)state;
	assert_wait(SUP_DEBOUNCE_NEVER);
	pass(100 * MINUTE);
	assert_int_equal(reloads, 0);
	assert_written(NULL);
}

static void
test_a_change_is_taken_after_the_delay(void **state)
{
	(void)state;
	copy("a.so");
	assert_wait(DELAY);
	pass(DELAY - 1);
	assert_int_equal(reloads, 0);
	pass(1);
	assert_int_equal(reloads, 1);
	assert_wait(SUP_DEBOUNCE_NEVER);
}

static void
test_each_kind_of_change_makes_a_reload(void **state)
{
	static const enum sup_debounce_event kinds[] = { SUP_DEBOUNCE_CREATED,
	    SUP_DEBOUNCE_CLOSED, SUP_DEBOUNCE_MOVED_IN, SUP_DEBOUNCE_GONE,
	    SUP_DEBOUNCE_ATTRIBUTES };

	(void)state;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		event(kinds[i], "a.so");
		assert_wait(DELAY);
		pass(2 * MINUTE);
		assert_int_equal(reloads, i + 1);
	}
}

static void
test_names_of_no_handler_are_ignored(void **state)
{
	static const char *const names[] = { ".a.so", ".a.so.X7f3", "a.so.tmp",
	    "a.o", ".so", "", "README", "a.SO" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		copy(names[i]);
		event(SUP_DEBOUNCE_WRITTEN, names[i]);
		event(SUP_DEBOUNCE_GONE, names[i]);
	}
	assert_wait(SUP_DEBOUNCE_NEVER);
	assert_written(NULL);

	/* rsync: into place under its name */
	event(SUP_DEBOUNCE_MOVED_IN, "a.so");
	assert_wait(DELAY);
}

static void
test_many_files_after_each_other_are_one_reload(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "h%d.so", i);
		copy(name);
		pass(DELAY / 2);
	}
	assert_int_equal(reloads, 0);
	pass(DELAY);
	assert_int_equal(reloads, 1);
	assert_int_equal(last_reload, 1000000 + 19 * DELAY / 2 + DELAY);
}

static void
test_no_change_waits_for_longer_than_twenty_delays(void **state)
{
	(void)state;
	copy("a.so");
	for (int i = 0; i < 60; i++) {
		pass(DELAY / 2);
		copy("b.so");
	}
	assert_true(reloads >= 1);
	pass(0);
	sup_debounce_finish(&debounce);
	set_up(NULL);
	copy("a.so");
	while (reloads == 0) {
		pass(DELAY / 2);
		event(SUP_DEBOUNCE_MOVED_IN, "b.so");
	}
	assert_int_equal(last_reload, 1000000 + LONGEST);
}

/* ------------------------------------------------------------ being written */

static void
test_a_slow_write_in_pieces_is_taken_at_its_end(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_CREATED, "slow.so");
	for (int i = 0; i < 30; i++) {
		event(SUP_DEBOUNCE_WRITTEN, "slow.so");
		assert_written("slow.so");
		assert_wait(SUP_DEBOUNCE_NEVER);
		pass(3 * DELAY);
	}
	assert_int_equal(reloads, 0);
	event(SUP_DEBOUNCE_CLOSED, "slow.so");
	assert_written(NULL);

	/* the time of writing is not time of waiting */
	assert_wait(DELAY);
	pass(DELAY);
	assert_int_equal(reloads, 1);
}

static void
test_a_linker_that_truncates_first_makes_one_reload(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_WRITTEN, "a.so");
	pass(5 * DELAY);
	assert_written("a.so");
	for (int i = 0; i < 5; i++) {
		event(SUP_DEBOUNCE_WRITTEN, "a.so");
		pass(DELAY);
	}
	event(SUP_DEBOUNCE_ATTRIBUTES, "a.so");
	assert_wait(SUP_DEBOUNCE_NEVER);
	assert_written("a.so");
	event(SUP_DEBOUNCE_CLOSED, "a.so");
	pass(DELAY / 2);
	event(SUP_DEBOUNCE_ATTRIBUTES, "a.so");
	assert_wait(DELAY);
	pass(MINUTE);
	assert_int_equal(reloads, 1);
}

static void
test_the_others_do_not_wait_for_it(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_WRITTEN, "slow.so");
	copy("quick.so");
	for (int i = 0; i < 100; i++) {
		event(SUP_DEBOUNCE_WRITTEN, "slow.so");
		pass(10);
		if (reloads == 0)
			assert_written("slow.so");
	}
	assert_int_equal(reloads, 1);
	assert_int_equal(last_reload, 1000000 + DELAY);
	assert_written("slow.so");
	event(SUP_DEBOUNCE_CLOSED, "slow.so");
	pass(MINUTE);
	assert_int_equal(reloads, 2);
	assert_written(NULL);
}

static void
test_a_change_that_is_written_over_waits_for_its_writer(void **state)
{
	(void)state;
	copy("a.so");
	event(SUP_DEBOUNCE_WRITTEN, "a.so");
	assert_wait(SUP_DEBOUNCE_NEVER);
	pass(MINUTE);
	assert_int_equal(reloads, 0);
	event(SUP_DEBOUNCE_CLOSED, "a.so");
	pass(DELAY);
	assert_int_equal(reloads, 1);
}

/* Its writer goes on with a file that has no name any more. */
static void
test_what_is_replaced_or_gone_is_not_written_to(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_WRITTEN, "a.so");
	event(SUP_DEBOUNCE_WRITTEN, "b.so");
	event(SUP_DEBOUNCE_MOVED_IN, "a.so");
	assert_written("b.so");
	event(SUP_DEBOUNCE_GONE, "b.so");
	assert_written(NULL);
	pass(DELAY);
	assert_int_equal(reloads, 1);
}

static void
test_all_that_are_being_written_are_named(void **state)
{
	bool seen[200] = { false };
	const char *name;
	char text[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "h%d.so", i);
		event(SUP_DEBOUNCE_WRITTEN, text);
		if (i % 2 == 1)
			event(SUP_DEBOUNCE_CLOSED, text);
	}
	for (size_t i = 0; (name = sup_debounce_being_written(&debounce, i)) !=
	    NULL; i++)
		seen[atoi(name + 1)] = true;
	for (int i = 0; i < 200; i++)
		assert_int_equal(seen[i], i % 2 == 0);
}

/* --------------------------------------------------------- other occasions */

static void
test_a_reload_for_another_reason_takes_what_waits(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_WRITTEN, "slow.so");
	copy("a.so");
	sup_debounce_forget(&debounce, now);
	assert_wait(SUP_DEBOUNCE_NEVER);
	assert_written("slow.so");

	/* and those are not counted */
	for (unsigned i = 0; i < 50; i++) {
		copy("a.so");
		sup_debounce_forget(&debounce, now);
	}
	copy("a.so");
	assert_wait(DELAY);
	pass(DELAY);
	assert_int_equal(reloads, 1);
}

static void
test_after_lost_events_anything_may_have_changed(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_WRITTEN, "a.so");
	sup_debounce_anything(&debounce, now);
	assert_written(NULL);
	assert_wait(DELAY);
	pass(DELAY);
	assert_int_equal(reloads, 1);
	assert_wait(SUP_DEBOUNCE_NEVER);
}

static void
test_without_a_directory_nothing_waits(void **state)
{
	(void)state;
	event(SUP_DEBOUNCE_WRITTEN, "a.so");
	copy("b.so");
	sup_debounce_anything(&debounce, now);
	sup_debounce_nothing(&debounce, now);
	assert_written(NULL);
	assert_wait(SUP_DEBOUNCE_NEVER);
}

static void
test_a_clock_that_jumps_does_no_harm(void **state)
{
	(void)state;
	copy("a.so");
	now -= 900000;
	assert_wait(DELAY);
	pass(DELAY / 2);
	copy("a.so");
	now = 5;
	assert_wait(DELAY);
	pass(DELAY);
	assert_int_equal(reloads, 1);
	copy("a.so");
	now += (uint64_t)1 << 40;
	assert_wait(0);
	pass(0);
	assert_int_equal(reloads, 2);
	now = 0;
	copy("a.so");
	assert_true(sup_debounce_wait(&debounce, now) <=
	    SUP_DEBOUNCE_GAP_FIRST_MS);
	now = UINT64_MAX;
	assert_wait(0);
}

static void
test_another_delay_is_for_later_changes(void **state)
{
	(void)state;
	sup_debounce_set_delay(&debounce, 50);
	copy("a.so");
	assert_wait(50);
	pass(50);
	assert_int_equal(reloads, 1);
	sup_debounce_finish(&debounce);
	sup_debounce_init(&debounce, UINT64_MAX);
	copy("a.so");
	assert_true(sup_debounce_wait(&debounce, now) >= (uint64_t)1 << 31);
	assert_true(sup_debounce_wait(&debounce, now) < SUP_DEBOUNCE_NEVER);
	sup_debounce_finish(&debounce);
	sup_debounce_init(&debounce, 0);
	copy("a.so");
	assert_wait(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		debounce_unit_test(test_nothing_is_due_when_nothing_happens),
		debounce_unit_test(test_a_change_is_taken_after_the_delay),
		debounce_unit_test(test_each_kind_of_change_makes_a_reload),
		debounce_unit_test(test_names_of_no_handler_are_ignored),
		debounce_unit_test(
		    test_many_files_after_each_other_are_one_reload),
		debounce_unit_test(
		    test_no_change_waits_for_longer_than_twenty_delays),
		debounce_unit_test(
		    test_a_slow_write_in_pieces_is_taken_at_its_end),
		debounce_unit_test(
		    test_a_linker_that_truncates_first_makes_one_reload),
		debounce_unit_test(test_the_others_do_not_wait_for_it),
		debounce_unit_test(
		    test_a_change_that_is_written_over_waits_for_its_writer),
		debounce_unit_test(
		    test_what_is_replaced_or_gone_is_not_written_to),
		debounce_unit_test(test_all_that_are_being_written_are_named),
		debounce_unit_test(
		    test_a_reload_for_another_reason_takes_what_waits),
		debounce_unit_test(
		    test_after_lost_events_anything_may_have_changed),
		debounce_unit_test(test_without_a_directory_nothing_waits),
		debounce_unit_test(test_a_clock_that_jumps_does_no_harm),
		debounce_unit_test(test_another_delay_is_for_later_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
