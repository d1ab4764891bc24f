/*
 * sup_running.c - which requests run now.
 *
 * Runs in: supervisor, for the status document.
 * Owns: nothing; reads the teams' shared memory.
 * Invariant: believes nothing of what a worker or a sync handler can have
 * written: a text is bounded, a route is one, a time is of the past.
 */
#include "supervisor/sup_running.h"

#include <json-c/json.h>

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "supervisor/sup.h"
#include "supervisor/sup_json.h"

struct running {
	const struct sup_team	*team;
	uint32_t		 worker;	/* SLOT_FRONT: sync */
	uint32_t		 route;
	uint64_t		 run_ms;
	char			 id[HEAD_ID_MAX + 1];
};

/* The oldest first. */
struct list {
	uint64_t	total;
	size_t		count;
	struct running	oldest[SUP_RUNNING_MAX];
};

static void
add(struct list *list, const struct running *one)
{
	size_t at = list->count;

	list->total++;
	if (one->route >= one->team->generation->route_count)
		return;
	while (at > 0 && list->oldest[at - 1].run_ms < one->run_ms)
		at--;
	if (at == SUP_RUNNING_MAX)
		return;
	if (list->count < SUP_RUNNING_MAX)
		list->count++;
	memmove(&list->oldest[at + 1], &list->oldest[at],
	    (list->count - at - 1) * sizeof(list->oldest[0]));
	list->oldest[at] = *one;
}

static uint64_t
ms_since(uint64_t then_ms)
{
	uint64_t now = clock_now_ms();

	return then_ms == 0 || then_ms > now ? 0 : now - then_ms;
}

static void
add_reply(struct list *list, const struct sup_team *team, uint32_t worker,
    const struct shm_reply *reply)
{
	struct running one = { .team = team, .worker = worker };
	uint64_t seq = atomic_load(&reply->seq);

	if (atomic_load(&reply->state) != SHM_REPLY_BUSY)
		return;
	one.route = atomic_load_explicit(&reply->route, memory_order_relaxed);
	one.run_ms = ms_since(atomic_load(&reply->started_ns) /
	    CLOCK_NS_PER_MS);
	snprintf(one.id, sizeof(one.id), "%.*s", HEAD_ID_MAX,
	    reply->request_id);
	/* else it is of two requests */
	if (atomic_load(&reply->seq) == seq)
		add(list, &one);
}

static void
add_sync(struct list *list, const struct sup_team *team)
{
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	struct running one = { .team = team, .worker = SLOT_FRONT };
	uint32_t running = atomic_load(&stats->sync_route);

	if (running == 0 || team->front.pid == 0)
		return;
	one.route = running - 1;
	one.run_ms = ms_since(atomic_load(&stats->sync_begun_ms));
	snprintf(one.id, sizeof(one.id), "%.*s", HEAD_ID_MAX,
	    stats->sync_request_id);
	if (atomic_load(&stats->sync_route) == running)
		add(list, &one);
}

/* A dead worker's slots are as it left them until the front has cleaned; and a
 * look at those of one that has never run anything would make pages. */
static bool
may_run(const struct sup_team *team, uint32_t worker)
{
	return team->workers[worker].pid > 0 &&
	    atomic_load(&team->shm->windows[worker]->busy) > 0;
}

static void
add_team(struct list *list, const struct sup_team *team)
{
	const struct shm_geometry *geometry = team->generation->geometry;

	add_sync(list, team);
	for (uint32_t i = 0; i < team->worker_count; i++) {
		uint32_t replies = geometry->pools[shm_pool_of_worker(geometry,
		    i)].replies;

		for (uint32_t j = 0; may_run(team, i) && j < replies; j++)
			add_reply(list, team, i, shm_reply(team->shm, i, j));
	}
}

static struct json_object *
describe(const struct running *one)
{
	struct json_object *object = json_object_new_object();
	const struct shm_route_stats *stats = shm_route_stats(one->team->shm,
	    one->route);
	char label[SHM_LABEL_MAX + 1];
	bool sync = one->worker == SLOT_FRONT;

	snprintf(label, sizeof(label), "%.*s", SHM_LABEL_MAX, stats->label);
	sup_json_text(object, "id", one->id);
	sup_json_text(object, "route", label);
	sup_json_number(object, "generation", one->team->generation->number);
	if (sync)
		json_object_object_add(object, "worker", NULL);
	else
		sup_json_number(object, "worker", one->worker);
	sup_json_number(object, "pid", (uint64_t)(sync ?
	    one->team->front.pid : one->team->workers[one->worker].pid));
	sup_json_bool(object, "sync", sync);
	sup_json_number(object, "run_ms", one->run_ms);
	return object;
}

struct json_object *
sup_running_status(const struct sup *sup)
{
	struct json_object *object = json_object_new_object();
	struct json_object *oldest = json_object_new_array();
	struct list list = { .total = 0 };

	for (const struct sup_generation *generation = sup->generations;
	    generation != NULL; generation = generation->older)
		for (const struct sup_team *team = generation->teams;
		    team != NULL; team = team->next)
			add_team(&list, team);
	sup_json_number(object, "count", list.total);
	for (size_t i = 0; i < list.count; i++)
		json_object_array_add(oldest, describe(&list.oldest[i]));
	json_object_object_add(object, "oldest", oldest);
	return object;
}
