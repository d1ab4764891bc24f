/*
 * front_pool.c - a pool's pending requests, and when they go to the workers.
 *
 * Runs in: front.
 * Owns: each struct front_pool: pending lists, job slots.
 * Invariant: first come, first served, but for whom workers are kept
 * (front_lanes.h); the shared queue holds no more than its workers can take at
 * once, and the rest waits here, where a request can be dropped the moment
 * nobody wants it any more.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "front/front.h"
#include "front/front_client.h"
#include "front/front_stale.h"

/* One for each route of the pool that has a reserve, after everybody's. */
static uint32_t
number_lanes(struct front_pool *pool, struct front_lane *lanes)
{
	struct front *front = pool->front;
	uint32_t count = 1;

	for (size_t i = 0; i < front->set->route_count; i++) {
		const struct route *route = &front->set->routes[i];

		if (!route->async || route->reserve == 0 ||
		    route->pool != pool->index)
			continue;
		if (lanes != NULL) {
			front->route_lane[route->index] = count;
			lanes[count].reserve = (uint64_t)route->reserve *
			    pool->config->threads;
		}
		count++;
	}
	return count;
}

static int
lanes_create(struct front_pool *pool)
{
	const struct config_pool *config = pool->config;
	uint32_t count = number_lanes(pool, NULL);
	struct front_lane *lanes = calloc(count, sizeof(*lanes));

	pool->pending = calloc(count, sizeof(*pool->pending));
	if (lanes == NULL || pool->pending == NULL)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		TAILQ_INIT(&pool->pending[i]);
	number_lanes(pool, lanes);
	front_lanes_init(&pool->lanes, lanes, count,
	    (uint64_t)config->workers * config->threads, config->threads);
	return 0;
}

static int
pool_create(struct front *front, uint32_t index)
{
	struct front_pool *pool = &front->pools[index];

	pool->front = front;
	pool->index = index;
	pool->config = &front->config->pools[index];
	pool->geometry = &front->start->geometry->pools[index];
	pool->stats = shm_pool_stats(front->shm, index);
	jobq_init(&pool->jobq, front->shm, index);
	if (front_client_start(pool) < 0 || lanes_create(pool) < 0)
		return -1;
	pool->pending_timer.data = pool;
	uv_timer_init(&front->loop, &pool->pending_timer);
	TAILQ_INIT(&pool->free);
	TAILQ_INIT(&pool->active);
	pool->jobs = calloc(pool->geometry->jobs, sizeof(*pool->jobs));
	if (pool->jobs == NULL)
		return -1;
	for (uint32_t i = 0; i < pool->geometry->jobs; i++) {
		struct front_job *job = &pool->jobs[i];

		job->pool = pool;
		job->index = i;
		job->timer.data = job;
		uv_timer_init(&front->loop, &job->timer);
		TAILQ_INSERT_TAIL(&pool->free, job, link);
	}
	return 0;
}

int
front_pools_create(struct front *front)
{
	const struct shm_geometry *geometry = front->start->geometry;

	front->pools = calloc(geometry->pool_count, sizeof(*front->pools));
	front->workers = calloc(geometry->worker_count,
	    sizeof(*front->workers));
	front->route_active = calloc(front->set->route_count + 1,
	    sizeof(*front->route_active));
	front->route_lane = calloc(front->set->route_count + 1,
	    sizeof(*front->route_lane));
	if (front->pools == NULL || front->workers == NULL ||
	    front->route_active == NULL || front->route_lane == NULL)
		return -1;
	for (uint32_t i = 0; i < geometry->pool_count; i++)
		if (pool_create(front, i) < 0)
			return -1;
	return 0;
}

uint32_t
front_pool_lane(const struct front_pool *pool, const struct route *route)
{
	return pool->front->route_lane[route->index];
}

static uint32_t
lane_of(const struct front_pool *pool, const struct front_request *request)
{
	return front_pool_lane(pool, request->match.route);
}

bool
front_pool_has_place(const struct front_pool *pool, const struct route *route)
{
	return front_lanes_admit(&pool->lanes, front_pool_lane(pool, route),
	    pool->config->queue);
}

static void
set_pending(struct front_pool *pool, uint32_t count)
{
	pool->pending_count = count;
	front_gauge(&pool->stats->pending, &pool->stats->pending_max, count);
	jobq_set_hungry(&pool->jobq, count > 0);
}

/* In the order in which they were admitted, by whichever front. */
void
front_pool_put_back(struct front_pool *pool, struct front_request *request)
{
	uint32_t lane = lane_of(pool, request);
	struct front_request_list *list = &pool->pending[lane];
	struct front_request *before = TAILQ_LAST(list, front_request_list);

	while (before != NULL && before->queued_ns > request->queued_ns)
		before = TAILQ_PREV(before, front_request_list, link);
	request->state = FRONT_PENDING;
	if (before == NULL)
		TAILQ_INSERT_HEAD(list, request, link);
	else
		TAILQ_INSERT_AFTER(list, before, request, link);
	pool->lanes.lanes[lane].waiting++;
	set_pending(pool, pool->pending_count + 1);
	front_deadline_waits(request);
	front_demand(pool);
}

/* A pool that grows has its workers when they are asked for: there those count
 * that may be. */
static void
count_places(struct front_pool *pool)
{
	uint32_t ready;

	if (pool->lanes.count == 1 ||
	    pool->config->scaling != CONFIG_SCALING_STATIC)
		return;
	ready = front_demand_ready(pool);
	if (ready > pool->config->workers)
		ready = pool->config->workers;
	front_lanes_present(&pool->lanes, (uint64_t)ready *
	    pool->config->threads);
}

/* While a newer front takes requests they go there and not to our workers. */
void
front_pool_add(struct front_pool *pool, struct front_request *request)
{
	uint32_t lane = lane_of(pool, request);

	if (request->queued_ns == 0)
		request->queued_ns = clock_now_ns();
	count_places(pool);
	if (pool->lanes.lanes[lane].waiting > 0 ||
	    !front_lanes_may_run(&pool->lanes, lane) ||
	    front_pass_is_open(pool->front) || !front_job_push(pool, request))
		front_pool_put_back(pool, request);
}

void
front_pool_remove(struct front_pool *pool, struct front_request *request)
{
	uint32_t lane = lane_of(pool, request);

	TAILQ_REMOVE(&pool->pending[lane], request, link);
	pool->lanes.lanes[lane].waiting--;
	set_pending(pool, pool->pending_count - 1);
}

/* Who came first of those that have a place. */
static struct front_request *
next_to_run(const struct front_pool *pool)
{
	struct front_request *next = NULL;

	for (uint32_t i = 0; i < pool->lanes.count; i++) {
		struct front_request *first = TAILQ_FIRST(&pool->pending[i]);

		if (first != NULL && front_lanes_may_run(&pool->lanes, i) &&
		    (next == NULL || first->queued_ns < next->queued_ns))
			next = first;
	}
	return next;
}

void
front_pool_refill(struct front_pool *pool)
{
	struct front_request *request;

	count_places(pool);
	/* `hungry` must not be taken back, however shortly, while one waits. */
	while ((request = next_to_run(pool)) != NULL &&
	    front_job_may_push(pool)) {
		if (front_stale_drop(request, pool->front->looked_ns,
		    clock_now_ns()))
			continue;
		if (!front_job_push(pool, request))
			break;
		front_pool_remove(pool, request);
	}
}
