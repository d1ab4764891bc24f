/*
 * front_leave.c - the end of a front: it is told to stop, or to retire.
 *
 * Runs in: front.
 * Owns: the timer of drain_timeout.
 * Invariant: a stream is told at once that it is to end.  What has begun is
 * answered first, for drain_timeout.  Then what no
 * worker has begun is refused, and who runs is told and may still end well
 * within kill_grace (half-way its system calls are broken); what is left then
 * is refused, or cut off where a part of its reply has left.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "front/front.h"
#include "front/front_password.h"

static void
leave(struct front *front)
{
	if (front->retiring)
		log_info("leaves; %u connections went to a newer front",
		    front->passed_count);
	api_request_destroy(front->sync_request);
	api_worker_destroy(front->sync_worker);
	_exit(0);
}

/* The last step: nobody is waited for any more. */
static void
on_ended(uv_timer_t *timer)
{
	struct front *front = timer->data;
	struct front_conn *conn, *next;

	for (conn = TAILQ_FIRST(&front->busy); conn != NULL; conn = next) {
		struct front_request *request = conn->request;

		next = TAILQ_NEXT(conn, link);
		if (request != NULL && request->job != NULL &&
		    !request->job->forwarded) {
			front_job_abandon(request->job);
			front_refuse(request, SHM_REFUSED_STOPPING);
		} else if (request != NULL &&
		    request->state == FRONT_PENDING) {
			front_pool_remove(&front->pools[
			    request->match.route->pool], request);
			front_refuse(request, SHM_REFUSED_STOPPING);
		} else if (request != NULL && request->job != NULL)
			front_request_broken(request);
		else if (request != NULL && request->state == FRONT_WAITING)
			front_refuse(request, SHM_REFUSED_STOPPING);
		else if (request != NULL && request->state == FRONT_CHECKING)
			front_password_give_up(request);
		else
			front_conn_close(conn);
	}
	leave(front);
}

/* The ladder for handlers over their time has the step that is wanted here: a
 * worker is sent SIGTERM. */
static void
urge(struct front_pool *pool)
{
	struct front *front = pool->front;
	struct front_job *job;
	uint32_t worker, slot;

	TAILQ_FOREACH(job, &pool->active, link)
		if (front_job_begun(job, &worker, &slot) &&
		    !front->workers[worker].overtime)
			front_link_overtime(front, worker, job);
}

static void
on_urge(uv_timer_t *timer)
{
	struct front *front = timer->data;
	uint64_t grace = front->config->kill_grace_ms;

	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++)
		urge(&front->pools[p]);
	uv_timer_start(timer, on_ended, grace - grace / 2, 0);
}

/* Returns how many were told. */
static unsigned
end_jobs(struct front_pool *pool)
{
	struct front_job *job, *next;
	struct front_request *request;
	unsigned told = 0;

	for (uint32_t i = 0; i < pool->lanes.count; i++)
		while ((request = TAILQ_FIRST(&pool->pending[i])) != NULL) {
			front_pool_remove(pool, request);
			front_refuse(request, SHM_REFUSED_STOPPING);
		}
	for (job = TAILQ_FIRST(&pool->active); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		request = job->request;
		if (request == NULL)
			continue;
		if (front_job_withdraw(job))
			front_refuse(request, SHM_REFUSED_STOPPING);
		else {
			front_job_tell(job, SHM_CANCELLED_ENDING);
			told++;
		}
	}
	return told;
}

static void
on_drained(uv_timer_t *timer)
{
	struct front *front = timer->data;
	unsigned told = 0;

	front->ending = true;
	uv_timer_start(timer, on_urge, front->config->kill_grace_ms / 2, 0);
	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++)
		told += end_jobs(&front->pools[p]);
	log_warnx("drain_timeout is over: %u requests still run, and are told; "
	    "%u connections are open", told, front->conn_count);
}

/* From the first word on.  Streams are told at once, whichever front takes
 * their clients next. */
static void
start_drain(struct front *front)
{
	front_stream_end_all(front);
	if (!front->ending && !uv_is_active((uv_handle_t *)
	    &front->drain_timer))
		uv_timer_start(&front->drain_timer, on_drained,
		    front->config->drain_timeout_ms, 0);
	front_accept_stop(front);
}

static void
stop_list(struct front_conn_list *list)
{
	struct front_conn *conn, *next;

	for (conn = TAILQ_FIRST(list); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		front_conn_stop(conn);
	}
}

/* Requests that have come are served; connections without one go, the others
 * follow when they are done. */
void
front_stop(struct front *front)
{
	front->stopping = true;
	start_drain(front);
	front_runner_stop(front);
	front_clerk_hurry(front);
	stop_list(&front->idle);
	stop_list(&front->busy);
	front_leave_if_done(front);
}

void
front_retire(struct front *front, int fd)
{
	struct front_conn *conn;

	front->retiring = true;
	start_drain(front);
	front_runner_stop(front);
	front_clerk_hurry(front);
	TAILQ_FOREACH(conn, &front->idle, link)
		conn->stays = false;
	TAILQ_FOREACH(conn, &front->busy, link)
		conn->stays = false;
	front_passing_open(front, fd);
	front_pass_all(front);
	front_leave_if_done(front);
}

static bool
jobs_are_left(const struct front *front)
{
	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++)
		if (front->pools[p].active_count > 0)
			return true;
	return false;
}

/* What was passed and is not answered for may come back.  An older front that
 * still passes to us is waited for, unless all fronts stop. */
static bool
links_are_busy(const struct front *front)
{
	const struct front_passing *passing;

	TAILQ_FOREACH(passing, &front->passings, link)
		if (!TAILQ_EMPTY(&passing->passed))
			return true;
	return !front->stopping && !TAILQ_EMPTY(&front->takings);
}

void
front_leave_if_done(struct front *front)
{
	if ((front->stopping || front->retiring) && front->conn_count == 0 &&
	    !jobs_are_left(front) && !links_are_busy(front))
		leave(front);
}
