/*
 * front_passing.c - the link to a newer front.
 *
 * Runs in: front, one that retires.
 * Owns: each struct front_passing, and what was sent and not answered for.
 * Invariant: sending never waits, and is tried again only when the link has
 * room or a moment has passed.  A link that has been replaced lives until all
 * that was sent over it is answered for; what one that breaks had not answered
 * for was not begun over there, and is ours again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "front/front.h"

#define RETRY_MS	100	/* out of descriptors or memory on the way */

static void	on_link(uv_poll_t *, int, int);

static void
watch(struct front_passing *passing)
{
	uv_poll_start(&passing->poll, UV_READABLE |
	    (passing->full ? UV_WRITABLE : 0), on_link);
}

static void
on_retry(uv_timer_t *timer)
{
	front_pass_all(timer->data);
}

/* Once: it may be true of many. */
void
front_passing_warn(struct front_passing *passing)
{
	if (!passing->warned)
		log_warn("passing connections to the newer front");
	passing->warned = true;
}

/* A link without a reader is seen in the loop, by on_link. */
static void
hold_back(struct front_passing *passing)
{
	if (errno == EAGAIN || errno == EPIPE || errno == ECONNRESET) {
		passing->full = true;
		watch(passing);
		return;
	}
	front_passing_warn(passing);
	uv_timer_start(&passing->front->pass_timer, on_retry, RETRY_MS, 0);
}

int
front_passing_send(struct front *front, struct front_passed *passed)
{
	struct front_passing *passing = front->passing;

	if (handover_send(passing->fd, &passed->packet, passed->fds) < 0) {
		hold_back(passing);
		return -1;
	}
	TAILQ_INSERT_TAIL(&passing->passed, passed, link);
	return 0;
}

/* The oldest is answered for. */
static void
settle(struct front_passing *passing, bool taken)
{
	struct front_passed *passed = TAILQ_FIRST(&passing->passed);

	TAILQ_REMOVE(&passing->passed, passed, link);
	if (taken)
		handover_close(passed->fds);
	else {
		passing->front->passed_count--;
		front_adopt(passing->front, &passed->packet, passed->fds, true);
	}
	free(passed);
}

/* False: the link is broken, or what it says cannot be. */
static bool
hear(struct front_passing *passing)
{
	enum handover_rc rc;
	bool taken;

	while ((rc = handover_hear(passing->fd, &taken)) == HANDOVER_GOT) {
		if (TAILQ_EMPTY(&passing->passed))
			return false;
		settle(passing, taken);
	}
	return rc == HANDOVER_NONE;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
end(struct front_passing *passing)
{
	struct front *front = passing->front;

	TAILQ_REMOVE(&front->passings, passing, link);
	if (front->passing == passing)
		front->passing = NULL;
	uv_close((uv_handle_t *)&passing->poll, on_closed);
	close(passing->fd);
}

/* The newer front is gone. */
static void
break_off(struct front_passing *passing)
{
	struct front *front = passing->front;
	struct front_passed *passed;
	unsigned count = 0;

	end(passing);
	while ((passed = TAILQ_FIRST(&passing->passed)) != NULL) {
		TAILQ_REMOVE(&passing->passed, passed, link);
		front->passed_count--;
		front_adopt(front, &passed->packet, passed->fds, false);
		free(passed);
		count++;
	}
	log_warnx("the newer front is gone; %u connections taken back, %u "
	    "kept until there is another", count, front->conn_count);
}

static void
end_if_replaced(struct front_passing *passing)
{
	if (passing != passing->front->passing &&
	    TAILQ_EMPTY(&passing->passed))
		end(passing);
}

static void
on_link(uv_poll_t *handle, int status, int events)
{
	struct front_passing *passing = handle->data;
	struct front *front = passing->front;

	front_awake(front);
	if (!hear(passing) || status < 0) {
		break_off(passing);
		front_leave_if_done(front);
		return;
	}
	if ((events & UV_WRITABLE) != 0 && passing->full) {
		passing->full = false;
		watch(passing);
		front_pass_all(front);
	}
	end_if_replaced(passing);
	front_leave_if_done(front);
}

static struct front_passing *
create(struct front *front, int fd)
{
	struct front_passing *passing = calloc(1, sizeof(*passing));

	if (passing == NULL || uv_poll_init(&front->loop, &passing->poll,
	    fd) < 0) {
		free(passing);
		return NULL;
	}
	passing->front = front;
	passing->fd = fd;
	passing->poll.data = passing;
	TAILQ_INIT(&passing->passed);
	TAILQ_INSERT_TAIL(&front->passings, passing, link);
	watch(passing);
	return passing;
}

/* Whether the one before has broken decides what is still to be passed. */
void
front_passing_open(struct front *front, int fd)
{
	struct front_passing *before = front->passing;
	struct front_passing *passing = create(front, fd);

	if (passing == NULL) {
		log_warnx("a link to a newer front cannot be watched");
		close(fd);
		return;
	}
	front->passing = NULL;
	if (before != NULL && !hear(before))
		break_off(before);
	else if (before != NULL)
		end_if_replaced(before);
	front->passing = passing;
}
