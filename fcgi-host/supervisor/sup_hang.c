/*
 * sup_hang.c - a sync handler that is slow, or does not return.
 *
 * Runs in: supervisor.
 * Owns: each team's hang_timer and the word `watched`.
 * Invariant: while a sync handler with a time-out runs, somebody looks once a
 * second, or as often as sync_warn needs; when none has run for a second,
 * nobody wakes any more.  A front cannot help itself: it is replaced, with the
 * listening socket open, as after a crash.
 */
#include <signal.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_slow.h"

#define IDLE_MS	1000	/* without work before nobody looks */

static void
kill_front(struct sup_team *team)
{
	char doing[SHM_LABEL_MAX + 256];

	sup_child_describe_work(&team->front, doing, sizeof(doing));
	log_warnx("front (process %d) did not return within the route's "
	    "timeout and kill_grace, or sync_max%s; killed.  Tag the route "
	    "async",
	    (int)team->front.pid, doing);
	team->front.blame = "its sync handler did not return";
	sup_child_signal(&team->front, SIGKILL);
}

static bool
is_over_time(const struct sup_team *team)
{
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	uint64_t end = atomic_load(&stats->sync_end_ms);

	return atomic_load(&stats->sync_route) != 0 && end != 0 &&
	    clock_now_ms() > end;
}

/* The front asks again once this is 0; it may have begun a handler meanwhile,
 * and have seen the 1. */
static void
look_away(struct sup_team *team)
{
	atomic_store(&team->shm->state->watched, 0);
	if (atomic_load(&shm_front_stats(team->shm)->sync_route) == 0)
		uv_timer_stop(team->hang_timer);
	else
		atomic_store(&team->shm->state->watched, 1);
}

static void
on_look(uv_timer_t *timer)
{
	struct sup_team *team = timer->data;
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	uint64_t requests = atomic_load(&stats->requests);

	if (is_over_time(team)) {
		kill_front(team);
		uv_timer_stop(timer);
		return;
	}
	sup_slow_look(team);
	if (requests != team->hang_requests ||
	    atomic_load(&stats->sync_route) != 0) {
		team->hang_requests = requests;
		team->hang_idle_ms = 0;
	} else if ((team->hang_idle_ms += uv_timer_get_repeat(timer)) >=
	    IDLE_MS)
		look_away(team);
}

void
sup_hang_watch(struct sup_team *team)
{
	uint64_t ms = sup_slow_period(team->generation->config);

	atomic_store(&team->shm->state->watched, 1);
	team->hang_idle_ms = 0;
	if (!uv_is_active((uv_handle_t *)team->hang_timer))
		uv_timer_start(team->hang_timer, on_look, ms, ms);
}
