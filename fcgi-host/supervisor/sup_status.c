/*
 * sup_status.c - the status document: what runs, what it did, what it costs.
 *
 * Runs in: supervisor, for a control connection.
 * Owns: nothing; reads the serving team's shared memory.
 * Invariant: asks no other process, so the answer does not wait for one;
 * memory is private or proportional, never RSS.
 */
#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory_use.h"
#include "supervisor/sup.h"

static void
add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key,
	    json_object_new_int64((int64_t)value));
}

static void
add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static void
add_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static void
add_counter(struct json_object *object, const char *key,
    const _Atomic uint64_t *value)
{
	add_number(object, key, atomic_load_explicit(value,
	    memory_order_relaxed));
}

#define STALE_MS	10000	/* as often as a worker measures itself */

/* Sums kept while the document is made. */
struct totals {
	uint64_t	processes, pss, private_bytes;
	uint64_t	workers, model_bytes;
};

static void
add_memory(struct json_object *object, struct totals *totals,
    uint64_t private_bytes, uint64_t pss)
{
	add_number(object, "private_bytes", private_bytes);
	add_number(object, "pss_bytes", pss);
	totals->processes++;
	totals->private_bytes += private_bytes;
	totals->pss += pss;
}

/* A process that does not measure itself. */
static struct json_object *
measured(pid_t pid, struct totals *totals)
{
	struct json_object *object = json_object_new_object();
	struct memory_use use = { 0 };

	memory_use_read(pid, &use);
	add_number(object, "pid", (uint64_t)pid);
	add_memory(object, totals, use.private_bytes, use.pss_bytes);
	return object;
}

static const char *
state_name(const struct sup_child *child)
{
	static const char *const names[] = { "none", "waiting", "forking",
	    "starting", "ready", "cleaning" };

	return names[child->state];
}

/*
 * Workers measure themselves between two jobs.  One that has been in a job for
 * longer, or is too young, is measured here.
 */
static void
add_worker_memory(struct json_object *object, struct totals *totals,
    const struct sup_child *child, const struct shm_window *window)
{
	uint64_t age = clock_now_ms() - atomic_load(&window->sampled_ms);
	struct memory_use use = {
		.private_bytes = atomic_load(&window->private_bytes),
		.pss_bytes = atomic_load(&window->pss_bytes),
	};

	if (child->pid > 0 && (use.pss_bytes == 0 ||
	    (atomic_load(&window->busy) > 0 && age > STALE_MS)) &&
	    memory_use_read(child->pid, &use) == 0)
		age = 0;
	add_memory(object, totals, use.private_bytes, use.pss_bytes);
	add_number(object, "sampled_ms_ago", age);
}

static struct json_object *
worker_status(const struct sup_team *team, uint32_t slot,
    struct totals *totals)
{
	const struct sup_child *child = &team->workers[slot];
	const struct shm_window *window = team->shm->windows[slot];
	const struct shm_geometry *geometry = team->generation->geometry;
	uint32_t pool = shm_pool_of_worker(geometry, slot);
	struct json_object *object = json_object_new_object();

	add_number(object, "slot", slot);
	add_number(object, "pid", (uint64_t)child->pid);
	add_text(object, "pool",
	    team->generation->sup->config->pools[pool].name);
	add_text(object, "state", state_name(child));
	add_number(object, "busy", atomic_load(&window->busy));
	add_number(object, "threads", atomic_load(&window->threads));
	add_counter(object, "requests", &window->requests);
	add_number(object, "restarts", child->restarts);
	add_worker_memory(object, totals, child, window);
	totals->workers++;
	return object;
}

static struct json_object *
front_status(const struct sup *sup, const struct sup_team *team,
    struct totals *totals)
{
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	struct json_object *object = json_object_new_object();

	add_number(object, "pid", (uint64_t)team->front.pid);
	add_text(object, "state", state_name(&team->front));
	add_number(object, "restarts", sup->front_restarts);
	add_counter(object, "connections", &stats->connections);
	add_counter(object, "connections_max", &stats->connections_max);
	add_counter(object, "accepted", &stats->accepted);
	add_counter(object, "requests", &stats->requests);
	add_counter(object, "no_route", &stats->no_route);
	add_counter(object, "bad_requests", &stats->bad_requests);
	add_counter(object, "protocol_errors", &stats->protocol_errors);
	add_memory(object, totals, atomic_load(&stats->private_bytes),
	    atomic_load(&stats->pss_bytes));
	return object;
}

static struct json_object *
pool_status(const struct sup *sup, const struct sup_team *team, uint32_t index)
{
	const struct shm_pool_geometry *pool =
	    &team->generation->geometry->pools[index];
	const struct shm_pool_stats *stats = shm_pool_stats(team->shm, index);
	struct json_object *object = json_object_new_object();
	uint64_t active = atomic_load(&stats->active);
	uint64_t busy = 0, capacity;

	capacity = (uint64_t)pool->workers * pool->threads;
	for (uint32_t i = 0; i < pool->workers; i++)
		busy += atomic_load(&team->shm->windows[
		    pool->first_worker + i]->busy);
	add_text(object, "name", sup->config->pools[index].name);
	add_number(object, "workers", pool->workers);
	add_number(object, "threads", pool->threads);
	add_number(object, "busy", busy);
	add_number(object, "idle", busy < capacity ? capacity - busy : 0);
	add_number(object, "queued", atomic_load(&stats->pending) +
	    (active > busy ? active - busy : 0));
	add_counter(object, "queued_max", &stats->pending_max);
	add_number(object, "queue_limit", sup->config->pools[index].queue);
	return object;
}

static struct json_object *
refused_status(const struct shm_route_stats *stats)
{
	static const char *const names[SHM_REFUSALS] = {
		[SHM_REFUSED_QUEUE_FULL] = "queue_full",
		[SHM_REFUSED_ROUTE_FULL] = "route_full",
		[SHM_REFUSED_QUEUE_TIMEOUT] = "queue_timeout",
		[SHM_REFUSED_STOPPING] = "stopping",
	};
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < SHM_REFUSALS; i++)
		add_counter(object, names[i], &stats->refused[i]);
	return object;
}

static struct json_object *
classes_status(const struct shm_route_stats *stats)
{
	static const char *const names[] = { "client_left", "1xx", "2xx",
	    "3xx", "4xx", "5xx" };
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < 6; i++)
		add_counter(object, names[i], &stats->status[i]);
	return object;
}

/* The front wrote it, and a sync handler may have written over it. */
static void
add_shared_text(struct json_object *object, const char *key, const char *text,
    size_t size)
{
	json_object_object_add(object, key, json_object_new_string_len(text,
	    (int)strnlen(text, size)));
}

static struct json_object *
route_status(const struct sup *sup, const struct shm_route_stats *stats)
{
	struct json_object *object = json_object_new_object();
	uint32_t pool = stats->pool;

	add_shared_text(object, "route", stats->label, sizeof(stats->label));
	add_shared_text(object, "handler", stats->handler,
	    sizeof(stats->handler));
	add_bool(object, "async", stats->async != 0);
	if (stats->async && pool < sup->config->pool_count)
		add_text(object, "pool", sup->config->pools[pool].name);
	add_counter(object, "requests", &stats->requests);
	add_counter(object, "in_flight", &stats->in_flight);
	json_object_object_add(object, "status", classes_status(stats));
	json_object_object_add(object, "refused", refused_status(stats));
	add_counter(object, "timeouts", &stats->timeouts);
	add_counter(object, "crashes", &stats->crashes);
	add_counter(object, "cancelled", &stats->cancelled);
	add_counter(object, "queue_ns", &stats->queue_ns);
	add_counter(object, "run_ns", &stats->run_ns);
	add_counter(object, "run_max_ns", &stats->run_max_ns);
	add_counter(object, "reply_bytes", &stats->reply_bytes);
	return object;
}

static const char *
kind_name(uint32_t kind)
{
	static const char *const names[] = { "file", "build", "preload" };

	return kind < 3 ? names[kind] : "?";
}

/* Everyone forked from the zygote shares it, and the zygote itself. */
static struct json_object *
model_status(const struct sup *sup, size_t index, uint64_t sharers,
    struct totals *totals)
{
	const struct model_image *image = &sup->images[index];
	struct json_object *object = json_object_new_object();
	uint64_t bytes = sup->model_fds[index] >= 0 ? image->length :
	    image->source_length;

	add_text(object, "name", image->name);
	add_text(object, "kind", kind_name(image->kind));
	add_text(object, "state", "ready");
	add_number(object, "bytes", bytes);
	add_number(object, "sharers", sharers);
	add_text(object, "sha256", image->sha256);
	add_number(object, "version", image->version);
	add_number(object, "load_ms", image->load_ms);
	add_bool(object, "hugepages", image->huge != 0);
	add_bool(object, "locked", image->locked != 0);
	totals->model_bytes += bytes;
	return object;
}

static struct json_object *
failed_model(const struct config_model *model, const char *error)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "name", model->name);
	add_text(object, "kind", kind_name(model->kind));
	add_text(object, "state", "failed");
	add_text(object, "error", error);
	return object;
}

static struct json_object *
models_status(const struct sup *sup, uint64_t sharers, struct totals *totals)
{
	struct json_object *models = json_object_new_array();

	for (size_t i = 0; i < sup->image_count; i++)
		json_object_array_add(models, model_status(sup, i, sharers,
		    totals));
	for (size_t i = 0; i < sup->config->model_count; i++)
		if (sup->model_errors[i] != NULL)
			json_object_array_add(models, failed_model(
			    &sup->config->models[i], sup->model_errors[i]));
	return models;
}

static struct json_object *
generation_status(const struct sup_generation *generation)
{
	struct json_object *object = json_object_new_object();
	struct json_object *refusals = json_object_new_array();

	add_number(object, "number", generation->number);
	add_number(object, "handlers", generation->handler_count);
	add_number(object, "routes", generation->route_count);
	add_number(object, "uptime_ms", clock_now_ms() -
	    generation->started_ms);
	for (size_t i = 0; i < generation->refusal_count; i++)
		json_object_array_add(refusals,
		    json_object_new_string(generation->refusals[i]));
	json_object_object_add(object, "refused", refusals);
	return object;
}

static void
add_team(struct json_object *root, const struct sup *sup,
    const struct sup_team *team, struct totals *totals)
{
	struct json_object *workers = json_object_new_array();
	struct json_object *pools = json_object_new_array();
	struct json_object *routes = json_object_new_array();
	const struct sup_generation *generation = team->generation;

	json_object_object_add(root, "front", front_status(sup, team, totals));
	for (uint32_t i = 0; i < team->worker_count; i++)
		json_object_array_add(workers, worker_status(team, i, totals));
	json_object_object_add(root, "workers", workers);
	for (uint32_t i = 0; i < generation->geometry->pool_count; i++)
		json_object_array_add(pools, pool_status(sup, team, i));
	json_object_object_add(root, "pools", pools);
	for (uint32_t i = 0; i < generation->route_count; i++)
		json_object_array_add(routes, route_status(sup,
		    shm_route_stats(team->shm, i)));
	json_object_object_add(root, "routes", routes);
}

static void
add_totals(struct json_object *root, const struct totals *totals)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "processes", totals->processes);
	add_number(object, "pss_bytes", totals->pss);
	add_number(object, "private_bytes", totals->private_bytes);
	add_number(object, "model_bytes", totals->model_bytes);
	/* every process that serves would hold its own: workers and front */
	add_number(object, "with_private_copies_bytes",
	    totals->private_bytes + (totals->workers + 1) *
	    totals->model_bytes);
	json_object_object_add(root, "totals", object);
}

static const char *
phase_name(const struct sup *sup)
{
	static const char *const names[] = { "loading", "starting", "serving",
	    "stopping" };

	return names[sup->phase];
}

char *
sup_status_json(struct sup *sup)
{
	struct json_object *root = json_object_new_object();
	const struct sup_generation *generation = sup->generation;
	const struct sup_team *team = generation == NULL ? NULL :
	    generation->teams;
	struct totals totals = { 0 };
	uint64_t sharers = 0;
	char *text;

	add_text(root, "version", PACKAGE_VERSION);
	add_text(root, "state", phase_name(sup));
	add_text(root, "listen", sup->config->listen);
	add_text(root, "config", sup->config->file);
	add_number(root, "started_at", (uint64_t)sup->started_at);
	add_number(root, "uptime_ms", clock_now_ms() - sup->started_ms);
	json_object_object_add(root, "supervisor", measured(getpid(),
	    &totals));
	if (generation != NULL) {
		json_object_object_add(root, "generation",
		    generation_status(generation));
		json_object_object_add(root, "zygote", measured(
		    generation->zygote, &totals));
	}
	if (team != NULL) {
		add_team(root, sup, team, &totals);
		sharers = 2 + team->worker_count;
	}
	json_object_object_add(root, "models", models_status(sup, sharers,
	    &totals));
	add_totals(root, &totals);
	text = strdup(json_object_to_json_string_ext(root,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return text;
}
