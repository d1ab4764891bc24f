/*
 * sup_ready.c - policy: what can take a request now, and why not.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: pure; what one handler can bring about never makes the host
 * unready while another one serves.
 */
#include "supervisor/sup_ready.h"

static const struct {
	const char	*word, *detail;
} texts[] = {
	[SUP_READY] = { "ready", "It is ready." },
	[SUP_READY_STARTING] = { "starting", "The host starts: handlers and "
	    "models are loaded." },
	[SUP_READY_STOPPING] = { "stopping", "The host is about to stop." },
	[SUP_READY_CLOSED] = { "closed", "A model is being replaced that does "
	    "not fit into memory twice (reload = free-first)." },
	[SUP_READY_FRONT] = { "front", "The front is being replaced, or does "
	    "not answer." },
	[SUP_READY_WORKERS] = { "workers", "No worker is ready." },
	[SUP_READY_MODEL] = { "model", "It is not loaded." },
	[SUP_READY_BREAKER] = { "breaker", "Its handler failed too often, or "
	    "an operator has taken it out of service: requests are refused."
	},
	[SUP_READY_JOBS] = { "jobs", "The database of jobs, or the process "
	    "that keeps them, is away." },
};

const char *
sup_ready_word(enum sup_ready ready)
{
	return texts[ready].word;
}

const char *
sup_ready_detail(enum sup_ready ready)
{
	return texts[ready].detail;
}

enum sup_ready
sup_ready_of_pool(const struct sup_ready_pool *pool)
{
	bool wanted = pool->held_back > 0 ||
	    (pool->coming > 0 && pool->least > 0);

	return pool->running == 0 && wanted &&
	    pool->empty_ms >= SUP_READY_GRACE_MS ? SUP_READY_WORKERS :
	    SUP_READY;
}

enum sup_ready
sup_ready_of_host(const struct sup_ready_host *host)
{
	if (host->stopping)
		return SUP_READY_STOPPING;
	if (!host->serving)
		return SUP_READY_STARTING;
	if (host->closed)
		return SUP_READY_CLOSED;
	if (!host->front)
		return SUP_READY_FRONT;
	if (host->pools > 0 && host->pools_down == host->pools)
		return SUP_READY_WORKERS;
	return SUP_READY;
}

enum sup_ready
sup_ready_of_route(const struct sup_ready_route *route)
{
	if (route->breaker)
		return SUP_READY_BREAKER;
	if (route->job && route->jobs_away)
		return SUP_READY_JOBS;
	if (route->async && route->pool_down)
		return SUP_READY_WORKERS;
	return SUP_READY;
}
