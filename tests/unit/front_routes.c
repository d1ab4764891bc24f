/*
 * front_routes.c - the routes that the fronts of the tests serve.
 *
 * Runs in: fronts and workers forked from unit tests.
 * Owns: nothing.
 * Invariant: every run of a request with ?n= is counted.
 */
#include "front_routes.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/ask.h"
#include "front_fixture.h"

static void
count_run(struct fh_request *rq)
{
	const char *ticket = fh_query(rq, "n");
	unsigned long n = ticket == NULL ? 0 : strtoul(ticket, NULL, 10);

	atomic_fetch_add(&shared->runs[n % TICKETS], 1);
	atomic_fetch_add(&shared->entered, 1);
}

static void
pause_shortly(void)
{
	const struct timespec moment = { 0, 1000000 };

	nanosleep(&moment, NULL);
}

/* False: cancelled. */
static bool
wait_at_gate(struct fh_request *rq, bool deaf)
{
	while (atomic_load(&shared->open) == 0) {
		if (!deaf && fh_cancelled(rq)) {
			atomic_fetch_add(&shared->told, 1);
			return false;
		}
		pause_shortly();
	}
	return true;
}

static int
reply_with_pid(struct fh_request *rq)
{
	const unsigned char *body;
	unsigned long sum = 0;
	size_t length;
	char text[96];

	body = fh_body(rq, &length);
	for (size_t i = 0; i < length; i++)
		sum += body[i];
	snprintf(text, sizeof(text), "%d %zu %lu", (int)getpid(), length, sum);
	return fh_reply_text(rq, 200, text);
}

static int
say_pid(struct fh_request *rq)
{
	count_run(rq);
	return reply_with_pid(rq);
}

static int
gate(struct fh_request *rq)
{
	count_run(rq);
	if (!wait_at_gate(rq, false))
		return fh_reply_text(rq, 200, "told");
	return reply_with_pid(rq);
}

static int
give_up(struct fh_request *rq)
{
	count_run(rq);
	return wait_at_gate(rq, false) ? reply_with_pid(rq) : -1;
}

static int
deaf(struct fh_request *rq)
{
	count_run(rq);
	wait_at_gate(rq, true);
	return reply_with_pid(rq);
}

static int
stream(struct fh_request *rq)
{
	count_run(rq);
	fh_write(rq, "part\n", 5);
	if (fh_flush(rq) != 0)
		atomic_fetch_add(&shared->failed_writes, 1);
	if (wait_at_gate(rq, false))
		return fh_write(rq, "rest\n", 5);
	if (fh_write(rq, "told\n", 5) != 0 || fh_flush(rq) != 0)
		atomic_fetch_add(&shared->failed_writes, 1);
	return 0;
}

static int
deaf_stream(struct fh_request *rq)
{
	fh_write(rq, "part\n", 5);
	if (fh_flush(rq) != 0)
		atomic_fetch_add(&shared->failed_writes, 1);
	return deaf(rq);
}

static int
block(struct fh_request *rq)
{
	int broken;

	count_run(rq);
	broken = poll(NULL, 0, 60000);
	if (broken < 0 && fh_cancelled(rq)) {
		atomic_fetch_add(&shared->told, 1);
		return fh_reply_text(rq, 200, "told");
	}
	return fh_reply_text(rq, 500, "not told");
}

static int
changed(struct fh_request *rq)
{
	count_run(rq);
	return reply_with_pid(rq);
}

static const struct {
	const char	*method, *path;
	int		(*serve)(struct fh_request *);
	bool		 async;
	enum { BOTH, OLD_ONLY, NEW_ONLY } in;
	uint64_t	 timeout_ms;
	uint32_t	 max_concurrent;
} table[] = {
	{ "GET", "/pid", say_pid, false, BOTH, 0, 0 },
	{ "GET", "/pid-async", say_pid, true, BOTH, 0, 0 },
	{ "GET", "/gate", gate, true, BOTH, 0, 0 },
	{ "POST", "/gate", gate, true, BOTH, 0, 0 },
	{ "GET", "/gate-sync", gate, false, BOTH, 0, 0 },
	{ "GET", "/gate-two", gate, true, BOTH, 0, 2 },
	{ "GET", "/stream", stream, true, BOTH, 0, 0 },
	{ "GET", "/give-up", give_up, true, BOTH, 0, 0 },
	{ "GET", "/deaf", deaf, true, BOTH, 0, 0 },
	{ "GET", "/deaf-stream", deaf_stream, true, BOTH, 0, 0 },
	{ "GET", "/deaf-short", deaf, true, BOTH, 300, 0 },
	{ "GET", "/block", block, true, BOTH, 0, 0 },
	{ "GET", "/gone", gate, true, OLD_ONLY, 0, 0 },
	{ "GET", "/changed", gate, true, OLD_ONLY, 0, 0 },
	{ "GET", "/changed", changed, false, NEW_ONLY, 0, 0 },
	{ "GET", "/asked/metrics", say_pid, false, BOTH, 0, 0 },
	{ "GET", "/asked/status", say_pid, false, BOTH, 0, 0 },
	{ "GET", "/asked/alive", say_pid, false, BOTH, 0, 0 },
	{ "GET", "/asked/ready", say_pid, false, BOTH, 0, 0 },
	{ "GET", "/asked/ready/models/{model}", say_pid, false, BOTH, 0, 0 },
	{ "GET", "/asked/ready/routes/{route...}", say_pid, false, BOTH, 0,
	    0 },
};

#define ROUTES	(sizeof(table) / sizeof(table[0]))

static void
fill(struct route *route, size_t row, const struct handler *handler,
    uint32_t index)
{
	assert_int_equal(route_init(route, table[row].method,
	    strlen(table[row].method), table[row].path), 0);
	route->index = index;
	route->handler = handler;
	route->summary = "";
	route->serve = table[row].serve;
	route->async = route->async_tag = table[row].async;
	route->timeout_ms = table[row].timeout_ms;
	route->max_concurrent = table[row].max_concurrent;
}

/* The tested one, and one for each document that is asked for. */
static const unsigned	asked[] = { 0, 1 + ASK_METRICS, 1 + ASK_STATUS,
			    1 + ASK_ALIVE, 1 + ASK_READY };
#define HANDLERS	(sizeof(asked) / sizeof(asked[0]))

static void
make_handlers(struct handler_set *set)
{
	set->handlers = calloc(HANDLERS, sizeof(*set->handlers));
	assert_non_null(set->handlers);
	set->handler_count = HANDLERS;
	for (size_t i = 0; i < HANDLERS; i++) {
		struct handler *handler = &set->handlers[i];

		handler->index = (uint32_t)i;
		handler->name = strdup("tested");
		handler->file = strdup("tested.so");
		handler->asked = asked[i];
		handler->host.set = set;
		handler->host.handler = handler;
	}
}

static struct handler *
handler_of(struct handler_set *set, const char *path)
{
	return &set->handlers[strcmp(path, "/asked/metrics") == 0 ? 1 :
	    strcmp(path, "/asked/status") == 0 ? 2 :
	    strcmp(path, "/asked/alive") == 0 ? 3 :
	    strncmp(path, "/asked/ready", 12) == 0 ? 4 : 0];
}

struct handler_set *
routes_create(const struct config *config, bool old)
{
	struct handler_set *set = calloc(1, sizeof(*set));
	uint32_t count = 0;

	assert_non_null(set);
	make_handlers(set);
	set->config = config;
	set->routes = calloc(ROUTES, sizeof(*set->routes));
	assert_non_null(set->routes);
	for (size_t row = 0; row < ROUTES; row++)
		if (table[row].in != (old ? NEW_ONLY : OLD_ONLY)) {
			fill(&set->routes[count], row, handler_of(set,
			    table[row].path), count);
			set->routes[count].body_limit = config->body_limit;
			count++;
		}
	set->route_count = count;
	set->root = route_tree_create(set->routes, count);
	assert_non_null(set->root);
	return set;
}

void
routes_destroy(struct handler_set *set)
{
	for (size_t i = 0; i < set->route_count; i++)
		route_finish(&set->routes[i]);
	route_tree_destroy(set->root);
	for (size_t i = 0; i < HANDLERS; i++) {
		free(set->handlers[i].name);
		free(set->handlers[i].file);
	}
	free(set->handlers);
	free(set->routes);
	free(set);
}
