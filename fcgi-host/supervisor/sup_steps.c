/*
 * sup_steps.c - the steps from copied files to a new generation that serves.
 *
 * Runs in: supervisor.
 * Owns: sup.reload.timer.
 * Invariant: each step ends by an event or by the timer: none is waited for
 * without end.
 *
 *	STAGING -> LOADING -> MODELS -> PRELOADING -> PROBING -> STARTING
 *	              ^_________________________________|  without a file that
 *	                                                   was refused
 *
 * Before a model that must not be in memory twice is loaded, LOADING leads to
 * CLOSING and FREEING, and back (sup_free_first.c).
 */
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_notify.h"
#include "supervisor/sup_stage.h"

/* ---------------------------------------------------------------- the time */

/* Preloading a model may take as long as the model may. */
static uint64_t
limit_of(const struct sup_reload *reload)
{
	const struct config *config = reload->next->config;
	uint64_t limit = config->load_timeout_ms;

	for (size_t i = 0; reload->phase == SUP_RELOAD_PRELOADING &&
	    i < config->model_count; i++)
		if (config->models[i].kind == CONFIG_MODEL_PRELOAD &&
		    config->models[i].load_timeout_ms > limit)
			limit = config->models[i].load_timeout_ms;
	return limit;
}

static void	on_late(uv_timer_t *);

enum { HUNG_PROBE = 1, HUNG_ZYGOTE };

/* Not even that brings us on. */
static void
give_up_hung(struct sup_generation *next)
{
	char file[MESSAGE_TEXT_MAX];

	memcpy(file, next->file, sizeof(file));
	sup_reload_crashed(next, file, "hung: it did not return within "
	    "load_timeout, and cannot even be killed", false);
}

/* Its death, or the probe's, brings us on.  Only its zygote can end a probe:
 * one that does not is ended itself. */
static void
end_hung(struct sup_reload *reload)
{
	struct sup_generation *next = reload->next;

	if (reload->phase == SUP_RELOAD_PROBING && next->probe.pid > 0 &&
	    reload->hung == 0) {
		reload->hung = HUNG_PROBE;
		sup_generation_kill(next, next->probe.pid, SIGKILL);
		uv_timer_start(reload->timer, on_late,
		    next->config->kill_grace_ms + 1, 0);
	} else if (reload->hung < HUNG_ZYGOTE) {
		reload->hung = HUNG_ZYGOTE;
		kill(next->zygote, SIGKILL);
		uv_timer_start(reload->timer, on_late, CHILD_DEATH_MS, 0);
	} else
		give_up_hung(next);
}

static void
on_late(uv_timer_t *timer)
{
	struct sup *sup = timer->data;
	struct sup_reload *reload = &sup->reload;
	struct sup_generation *next = reload->next;

	if (reload->phase == SUP_RELOAD_STARTING) {
		if (sup->serving != NULL || sup->successor_link >= 0)
			sup_reload_give_up(sup, "its front and workers are not "
			    "ready after load_timeout (%llu ms)",
			    (unsigned long long)next->config->load_timeout_ms);
	} else
		end_hung(reload);
}

static void
start_timer(struct sup_reload *reload)
{
	uv_timer_start(reload->timer, on_late, limit_of(reload), 0);
}

static void
enter(struct sup_reload *reload, enum sup_reload_phase phase)
{
	reload->phase = phase;
	log_debug("generation %u: %s", reload->next->number,
	    sup_reload_phase_name(phase));
	if (phase == SUP_RELOAD_STAGING || phase == SUP_RELOAD_MODELS)
		uv_timer_stop(reload->timer);	/* they have their own */
	else
		start_timer(reload);
	sup_notify_look(reload->next->sup);
}

bool
sup_reload_is_making(const struct sup_generation *generation)
{
	return generation == generation->sup->reload.next;
}

void
sup_reload_progress(struct sup_generation *generation)
{
	if (sup_reload_is_making(generation))
		start_timer(&generation->sup->reload);
}

/* --------------------------------------------------------------- the steps */

void
sup_steps_load(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;
	struct err err;

	if (sup_place_files(sup, &err) < 0) {
		sup_reload_give_up(sup, "%s", err.text);
		return;
	}
	reload->hung = 0;
	reload->retry = false;
	sup_picks_begin_try(&reload->picks);
	enter(reload, SUP_RELOAD_LOADING);
	if (sup_generation_fork(reload->next, &reload->picks, &err) < 0)
		sup_reload_end(sup, EXIT_CODE_SYSTEM, err.text);
}

void
sup_steps_try_again(struct sup *sup)
{
	sup_models_forget(sup);
	sup_generation_unfork(sup->reload.next);
	sup_steps_load(sup);
}

/* A change that is none, or whose only news was refused, while all is well. */
static bool
is_for_nothing(const struct sup *sup)
{
	const struct sup_reload *reload = &sup->reload;

	if (reload->trigger != SUP_TRIGGER_WATCH || sup_reload_is_down(sup) ||
	    sup->serving->closed)
		return false;
	for (size_t i = 0; i < reload->picks.count; i++) {
		const struct sup_pick *pick = &reload->picks.list[i];

		if (pick->choice == SUP_PICK_FRESH ||
		    (pick->choice == SUP_PICK_NONE &&
		    pick->kept.version.sha256[0] != '\0'))
			return false;
	}
	return true;
}

static void
end_for_nothing(struct sup *sup)
{
	sup_reload_abandon(sup);
	sup_reload_finish(sup, true, NULL);
}

void
sup_reload_staged(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;

	reload->stage = NULL;
	reload->looked = true;
	sup_picks_choose(&reload->picks);
	if (is_for_nothing(sup))
		end_for_nothing(sup);
	else
		sup_steps_load(sup);
}

/* The candidate's turn comes when the old generation has left. */
void
sup_reload_close_first(struct sup *sup)
{
	enter(&sup->reload, SUP_RELOAD_CLOSING);
	sup_free_first_begin(sup);
}

void
sup_steps_end_closing(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;

	if (reload->phase != SUP_RELOAD_FREEING || reload->after == NULL ||
	    !sup_free_first_is_done(sup))
		return;
	reload->next = reload->after;
	reload->after = NULL;
	sup_steps_load(sup);
}

/* False: the generation is another one's, or its picks have changed. */
static bool
goes_on(const struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!sup_reload_is_making(generation))
		return false;
	if (!sup->reload.retry)
		return true;
	if (is_for_nothing(sup))
		end_for_nothing(sup);
	else
		sup_steps_try_again(sup);
	return false;
}

void
sup_reload_loaded(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!goes_on(generation))
		return;
	if (generation->closed) {
		sup_models_tell(generation);
		return;
	}
	enter(&sup->reload, SUP_RELOAD_MODELS);
	sup_models_start(sup);
}

void
sup_reload_models_done(struct sup *sup)
{
	enter(&sup->reload, SUP_RELOAD_PRELOADING);
	sup_models_tell(sup->reload.next);
}

void
sup_reload_preloaded(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!goes_on(generation))
		return;
	if (generation->closed) {
		sup_generation_add_team(generation);
		return;
	}
	enter(&sup->reload, SUP_RELOAD_PROBING);
	sup_probe_start(generation);
}

void
sup_reload_probed(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!goes_on(generation))
		return;
	enter(&sup->reload, SUP_RELOAD_STARTING);
	if (sup->phase == SUP_LOADING)
		sup->phase = SUP_STARTING;
	sup_generation_add_team(generation);
}

void
sup_reload_team_ready(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!sup_reload_is_making(generation))
		return;
	sup->reload.next = NULL;
	sup_switch(generation);
	if (!generation->closed) {
		sup_reload_finish(sup, true, NULL);
		return;
	}
	sup->reload.phase = SUP_RELOAD_FREEING;
	uv_timer_stop(sup->reload.timer);
	sup_steps_end_closing(sup);
}
