/*
 * sup_picks_worlds_test.c - made-up handler directories that are loaded until
 * nothing is refused: it ends, and who served still does.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so nothing is loaded in here; the numbers are drawn anew
 * from the same seed in each run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/sup_picks.h"

#define FILES		8
#define ROUTES		16
#define WORLDS		20000

/* One version: what it claims, and when it is refused for itself. */
struct made_up {
	bool		there, fails_to_load, fails_later;
	uint32_t	routes;
};

static struct made_up	fresh[FILES], kept[FILES];	/* by letter */
static bool		is_out[FILES];	/* its fresh version, for good */
static struct sup_picks	picks;
static uint64_t		seed;

/* "" is no such version. */
static void
put(const char *name, const char *fresh_sha256, const char *kept_sha256)
{
	struct sup_pick *pick = sup_picks_at(&picks, name);

	assert_non_null(pick);
	strcpy(pick->fresh.sha256, fresh_sha256);
	strcpy(pick->kept.version.sha256, kept_sha256);
}

static uint32_t
draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % below;
}

static void
draw_fresh(struct made_up *version)
{
	*version = (struct made_up){ .there = draw(5) != 0,
	    .fails_to_load = draw(5) == 0, .fails_later = draw(5) == 0,
	    .routes = (UINT32_C(1) << draw(ROUTES)) |
	    (UINT32_C(1) << draw(ROUTES)) };
}

/* What serves is sound, and of one mind about its routes. */
static void
draw_world(bool serving)
{
	uint32_t taken = 0;

	memset(is_out, 0, sizeof(is_out));
	for (uint32_t i = 0; i < FILES; i++) {
		char name[] = { (char)('a' + i), '\0' };
		bool same = draw(3) == 0;

		draw_fresh(&fresh[i]);
		draw_fresh(&kept[i]);
		if (serving) {
			kept[i].fails_to_load = kept[i].fails_later = false;
			kept[i].routes &= ~taken;
			taken |= kept[i].there ? kept[i].routes : 0;
		}
		if (same)
			fresh[i] = kept[i];
		put(name, fresh[i].there ? same ? "1" : "2" : "",
		    kept[i].there ? "1" : "");
	}
}

static uint32_t
letter(const struct sup_pick *pick)
{
	return (uint32_t)(pick->fresh.name[0] - 'a');
}

static const struct made_up *
chosen(const struct sup_pick *pick)
{
	switch (pick->choice) {
	case SUP_PICK_FRESH:
		assert_false(is_out[letter(pick)]);
		return &fresh[letter(pick)];
	case SUP_PICK_KEPT:
		return &kept[letter(pick)];
	default:
		return NULL;
	}
}

static enum sup_verdict
refuse_one(size_t index, size_t rival, bool serving)
{
	enum sup_choice before[FILES];
	enum sup_verdict verdict;

	for (size_t i = 0; i < picks.count; i++)
		before[i] = picks.list[i].choice;
	verdict = sup_picks_refuse(&picks, index, rival, "refused", serving);
	for (size_t i = 0; i < picks.count; i++)
		if (before[i] == SUP_PICK_FRESH &&
		    picks.list[i].choice != SUP_PICK_FRESH)
			is_out[letter(&picks.list[i])] =
			    picks.list[i].barred_by == 0;
	return verdict;
}

static size_t
rival_of(const struct made_up *const *loaded, size_t count, uint32_t routes)
{
	for (size_t i = 0; i < count; i++)
		if (loaded[i] != NULL && (loaded[i]->routes & routes) != 0)
			return i;
	return SIZE_MAX;
}

/* As a zygote: on to the end, then what preload, probe and self-test say. */
static bool
try_once(bool serving, const struct made_up **loaded)
{
	const struct made_up *version;
	bool retry = false;
	size_t rival;

	sup_picks_begin_try(&picks);
	for (size_t i = 0; i < picks.count; i++) {
		loaded[i] = NULL;
		if ((version = chosen(&picks.list[i])) == NULL)
			continue;
		rival = rival_of(loaded, i, version->routes);
		if (!version->fails_to_load && rival == SIZE_MAX) {
			loaded[i] = version;
			continue;
		}
		switch (refuse_one(i, version->fails_to_load ? SIZE_MAX :
		    rival, serving)) {
		case SUP_GIVE_UP:
			fail_msg("gave up: what served is sound");
			break;
		case SUP_TRY_AGAIN:
			retry = true;
			break;
		default:
			break;
		}
	}
	for (size_t i = 0; !retry && i < picks.count; i++)
		if (loaded[i] != NULL && loaded[i]->fails_later) {
			assert_int_not_equal(refuse_one(i, SIZE_MAX, serving),
			    SUP_GIVE_UP);
			return true;
		}
	return retry;
}

/* Who is barred is barred by one that serves, and for cause. */
static void
check_barred(const struct sup_pick *pick, const struct made_up *const *loaded)
{
	if (pick->barred_by == 0)
		return;
	assert_int_not_equal(pick->choice, SUP_PICK_FRESH);
	assert_int_equal(picks.list[pick->barred_by - 1].choice,
	    SUP_PICK_FRESH);
	assert_int_not_equal(loaded[pick->barred_by - 1]->routes &
	    fresh[letter(pick)].routes, 0);
}

/* What serves in the end is of one mind, and nothing has lost its place. */
static void
check_end(bool serving, const struct made_up *const *loaded)
{
	uint32_t taken = 0;

	for (size_t i = 0; i < picks.count; i++) {
		const struct sup_pick *pick = &picks.list[i];

		if (loaded[i] != NULL) {
			assert_int_equal(loaded[i]->routes & taken, 0);
			taken |= loaded[i]->routes;
		}
		assert_ptr_equal(loaded[i], chosen(pick));
		if (serving && kept[letter(pick)].there &&
		    fresh[letter(pick)].there)
			assert_non_null(loaded[i]);
		check_barred(pick, loaded);
		if (pick->choice != SUP_PICK_FRESH && sup_pick_is_new(pick))
			assert_string_not_equal(pick->reason, "");
	}
}

static void
load_worlds(bool serving)
{
	const struct made_up *loaded[FILES];
	unsigned limit = serving ? 2 * FILES + 1 : 3 * FILES + 1;

	seed = 1;
	for (unsigned world = 0; world < WORLDS; world++) {
		unsigned tries = 1;

		draw_world(serving);
		sup_picks_choose(&picks);
		while (try_once(serving, loaded))
			if (++tries > limit)
				fail_msg("world %u: no end", world);
		check_end(serving, loaded);
		sup_picks_finish(&picks);
	}
}

static void
test_trying_ends_and_who_served_serves(void **state)
{
	(void)state;
	load_worlds(true);
}

static void
test_trying_ends_while_nothing_serves(void **state)
{
	(void)state;
	load_worlds(false);
}

/* Refusals that make no sense: whatever is said, it ends. */
static void
test_any_refusals_come_to_an_end(void **state)
{
	(void)state;
	seed = 2;
	for (unsigned world = 0; world < WORLDS; world++) {
		enum sup_verdict verdict = SUP_TRY_AGAIN;
		unsigned tries = 0;

		draw_world(true);
		sup_picks_choose(&picks);
		while (verdict == SUP_TRY_AGAIN) {
			sup_picks_begin_try(&picks);
			verdict = refuse_one(draw(FILES), draw(FILES + 1),
			    true);
			for (size_t i = 0; i < picks.count; i++)
				(void)chosen(&picks.list[i]);
			assert_true(++tries <= 10 * FILES);
		}
		sup_picks_finish(&picks);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trying_ends_and_who_served_serves),
		cmocka_unit_test(test_trying_ends_while_nothing_serves),
		cmocka_unit_test(test_any_refusals_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
