/*
 * sup_pools.c - which of a team's workers there are.
 *
 * Runs in: supervisor.
 * Owns: each team's struct sup_pools, with its timer.
 * Invariant: who is told to leave is told by the front, and ends what it runs;
 * a timer runs only while something may change without the front's asking.
 */
#include "supervisor/sup_pools.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

#define LOOK_MS		(2 * DEMAND_PAUSE_MS)
#define RECYCLE_LOOK_MS	1000

/* ---------------------------------------------------------- a pool's state */

const struct config_pool *
sup_pools_config(const struct sup_team *team, uint32_t pool)
{
	return &team->generation->config->pools[pool];
}

uint32_t
sup_pools_first(const struct sup_team *team, uint32_t pool)
{
	return team->generation->geometry->pools[pool].first_worker;
}

uint32_t
sup_pools_end(const struct sup_team *team, uint32_t pool)
{
	return sup_pools_first(team, pool) +
	    team->generation->geometry->pools[pool].workers;
}

bool
sup_pools_is_ready(const struct sup_child *child)
{
	return child->state == SUP_CHILD_READY && !child->leaving;
}

/* A process, or one that is to follow on the last. */
bool
sup_pools_is_there(const struct sup_child *child)
{
	return child->state != SUP_CHILD_NONE && !child->leaving;
}

static struct sup_scale_now
count(const struct sup_team *team, uint32_t pool)
{
	struct sup_scale_now now = { 0 };

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++) {
		const struct sup_child *child = &team->workers[i];

		now.leaving += child->leaving;
		if (sup_pools_is_ready(child))
			now.ready++;
		else if (sup_pools_is_there(child))
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

/* Who is being replaced is there until its successor is ready. */
static uint32_t
wanted(const struct sup_team *team, uint32_t pool)
{
	return config_pool_wanted(sup_pools_config(team, pool),
	    requests_of(team, pool)) + sup_pools_doubled(team, pool);
}

/* -------------------------------------------------------------------- steps */

/* Fewer, where those who leave still have the slots. */
static uint32_t
start_some(struct sup_team *team, uint32_t pool, uint32_t some)
{
	uint32_t started = 0;

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool) && started < some; i++) {
		if (team->workers[i].state != SUP_CHILD_NONE)
			continue;
		sup_child_spawn(&team->workers[i]);
		started++;
	}
	return started;
}

void
sup_pools_tell_to_leave(struct sup_child *child)
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
	for (uint32_t i = sup_pools_end(team, pool);
	    i-- > sup_pools_first(team, pool);)
		if (sup_pools_is_ready(&team->workers[i]) &&
		    atomic_load(&team->shm->windows[i]->busy) == 0)
			return &team->workers[i];
	return NULL;
}

static void
retire_one(struct sup_team *team, uint32_t pool)
{
	struct sup_child *child = find_idle(team, pool);

	if (child == NULL)
		return;
	log_debug("pool %s: worker %u (process %d) is not needed, and leaves",
	    sup_pools_config(team, pool)->name, child->slot, (int)child->pid);
	sup_pools_counts(team, pool)->retired++;
	sup_pools_tell_to_leave(child);
}

static void
scale(struct sup_team *team, uint32_t pool, struct sup_scale_now *now)
{
	const struct config_pool *config = sup_pools_config(team, pool);
	struct sup_scale_step step;

	now->wanted = wanted(team, pool);
	step = sup_scale_step(&team->pools->scales[pool], now,
	    config->idle_timeout_ms, clock_now_ms());
	step.start = start_some(team, pool, step.start);
	if (step.start > 0) {
		log_debug("pool %s: has %u workers and needs %u; %u more are "
		    "started", config->name, now->coming + now->ready,
		    now->wanted, step.start);
		sup_pools_counts(team, pool)->started += step.start;
	}
	if (step.retire && team->state == SUP_TEAM_SERVING &&
	    !sup_pools_any_out(team, pool))
		retire_one(team, pool);
}

static void
note_empty(struct sup_team *team, uint32_t pool, uint32_t ready)
{
	uint64_t *since_ms = &team->pools->empty_since_ms[pool];

	if (ready > 0)
		*since_ms = 0;
	else if (*since_ms == 0)
		*since_ms = clock_now_ms();
}

/* After how long something may have changed here that nobody tells of; 0: all
 * is as it is when nothing is to do. */
static uint64_t
look_at(struct sup_team *team, uint32_t pool)
{
	const struct config_pool *config = sup_pools_config(team, pool);
	struct sup_scale_now now = count(team, pool);
	bool recycles = config_pool_spares(config) > 0 ||
	    sup_pools_any_out(team, pool);

	note_empty(team, pool, now.ready);
	scale(team, pool, &now);
	if (recycles && team->state == SUP_TEAM_SERVING)
		sup_pools_recycle(team, pool);
	if (now.coming + now.ready != config_pool_wanted(config, 0) ||
	    now.leaving > 0 || (config->scaling != CONFIG_SCALING_STATIC &&
	    requests_of(team, pool) > 0))
		return LOOK_MS;
	return recycles ? RECYCLE_LOOK_MS : 0;
}

static uint64_t
look(struct sup_team *team)
{
	uint64_t again = 0;

	if (team->state == SUP_TEAM_LEAVING)
		return 0;
	if (team->generation->state == SUP_GENERATION_STARTING)
		return LOOK_MS;
	for (uint32_t i = 0; i < team->generation->geometry->pool_count; i++) {
		uint64_t one = look_at(team, i);

		if (one != 0 && (again == 0 || one < again))
			again = one;
	}
	return again;
}

static void	on_look(uv_timer_t *);

static void
look_again(struct sup_team *team, uint64_t after_ms)
{
	if (after_ms != 0)
		uv_timer_start(team->pools->timer, on_look, after_ms, 0);
	else
		uv_timer_stop(team->pools->timer);
}

static void
on_look(uv_timer_t *timer)
{
	struct sup_team *team = timer->data;

	look_again(team, look(team));
}

/* ------------------------------------------------------------------- events */

/* It asks once in a while only, so a look after that belongs to it. */
void
sup_pools_demand(struct sup_team *team)
{
	look(team);
	look_again(team, LOOK_MS);
}

/* What was to be looked at soon is not put off. */
void
sup_pools_look(struct sup_team *team)
{
	uv_timer_t *timer = team->pools->timer;
	uint64_t after_ms = look(team);

	if (after_ms != 0 && (!uv_is_active((uv_handle_t *)timer) ||
	    uv_timer_get_due_in(timer) > after_ms))
		look_again(team, after_ms);
}

void
sup_pools_ready(struct sup_child *child)
{
	if (child->slot != SLOT_FRONT)
		sup_pools_recycle_ready(child);
	sup_pools_look(child->team);
}

bool
sup_pools_gone(struct sup_child *child)
{
	const struct sup_team *team = child->team;
	uint32_t pool = shm_pool_of_worker(team->generation->geometry,
	    child->slot);
	struct sup_scale_now now;

	sup_pools_recycle_gone(child);
	now = count(team, pool);
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
		    sup_pools_config(team, pool)->name) == 0)
			return count(serving->teams, i).ready;
	return 0;
}

static uint32_t
first_workers(const struct sup_team *team, uint32_t pool)
{
	const struct config_pool *config = sup_pools_config(team, pool);
	uint32_t least = config_pool_wanted(config, 0);
	uint32_t before = count_before(team, pool);

	if (before > config->workers)
		before = config->workers;
	return before > least ? before : least;
}

static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		fatal(EXIT_CODE_SYSTEM, "pools");
	return memory;
}

void
sup_pools_start(struct sup_team *team)
{
	uint32_t count = team->generation->geometry->pool_count;
	struct sup_pools *pools = allocate(1, sizeof(*pools));

	team->pools = pools;
	pools->scales = allocate(count, sizeof(*pools->scales));
	pools->empty_since_ms = allocate(count,
	    sizeof(*pools->empty_since_ms));
	pools->seats = allocate(team->worker_count, sizeof(*pools->seats));
	pools->timer = sup_timer_create(team->generation->sup, team);
	for (uint32_t i = 0; i < count; i++)
		start_some(team, i, first_workers(team, i));
	look_again(team, LOOK_MS);
}

void
sup_pools_finish(struct sup_team *team)
{
	sup_timer_destroy(&team->pools->timer);
	free(team->pools->seats);
	free(team->pools->scales);
	free(team->pools->empty_since_ms);
	free(team->pools);
}
