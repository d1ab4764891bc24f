/*
 * front_demand.c - a pool has fewer workers than its requests need.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: how many there should be is said by config_pool_wanted() alone,
 * here as in the supervisor; a request that came in the pause after we asked
 * is seen by the supervisor, which looks once more after it.
 */
#include "common/clock.h"
#include "front/front.h"

uint32_t
front_demand_ready(const struct front_pool *pool)
{
	const struct shm *shm = pool->front->shm;
	uint32_t first = pool->geometry->first_worker, ready = 0;

	for (uint32_t i = first; i < first + pool->geometry->workers; i++)
		ready += atomic_load(&shm->windows[i]->state) ==
		    SHM_WORKER_READY &&
		    atomic_load(&shm->state->leave[i]) == 0;
	return ready;
}

void
front_demand(struct front_pool *pool)
{
	uint64_t now;

	if (pool->config->scaling == CONFIG_SCALING_STATIC ||
	    front_demand_ready(pool) >= config_pool_wanted(pool->config,
	    (uint64_t)pool->active_count + pool->pending_count))
		return;
	now = clock_now_ns();
	if (pool->asked_ns != 0 &&
	    now - pool->asked_ns < DEMAND_PAUSE_MS * CLOCK_NS_PER_MS)
		return;
	pool->asked_ns = now;
	front_link_demand(pool->front, pool->index);
}
