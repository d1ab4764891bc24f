/*
 * cli_status.c - `fcgi-host status`: what a running host says of itself.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: --json prints the supervisor's document as it came; the tables
 * are made from the same document.
 */
#include <json-c/json.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "common/log.h"

#define ANSWER_MAX	(64u << 20)

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Everything up to the end, NUL-terminated; NULL with errno. */
static char *
read_answer(int fd)
{
	size_t have = 0, size = 65536;
	char *text = malloc(size);

	while (text != NULL) {
		ssize_t got = read(fd, text + have, size - have - 1);
		char *grown;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			text[have] = '\0';
			return text;
		}
		have += (size_t)got;
		if (have < size - 1)
			continue;
		grown = size < ANSWER_MAX ? realloc(text, size *= 2) : NULL;
		if (grown == NULL) {
			free(text);
			return NULL;
		}
		text = grown;
	}
	return NULL;
}

static char *
ask(const char *path)
{
	static const char request[] = "status\n";
	int fd = connect_to(path);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(request) - 1)
		text = read_answer(fd);
	close(fd);
	return text;
}

/* ------------------------------------------------------------ the tables */

static const char *
text_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);

	return value == NULL ? "-" : json_object_get_string(value);
}

static uint64_t
number_of(struct json_object *object, const char *key)
{
	return (uint64_t)json_object_get_int64(json_object_object_get(object,
	    key));
}

static double
mebibytes(uint64_t bytes)
{
	return (double)bytes / (1024.0 * 1024.0);
}

static void
print_pools(struct json_object *pools)
{
	printf("\n%-16s %8s %8s %8s %8s %8s\n", "POOL", "WORKERS", "THREADS",
	    "BUSY", "IDLE", "QUEUED");
	for (size_t i = 0; i < json_object_array_length(pools); i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i);

		printf("%-16s %8" PRIu64 " %8" PRIu64 " %8" PRIu64
		    " %8" PRIu64 " %8" PRIu64 "\n", text_of(pool, "name"),
		    number_of(pool, "workers"), number_of(pool, "threads"),
		    number_of(pool, "busy"), number_of(pool, "idle"),
		    number_of(pool, "queued"));
	}
}

static double
mean_ms(struct json_object *route, const char *key)
{
	uint64_t requests = number_of(route, "requests");

	return requests == 0 ? 0 : (double)number_of(route, key) /
	    (double)requests / 1e6;
}

static void
print_routes(struct json_object *routes)
{
	printf("\n%-32s %-5s %10s %6s %8s %10s %10s\n", "ROUTE", "KIND",
	    "REQUESTS", "NOW", "5XX", "QUEUE ms", "RUN ms");
	for (size_t i = 0; i < json_object_array_length(routes); i++) {
		struct json_object *route = json_object_array_get_idx(routes,
		    i);
		struct json_object *status = json_object_object_get(route,
		    "status");

		printf("%-32s %-5s %10" PRIu64 " %6" PRIu64 " %8" PRIu64
		    " %10.3f %10.3f\n", text_of(route, "route"),
		    json_object_get_boolean(json_object_object_get(route,
		    "async")) ? "async" : "sync",
		    number_of(route, "requests"), number_of(route,
		    "in_flight"), number_of(status, "5xx"),
		    mean_ms(route, "queue_ns"), mean_ms(route, "run_ns"));
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
		    number_of(worker, "slot"), number_of(worker, "pid"),
		    text_of(worker, "pool"), text_of(worker, "state"),
		    number_of(worker, "busy"), number_of(worker, "requests"),
		    mebibytes(number_of(worker, "private_bytes")),
		    mebibytes(number_of(worker, "pss_bytes")));
	}
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
		    text_of(model, "name"), text_of(model, "kind"),
		    text_of(model, "state"),
		    mebibytes(number_of(model, "bytes")),
		    number_of(model, "sharers"), text_of(model, "sha256"),
		    json_object_object_get(model, "error") == NULL ? "" :
		    text_of(model, "error"));
	}
}

static void
print_head(struct json_object *root)
{
	struct json_object *generation = json_object_object_get(root,
	    "generation");
	struct json_object *refused = json_object_object_get(generation,
	    "refused");
	struct json_object *front = json_object_object_get(root, "front");

	printf("fcgi-host %s, %s on %s, up %" PRIu64 " s\n",
	    text_of(root, "version"), text_of(root, "state"),
	    text_of(root, "listen"), number_of(root, "uptime_ms") / 1000);
	printf("generation %" PRIu64 ": %" PRIu64 " handlers, %" PRIu64
	    " routes; %" PRIu64 " connections, %" PRIu64 " requests\n",
	    number_of(generation, "number"), number_of(generation, "handlers"),
	    number_of(generation, "routes"), number_of(front, "connections"),
	    number_of(front, "requests"));
	for (size_t i = 0; refused != NULL &&
	    i < json_object_array_length(refused); i++)
		printf("refused: %s\n", json_object_get_string(
		    json_object_array_get_idx(refused, i)));
}

static void
print_tables(struct json_object *root)
{
	struct json_object *totals = json_object_object_get(root, "totals");

	print_head(root);
	if (json_object_object_get(root, "front") != NULL) {
		print_pools(json_object_object_get(root, "pools"));
		print_routes(json_object_object_get(root, "routes"));
		print_workers(json_object_object_get(root, "workers"));
	}
	print_models(json_object_object_get(root, "models"));
	printf("\n%" PRIu64 " processes: PSS %.1f MiB, private %.1f MiB; with "
	    "a copy of the models per worker %.1f MiB\n",
	    number_of(totals, "processes"),
	    mebibytes(number_of(totals, "pss_bytes")),
	    mebibytes(number_of(totals, "private_bytes")),
	    mebibytes(number_of(totals, "with_private_copies_bytes")));
}

static int
show(const char *text, bool json)
{
	struct json_object *root;

	if (json) {
		fputs(text, stdout);
		return 0;
	}
	root = json_tokener_parse(text);
	if (root == NULL) {
		fprintf(stderr, "fcgi-host status: the answer is not JSON\n");
		return EXIT_CODE_SYSTEM;
	}
	print_tables(root);
	json_object_put(root);
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
	struct config *config;
	char *text;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	if ((config = cli_config_load(file)) == NULL)
		return EXIT_CODE_CONFIG;
	text = ask(config->control);
	if (text == NULL || text[0] == '\0') {
		fprintf(stderr, "fcgi-host status: %s: %s; is the host "
		    "running?\n", config->control, strerror(errno));
		exit_code = EXIT_CODE_SYSTEM;
	} else
		exit_code = show(text, json);
	free(text);
	config_free(config);
	return exit_code;
}
