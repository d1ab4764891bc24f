/*
 * front_stale.c - a request that nobody should run any more.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: a request is looked at when it is admitted and again before it
 * goes to the workers, so however long the front stood still, what became stale
 * meanwhile is not run.
 */
#include <poll.h>

#include "common/due.h"
#include "front/front.h"
#include "front/front_stale.h"

/* That a client leaves is seen by the loop; only what it may have missed, while
 * it stood still, is worth a system call. */
#define UNSEEN_MS	100

void
front_stale_begin(struct front_request *request)
{
	const struct route *route = request->match.route;
	const struct config_pool *pool =
	    &request->front->config->pools[route->pool];

	request->end_by_ns = due_after(request->arrival_ns,
	    route->deadline_ms);
	request->begin_by_ns = due_first(request->end_by_ns,
	    due_after(request->arrival_ns, pool->queue_timeout_ms));
}

/* The same that the loop would find in a moment. */
static bool
has_left(const struct front_conn *conn)
{
	struct pollfd hangup = { .fd = conn->fd, .events = POLLRDHUP };

	return poll(&hangup, 1, 0) == 1;
}

bool
front_stale(const struct front_request *request, uint64_t now_ns)
{
	return due_is_over(request->begin_by_ns, now_ns);
}

bool
front_stale_drop(struct front_request *request, uint64_t seen_ns,
    uint64_t now_ns)
{
	if (seen_ns < request->arrival_ns)
		seen_ns = request->arrival_ns;
	if (now_ns > due_after(seen_ns, UNSEEN_MS) &&
	    has_left(request->conn)) {
		front_conn_close(request->conn);
		return true;
	}
	if (!front_stale(request, now_ns))
		return false;
	if (request->state == FRONT_PENDING)
		front_pool_remove(&request->front->pools[
		    request->match.route->pool], request);
	front_refuse(request, SHM_REFUSED_QUEUE_TIMEOUT);
	return true;
}
