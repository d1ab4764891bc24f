/*
 * config_pool.c - how many workers a pool has, from what its section says.
 *
 * Runs in: whoever reads a configuration; front and supervisor ask.
 * Owns: nothing.
 * Invariant: pure; the bounds are never left, whatever the load is said to be.
 */
#include "config/config.h"

void
config_pool_settle(struct config_pool *pool)
{
	uint32_t said = pool->workers_option;

	pool->scaling = CONFIG_SCALING_STATIC;
	pool->workers = said;
	if (said < CONFIG_WORKERS_STATIC)
		return;
	pool->scaling = (enum config_scaling)(said - CONFIG_WORKERS_STATIC);
	pool->workers = pool->max_workers;
}

const char *
config_pool_scaling(const struct config_pool *pool)
{
	static const char *const names[] = { "static", "dynamic", "ondemand" };

	return names[pool->scaling];
}

/* At most one worker in eight is out at a time. */
uint32_t
config_pool_spares(const struct config_pool *pool)
{
	if (pool->recycle_requests == 0 && pool->recycle_age_ms == 0 &&
	    pool->recycle_memory == 0)
		return 0;
	return (pool->workers + 7) / 8;
}

uint32_t
config_pool_slots(const struct config_pool *pool)
{
	return pool->workers + config_pool_spares(pool);
}

uint32_t
config_pool_wanted(const struct config_pool *pool, uint64_t requests)
{
	uint64_t wanted;

	if (pool->scaling == CONFIG_SCALING_STATIC)
		return pool->workers;
	wanted = requests / pool->threads + (requests % pool->threads != 0);
	if (wanted >= pool->workers)
		return pool->workers;
	if (pool->scaling == CONFIG_SCALING_DYNAMIC) {
		wanted += pool->spare_workers;
		if (wanted < pool->min_workers)
			wanted = pool->min_workers;
	}
	return wanted < pool->workers ? (uint32_t)wanted : pool->workers;
}

uint64_t
config_descriptors(const struct config *config)
{
	uint64_t workers = 0;

	for (size_t i = 0; i < config->pool_count; i++)
		workers += config_pool_slots(&config->pools[i]);
	return 1024 + (config->connections > workers * 18 ?
	    config->connections : workers * 18);
}
