/*
 * front_runner.c - tells the clerk which jobs run here, and takes them.
 *
 * Runs in: front, one that serves.
 * Owns: front.hello, the link to the clerk.
 * Invariant: a connection that comes over this link is the only way to a job's
 * serve(); a front that retires takes no more, and what it has runs on.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clerk.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_clerk.h"

#define AGAIN_MS	200	/* the clerk is gone, and comes back */

struct front_hello {
	struct front	*front;
	int		 fd;		/* -1: closed */
	uv_poll_t	*poll;
	uv_timer_t	 timer;
	uint8_t		*bytes;		/* head and routes */
	size_t		 length, sent;
};

static void	try(struct front_hello *);

/* A path of a socket is short; that of state_dir may not be. */
int
front_runner_connect(const struct front *front)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (front->jobs_dir < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path),
	    "/proc/self/fd/%d/%s", front->jobs_dir, CLERK_SOCKET);
	if (connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
hang_up(struct front_hello *hello)
{
	if (hello->fd < 0)
		return;
	uv_poll_stop(hello->poll);
	uv_close((uv_handle_t *)hello->poll, on_closed);
	hello->poll = NULL;
	close(hello->fd);
	hello->fd = -1;
	hello->sent = 0;
}

static void
on_again(uv_timer_t *timer)
{
	struct front_hello *hello = timer->data;

	front_awake(hello->front);
	try(hello);
}

static void
try_again(struct front_hello *hello)
{
	hang_up(hello);
	uv_timer_start(&hello->timer, on_again, AGAIN_MS, 0);
}

/* One byte, and the connection of a job. */
static void
take(struct front_hello *hello)
{
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(CHANNEL_FDS_MAX *
	    sizeof(int))];
	int fds[CHANNEL_FDS_MAX];
	char byte;
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = space, .msg_controllen = sizeof(space) };
	ssize_t got = recvmsg(hello->fd, &message, MSG_CMSG_CLOEXEC |
	    MSG_DONTWAIT);
	size_t count;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		try_again(hello);
		return;
	}
	count = channel_take_descriptors(&message, fds);
	for (size_t i = 0; i < count; i++)
		front_conn_open_runner(hello->front, fds[i]);
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct front_hello *hello = poll->data;
	ssize_t sent;

	front_awake(hello->front);
	if (events & UV_WRITABLE && hello->sent < hello->length) {
		sent = send(hello->fd, hello->bytes + hello->sent,
		    hello->length - hello->sent, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			try_again(hello);
			return;
		}
		hello->sent += sent < 0 ? 0 : (size_t)sent;
		if (hello->sent == hello->length)
			uv_poll_start(poll, UV_READABLE, on_ready);
	}
	if (status < 0)
		try_again(hello);
	else if (events & UV_READABLE)
		take(hello);
}

static void
try(struct front_hello *hello)
{
	hello->fd = front_runner_connect(hello->front);
	if (hello->fd < 0) {
		uv_timer_start(&hello->timer, on_again, AGAIN_MS, 0);
		return;
	}
	hello->poll = calloc(1, sizeof(*hello->poll));
	if (hello->poll == NULL || uv_poll_init(&hello->front->loop,
	    hello->poll, hello->fd) < 0) {
		free(hello->poll);
		close(hello->fd);
		hello->fd = -1;
		uv_timer_start(&hello->timer, on_again, AGAIN_MS, 0);
		return;
	}
	hello->poll->data = hello;
	uv_poll_start(hello->poll, UV_READABLE | UV_WRITABLE, on_ready);
}

static void
write_hello(struct front_hello *hello)
{
	const struct handler_set *set = hello->front->set;
	struct clerk_head head = { .magic = CLERK_MAGIC,
	    .kind = CLERK_HELLO, .count = (uint32_t)handler_set_jobs(set) };
	struct clerk_route route;
	uint8_t *at;

	if (head.count > CLERK_ROUTES_MAX)
		head.count = CLERK_ROUTES_MAX;
	hello->length = sizeof(head) + head.count * sizeof(route);
	hello->bytes = at = malloc(hello->length);
	if (at == NULL)
		fatal(EXIT_CODE_SYSTEM, "memory for the front");
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	for (size_t i = 0; i < set->route_count &&
	    at < hello->bytes + hello->length; i++) {
		if (!set->routes[i].job)
			continue;
		front_clerk_route(&set->routes[i], &route);
		memcpy(at, &route, sizeof(route));
		at += sizeof(route);
	}
}

void
front_runner_start(struct front *front)
{
	struct front_hello *hello;

	if (front->jobs_dir < 0 || front->hello != NULL)
		return;
	hello = calloc(1, sizeof(*hello));
	if (hello == NULL)
		fatal(EXIT_CODE_SYSTEM, "memory for the front");
	hello->front = front;
	hello->fd = -1;
	hello->timer.data = hello;
	uv_timer_init(&front->loop, &hello->timer);
	front->hello = hello;
	write_hello(hello);
	try(hello);
}

void
front_runner_stop(struct front *front)
{
	if (front->hello == NULL)
		return;
	uv_timer_stop(&front->hello->timer);
	hang_up(front->hello);
}

/* Before the sandbox. */
void
front_runner_open(struct front *front)
{
	char path[4096];
	int length;

	front->jobs_dir = -1;
	if (handler_set_jobs(front->set) == 0)
		return;
	length = snprintf(path, sizeof(path), "%s/%s",
	    front->config->state_dir, CLERK_FOLDER);
	if (length > 0 && (size_t)length < sizeof(path))
		front->jobs_dir = open(path, O_PATH | O_DIRECTORY |
		    O_CLOEXEC);
	if (front->jobs_dir < 0)
		log_warn("jobs: %s", path);
}
