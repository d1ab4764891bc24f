/*
 * sup_slow.c - a sync handler that is slow is named, with its backtrace.
 *
 * Runs in: supervisor.
 * Owns: each team's struct sup_slow.
 * Invariant: one line per run of a handler, and one per route in
 * SUP_SLOW_AGAIN_MS; frames that are not of this run are not shown.
 */
#include "supervisor/sup_slow.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_witness.h"

#define PERIOD_MIN_MS	50
#define PERIOD_MAX_MS	1000	/* what time-outs need */

/* The run that a witness looks at, or the last one it did. */
struct sup_slow {
	struct sup_team	*team;
	bool		 asked;
	uint64_t	 begun_ms;
	uint64_t	 seen_ms;
	pid_t		 pid;
	char		 work[SHM_LABEL_MAX + 256];
	uint64_t	 told_ms[];	/* by route */
};

/* ------------------------------------------------------------------ period */

uint64_t
sup_slow_period(const struct config *config)
{
	uint64_t least = config->sync_warn_ms, ms;

	for (size_t i = 0; i < config->route_count; i++) {
		int64_t own = config->routes[i].sync_warn_ms;

		if (own != CONFIG_UNSET && own > 0 &&
		    (least == 0 || (uint64_t)own < least))
			least = (uint64_t)own;
	}
	ms = least / 2;
	if (least == 0 || ms > PERIOD_MAX_MS)
		return PERIOD_MAX_MS;
	return ms < PERIOD_MIN_MS ? PERIOD_MIN_MS : ms;
}

/* ------------------------------------------------------------------ report */

static bool
still_runs(const struct sup_slow *slow)
{
	const struct shm_front_stats *stats = shm_front_stats(slow->team->shm);

	return slow->team->front.pid == slow->pid &&
	    atomic_load(&stats->sync_route) != 0 &&
	    atomic_load(&stats->sync_begun_ms) == slow->begun_ms;
}

/* How long it had run when it was looked at. */
static uint64_t
age_of(const struct sup_slow *slow, struct json_object *report)
{
	uint64_t at_ms = slow->seen_ms;
	struct json_object *value;

	if (report != NULL &&
	    json_object_object_get_ex(report, "at_ms", &value) &&
	    json_object_get_int64(value) > (int64_t)at_ms)
		at_ms = (uint64_t)json_object_get_int64(value);
	return at_ms > slow->begun_ms ? at_ms - slow->begun_ms : 0;
}

/* Why there are no frames. */
static const char *
error_of(struct json_object *report)
{
	struct json_object *value;

	if (report == NULL)
		return "the witness failed";
	if (json_object_object_get_ex(report, "error", &value))
		return json_object_get_string(value);
	return "it had returned";
}

static void
on_report(void *context, struct json_object *report)
{
	struct sup_slow *slow = context;
	bool runs = still_runs(slow);
	char frames[SUP_SLOW_LINE_MAX] = "";

	slow->asked = false;
	if (report != NULL && (runs || sup_slow_is_of_handler(report)))
		sup_slow_line(report, frames, sizeof(frames));
	if (frames[0] != '\0')
		log_warnx("front (process %d) %s %s for %" PRIu64 " ms; tag "
		    "it async: %s", (int)slow->pid, runs ? "runs" : "ran",
		    slow->work, age_of(slow, report), frames);
	else
		log_warnx("front (process %d) %s %s for %" PRIu64 " ms; tag "
		    "it async (no backtrace: %s)", (int)slow->pid,
		    runs ? "runs" : "ran", slow->work, age_of(slow, report),
		    error_of(report));
}

/* ------------------------------------------------------------------- look */

static struct sup_slow *
slow_of(struct sup_team *team)
{
	size_t routes = team->shm->geometry->route_count;

	if (team->slow != NULL)
		return team->slow;
	team->slow = calloc(1, sizeof(*team->slow) +
	    routes * sizeof(team->slow->told_ms[0]));
	if (team->slow != NULL)
		team->slow->team = team;
	return team->slow;
}

/* A route's line may not be due yet: then this run has none. */
static bool
is_news(struct sup_slow *slow, uint32_t route, uint64_t begun_ms,
    uint64_t now_ms)
{
	uint64_t *told_ms = &slow->told_ms[route];

	if (slow->asked || begun_ms == slow->begun_ms ||
	    (*told_ms != 0 && now_ms < *told_ms + SUP_SLOW_AGAIN_MS))
		return false;
	*told_ms = now_ms;
	return true;
}

static void
ask(struct sup_slow *slow, uint64_t begun_ms, uint64_t now_ms)
{
	struct sup_team *team = slow->team;

	slow->asked = true;
	slow->begun_ms = begun_ms;
	slow->seen_ms = now_ms;
	slow->pid = team->front.pid;
	sup_child_name_work(&team->front, slow->work, sizeof(slow->work));
	sup_witness_start(team->generation->sup, SUP_WITNESS_SLOW,
	    (int)slow->pid, on_report, slow);
}

void
sup_slow_look(struct sup_team *team)
{
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	uint64_t begun_ms = atomic_load(&stats->sync_begun_ms);
	uint64_t slow_ms = atomic_load(&stats->sync_slow_ms);
	uint32_t route = atomic_load(&stats->sync_route);
	uint64_t now_ms = clock_now_ms();
	struct sup_slow *slow;

	if (route == 0 || route > team->shm->geometry->route_count ||
	    slow_ms == 0 || now_ms < slow_ms || team->front.pid <= 0 ||
	    (slow = slow_of(team)) == NULL)
		return;
	if (is_news(slow, route - 1, begun_ms, now_ms))
		ask(slow, begun_ms, now_ms);
}

void
sup_slow_destroy(struct sup_team *team)
{
	if (team->slow != NULL)
		sup_witness_forget(team->generation->sup, team->slow);
	free(team->slow);
	team->slow = NULL;
}
