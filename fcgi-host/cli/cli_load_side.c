/*
 * cli_load_side.c - a host of our own, with a route's tag as it is wanted, and
 * nginx in front of it.
 *
 * Runs in: the tools.
 * Owns: both processes and a folder below the scratch folder.
 * Invariant: nothing of a running host is touched: not its sockets, state, jobs
 * or configuration.
 */
#include "cli/cli_load.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_options.h"
#include "cli/cli_scratch.h"

#define READY_MS	120000		/* models are loaded */
#define STEP_MS		20
#define STOP_MS		15000

static const char *
path_of(const struct cli_load_side *side, const char *name)
{
	static char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", side->folder, name);
	return path;
}

static int
write_text(const struct cli_load_side *side, const char *name,
    const char *text, struct err *err)
{
	FILE *out = fopen(path_of(side, name), "we");

	if (out == NULL)
		return err_sys(err, "%s", path_of(side, name));
	fputs(text, out);
	if (ferror(out) || fclose(out) != 0)
		return err_sys(err, "%s", path_of(side, name));
	return 0;
}

/* ---------------------------------------------------------------- the host */

static int
write_config(const struct cli_load *load, const char *route, bool async,
    const struct cli_load_side *side, struct err *err)
{
	struct config *config = cli_config_load(load->config);
	char *added = NULL, *text = NULL;
	int rc = -1;

	if (config == NULL)
		return err_set(err, "the configuration has faults");
	if (asprintf(&added, "listen = \"unix:%s/host.sock\"\n"
	    "control = \"%s/control\"\nstate_dir = \"%s/state\"\n",
	    side->folder, side->folder, side->folder) >= 0)
		text = load_config_text(config->text, config->text_length,
		    route, async, added);
	if (text == NULL)
		err_set(err, "no memory");
	else
		rc = write_text(side, "host.conf", text, err);
	free(text);
	free(added);
	config_free(config);
	return rc;
}

/* Where the host says READY=1. */
static int
open_notify(const struct cli_load_side *side, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
	    side->folder);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address,
	    sizeof(address)) < 0) {
		err_sys(err, "%s", address.sun_path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	chmod(address.sun_path, 0666);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return fd;
}

static bool
says_ready(int notify)
{
	char text[1024];
	ssize_t length;

	while ((length = recv(notify, text, sizeof(text) - 1, 0)) > 0) {
		text[length] = '\0';
		if (strstr(text, "READY=1") != NULL)
			return true;
	}
	return false;
}

static int
wait_ready(struct cli_load_side *side, int notify, struct err *err)
{
	uint64_t until = cli_load_now_us() + UINT64_C(1000) * READY_MS;
	char said[512];
	int status;

	while (!says_ready(notify)) {
		if (cli_load_is_interrupted())
			return err_set(err, "interrupted");
		if (cli_load_has_ended(&side->host, &status) ||
		    cli_load_now_us() > until) {
			cli_load_last_line(path_of(side, "host.log"), said,
			    sizeof(said));
			return err_set(err, "a second host does not start: "
			    "%.400s", said);
		}
		cli_load_wait_ms(STEP_MS);
	}
	return 0;
}

static int
start_host(struct cli_load *load, struct cli_load_side *side,
    struct err *err)
{
	char run[] = "run", c[] = "-c", file[PATH_MAX + 64];
	char *argv[] = { load->self, run, c, file, NULL };
	int notify = open_notify(side, err), rc = -1;

	if (notify < 0)
		return -1;
	snprintf(file, sizeof(file), "%s", path_of(side, "host.conf"));
	side->host = cli_load_spawn(argv, path_of(side, "host.log"), err);
	unsetenv("NOTIFY_SOCKET");
	if (side->host > 0)
		rc = wait_ready(side, notify, err);
	close(notify);
	return rc;
}

/* ------------------------------------------------------------------- nginx */

/* As many connections as the most users have, to both sides. */
static const struct cli_scratch_nginx nginx_more = { "auto",
	"worker_rlimit_nofile 10000;\n", "	worker_connections 4500;\n",
	"	keepalive_requests 1000000;\n" };

static int
write_nginx(const struct cli_load_side *side, unsigned port, struct err *err)
{
	char digits[16], *text;
	int rc;

	snprintf(digits, sizeof(digits), "%u", port);
	if ((text = cli_scratch_nginx(digits, &nginx_more)) == NULL)
		return err_sys(err, "nginx.conf");
	rc = write_text(side, "nginx.conf", text, err);
	free(text);
	return rc;
}

/* One that nobody has now; 0: there is none. */
static unsigned
free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned port = 0;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 &&
	    getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		port = ntohs(address.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static bool
answers(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there = fd >= 0 && connect(fd, (struct sockaddr *)&address,
	    sizeof(address)) == 0;

	if (fd >= 0)
		close(fd);
	return there;
}

static int
write_locations(struct cli_load *load, const struct cli_load_side *side,
    struct err *err)
{
	char nginx[] = "nginx", c[] = "-c", o[] = "-o", file[PATH_MAX + 64];
	char folder[PATH_MAX], said[512];
	char *argv[] = { load->self, nginx, c, file, o, folder, NULL };
	int rc;

	snprintf(file, sizeof(file), "%s", path_of(side, "host.conf"));
	snprintf(folder, sizeof(folder), "%s", side->folder);
	rc = cli_load_do(argv, path_of(side, "nginx.said"), err);
	if (rc <= 0)
		return rc;
	cli_load_last_line(path_of(side, "nginx.said"), said, sizeof(said));
	return err_set(err, "no configuration for nginx: %.400s", said);
}

static int
wait_nginx(struct cli_load_side *side, unsigned port, struct err *err)
{
	char said[512];
	int status;

	while (!answers(port)) {
		if (cli_load_is_interrupted())
			return err_set(err, "interrupted");
		if (cli_load_has_ended(&side->nginx, &status)) {
			cli_load_last_line(path_of(side, "nginx.log"), said,
			    sizeof(said));
			return err_set(err, "nginx does not start: %.400s",
			    said);
		}
		cli_load_wait_ms(STEP_MS);
	}
	return 0;
}

static int
start_nginx(struct cli_load *load, struct cli_load_side *side,
    struct err *err)
{
	char nginx[] = "nginx", c[] = "-c", e[] = "-e", log[] = "stderr";
	char p[] = "-p", file[PATH_MAX + 64];
	char *argv[] = { nginx, e, log, p, side->folder, c, file, NULL };
	unsigned port = free_port();

	snprintf(side->url, sizeof(side->url), "http://127.0.0.1:%u", port);
	if (write_locations(load, side, err) < 0 ||
	    write_nginx(side, port, err) < 0)
		return -1;
	snprintf(file, sizeof(file), "%s", path_of(side, "nginx.conf"));
	side->nginx = cli_load_spawn(argv, path_of(side, "nginx.log"), err);
	return side->nginx < 0 ? -1 : wait_nginx(side, port, err);
}

/* ------------------------------------------------------------- to and fro */

int
cli_load_side_start(struct cli_load *load, const char *route,
    bool async, struct cli_load_side *side, struct err *err)
{
	static unsigned number;

	*side = (struct cli_load_side){ .host = 0 };
	snprintf(side->folder, sizeof(side->folder), "%s/side.%u",
	    load->scratch, number++);
	if (mkdir(side->folder, 0755) < 0)
		return err_sys(err, "%s", side->folder);
	if (write_config(load, route, async, side, err) < 0 ||
	    start_host(load, side, err) < 0 ||
	    start_nginx(load, side, err) < 0) {
		cli_load_side_stop(side);
		return -1;
	}
	return 0;
}

void
cli_load_side_stop(struct cli_load_side *side)
{
	cli_load_stop(&side->nginx, SIGTERM, STOP_MS);
	cli_load_stop(&side->host, SIGTERM, STOP_MS);
}

/* --------------------------------------------------------------- the route */

static bool
truth(struct json_object *route, const char *key)
{
	return json_object_get_boolean(json_object_object_get(route, key));
}

static bool
is_route(struct json_object *route, const char *name)
{
	const char *method = json_object_get_string(
	    json_object_object_get(route, "method"));
	const char *path = json_object_get_string(
	    json_object_object_get(route, "path"));
	size_t length = method != NULL ? strlen(method) : 0;

	return path != NULL && strncmp(name, method, length) == 0 &&
	    name[length] == ' ' && strcmp(name + length + 1, path) == 0;
}

static int
judge_route(struct json_object *routes, const char *name, bool *async_out,
    struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(routes); i++) {
		struct json_object *route = json_object_array_get_idx(routes,
		    i);

		if (!is_route(route, name))
			continue;
		*async_out = truth(route, "async");
		if (truth(route, "stream") || truth(route, "job"))
			return err_set(err, "%s is a %s: it is always async",
			    name, truth(route, "job") ? "job" : "stream");
		return 0;
	}
	return err_set(err, "%s: no handler has such a route, as `fcgi-host "
	    "routes` shows them", name);
}

int
cli_load_find_route(struct cli_load *load, const char *name,
    bool *async_out, struct err *err)
{
	char routes[] = "routes", json[] = "--json", c[] = "-c";
	char file[PATH_MAX], output[128], said[512];
	char *argv[] = { load->self, routes, json, c, file, NULL };
	struct json_object *list;
	int rc;

	snprintf(file, sizeof(file), "%s", cli_config_file(load->config));
	snprintf(output, sizeof(output), "%s/routes", load->scratch);
	rc = cli_load_do(argv, output, err);
	if (rc < 0)
		return -1;
	list = json_object_from_file(output);
	if (list == NULL || !json_object_is_type(list, json_type_array)) {
		cli_load_last_line(output, said, sizeof(said));
		rc = err_set(err, "the routes cannot be read: %.400s", said);
	} else {
		rc = judge_route(list, name, async_out, err);
	}
	json_object_put(list);
	unlink(output);
	return rc;
}
