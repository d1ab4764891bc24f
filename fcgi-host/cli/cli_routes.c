/*
 * cli_routes.c - `fcgi-host routes`: what would be served, and how.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: it shows the routes as the configuration leaves them, and says
 * which files it could not load.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "common/handler_set.h"
#include "common/log.h"

#define COLUMNS		10
#define TEXT_MAX	24

/* What is printed for one route; numbers are made in `texts`. */
struct line {
	const char	*columns[COLUMNS];
	char		 texts[3][TEXT_MAX];
	char		 auth[2 * TEXT_MAX];
};

static void
print_time(char out[TEXT_MAX], uint64_t ms)
{
	if (ms == 0)
		snprintf(out, TEXT_MAX, "-");
	else if (ms % 1000 == 0)
		snprintf(out, TEXT_MAX, "%llus",
		    (unsigned long long)(ms / 1000));
	else
		snprintf(out, TEXT_MAX, "%llums", (unsigned long long)ms);
}

/* In the largest unit that leaves no rest: "8M". */
static void
print_size(char out[TEXT_MAX], size_t bytes)
{
	static const char units[] = "KMGT";
	size_t unit = 0;

	for (; units[unit] != '\0' && bytes > 0 && bytes % 1024 == 0; unit++)
		bytes /= 1024;
	snprintf(out, TEXT_MAX, "%zu%.1s", bytes,
	    unit == 0 ? "" : &units[unit - 1]);
}

/* The section that lets a client in, and how many more do. */
static const char *
name_auth(const struct route *route, const struct config *config,
    char out[2 * TEXT_MAX])
{
	const char *first = NULL;
	unsigned more = 0;

	for (size_t i = 0; i < config->auth_count; i++) {
		if ((route->auths & UINT32_C(1) << i) == 0)
			continue;
		more += first != NULL;
		if (first == NULL)
			first = config->auths[i].name;
	}
	if (first == NULL)
		return "-";
	if (more == 0)
		return first;
	snprintf(out, (size_t)2 * TEXT_MAX, "%.16s +%u", first, more);
	return out;
}

static void
fill(struct line *line, const struct route *route, const struct config *config)
{
	print_time(line->texts[0], route->timeout_ms);
	snprintf(line->texts[1], TEXT_MAX, "%u", route->max_concurrent);
	print_size(line->texts[2], route->body_limit);
	line->columns[0] = route->method;
	line->columns[1] = route->path;
	line->columns[2] = route->job ? "job" : route->stream ? "stream" :
	    route->async ? "async" : "sync";
	line->columns[3] = route->async ? config->pools[route->pool].name :
	    "-";
	line->columns[4] = route->async ? line->texts[0] : "-";
	line->columns[5] = route->max_concurrent == 0 ? "-" : line->texts[1];
	line->columns[6] = line->texts[2];
	line->columns[7] = name_auth(route, config, line->auth);
	line->columns[8] = route->handler->name;
	line->columns[9] = route->summary;
}

static int
compare_routes(const void *a, const void *b)
{
	const struct route *const *left = a, *const *right = b;
	int order = strcmp((*left)->path, (*right)->path);

	return order != 0 ? order :
	    strcmp((*left)->method, (*right)->method);
}

/* The routes by path, so that the methods of one path stand together. */
static const struct route **
sort_routes(const struct handler_set *set)
{
	const struct route **sorted = calloc(set->route_count + 1,
	    sizeof(struct route *));

	if (sorted == NULL)
		return NULL;
	for (size_t i = 0; i < set->route_count; i++)
		sorted[i] = &set->routes[i];
	qsort(sorted, set->route_count, sizeof(struct route *),
	    compare_routes);
	return sorted;
}

static void
measure(const struct line *line, size_t widths[COLUMNS])
{
	for (size_t k = 0; k < COLUMNS; k++) {
		size_t width = strlen(line->columns[k]);

		if (width > widths[k])
			widths[k] = width;
	}
}

/* Nothing follows the last column that has something. */
static void
print_line(const struct line *line, const size_t widths[COLUMNS])
{
	size_t last = COLUMNS - 1;

	while (last > 0 && line->columns[last][0] == '\0')
		last--;
	for (size_t k = 0; k < last; k++)
		printf("%-*s  ", (int)widths[k], line->columns[k]);
	printf("%s\n", line->columns[last]);
}

static void
print_table(const struct handler_set *set, const struct route **routes)
{
	const struct line title = { .columns = { "METHOD", "PATH", "TAG",
	    "POOL", "TIMEOUT", "MAX", "BODY", "AUTH", "HANDLER",
	    "SUMMARY" } };
	size_t widths[COLUMNS] = { 0 };
	struct line line;

	measure(&title, widths);
	for (size_t i = 0; i < set->route_count; i++) {
		fill(&line, routes[i], set->config);
		measure(&line, widths);
	}
	print_line(&title, widths);
	for (size_t i = 0; i < set->route_count; i++) {
		fill(&line, routes[i], set->config);
		print_line(&line, widths);
	}
}

/* ----------------------------------------------------------------- JSON */

static void
add(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, value);
}

/* The sections that let a client in; none: whoever it is. */
static struct json_object *
auth_of(const struct route *route, const struct config *config)
{
	struct json_object *names = json_object_new_array();

	for (size_t i = 0; i < config->auth_count; i++)
		if ((route->auths & UINT32_C(1) << i) != 0)
			json_object_array_add(names, json_object_new_string(
			    config->auths[i].name));
	return names;
}

/* Of pages that may read replies; none: nothing is said of them. */
static struct json_object *
origins_of(const struct route *route)
{
	struct json_object *list = json_object_new_array();
	char *const *origin = route->cors.origins;

	for (; origin != NULL && *origin != NULL; origin++)
		json_object_array_add(list, json_object_new_string(*origin));
	return list;
}

static struct json_object *
json_of(const struct route *route, const struct config *config)
{
	struct json_object *json = json_object_new_object();

	add(json, "method", json_object_new_string(route->method));
	add(json, "path", json_object_new_string(route->path));
	add(json, "async", json_object_new_boolean(route->async));
	add(json, "stream", json_object_new_boolean(route->stream));
	add(json, "async_in_handler",
	    json_object_new_boolean(route->async_tag));
	add(json, "pool", json_object_new_string(
	    config->pools[route->pool].name));
	add(json, "timeout_ms",
	    json_object_new_int64((int64_t)route->timeout_ms));
	add(json, "deadline_ms",
	    json_object_new_int64((int64_t)route->deadline_ms));
	add(json, "sync_warn_ms",
	    json_object_new_int64((int64_t)route->sync_warn_ms));
	add(json, "max_concurrent",
	    json_object_new_int64(route->max_concurrent));
	add(json, "job", json_object_new_boolean(route->job));
	add(json, "reserve", json_object_new_int64(route->reserve));
	add(json, "body_limit",
	    json_object_new_int64((int64_t)route->body_limit));
	add(json, "auth", auth_of(route, config));
	add(json, "cors_origins", origins_of(route));
	add(json, "scopes", json_object_new_string(
	    route->scopes != NULL ? route->scopes : ""));
	add(json, "cache_ms",
	    json_object_new_int64((int64_t)route->cache_ms));
	add(json, "handler", json_object_new_string(route->handler->name));
	add(json, "handler_version", route->handler->desc.version == NULL ?
	    NULL : json_object_new_string(route->handler->desc.version));
	add(json, "file", json_object_new_string(route->handler->file));
	add(json, "summary", json_object_new_string(route->summary));
	return json;
}

static void
print_json(const struct handler_set *set, const struct route **routes)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < set->route_count; i++)
		json_object_array_add(list, json_of(routes[i], set->config));
	puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
	    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(list);
}

/* ----------------------------------------------------------------- main */

static int
show(const struct config *config, bool json)
{
	const struct route **routes;
	struct handler_set *set;
	unsigned reports = 0;
	struct err err;

	set = handler_set_load(config, NULL, cli_count_report, &reports, &err);
	if (set == NULL)
		return cli_usage_error("routes", "%s", err.text);
	routes = sort_routes(set);
	if (routes != NULL)
		(json ? print_json : print_table)(set, routes);
	free(routes);
	handler_set_free(set);
	if (routes == NULL)
		return EXIT_CODE_SYSTEM;
	return reports == 0 ? 0 : EXIT_CODE_CONFIG;
}

int
cli_routes(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ '\0', "json", NULL, "prints a JSON list", .flag = &json },
	};
	const struct cli_command command = { "routes", "", 0, 0,
	    "Loads the handlers and prints every route as it would be served: "
	    "with the\nconfiguration over what the handlers say.  Files that "
	    "cannot be loaded, and\nsections of routes that no handler has, "
	    "are named on stderr, and the exit code\nis 100.",
	    options, sizeof(options) / sizeof(options[0]) };
	struct config *config;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	log_init("routes");
	config = cli_config_load(file);
	if (config == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = show(config, json);
	config_free(config);
	return exit_code;
}
