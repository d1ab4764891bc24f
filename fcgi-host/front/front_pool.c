/*
 * front_pool.c - a pool's pending requests, and when they go to the workers.
 *
 * Runs in: front.
 * Owns: each struct front_pool: pending list, job slots.
 * Invariant: first come, first served; the shared queue holds no more than its
 * workers can take at once, and the rest waits here, where a request can be
 * dropped the moment nobody wants it any more.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "front/front.h"

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
	if (front_client_start(pool) < 0)
		return -1;
	TAILQ_INIT(&pool->pending);
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
	if (front->pools == NULL || front->workers == NULL ||
	    front->route_active == NULL)
		return -1;
	for (uint32_t i = 0; i < geometry->pool_count; i++)
		if (pool_create(front, i) < 0)
			return -1;
	return 0;
}

bool
front_pool_has_place(const struct front_pool *pool)
{
	uint64_t running = (uint64_t)pool->config->workers *
	    pool->config->threads;

	return pool->active_count + pool->pending_count <
	    running + pool->config->queue;
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
	struct front_request *before = TAILQ_LAST(&pool->pending,
	    front_request_list);

	while (before != NULL && before->queued_ns > request->queued_ns)
		before = TAILQ_PREV(before, front_request_list, link);
	request->state = FRONT_PENDING;
	if (before == NULL)
		TAILQ_INSERT_HEAD(&pool->pending, request, link);
	else
		TAILQ_INSERT_AFTER(&pool->pending, before, request, link);
	set_pending(pool, pool->pending_count + 1);
	front_deadline_waits(request);
	front_demand(pool);
}

/* While a newer front takes requests they go there and not to our workers. */
void
front_pool_add(struct front_pool *pool, struct front_request *request)
{
	if (request->queued_ns == 0)
		request->queued_ns = clock_now_ns();
	if (pool->pending_count > 0 || front_pass_is_open(pool->front) ||
	    !front_job_push(pool, request))
		front_pool_put_back(pool, request);
}

void
front_pool_remove(struct front_pool *pool, struct front_request *request)
{
	TAILQ_REMOVE(&pool->pending, request, link);
	set_pending(pool, pool->pending_count - 1);
}

void
front_pool_refill(struct front_pool *pool)
{
	struct front_request *request;

	/* `hungry` must not be taken back, however shortly, while one waits. */
	while ((request = TAILQ_FIRST(&pool->pending)) != NULL &&
	    front_job_may_push(pool)) {
		if (front_stale_drop(request, pool->front->looked_ns,
		    clock_now_ns()))
			continue;
		if (!front_job_push(pool, request))
			break;
		front_pool_remove(pool, request);
	}
}
