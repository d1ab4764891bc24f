/*
 * front_deadline.c - what happens when time is up.
 *
 * Runs in: front.
 * Owns: the timer of each job, and one per pool for its oldest pending request.
 * Invariant: the time to wait for a worker counts from admission, the time to
 * run from when the worker began; a client gets one answer at most; a worker
 * that goes on is first told, and after kill_grace reported.
 */
#include "common/clock.h"
#include "common/log.h"
#include "front/front.h"

#define SOON_MS	5	/* taken this moment, begun the next */

static void	on_job_timer(uv_timer_t *);

static uint64_t
queue_limit_ns(const struct front_pool *pool)
{
	return pool->config->queue_timeout_ms * CLOCK_NS_PER_MS;
}

/* Milliseconds from now until then, rounded up, at least 1. */
static uint64_t
ms_until(uint64_t then_ns, uint64_t now_ns)
{
	if (then_ns <= now_ns)
		return 1;
	return (then_ns - now_ns) / CLOCK_NS_PER_MS + 1;
}

static void
on_pending_timer(uv_timer_t *timer)
{
	struct front_pool *pool = timer->data;
	uint64_t now = clock_now_ns();
	struct front_request *request;

	while ((request = TAILQ_FIRST(&pool->pending)) != NULL &&
	    now >= request->queued_ns + queue_limit_ns(pool)) {
		front_pool_remove(pool, request);
		front_refuse(request, SHM_REFUSED_QUEUE_TIMEOUT);
	}
	front_deadline_pending(pool);
}

/* All of a pool may wait equally long, so the oldest is the first to expire. */
void
front_deadline_pending(struct front_pool *pool)
{
	struct front_request *oldest = TAILQ_FIRST(&pool->pending);

	if (oldest == NULL || queue_limit_ns(pool) == 0)
		return;
	uv_timer_start(&pool->pending_timer, on_pending_timer,
	    ms_until(oldest->queued_ns + queue_limit_ns(pool),
	    clock_now_ns()), 0);
}

static void
arm(struct front_job *job, uint64_t ms)
{
	uv_timer_start(&job->timer, on_job_timer, ms, 0);
}

/* Nobody has begun it: look again when it could first be too late for either
 * limit. */
static void
arm_waiting(struct front_job *job, uint64_t now)
{
	uint64_t queue_ns = queue_limit_ns(job->pool);
	uint64_t run_ms = job->route->timeout_ms;
	uint64_t ms = 0;

	if (queue_ns != 0)
		ms = ms_until(job->queued_ns + queue_ns, now);
	if (run_ms != 0 && (ms == 0 || run_ms < ms))
		ms = run_ms;
	if (ms != 0)
		arm(job, ms);
}

void
front_deadline_pushed(struct front_job *job)
{
	arm_waiting(job, job->pushed_ns);
}

void
front_deadline_stop(struct front_job *job)
{
	uv_timer_stop(&job->timer);
}

static void
waited_too_long(struct front_job *job)
{
	struct front_request *request = job->request;

	if (request == NULL || !front_job_withdraw(job)) {
		arm(job, SOON_MS);
		return;
	}
	front_refuse(request, SHM_REFUSED_QUEUE_TIMEOUT);
}

bool
front_deadline_passed(const struct front_job *job,
    const struct shm_reply *reply)
{
	uint64_t limit_ns = job->route->timeout_ms * CLOCK_NS_PER_MS;
	uint64_t started = atomic_load(&reply->started_ns);
	uint64_t ended = reply->ended_ns;

	return limit_ns != 0 && ended > started && ended - started >= limit_ns;
}

void
front_deadline_answer(struct front_request *request)
{
	front_count(&front_route_stats(request)->timeouts, 1);
	front_answer(request, 504, "", "The handler did not answer within "
	    "%llu ms.",
	    (unsigned long long)request->match.route->timeout_ms);
}

/* 504 for the client; the worker is told, and has kill_grace to end. */
static void
ran_too_long(struct front_job *job)
{
	struct front_request *request = job->request;

	job->timed_out = true;
	log_warnx("req=%s route=\"%s\" handler=%s ran longer than %llu ms",
	    job->request_id, job->route->label, job->route->handler->name,
	    (unsigned long long)job->route->timeout_ms);
	arm(job, job->pool->front->config->kill_grace_ms);
	if (request == NULL)
		return;
	front_job_abandon(job);
	if (!job->forwarded) {
		front_deadline_answer(request);
		return;
	}
	front_count(&front_route_stats(request)->timeouts, 1);
	front_conn_close(request->conn);
}

static void
on_job_timer(uv_timer_t *timer)
{
	struct front_job *job = timer->data;
	struct front *front = job->pool->front;
	uint64_t queue_ns = queue_limit_ns(job->pool);
	uint64_t run_ns = job->route->timeout_ms * CLOCK_NS_PER_MS;
	uint64_t now = clock_now_ns();
	uint32_t worker, slot;
	uint64_t started;

	if (!front_job_begun(job, &worker, &slot)) {
		if (queue_ns != 0 && now >= job->queued_ns + queue_ns)
			waited_too_long(job);
		else
			arm_waiting(job, now);
		return;
	}
	if (job->timed_out) {
		front_link_overtime(front, worker, job);
		return;
	}
	started = atomic_load(&shm_reply(front->shm, worker, slot)->
	    started_ns);
	if (started < job->pushed_ns || started > now)
		started = job->pushed_ns;
	if (run_ns == 0)
		return;
	if (now >= started + run_ns)
		ran_too_long(job);
	else
		arm(job, ms_until(started + run_ns, now));
}
