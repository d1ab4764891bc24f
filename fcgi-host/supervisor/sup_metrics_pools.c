/*
 * sup_metrics_pools.c - pools, workers and memory, in numbers.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: of the team that serves; memory is private or proportional, never
 * RSS.
 */
#include <stdio.h>
#include <unistd.h>

#include "supervisor/sup.h"
#include "supervisor/sup_metrics.h"
#include "supervisor/sup_pools.h"

/* ------------------------------------------------------------------- pools */

static const struct config_pool *
config_of(const struct sup_team *team, uint32_t pool)
{
	return &team->generation->config->pools[pool];
}

static void
begin_labels(struct metrics_labels *labels, const struct sup_team *team,
    uint32_t pool)
{
	labels->length = 0;
	metrics_label(labels, "pool", config_of(team, pool)->name, SIZE_MAX);
}

/* A sample of a pool with one more label. */
static void
put_with(struct metrics *metrics, const struct sup_team *team, uint32_t pool,
    const char *label, const char *value, uint64_t number)
{
	struct metrics_labels labels;

	begin_labels(&labels, team, pool);
	metrics_label(&labels, label, value, SIZE_MAX);
	metrics_put(metrics, &labels, number);
}

static void
put_workers_of(struct metrics *metrics, const struct sup_team *team,
    uint32_t pool)
{
	uint64_t starting = 0, ready = 0, leaving = 0;

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++) {
		const struct sup_child *child = &team->workers[i];

		if (child->state == SUP_CHILD_NONE ||
		    child->state == SUP_CHILD_CLEANING)
			continue;
		leaving += child->leaving;
		ready += !child->leaving && child->state == SUP_CHILD_READY;
		starting += !child->leaving &&
		    child->state != SUP_CHILD_READY;
	}
	put_with(metrics, team, pool, "state", "starting", starting);
	put_with(metrics, team, pool, "state", "ready", ready);
	put_with(metrics, team, pool, "state", "leaving", leaving);
}

static void
put_threads_of(struct metrics *metrics, const struct sup_team *team,
    uint32_t pool)
{
	struct sup_pool_load load;

	sup_pools_load(team, pool, &load);
	put_with(metrics, team, pool, "state", "busy", load.busy);
	put_with(metrics, team, pool, "state", "idle", load.idle);
}

static void
put_queued_of(struct metrics *metrics, const struct sup_team *team,
    uint32_t pool)
{
	struct metrics_labels labels;
	struct sup_pool_load load;

	sup_pools_load(team, pool, &load);
	begin_labels(&labels, team, pool);
	metrics_put(metrics, &labels, load.queued);
}

static void
put_limit_of(struct metrics *metrics, const struct sup_team *team,
    uint32_t pool)
{
	struct metrics_labels labels;

	begin_labels(&labels, team, pool);
	metrics_put(metrics, &labels, config_of(team, pool)->queue);
}

static void
put_started_of(struct metrics *metrics, const struct sup_team *team,
    uint32_t pool)
{
	struct metrics_labels labels;

	begin_labels(&labels, team, pool);
	metrics_put(metrics, &labels, sup_pools_counts(team, pool)->started);
}

static void
put_ended_of(struct metrics *metrics, const struct sup_team *team,
    uint32_t pool)
{
	const struct sup_pool_counts *counts = sup_pools_counts(team, pool);

	put_with(metrics, team, pool, "reason", "surplus", counts->retired);
	put_with(metrics, team, pool, "reason", "requests",
	    counts->recycled[SUP_RECYCLE_REQUESTS]);
	put_with(metrics, team, pool, "reason", "age",
	    counts->recycled[SUP_RECYCLE_AGE]);
	put_with(metrics, team, pool, "reason", "memory",
	    counts->recycled[SUP_RECYCLE_MEMORY]);
	put_with(metrics, team, pool, "reason", "asked",
	    counts->recycled[SUP_RECYCLE_ASKED]);
}

static void
put_pools(struct metrics *metrics, const struct sup_team *team,
    enum metrics_type type, const char *name, const char *help,
    void (*put)(struct metrics *, const struct sup_team *, uint32_t))
{
	metrics_family(metrics, type, name, NULL, help);
	for (uint32_t i = 0; i < team->generation->geometry->pool_count; i++)
		put(metrics, team, i);
}

/* ------------------------------------------------------------------ workers */

static void
put_workers(struct metrics *metrics, const struct sup_team *team,
    enum metrics_type type, const char *name, const char *unit,
    const char *help,
    uint64_t (*value)(const struct sup_team *, uint32_t slot))
{
	struct metrics_labels labels;
	char number[16];

	metrics_family(metrics, type, name, unit, help);
	for (uint32_t i = 0; i < team->worker_count; i++) {
		if (team->workers[i].state == SUP_CHILD_NONE)
			continue;
		begin_labels(&labels, team, shm_pool_of_worker(
		    team->generation->geometry, i));
		snprintf(number, sizeof(number), "%u", i);
		metrics_label(&labels, "worker", number, sizeof(number));
		metrics_put(metrics, &labels, value(team, i));
	}
}

static uint64_t
private_of(const struct sup_team *team, uint32_t slot)
{
	struct memory_use use;

	sup_measured_worker(team, slot, &use);
	return use.private_bytes;
}

static uint64_t
pss_of(const struct sup_team *team, uint32_t slot)
{
	struct memory_use use;

	sup_measured_worker(team, slot, &use);
	return use.pss_bytes;
}

static uint64_t
requests_of(const struct sup_team *team, uint32_t slot)
{
	return atomic_load(&team->shm->windows[slot]->requests);
}

static uint64_t
restarts_of(const struct sup_team *team, uint32_t slot)
{
	return team->workers[slot].restarts;
}

/* ---------------------------------------------------------- other processes */

#define OTHERS	3

static void
put_others(struct metrics *metrics, const struct sup_team *team)
{
	const struct shm_front_stats *front = shm_front_stats(team->shm);
	struct memory_use use[OTHERS] = { { 0 }, { 0 }, {
	    .private_bytes = atomic_load(&front->private_bytes),
	    .pss_bytes = atomic_load(&front->pss_bytes) } };

	sup_measured(getpid(), &use[0]);
	sup_measured(team->generation->zygote, &use[1]);
	metrics_family(metrics, METRICS_GAUGE,
	    "fcgi_host_process_private_bytes", "bytes",
	    "Memory that only this process has; workers are told apart.");
	sup_metrics_put_each(metrics, "process", (const struct sup_metric[]){
	    { "supervisor", use[0].private_bytes },
	    { "zygote", use[1].private_bytes },
	    { "front", use[2].private_bytes } }, OTHERS);
	metrics_family(metrics, METRICS_GAUGE, "fcgi_host_process_pss_bytes",
	    "bytes", "Memory of this process, shared pages in equal parts.");
	sup_metrics_put_each(metrics, "process", (const struct sup_metric[]){
	    { "supervisor", use[0].pss_bytes },
	    { "zygote", use[1].pss_bytes },
	    { "front", use[2].pss_bytes } }, OTHERS);
}

void
sup_metrics_pools(struct metrics *metrics, const struct sup_team *team)
{
	put_pools(metrics, team, METRICS_GAUGE, "fcgi_host_pool_workers",
	    "Worker processes.", put_workers_of);
	put_pools(metrics, team, METRICS_GAUGE, "fcgi_host_pool_threads",
	    "Requests that run, and how many more could at once.",
	    put_threads_of);
	put_pools(metrics, team, METRICS_GAUGE, "fcgi_host_pool_queued",
	    "Requests that wait for a worker.", put_queued_of);
	put_pools(metrics, team, METRICS_GAUGE, "fcgi_host_pool_queue_limit",
	    "How many may wait; more get a 503.", put_limit_of);
	put_pools(metrics, team, METRICS_COUNTER,
	    "fcgi_host_pool_workers_started",
	    "Workers started because requests waited.", put_started_of);
	put_pools(metrics, team, METRICS_COUNTER,
	    "fcgi_host_pool_workers_retired",
	    "Workers that were told to leave.", put_ended_of);
	put_workers(metrics, team, METRICS_GAUGE,
	    "fcgi_host_worker_private_bytes", "bytes",
	    "Memory that only this worker has.", private_of);
	put_workers(metrics, team, METRICS_GAUGE,
	    "fcgi_host_worker_pss_bytes", "bytes",
	    "Memory of this worker, shared pages in equal parts.", pss_of);
	put_workers(metrics, team, METRICS_COUNTER,
	    "fcgi_host_worker_requests", NULL,
	    "Requests that the present process of this place has run.",
	    requests_of);
	put_workers(metrics, team, METRICS_COUNTER,
	    "fcgi_host_worker_restarts", NULL,
	    "Processes of this place that ended and were replaced.",
	    restarts_of);
	put_others(metrics, team);
}
