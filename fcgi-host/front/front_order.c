/*
 * front_order.c - what an operator wants of a front, by the supervisor's word.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: whoever is ended is answered once, whatever it was doing; an order
 * is answered once, if an answer is wanted.
 */
#include "front/front_order.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "front/front.h"

/* What is said of an order. */
struct outcome {
	enum order_end	 end;
	const char	*text;
};

/* ------------------------------------------------------- a request is ended */

/* No Retry-After: what somebody has ended by hand is not to come again by
 * itself. */
void
front_order_end(struct front_request *request, bool forwarded)
{
	front_count(&front_route_stats(request)->refused[SHM_REFUSED_KILLED],
	    1);
	log_info("req=%s route=\"%s\" was ended by an operator",
	    request->request_id, request->match.route->label);
	request->killed = true;
	if (forwarded)
		front_request_broken(request);
	else
		front_answer(request, 503, "",
		    "An operator has ended this request.");
}

static struct outcome
kill_job(struct front_job *job)
{
	struct front_pool *pool = job->pool;

	if (!front_deadline_kill(job))
		return (struct outcome){ ORDER_IMPOSSIBLE,
		    "it is being ended already" };
	front_pool_refill(pool);	/* its place may be free */
	return (struct outcome){ ORDER_DONE, "it is ended" };
}

static struct outcome
kill_waiting(struct front_request *request)
{
	if (request->state == FRONT_PENDING)
		front_pool_remove(&request->front->pools[
		    request->match.route->pool], request);
	front_order_end(request, false);
	return (struct outcome){ ORDER_DONE, "it is ended; it had not begun" };
}

static struct outcome
kill_request(struct front_request *request)
{
	switch (request->state) {
	case FRONT_PENDING:
	case FRONT_WAITING:
		return kill_waiting(request);
	case FRONT_RUNNING:
		if (request->job != NULL)
			return kill_job(request->job);
		/* FALLTHROUGH */
	case FRONT_REPLYING:
		return (struct outcome){ ORDER_IMPOSSIBLE,
		    "its handler has ended; the reply is on its way" };
	case FRONT_READING:
	case FRONT_CHECKING:
		return (struct outcome){ ORDER_IMPOSSIBLE,
		    "it still arrives, and no handler runs" };
	default:
		return (struct outcome){ ORDER_IMPOSSIBLE,
		    "no handler runs it: the host itself answers it" };
	}
}

/* Its client may have left, and its worker go on. */
static struct front_job *
find_job(struct front *front, const char *id)
{
	struct front_job *job;

	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++)
		TAILQ_FOREACH(job, &front->pools[p].active, link)
			if (strcmp(job->request_id, id) == 0)
				return job;
	return NULL;
}

/* An id comes from the web server, so several may have the same: one of them
 * is taken, the one that runs first. */
static struct outcome
kill_id(struct front *front, const char *id)
{
	struct front_job *job = find_job(front, id);
	struct front_conn *conn;

	if (job != NULL)
		return kill_job(job);
	TAILQ_FOREACH(conn, &front->busy, link)
		if (conn->request != NULL &&
		    strcmp(conn->request->request_id, id) == 0)
			return kill_request(conn->request);
	return (struct outcome){ ORDER_UNKNOWN, "" };
}

/* ----------------------------------------------------- a route is held open */

static struct outcome
hold(struct front *front, const char *label, bool held)
{
	for (uint32_t i = 0; i < front->set->route_count; i++) {
		if (strcmp(front->set->routes[i].label, label) != 0)
			continue;
		front_fault_hold(front, i, held);
		log_info("route \"%s\" was %s by an operator", label, held ?
		    "taken out of service" : "put back into service");
		return (struct outcome){ ORDER_DONE, held ?
		    "the route is out of service: each request is answered 503"
		    : "the route is in service" };
	}
	return (struct outcome){ ORDER_UNKNOWN, "" };
}

void
front_order(struct front *front, const struct message *message)
{
	struct message answer = { .type = MESSAGE_ORDERED,
	    .extra = message->extra };
	struct outcome outcome;

	FH_BUG(memchr(message->text, '\0', sizeof(message->text)) == NULL);
	outcome = message->value == ORDER_KILL ?
	    kill_id(front, message->text) :
	    hold(front, message->text, message->value == ORDER_HOLD);
	if (message->extra == 0)
		return;
	answer.value = (int)outcome.end;
	snprintf(answer.text, sizeof(answer.text), "%s", outcome.text);
	front_link_ordered(front, &answer);
}
