/*
 * sup_blame.c - what goes wrong while a generation is made, and whose fault it
 * is.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: a process that was killed from outside is no file's fault, unless
 * it happens again and again; a file that is to blame is not chosen again.
 */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup.h"

#define KILLS_MAX	2	/* by nobody known: not the file's fault */

static void
refuse(struct sup *sup, size_t index, size_t rival, const char *reason,
    bool again)
{
	struct sup_reload *reload = &sup->reload;
	struct sup_pick *pick = &reload->picks.list[index];
	enum sup_verdict verdict;

	log_warnx("%s/%s: %s", reload->next->config->handlers,
	    pick->fresh.name, reason);
	if (reload->trigger == SUP_TRIGGER_ROLLBACK) {
		sup_reload_give_up(sup, "%s: %s", pick->fresh.name, reason);
		return;
	}
	verdict = sup_picks_refuse(&reload->picks, index, rival, reason,
	    sup->serving != NULL && sup->serving->zygote > 0);
	if (verdict == SUP_GIVE_UP)
		sup_reload_give_up(sup, "%s, which has not changed: %s",
		    pick->fresh.name, reason);
	else if (verdict == SUP_TRY_AGAIN || again ||
	    reload->phase == SUP_RELOAD_PROBING)
		reload->retry = true;
}

void
sup_reload_refused(struct sup_generation *generation, uint32_t file,
    uint32_t rival, const char *reason, bool again)
{
	struct sup *sup = generation->sup;

	if (!sup_reload_is_making(generation))
		return;
	if (file < sup->reload.picks.count)
		refuse(sup, file, rival == 0 ? SIZE_MAX : rival - 1, reason,
		    again);
	else {
		log_warnx("%s", reason);
		sup_generation_complain(generation, reason);
	}
}

static size_t
index_of(const struct sup_picks *picks, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;
	size_t i = 0;

	while (i < picks->count && strcmp(picks->list[i].fresh.name, name) != 0)
		i++;
	return i;
}

/* A file's code took its process along, or did not come back. */
static void
blame(struct sup *sup, size_t index, const char *how)
{
	struct sup_reload *reload = &sup->reload;
	char reason[SUP_REASON_MAX];
	const char *while_doing = reload->phase == SUP_RELOAD_LOADING ?
	    "while it was loaded" : reload->phase == SUP_RELOAD_PRELOADING ?
	    "in its preload" : "in its worker_init or self_test";

	snprintf(reason, sizeof(reason), "the process %s %s", how,
	    while_doing);
	reload->picks.list[index].crashed = true;
	refuse(sup, index, SIZE_MAX, reason, true);
}

/* Not a handler's fault, as far as can be known: a model's check is said in
 * place of a file. */
static void
describe(const char *file, const char *how, struct err *out)
{
	if (strncmp(file, "model \"", 7) == 0)
		err_set(out, "%.200s: the process %s", file, how);
	else
		err_set(out, "%s%s", strncmp(how, "its ", 4) == 0 ? "" :
		    "its zygote ", how);
}

/* One that was killed by nobody known is tried again at once; in a recovery, as
 * soon as policy lets it (sup_respawn.c), and what served is not to blame. */
void
sup_reload_crashed(struct sup_generation *generation, const char *file,
    const char *how, bool killed)
{
	struct sup *sup = generation->sup;
	struct sup_reload *reload = &sup->reload;
	uint32_t number = generation->number;
	bool recovers = reload->trigger == SUP_TRIGGER_RECOVERY;
	size_t index;

	if (!sup_reload_is_making(generation))
		return;
	index = file[0] == '\0' ? reload->picks.count :
	    index_of(&reload->picks, file);
	if (killed && !generation->closed && !recovers &&
	    reload->kills++ < KILLS_MAX) {
		sup_steps_try_again(sup);
		return;
	}
	if (index == reload->picks.count || generation->closed ||
	    (killed && recovers)) {
		struct err why;

		describe(file, how, &why);
		sup_reload_end(sup, EXIT_CODE_SYSTEM, why.text);
		return;
	}
	blame(sup, index, how);
	if (reload->next != NULL && reload->next->number == number)
		sup_steps_try_again(sup);
}

void
sup_reload_failed(struct sup_generation *generation, const char *why)
{
	if (!sup_reload_is_making(generation))
		return;
	if (generation->sup->reload.retry)
		sup_steps_try_again(generation->sup);
	else
		sup_reload_give_up(generation->sup, "%s", why);
}
