/*
 * sup_picks_test.c - which version of each file serves, rule by rule.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so nothing is loaded in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/sup_picks.h"

static struct sup_picks	picks;

static int
finish(void **state)
{
	(void)state;
	sup_picks_finish(&picks);
	return 0;
}

#define picks_test(f) \
	cmocka_unit_test_setup_teardown(f, NULL, finish)

/* "" is no such version. */
static struct sup_pick *
put(const char *name, const char *fresh, const char *kept)
{
	struct sup_pick *pick = sup_picks_at(&picks, name);

	assert_non_null(pick);
	snprintf(pick->fresh.sha256, sizeof(pick->fresh.sha256), "%s", fresh);
	snprintf(pick->kept.version.sha256,
	    sizeof(pick->kept.version.sha256), "%s", kept);
	if (kept[0] != '\0')
		snprintf(pick->kept.version.name,
		    sizeof(pick->kept.version.name), "%s", name);
	return pick;
}

static size_t
index_of(const char *name)
{
	struct sup_pick *pick = sup_picks_at(&picks, name);

	assert_non_null(pick);
	return (size_t)(pick - picks.list);
}

static void
expect(const char *name, enum sup_choice choice)
{
	size_t index = index_of(name);

	if (picks.list[index].choice != choice)
		fail_msg("%s: choice %d, not %d", name,
		    (int)picks.list[index].choice, (int)choice);
}

static void
expect_reason(const char *name, const char *reason)
{
	assert_string_equal(picks.list[index_of(name)].reason, reason);
}

static void
begin(void)
{
	sup_picks_choose(&picks);
	sup_picks_begin_try(&picks);
}

static enum sup_verdict
refuse(const char *name, const char *rival, const char *reason)
{
	return sup_picks_refuse(&picks, index_of(name), rival == NULL ?
	    SIZE_MAX : index_of(rival), reason, true);
}

/* ---------------------------------------------------------------- choosing */

static void
test_a_file_has_one_pick(void **state)
{
	char name[HANDLER_FILE_MAX + 1];

	(void)state;
	memset(name, 'n', HANDLER_FILE_MAX);
	name[HANDLER_FILE_MAX] = '\0';
	put("a.so", "1", "");
	put(name, "2", "");
	assert_int_equal(picks.count, 2);
	assert_string_equal(sup_picks_at(&picks, "a.so")->fresh.sha256, "1");
	assert_string_equal(sup_picks_at(&picks, name)->fresh.sha256, "2");
	assert_int_equal(picks.count, 2);
	sup_picks_finish(&picks);
	assert_int_equal(picks.count, 0);
	sup_picks_choose(&picks);	/* of none */
}

static void
test_what_is_new_is_taken_and_what_is_gone_is_not(void **state)
{
	(void)state;
	put("new.so", "1", "");
	put("changed.so", "2", "1");
	put("same.so", "1", "1");
	put("gone.so", "", "1");
	begin();
	expect("new.so", SUP_PICK_FRESH);
	expect("changed.so", SUP_PICK_FRESH);
	expect("same.so", SUP_PICK_KEPT);
	expect("gone.so", SUP_PICK_NONE);
}

static void
test_a_reason_falls_back(void **state)
{
	(void)state;
	strcpy(put("changed.so", "2", "1")->reason, "is cut off");
	strcpy(put("new.so", "1", "")->reason, "is cut off");
	strcpy(put("unreadable.so", "", "1")->reason, "cannot be opened");
	begin();
	expect("changed.so", SUP_PICK_KEPT);
	expect("new.so", SUP_PICK_NONE);
	expect("unreadable.so", SUP_PICK_KEPT);
}

/* A rollback went to the version before, or to a time before the file. */
static void
test_what_is_held_falls_back(void **state)
{
	struct sup_pick *pick;

	(void)state;
	pick = put("changed.so", "2", "1");
	pick->held = true;
	pick = put("new.so", "2", "");
	pick->held = true;
	begin();
	expect("changed.so", SUP_PICK_KEPT);
	expect("new.so", SUP_PICK_NONE);
	expect_reason("changed.so", "");
}

/* The name of the version that a rollback sets aside is only passed on. */
static void
test_setting_aside_chooses_nothing(void **state)
{
	(void)state;
	strcpy(put("changed.so", "1", "2")->set_aside, "2");
	strcpy(put("gone.so", "", "2")->set_aside, "2");
	begin();
	expect("changed.so", SUP_PICK_FRESH);
	expect("gone.so", SUP_PICK_NONE);
	refuse("changed.so", NULL, "crashes");
	assert_string_equal(picks.list[index_of("changed.so")].set_aside,
	    "2");
}

static void
test_only_other_bytes_are_new(void **state)
{
	(void)state;
	assert_true(sup_pick_is_new(put("new.so", "1", "")));
	assert_true(sup_pick_is_new(put("changed.so", "2", "1")));
	assert_false(sup_pick_is_new(put("same.so", "1", "1")));
	assert_false(sup_pick_is_new(put("gone.so", "", "1")));
	assert_false(sup_pick_is_new(put("nothing.so", "", "")));
}

static void
test_the_version_is_the_chosen_one(void **state)
{
	struct sup_pick *pick = put("a.so", "2", "1");

	(void)state;
	pick->choice = SUP_PICK_FRESH;
	assert_ptr_equal(sup_pick_version(pick), &pick->fresh);
	pick->choice = SUP_PICK_KEPT;
	assert_ptr_equal(sup_pick_version(pick), &pick->kept.version);
	pick->choice = SUP_PICK_NONE;
	assert_null(sup_pick_version(pick));
}

static void
test_those_that_served_come_first(void **state)
{
	static const char *const order[] = { "b.so", "d.so", "a.so", "c.so" };

	(void)state;
	put("c.so", "1", "");
	put("d.so", "1", "1");
	put("a.so", "1", "");
	put("b.so", "2", "1");
	begin();
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(picks.list[i].fresh.name, order[i]);
}

/* ---------------------------------------------------------------- refusals */

static void
test_a_newcomer_that_is_refused_is_left_out(void **state)
{
	(void)state;
	put("new.so", "1", "");
	put("old.so", "1", "1");
	begin();
	assert_int_equal(refuse("new.so", NULL, "crashes"), SUP_GO_ON);
	expect("new.so", SUP_PICK_NONE);
	expect_reason("new.so", "crashes");
	expect("old.so", SUP_PICK_KEPT);
}

static void
test_a_change_that_is_refused_is_tried_in_its_last_version(void **state)
{
	(void)state;
	put("old.so", "2", "1");
	begin();
	assert_int_equal(refuse("old.so", NULL, "crashes"), SUP_TRY_AGAIN);
	expect("old.so", SUP_PICK_KEPT);
	expect_reason("old.so", "crashes");
	sup_picks_begin_try(&picks);
	assert_int_equal(refuse("old.so", NULL, "again"), SUP_GIVE_UP);
	expect_reason("old.so", "crashes");
}

static void
test_a_newcomer_gives_way(void **state)
{
	(void)state;
	put("a_new.so", "1", "");
	put("old.so", "1", "1");
	begin();
	assert_int_equal(refuse("old.so", "a_new.so", "/ is taken"),
	    SUP_TRY_AGAIN);
	expect("a_new.so", SUP_PICK_NONE);
	expect_reason("a_new.so",
	    "is in the way of old.so, which served before: / is taken");
	expect("old.so", SUP_PICK_KEPT);
	expect_reason("old.so", "");
}

static void
test_a_change_gives_way_to_what_served(void **state)
{
	(void)state;
	put("changed.so", "2", "1");
	put("old.so", "1", "1");
	begin();
	assert_int_equal(refuse("old.so", "changed.so", "/ is taken"),
	    SUP_TRY_AGAIN);
	expect("changed.so", SUP_PICK_KEPT);
	expect("old.so", SUP_PICK_KEPT);
}

/* Both of the same try: neither old file has to go because of the first. */
static void
test_one_change_in_the_way_of_two(void **state)
{
	(void)state;
	put("a.so", "2", "1");
	put("b.so", "1", "1");
	put("c.so", "1", "1");
	put("new.so", "1", "");
	for (int serving = 0; serving < 2; serving++) {
		picks.list[index_of("a.so")].reason[0] = '\0';
		begin();
		assert_int_equal(sup_picks_refuse(&picks, index_of("b.so"),
		    index_of("a.so"), "/b is taken", serving), SUP_TRY_AGAIN);
		assert_int_equal(sup_picks_refuse(&picks, index_of("c.so"),
		    index_of("a.so"), "/c is taken", serving), SUP_TRY_AGAIN);
		assert_int_equal(sup_picks_refuse(&picks, index_of("new.so"),
		    index_of("a.so"), "/n is taken", serving), SUP_TRY_AGAIN);
		expect("a.so", SUP_PICK_KEPT);
		expect("b.so", SUP_PICK_KEPT);
		expect("c.so", SUP_PICK_KEPT);
		expect("new.so", SUP_PICK_FRESH);
	}
}

/* Refused, and then for what its code has done meanwhile. */
static void
test_a_file_that_is_refused_twice_in_one_try(void **state)
{
	(void)state;
	put("changed.so", "2", "1");
	put("new.so", "1", "");
	begin();
	assert_int_equal(refuse("changed.so", NULL, "first"), SUP_TRY_AGAIN);
	assert_int_equal(refuse("changed.so", NULL, "then"), SUP_TRY_AGAIN);
	expect("changed.so", SUP_PICK_KEPT);
	expect_reason("changed.so", "first");
	assert_int_equal(refuse("new.so", NULL, "first"), SUP_GO_ON);
	assert_int_equal(refuse("new.so", NULL, "then"), SUP_GO_ON);
	expect_reason("new.so", "first");
}

/* Two that are new want the same: the second one waits for the first. */
static void
test_who_was_barred_by_a_bad_one_has_another_chance(void **state)
{
	(void)state;
	put("a.so", "1", "");
	put("b.so", "1", "");
	put("c.so", "1", "");
	begin();
	assert_int_equal(refuse("b.so", "a.so", "/ is taken"), SUP_GO_ON);
	assert_int_equal(refuse("c.so", NULL, "crashes"), SUP_GO_ON);
	expect("b.so", SUP_PICK_NONE);
	sup_picks_begin_try(&picks);
	assert_int_equal(refuse("a.so", NULL, "crashes"), SUP_TRY_AGAIN);
	expect("a.so", SUP_PICK_NONE);
	expect("b.so", SUP_PICK_FRESH);
	expect_reason("b.so", "");
	expect("c.so", SUP_PICK_NONE);
	expect_reason("c.so", "crashes");
}

/* What it was in this try it is not any more: it bars nobody in the next. */
static void
test_a_second_chance_is_of_the_next_try(void **state)
{
	(void)state;
	put("a.so", "2", "1");
	put("b.so", "2", "1");
	put("c.so", "1", "");
	begin();
	assert_int_equal(refuse("b.so", "a.so", "/ is taken"), SUP_TRY_AGAIN);
	sup_picks_begin_try(&picks);
	assert_int_equal(refuse("b.so", "a.so", "/ is taken"), SUP_TRY_AGAIN);
	expect("a.so", SUP_PICK_KEPT);
	expect("b.so", SUP_PICK_FRESH);
	assert_int_equal(refuse("c.so", "b.so", "/c is taken"),
	    SUP_TRY_AGAIN);
	expect("c.so", SUP_PICK_FRESH);
}

/* Each of two in the other's way, whatever loading may say: it ends. */
static void
test_no_two_wait_for_each_other(void **state)
{
	(void)state;
	put("a.so", "1", "");
	put("b.so", "1", "");
	begin();
	assert_int_equal(refuse("a.so", "b.so", "/ is taken"), SUP_GO_ON);
	sup_picks_begin_try(&picks);
	assert_int_equal(refuse("b.so", NULL, "crashes"), SUP_GO_ON);
	expect("a.so", SUP_PICK_NONE);
	expect("b.so", SUP_PICK_NONE);
}

static void
test_the_configuration_is_to_blame(void **state)
{
	(void)state;
	put("a.so", "1", "1");
	put("b.so", "1", "1");
	begin();
	assert_int_equal(refuse("b.so", "a.so", "/ is taken"), SUP_GIVE_UP);
	assert_int_equal(refuse("b.so", NULL, "has too many"), SUP_GIVE_UP);
	expect("a.so", SUP_PICK_KEPT);
	expect("b.so", SUP_PICK_KEPT);
}

/* At a start what can be served is served. */
static void
test_while_nothing_serves_nothing_is_given_up(void **state)
{
	(void)state;
	put("a.so", "2", "1");
	put("b.so", "1", "1");
	begin();
	assert_int_equal(sup_picks_refuse(&picks, 0, SIZE_MAX, "fresh",
	    false), SUP_TRY_AGAIN);
	sup_picks_begin_try(&picks);
	assert_int_equal(sup_picks_refuse(&picks, 0, SIZE_MAX, "kept",
	    false), SUP_GO_ON);
	expect("a.so", SUP_PICK_NONE);
	expect_reason("a.so", "kept");
	expect("b.so", SUP_PICK_KEPT);
}

static void
test_a_reason_of_any_length_is_cut(void **state)
{
	char reason[4 * SUP_REASON_MAX];

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	put("a_new.so", "1", "");
	put("b_new.so", "1", "");
	put("old.so", "1", "1");
	begin();
	refuse("a_new.so", NULL, reason);
	refuse("old.so", "b_new.so", reason);
	assert_int_equal(strlen(picks.list[index_of("a_new.so")].reason),
	    SUP_REASON_MAX - 1);
	assert_int_equal(strlen(picks.list[index_of("b_new.so")].reason),
	    SUP_REASON_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		picks_test(test_a_file_has_one_pick),
		picks_test(test_what_is_new_is_taken_and_what_is_gone_is_not),
		picks_test(test_a_reason_falls_back),
		picks_test(test_what_is_held_falls_back),
		picks_test(test_setting_aside_chooses_nothing),
		picks_test(test_only_other_bytes_are_new),
		picks_test(test_the_version_is_the_chosen_one),
		picks_test(test_those_that_served_come_first),
		picks_test(test_a_newcomer_that_is_refused_is_left_out),
		picks_test(
		    test_a_change_that_is_refused_is_tried_in_its_last_version),
		picks_test(test_a_newcomer_gives_way),
		picks_test(test_a_change_gives_way_to_what_served),
		picks_test(test_one_change_in_the_way_of_two),
		picks_test(test_a_file_that_is_refused_twice_in_one_try),
		picks_test(
		    test_who_was_barred_by_a_bad_one_has_another_chance),
		picks_test(test_a_second_chance_is_of_the_next_try),
		picks_test(test_no_two_wait_for_each_other),
		picks_test(test_the_configuration_is_to_blame),
		picks_test(test_while_nothing_serves_nothing_is_given_up),
		picks_test(test_a_reason_of_any_length_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
