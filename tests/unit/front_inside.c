/*
 * front_inside.c - a front inside the test's own process.
 *
 * Runs in: unit tests, fuzz targets.
 * Owns: what a front is started with; as long as the process lives.
 * Invariant: the front maps its team's memory as any front does.
 */
#include "fuzz.h"
#include "front_inside.h"

#include <signal.h>
#include <string.h>

#include "common/channel.h"
#include "common/log.h"
#include "wire/wire_params.h"

static struct child_start start;
static struct zygote_start zygote;
static struct route	 route;
static struct handler	 handler;
static struct handler_set set;

static void
say_fault(void *context, const char *sentence)
{
	(void)context;
	fprintf(stderr, "%s\n", sentence);
}

static void
make_set(const struct config *config, int (*serve)(struct fh_request *))
{
	static char name[] = "inside", file[] = "inside.so";

	CHECK(route_init(&route, "POST", 4, "/x") == 0);
	route.handler = &handler;
	route.summary = "";
	route.serve = serve;
	route.async = true;
	route.timeout_ms = 60000;	/* no clock decides */
	route.body_limit = config->body_limit;
	handler.name = name;
	handler.file = file;
	handler.host.set = &set;
	handler.host.handler = &handler;
	set.handlers = &handler;
	set.handler_count = 1;
	set.config = config;
	set.routes = &route;
	set.route_count = 1;
	set.root = route_tree_create(&route, 1);
	CHECK(set.root != NULL);
}

static int
make_start(struct front *front, struct config *config)
{
	struct shm_geometry *geometry = shm_geometry_create(config, 1);
	struct err err;
	int ends[2];

	CHECK(geometry != NULL && channel_pair(ends) == 0);
	start = (struct child_start){ .config = config, .zygote = &zygote,
	    .set = &set, .geometry = geometry, .fds = { -1, -1, ends[1], -1 },
	    .listen_fd = -1, .spool_dir = -1, .crash_dir = -1,
	    .slot = SLOT_FRONT };
	start.fds[SPAWN_FD_SHM] = shm_create(geometry, &err);
	CHECK(start.fds[SPAWN_FD_SHM] >= 0);
	front->shm = shm_map(geometry, start.fds[SPAWN_FD_SHM], SHM_FRONT, 0,
	    &err);
	CHECK(front->shm != NULL);
	return ends[0];
}

static void
make_loop(struct front *front)
{
	CHECK(uv_loop_init(&front->loop) == 0);
	CHECK(front_pools_create(front) == 0);
	CHECK(front_stats_start(front) == 0);
	CHECK(front_fault_start(front) == 0);
	uv_timer_init(&front->loop, &front->pass_timer);
	uv_timer_init(&front->loop, &front->drain_timer);
	front->pass_timer.data = front->drain_timer.data = front;
}

int
front_inside_make(struct front *front, const char *text,
    int (*serve)(struct fh_request *))
{
	struct config *config = config_parse("inside.conf", text, strlen(text),
	    say_fault, NULL);
	int supervisor;

	CHECK(config != NULL);
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	make_set(config, serve);
	supervisor = make_start(front, config);
	front->start = &start;
	front->config = config;
	front->set = &set;
	front->spare_fd = -1;
	front->next_seq = 1;
	front->stats = shm_front_stats(front->shm);
	TAILQ_INIT(&front->idle);
	TAILQ_INIT(&front->busy);
	TAILQ_INIT(&front->free_requests);
	TAILQ_INIT(&front->passings);
	TAILQ_INIT(&front->takings);
	make_loop(front);
	return supervisor;
}

/* ------------------------------------------------------------- requests */

static uint8_t *
put_pair(uint8_t *at, uint8_t *end, const char *name, const char *value)
{
	at = wire_params_put(at, end, name, strlen(name), value,
	    strlen(value));
	CHECK(at != NULL);
	return at;
}

/* A stream in one record, and its end. */
static uint8_t *
end_stream(uint8_t *header, uint8_t *end, uint8_t type)
{
	size_t length = (size_t)(end - header) - FCGI_HEADER_LEN;

	if (length == 0)
		end = header;
	else
		wire_put_header(header, type, 1, (uint16_t)length, 0);
	wire_put_header(end, type, 1, 0, 0);
	return end + FCGI_HEADER_LEN;
}

size_t
front_inside_request(uint8_t bytes[FRONT_INSIDE_REQUEST], const char *query,
    const void *body, size_t length, bool keep)
{
	uint8_t *at = bytes + wire_put_begin(bytes, 1, FCGI_RESPONDER,
	    keep ? FCGI_KEEP_CONN : 0);
	uint8_t *end = at + FCGI_HEADER_LEN, *limit = bytes + 480;
	char text[24];

	snprintf(text, sizeof(text), "%zu", length);
	end = put_pair(end, limit, "REQUEST_METHOD", "POST");
	end = put_pair(end, limit, "SCRIPT_NAME", "/x");
	end = put_pair(end, limit, "REQUEST_URI", "/x");
	end = put_pair(end, limit, "QUERY_STRING", query);
	if (length > 0)
		end = put_pair(end, limit, "CONTENT_LENGTH", text);
	at = end_stream(at, end, FCGI_PARAMS);
	CHECK(length <= FRONT_INSIDE_REQUEST - 512);
	if (length > 0)
		memcpy(at + FCGI_HEADER_LEN, body, length);
	end = end_stream(at, at + FCGI_HEADER_LEN + length, FCGI_STDIN);
	return (size_t)(end - bytes);
}
