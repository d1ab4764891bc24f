/*
 * sup_status_degraded.c - what the host is short of, as `status` shows it.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: what has recovered is not shown; the log has it.
 */
#include <json-c/json.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/sup.h"
#include "supervisor/sup_clerk.h"
#include "supervisor/sup_crashes.h"
#include "supervisor/sup_json.h"

struct degraded {
	const char	*what, *detail;
};

static const struct degraded of_front[SHM_TROUBLES] = {
	[SHM_TROUBLE_DESCRIPTORS] = { "descriptors", "Connections wait, or "
	    "idle ones are closed for them: raise LimitNOFILE or lower "
	    "connections." },
	[SHM_TROUBLE_MEMORY] = { "memory", "The front gets no memory: requests "
	    "get a 503, and connections wait until there is some." },
	[SHM_TROUBLE_SPOOL] = { "spool", "Bodies over body_memory cannot be "
	    "written to state_dir and get a 503: make room there." },
	[SHM_TROUBLE_LOG] = { "log", "The log takes no lines, and they are "
	    "lost: its reader stands still, or its disk is full." }
};

static const struct degraded of_forks = { "processes", "A front or worker "
    "cannot be forked, or has no descriptors: see the log." };

static const struct degraded of_supervisor = { "descriptors", "The supervisor "
    "has none left: processes that end cannot be replaced, and a reload "
    "fails.  Raise LimitNOFILE." };

static const struct degraded of_crashes = { "crashes", "Crash reports cannot "
    "be kept in state_dir/crashes, and are lost with a restart: see the log." };

static const struct degraded of_jobs = { "jobs", "The database of jobs, or "
    "the process that keeps them, is away: requests that would be jobs get a "
    "503, and what was accepted waits." };

static void
add(struct json_object *list, const struct degraded *degraded,
    uint64_t since_ms, uint64_t count)
{
	struct json_object *object = json_object_new_object();
	uint64_t ago = (clock_now_ms() - since_ms) / 1000;

	sup_json_text(object, "what", degraded->what);
	sup_json_number(object, "since", (uint64_t)time(NULL) - ago);
	sup_json_text(object, "detail", degraded->detail);
	sup_json_number(object, "count", count);
	json_object_array_add(list, object);
}

static void
add_front(struct json_object *list, const struct shm_front_stats *stats)
{
	for (int i = 0; i < SHM_TROUBLES; i++) {
		uint64_t since = atomic_load(&stats->troubles[i].since_ms);

		if (since != 0)
			add(list, &of_front[i], since,
			    atomic_load(&stats->troubles[i].count));
	}
}

static void
add_own(struct json_object *list, const struct degraded *degraded,
    const struct sup_trouble *trouble)
{
	if (trouble != NULL && trouble->since_ms != 0)
		add(list, degraded, trouble->since_ms, trouble->count);
}

struct json_object *
sup_status_degraded(const struct sup *sup)
{
	struct json_object *list = json_object_new_array();
	const struct sup_generation *serving = sup->serving;

	if (serving != NULL && serving->teams != NULL &&
	    serving->teams->shm != NULL)
		add_front(list, shm_front_stats(serving->teams->shm));
	add_own(list, &of_forks, &sup->unforked);
	add_own(list, &of_supervisor, sup_control_trouble());
	add_own(list, &of_crashes, sup_crashes_trouble(sup));
	add_own(list, &of_jobs, sup_clerk_trouble(sup));
	return list;
}
