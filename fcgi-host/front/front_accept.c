/*
 * front_accept.c - new connections, and when to take none.
 *
 * Runs in: front.
 * Owns: the watcher of the listening socket.
 * Invariant: at most `connections` are accepted, and none before we are told to
 * serve or after we are told to retire or stop, nor what there is no memory to
 * answer; what is not accepted waits in the kernel's backlog, which the
 * supervisor keeps open over our death.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/log.h"
#include "front/front.h"

#define ACCEPTS_PER_EVENT	64
#define PAUSE_MS		100	/* out of descriptors: try again */
#define ALONE_MS		1000	/* ... so long, with no connection */
#define PATIENCE_MS		5000	/* ... or with some */
#define OWN_DESCRIPTORS		64	/* not for connections */

static void	on_connection(uv_poll_t *, int, int);

void
front_accept_resume(struct front *front)
{
	if (front->accepting || !front->serving)
		return;
	uv_poll_start(&front->listen_poll, UV_READABLE, on_connection);
	front->accepting = true;
}

void
front_accept_pause(struct front *front)
{
	if (!front->accepting)
		return;
	uv_poll_stop(&front->listen_poll);
	front->accepting = false;
}

static void
on_accept_timer(uv_timer_t *timer)
{
	front_accept_resume(timer->data);
}

static bool
is_full(const struct front *front)
{
	return front->conn_count >= front->config->connections;
}

/* One more, in place of the longest idle one at the limit. */
static void
take(struct front *front, int fd)
{
	if (is_full(front))
		front_conn_close(TAILQ_FIRST(&front->idle));
	front_conn_open(front, fd);
}

static void
receive(struct front *front, int fd, const struct sockaddr *peer)
{
	if (front_peer_may(front, fd, peer))
		take(front, fd);
	else
		close(fd);
}

static bool
is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ECONNABORTED ||
	    error == EPROTO;
}

static void
pause_for_a_while(struct front *front)
{
	front_accept_pause(front);
	uv_timer_start(&front->accept_timer, on_accept_timer, PAUSE_MS, 0);
}

/* It has far more than what we use: a handler has the rest, and keeps it. */
static bool
is_robbed(const struct front *front)
{
	uint64_t own = OWN_DESCRIPTORS + 2 * (uint64_t)front->conn_count;
	uint64_t patience = front->conn_count == 0 ? ALONE_MS : PATIENCE_MS;

	return own < front->descriptors / 2 &&
	    clock_now_ms() - front->unaccepted_since_ms >= patience;
}

/* Another front can take what waits in the backlog. */
static void
give_way(const struct front *front)
{
	log_warnx("no connection can be taken, and only %u are open: handlers "
	    "have left descriptors open, or have lowered RLIMIT_NOFILE.  This "
	    "front makes way for another one", front->conn_count);
	crash_gives_up("its handlers have left it no descriptors");
	_exit(EXIT_CODE_SYSTEM);
}

static void
note_unaccepted(struct front *front, int error)
{
	if (error != EMFILE)
		return;
	if (front->unaccepted_since_ms == 0)
		front->unaccepted_since_ms = clock_now_ms();
	else if (is_robbed(front))
		give_way(front);
}

/* Out of descriptors or memory: an idle connection gives way, or all wait. */
static bool
can_go_on(struct front *front)
{
	note_unaccepted(front, errno);
	front_trouble(front, front_trouble_of(errno,
	    SHM_TROUBLE_DESCRIPTORS));
	if (!TAILQ_EMPTY(&front->idle)) {
		front_conn_close(TAILQ_FIRST(&front->idle));
		return true;
	}
	pause_for_a_while(front);
	return false;
}

static void
on_connection(uv_poll_t *handle, int status, int events)
{
	struct front *front = handle->data;

	(void)events;
	for (int i = 0; status == 0 && i < ACCEPTS_PER_EVENT; i++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		socklen_t length = sizeof(peer);
		int fd;

		if (is_full(front) && TAILQ_EMPTY(&front->idle)) {
			front_accept_pause(front);
			return;
		}
		if (front_memory_is_short(front)) {
			pause_for_a_while(front);
			return;
		}
		fd = accept4(front->start->listen_fd,
		    (struct sockaddr *)&peer, &length,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			front->unaccepted_since_ms = 0;
			receive(front, fd, (struct sockaddr *)&peer);
			continue;
		}
		if (is_passing(errno) || !can_go_on(front))
			return;
	}
}

void
front_accept_start(struct front *front)
{
	struct rlimit limit = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	front->descriptors = limit.rlim_cur;
	front_peer_start(front);
	front->listen_poll.data = front;
	front->accept_timer.data = front;
	uv_timer_init(&front->loop, &front->accept_timer);
	if (uv_poll_init(&front->loop, &front->listen_poll,
	    front->start->listen_fd) < 0)
		fatalx(EXIT_CODE_SYSTEM, "watching the listening socket");
}

void
front_accept_stop(struct front *front)
{
	front->serving = false;
	front_accept_pause(front);
	uv_timer_stop(&front->accept_timer);
}
