/*
 * sup_notify.c - what the service manager is told, sd_notify(3).
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: READY=1 is said once, when every pool's workers and the front are
 * ready to serve.  What comes later is for people to read: one who does not
 * read it is not waited for.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/sup.h"
#include "supervisor/sup_notify.h"

#define STATUS_MAX	320
#define PATIENCE_MS	2000	/* with what matters */

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

static void
describe(const struct sup *sup, char out[STATUS_MAX])
{
	snprintf(out, STATUS_MAX, "STATUS=Generation %u serves %u routes on %s",
	    sup->serving->number, sup->serving->route_count,
	    sup->config->listen);
}

void
sup_notify_ready(const struct sup *sup)
{
	char status[STATUS_MAX], text[STATUS_MAX + 16];

	describe(sup, status);
	snprintf(text, sizeof(text), "READY=1\n%s", status);
	say(text, PATIENCE_MS);
}

void
sup_notify_generation(const struct sup *sup)
{
	char status[STATUS_MAX];

	describe(sup, status);
	say(status, 0);
}

void
sup_notify_stopping(void)
{
	say("STOPPING=1\nSTATUS=Answering what has begun", 0);
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
