/*
 * front_cached.c - answers requests with replies that are kept.
 *
 * Runs in: front.
 * Owns: the copy of a reply, while it is sent.
 * Invariant: a request is looked up after all that may refuse it and before all
 * that costs a worker; what comes from the cache is a whole reply of ours, or
 * is not used.
 */
#include <stdlib.h>
#include <time.h>

#include "common/cache.h"
#include "common/clock.h"
#include "front/front.h"
#include "front/front_cached.h"

#define COPY_KEPT	65536	/* a larger one's memory goes at once */

struct front_kept {
	uint8_t		*origins;	/* of routes, CACHED_KEY bytes each */
	uint8_t		*copy;		/* of a reply */
	size_t		 size;
};

static void
set_origins(const struct front *front, uint8_t *origins)
{
	for (size_t i = 0; i < front->set->route_count; i++)
		if (front->set->routes[i].cache_ms != 0)
			cached_origin(front->set, &front->set->routes[i],
			    front->start->generation,
			    origins + i * CACHED_KEY);
}

int
front_cached_start(struct front *front)
{
	struct front_kept *kept = calloc(1, sizeof(*kept));

	if (kept == NULL || front_flight_start(front) < 0)
		return -1;
	kept->origins = calloc(front->set->route_count + 1, CACHED_KEY);
	if (kept->origins == NULL)
		return -1;
	set_origins(front, kept->origins);
	front->kept = kept;
	return 0;
}

static void *
room(void *context, size_t length)
{
	struct front *front = context;
	struct front_kept *kept = front->kept;
	uint8_t *grown;

	if (length <= kept->size && kept->copy != NULL)
		return kept->copy;
	grown = front_memory(front, kept->copy, length);
	if (grown == NULL)
		return NULL;
	kept->copy = grown;
	kept->size = length;
	return grown;
}

static void
tidy(struct front_kept *kept)
{
	if (kept->size <= COPY_KEPT)
		return;
	free(kept->copy);
	kept->copy = NULL;
	kept->size = 0;
}

static void
send_reply(struct front_request *request, int status,
    const struct cached_reply *reply, const char *lines, size_t lines_length)
{
	struct front_conn *conn = request->conn;
	size_t left = front_output_left(conn);
	size_t body = request->match.head ? 0 : reply->body_length;

	request->result.status = status;
	if (front_output_stdout(conn, request->id, reply->head,
	    reply->head_length - 2, lines, lines_length) < 0 ||
	    front_output_stdout(conn, request->id, reply->body, body, NULL,
	    0) < 0) {
		front_output_cut(conn, left);
		front_request_starve(request);
		return;
	}
	front_count(&front_route_stats(request)->reply_bytes,
	    reply->head_length - 2 + lines_length + body);
	front_request_replied(request);
}

/* False: no memory. */
static bool
send_304(struct front_request *request, const struct cached_reply *reply,
    const char *lines, size_t lines_length)
{
	char *head = front_memory(request->front, NULL, reply->head_length +
	    CACHED_304_MORE);
	const struct cached_reply without = { .head = head,
	    .head_length = head == NULL ? 0 : cached_304(reply, head) };

	if (head == NULL)
		return false;
	send_reply(request, 304, &without, lines, lines_length);
	free(head);
	return true;
}

static bool
give(struct front_request *request, const char *how,
    const struct cached_reply *reply, uint64_t left_ms,
    _Atomic uint64_t *counter)
{
	enum cached_verdict verdict = !request->conditional ? CACHED_GIVE :
	    cached_judge(reply, request->params, request->params_have,
	    time(NULL));
	char lines[CACHED_LINES];
	size_t length;

	if (verdict == CACHED_RUN)
		return false;
	front_count(counter, 1);
	length = cached_lines(lines, how, reply, left_ms);
	if (verdict == CACHED_GIVE_304)
		return send_304(request, reply, lines, length);
	send_reply(request, 200, reply, lines, length);
	return true;
}

bool
front_cached_answer(struct front_request *request, const char *how,
    _Atomic uint64_t *counter)
{
	struct front *front = request->front;
	struct cached_reply reply;
	struct cache_found found;
	struct cache_key key;
	bool given;

	cache_key_make(&key, CACHE_SPACE_REPLY, "", request->cache_key,
	    CACHED_KEY);
	given = cache_get(front->set->cache, &key, room, front, &found) == 0 &&
	    cached_unpack(found.bytes, found.length, &reply) &&
	    give(request, how, &reply, found.left_ms, counter);
	tidy(front->kept);
	return given;
}

static enum cached_kind
make_key(struct front_request *request)
{
	const struct front *front = request->front;
	const struct route *route = request->match.route;
	const struct cached_request wanted = { .route = route,
	    .origin = front->kept->origins + (size_t)route->index * CACHED_KEY,
	    .head = &request->head, .params = request->params,
	    .params_length = request->params_have,
	    .identity = request->identity,
	    .identity_length = request->identity_length,
	    .body = request->body,
	    .body_length = request->body_have };

	return cached_key(&wanted, request->cache_key);
}

/* A body in a file is not read for this. */
static bool
may_be_kept(const struct front_request *request)
{
	const struct front *front = request->front;

	return request->match.route->cache_ms != 0 &&
	    front->set->cache != NULL && front->config->cache_size != 0 &&
	    request->spool_fd < 0;
}

/* A HEAD takes a kept reply to a GET; it leaves none, so nobody waits for it.
 * Where a sync handler runs it runs alone. */
bool
front_cached_admits(struct front_request *request)
{
	enum cached_kind kind = may_be_kept(request) ? make_key(request) :
	    CACHED_NOT;

	if (kind == CACHED_NOT)
		return false;
	request->conditional = kind == CACHED_IF;
	if (kind != CACHED_FRESH && front_cached_answer(request, "hit",
	    &front_route_stats(request)->cache_hits))
		return true;
	request->cached = !request->match.head;
	return kind == CACHED_LOOK && request->cached &&
	    request->match.route->async && front_flight_join(request);
}
