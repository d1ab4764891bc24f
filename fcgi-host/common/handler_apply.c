/*
 * handler_apply.c - the configuration over the handlers' own tables.
 *
 * Runs in: zygote, loader and the tools.
 * Owns: nothing.
 * Invariant: a section of the configuration that changes nothing is reported;
 * nobody has to guess why a limit does not hold.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/handler_load.h"

#define NEAREST_MAX	3
#define DISTANCE_TEXT	127	/* longer labels are compared in part */
#define BODY_MAX	((uint64_t)1 << 40)	/* as in the option's table */

static const struct config_route *
find_section(const struct config *config, const struct route *route)
{
	for (size_t i = 0; i < config->route_count; i++) {
		const struct config_route *section = &config->routes[i];

		if (strcmp(section->method, route->method) == 0 &&
		    strcmp(section->path, route->path) == 0)
			return section;
	}
	return NULL;
}

static int
find_pool(const struct config *config, const char *name, uint32_t *out)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		if (strcmp(config->pools[i].name, name) == 0) {
			*out = (uint32_t)i;
			return 0;
		}
	}
	return -1;
}

/* By default as long as both its parts may take.  A stream has one only where
 * its own section says so. */
static uint64_t
deadline_of(const struct config *config, const struct config_route *section,
    const struct route *route)
{
	uint64_t queue_ms = config->pools[route->pool].queue_timeout_ms;
	uint64_t deadline_ms = route->stream ? 0 : config->deadline_ms;

	if (section != NULL && section->deadline_ms != CONFIG_UNSET)
		deadline_ms = (uint64_t)section->deadline_ms;
	if (deadline_ms != 0 || route->timeout_ms == 0 || queue_ms == 0)
		return deadline_ms;
	return route->timeout_ms + queue_ms;
}

static int
apply_body_limit(const struct config *config,
    const struct config_route *section, struct route *route,
    const struct fh_route *from, struct err *err)
{
	if (from->body_limit > BODY_MAX)
		return err_set(err, "route \"%s\" has a body_limit over 1 TiB",
		    route->label);
	route->body_limit = from->body_limit != 0 ? from->body_limit :
	    config->body_limit;
	if (section != NULL && section->body_limit != CONFIG_UNSET)
		route->body_limit = (size_t)section->body_limit;
	return 0;
}

/* What is said of its jobs, here or for all routes. */
static void
apply_job(const struct config *config, const struct config_route *section,
    struct route *route)
{
	route->job_attempts = config->jobs_attempts;
	route->job_retry_ms = config->jobs_retry_ms;
	route->job_keep_ms = config->jobs_keep_ms;
	if (section == NULL)
		return;
	if (section->job_concurrency != CONFIG_UNSET)
		route->job_concurrency = (uint32_t)section->job_concurrency;
	if (section->job_priority != CONFIG_UNSET)
		route->job_priority = (uint32_t)section->job_priority;
	if (section->job_attempts != CONFIG_UNSET)
		route->job_attempts = (uint32_t)section->job_attempts;
	if (section->job_retry_ms != CONFIG_UNSET)
		route->job_retry_ms = (uint64_t)section->job_retry_ms;
	if (section->job_keep_ms != CONFIG_UNSET)
		route->job_keep_ms = (uint64_t)section->job_keep_ms;
}

/* The section of the configuration wins over the handler's table, and both over
 * what holds for all. */
static int
apply_auth(const struct config *config, const struct config_route *section,
    struct route *route, const struct fh_route *from, struct err *err)
{
	const char *auth = from->auth != NULL ? from->auth :
	    config->default_auth;
	struct err why;

	route->scopes = from->scopes;
	if (section != NULL && section->auth != NULL)
		auth = section->auth;
	if (section != NULL && section->scopes != NULL)
		route->scopes = section->scopes;
	if (auth != NULL && config_auth_find(config, auth, &route->auths,
	    &why) < 0)
		return err_set(err, "route \"%.100s\": auth: %.300s",
		    route->label, why.text);
	if (route->scopes != NULL && config_scopes_check(route->scopes,
	    &why) < 0)
		return err_set(err, "route \"%.100s\": scopes: %.300s",
		    route->label, why.text);
	if (auth != NULL && route->auths == 0)
		route->scopes = NULL;	/* "none" was somebody's wish */
	if (route->scopes == NULL || route->auths != 0)
		return 0;
	return err_set(err, "route \"%.100s\" wants scopes, but no auth that "
	    "could have some: give it one", route->label);
}

/* Of the configuration, else of the handler; what it means is checked. */
static int
apply_cache(struct route *route, const struct config_route *section,
    const char *text, struct err *err)
{
	if (text != NULL && config_parse_time(text, &route->cache_ms) < 0)
		return err_set(err, "route \"%s\": cache \"%.64s\" is no "
		    "time, such as \"60s\"", route->label, text);
	if (section != NULL && section->cache_ms != CONFIG_UNSET)
		route->cache_ms = (uint64_t)section->cache_ms;
	route->cache_refresh = section != NULL && section->cache_refresh == 1;
	if (route->cache_ms == 0)
		return 0;
	if (strcmp(route->method, "GET") != 0 &&
	    strcmp(route->method, "POST") != 0)
		return err_set(err, "route \"%s\" cannot have a cache, which "
		    "is for GET and POST", route->label);
	if (route->stream || route->job)
		return err_set(err, "route \"%s\" is a %s, and cannot have a "
		    "cache", route->label, route->stream ? "stream" : "job");
	return 0;
}

static int
check_stream(const struct route *route, struct err *err)
{
	if (!route->async)
		return err_set(err, "route \"%s\" is a stream, and a sync "
		    "route cannot be one: tag it .async = true", route->label);
	if (route->job)
		return err_set(err, "route \"%s\" is a job, whose result is "
		    "kept whole: it cannot be a stream", route->label);
	return 0;
}

/* Nothing here acts on it: nginx/ says it. */
static void
apply_rate(struct route *route, const struct config_route *section)
{
	route->rate = section != NULL ? section->rate : NULL;
	route->rate_burst = 0;
	if (section != NULL && section->rate_burst != CONFIG_UNSET)
		route->rate_burst = (uint32_t)section->rate_burst;
}

int
handler_apply_route(const struct config *config, struct route *route,
    const struct fh_route *from, struct err *err)
{
	const struct config_route *section = find_section(config, route);
	const char *pool = from->pool;

	if (apply_body_limit(config, section, route, from, err) < 0 ||
	    apply_auth(config, section, route, from, err) < 0)
		return -1;
	route->job = from->job;
	route->async = route->async_tag = from->async || from->job;
	route->timeout_ms = from->timeout_ms != 0 ? from->timeout_ms :
	    route->stream ? 0 : config->timeout_ms;
	route->max_concurrent = from->max_concurrent;
	route->reserve = 0;
	route->sync_warn_ms = config->sync_warn_ms;
	route->server_timing = config->server_timing;
	route->cors = config_cors_of(config, section);
	if (section != NULL) {
		if (section->async != CONFIG_UNSET)
			route->async = section->async != 0 || route->job;
		if (section->pool != NULL)
			pool = section->pool;
		if (section->timeout_ms != CONFIG_UNSET)
			route->timeout_ms = (uint64_t)section->timeout_ms;
		if (section->sync_warn_ms != CONFIG_UNSET)
			route->sync_warn_ms = (uint64_t)section->sync_warn_ms;
		if (section->max_concurrent != CONFIG_UNSET)
			route->max_concurrent =
			    (uint32_t)section->max_concurrent;
		if (section->reserve != CONFIG_UNSET)
			route->reserve = (uint32_t)section->reserve;
		if (section->server_timing != CONFIG_UNSET)
			route->server_timing = section->server_timing != 0;
	}
	if (apply_cache(route, section, from->cache, err) < 0)
		return -1;
	if (route->stream && check_stream(route, err) < 0)
		return -1;
	apply_job(config, section, route);
	apply_rate(route, section);
	route->pool = 0;
	if (pool == NULL || find_pool(config, pool, &route->pool) == 0 ||
	    !route->async) {
		/* A sync route needs no pool, until it is made async. */
		route->deadline_ms = deadline_of(config, section, route);
		return 0;
	}
	return err_set(err, "route \"%s\" wants pool \"%s\", which the "
	    "configuration does not have: add pool \"%s\" { } or give the "
	    "route another", route->label, pool, pool);
}

/* ----------------------------------------------------- what has no use */

/* How many letters to change, add or take away (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[DISTANCE_TEXT + 1], length = strnlen(b, DISTANCE_TEXT);

	for (size_t k = 0; k <= length; k++)
		row[k] = k;
	for (size_t i = 0; a[i] != '\0' && i < DISTANCE_TEXT; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t k = 1; k <= length; k++) {
			size_t best = corner + (a[i] != b[k - 1]);

			corner = row[k];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			row[k] = best;
		}
	}
	return row[length];
}

/* The nearest routes, best first: how many were found. */
static size_t
nearest_routes(const struct handler_set *set, const char *label,
    const struct route *out[NEAREST_MAX])
{
	size_t far[NEAREST_MAX], count = 0, limit = strlen(label) / 4 + 1;

	for (size_t i = 0; i < set->route_count; i++) {
		size_t here = distance(label, set->routes[i].label);
		size_t at = count;

		if (here > limit)
			continue;
		while (at > 0 && far[at - 1] > here)
			at--;
		if (at == NEAREST_MAX)
			continue;
		if (count < NEAREST_MAX)
			count++;
		for (size_t k = count - 1; k > at; k--) {
			far[k] = far[k - 1];
			out[k] = out[k - 1];
		}
		far[at] = here;
		out[at] = &set->routes[i];
	}
	return count;
}

/* Where a sentence goes, and the file it is about. */
struct reporter {
	const char	*file;
	handler_report	*report;
	void		*context;
};

static void __attribute__((format(printf, 3, 4)))
complain(const struct reporter *to, unsigned line, const char *format, ...)
{
	char sentence[1024];
	int length;
	va_list ap;

	length = snprintf(sentence, sizeof(sentence), "%s:%u: ",
	    to->file != NULL ? to->file : "configuration", line);
	if (length < 0 || (size_t)length >= sizeof(sentence))
		return;
	va_start(ap, format);
	vsnprintf(sentence + length, sizeof(sentence) - (size_t)length, format,
	    ap);
	va_end(ap);
	to->report(to->context, NULL, sentence);
}

static void
check_route_section(const struct handler_set *set,
    const struct config_route *section, const struct reporter *to)
{
	const struct route *nearest[NEAREST_MAX];
	char label[512], list[512] = "";
	size_t count, length = 0;

	for (size_t i = 0; i < set->route_count; i++) {
		if (find_section(set->config, &set->routes[i]) == section)
			return;
	}
	snprintf(label, sizeof(label), "%s %s", section->method, section->path);
	count = nearest_routes(set, label, nearest);
	for (size_t i = 0; i < count && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length,
		    sizeof(list) - length, "%s\"%s\"", i > 0 ? ", " : "",
		    nearest[i]->label);
	if (count > 0)
		complain(to, section->line, "route \"%s\": no loaded handler "
		    "has this route; near: %s", label, list);
	else
		complain(to, section->line, "route \"%s\": no loaded handler "
		    "has a route like it", label);
}

/* Those sections that name their pool were looked at when the file was read
 * (config_check.c); here it is known where each route runs. */
static void
check_reserves(const struct handler_set *set, uint32_t pool,
    const struct reporter *to)
{
	const struct config_pool *config = &set->config->pools[pool];
	const struct route *last = NULL;
	uint64_t kept = 0;

	for (size_t i = 0; i < set->route_count; i++) {
		const struct route *route = &set->routes[i];

		if (!route->async || route->pool != pool ||
		    route->reserve == 0)
			continue;
		kept += route->reserve;
		last = route;
	}
	if (kept >= config->workers && last != NULL)
		complain(to, find_section(set->config, last)->line, "route "
		    "\"%s\": reserve: %llu workers of pool \"%s\" are kept "
		    "for its routes, which has %u; one at least must be left "
		    "to all: lower them or raise workers", last->label,
		    (unsigned long long)kept, config->name, config->workers);
}

/* Nobody would come to them: front_dispatch.c. */
static void
check_jobs_path(const struct handler_set *set, const struct reporter *to)
{
	const char *path = set->config->jobs_path;
	size_t length = handler_set_jobs(set) == 0 ? 0 : strlen(path);

	if (length == 0)
		return;
	for (size_t i = 0; i < set->route_count; i++) {
		const struct route *route = &set->routes[i];

		if (strncmp(route->path, path, length) == 0 &&
		    (route->path[length] == '\0' ||
		    route->path[length] == '/'))
			complain(to, 0, "jobs_path: \"%s\" is where jobs are "
			    "asked for, so route \"%s\" of handler %s is not "
			    "reached: change one of them", path, route->label,
			    route->handler->name);
	}
}

static void
check_model_section(const struct handler_set *set,
    const struct config_model *section, const struct reporter *to)
{
	const struct fh_model_def *def = handler_set_model_def(set,
	    section->name, NULL);

	if (section->kind == CONFIG_MODEL_BUILD &&
	    (def == NULL || def->build == NULL))
		complain(to, section->line, "model \"%s\": kind = build, but "
		    "no loaded handler has a build function for it",
		    section->name);
	if (section->kind == CONFIG_MODEL_PRELOAD &&
	    (def == NULL || def->preload == NULL))
		complain(to, section->line, "model \"%s\": kind = preload, "
		    "but no loaded handler has a preload function for it",
		    section->name);
}

static void
check_handler_section(const struct handler_set *set,
    const struct config_handler *section, const struct reporter *to)
{
	for (size_t i = 0; i < set->handler_count; i++) {
		if (strcmp(set->handlers[i].name, section->name) == 0)
			return;
	}
	complain(to, section->line, "handler \"%s\": no file in %s is a "
	    "handler of that name", section->name, set->config->handlers);
}

void
handler_apply_report(const struct handler_set *set, handler_report *report,
    void *context)
{
	const struct config *config = set->config;
	const struct reporter to = { config->file, report, context };

	for (size_t i = 0; i < config->route_count; i++)
		check_route_section(set, &config->routes[i], &to);
	for (uint32_t i = 0; i < config->pool_count; i++)
		check_reserves(set, i, &to);
	check_jobs_path(set, &to);
	for (size_t i = 0; i < config->model_count; i++)
		check_model_section(set, &config->models[i], &to);
	for (size_t i = 0; i < config->handler_count; i++)
		check_handler_section(set, &config->handler_sections[i], &to);
}
