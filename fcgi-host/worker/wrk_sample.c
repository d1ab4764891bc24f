/*
 * wrk_sample.c - this worker's memory, measured by itself.
 *
 * Runs in: worker, any serving thread, between two jobs.
 * Owns: the memory figures of the window.
 * Invariant: at most one sample in WRK_SAMPLE_MS, and none while nothing has
 * been served since the last: an idle worker does not wake.
 */
#include "common/clock.h"
#include "common/memory_use.h"
#include "worker/wrk.h"

#define WRK_SAMPLE_MS	10000	/* a smaps_rollup costs milliseconds */

static void
sample(struct wrk *wrk, uint64_t now_ms)
{
	struct memory_use use;

	if (memory_use_read(0, &use) < 0)
		return;
	atomic_store(&wrk->window->private_bytes, use.private_bytes);
	atomic_store(&wrk->window->pss_bytes, use.pss_bytes);
	atomic_store(&wrk->window->sampled_ms, now_ms);
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
	uint64_t none = 0;

	atomic_compare_exchange_strong(&wrk->next_sample_ms, &none,
	    atomic_load(&wrk->window->sampled_ms) + WRK_SAMPLE_MS);
	wrk_sample_if_due(wrk, now_ms);
}
