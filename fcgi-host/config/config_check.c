/*
 * config_check.c - what a value alone cannot show.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: a fault is told once, and not again as its consequence: what rests
 * on a statement that is itself faulty is not judged.
 */
#include "config/config_values.h"

#include <stdio.h>
#include <string.h>

#include "config/config_suggest.h"
#include "config/config_value.h"

#define OWN_PATH_MAX	200	/* bytes */
#define RUNNING_MAX	65536	/* requests at a time, over all pools */

unsigned
config_line_of(const struct config_instance *instance, const char *name)
{
	const struct config_section *section = &config_sections[instance->kind];
	const struct config_option *option = config_table_find(section, name,
	    strlen(name));

	return instance->lines[option - section->options];
}

static unsigned
top_line(const struct config_statements *statements, const char *name)
{
	return config_line_of(&statements->list[0], name);
}

/* Reports a conflict of two options at the one that stands in the file. */
static void
report_pair(const struct config_statements *statements,
    struct config_faults *faults, const char *first, const char *second,
    const char *sentence)
{
	unsigned line = top_line(statements, first);

	if (line != 0)
		config_fault(faults, line, first, "%s", sentence);
	else
		config_fault(faults, top_line(statements, second), second,
		    "%s", sentence);
}

static void
check_required(const struct config_instance *instance,
    struct config_faults *faults)
{
	const struct config_option *options =
	    config_sections[instance->kind].options;
	char key[CONFIG_KEY_MAX];

	config_instance_key(instance, key);
	for (size_t i = 0; options[i].name != NULL; i++)
		if (options[i].required && instance->lines[i] == 0)
			config_fault(faults, instance->line, key, "%s is "
			    "missing: add %s = VALUE", options[i].name,
			    options[i].name);
}

static void
check_sizes(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	if (config->header_limit > config->reply_space)
		report_pair(statements, faults, "header_limit", "reply_space",
		    "header_limit is over reply_space, through which a header "
		    "must fit: make one of them fit");
	if (config->header_limit > config->sync_reply_limit)
		report_pair(statements, faults, "header_limit",
		    "sync_reply_limit", "header_limit is over "
		    "sync_reply_limit: make one of them fit");
}

static void
check_sockets(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	if (strncmp(config->listen, "unix:", 5) == 0 &&
	    strcmp(config->listen + 5, config->control) == 0)
		report_pair(statements, faults, "control", "listen",
		    "listen and control are the same socket: use two paths");
}

/* "...password=x", or "...://user:x@...". */
static bool
has_password(const char *database)
{
	const char *user = strstr(database, "://"), *at, *colon;

	if (strstr(database, "password=") != NULL ||
	    strstr(database, "password =") != NULL)
		return true;
	if (user == NULL)
		return false;
	user += 3;
	at = strchr(user, '@');
	colon = strchr(user, ':');
	return at != NULL && colon != NULL && colon < at &&
	    at < user + strcspn(user, "/?");
}

static void
check_secrets(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	if (config->jobs_database != NULL &&
	    has_password(config->jobs_database))
		config_fault(faults, top_line(statements, "jobs_database"),
		    "jobs_database", "has a password in it, for all who can "
		    "read this file: put it into a file that PGPASSFILE or "
		    "passfile= names");
	if (config->jobs_webhooks != NULL &&
	    config->jobs_webhook_secret == NULL)
		config_fault(faults, top_line(statements, "jobs_webhooks"),
		    "jobs_webhooks", "are not signed: set "
		    "jobs_webhook_secret, too");
}

static void
check_addresses(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	if (config->allow_addresses == NULL && faults->count == 0)
		config_fault(faults, top_line(statements, "allow_addresses"),
		    "allow_addresses", "is empty and lets nobody in: name the "
		    "web server's address, or remove the line for the "
		    "default");
}

/* A path that the host serves: one that a request can have as it is. */
static void
check_own_path(const struct config_statements *statements, const char *name,
    const char *path, struct config_faults *faults)
{
	if (path == NULL)
		return;
	if (path[0] != '/' || strpbrk(path, "{}?#%\\\" ") != NULL)
		config_fault(faults, top_line(statements, name), name,
		    "\"%.80s\" is no path to serve: write one such as "
		    "\"/openapi.json\", without '{', '?', '#', '%%' and "
		    "blanks", path);
	else if (path[1] == '\0' || path[strlen(path) - 1] == '/' ||
	    strlen(path) > OWN_PATH_MAX)
		config_fault(faults, top_line(statements, name), name,
		    "is to have a last part without a '/' after it, and %d "
		    "bytes at most", OWN_PATH_MAX);
}

static void
check_body_files(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	const char *path = config->body_files;
	struct err err;

	if (path == NULL)
		return;
	if (config_path_check(path, "a path", CONFIG_PATH_MAX, &err) < 0)
		config_fault(faults, top_line(statements, "body_files"),
		    "body_files", "%s", err.text);
	else if (path[strlen(path) - 1] == '/')
		config_fault(faults, top_line(statements, "body_files"),
		    "body_files", "is a folder: write it without the last "
		    "'/'");
}

static void
check_pages(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	check_own_path(statements, "openapi_path", config->openapi_path,
	    faults);
	check_own_path(statements, "docs_path", config->docs_path, faults);
	check_own_path(statements, "jobs_path", config->jobs_path, faults);
	check_own_path(statements, "metrics", config->metrics, faults);
	check_own_path(statements, "livez", config->livez, faults);
	check_own_path(statements, "readyz", config->readyz, faults);
	if (config->docs_path == NULL)
		return;
	if (config->openapi_path == NULL)
		config_fault(faults, top_line(statements, "docs_path"),
		    "docs_path", "is a page on the document, which is not "
		    "served: set openapi_path, too");
	else if (strcmp(config->docs_path, config->openapi_path) == 0)
		report_pair(statements, faults, "docs_path", "openapi_path",
		    "docs_path and openapi_path are the same: use two paths");
}

/* ------------------------------------------------------------------ pools */

/* Can the names of the file's pools all be trusted? */
static bool
pools_are_named(const struct config *config,
    const struct config_statements *statements)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pools[i].name == NULL)
			return false;
	return statements->counts[CONFIG_SECTION_POOL] <=
	    config_sections[CONFIG_SECTION_POOL].most;
}

static bool
pool_exists(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->pool_count; i++)
		if (strcmp(config->pools[i].name, name) == 0)
			return true;
	return false;
}

/* "default, slow": the pools there are, but for ill-named ones. */
static void
list_pools(const struct config *config, char *out, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < config->pool_count && length < size; i++)
		if (config_title_check(CONFIG_SECTION_POOL,
		    config->pools[i].name, NULL) == 0)
			length += (size_t)snprintf(out + length,
			    size - length, "%s%s", i == 0 ? "" : ", ",
			    config->pools[i].name);
}

static void
check_route_pools(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	char names[256] = "";
	size_t index = 0;

	list_pools(config, names, sizeof(names));
	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *instance = &statements->list[i];
		const char *pool;

		if (instance->kind != CONFIG_SECTION_ROUTE)
			continue;
		pool = config->routes[index++].pool;
		if (pool != NULL && !pool_exists(config, pool))
			config_fault(faults, config_line_of(instance, "pool"),
			    "pool", "there is no pool \"%s\": add pool "
			    "\"%s\" { } or use one of: %s", pool, pool,
			    names);
	}
}

/* What the routes that are said to run in a pool keep of its workers; reported
 * at the last.  Where others run, only their handlers know. */
static void
check_reserves(const struct config *config, const struct config_pool *pool,
    const struct config_statements *statements, struct config_faults *faults)
{
	uint64_t kept = 0;
	size_t index = 0;
	unsigned line = 0;

	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *instance = &statements->list[i];
		const struct config_route *route;

		if (instance->kind != CONFIG_SECTION_ROUTE)
			continue;
		route = &config->routes[index++];
		if (route->pool == NULL || route->reserve <= 0 ||
		    route->async == 0 || strcmp(route->pool, pool->name) != 0)
			continue;
		kept += (uint64_t)route->reserve;
		line = config_line_of(instance, "reserve");
	}
	if (kept >= pool->workers && line != 0)
		config_fault(faults, line, "reserve", "%llu workers of pool "
		    "\"%s\" are kept for its routes, which has %u; one at "
		    "least must be left to all: lower them or raise workers",
		    (unsigned long long)kept, pool->name, pool->workers);
}

/* Reported at the pool that asks for most. */
static void
check_running(const struct config *config, struct config_faults *faults)
{
	const struct config_pool *most = &config->pools[0];
	uint64_t total = 0;

	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		total += (uint64_t)pool->workers * pool->threads;
		if ((uint64_t)pool->workers * pool->threads >
		    (uint64_t)most->workers * most->threads)
			most = pool;
	}
	if (total > RUNNING_MAX)
		config_fault(faults, most->line, "threads", "all pools "
		    "together have %llu threads; at most %d are possible: "
		    "lower workers or threads", (unsigned long long)total,
		    RUNNING_MAX);
}

/* Bounds that are the wrong way round, told where the file has one of them. */
static void
check_bounds(struct config *config, const struct config_statements *statements,
    struct config_faults *faults)
{
	size_t index = 0;

	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *instance = &statements->list[i];
		const struct config_pool *pool;
		unsigned line;

		if (instance->kind != CONFIG_SECTION_POOL)
			continue;
		pool = config_values_base(config, statements, instance,
		    index++);
		line = config_line_of(instance, "min_workers");
		if (pool->scaling == CONFIG_SCALING_DYNAMIC && line != 0 &&
		    faults->count == 0 &&
		    pool->min_workers > pool->max_workers)
			config_fault(faults, line, "min_workers", "is over "
			    "max_workers, which is %u: lower it or raise "
			    "max_workers", pool->max_workers);
	}
}

void
config_check(struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	for (size_t i = 0; i < statements->count; i++)
		check_required(&statements->list[i], faults);
	check_body_files(config, statements, faults);
	check_pages(config, statements, faults);
	check_addresses(config, statements, faults);
	check_sizes(config, statements, faults);
	check_sockets(config, statements, faults);
	check_secrets(config, statements, faults);
	for (size_t i = 0; i < config->pool_count; i++)
		config_pool_settle(&config->pools[i]);
	check_bounds(config, statements, faults);
	check_running(config, faults);
	config_check_cors(config, statements, faults);
	config_check_auth(config, statements, faults);
	if (!pools_are_named(config, statements))
		return;
	check_route_pools(config, statements, faults);
	for (size_t i = 0; i < config->pool_count && faults->count == 0; i++)
		check_reserves(config, &config->pools[i], statements, faults);
}
