/*
 * sup_picks.c - policy: which version of each handler file a new generation
 * gets.
 *
 * Runs in: supervisor.
 * Owns: the list of each struct sup_picks.
 * Invariant: pure; a version that was refused for itself is not chosen again,
 * one that another barred at most CHANCES times: so trying comes to an end, in
 * practice with as many tries as there are versions to refuse, and one more.
 */
#include "supervisor/sup_picks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANCES		8	/* so many rivals may prove bad one by one */

static const char *
name_of(const struct sup_pick *pick)
{
	return pick->fresh.name[0] != '\0' ? pick->fresh.name :
	    pick->kept.version.name;
}

static bool
has_kept(const struct sup_pick *pick)
{
	return pick->kept.version.sha256[0] != '\0';
}

static bool
has_fresh(const struct sup_pick *pick)
{
	return pick->fresh.sha256[0] != '\0';
}

struct sup_pick *
sup_picks_at(struct sup_picks *picks, const char *name)
{
	struct sup_pick *pick;

	for (size_t i = 0; i < picks->count; i++)
		if (strcmp(name_of(&picks->list[i]), name) == 0)
			return &picks->list[i];
	pick = reallocarray(picks->list, picks->count + 1,
	    sizeof(*picks->list));
	if (pick == NULL)
		return NULL;
	picks->list = pick;
	pick += picks->count++;
	memset(pick, 0, sizeof(*pick));
	snprintf(pick->fresh.name, sizeof(pick->fresh.name), "%s", name);
	return pick;
}

void
sup_picks_finish(struct sup_picks *picks)
{
	free(picks->list);
	memset(picks, 0, sizeof(*picks));
}

const struct handler_version *
sup_pick_version(const struct sup_pick *pick)
{
	switch (pick->choice) {
	case SUP_PICK_FRESH:
		return &pick->fresh;
	case SUP_PICK_KEPT:
		return &pick->kept.version;
	default:
		return NULL;
	}
}

bool
sup_pick_is_new(const struct sup_pick *pick)
{
	return has_fresh(pick) && strcmp(pick->fresh.sha256,
	    pick->kept.version.sha256) != 0;
}

static enum sup_choice
fall_back(const struct sup_pick *pick)
{
	return has_kept(pick) ? SUP_PICK_KEPT : SUP_PICK_NONE;
}

static enum sup_choice
choose(const struct sup_pick *pick)
{
	if (pick->reason[0] != '\0' || pick->held)
		return fall_back(pick);
	if (!has_fresh(pick))
		return SUP_PICK_NONE;
	return sup_pick_is_new(pick) ? SUP_PICK_FRESH : SUP_PICK_KEPT;
}

static int
compare(const void *a, const void *b)
{
	const struct sup_pick *left = a, *right = b;

	if (has_kept(left) != has_kept(right))
		return has_kept(left) ? -1 : 1;
	return strcmp(name_of(left), name_of(right));
}

void
sup_picks_choose(struct sup_picks *picks)
{
	for (size_t i = 0; i < picks->count; i++)
		picks->list[i].choice = choose(&picks->list[i]);
	if (picks->count > 0)
		qsort(picks->list, picks->count, sizeof(*picks->list),
		    compare);
}

void
sup_picks_begin_try(struct sup_picks *picks)
{
	for (size_t i = 0; i < picks->count; i++)
		picks->list[i].fell = false;
}

/* Takes the version out that is tried. */
static void
demote(struct sup_pick *pick, const char *reason)
{
	snprintf(pick->reason, sizeof(pick->reason), "%s", reason);
	pick->choice = pick->choice == SUP_PICK_FRESH ? fall_back(pick) :
	    SUP_PICK_NONE;
	pick->fell = true;
}

/* Who was refused because of it has another chance. */
static bool
let_in(struct sup_picks *picks, size_t index)
{
	bool any = false;

	for (size_t i = 0; i < picks->count; i++) {
		struct sup_pick *pick = &picks->list[i];

		if (pick->barred_by != 1 + index)
			continue;
		pick->barred_by = 0;
		pick->chances++;
		pick->reason[0] = '\0';
		pick->choice = choose(pick);
		pick->fell = true;	/* what is tried is another one */
		any = true;
	}
	return any;
}

/* Of two that are new the second one waits to see what becomes of the first:
 * the one that is loaded first, so that no two wait for each other. */
static void
bar(struct sup_picks *picks, size_t index, size_t rival)
{
	struct sup_pick *pick = &picks->list[index];

	if (rival < index && pick->chances < CHANCES &&
	    picks->list[rival].choice == SUP_PICK_FRESH)
		pick->barred_by = 1 + (uint32_t)rival;
}

/* Without it, or once more with its last good version? */
static enum sup_verdict
verdict_on(const struct sup_pick *pick)
{
	return pick->choice == SUP_PICK_NONE ? SUP_GO_ON : SUP_TRY_AGAIN;
}

static bool
is_in_the_way(const struct sup_picks *picks, size_t rival)
{
	return rival < picks->count &&
	    picks->list[rival].choice == SUP_PICK_FRESH;
}

enum sup_verdict
sup_picks_refuse(struct sup_picks *picks, size_t index, size_t rival,
    const char *reason, bool serving)
{
	struct sup_pick *pick = &picks->list[index];
	char turned[SUP_REASON_MAX];

	if (pick->fell)
		return verdict_on(pick);
	if (rival < picks->count && picks->list[rival].fell)
		return SUP_TRY_AGAIN;
	if (pick->choice == SUP_PICK_FRESH) {
		demote(pick, reason);
		bar(picks, index, rival);
		return let_in(picks, index) ? SUP_TRY_AGAIN :
		    verdict_on(pick);
	}
	if (is_in_the_way(picks, rival)) {
		snprintf(turned, sizeof(turned), "is in the way of %s, which "
		    "served before: %s", name_of(pick), reason);
		demote(&picks->list[rival], turned);
		let_in(picks, rival);
		return SUP_TRY_AGAIN;
	}
	if (serving)
		return SUP_GIVE_UP;
	demote(pick, reason);
	return SUP_GO_ON;
}
