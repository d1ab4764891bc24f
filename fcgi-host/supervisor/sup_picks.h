/*
 * sup_picks.h - policy: which version of each handler file a new generation
 * gets.
 *
 * Pure.  A file that is refused falls back to its last good version, and a file
 * never takes a route away from one that served before: where two want the
 * same, the newcomer gives way.  A version that is refused for itself is not
 * tried again, and one that is refused for another one's sake has so many
 * chances and no more, so that trying again comes to an end.
 */
#ifndef SUPERVISOR_SUP_PICKS_H
#define SUPERVISOR_SUP_PICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/handler_version.h"
#include "supervisor/sup_store.h"

#define SUP_REASON_MAX	512

/* The `held` of a file that is not in the directory and serves all the same,
 * since a rollback brought it back. */
#define SUP_HELD_ABSENT	"0000000000000000000000000000000000000000000000000000" \
	"000000000000"

enum sup_choice {
	SUP_PICK_NONE,		/* no version of it serves */
	SUP_PICK_FRESH,		/* the one from the directory */
	SUP_PICK_KEPT		/* the last good one */
};

/*
 * One file.  A version whose sha256 is "" is not there.
 *
 * fresh_from	the generation that has a copy of the fresh version; 0: the
 *		new one itself
 * kept_from	the same for the kept version
 * reason	why the fresh version, or any, is not taken; "" if it is
 * crashed	... it took its process along
 * fell		the present try is not of what is chosen now
 * held		a rollback set the fresh version aside
 * copied	the fresh version is in the new generation's folder
 * set_aside	sha256 of the version that this rollback sets aside, or ""
 * barred_by	its fresh version is refused for what this one has, which may
 *		be refused itself: then it has another chance
 * chances	that it has had
 * put_aside	so its copy is kept, out of the way (sup_place.c)
 */
struct sup_pick {
	struct handler_version	fresh;
	struct sup_file		kept;
	uint32_t		fresh_from;
	uint32_t		kept_from;
	enum sup_choice		choice;
	char			reason[SUP_REASON_MAX];
	bool			crashed;
	bool			fell;
	bool			held;
	bool			copied;
	char			set_aside[65];
	uint32_t		barred_by;	/* 1 + its index, or 0 */
	uint32_t		chances;
	bool			put_aside;
};

struct sup_picks {		/* zeroed is none */
	struct sup_pick	*list;
	size_t		 count;
};

/* The pick of that name, made if there is none.  NULL: out of memory. */
struct sup_pick	*sup_picks_at(struct sup_picks *, const char *name);
void		 sup_picks_finish(struct sup_picks *);

/* The version that is chosen; NULL: none. */
const struct handler_version	*sup_pick_version(const struct sup_pick *);

/* Is the fresh version another one than the kept? */
bool	sup_pick_is_new(const struct sup_pick *);

/*
 * Chooses for each file: the fresh version where there is one, unless its
 * reason says otherwise; the kept one where the fresh one is the same or is
 * refused.  What has neither a fresh version nor a reason is gone.  Those that
 * served before come first from now on, then the others, each by name: the
 * order in which they are loaded.
 */
void	sup_picks_choose(struct sup_picks *);

/* What is chosen is about to be tried. */
void	sup_picks_begin_try(struct sup_picks *);

/*
 * Loading has refused file `index`, because of `rival` (or SIZE_MAX).  May come
 * several times in one try: what a version that is out already has done to
 * others, or does next, is no further reason to take anything out.
 *
 * GO_ON	without it: nothing better is to be had
 * TRY_AGAIN	with what is chosen now
 * GIVE_UP	what served before is refused, and no newcomer is to blame;
 *		only if `serving`, that is, something serves on
 */
enum sup_verdict { SUP_GO_ON, SUP_TRY_AGAIN, SUP_GIVE_UP };
enum sup_verdict	sup_picks_refuse(struct sup_picks *, size_t index,
			    size_t rival, const char *reason, bool serving);

#endif
