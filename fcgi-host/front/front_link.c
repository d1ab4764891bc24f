/*
 * front_link.c - the front's link to the supervisor.
 *
 * Runs in: front.
 * Owns: the watcher of the link.
 * Invariant: the supervisor's death is ours (parent-death signal); its word to
 * stop lets everything that has begun be answered first.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "front/front.h"

/* A supervisor that is slow is waited for; it never waits for us. */
static void
say(struct front *front, struct message *message)
{
	struct pollfd link = { .fd = front->start->fds[SPAWN_FD_CONTROL],
	    .events = POLLOUT };

	message->team = front->start->team;
	while (channel_send(link.fd, message, NULL, 0) < 0)
		if (errno != EAGAIN || (poll(&link, 1, -1) < 0 &&
		    errno != EINTR))
			fatal(EXIT_CODE_SYSTEM, "link to the supervisor");
}

void
front_link_overtime(struct front *front, uint32_t worker,
    const struct front_job *job)
{
	struct message message = { .type = MESSAGE_OVERTIME, .slot = worker,
	    .incarnation = front->workers[worker].incarnation };

	front->workers[worker].overtime = true;
	snprintf(message.text, sizeof(message.text), "req=%s route=\"%s\"",
	    job->request_id, job->route->label);
	say(front, &message);
}

void
front_link_busy(struct front *front)
{
	struct message message = { .type = MESSAGE_BUSY };

	say(front, &message);
}

void
front_link_spoilt(struct front *front, uint32_t worker)
{
	struct message message = { .type = MESSAGE_SPOILT, .slot = worker,
	    .incarnation = front->workers[worker].incarnation };

	say(front, &message);
}

void
front_link_cleaned(struct front *front, uint32_t worker)
{
	struct message message = { .type = MESSAGE_CLEANED, .slot = worker };

	say(front, &message);
}

/* drain_timeout is over: who still waits is told so. */
static void
on_stop_timer(uv_timer_t *timer)
{
	struct front *front = timer->data;
	struct front_conn *conn, *next;

	for (conn = TAILQ_FIRST(&front->busy); conn != NULL; conn = next) {
		struct front_request *request = conn->request;

		next = TAILQ_NEXT(conn, link);
		if (request != NULL && request->state == FRONT_PENDING)
			front_pool_remove(&front->pools[
			    request->match.route->pool], request);
		else if (request != NULL && request->job != NULL &&
		    !request->job->forwarded)
			front_job_abandon(request->job);
		else {
			front_conn_close(conn);
			continue;
		}
		front_refuse(request, SHM_REFUSED_STOPPING);
	}
	_exit(0);
}

/* Requests that have come are served; connections without one go, the others
 * follow when they are done. */
static void
stop(struct front *front)
{
	struct front_conn *conn, *next;

	front->stopping = true;
	front->stop_timer.data = front;
	uv_timer_init(&front->loop, &front->stop_timer);
	uv_timer_start(&front->stop_timer, on_stop_timer,
	    front->config->drain_timeout_ms, 0);
	front_accept_stop(front);
	for (conn = TAILQ_FIRST(&front->idle); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		front_conn_stop(conn);
	}
	for (conn = TAILQ_FIRST(&front->busy); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		front_conn_stop(conn);
	}
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

void
front_leave_if_done(struct front *front)
{
	if (!front->stopping || front->conn_count > 0 || jobs_are_left(front))
		return;
	api_request_destroy(front->sync_request);
	api_worker_destroy(front->sync_worker);
	_exit(0);
}

static void
on_link(uv_poll_t *handle, int status, int events)
{
	struct front *front = handle->data;
	struct message message;
	int fds[CHANNEL_FDS_MAX], got;
	size_t count;

	(void)status;
	(void)events;
	got = channel_receive(front->start->fds[SPAWN_FD_CONTROL], &message,
	    fds, &count);
	if (got <= 0)
		fatalx(EXIT_CODE_SYSTEM, "the supervisor is gone");
	switch (message.type) {
	case MESSAGE_WORKER_DIED:
		front_worker_died(front, message.slot, message.incarnation,
		    message.value);
		break;
	case MESSAGE_STOP:
		stop(front);
		break;
	default:
		FH_BUG("message type");
	}
}

int
front_link_start(struct front *front)
{
	struct message ready = { .type = MESSAGE_READY, .slot = SLOT_FRONT };
	int link = front->start->fds[SPAWN_FD_CONTROL];

	front->link_poll.data = front;
	if (uv_poll_init(&front->loop, &front->link_poll, link) < 0 ||
	    uv_poll_start(&front->link_poll, UV_READABLE, on_link) < 0)
		return -1;
	say(front, &ready);
	return 0;
}
