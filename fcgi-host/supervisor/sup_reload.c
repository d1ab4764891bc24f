/*
 * sup_reload.c - a reload: who asks, how it begins and how it ends.
 *
 * Runs in: supervisor.
 * Owns: sup.reload, and the generation that is being made.
 * Invariant: until sup_switch() nothing that serves is touched, so giving up
 * is always possible and leaves everything as it was; every asker is answered
 * once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_dirs.h"
#include "supervisor/sup_notify.h"
#include "supervisor/sup_stage.h"

#define LEAVING_MAX	4	/* generations; then a reload waits */

const char *
sup_trigger_name(enum sup_trigger trigger)
{
	static const char *const names[] = { "start", "watch", "SIGHUP",
	    "reload", "rollback", "recovery", "repair" };

	return names[trigger];
}

bool
sup_trigger_is_ours(enum sup_trigger trigger)
{
	return trigger == SUP_TRIGGER_WATCH ||
	    trigger == SUP_TRIGGER_RECOVERY || trigger == SUP_TRIGGER_REPAIR;
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
	return reload->directory && reload->looked;
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

void
sup_reload_finish(struct sup *sup, bool ok, const char *reason)
{
	struct sup_reload *reload = &sup->reload;
	struct sup_asker_list askers = STAILQ_HEAD_INITIALIZER(askers);

	uv_timer_stop(reload->timer);
	keep_refusals(sup);
	sup_outcome_finish(sup, ok, reason);
	sup_picks_finish(&reload->picks);
	reload->phase = SUP_RELOAD_NONE;
	reload->next = NULL;
	sup_notify_reloaded(sup);
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

void
sup_reload_abandon(struct sup *sup)
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

void
sup_reload_end(struct sup *sup, int exit_code, const char *reason)
{
	enum sup_trigger trigger = sup->reload.trigger;

	if (sup->reload.phase == SUP_RELOAD_NONE)
		return;
	keep_refusals(sup);
	sup_reload_abandon(sup);
	if (sup->serving == NULL)
		fail_start(sup, exit_code, reason);
	else
		log_warnx("%s refused: %s; generation %u %s",
		    sup_trigger_name(trigger), reason, sup->serving->number,
		    sup->serving->zygote == 0 ? "is down" : "serves on");
	sup_reload_finish(sup, false, reason);
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
	sup_reload_end(sup, EXIT_CODE_CONFIG, why.text);
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
		sup_reload_abandon(sup);
		sup_reload_finish(sup, false, reason);
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
	case SUP_TRIGGER_REPAIR:
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

	sup_renew(sup);
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

bool
sup_reload_is_down(const struct sup *sup)
{
	return sup->serving != NULL && sup->serving->zygote == 0;
}

/* Nothing is under way, and there is room: what is down does not wait. */
static bool
may_begin(const struct sup *sup)
{
	return sup->reload.phase == SUP_RELOAD_NONE &&
	    sup->phase != SUP_STOPPING && !sup->upgrade.running &&
	    (count_leaving(sup) < LEAVING_MAX || sup_reload_is_down(sup));
}

/* What is pending, unless another reload has brought back what was down. */
static void
begin(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;

	if (!reload->pending || !may_begin(sup))
		return;
	reload->pending = false;
	if (reload->pending_trigger == SUP_TRIGGER_RECOVERY &&
	    !sup_reload_is_down(sup))
		return;
	reload->phase = SUP_RELOAD_STAGING;
	reload->trigger = reload->pending_trigger;
	reload->wanted = reload->pending_wanted;
	reload->kills = 0;
	reload->hung = 0;
	reload->retry = false;
	reload->looked = false;
	reload->directory = false;
	reload->started_ms = clock_now_ms();
	reload->was = sup->serving != NULL ? sup->serving->number : 0;
	reload->outcome = sup_outcome_create(reload->trigger);
	STAILQ_CONCAT(&reload->askers, &reload->pending_askers);
	log_debug("%s: begins", sup_trigger_name(reload->trigger));
	sup_notify_reloading(sup);
	start_making(sup);
}

void
sup_reload_continue(struct sup *sup)
{
	sup_steps_end_closing(sup);
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
		[SUP_TRIGGER_REPAIR] = 2,
		[SUP_TRIGGER_START] = 3,
		[SUP_TRIGGER_HANGUP] = 4,
		[SUP_TRIGGER_COMMAND] = 5,
		[SUP_TRIGGER_ROLLBACK] = 6,
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
