/*
 * sup_pools_counts.c - how often workers came and went, by pool.
 *
 * Runs in: supervisor.
 * Owns: the counts.
 * Invariant: pools are told apart by their names, so that the counts go on over
 * fronts and generations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup_pools.h"

struct counted {
	SLIST_ENTRY(counted)	 link;
	char			 name[CONFIG_NAME_MAX + 1];
	struct sup_pool_counts	 counts;
};

static SLIST_HEAD(, counted) all = SLIST_HEAD_INITIALIZER(all);

struct sup_pool_counts *
sup_pools_counts(const struct sup_team *team, uint32_t pool)
{
	const char *name = sup_pools_config(team, pool)->name;
	struct counted *one;

	SLIST_FOREACH(one, &all, link)
		if (strcmp(one->name, name) == 0)
			return &one->counts;
	if ((one = calloc(1, sizeof(*one))) == NULL)
		fatal(EXIT_CODE_SYSTEM, "counters of a pool");
	snprintf(one->name, sizeof(one->name), "%s", name);
	SLIST_INSERT_HEAD(&all, one, link);
	return &one->counts;
}

/* A worker writes its window: it cannot be busier than it has threads. */
static uint64_t
busy_threads(const struct sup_team *team, uint32_t pool)
{
	uint32_t threads = team->generation->geometry->pools[pool].threads;
	uint64_t sum = 0;

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++) {
		uint32_t busy = atomic_load(&team->shm->windows[i]->busy);

		sum += busy < threads ? busy : threads;
	}
	return sum;
}

void
sup_pools_load(const struct sup_team *team, uint32_t pool,
    struct sup_pool_load *out)
{
	const struct shm_pool_stats *stats = shm_pool_stats(team->shm, pool);
	uint64_t active = atomic_load(&stats->active), threads;

	out->running = sup_pools_running(team, pool);
	out->busy = busy_threads(team, pool);
	threads = out->running *
	    team->generation->geometry->pools[pool].threads;
	out->idle = out->busy < threads ? threads - out->busy : 0;
	out->queued = atomic_load(&stats->pending) +
	    (active > out->busy ? active - out->busy : 0);
}
