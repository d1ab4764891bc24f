/*
 * sup_metrics.c - the host, its generations and models, in numbers.
 *
 * Runs in: supervisor.
 * Owns: nothing; the text is the caller's.
 * Invariant: a counter never goes back while the host runs, over fronts and
 * generations; a series is there once.
 */
#include "supervisor/sup_metrics.h"

#include <json-c/json.h>

#include <string.h>

#include "common/cache.h"
#include "supervisor/sup.h"
#include "supervisor/sup_clerk.h"
#include "supervisor/sup_crashes.h"

#define OTHER_SHARERS	2	/* of models: the zygote and the front */

void
sup_metrics_one(struct metrics *metrics, enum metrics_type type,
    const char *name, const char *unit, const char *help, uint64_t value)
{
	metrics_family(metrics, type, name, unit, help);
	metrics_put(metrics, NULL, value);
}

void
sup_metrics_put_each(struct metrics *metrics, const char *label,
    const struct sup_metric *list, size_t count)
{
	struct metrics_labels labels;

	for (size_t i = 0; i < count; i++) {
		labels.length = 0;
		metrics_label(&labels, label, list[i].value, SIZE_MAX);
		metrics_put(metrics, &labels, list[i].number);
	}
}

const struct sup_team *
sup_metrics_team(const struct sup *sup)
{
	return sup->serving == NULL || sup->serving->teams == NULL ||
	    sup->serving->teams->shm == NULL ? NULL : sup->serving->teams;
}

static void
put_build(struct metrics *metrics)
{
	struct metrics_labels labels = { .length = 0 };

	metrics_label(&labels, "version", PACKAGE_VERSION, SIZE_MAX);
	metrics_family(metrics, METRICS_INFO, "fcgi_host_build", NULL,
	    "Which version runs.");
	metrics_put(metrics, &labels, 1);
}

/* -------------------------------------------------------------- generations */

static void
put_generations(struct metrics *metrics, const struct sup *sup)
{
	const struct sup_generation *generation = sup->generations;
	uint64_t states[SUP_GENERATION_LEAVING + 1] = { 0 };

	for (; generation != NULL; generation = generation->older)
		states[generation->state]++;
	metrics_family(metrics, METRICS_GAUGE, "fcgi_host_generations", NULL,
	    "Generations that live: sets of handlers, models and "
	    "configuration with the processes that serve them.");
	sup_metrics_put_each(metrics, "state", (const struct sup_metric[]){
	    { "starting", states[SUP_GENERATION_STARTING] },
	    { "serving", states[SUP_GENERATION_SERVING] },
	    { "leaving", states[SUP_GENERATION_LEAVING] } }, 3);
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_generation", NULL,
	    "Number of the generation that serves; 0: none does.",
	    sup->serving == NULL ? 0 : sup->serving->number);
}

static void
put_reloads(struct metrics *metrics, const struct sup *sup)
{
	metrics_family(metrics, METRICS_COUNTER, "fcgi_host_reloads", NULL,
	    "Reloads and rollbacks, the start included, by what came of "
	    "them.");
	sup_metrics_put_each(metrics, "result", (const struct sup_metric[]){
	    { "ok", sup->reload_count - sup->refused_count },
	    { "failed", sup->refused_count } }, 2);
}

static void
put_refused_files(struct metrics *metrics, const struct sup *sup)
{
	const struct sup_refusal *refusal;
	uint64_t count = 0;

	LIST_FOREACH(refusal, &sup->refusals, link)
		count++;
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_refused_files",
	    NULL, "Handler files that do not serve in the version that lies "
	    "in the directory.", count);
}

static void
put_crashes(struct metrics *metrics, const struct sup *sup)
{
	metrics_family(metrics, METRICS_COUNTER, "fcgi_host_crashes", NULL,
	    "Processes that ended otherwise than they should.");
	sup_metrics_put_each(metrics, "process", (const struct sup_metric[]){
	    { "front", sup_crashes_count(sup, true) },
	    { "worker", sup_crashes_count(sup, false) } }, 2);
}

/* Each word of the list once, whether it is there or not. */
static void
put_degraded(struct metrics *metrics, const struct sup *sup)
{
	struct sup_metric all[] = { { "descriptors", 0 }, { "memory", 0 },
	    { "spool", 0 }, { "log", 0 }, { "processes", 0 },
	    { "crashes", 0 }, { "jobs", 0 } };
	struct json_object *list = sup_status_degraded(sup);
	size_t count = sizeof(all) / sizeof(all[0]);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *what = json_object_get_string(
		    json_object_object_get(json_object_array_get_idx(list, i),
		    "what"));

		for (size_t k = 0; k < count; k++)
			if (strcmp(all[k].value, what) == 0)
				all[k].number = 1;
	}
	json_object_put(list);
	metrics_family(metrics, METRICS_GAUGE, "fcgi_host_degraded", NULL,
	    "1: the host is short of this; fcgi-host status says more.");
	sup_metrics_put_each(metrics, "what", all, count);
}

/* ------------------------------------------------------------------- models */

/* The processes that have its pages: all that were forked from the zygote. */
static uint64_t
sharers(const struct sup *sup)
{
	const struct sup_team *team = sup_metrics_team(sup);
	uint64_t count = OTHER_SHARERS;

	for (uint32_t i = 0; team != NULL && i < team->worker_count; i++)
		count += team->workers[i].pid > 0;
	return team == NULL ? 0 : count;
}

static uint64_t
bytes_of(const struct sup_model *model)
{
	return model->fd >= 0 ? model->image.length :
	    model->image.source_length;
}

/* For each model that serves. */
static void
put_models(struct metrics *metrics, const struct sup *sup,
    uint64_t (*value)(const struct sup *, const struct sup_model *))
{
	const struct sup_generation *serving = sup->serving;
	struct metrics_labels labels;

	for (size_t i = 0; serving != NULL &&
	    i < serving->config->model_count; i++) {
		if (serving->models[i] == NULL)
			continue;
		labels.length = 0;
		metrics_label(&labels, "model",
		    serving->models[i]->image.name,
		    sizeof(serving->models[i]->image.name));
		metrics_put(metrics, &labels, value(sup, serving->models[i]));
	}
}

static uint64_t
model_bytes(const struct sup *sup, const struct sup_model *model)
{
	(void)sup;
	return bytes_of(model);
}

static uint64_t
model_sharers(const struct sup *sup, const struct sup_model *model)
{
	(void)model;
	return sharers(sup);
}

static uint64_t
model_loads(const struct sup *sup, const struct sup_model *model)
{
	(void)sup;
	return model->image.version;
}

static void
put_all_models(struct metrics *metrics, const struct sup *sup)
{
	metrics_family(metrics, METRICS_GAUGE, "fcgi_host_model_bytes",
	    "bytes", "Size of the model, which is in memory once.");
	put_models(metrics, sup, model_bytes);
	metrics_family(metrics, METRICS_GAUGE, "fcgi_host_model_sharers",
	    NULL, "Processes that share it.");
	put_models(metrics, sup, model_sharers);
	metrics_family(metrics, METRICS_COUNTER, "fcgi_host_model_loads",
	    NULL, "How often it was loaded.");
	put_models(metrics, sup, model_loads);
}

/* ----------------------------------------------------------- cache and jobs */

static void
put_cache(struct metrics *metrics, const struct sup *sup)
{
	struct cache_counts counts;

	cache_count_all(sup->cache, &counts);
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_cache_size_bytes",
	    "bytes", "Memory of the cache.", counts.size);
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_cache_used_bytes",
	    "bytes", "What of it entries have, expired ones too.",
	    counts.used);
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_cache_entries",
	    NULL, "Entries in the cache.", counts.entries);
	metrics_family(metrics, METRICS_COUNTER, "fcgi_host_cache_reads", NULL,
	    "Look-ups, by whether there was an entry.");
	sup_metrics_put_each(metrics, "result", (const struct sup_metric[]){
	    { "hit", counts.hits }, { "miss", counts.misses } }, 2);
	sup_metrics_one(metrics, METRICS_COUNTER, "fcgi_host_cache_writes",
	    NULL, "Entries put in.", counts.writes);
	sup_metrics_one(metrics, METRICS_COUNTER, "fcgi_host_cache_evictions",
	    NULL, "Entries that had to go before their time.",
	    counts.evictions);
	sup_metrics_one(metrics, METRICS_COUNTER,
	    "fcgi_host_cache_cleared_shards", NULL,
	    "Parts of the cache that somebody died in.", counts.cleared);
}

static void
put_jobs(struct metrics *metrics, const struct sup *sup)
{
	static const char *const states[] = { "queued", "running", "succeeded",
	    "failed", "cancelled" };
	struct json_object *said = sup_clerk_status(sup);
	struct sup_metric list[sizeof(states) / sizeof(states[0])];
	size_t count = sizeof(states) / sizeof(states[0]);

	if (said == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		list[i] = (struct sup_metric){ states[i], (uint64_t)
		    json_object_get_int64(json_object_object_get(said,
		    states[i])) };
	json_object_put(said);
	metrics_family(metrics, METRICS_GAUGE, "fcgi_host_jobs", NULL,
	    "Jobs that are kept, by state.");
	sup_metrics_put_each(metrics, "state", list, count);
}

static void
put_backlog(struct metrics *metrics, const struct sup *sup)
{
	uint32_t length, limit;

	if (sup->listen_fd < 0 ||
	    sup_backlog(sup->listen_fd, &length, &limit) < 0)
		return;
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_listen_queue",
	    NULL, "Connections that the kernel holds and the front has not "
	    "accepted.", length);
	sup_metrics_one(metrics, METRICS_GAUGE,
	    "fcgi_host_listen_queue_limit", NULL,
	    "How many the kernel holds at most: listen_backlog, or less.",
	    limit);
}

char *
sup_metrics_text(struct sup *sup, bool open_metrics, size_t *length_out)
{
	const struct sup_team *team = sup_metrics_team(sup);
	struct metrics metrics;

	metrics_begin(&metrics, open_metrics);
	put_build(&metrics);
	sup_metrics_one(&metrics, METRICS_GAUGE,
	    "fcgi_host_start_time_seconds", "seconds",
	    "When the host was started, since 1970.",
	    (uint64_t)sup->started_at);
	sup_metrics_one(&metrics, METRICS_GAUGE, "fcgi_host_serving", NULL,
	    "1: requests are served.", sup->phase == SUP_SERVING);
	put_generations(&metrics, sup);
	put_reloads(&metrics, sup);
	put_refused_files(&metrics, sup);
	put_crashes(&metrics, sup);
	put_degraded(&metrics, sup);
	put_all_models(&metrics, sup);
	put_cache(&metrics, sup);
	put_jobs(&metrics, sup);
	put_backlog(&metrics, sup);
	sup_metrics_front(&metrics, sup);
	if (team != NULL) {
		sup_metrics_pools(&metrics, team);
		sup_metrics_routes(&metrics, team);
	}
	return metrics_end(&metrics, length_out);
}
