/*
 * sup_pools.c - which of a team's workers there are.
 *
 * Runs in: supervisor.
 * Owns: each team's struct sup_pools, with its timer; the counts by pool.
 * Invariant: who is told to leave is told by the front, and ends what it runs;
 * a timer runs only while something may change without the front's asking.
 */
#include "supervisor/sup_pools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup_scale.h"

#define LOOK_MS	(2 * DEMAND_PAUSE_MS)

struct sup_pools {
	uv_timer_t		*timer;
	struct sup_scale	 scales[];	/* by pool */
};

/* ----------------------------------------------------------------- counts */

struct counted {
	SLIST_ENTRY(counted)	 link;
	char			 name[CONFIG_NAME_MAX + 1];
	struct sup_pool_counts	 counts;
};

static SLIST_HEAD(, counted) all_counts = SLIST_HEAD_INITIALIZER(all_counts);

static struct counted *
find_counts(const char *name)
{
	struct counted *one;

	SLIST_FOREACH(one, &all_counts, link)
		if (strcmp(one->name, name) == 0)
			return one;
	return NULL;
}

struct sup_pool_counts
sup_pools_counts(const char *name)
{
	const struct counted *one = find_counts(name);

	return one == NULL ? (struct sup_pool_counts){ 0 } : one->counts;
}

static struct sup_pool_counts *
counts_of(const struct sup_team *team, uint32_t pool)
{
	const char *name = team->generation->config->pools[pool].name;
	struct counted *one = find_counts(name);

	if (one != NULL)
		return &one->counts;
	if ((one = calloc(1, sizeof(*one))) == NULL)
		fatal(EXIT_CODE_SYSTEM, "counters of a pool");
	snprintf(one->name, sizeof(one->name), "%s", name);
	SLIST_INSERT_HEAD(&all_counts, one, link);
	return &one->counts;
}

/* ---------------------------------------------------------- a pool's state */

static const struct config_pool *
config_of(const struct sup_team *team, uint32_t pool)
{
	return &team->generation->config->pools[pool];
}

static const struct shm_pool_geometry *
geometry_of(const struct sup_team *team, uint32_t pool)
{
	return &team->generation->geometry->pools[pool];
}

/* The pool's slots, geometry_of()->workers of them. */
static struct sup_child *
workers_of(const struct sup_team *team, uint32_t pool)
{
	return &team->workers[geometry_of(team, pool)->first_worker];
}

static bool
is_ready(const struct sup_child *child)
{
	return child->state == SUP_CHILD_READY && !child->leaving;
}

/* A process, or one that is to follow on the last. */
static bool
is_there(const struct sup_child *child)
{
	return child->state != SUP_CHILD_NONE && !child->leaving;
}

static struct sup_scale_now
count(const struct sup_team *team, uint32_t pool)
{
	const struct sup_child *workers = workers_of(team, pool);
	struct sup_scale_now now = { 0 };

	for (uint32_t i = 0; i < geometry_of(team, pool)->workers; i++) {
		now.leaving += workers[i].leaving;
		if (is_ready(&workers[i]))
			now.ready++;
		else if (is_there(&workers[i]))
			now.coming++;
	}
	return now;
}

uint32_t
sup_pools_running(const struct sup_team *team, uint32_t pool)
{
	return count(team, pool).ready;
}

/* As the front says, whose words a sync handler may have overwritten: what
 * comes of them is within bounds. */
static uint64_t
requests_of(const struct sup_team *team, uint32_t pool)
{
	const struct shm_pool_stats *stats = shm_pool_stats(team->shm, pool);

	return atomic_load(&stats->active) + atomic_load(&stats->pending);
}

static uint32_t
wanted(const struct sup_team *team, uint32_t pool)
{
	return config_pool_wanted(config_of(team, pool),
	    requests_of(team, pool));
}

/* -------------------------------------------------------------------- steps */

/* Fewer, where those who leave still have the slots. */
static uint32_t
start_some(struct sup_team *team, uint32_t pool, uint32_t some)
{
	struct sup_child *workers = workers_of(team, pool);
	uint32_t started = 0;

	for (uint32_t i = 0; i < geometry_of(team, pool)->workers &&
	    started < some; i++) {
		if (workers[i].state != SUP_CHILD_NONE)
			continue;
		sup_child_spawn(&workers[i]);
		started++;
	}
	return started;
}

static void
tell_to_leave(struct sup_child *child)
{
	struct message leave = { .type = MESSAGE_LEAVE, .slot = child->slot,
	    .incarnation = child->incarnation };

	child->leaving = true;
	sup_child_tell(&child->team->front, &leave, NULL, 0);
}

/* The last slot whose worker has nothing to do, or NULL. */
static struct sup_child *
find_idle(const struct sup_team *team, uint32_t pool)
{
	struct sup_child *workers = workers_of(team, pool);
	uint32_t first = geometry_of(team, pool)->first_worker;

	for (uint32_t i = geometry_of(team, pool)->workers; i-- > 0;)
		if (is_ready(&workers[i]) && atomic_load(
		    &team->shm->windows[first + i]->busy) == 0)
			return &workers[i];
	return NULL;
}

static void
retire_one(struct sup_team *team, uint32_t pool)
{
	struct sup_child *child = find_idle(team, pool);

	if (child == NULL)
		return;
	log_debug("pool %s: worker %u (process %d) is not needed, and leaves",
	    config_of(team, pool)->name, child->slot, (int)child->pid);
	counts_of(team, pool)->retired++;
	tell_to_leave(child);
}

/* True: something may change here that the front does not ask for. */
static bool
look_at(struct sup_team *team, uint32_t pool)
{
	const struct config_pool *config = config_of(team, pool);
	struct sup_scale_now now = count(team, pool);
	struct sup_scale_step step;

	if (config->scaling == CONFIG_SCALING_STATIC)
		return false;
	now.wanted = wanted(team, pool);
	step = sup_scale_step(&team->pools->scales[pool], &now,
	    config->idle_timeout_ms, clock_now_ms());
	step.start = start_some(team, pool, step.start);
	if (step.start > 0) {
		log_debug("pool %s: has %u workers and needs %u; %u more are "
		    "started", config->name, now.coming + now.ready,
		    now.wanted, step.start);
		counts_of(team, pool)->started += step.start;
	}
	if (step.retire && team->state == SUP_TEAM_SERVING)
		retire_one(team, pool);
	return now.leaving > 0 || requests_of(team, pool) > 0 ||
	    now.coming + now.ready != config_pool_wanted(config, 0);
}

static bool
is_looked_at(const struct sup_team *team)
{
	return team->state != SUP_TEAM_LEAVING &&
	    team->generation->state != SUP_GENERATION_STARTING;
}

static bool
look(struct sup_team *team)
{
	bool again = false;

	if (!is_looked_at(team))
		return team->state != SUP_TEAM_LEAVING;
	for (uint32_t i = 0; i < team->generation->geometry->pool_count; i++)
		again |= look_at(team, i);
	return again;
}

static void
on_look(uv_timer_t *timer)
{
	if (!look(timer->data))
		uv_timer_stop(timer);
}

static void
look_later(struct sup_team *team)
{
	uv_timer_start(team->pools->timer, on_look, LOOK_MS, LOOK_MS);
}

/* ------------------------------------------------------------------- events */

void
sup_pools_look(struct sup_team *team)
{
	if (look(team) && !uv_is_active((uv_handle_t *)team->pools->timer))
		look_later(team);
}

/* It asks once in a while only, so a look after that belongs to it. */
void
sup_pools_demand(struct sup_team *team)
{
	look(team);
	look_later(team);
}

bool
sup_pools_keeps(const struct sup_child *child)
{
	const struct sup_team *team = child->team;
	uint32_t pool = shm_pool_of_worker(team->generation->geometry,
	    child->slot);
	struct sup_scale_now now = count(team, pool);

	return now.coming + now.ready < wanted(team, pool);
}

/* ---------------------------------------------------------------- beginning */

/* How many a pool of this name has in the team that serves now. */
static uint32_t
count_before(const struct sup_team *team, uint32_t pool)
{
	const struct sup_generation *serving =
	    team->generation->sup->serving;
	const struct config *config;

	if (serving == NULL || serving->teams == NULL)
		return 0;
	config = serving->config;
	for (uint32_t i = 0; i < config->pool_count; i++)
		if (strcmp(config->pools[i].name,
		    config_of(team, pool)->name) == 0)
			return count(serving->teams, i).ready;
	return 0;
}

static uint32_t
first_workers(const struct sup_team *team, uint32_t pool)
{
	const struct config_pool *config = config_of(team, pool);
	uint32_t least = config_pool_wanted(config, 0);
	uint32_t before = count_before(team, pool);

	if (before > config->workers)
		before = config->workers;
	return before > least ? before : least;
}

void
sup_pools_start(struct sup_team *team)
{
	uint32_t pools = team->generation->geometry->pool_count;

	team->pools = calloc(1, sizeof(*team->pools) +
	    pools * sizeof(team->pools->scales[0]));
	if (team->pools == NULL)
		fatal(EXIT_CODE_SYSTEM, "pools");
	team->pools->timer = sup_timer_create(team->generation->sup, team);
	for (uint32_t i = 0; i < pools; i++)
		start_some(team, i, first_workers(team, i));
	look_later(team);
}

void
sup_pools_finish(struct sup_team *team)
{
	sup_timer_destroy(&team->pools->timer);
	free(team->pools);
}
