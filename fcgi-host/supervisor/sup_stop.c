/*
 * sup_stop.c - a stop that is announced before it begins.
 *
 * Runs in: supervisor.
 * Owns: whether a stop is near; until it begins, the stop timer.
 * Invariant: while it is near everything goes on as before, but for what
 * probes and the service manager are told.
 */
#include "supervisor/sup_stop.h"

#include <inttypes.h>
#include <signal.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_notify.h"

static bool near;

bool
sup_stop_is_near(void)
{
	return near;
}

/* A host that has taken over meanwhile is to stop instead. */
static void
on_delay(uv_timer_t *timer)
{
	struct sup *sup = timer->data;

	if (sup->handed_over)
		kill(sup->upgrade.pid, SIGTERM);
	else
		sup_begin_stop(sup);
}

void
sup_stop_ask(struct sup *sup)
{
	uint64_t delay_ms = sup_config(sup)->stop_delay_ms;

	if (near || delay_ms == 0 || sup->phase != SUP_SERVING) {
		sup_begin_stop(sup);
		return;
	}
	near = true;
	log_info("serves on for %" PRIu64 " ms, and is not ready any more",
	    delay_ms);
	sup_notify_stopping(sup);
	uv_timer_start(sup->stop_timer, on_delay, delay_ms, 0);
}
