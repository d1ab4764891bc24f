/*
 * front_take.c - a link from an older front.
 *
 * Runs in: front.
 * Owns: each struct front_taking, and the one packet it could not answer yet.
 * Invariant: each packet is answered, in order, before anything is done with
 * its connection: while the answer cannot be sent nothing more is read.  What
 * is wrong with a packet is its own misfortune: the link goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "front/front.h"

#define TAKES_PER_EVENT	64

static void	on_link(uv_poll_t *, int, int);

/* The other side has died or left: that ends waiting as well. */
static void
watch(struct front_taking *taking)
{
	uv_poll_start(&taking->poll, taking->waits ? UV_WRITABLE :
	    UV_READABLE, on_link);
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
end(struct front_taking *taking)
{
	struct front *front = taking->front;

	if (taking->refused > 1)
		log_warnx("%u connections from an older front were refused",
		    taking->refused);
	TAILQ_REMOVE(&front->takings, taking, link);
	uv_close((uv_handle_t *)&taking->poll, on_closed);
	close(taking->fd);
	front_leave_if_done(front);
}

/* A job slot is as large as our own limits say.  The older front, which has
 * admitted it, has larger ones. */
static bool
would_fit(const struct front_taking *taking, struct err *err_out)
{
	size_t limit = taking->front->config->params_limit;

	if (taking->packet.params_length <= limit)
		return true;
	err_set(err_out, "parameters of %u bytes, and params_limit is %zu",
	    taking->packet.params_length, limit);
	return false;
}

/* They may be many, for one reason.  What is refused has no descriptors any
 * more. */
static void
refuse(struct front_taking *taking, const struct err *why)
{
	if (taking->refused++ == 0)
		log_warnx("a connection from an older front is refused: %s",
		    why->text);
	handover_close(taking->fds);
}

static bool
is_wanted(const struct front_taking *taking)
{
	return taking->fds[HANDOVER_FD_CONN] >= 0;
}

/* False: there is none, or the link has ended. */
static bool
receive(struct front_taking *taking)
{
	struct err err;

	switch (handover_receive(taking->fd, clock_now_ns(), &taking->packet,
	    taking->fds, &err)) {
	case HANDOVER_NONE:
		return false;
	case HANDOVER_ENDED:
		end(taking);
		return false;
	case HANDOVER_WRONG:
		refuse(taking, &err);
		break;
	case HANDOVER_GOT:
		if (!would_fit(taking, &err))
			refuse(taking, &err);
		break;
	}
	taking->waits = true;
	return true;
}

/* False: not now.  When nobody is there to be answered it is ours anyway. */
static bool
answer(struct front_taking *taking)
{
	if (handover_answer(taking->fd, is_wanted(taking)) < 0 &&
	    errno == EAGAIN)
		return false;
	taking->waits = false;
	if (is_wanted(taking)) {
		taking->front->taken_count++;
		front_adopt(taking->front, &taking->packet, taking->fds,
		    false);
	}
	return true;
}

static void
on_link(uv_poll_t *handle, int status, int events)
{
	struct front_taking *taking = handle->data;
	bool waited = taking->waits;

	(void)events;
	front_awake(taking->front);
	for (int i = 0; i < TAKES_PER_EVENT; i++)
		if ((!taking->waits && !receive(taking)) || !answer(taking))
			break;
	if (!uv_is_closing((uv_handle_t *)handle) &&
	    (status < 0 || taking->waits != waited))
		watch(taking);
}

void
front_take(struct front *front, int fd)
{
	struct front_taking *taking = calloc(1, sizeof(*taking));

	if (taking == NULL || uv_poll_init(&front->loop, &taking->poll,
	    fd) < 0) {
		log_warnx("a link from an older front cannot be watched");
		free(taking);
		close(fd);
		return;
	}
	taking->front = front;
	taking->fd = fd;
	taking->poll.data = taking;
	TAILQ_INSERT_TAIL(&front->takings, taking, link);
	watch(taking);
}
