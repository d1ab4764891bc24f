/*
 * front_flight.c - of equal requests one runs, and the others wait for its
 * reply.
 *
 * Runs in: front.
 * Owns: each struct front_flight.
 * Invariant: one that waits holds no worker and no place in a queue, has its
 * own time, and ends answered, or with its own run: when the leader has failed
 * the next one leads, and when its reply is not one to keep, all run.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/due.h"
#include "front/front.h"
#include "front/front_cached.h"
#include "front/front_stale.h"

#define WAITERS_PER_MS	1000	/* looked through in 1 % of that time */
#define BUCKETS		256

/* Equal requests, of which one runs. */
struct front_flight {
	LIST_ENTRY(front_flight)  link;		/* its bucket */
	TAILQ_ENTRY(front_flight) landed_link;
	bool			 landed;	/* its leader has ended */
	bool			 all;		/* ... and nobody follows it */
	bool			 settling;
	uint8_t			 key[CACHED_KEY];
	struct front_request	*leader;	/* NULL: it has ended */
	struct front_request_list waiters;	/* oldest first */
};
LIST_HEAD(front_flight_list, front_flight);

struct front_flights {
	struct front_flight_list buckets[BUCKETS];
	TAILQ_HEAD(, front_flight) landed;
	uv_timer_t		 timer;		/* the first waiter's end */
	uint64_t		 due_ns;	/* ... 0: none */
};

static void	on_timer(uv_timer_t *);

int
front_flight_start(struct front *front)
{
	struct front_flights *flights = calloc(1, sizeof(*flights));

	if (flights == NULL)
		return -1;
	TAILQ_INIT(&flights->landed);
	flights->timer.data = front;
	front->flights = flights;
	return uv_timer_init(&front->loop, &flights->timer);
}

static struct front_flight_list *
bucket_of(struct front *front, const uint8_t *key)
{
	return &front->flights->buckets[key[0] % BUCKETS];
}

static struct front_flight *
find(struct front *front, const uint8_t *key)
{
	struct front_flight *flight;

	LIST_FOREACH(flight, bucket_of(front, key), link)
		if (memcmp(flight->key, key, CACHED_KEY) == 0)
			return flight;
	return NULL;
}

static void
end_if_empty(struct front *front, struct front_flight *flight)
{
	if (flight->leader != NULL || flight->settling ||
	    !TAILQ_EMPTY(&flight->waiters))
		return;
	if (flight->landed)
		TAILQ_REMOVE(&front->flights->landed, flight, landed_link);
	LIST_REMOVE(flight, link);
	free(flight);
}

/* ------------------------------------------------------------------ time */

/* When it has waited as long as its handler might have run; 0: never. */
static uint64_t
end_of(const struct front_request *request)
{
	return due_first(request->end_by_ns, due_after(request->waits_ns,
	    request->match.route->timeout_ms));
}

static void
arm(struct front *front, uint64_t due_ns, uint64_t rest_ms)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t ms = due_ns <= now_ns ? 1 :
	    (due_ns - now_ns) / CLOCK_NS_PER_MS + 1;

	front->flights->due_ns = due_ns;
	uv_timer_start(&front->flights->timer, on_timer,
	    ms < rest_ms ? rest_ms : ms, 0);
}

static void
answer_late(struct front_request *request)
{
	front_count(&front_route_stats(request)->timeouts, 1);
	front_answer(request, 504, "", "The reply to an equal request that "
	    "came before was not there in time.");
}

/* Returns the first time at which another will be late, or `due`. */
static uint64_t
drop_late(struct front_flight *flight, uint64_t now_ns, uint64_t due,
    uint64_t *count)
{
	struct front_request *request, *next;

	for (request = TAILQ_FIRST(&flight->waiters); request != NULL;
	    request = next) {
		next = TAILQ_NEXT(request, link);
		++*count;
		if (due_is_over(end_of(request), now_ns))
			answer_late(request);
		else
			due = due_first(due, end_of(request));
	}
	return due;
}

static void
on_timer(uv_timer_t *timer)
{
	struct front *front = timer->data;
	struct front_flights *flights = front->flights;
	struct front_flight *flight, *next;
	uint64_t now_ns = clock_now_ns(), due = 0, count = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (flight = LIST_FIRST(&flights->buckets[i]); flight != NULL;
		    flight = next) {
			next = LIST_NEXT(flight, link);
			due = drop_late(flight, now_ns, due, &count);
		}
	front->flights->due_ns = 0;
	if (due != 0)
		arm(front, due, count / WAITERS_PER_MS);
}

/* --------------------------------------------------------------- joining */

static void
wait(struct front_flight *flight, struct front_request *request)
{
	struct front *front = request->front;
	uint64_t due;

	front_stale_begin(request);
	request->state = FRONT_WAITING;
	request->waits_ns = clock_now_ns();
	request->flight = flight;
	TAILQ_INSERT_TAIL(&flight->waiters, request, link);
	due = end_of(request);
	if (due != 0 && (front->flights->due_ns == 0 ||
	    due < front->flights->due_ns))
		arm(front, due, 0);
}

static void
lead(struct front_flight *flight, struct front_request *request)
{
	flight->leader = request;
	flight->all = false;
	request->flight = flight;
	request->leads = true;
}

bool
front_flight_join(struct front_request *request)
{
	struct front *front = request->front;
	struct front_flight *flight = find(front, request->cache_key);

	if (flight != NULL) {
		wait(flight, request);
		return true;
	}
	flight = front_memory(front, NULL, sizeof(*flight));
	if (flight == NULL)
		return false;	/* it runs by itself */
	memset(flight, 0, sizeof(*flight));
	memcpy(flight->key, request->cache_key, CACHED_KEY);
	TAILQ_INIT(&flight->waiters);
	LIST_INSERT_HEAD(bucket_of(front, flight->key), flight, link);
	lead(flight, request);
	return false;
}

/* --------------------------------------------------------------- landing */

/* What follows is done later, where no list is being walked. */
static void
land(struct front *front, struct front_flight *flight,
    const struct front_request *leader)
{
	flight->leader = NULL;
	flight->all = leader->served && leader->result.status < 500;
	if (flight->landed || flight->settling)
		return;
	flight->landed = true;
	TAILQ_INSERT_TAIL(&front->flights->landed, flight, landed_link);
}

void
front_flight_leave(struct front_request *request)
{
	struct front_flight *flight = request->flight;

	if (flight == NULL)
		return;
	request->flight = NULL;
	if (request->leads)
		land(request->front, flight, request);
	else
		TAILQ_REMOVE(&flight->waiters, request, link);
	request->leads = false;
	end_if_empty(request->front, flight);
}

/* By what the leader has left, or its own way.  A newer front may take it. */
static void
go_on(struct front_flight *flight, struct front_request *request)
{
	struct front_conn *conn = request->conn;

	TAILQ_REMOVE(&flight->waiters, request, link);
	request->flight = NULL;
	request->state = FRONT_READING;
	if (front_cached_answer(request, "fwd=miss; collapsed",
	    &front_route_stats(request)->cache_shared))
		return;
	if (!flight->all)
		lead(flight, request);
	front_dispatch_run(request);
	if (!conn->closing)
		front_pass_settle(conn);
}

/* A leader that ends at once has not landed: its followers are still here. */
static void
settle(struct front *front, struct front_flight *flight)
{
	struct front_request *request;

	TAILQ_REMOVE(&front->flights->landed, flight, landed_link);
	flight->landed = false;
	flight->settling = true;
	while (flight->leader == NULL &&
	    (request = TAILQ_FIRST(&flight->waiters)) != NULL)
		go_on(flight, request);
	flight->settling = false;
	end_if_empty(front, flight);
}

void
front_flight_settle(struct front *front)
{
	struct front_flight *flight;

	while ((flight = TAILQ_FIRST(&front->flights->landed)) != NULL)
		settle(front, flight);
}
