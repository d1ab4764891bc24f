/*
 * front_deadline.c - what happens when time is up.
 *
 * Runs in: front.
 * Owns: the timer of each job, and one per pool for what is pending.
 * Invariant: the time to wait and the deadline count from the arrival of the
 * request, the time to run from when the worker began; a client gets one answer
 * at most; a worker that goes on is first told, and after kill_grace reported;
 * so is one whose request an operator ends.
 * A stream is told a kill_grace before that, so that it can end well.
 */
#include "common/clock.h"
#include "common/due.h"
#include "common/log.h"
#include "common/usage.h"
#include "front/front.h"
#include "front/front_order.h"
#include "front/front_stale.h"

#define SOON_MS		5	/* taken this moment, begun the next */
#define PENDING_PER_MS	1000	/* looked through in 1 % of that time */

static void	on_job_timer(uv_timer_t *);

/* Milliseconds from now until then, rounded up, at least 1. */
static uint64_t
ms_until(uint64_t then_ns, uint64_t now_ns)
{
	if (then_ns <= now_ns)
		return 1;
	return (then_ns - now_ns) / CLOCK_NS_PER_MS + 1;
}

static void	on_pending_timer(uv_timer_t *);

static void
arm_pending(struct front_pool *pool, uint64_t due_ns, uint64_t rest_ms)
{
	uint64_t ms = ms_until(due_ns, clock_now_ns());

	pool->pending_due_ns = due_ns;
	uv_timer_start(&pool->pending_timer, on_pending_timer,
	    ms < rest_ms ? rest_ms : ms, 0);
}

/* Returns when the first of the others will be too late, or `due` if that is
 * before; 0: never. */
static uint64_t
drop_stale(struct front_pool *pool, const struct front_request_list *list,
    uint64_t now, uint64_t due)
{
	struct front_request *request, *next;

	for (request = TAILQ_FIRST(list); request != NULL; request = next) {
		next = TAILQ_NEXT(request, link);
		if (!front_stale(request, now)) {
			due = due_first(due, request->begin_by_ns);
			continue;
		}
		front_pool_remove(pool, request);
		front_refuse(request, SHM_REFUSED_QUEUE_TIMEOUT);
	}
	return due;
}

/* Routes differ in their deadlines and web servers in how long they kept a
 * request, so any of them may be the next: a long list is not looked through
 * all the time. */
static void
on_pending_timer(uv_timer_t *timer)
{
	struct front_pool *pool = timer->data;
	uint64_t rest_ms = pool->pending_count / PENDING_PER_MS;
	uint64_t now = clock_now_ns(), due = 0;

	for (uint32_t i = 0; i < pool->lanes.count; i++)
		due = drop_stale(pool, &pool->pending[i], now, due);
	pool->pending_due_ns = 0;
	if (due != 0)
		arm_pending(pool, due, rest_ms);
}

void
front_deadline_waits(struct front_request *request)
{
	struct front_pool *pool = &request->front->pools[
	    request->match.route->pool];

	if (request->begin_by_ns != 0 && (pool->pending_due_ns == 0 ||
	    request->begin_by_ns < pool->pending_due_ns))
		arm_pending(pool, request->begin_by_ns, 0);
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
	uint64_t due = due_first(job->begin_by_ns, due_after(now,
	    job->route->timeout_ms));

	if (due != 0)
		arm(job, ms_until(due, now));
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

/* Claimed, and in nobody's reply slot: its worker stands between the two, or
 * one has overwritten the claim.  Nobody is ended for it. */
static void
is_astray(struct front_job *job, uint64_t now)
{
	struct front_request *request = job->request;
	uint64_t grace_ms = job->pool->front->config->kill_grace_ms;

	if (job->astray_ns == 0)
		job->astray_ns = now;
	if (!due_is_over(due_after(job->astray_ns, grace_ms + 1), now)) {
		arm(job, SOON_MS);
		return;
	}
	log_warnx("req=%s route=\"%s\" was claimed and never begun",
	    job->request_id, job->route->label);
	if (!front_job_take_back(job))
		arm(job, SOON_MS);
	else if (request != NULL)
		front_answer(request, 503, "Retry-After: 1\r\n", "A worker "
		    "took the request and did not begin it.");
}

/* No worker has begun it. */
static void
look_again(struct front_job *job, uint64_t now)
{
	struct front_request *request = job->request;
	bool queued = request != NULL && jobq_claimant(&job->pool->jobq,
	    job->index, job->seq) == SHM_CLAIM_QUEUED;

	if (queued && !due_is_over(job->begin_by_ns, now))
		arm_waiting(job, now);
	else if (queued && front_job_withdraw(job))
		front_refuse(request, SHM_REFUSED_QUEUE_TIMEOUT);
	else
		is_astray(job, now);
}

/* When it must have ended that began then; 0: never. */
static uint64_t
end_of(const struct front_job *job, uint64_t started_ns)
{
	return due_first(job->end_by_ns, due_after(started_ns,
	    job->route->timeout_ms));
}

bool
front_deadline_passed(const struct front_job *job,
    const struct shm_reply *reply)
{
	uint64_t started = atomic_load(&reply->started_ns);
	uint64_t ended = reply->ended_ns;

	return ended > started && due_is_over(end_of(job, started), ended);
}

/* Was it the deadline, or the time to run? */
static bool
was_deadline(const struct route *route, uint64_t end_by_ns, uint64_t started_ns)
{
	uint64_t ran_ns = due_after(started_ns, route->timeout_ms);

	return end_by_ns != 0 && (ran_ns == 0 || end_by_ns < ran_ns);
}

/* It took until now, as far as its client is concerned. */
static void
took_until_now(struct front_request *request, uint64_t started_ns)
{
	request->begun_ns = started_ns;
	request->ended_ns = clock_now_ns();
	request->cpu_ns = USAGE_UNKNOWN;
}

static void
count_passed(struct front_request *request, uint64_t started_ns)
{
	took_until_now(request, started_ns);
	front_count(&front_route_stats(request)->timeouts, 1);
	front_fault_timed_out(request);
}

void
front_deadline_answer(struct front_request *request, uint64_t started_ns)
{
	const struct route *route = request->match.route;

	count_passed(request, started_ns);
	if (was_deadline(route, request->end_by_ns, started_ns))
		front_answer(request, 504, "", "The deadline of %llu ms since "
		    "the request arrived has passed.",
		    (unsigned long long)route->deadline_ms);
	else
		front_answer(request, 504, "", "The handler did not answer "
		    "within %llu ms.", (unsigned long long)route->timeout_ms);
}

static void
log_overtime(const struct front_job *job, uint64_t started_ns)
{
	const struct route *route = job->route;
	bool deadline = was_deadline(route, job->end_by_ns, started_ns);

	log_warnx("req=%s route=\"%s\" handler=%s %s %llu ms",
	    job->request_id, route->label, route->handler->name,
	    deadline ? "ran beyond its deadline of" : "ran longer than",
	    (unsigned long long)(deadline ? route->deadline_ms :
	    route->timeout_ms));
}

/* It may have sent all that it has, and then its reply is whole. */
static void
tell_to_end(struct front_job *job)
{
	job->told = true;
	front_job_tell(job, SHM_CANCELLED_ENDING);
	arm(job, job->pool->front->config->kill_grace_ms);
}

/* 504 for the client; the worker is told, and has kill_grace to end. */
static void
ran_too_long(struct front_job *job, uint64_t started_ns)
{
	struct front_request *request = job->request;

	job->timed_out = true;
	log_overtime(job, started_ns);
	arm(job, job->pool->front->config->kill_grace_ms);
	if (request == NULL)
		return;
	front_job_abandon(job);
	if (!job->forwarded) {
		front_deadline_answer(request, started_ns);
		return;
	}
	count_passed(request, started_ns);
	front_request_broken(request);
}

/* From when on its handler runs; 0: it does not. */
static uint64_t
started_of(const struct front_job *job, uint64_t now)
{
	struct front *front = job->pool->front;
	uint32_t worker, slot;
	uint64_t started;

	if (!front_job_begun(job, &worker, &slot))
		return 0;
	started = atomic_load(&shm_reply(front->shm, worker, slot)->
	    started_ns);
	return started < job->pushed_ns || started > now ? job->pushed_ns :
	    started;
}

bool
front_deadline_kill(struct front_job *job)
{
	struct front_request *request = job->request;
	uint64_t started = started_of(job, clock_now_ns());
	bool forwarded = job->forwarded;

	if (job->timed_out)
		return false;
	job->timed_out = true;
	arm(job, job->pool->front->config->kill_grace_ms);
	if (request == NULL)
		return true;	/* it has been told that nobody waits */
	front_job_abandon(job);
	if (started != 0)
		took_until_now(request, started);
	front_order_end(request, forwarded);
	return true;
}

static void
on_job_timer(uv_timer_t *timer)
{
	struct front_job *job = timer->data;
	struct front *front = job->pool->front;
	uint64_t now = clock_now_ns();
	uint32_t worker, slot;
	uint64_t due, started;

	if (!front_job_begun(job, &worker, &slot)) {
		look_again(job, now);
		front_pool_refill(job->pool);	/* its place may be free */
		return;
	}
	if (job->timed_out) {
		front_link_overtime(front, worker, job);
		return;
	}
	started = started_of(job, now);
	due = end_of(job, started);
	if (due_is_over(due, now) && job->route->stream && !job->told &&
	    job->request != NULL)
		tell_to_end(job);
	else if (due_is_over(due, now))
		ran_too_long(job, started);
	else if (due != 0)
		arm(job, ms_until(due, now));
}
