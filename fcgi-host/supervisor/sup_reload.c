/*
 * sup_reload.c - from a trigger to a new generation, step by step.
 *
 * Runs in: supervisor.
 * Owns: sup.reload, and the generation that is being made.
 * Invariant: until sup_switch() nothing that serves is touched, so giving up
 * is always possible and leaves everything as it was; every asker is answered
 * once.
 *
 *	STAGING -> LOADING -> MODELS -> PRELOADING -> PROBING -> STARTING
 *	              ^_________________________________|  without a file that
 *	                                                   was refused
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_loader.h"
#include "supervisor/sup_stage.h"

#define LEAVING_MAX	4	/* generations; then a reload waits */
#define KILLS_MAX	2	/* by nobody known: not the file's fault */

static void	begin(struct sup *);

const char *
sup_trigger_name(enum sup_trigger trigger)
{
	static const char *const names[] = { "start", "watch", "SIGHUP",
	    "reload", "rollback", "recovery" };

	return names[trigger];
}

const char *
sup_reload_phase_name(enum sup_reload_phase phase)
{
	static const char *const names[] = { "none", "copying", "loading",
	    "models", "closing", "freeing", "preloading", "probing",
	    "starting" };

	return names[phase];
}

/* -------------------------------------------------------------- how it ends */

static void
answer(struct sup_asker_list *askers, struct json_object *outcome)
{
	struct sup_asker *asker;

	while ((asker = STAILQ_FIRST(askers)) != NULL) {
		STAILQ_REMOVE_HEAD(askers, link);
		asker->answer(asker, outcome);
	}
}

/* Was the directory looked at, so that we know what is wrong with its files? */
static bool
has_looked(const struct sup_reload *reload)
{
	return reload->trigger != SUP_TRIGGER_ROLLBACK &&
	    reload->trigger != SUP_TRIGGER_RECOVERY && reload->looked;
}

static void
keep_refusals(struct sup *sup)
{
	struct sup_picks *picks = &sup->reload.picks;

	if (!has_looked(&sup->reload))
		return;
	sup_refusals_keep_only(sup, picks);
	for (size_t i = 0; i < picks->count; i++) {
		const struct sup_pick *pick = &picks->list[i];

		if (pick->reason[0] != '\0')
			sup_refusals_set(sup, &pick->fresh, pick->reason,
			    pick->crashed);
	}
}

static void
finish(struct sup *sup, bool ok, const char *reason)
{
	struct sup_reload *reload = &sup->reload;
	struct sup_asker_list askers = STAILQ_HEAD_INITIALIZER(askers);

	uv_timer_stop(reload->timer);
	keep_refusals(sup);
	sup_outcome_finish(sup, ok, reason);
	sup_picks_finish(&reload->picks);
	reload->phase = SUP_RELOAD_NONE;
	reload->next = NULL;
	STAILQ_CONCAT(&askers, &reload->askers);
	answer(&askers, sup->last_outcome);
	sup_reload_continue(sup);
}

static void
drop(struct sup_generation **at)
{
	struct sup_generation *generation = *at;

	*at = NULL;
	if (generation == NULL)
		return;
	sup_generation_unfork(generation);
	sup_generation_destroy(generation);
}

/* Ends what runs for it; the generation goes, with what it has copied. */
static void
abandon(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;

	sup_stage_cancel(reload->stage);
	reload->stage = NULL;
	sup_models_forget(sup);
	drop(&reload->next);
	drop(&reload->after);
}

static void
fail_start(struct sup *sup, int exit_code, const char *reason)
{
	log_line(LOG_LEVEL_ERROR, "%s", reason);
	sup_successor_fail(sup, reason);
	sup_fail(sup, exit_code);
}

static void
give_up(struct sup *sup, int exit_code, const char *reason)
{
	enum sup_trigger trigger = sup->reload.trigger;

	if (sup->reload.phase == SUP_RELOAD_NONE)
		return;
	keep_refusals(sup);
	abandon(sup);
	if (sup->serving == NULL)
		fail_start(sup, exit_code, reason);
	else
		log_warnx("%s refused: %s; generation %u %s",
		    sup_trigger_name(trigger), reason, sup->serving->number,
		    sup->serving->zygote == 0 ? "is down" : "serves on");
	finish(sup, false, reason);
	if (sup->serving != NULL && sup->serving->zygote == 0)
		sup_generation_recover(sup);
}

void
sup_reload_give_up(struct sup *sup, const char *format, ...)
{
	struct err why;
	va_list ap;

	va_start(ap, format);
	vsnprintf(why.text, sizeof(why.text), format, ap);
	va_end(ap);
	if (sup->serving != NULL && sup->serving->closed) {
		struct err plain = why;

		err_set(&why, "%.300s (the old model is given up already, by "
		    "reload = free-first: every request gets 503 until a "
		    "reload succeeds)", plain.text);
	}
	give_up(sup, EXIT_CODE_CONFIG, why.text);
}

/* Nobody is told what became of another one's reload. */
static void
refuse_pending(struct sup *sup, const char *reason)
{
	struct sup_reload *reload = &sup->reload;
	struct json_object *outcome;

	reload->pending = false;
	if (STAILQ_EMPTY(&reload->pending_askers))
		return;
	outcome = sup_outcome_none(sup, reload->pending_trigger, reason);
	answer(&reload->pending_askers, outcome);
	json_object_put(outcome);
}

void
sup_reload_stop(struct sup *sup, const char *reason)
{
	struct sup_reload *reload = &sup->reload;

	if (reload->next != NULL || reload->after != NULL) {
		abandon(sup);
		finish(sup, false, reason);
	}
	refuse_pending(sup, reason);
}

/* ------------------------------------------------------------ how it begins */

static size_t
count_leaving(const struct sup *sup)
{
	const struct sup_generation *generation = sup->generations;
	size_t count = 0;

	for (; generation != NULL; generation = generation->older)
		count += generation->state == SUP_GENERATION_LEAVING;
	return count;
}

/* Files of the directory, or of a generation that is kept. */
static int
gather(struct sup *sup, struct err *err)
{
	struct sup_reload *reload = &sup->reload;

	switch (reload->trigger) {
	case SUP_TRIGGER_ROLLBACK:
		return sup_source_from_store(sup, reload->wanted, err);
	case SUP_TRIGGER_RECOVERY:
		return sup_source_from_serving(sup, err);
	default:
		return sup_source_stage(sup, err);
	}
}

static void
start_making(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;
	struct config *config;
	struct err err = { "" };

	if (reload->trigger == SUP_TRIGGER_ROLLBACK &&
	    sup_source_choose(sup, &reload->wanted, &err) < 0) {
		sup_reload_give_up(sup, "%s", err.text);
		return;
	}
	config = sup_source_config(sup, reload->trigger, reload->wanted,
	    reload->outcome, &err);
	if (config == NULL) {
		sup_reload_give_up(sup, "%s", err.text);
		return;
	}
	sup_raise_descriptor_limit(config);
	reload->next = sup_generation_create(sup, ++sup->generation_count,
	    config);
	if (gather(sup, &err) < 0)
		sup_reload_give_up(sup, "%s", err.text);
	else if (reload->stage == NULL)
		sup_reload_staged(sup);
}

static bool
is_down(const struct sup *sup)
{
	return sup->serving != NULL && sup->serving->zygote == 0;
}

/* Nothing is under way, and there is room: what is down does not wait for it. */
static bool
may_begin(const struct sup *sup)
{
	return sup->reload.phase == SUP_RELOAD_NONE &&
	    sup->phase != SUP_STOPPING && !sup->upgrade.running &&
	    (count_leaving(sup) < LEAVING_MAX || is_down(sup));
}

/* What is pending, unless another reload has brought back what was down. */
static void
begin(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;

	if (!reload->pending || !may_begin(sup))
		return;
	reload->pending = false;
	if (reload->pending_trigger == SUP_TRIGGER_RECOVERY && !is_down(sup))
		return;
	reload->phase = SUP_RELOAD_STAGING;
	reload->trigger = reload->pending_trigger;
	reload->wanted = reload->pending_wanted;
	reload->kills = 0;
	reload->hung = false;
	reload->retry = false;
	reload->looked = false;
	reload->started_ms = clock_now_ms();
	reload->was = sup->serving != NULL ? sup->serving->number : 0;
	reload->outcome = sup_outcome_create(reload->trigger);
	STAILQ_CONCAT(&reload->askers, &reload->pending_askers);
	log_debug("%s: begins", sup_trigger_name(reload->trigger));
	start_making(sup);
}

static void	end_closing(struct sup *);

void
sup_reload_continue(struct sup *sup)
{
	end_closing(sup);
	sup_upgrade_continue(sup);
	begin(sup);
}

/* A command and a signal ask for more than a watcher does. */
static bool
is_stronger(enum sup_trigger a, enum sup_trigger b)
{
	static const int strength[] = {
		[SUP_TRIGGER_RECOVERY] = 0,
		[SUP_TRIGGER_WATCH] = 1,
		[SUP_TRIGGER_START] = 2,
		[SUP_TRIGGER_HANGUP] = 3,
		[SUP_TRIGGER_COMMAND] = 4,
		[SUP_TRIGGER_ROLLBACK] = 5,
	};

	return strength[a] > strength[b];
}

void
sup_reload_ask(struct sup *sup, enum sup_trigger trigger, uint32_t wanted,
    struct sup_asker *asker)
{
	struct sup_reload *reload = &sup->reload;

	if (!reload->pending || is_stronger(trigger, reload->pending_trigger)) {
		reload->pending = true;
		reload->pending_trigger = trigger;
		reload->pending_wanted = wanted;
	}
	if (asker != NULL)
		STAILQ_INSERT_TAIL(&reload->pending_askers, asker, link);
	begin(sup);
}

void
sup_asker_take_off(struct sup_asker_list *askers,
    const struct sup_asker *asker)
{
	struct sup_asker *at;

	STAILQ_FOREACH(at, askers, link)
		if (at == asker) {
			STAILQ_REMOVE(askers, at, sup_asker, link);
			return;
		}
}

void
sup_reload_forget(struct sup *sup, struct sup_asker *asker)
{
	sup_asker_take_off(&sup->reload.askers, asker);
	sup_asker_take_off(&sup->reload.pending_askers, asker);
}

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

/* Its death, or the probe's, brings us on.  Only its zygote can end a probe: one
 * that does not is ended itself. */
static void
end_hung(struct sup_reload *reload)
{
	struct sup_generation *next = reload->next;

	if (reload->phase == SUP_RELOAD_PROBING && next->probe.pid > 0 &&
	    !reload->hung) {
		sup_generation_kill(next, next->probe.pid, SIGKILL);
		uv_timer_start(reload->timer, on_late,
		    next->config->kill_grace_ms + 1, 0);
	} else
		kill(next->zygote, SIGKILL);
	reload->hung = true;
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
}

static bool
is_being_made(const struct sup_generation *generation)
{
	return generation == generation->sup->reload.next;
}

void
sup_reload_progress(struct sup_generation *generation)
{
	if (is_being_made(generation))
		start_timer(&generation->sup->reload);
}

/* --------------------------------------------------------------- the steps */

static void
load(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;
	struct err err;

	if (sup_source_place(sup, &err) < 0) {
		sup_reload_give_up(sup, "%s", err.text);
		return;
	}
	reload->hung = false;
	reload->retry = false;
	sup_picks_begin_try(&reload->picks);
	enter(reload, SUP_RELOAD_LOADING);
	sup_generation_fork(reload->next, &reload->picks);
}

static void
try_again(struct sup *sup)
{
	sup_models_forget(sup);
	sup_generation_unfork(sup->reload.next);
	load(sup);
}

/* A change that is none, or whose only news was refused, while all is well. */
static bool
is_for_nothing(const struct sup *sup)
{
	const struct sup_reload *reload = &sup->reload;

	if (reload->trigger != SUP_TRIGGER_WATCH || is_down(sup) ||
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
	abandon(sup);
	finish(sup, true, NULL);
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
		load(sup);
}

/* The candidate's turn comes when the old generation has left. */
void
sup_reload_close_first(struct sup *sup)
{
	enter(&sup->reload, SUP_RELOAD_CLOSING);
	sup_free_first_begin(sup);
}

static void
end_closing(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;

	if (reload->phase != SUP_RELOAD_FREEING || reload->after == NULL ||
	    !sup_free_first_is_done(sup))
		return;
	reload->next = reload->after;
	reload->after = NULL;
	load(sup);
}

void
sup_reload_loaded(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!is_being_made(generation))
		return;
	if (generation->closed) {
		sup_models_tell(generation);
		return;
	}
	if (sup->reload.retry) {
		if (is_for_nothing(sup))
			end_for_nothing(sup);
		else
			try_again(sup);
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

	if (!is_being_made(generation))
		return;
	if (sup->reload.retry) {
		try_again(sup);
		return;
	}
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

	if (!is_being_made(generation))
		return;
	if (sup->reload.retry) {
		try_again(sup);
		return;
	}
	enter(&sup->reload, SUP_RELOAD_STARTING);
	if (sup->phase == SUP_LOADING)
		sup->phase = SUP_STARTING;
	sup_generation_add_team(generation);
}

void
sup_reload_team_ready(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;

	if (!is_being_made(generation))
		return;
	sup->reload.next = NULL;
	sup_switch(generation);
	if (!generation->closed) {
		finish(sup, true, NULL);
		return;
	}
	sup->reload.phase = SUP_RELOAD_FREEING;
	uv_timer_stop(sup->reload.timer);
	end_closing(sup);
}

/* ---------------------------------------------------------- what goes wrong */

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

	if (!is_being_made(generation))
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

void
sup_reload_crashed(struct sup_generation *generation, const char *file,
    const char *how, bool killed)
{
	struct sup *sup = generation->sup;
	struct sup_reload *reload = &sup->reload;
	uint32_t number = generation->number;
	size_t index;

	if (!is_being_made(generation))
		return;
	index = file[0] == '\0' ? reload->picks.count :
	    index_of(&reload->picks, file);
	if (killed && !generation->closed &&
	    reload->kills++ < KILLS_MAX) {
		try_again(sup);
		return;
	}
	if (index == reload->picks.count || generation->closed) {
		struct err why;

		err_set(&why, "%s%s", strncmp(how, "its ", 4) == 0 ? "" :
		    "its zygote ", how);
		give_up(sup, EXIT_CODE_SYSTEM, why.text);
		return;
	}
	blame(sup, index, how);
	if (reload->next != NULL && reload->next->number == number)
		try_again(sup);
}

void
sup_reload_failed(struct sup_generation *generation, const char *why)
{
	if (!is_being_made(generation))
		return;
	if (generation->sup->reload.retry)
		try_again(generation->sup);
	else
		sup_reload_give_up(generation->sup, "%s", why);
}
