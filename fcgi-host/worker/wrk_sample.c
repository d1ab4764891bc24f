/*
 * wrk_sample.c - this worker's memory, measured by itself.
 *
 * Runs in: worker, any serving thread, between two jobs.
 * Owns: the memory figures of the window.
 * Invariant: at most one sample in WRK_SAMPLE_MS, but for one that has grown by
 * a part of recycle_memory; and none while nothing has been served since the
 * last: an idle worker does not wake.
 */
#include "common/clock.h"
#include "common/memory_use.h"
#include "worker/wrk.h"

#define WRK_SAMPLE_MS	10000	/* it takes as long as much is mapped: 40 ms */
#define WRK_WATCH_MS	1000	/* where workers are recycled by it */
#define WRK_GROWN	8	/* by this part of recycle_memory */

static uint64_t
recycle_memory(const struct wrk *wrk)
{
	return wrk->start->config->pools[wrk->pool_index].recycle_memory;
}

static int
read_own(struct wrk *wrk, struct memory_use *use_out)
{
	uint64_t own, anonymous = 0;

	memory_use_anonymous(&anonymous);
	atomic_store(&wrk->anonymous_bytes, anonymous);
	if (memory_use_read_own(use_out, &own) < 0)
		return -1;
	atomic_store(&wrk->window->own_bytes, own);
	return 0;
}

static void
sample(struct wrk *wrk, uint64_t now_ms)
{
	struct memory_use use;

	if ((recycle_memory(wrk) != 0 ? read_own(wrk, &use) :
	    memory_use_read(0, &use)) < 0)
		return;
	atomic_store(&wrk->window->private_bytes, use.private_bytes);
	atomic_store(&wrk->window->pss_bytes, use.pss_bytes);
	atomic_store(&wrk->window->sampled_ms, now_ms);
}

/* Could it have come to recycle_memory since it was measured?  Asked every
 * second, so it must cost nothing. */
static bool
has_grown(struct wrk *wrk)
{
	uint64_t now;

	return memory_use_anonymous(&now) == 0 && now > atomic_load(
	    &wrk->anonymous_bytes) + recycle_memory(wrk) / WRK_GROWN;
}

static void
look(struct wrk *wrk, uint64_t now_ms)
{
	atomic_store(&wrk->looked_ms, now_ms);
	if (recycle_memory(wrk) == 0 || has_grown(wrk) ||
	    now_ms - atomic_load(&wrk->window->sampled_ms) >= WRK_SAMPLE_MS)
		sample(wrk, now_ms);
}

/* What it has before its first request is what it may not be blamed for. */
void
wrk_sample_at_start(struct wrk *wrk)
{
	if (recycle_memory(wrk) != 0)
		sample(wrk, clock_now_ms());
}

/* `next_sample_ms` is when the next look is due, 0 when none is wanted. */
void
wrk_sample_if_due(struct wrk *wrk, uint64_t now_ms)
{
	uint64_t due = atomic_load(&wrk->next_sample_ms);

	if (due == 0 || now_ms < due)
		return;
	if (atomic_compare_exchange_strong(&wrk->next_sample_ms, &due, 0))
		look(wrk, now_ms);
}

void
wrk_sample_after_job(struct wrk *wrk, uint64_t now_ms)
{
	uint64_t pause = recycle_memory(wrk) != 0 ? WRK_WATCH_MS :
	    WRK_SAMPLE_MS;
	uint64_t none = 0;

	atomic_compare_exchange_strong(&wrk->next_sample_ms, &none,
	    atomic_load(&wrk->looked_ms) + pause);
	wrk_sample_if_due(wrk, now_ms);
}
