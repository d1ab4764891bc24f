/*
 * front_link.c - the front's link to the supervisor.
 *
 * Runs in: front.
 * Owns: the watcher of the link, the spare descriptor.
 * Invariant: the supervisor's death is ours (parent-death signal); what it says
 * is obeyed in the order it was said.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_ask.h"
#include "front/front_order.h"

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
front_link_lost(struct front *front, uint32_t worker, uint32_t incarnation,
    const struct lost_request *lost)
{
	struct message message = { .type = MESSAGE_LOST, .slot = worker,
	    .incarnation = incarnation };

	memcpy(message.text, lost, sizeof(*lost));
	say(front, &message);
}

void
front_link_cleaned(struct front *front, uint32_t worker)
{
	struct message message = { .type = MESSAGE_CLEANED, .slot = worker };

	say(front, &message);
}

void
front_link_spool(struct front *front, int error)
{
	struct message message = { .type = MESSAGE_SPOOL, .value = error };

	say(front, &message);
}

void
front_link_notify(struct front *front, uint64_t topics)
{
	struct message message = { .type = MESSAGE_NOTIFY };

	memcpy(message.text, &topics, sizeof(topics));
	say(front, &message);
}

static void
hear_topics(struct front *front, const struct message *message)
{
	uint64_t topics;

	memcpy(&topics, message->text, sizeof(topics));
	front_notify(front, topics);
}

void
front_link_demand(struct front *front, uint32_t pool)
{
	struct message message = { .type = MESSAGE_DEMAND, .slot = pool };

	say(front, &message);
}

void
front_link_ask(struct front *front, enum ask_kind kind)
{
	struct message message = { .type = MESSAGE_ASK, .value = (int)kind };

	say(front, &message);
}

void
front_link_ordered(struct front *front, const struct message *answer)
{
	struct message message = *answer;

	say(front, &message);
}

static void
answer_alive(struct front *front)
{
	struct message message = { .type = MESSAGE_ALIVE };

	say(front, &message);
}

static void
obey(struct front *front, const struct message *message, int fd)
{
	switch (message->type) {
	case MESSAGE_WORKER_DIED:
		front_worker_died(front, message);
		break;
	case MESSAGE_LEAVE:
		front_worker_leave(front, message->slot);
		break;
	case MESSAGE_SERVE:
		if (!front->retiring && !front->stopping) {
			front->serving = true;
			front_accept_resume(front);
			front_runner_start(front);
		}
		break;
	case MESSAGE_NOTIFY:
		hear_topics(front, message);
		break;
	case MESSAGE_ORDER:
		front_order(front, message);
		break;
	case MESSAGE_ANSWER:
		front_ask_answered(front, message, fd);
		break;
	case MESSAGE_ALIVE:
		answer_alive(front);
		break;
	case MESSAGE_TAKE:
		front_take(front, fd);
		break;
	case MESSAGE_RETIRE:
		front_retire(front, fd);
		break;
	case MESSAGE_STOP:
		front_stop(front);
		break;
	default:
		FH_BUG("message type");
	}
}

/* One that is out of descriptors must not miss what would relieve it. */
static void
keep_spare(struct front *front, bool kept)
{
	if (kept && front->spare_fd < 0)
		front->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (!kept && front->spare_fd >= 0) {
		close(front->spare_fd);
		front->spare_fd = -1;
	}
}

static bool
brings_one(const struct message *message)
{
	return message->type == MESSAGE_TAKE ||
	    message->type == MESSAGE_RETIRE;
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
	front_awake(front);
	keep_spare(front, false);
	got = channel_receive(front->start->fds[SPAWN_FD_CONTROL], &message,
	    fds, &count);
	keep_spare(front, true);
	if (got <= 0)
		fatalx(EXIT_CODE_SYSTEM, "the supervisor is gone");
	FH_BUG(message.type == MESSAGE_ANSWER ? count > 1 :
	    count != brings_one(&message));
	obey(front, &message, count > 0 ? fds[0] : -1);
}

int
front_link_start(struct front *front)
{
	struct message ready = { .type = MESSAGE_READY, .slot = SLOT_FRONT };
	int link = front->start->fds[SPAWN_FD_CONTROL];

	front->spare_fd = -1;
	keep_spare(front, true);
	front->link_poll.data = front;
	if (uv_poll_init(&front->loop, &front->link_poll, link) < 0 ||
	    uv_poll_start(&front->link_poll, UV_READABLE, on_link) < 0)
		return -1;
	say(front, &ready);
	return 0;
}
