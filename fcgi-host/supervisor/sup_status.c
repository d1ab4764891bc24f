/*
 * sup_status.c - the status document: what runs, what it did, what it costs.
 *
 * Runs in: supervisor, for a control connection.
 * Owns: nothing; reads the teams' shared memory.
 * Invariant: asks no other process, so the answer does not wait for one;
 * memory is private or proportional, never RSS.
 */
#include <json-c/json.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory_use.h"
#include "supervisor/sup.h"
#include "supervisor/sup_cache.h"
#include "supervisor/sup_clerk.h"
#include "supervisor/sup_counts.h"
#include "supervisor/sup_demote.h"
#include "supervisor/sup_json.h"
#include "supervisor/sup_pools.h"
#include "supervisor/sup_running.h"
#include "supervisor/sup_sandbox.h"

static void
add_counter(struct json_object *object, const char *key,
    const _Atomic uint64_t *value)
{
	sup_json_number(object, key, atomic_load_explicit(value,
	    memory_order_relaxed));
}

#define STALE_MS	10000	/* as often as a worker measures itself */
#define OTHER_SHARERS	2	/* of models: the zygote and the front */

/* Sums kept while the document is made. */
struct totals {
	uint64_t	processes, pss, private_bytes;
	uint64_t	workers, model_bytes;
};

static void
add_memory(struct json_object *object, struct totals *totals,
    uint64_t private_bytes, uint64_t pss)
{
	sup_json_number(object, "private_bytes", private_bytes);
	sup_json_number(object, "pss_bytes", pss);
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
	sup_json_number(object, "pid", (uint64_t)pid);
	add_memory(object, totals, use.private_bytes, use.pss_bytes);
	return object;
}

static const char *
state_name(const struct sup_child *child)
{
	static const char *const names[] = { "none", "waiting", "forking",
	    "starting", "ready", "cleaning" };

	return child->leaving ? "leaving" : names[child->state];
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
	sup_json_number(object, "sampled_ms_ago", age);
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

	sup_json_number(object, "slot", slot);
	sup_json_number(object, "pid", (uint64_t)child->pid);
	sup_json_text(object, "pool",
	    team->generation->config->pools[pool].name);
	sup_json_text(object, "state", state_name(child));
	sup_json_number(object, "busy", atomic_load(&window->busy));
	sup_json_number(object, "threads", atomic_load(&window->threads));
	add_counter(object, "requests", &window->requests);
	sup_json_number(object, "restarts", child->restarts);
	add_worker_memory(object, totals, child, window);
	totals->workers++;
	return object;
}

static struct json_object *
front_status(const struct sup *sup, const struct sup_team *team,
    struct totals *totals)
{
	const struct shm_front_stats *own = shm_front_stats(team->shm);
	struct json_object *object = json_object_new_object();
	struct shm_front_stats sum, *stats = &sum;

	sup_counts_front(sup, &sum);
	sup_json_number(object, "pid", (uint64_t)team->front.pid);
	sup_json_text(object, "state", state_name(&team->front));
	sup_json_number(object, "restarts", sup->front_restarts);
	add_counter(object, "connections", &stats->connections);
	add_counter(object, "connections_max", &stats->connections_max);
	add_counter(object, "accepted", &stats->accepted);
	add_counter(object, "requests", &stats->requests);
	add_counter(object, "no_route", &stats->no_route);
	add_counter(object, "bad_requests", &stats->bad_requests);
	add_counter(object, "protocol_errors", &stats->protocol_errors);
	add_counter(object, "refused_peers", &stats->refused_peers);
	add_memory(object, totals, atomic_load(&own->private_bytes),
	    atomic_load(&own->pss_bytes));
	return object;
}

static void
add_pool_counts(struct json_object *object, const struct sup_team *team,
    uint32_t pool)
{
	const struct sup_pool_counts *counts = sup_pools_counts(team, pool);
	struct json_object *recycled = json_object_new_object();

	sup_json_number(object, "started", counts->started);
	sup_json_number(object, "retired", counts->retired);
	sup_json_number(recycled, "requests",
	    counts->recycled[SUP_RECYCLE_REQUESTS]);
	sup_json_number(recycled, "age", counts->recycled[SUP_RECYCLE_AGE]);
	sup_json_number(recycled, "memory",
	    counts->recycled[SUP_RECYCLE_MEMORY]);
	sup_json_number(recycled, "asked",
	    counts->recycled[SUP_RECYCLE_ASKED]);
	json_object_object_add(object, "recycled", recycled);
}

static struct json_object *
pool_status(const struct sup_team *team, uint32_t index)
{
	const struct config_pool *config =
	    &team->generation->config->pools[index];
	const struct shm_pool_geometry *pool =
	    &team->generation->geometry->pools[index];
	const struct shm_pool_stats *stats = shm_pool_stats(team->shm, index);
	struct json_object *object = json_object_new_object();
	struct sup_pool_load load;

	sup_pools_load(team, index, &load);
	sup_json_text(object, "name", config->name);
	sup_json_text(object, "scaling", config_pool_scaling(config));
	sup_json_number(object, "workers", config->workers);
	sup_json_number(object, "running", load.running);
	add_pool_counts(object, team, index);
	sup_json_number(object, "threads", pool->threads);
	sup_json_number(object, "max_memory", config->max_memory);
	sup_json_number(object, "max_files", config->max_files);
	sup_json_number(object, "busy", load.busy);
	sup_json_number(object, "idle", load.idle);
	sup_json_number(object, "queued", load.queued);
	add_counter(object, "queued_max", &stats->pending_max);
	sup_json_number(object, "queue_limit", config->queue);
	return object;
}

static struct json_object *
refused_status(const struct shm_route_stats *stats)
{
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < SHM_REFUSALS; i++)
		add_counter(object, sup_counts_refusals[i],
		    &stats->refused[i]);
	return object;
}

static struct json_object *
classes_status(const struct shm_route_stats *stats)
{
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < SHM_CLASSES; i++)
		add_counter(object, sup_counts_classes[i], &stats->status[i]);
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

/* What the host has done about a handler that took the front along. */
static void
add_demotion(struct json_object *object,
    const struct sup_generation *generation,
    const struct shm_route_stats *stats)
{
	const struct sup_demotion *demotion;
	char handler[CONFIG_NAME_MAX + 1];

	if (stats->demoted == 0)
		return;
	snprintf(handler, sizeof(handler), "%.*s", CONFIG_NAME_MAX,
	    stats->handler);
	demotion = sup_demoted(generation, handler);
	if (demotion != NULL)
		sup_json_text(object, "demoted", demotion->finish ?
		    "its finish() took the front along, and is not called" :
		    "took the front along: runs in the pool");
}

/* front_breaker_state; a sync handler may have written over it. */
static const char *
breaker_name(const struct shm_route_stats *stats)
{
	static const char *const names[] = { "closed", "open", "half-open",
	    "held" };
	uint32_t state = atomic_load(&stats->breaker);

	return state < 4 ? names[state] : "?";
}

static struct json_object *
percentiles_status(int64_t *counts)
{
	struct json_object *object = json_object_new_object();

	sup_json_number(object, "p50", times_percentile(counts, 50));
	sup_json_number(object, "p95", times_percentile(counts, 95));
	sup_json_number(object, "p99", times_percentile(counts, 99));
	return object;
}

/* Nothing where there is no memory: it can be asked for again. */
static void
add_percentiles(struct json_object *object, const struct sup *sup,
    const char *label)
{
	size_t length = times_length();
	int64_t *counts = calloc(TIMES_KINDS * length, sizeof(*counts));

	if (counts == NULL)
		return;
	sup_counts_times(sup, label, counts);
	json_object_object_add(object, "queue_us", percentiles_status(
	    counts + TIMES_QUEUE * length));
	json_object_object_add(object, "run_us", percentiles_status(
	    counts + TIMES_RUN * length));
	json_object_object_add(object, "write_us", percentiles_status(
	    counts + TIMES_WRITE * length));
	free(counts);
}

static struct json_object *
route_status(const struct sup_team *team, uint32_t index)
{
	const struct shm_route_stats *own = shm_route_stats(team->shm, index);
	const struct config *config = team->generation->config;
	struct json_object *object = json_object_new_object();
	struct shm_route_stats sum, *stats = &sum;
	char label[SHM_LABEL_MAX + 1];
	uint32_t pool = own->pool;

	snprintf(label, sizeof(label), "%.*s", SHM_LABEL_MAX, own->label);
	sup_counts_route(team->generation->sup, label, &sum);

	sup_json_text(object, "route", label);
	add_shared_text(object, "handler", own->handler,
	    sizeof(own->handler));
	sup_json_bool(object, "async", own->async != 0);
	add_demotion(object, team->generation, own);
	if (own->async && pool < config->pool_count)
		sup_json_text(object, "pool", config->pools[pool].name);
	if (own->async)
		sup_json_number(object, "reserve", own->reserve);
	add_counter(object, "requests", &stats->requests);
	add_counter(object, "in_flight", &stats->in_flight);
	json_object_object_add(object, "status", classes_status(stats));
	json_object_object_add(object, "refused", refused_status(stats));
	sup_json_text(object, "breaker", breaker_name(own));
	add_counter(object, "timeouts", &stats->timeouts);
	add_counter(object, "slow", &stats->slow);
	add_counter(object, "crashes", &stats->crashes);
	add_counter(object, "cancelled", &stats->cancelled);
	add_counter(object, "queue_ns", &stats->queue_ns);
	add_counter(object, "run_ns", &stats->run_ns);
	add_counter(object, "run_max_ns", &stats->run_max_ns);
	add_counter(object, "write_ns", &stats->write_ns);
	add_percentiles(object, team->generation->sup, label);
	add_counter(object, "cpu_ns", &stats->cpu_ns);
	add_counter(object, "request_bytes", &stats->request_bytes);
	add_counter(object, "reply_bytes", &stats->reply_bytes);
	add_counter(object, "cache_hits", &stats->cache_hits);
	add_counter(object, "cache_shared", &stats->cache_shared);
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
model_status(const struct sup_model *model, uint64_t sharers,
    struct totals *totals)
{
	const struct model_image *image = &model->image;
	struct json_object *object = json_object_new_object();
	uint64_t bytes = model->fd >= 0 ? image->length :
	    image->source_length;

	sup_json_text(object, "name", image->name);
	sup_json_text(object, "kind", kind_name(image->kind));
	sup_json_text(object, "state", "ready");
	sup_json_number(object, "bytes", bytes);
	sup_json_number(object, "sharers", sharers);
	sup_json_text(object, "sha256", image->sha256);
	sup_json_number(object, "version", image->version);
	sup_json_number(object, "loads", image->version);
	sup_json_number(object, "inode", model->inode);
	sup_json_number(object, "loaded_at", (uint64_t)model->loaded_at);
	sup_json_number(object, "load_ms", image->load_ms);
	sup_json_bool(object, "hugepages", image->huge != 0);
	sup_json_bool(object, "locked", image->locked != 0);
	totals->model_bytes += bytes;
	return object;
}

static struct json_object *
failed_model(const struct config_model *model, const char *error)
{
	struct json_object *object = json_object_new_object();

	sup_json_text(object, "name", model->name);
	sup_json_text(object, "kind", kind_name(model->kind));
	sup_json_text(object, "state", "failed");
	sup_json_text(object, "error", error);
	return object;
}

static struct json_object *
models_status(const struct sup_generation *generation, uint64_t sharers,
    struct totals *totals)
{
	struct json_object *models = json_object_new_array();
	size_t count = generation == NULL ? 0 :
	    generation->config->model_count;

	for (size_t i = 0; i < count; i++)
		if (generation->models[i] != NULL)
			json_object_array_add(models, model_status(
			    generation->models[i], sharers, totals));
	for (size_t i = 0; i < count; i++)
		if (generation->model_errors[i] != NULL)
			json_object_array_add(models, failed_model(
			    &generation->config->models[i],
			    generation->model_errors[i]));
	return models;
}

/* Files by their paths, then what is wrong with sections. */
static struct json_object *
refused_status_of(const struct sup *sup,
    const struct sup_generation *generation)
{
	struct json_object *list = json_object_new_array();
	const struct sup_refusal *refusal;
	char sentence[PATH_MAX + SUP_REASON_MAX];

	LIST_FOREACH(refusal, &sup->refusals, link) {
		snprintf(sentence, sizeof(sentence), "%s/%s: %s",
		    generation->config->handlers, refusal->version.name,
		    refusal->reason);
		json_object_array_add(list, sup_json_string(sentence));
	}
	for (size_t i = 0; i < generation->complaint_count; i++)
		json_object_array_add(list, sup_json_string(
		    generation->complaints[i]));
	return list;
}

static struct json_object *
generation_status(const struct sup *sup,
    const struct sup_generation *generation)
{
	struct json_object *object = json_object_new_object();

	sup_json_number(object, "number", generation->number);
	sup_json_text(object, "trigger", generation->manifest.trigger);
	if (generation->manifest.rolled_back_to != 0)
		sup_json_number(object, "rolled_back_to",
		    generation->manifest.rolled_back_to);
	sup_json_number(object, "since", (uint64_t)generation->since_at);
	sup_json_number(object, "handlers", generation->handler_count);
	sup_json_number(object, "routes", generation->route_count);
	sup_json_number(object, "uptime_ms", clock_now_ms() -
	    generation->started_ms);
	json_object_object_add(object, "refused", refused_status_of(sup,
	    generation));
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
		if (team->workers[i].state != SUP_CHILD_NONE)
			json_object_array_add(workers, worker_status(team, i,
			    totals));
	json_object_object_add(root, "workers", workers);
	for (uint32_t i = 0; i < generation->geometry->pool_count; i++)
		json_object_array_add(pools, pool_status(team, i));
	json_object_object_add(root, "pools", pools);
	for (uint32_t i = 0; i < generation->route_count; i++)
		json_object_array_add(routes, route_status(team, i));
	json_object_object_add(root, "routes", routes);
}

static void
add_totals(struct json_object *root, const struct totals *totals)
{
	struct json_object *object = json_object_new_object();

	sup_json_number(object, "processes", totals->processes);
	sup_json_number(object, "pss_bytes", totals->pss);
	sup_json_number(object, "private_bytes", totals->private_bytes);
	sup_json_number(object, "model_bytes", totals->model_bytes);
	/* every process that serves would hold its own: workers and front */
	sup_json_number(object, "with_private_copies_bytes",
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

/* What serves or, at the start, what is about to. */
static const struct sup_generation *
shown_generation(const struct sup *sup)
{
	return sup->serving != NULL ? sup->serving : sup->reload.next;
}

static void
add_generation(struct json_object *root, const struct sup *sup,
    struct totals *totals)
{
	const struct sup_generation *generation = shown_generation(sup);
	const struct sup_team *team = generation == NULL ? NULL :
	    generation->teams;

	if (generation != NULL) {
		json_object_object_add(root, "generation",
		    generation_status(sup, generation));
		json_object_object_add(root, "sandbox",
		    sup_sandbox_status(generation->config));
		json_object_object_add(root, "zygote", measured(
		    generation->zygote, totals));
	}
	if (team != NULL)
		add_team(root, sup, team, totals);
	json_object_object_add(root, "models", models_status(generation,
	    team == NULL ? 0 : OTHER_SHARERS + totals->workers, totals));
}

char *
sup_status_json(struct sup *sup)
{
	struct json_object *root = json_object_new_object();
	struct totals totals = { 0 };
	char *text;

	sup_json_text(root, "version", PACKAGE_VERSION);
	sup_json_text(root, "state", phase_name(sup));
	sup_json_text(root, "listen", sup->config->listen);
	sup_json_text(root, "config", sup->config->file);
	sup_json_number(root, "started_at", (uint64_t)sup->started_at);
	sup_json_number(root, "uptime_ms", clock_now_ms() - sup->started_ms);
	json_object_object_add(root, "supervisor", measured(getpid(),
	    &totals));
	add_generation(root, sup, &totals);
	json_object_object_add(root, "running", sup_running_status(sup));
	json_object_object_add(root, "cache", sup_cache_status(sup));
	if (sup->clerk != NULL)
		json_object_object_add(root, "jobs", sup_clerk_status(sup));
	sup_status_files(sup, root);
	sup_status_reloads(sup, root);
	json_object_object_add(root, "degraded", sup_status_degraded(sup));
	add_totals(root, &totals);
	text = sup_json_print(root);
	json_object_put(root);
	return text;
}
