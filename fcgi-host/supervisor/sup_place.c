/*
 * sup_place.c - the folder of a generation that is being made: for each file
 * the copy that is chosen.
 *
 * Runs in: supervisor.
 * Owns: nothing; the folder is the store's.
 * Invariant: under a handler's name is what is chosen, or nothing.  The copy of
 * a version that has another chance is put aside under a number until then.
 */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup.h"

/* A copy that was just made is as good as the one that is kept, or better. */
static bool
is_in_place(const struct sup_pick *pick)
{
	return pick->copied && (pick->choice == SUP_PICK_FRESH ||
	    !sup_pick_is_new(pick));
}

static int
describe(const struct sup_pick *pick, int rc, struct err *err)
{
	return rc == 0 ? 0 : err_sys(err, "the copy of %s", pick->fresh.name);
}

static int
put_aside(struct sup *sup, size_t index, struct err *err)
{
	struct sup_pick *pick = &sup->reload.picks.list[index];

	pick->put_aside = true;
	return describe(pick, sup_store_put_aside(sup->store,
	    sup->reload.next->number, pick->fresh.name, index), err);
}

static int
put_back(struct sup *sup, size_t index, struct err *err)
{
	struct sup_pick *pick = &sup->reload.picks.list[index];

	pick->put_aside = false;
	return describe(pick, sup_store_put_back(sup->store,
	    sup->reload.next->number, pick->fresh.name, index), err);
}

/* Its fresh version waits for another chance, and its name is wanted. */
static bool
is_to_be_put_aside(const struct sup_pick *pick)
{
	return pick->barred_by != 0 && pick->copied && !pick->put_aside &&
	    pick->choice != SUP_PICK_FRESH;
}

static int
link_chosen(struct sup *sup, const struct sup_pick *pick, struct err *err)
{
	uint32_t to = sup->reload.next->number;
	const char *name = pick->fresh.name;

	switch (pick->choice) {
	case SUP_PICK_KEPT:
		return sup_store_link(sup->store, pick->kept_from, to, name,
		    err);
	case SUP_PICK_FRESH:
		return sup_store_link(sup->store, pick->fresh_from, to, name,
		    err);
	default:
		return describe(pick, sup_store_unlink(sup->store, to, name),
		    err);
	}
}

static int
place(struct sup *sup, size_t index, struct err *err)
{
	const struct sup_pick *pick = &sup->reload.picks.list[index];

	if (is_to_be_put_aside(pick) && put_aside(sup, index, err) < 0)
		return -1;
	if (pick->put_aside && pick->choice == SUP_PICK_FRESH)
		return put_back(sup, index, err);
	if (pick->choice != SUP_PICK_NONE && is_in_place(pick))
		return 0;
	return link_chosen(sup, pick, err);
}

/* When nothing serves, all else is better than nothing. */
static bool
goes_without(const struct sup *sup, struct sup_pick *pick,
    const struct err *why)
{
	size_t length = strlen(pick->reason);

	if ((sup->serving != NULL && !sup_reload_is_down(sup)) ||
	    pick->choice != SUP_PICK_KEPT)
		return false;
	log_warnx("%s", why->text);
	snprintf(pick->reason + length, sizeof(pick->reason) - length,
	    "%sits last good version is lost: %s", length > 0 ? "; " : "",
	    why->text);
	pick->choice = SUP_PICK_NONE;
	return true;
}

int
sup_place_files(struct sup *sup, struct err *err)
{
	const struct sup_picks *picks = &sup->reload.picks;

	for (size_t i = 0; i < picks->count; i++)
		if (place(sup, i, err) < 0 &&
		    !goes_without(sup, &picks->list[i], err))
			return -1;
	return 0;
}

void
sup_place_tidy(struct sup *sup, uint32_t number)
{
	const struct sup_picks *picks = &sup->reload.picks;

	for (size_t i = 0; i < picks->count; i++)
		if (picks->list[i].put_aside &&
		    sup_store_unlink_aside(sup->store, number, i) < 0)
			log_warn("generation %u: removing a copy of %s",
			    number, picks->list[i].fresh.name);
}
