/*
 * sup_health.c - the document that probes are answered from.
 *
 * Runs in: supervisor.
 * Owns: nothing; reads the shared memory of the team that serves.
 * Invariant: asks no other process; what is ready and what is not is for
 * sup_ready.c to say.
 */
#include "supervisor/sup_health.h"

#include <json-c/json.h>
#include <stdio.h>

#include "common/clock.h"
#include "supervisor/sup.h"
#include "supervisor/sup_clerk.h"
#include "supervisor/sup_json.h"
#include "supervisor/sup_pools.h"
#include "supervisor/sup_pulse.h"
#include "supervisor/sup_stop.h"

/* ----------------------------------------------------------------- verdicts */

static const struct sup_team *
team_of(const struct sup *sup)
{
	return sup->serving == NULL ? NULL : sup->serving->teams;
}

static enum sup_ready
verdict_of_pool(const struct sup_team *team, uint32_t index)
{
	const struct config_pool *config = sup_pools_config(team, index);
	uint64_t since_ms = team->pools->empty_since_ms[index];
	struct sup_ready_pool pool = { .least =
	    config->scaling == CONFIG_SCALING_STATIC ? config->workers :
	    config->min_workers,
	    .empty_ms = since_ms == 0 ? 0 : clock_now_ms() - since_ms };

	for (uint32_t i = sup_pools_first(team, index);
	    i < sup_pools_end(team, index); i++) {
		const struct sup_child *child = &team->workers[i];

		pool.running += sup_pools_is_ready(child);
		pool.coming += child->state == SUP_CHILD_FORKING ||
		    child->state == SUP_CHILD_STARTING;
		pool.held_back += child->state == SUP_CHILD_WAITING ||
		    (child->state == SUP_CHILD_CLEANING && !child->leaving);
	}
	return sup_ready_of_pool(&pool);
}

/* As the front has written it, and a sync handler may have overwritten: a pool
 * that there is, or none. */
static const struct sup_team *
pool_of(const struct sup_team *team, const struct shm_route_stats *route,
    uint32_t *pool_out)
{
	*pool_out = route->pool;
	return route->async != 0 &&
	    *pool_out < team->generation->geometry->pool_count ? team : NULL;
}

static bool
pool_is_down(const struct sup_team *team, const struct shm_route_stats *route)
{
	uint32_t pool;

	return pool_of(team, route, &pool) != NULL &&
	    verdict_of_pool(team, pool) != SUP_READY;
}

static bool
pool_is_needed(const struct sup_team *team, uint32_t index)
{
	uint32_t pool;

	for (uint32_t i = 0; i < team->generation->route_count; i++)
		if (pool_of(team, shm_route_stats(team->shm, i), &pool) !=
		    NULL && pool == index)
			return true;
	return false;
}

/* One that is open and has had its pause lets the next request try: it is not
 * said to be unready, or nobody would ever send one. */
static bool
breaker_refuses(const struct shm_route_stats *route)
{
	uint32_t state = atomic_load(&route->breaker);
	uint64_t until_ms = atomic_load(&route->breaker_until_ms);

	return state == SHM_BREAKER_HALF_OPEN || state == SHM_BREAKER_HELD ||
	    (state == SHM_BREAKER_OPEN && clock_now_ms() < until_ms);
}

static enum sup_ready
verdict_of_route(const struct sup *sup, const struct sup_team *team,
    const struct shm_route_stats *route)
{
	const struct sup_trouble *jobs = sup_clerk_trouble(sup);
	const struct sup_ready_route facts = {
		.async = route->async != 0,
		.pool_down = pool_is_down(team, route),
		.job = route->job != 0,
		.jobs_away = jobs != NULL && jobs->since_ms != 0,
		.breaker = breaker_refuses(route),
	};

	return sup_ready_of_route(&facts);
}

enum sup_ready
sup_health(const struct sup *sup)
{
	const struct sup_team *team = team_of(sup);
	struct sup_ready_host host = {
		.stopping = sup->phase == SUP_STOPPING || sup_stop_is_near(),
		.serving = team != NULL && sup->phase != SUP_LOADING &&
		    sup->phase != SUP_STARTING,
		.closed = team != NULL && team->generation->closed,
		.front = team != NULL &&
		    team->front.state == SUP_CHILD_READY &&
		    !sup_pulse_is_missed(team),
	};

	for (uint32_t i = 0; team != NULL && i <
	    team->generation->geometry->pool_count; i++)
		if (pool_is_needed(team, i)) {
			host.pools++;
			host.pools_down += verdict_of_pool(team, i) !=
			    SUP_READY;
		}
	return sup_ready_of_host(&host);
}

/* ----------------------------------------------------------------- document */

static void
add_reason(struct json_object *list, const char *word, const char *name,
    const char *detail)
{
	struct json_object *reason = json_object_new_object();

	sup_json_text(reason, "reason", word);
	if (name != NULL)
		sup_json_text(reason, "name", name);
	sup_json_text(reason, "detail", detail);
	json_object_array_add(list, reason);
}

static void
add_verdict(struct json_object *list, enum sup_ready ready, const char *name)
{
	if (ready != SUP_READY)
		add_reason(list, sup_ready_word(ready), name,
		    sup_ready_detail(ready));
}

/* A part under its name.  What it is not ready for is a warning, too. */
static void
add_part(struct json_object *parts, struct json_object *warnings,
    enum sup_ready ready, const char *name, const char *detail)
{
	struct json_object *part = json_object_new_object();
	struct json_object *reasons = json_object_new_array();
	struct json_object *key = sup_json_string(name);

	sup_json_bool(part, "ready", ready == SUP_READY);
	if (ready != SUP_READY) {
		add_reason(reasons, sup_ready_word(ready), name, detail);
		add_reason(warnings, sup_ready_word(ready), name, detail);
	}
	json_object_object_add(part, "reasons", reasons);
	json_object_object_add(parts, json_object_get_string(key), part);
	json_object_put(key);
}

static struct json_object *
models_of(const struct sup_generation *generation,
    struct json_object *warnings)
{
	struct json_object *models = json_object_new_object();

	for (size_t i = 0; i < generation->config->model_count; i++) {
		const char *error = generation->model_errors[i];

		add_part(models, warnings, generation->models[i] != NULL ?
		    SUP_READY : SUP_READY_MODEL,
		    generation->config->models[i].name, error != NULL ?
		    error : sup_ready_detail(SUP_READY_MODEL));
	}
	return models;
}

static struct json_object *
pools_of(const struct sup_team *team, struct json_object *warnings)
{
	struct json_object *pools = json_object_new_object();

	for (uint32_t i = 0; i < team->generation->geometry->pool_count; i++) {
		enum sup_ready ready = verdict_of_pool(team, i);

		add_part(pools, warnings, ready,
		    sup_pools_config(team, i)->name, sup_ready_detail(ready));
	}
	return pools;
}

static struct json_object *
routes_of(const struct sup *sup, const struct sup_team *team,
    struct json_object *warnings)
{
	struct json_object *routes = json_object_new_object();

	for (uint32_t i = 0; i < team->generation->route_count; i++) {
		const struct shm_route_stats *route =
		    shm_route_stats(team->shm, i);
		enum sup_ready ready = verdict_of_route(sup, team, route);
		char label[SHM_LABEL_MAX];

		snprintf(label, sizeof(label), "%.*s", SHM_LABEL_MAX - 1,
		    route->label);
		add_part(routes, warnings, ready, label,
		    sup_ready_detail(ready));
	}
	return routes;
}

/* What the host is short of, as `status` says it. */
static void
add_degraded(const struct sup *sup, struct json_object *warnings)
{
	struct json_object *list = sup_status_degraded(sup);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		add_reason(warnings, "degraded", json_object_get_string(
		    json_object_object_get(one, "what")),
		    json_object_get_string(json_object_object_get(one,
		    "detail")));
	}
	json_object_put(list);
}

static void
add_parts(struct json_object *root, const struct sup *sup,
    struct json_object *warnings)
{
	const struct sup_team *team = team_of(sup);

	if (team == NULL)
		return;
	sup_json_number(root, "generation", team->generation->number);
	json_object_object_add(root, "models", models_of(team->generation,
	    warnings));
	json_object_object_add(root, "pools", pools_of(team, warnings));
	json_object_object_add(root, "routes", routes_of(sup, team,
	    warnings));
}

struct json_object *
sup_health_document(const struct sup *sup)
{
	struct json_object *root = json_object_new_object();
	struct json_object *reasons = json_object_new_array();
	struct json_object *warnings = json_object_new_array();
	enum sup_ready ready = sup_health(sup);

	sup_json_bool(root, "ready", ready == SUP_READY);
	add_verdict(reasons, ready, NULL);
	json_object_object_add(root, "reasons", reasons);
	add_degraded(sup, warnings);
	json_object_object_add(root, "warnings", warnings);
	add_parts(root, sup, warnings);
	return root;
}

char *
sup_health_json(const struct sup *sup)
{
	struct json_object *root = sup_health_document(sup);
	char *text = sup_json_print(root);

	json_object_put(root);
	return text;
}
