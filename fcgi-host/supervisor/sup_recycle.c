/*
 * sup_recycle.c - policy: when a worker is to be replaced by a fresh one.
 *
 * Runs in: supervisor.
 * Owns: nothing; the state is the caller's.
 * Invariant: pure; no figure is over what the configuration says, but for the
 * memory of a process that had more from the start.
 */
#include "supervisor/sup_recycle.h"

#define STEPS	1024	/* that chance can tell apart */

/* Less by 0 to `percent` of it. */
static uint64_t
lower(uint64_t limit, uint32_t percent, uint32_t random)
{
	double part = (double)percent / 100 * (random % STEPS) / (STEPS - 1);
	uint64_t less = (uint64_t)((double)limit * part);

	return limit > less ? limit - less : limit;
}

struct sup_recycle
sup_recycle_draw(const struct config_pool *pool, uint64_t private_bytes,
    uint32_t random)
{
	uint32_t percent = pool->recycle_jitter;
	struct sup_recycle limits = {
		.requests = lower(pool->recycle_requests, percent, random),
		.age_ms = lower(pool->recycle_age_ms, percent, random),
		.private_bytes = lower(pool->recycle_memory, percent, random),
	};
	uint64_t grown = private_bytes + private_bytes / 4;

	if (limits.private_bytes != 0 && limits.private_bytes < grown)
		limits.private_bytes = grown;
	return limits;
}

enum sup_recycle_reason
sup_recycle_due(const struct sup_recycle *limits, const struct sup_recycle *now)
{
	if (limits->requests != 0 && now->requests >= limits->requests)
		return SUP_RECYCLE_REQUESTS;
	if (limits->age_ms != 0 && now->age_ms >= limits->age_ms)
		return SUP_RECYCLE_AGE;
	if (limits->private_bytes != 0 &&
	    now->private_bytes >= limits->private_bytes)
		return SUP_RECYCLE_MEMORY;
	return SUP_RECYCLE_REASONS;
}
