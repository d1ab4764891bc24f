/*
 * sup_pulse.c - the front is asked whether its loop turns.
 *
 * Runs in: supervisor.
 * Owns: the timer of the looks and what is known of the front that was asked;
 * those who wait for its answer.
 * Invariant: a front is not asked again before it has answered, but once for
 * those who ask for health, so one that does not read has two messages to read.
 */
#include "supervisor/sup_pulse.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_handoff.h"
#include "supervisor/sup_health.h"
#include "supervisor/sup_notify.h"

#define PATIENCE_MS	2000	/* of those who ask for health */

static uv_timer_t *timer;	/* NULL: there is no watchdog */
static struct sup_pulse pulse;
static uint32_t asked_team;	/* whose front was asked last */

static struct sup_asker_list askers = STAILQ_HEAD_INITIALIZER(askers);
static uv_timer_t *patience;	/* NULL: nobody has asked yet */
static bool silent;		/* the front was, to those who asked */
static uint32_t owing_team;	/* whose front owes them an answer; 0 */

/* The one with a front that is to answer, or NULL. */
static struct sup_team *
team_of(const struct sup *sup)
{
	struct sup_team *team = sup->serving == NULL ? NULL :
	    sup->serving->teams;

	return team != NULL && team->front.state == SUP_CHILD_READY ? team :
	    NULL;
}

static void
ask_front(struct sup_team *team)
{
	struct message message = { .type = MESSAGE_ALIVE };

	asked_team = team->number;
	sup_child_tell(&team->front, &message, NULL, 0);
}

bool
sup_pulse_is_missed(const struct sup_team *team)
{
	return team->number == asked_team &&
	    (silent || (pulse.asked && pulse.missed > 0));
}

/* ------------------------------------------------------------- the watchdog */

static void
end(struct sup_team *team)
{
	char doing[SHM_LABEL_MAX + 256];

	sup_child_describe_work(&team->front, doing, sizeof(doing));
	log_warnx("front (process %d) has not answered within half of the "
	    "service manager's WatchdogSec%s; killed", (int)team->front.pid,
	    doing);
	team->front.blame = "its loop did not turn";
	sup_child_signal(&team->front, SIGKILL);
}

static void
look(struct sup *sup)
{
	struct sup_team *team = team_of(sup);
	enum sup_pulse_front front = team == NULL ? SUP_PULSE_NONE :
	    team->number == asked_team ? SUP_PULSE_SAME : SUP_PULSE_OTHER;

	if (sup->handed_over)
		return;
	switch (sup_pulse_step(&pulse, front, sup->phase == SUP_STOPPING)) {
	case SUP_PULSE_ASK:
		ask_front(team);
		break;
	case SUP_PULSE_FEED:
		sup_notify_alive();
		break;
	case SUP_PULSE_END:
		end(team);
		break;
	case SUP_PULSE_WAIT:
		break;
	}
}

static void
on_look(uv_timer_t *handle)
{
	look(handle->data);
}

static uint64_t
period_ms(void)
{
	uint64_t us = sup_pulse_period_us(getenv("WATCHDOG_USEC"),
	    getenv("WATCHDOG_PID"), (int)getpid(), sup_successor_is_us());

	return sup_notify_is_heard() ? us / SUP_PULSE_LOOKS / 1000 : 0;
}

void
sup_pulse_begin(struct sup *sup)
{
	uint64_t ms = period_ms();

	if (ms == 0)
		return;
	if (timer == NULL)
		timer = sup_timer_create(sup, sup);
	uv_timer_start(timer, on_look, ms, ms);
	pulse = (struct sup_pulse){ .asked = false };
	look(sup);
}

void
sup_pulse_stop(void)
{
	sup_timer_destroy(&timer);
	sup_timer_destroy(&patience);
}

/* ------------------------------------------------- those who ask for health */

static void
answer_all(struct sup *sup)
{
	struct json_object *health = sup_health_document(sup);
	struct sup_asker *asker;

	if (patience != NULL)
		uv_timer_stop(patience);
	while ((asker = STAILQ_FIRST(&askers)) != NULL) {
		STAILQ_REMOVE_HEAD(&askers, link);
		asker->answer(asker, health);
	}
	json_object_put(health);
}

static void
on_patience(uv_timer_t *handle)
{
	silent = true;
	answer_all(handle->data);
	silent = false;
}

void
sup_pulse_ask(struct sup *sup, struct sup_asker *asker)
{
	struct sup_team *team = team_of(sup);
	bool first = STAILQ_EMPTY(&askers);

	STAILQ_INSERT_TAIL(&askers, asker, link);
	if (team == NULL || sup->phase == SUP_STOPPING) {
		answer_all(sup);
		return;
	}
	if (!first)
		return;
	if (patience == NULL)
		patience = sup_timer_create(sup, sup);
	uv_timer_start(patience, on_patience, PATIENCE_MS, 0);
	if (owing_team != team->number)
		ask_front(team);
	owing_team = team->number;
}

void
sup_pulse_forget(struct sup_asker *asker)
{
	sup_asker_take_off(&askers, asker);
}

/* --------------------------------------------------------------- the answer */

void
sup_pulse_answered(struct sup_child *child)
{
	struct sup *sup = child->team->generation->sup;

	if (child->slot != SLOT_FRONT || child->team->number != asked_team)
		return;
	owing_team = 0;
	if (timer != NULL && pulse.asked) {
		sup_pulse_step_answered(&pulse);
		sup_notify_alive();
	}
	if (!STAILQ_EMPTY(&askers))
		answer_all(sup);
}
