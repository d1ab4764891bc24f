/*
 * sup_notify.c - what the service manager is told, sd_notify(3).
 *
 * Runs in: supervisor.
 * Owns: the timer of the looks, the last sentence.
 * Invariant: READY=1 is said when every pool's workers and the front are ready
 * to serve, and once after each RELOADING=1, whatever came of the reload.
 * Nobody is waited for who does not read what is for people.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/sup.h"
#include "supervisor/sup_notify.h"
#include "supervisor/sup_stop.h"

#define PATIENCE_MS	2000	/* with what matters */
#define LOOK_MS		5000
#define MORE_TIME	"EXTEND_TIMEOUT_USEC=30000000\n"	/* > LOOK_MS */

static uv_timer_t *looks;	/* NULL: nobody listens */
static bool	reloading;	/* so we have said */
static char	told[SUP_NOTIFY_STATUS_MAX];	/* the last sentence */

/* "@name" is an abstract socket's. */
static socklen_t
fill_address(const char *name, struct sockaddr_un *out)
{
	size_t length = strlen(name);

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (length == 0 || length >= sizeof(out->sun_path))
		return 0;
	memcpy(out->sun_path, name, length);
	if (name[0] == '@')
		out->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int
open_notify(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t length = name == NULL ? 0 : fill_address(name, &address);
	int fd = length == 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
	    length) == 0)
		return fd;
	close(fd);
	return -1;
}

/* sd_notify() would wait for a reader for ever. */
static void
say(const char *text, int patience_ms)
{
	struct pollfd socket = { .fd = open_notify(), .events = POLLOUT };

	if (socket.fd < 0)
		return;
	if (send(socket.fd, text, strlen(text), MSG_NOSIGNAL) < 0 &&
	    errno == EAGAIN && poll(&socket, 1, patience_ms) > 0)
		(void)send(socket.fd, text, strlen(text), MSG_NOSIGNAL);
	close(socket.fd);
}

/* ------------------------------------------------------------------- state */

/* With the sentence, if it is another one than before or `first` has to be
 * said. */
static void
say_state(const struct sup *sup, const char *first, int patience_ms)
{
	char status[SUP_NOTIFY_STATUS_MAX], text[SUP_NOTIFY_STATUS_MAX + 128];

	sup_notify_describe(sup, status);
	if (first[0] == '\0' && strcmp(status, told) == 0)
		return;
	snprintf(text, sizeof(text), "%sSTATUS=%s", first, status);
	memcpy(told, status, sizeof(told));
	say(text, patience_ms);
}

/* What the service manager measures the time of. */
static bool
is_between(const struct sup *sup)
{
	return sup->phase != SUP_SERVING || sup_stop_is_near() ||
	    sup->reload.phase != SUP_RELOAD_NONE;
}

static void
on_look(uv_timer_t *handle)
{
	sup_notify_look(handle->data);
}

void
sup_notify_begin(struct sup *sup)
{
	if (!sup_notify_is_heard())
		return;
	looks = sup_timer_create(sup, sup);
	uv_unref((uv_handle_t *)looks);
	uv_timer_start(looks, on_look, LOOK_MS, LOOK_MS);
}

void
sup_notify_end(void)
{
	sup_timer_destroy(&looks);
}

void
sup_notify_look(struct sup *sup)
{
	if (looks != NULL && !sup->handed_over)
		say_state(sup, is_between(sup) ? MORE_TIME : "", 0);
}

/* A successor is not heard before the service manager knows of it: the next
 * look says the sentence again. */
void
sup_notify_ready(struct sup *sup)
{
	say_state(sup, "READY=1\n", PATIENCE_MS);
	told[0] = '\0';
}

void
sup_notify_reloading(struct sup *sup)
{
	char text[128];

	if (sup->phase != SUP_SERVING || sup->serving == NULL)
		return;
	reloading = true;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64
	    "\n", clock_now_ns() / 1000);
	say_state(sup, text, PATIENCE_MS);
}

void
sup_notify_reloaded(struct sup *sup)
{
	bool was = reloading;

	reloading = false;
	if (was && sup->phase == SUP_SERVING)
		say_state(sup, "READY=1\n", PATIENCE_MS);
}

void
sup_notify_stopping(struct sup *sup)
{
	say_state(sup, "STOPPING=1\n", 0);
}

void
sup_notify_alive(void)
{
	say("WATCHDOG=1", 0);
}

void
sup_notify_main(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "MAINPID=%d", (int)pid);
	say(text, PATIENCE_MS);
}

bool
sup_notify_is_heard(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}
