/*
 * wrk_sample.c - this worker's memory, measured by itself.
 *
 * Runs in: worker, any serving thread, between two jobs.
 * Owns: the memory figures of the window.
 * Invariant: at most one sample in WRK_SAMPLE_MS (WRK_WATCH_MS), and none while
 * nothing has been served since the last: an idle worker does not wake.
 */
#include "common/clock.h"
#include "common/memory_use.h"
#include "worker/wrk.h"

#define WRK_SAMPLE_MS	10000	/* a smaps_rollup costs milliseconds */
#define WRK_WATCH_MS	1000	/* where workers are recycled by it */

static const struct config_pool *
config_of(const struct wrk *wrk)
{
	return &wrk->start->config->pools[wrk->pool_index];
}

static void
sample(struct wrk *wrk, uint64_t now_ms)
{
	struct memory_use use;
	uint64_t own;

	if (config_of(wrk)->recycle_memory != 0 && memory_use_own(&own) == 0)
		atomic_store(&wrk->window->own_bytes, own);
	if (memory_use_read(0, &use) < 0)
		return;
	atomic_store(&wrk->window->private_bytes, use.private_bytes);
	atomic_store(&wrk->window->pss_bytes, use.pss_bytes);
	atomic_store(&wrk->window->sampled_ms, now_ms);
}

/* What it has before its first request is what it may not be blamed for. */
void
wrk_sample_at_start(struct wrk *wrk)
{
	if (config_of(wrk)->recycle_memory != 0)
		sample(wrk, clock_now_ms());
}

/* `next_sample_ms` is when the next sample is due, 0 when none is wanted. */
void
wrk_sample_if_due(struct wrk *wrk, uint64_t now_ms)
{
	uint64_t due = atomic_load(&wrk->next_sample_ms);

	if (due == 0 || now_ms < due)
		return;
	if (atomic_compare_exchange_strong(&wrk->next_sample_ms, &due, 0))
		sample(wrk, now_ms);
}

void
wrk_sample_after_job(struct wrk *wrk, uint64_t now_ms)
{
	uint64_t pause = config_of(wrk)->recycle_memory != 0 ? WRK_WATCH_MS :
	    WRK_SAMPLE_MS;
	uint64_t none = 0;

	atomic_compare_exchange_strong(&wrk->next_sample_ms, &none,
	    atomic_load(&wrk->window->sampled_ms) + pause);
	wrk_sample_if_due(wrk, now_ms);
}
