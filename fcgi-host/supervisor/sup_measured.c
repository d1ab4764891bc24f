/*
 * sup_measured.c - memory of processes, not measured too often.
 *
 * Runs in: supervisor.
 * Owns: what was measured, for a while.
 * Invariant: a process is measured at most once in FRESH_MS, however many ask:
 * it takes milliseconds where much is mapped.
 */
#include <string.h>

#include "common/clock.h"
#include "supervisor/sup.h"
#include "supervisor/sup_metrics.h"

#define FRESH_MS	10000	/* as often as workers measure themselves */
#define KEPT_MAX	256

static struct measured {
	pid_t			pid;
	uint64_t		at_ms;
	struct memory_use	use;
} kept[KEPT_MAX];

/* Its place or, if it has none, the one of the oldest. */
static struct measured *
place_of(pid_t pid)
{
	struct measured *oldest = &kept[0];

	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (kept[i].pid == pid)
			return &kept[i];
		if (kept[i].at_ms < oldest->at_ms)
			oldest = &kept[i];
	}
	return oldest;
}

int
sup_measured(pid_t pid, struct memory_use *out)
{
	struct measured *place = place_of(pid);
	uint64_t now_ms = clock_now_ms();

	memset(out, 0, sizeof(*out));
	if (pid <= 0)
		return -1;
	if (place->pid != pid || now_ms >= place->at_ms + FRESH_MS) {
		if (memory_use_read(pid, out) < 0)
			return -1;
		*place = (struct measured){ pid, now_ms, *out };
	}
	*out = place->use;
	return 0;
}

/* Workers measure themselves between two jobs; one that has been in a job for
 * longer, or is too young, is measured here. */
void
sup_measured_worker(const struct sup_team *team, uint32_t slot,
    struct memory_use *out)
{
	const struct shm_window *window = team->shm->windows[slot];
	uint64_t age_ms = clock_now_ms() - atomic_load(&window->sampled_ms);
	struct memory_use own = {
		.private_bytes = atomic_load(&window->private_bytes),
		.pss_bytes = atomic_load(&window->pss_bytes),
	};

	*out = own;
	if (own.pss_bytes != 0 && (atomic_load(&window->busy) == 0 ||
	    age_ms <= FRESH_MS))
		return;
	if (sup_measured(team->workers[slot].pid, out) < 0)
		*out = own;
}
