/*
 * cli_status.c - `fcgi-host status`: what a running host says of itself.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: --json prints the supervisor's document as it came; the tables
 * are made from the same document.
 */
#include <json-c/json.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/log.h"

/* ------------------------------------------------------------ the tables */

static bool
is_true(struct json_object *object, const char *key)
{
	return json_object_get_boolean(json_object_object_get(object, key));
}

static double
mebibytes(uint64_t bytes)
{
	return (double)bytes / (1024.0 * 1024.0);
}

static void
print_pools(struct json_object *pools)
{
	printf("\n%-16s %-8s %8s %8s %8s %8s %8s %8s\n", "POOL", "SCALING",
	    "WORKERS", "RUNNING", "THREADS", "BUSY", "IDLE", "QUEUED");
	for (size_t i = 0; i < json_object_array_length(pools); i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i);

		printf("%-16s %-8s %8" PRIu64 " %8" PRIu64 " %8" PRIu64
		    " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
		    cli_text(pool, "name"), cli_text(pool, "scaling"),
		    cli_number(pool, "workers"), cli_number(pool, "running"),
		    cli_number(pool, "threads"),
		    cli_number(pool, "busy"), cli_number(pool, "idle"),
		    cli_number(pool, "queued"));
	}
}

static double
mean_ms(struct json_object *route, const char *key)
{
	uint64_t requests = cli_number(route, "requests");

	return requests == 0 ? 0 : (double)cli_number(route, key) /
	    (double)requests / 1e6;
}

static void
print_routes(struct json_object *routes)
{
	printf("\n%-32s %-5s %10s %6s %8s %9s %9s %9s\n", "ROUTE", "KIND",
	    "REQUESTS", "NOW", "5XX", "QUEUE ms", "RUN ms", "P95 ms");
	for (size_t i = 0; i < json_object_array_length(routes); i++) {
		struct json_object *route = json_object_array_get_idx(routes,
		    i);
		struct json_object *status = json_object_object_get(route,
		    "status");

		printf("%-32s %-5s %10" PRIu64 " %6" PRIu64 " %8" PRIu64
		    " %9.3f %9.3f %9.3f\n", cli_text(route, "route"),
		    json_object_get_boolean(json_object_object_get(route,
		    "async")) ? "async" : "sync",
		    cli_number(route, "requests"), cli_number(route,
		    "in_flight"), cli_number(status, "5xx"),
		    mean_ms(route, "queue_ns"), mean_ms(route, "run_ns"),
		    (double)cli_number(json_object_object_get(route,
		    "run_us"), "p95") / 1e3);
	}
}

/* What the host does otherwise with a route, since its handler failed. */
static void
print_faults(struct json_object *routes)
{
	for (size_t i = 0; i < json_object_array_length(routes); i++) {
		struct json_object *route = json_object_array_get_idx(routes,
		    i);
		const char *breaker = cli_text(route, "breaker");

		if (json_object_object_get(route, "demoted") != NULL)
			printf("%s: %s\n", cli_text(route, "route"),
			    cli_text(route, "demoted"));
		if (strcmp(breaker, "closed") != 0)
			printf("%s: its breaker is %s: %s\n",
			    cli_text(route, "route"), breaker,
			    strcmp(breaker, "held") == 0 ? "an operator has "
			    "taken it out of service" : "it crashed or timed "
			    "out too often");
	}
}

static void
print_reserves(struct json_object *routes)
{
	for (size_t i = 0; i < json_object_array_length(routes); i++) {
		struct json_object *route = json_object_array_get_idx(routes,
		    i);
		uint64_t kept = cli_number(route, "reserve");

		if (kept > 0)
			printf("%s: %" PRIu64 " worker%s of pool %s %s kept "
			    "for it\n", cli_text(route, "route"), kept,
			    kept == 1 ? "" : "s", cli_text(route, "pool"),
			    kept == 1 ? "is" : "are");
	}
}

static void
print_workers(struct json_object *workers)
{
	printf("\n%-6s %8s %-16s %-9s %5s %10s %12s %9s\n", "WORKER", "PID",
	    "POOL", "STATE", "BUSY", "REQUESTS", "PRIVATE MiB", "PSS MiB");
	for (size_t i = 0; i < json_object_array_length(workers); i++) {
		struct json_object *worker = json_object_array_get_idx(
		    workers, i);

		printf("%-6" PRIu64 " %8" PRIu64 " %-16s %-9s %5" PRIu64
		    " %10" PRIu64 " %12.1f %9.1f\n",
		    cli_number(worker, "slot"), cli_number(worker, "pid"),
		    cli_text(worker, "pool"), cli_text(worker, "state"),
		    cli_number(worker, "busy"), cli_number(worker, "requests"),
		    mebibytes(cli_number(worker, "private_bytes")),
		    mebibytes(cli_number(worker, "pss_bytes")));
	}
}

/* The oldest of those that run. */
static void
print_running(struct json_object *running)
{
	struct json_object *list = json_object_object_get(running, "oldest");
	size_t count = list == NULL ? 0 : json_object_array_length(list);

	if (count > 0)
		printf("\n%-9s %-6s %-24s %s\n", "RUNS s", "WORKER", "ROUTE",
		    "REQUEST");
	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		printf("%-9.1f %-6s %-24s %s\n",
		    (double)cli_number(one, "run_ms") / 1000,
		    is_true(one, "sync") ? "front" : cli_text(one, "worker"),
		    cli_text(one, "route"), cli_text(one, "id"));
	}
	if (count > 0 && cli_number(running, "count") > count)
		printf("... and %" PRIu64 " more\n",
		    cli_number(running, "count") - count);
}

static void
print_models(struct json_object *models)
{
	if (json_object_array_length(models) == 0)
		return;
	printf("\n%-20s %-8s %-7s %10s %8s %-16s\n", "MODEL", "KIND", "STATE",
	    "MiB", "SHARERS", "SHA-256");
	for (size_t i = 0; i < json_object_array_length(models); i++) {
		struct json_object *model = json_object_array_get_idx(models,
		    i);

		printf("%-20s %-8s %-7s %10.1f %8" PRIu64 " %.16s %s\n",
		    cli_text(model, "name"), cli_text(model, "kind"),
		    cli_text(model, "state"),
		    mebibytes(cli_number(model, "bytes")),
		    cli_number(model, "sharers"), cli_text(model, "sha256"),
		    json_object_object_get(model, "error") == NULL ? "" :
		    cli_text(model, "error"));
	}
}

static void
print_head(struct json_object *root)
{
	struct json_object *generation = json_object_object_get(root,
	    "generation");
	struct json_object *front = json_object_object_get(root, "front");

	printf("fcgi-host %s, %s on %s, up %" PRIu64 " s\n",
	    cli_text(root, "version"), cli_text(root, "state"),
	    cli_text(root, "listen"), cli_number(root, "uptime_ms") / 1000);
	printf("generation %" PRIu64 " (%s): %" PRIu64 " handlers, %" PRIu64
	    " routes; %" PRIu64 " connections, %" PRIu64 " requests\n",
	    cli_number(generation, "number"), cli_text(generation, "trigger"),
	    cli_number(generation, "handlers"),
	    cli_number(generation, "routes"),
	    cli_number(front, "connections"), cli_number(front, "requests"));
}

/* Sections of the configuration; files have a table of their own. */
static void
print_complaints(struct json_object *root)
{
	struct json_object *refused = json_object_object_get(
	    json_object_object_get(root, "generation"), "refused");
	struct json_object *files = json_object_object_get(root, "files");
	size_t skip = 0;

	for (size_t i = 0; i < json_object_array_length(files); i++)
		skip += json_object_object_get(json_object_array_get_idx(files,
		    i), "refused") != NULL;
	for (size_t i = skip; refused != NULL &&
	    i < json_object_array_length(refused); i++)
		printf("refused: %s\n", json_object_get_string(
		    json_object_array_get_idx(refused, i)));
}

static void
print_cache(struct json_object *cache)
{
	uint64_t hits = cli_number(cache, "hits");
	uint64_t reads = hits + cli_number(cache, "misses");

	if (cli_number(cache, "size_bytes") == 0)
		return;
	printf("cache: %.1f of %.1f MiB, %" PRIu64 " entries, %" PRIu64
	    " reads, %.0f %% hits, %" PRIu64 " writes, %" PRIu64
	    " evictions, %" PRIu64 " shards cleared\n",
	    mebibytes(cli_number(cache, "used_bytes")),
	    mebibytes(cli_number(cache, "size_bytes")),
	    cli_number(cache, "entries"), reads, reads == 0 ? 0 :
	    100.0 * (double)hits / (double)reads,
	    cli_number(cache, "writes"), cli_number(cache, "evictions"),
	    cli_number(cache, "cleared_shards"));
}

/* Only where some route is a job. */
static void
print_jobs(struct json_object *jobs)
{
	if (jobs == NULL)
		return;
	printf("jobs: %" PRIu64 " queued, %" PRIu64 " running, %" PRIu64
	    " of them here; %" PRIu64 " succeeded, %" PRIu64 " failed, %"
	    PRIu64 " cancelled are kept\n", cli_number(jobs, "queued"),
	    cli_number(jobs, "running"), cli_number(jobs, "here"),
	    cli_number(jobs, "succeeded"), cli_number(jobs, "failed"),
	    cli_number(jobs, "cancelled"));
}

/* Generations that are not the one that serves. */
static void
print_others(struct json_object *root)
{
	struct json_object *list = json_object_object_get(root,
	    "generations");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (strcmp(cli_text(one, "state"), "serving") != 0)
			printf("generation %" PRIu64 " is %s, with %" PRIu64
			    " connections\n", cli_number(one, "number"),
			    cli_text(one, "state"),
			    cli_number(one, "connections"));
	}
}

/* Said when it is not as one would expect. */
static void
print_watch(struct json_object *root)
{
	const char *state = cli_text(json_object_object_get(root, "reloads"),
	    "watch");

	if (strcmp(state, "on") != 0)
		printf("watch: %s; changes are taken by fcgi-host reload\n",
		    state);
}

/* What the host is short of. */
static void
print_degraded(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		char since[CLI_TIME_MAX];

		printf("degraded: %s, since %s: %s\n", cli_text(one, "what"),
		    cli_time(one, "since", since), cli_text(one, "detail"));
	}
}

static void
print_list(struct json_object *handler, const char *key)
{
	struct json_object *list = json_object_object_get(handler, key);

	if (list != NULL && json_object_array_length(list) > 0)
		printf(" %s", key);
	for (size_t i = 0; list != NULL && i < json_object_array_length(list);
	    i++)
		printf("%s%s", i == 0 ? " " : ", ", json_object_get_string(
		    json_object_array_get_idx(list, i)));
}

/* What it lacks, and who may more than others. */
static void
print_sandbox(struct json_object *root)
{
	struct json_object *sandbox = json_object_object_get(root, "sandbox");
	struct json_object *list = json_object_object_get(sandbox,
	    "handlers");

	if (sandbox == NULL)
		return;
	if (!is_true(sandbox, "on"))
		printf("sandbox: off\n");
	else if (cli_number(sandbox, "landlock") == 0)
		printf("sandbox: without Landlock, which this kernel lacks\n");
	for (size_t i = 0; is_true(sandbox, "on") &&
	    i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		printf("sandbox: %s may:%s%s", cli_text(one, "handler"),
		    is_true(one, "network") ? " network" : "",
		    is_true(one, "processes") ? " processes" : "");
		print_list(one, "syscalls");
		print_list(one, "read_paths");
		print_list(one, "write_paths");
		putchar('\n');
	}
}

static void
print_files(struct json_object *files)
{
	if (json_object_array_length(files) == 0)
		return;
	printf("\n%-24s %-11s %-12s %-12s %-16s %4s  %s\n", "FILE", "STATE",
	    "VERSION", "BUILD ID", "SINCE", "GEN.", "REFUSED");
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files,
		    i);
		struct json_object *refused = json_object_object_get(file,
		    "refused");
		char since[CLI_TIME_MAX];

		printf("%-24s %-11s %-12s %-12.12s %-16s %4" PRIu64 "  %s\n",
		    cli_text(file, "file"), cli_text(file, "state"),
		    cli_text(file, "version"), cli_text(file, "build_id"),
		    cli_time(file, "since", since),
		    cli_number(file, "generation"), refused == NULL ? "" :
		    cli_text(refused, "reason"));
	}
}

static int
print_status(struct json_object *root)
{
	struct json_object *totals = json_object_object_get(root, "totals");

	print_head(root);
	print_others(root);
	print_watch(root);
	print_jobs(json_object_object_get(root, "jobs"));
	print_degraded(json_object_object_get(root, "degraded"));
	print_cache(json_object_object_get(root, "cache"));
	print_sandbox(root);
	print_files(json_object_object_get(root, "files"));
	print_complaints(root);
	if (json_object_object_get(root, "front") != NULL) {
		print_pools(json_object_object_get(root, "pools"));
		print_routes(json_object_object_get(root, "routes"));
		print_faults(json_object_object_get(root, "routes"));
		print_reserves(json_object_object_get(root, "routes"));
		print_workers(json_object_object_get(root, "workers"));
		print_running(json_object_object_get(root, "running"));
	}
	print_models(json_object_object_get(root, "models"));
	printf("\n%" PRIu64 " processes: PSS %.1f MiB, private %.1f MiB; with "
	    "a copy of the models per worker %.1f MiB\n",
	    cli_number(totals, "processes"),
	    mebibytes(cli_number(totals, "pss_bytes")),
	    mebibytes(cli_number(totals, "private_bytes")),
	    mebibytes(cli_number(totals, "with_private_copies_bytes")));
	return 0;
}

int
cli_status(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'j', "json", NULL, "prints the whole document",
		    .flag = &json },
	};
	const struct cli_command command = { "status", "", 0, 0,
	    "Asks a running host, through its control socket, what it does.",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	return cli_ask_and_print(&command, file, "status",
	    json ? cli_print_json : print_status);
}
