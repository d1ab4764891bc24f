/*
 * sup_debounce_flood_test.c - changes without an end, and more than fit.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure: time is a variable in here, so an hour takes no time.
 */
#include "sup_debounce_clock.h"

/* --------------------------------------------------------- without an end */

/* A file that comes and goes `times` times in a minute. */
static void
flap(const char *name, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		copy(name);
		pass(MINUTE / times / 2);
		event(SUP_DEBOUNCE_GONE, name);
		pass(MINUTE / times - MINUTE / times / 2);
	}
}

static void
test_a_file_that_flaps_costs_few_reloads(void **state)
{
	static const uint64_t delays[] = { 0, 1, 10, 100, 500, 2000 };

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		sup_debounce_finish(&debounce);
		set_up(NULL);
		sup_debounce_init(&debounce, delays[i]);
		flap("flapping.so", 6000);
		assert_in_range(reloads, 1, 8 + SUP_DEBOUNCE_FREE);
		reloads = 0;
		for (int minute = 0; minute < 10; minute++)
			flap("flapping.so", 6000);
		assert_in_range(reloads, 10, 21 + SUP_DEBOUNCE_FREE);
	}
}

static void
test_a_file_that_flaps_does_not_hold_back_the_others(void **state)
{
	uint64_t changed;

	(void)state;
	flap("flapping.so", 6000);
	for (int i = 0; i < 5; i++) {
		copy("good.so");
		changed = now;
		reloads = 0;
		while (reloads == 0) {
			copy("flapping.so");
			pass(5);
			event(SUP_DEBOUNCE_GONE, "flapping.so");
			pass(5);
		}
		assert_true(last_reload >= changed);
		assert_true(last_reload - changed <= SUP_DEBOUNCE_GAP_MAX_MS);
	}
}

/* Each time closed, so each time it could be taken. */
static void
test_a_file_that_is_rewritten_for_ever_is_taken_now_and_then(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++) {
		event(SUP_DEBOUNCE_WRITTEN, "busy.so");
		pass(50);
		event(SUP_DEBOUNCE_CLOSED, "busy.so");
		pass(50);
	}
	assert_in_range(reloads, 2, 8 + SUP_DEBOUNCE_FREE);
}

static void
test_reloads_without_a_pause_get_further_apart(void **state)
{
	uint64_t before, gap = SUP_DEBOUNCE_GAP_FIRST_MS;

	(void)state;
	for (unsigned i = 0; i < SUP_DEBOUNCE_FREE + 2; i++) {
		copy("a.so");
		pass(DELAY);
		assert_int_equal(reloads, i + 1);
	}
	for (unsigned i = 0; i < 10; i++) {
		before = last_reload;
		copy("a.so");
		pass(SUP_DEBOUNCE_GAP_MAX_MS);
		assert_int_equal(reloads, SUP_DEBOUNCE_FREE + 3 + i);
		assert_int_equal(last_reload - before, gap);
		now = last_reload;
		gap = 2 * gap < SUP_DEBOUNCE_GAP_MAX_MS ? 2 * gap :
		    SUP_DEBOUNCE_GAP_MAX_MS;
	}

	/* after a minute it is as it was in the beginning */
	pass(MINUTE);
	copy("a.so");
	before = now;
	pass(MINUTE);
	assert_int_equal(last_reload - before, DELAY);
	copy("a.so");
	before = now;
	pass(DELAY);
	assert_int_equal(last_reload - before, DELAY);
}

/* Somebody who builds again every six seconds. */
static void
test_work_with_pauses_is_never_slowed_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		copy("a.so");
		pass(DELAY);
		assert_int_equal(reloads, i + 1);
		pass(DELAY / SUP_DEBOUNCE_PAUSE_PART);
	}
}

static void
test_a_pause_halves_the_gap(void **state)
{
	uint64_t changed;

	(void)state;
	for (int i = 0; i < 8; i++)
		flap("a.so", 6000);
	pass(MINUTE / 2);
	assert_int_equal(debounce.gap_ms, SUP_DEBOUNCE_GAP_MAX_MS);
	for (int i = 0; i < 6; i++) {
		copy("a.so");
		changed = now;
		pass(MINUTE / 2);
		assert_true(last_reload >= changed);
	}
	assert_true(debounce.gap_ms < SUP_DEBOUNCE_GAP_FIRST_MS);
	assert_int_equal(last_reload - changed, DELAY);
}

/* ------------------------------------------------------------ many of them */

static void
test_memory_for_names_is_bounded(void **state)
{
	size_t written = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "h%d.so", i);
		copy(name);
	}
	assert_true(debounce.room <= SUP_DEBOUNCE_NAMES);
	assert_wait(DELAY);

	/* there is still room for those whose names are needed */
	event(SUP_DEBOUNCE_WRITTEN, "slow.so");
	assert_written("slow.so");
	pass(DELAY);
	assert_int_equal(reloads, 1);
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "w%d.so", i);
		event(SUP_DEBOUNCE_WRITTEN, name);
	}
	assert_wait(SUP_DEBOUNCE_NEVER);
	while (sup_debounce_being_written(&debounce, written) != NULL)
		written++;
	assert_int_equal(written, SUP_DEBOUNCE_NAMES);
	event(SUP_DEBOUNCE_CLOSED, "w19999.so");
	assert_wait(DELAY);
	pass(DELAY);
	assert_int_equal(reloads, 2);
}

/* Any sequence, against the plainest model of it. */
static void
test_any_sequence_keeps_the_promises(void **state)
{
	bool writing[6] = { false }, waits = false;
	uint64_t since = 0;
	char name[8];

	(void)state;
	srandom(20240607);
	for (int i = 0; i < 300000; i++) {
		enum sup_debounce_event what = (enum sup_debounce_event)
		    ((unsigned long)random() % 6);
		unsigned file = (unsigned)random() % 6, count = 0;
		uint64_t wait;

		snprintf(name, sizeof(name), "h%u.so", file);
		event(what, name);
		if (what == SUP_DEBOUNCE_WRITTEN)
			writing[file] = true;
		else if (what != SUP_DEBOUNCE_ATTRIBUTES)
			writing[file] = false;
		if (!writing[file] && !waits) {
			waits = true;
			since = now;
		}
		for (unsigned j = 0; j < 6; j++)
			count += writing[j];
		while (count > 0)
			assert_non_null(sup_debounce_being_written(&debounce,
			    --count));
		now += (unsigned long)random() % 100;
		wait = sup_debounce_wait(&debounce, now);
		assert_true(wait == SUP_DEBOUNCE_NEVER ||
		    wait <= SUP_DEBOUNCE_GAP_MAX_MS);
		if (!writing[file])
			assert_true(wait != SUP_DEBOUNCE_NEVER);
		if (wait != 0)
			continue;
		assert_true(waits);
		assert_true(now - since >= DELAY - 100);
		sup_debounce_reload(&debounce, now);
		waits = false;
		reloads++;
	}
	assert_true(reloads >= (now - 1000000) / SUP_DEBOUNCE_GAP_MAX_MS / 2);
	assert_true(reloads <= (now - 1000000) / LONGEST + 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		debounce_unit_test(test_a_file_that_flaps_costs_few_reloads),
		debounce_unit_test(
		    test_a_file_that_flaps_does_not_hold_back_the_others),
		debounce_unit_test(
		test_a_file_that_is_rewritten_for_ever_is_taken_now_and_then),
		debounce_unit_test(
		    test_reloads_without_a_pause_get_further_apart),
		debounce_unit_test(test_work_with_pauses_is_never_slowed_down),
		debounce_unit_test(test_a_pause_halves_the_gap),
		debounce_unit_test(test_memory_for_names_is_bounded),
		debounce_unit_test(test_any_sequence_keeps_the_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
