/*
 * top_link.c - a question to the host, without waiting for it.
 *
 * Runs in: fcgi-host-top.
 * Owns: its connection, and the answer until the next question.
 * Invariant: never blocks; one that does not answer within PATIENCE_MS is given
 * up, and no answer takes more than ANSWER_MAX.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "top/top.h"

#define PATIENCE_MS	5000	/* longer than the host takes for an order */
#define ANSWER_MAX	(64u << 20)
#define FIRST_SIZE	65536
#define REQUEST_MAX	256

void
top_link_close(struct top_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

int
top_link_ask(struct top_link *link, const char *request, uint64_t now_ms)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char line[REQUEST_MAX];
	int saved, length = snprintf(line, sizeof(line), "%s\n", request);

	if (strlen(link->path) >= sizeof(address.sun_path) ||
	    length >= (int)sizeof(line)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, link->path, strlen(link->path) + 1);
	link->have = 0;
	link->due_ms = now_ms + PATIENCE_MS;
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	if (link->fd >= 0 && connect(link->fd,
	    (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(link->fd, line, (size_t)length, MSG_NOSIGNAL) == length)
		return 0;
	saved = errno;
	top_link_close(link);
	errno = saved;
	return -1;
}

/* Room for more, and a NUL. */
static int
grow(struct top_link *link)
{
	size_t size = link->size == 0 ? FIRST_SIZE : link->size * 2;
	char *text;

	if (link->have + 1 < link->size)
		return 0;
	if (size > ANSWER_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	text = realloc(link->text, size);
	if (text == NULL)
		return -1;
	link->text = text;
	link->size = size;
	return 0;
}

static enum top_link_state
fail(struct top_link *link, int error)
{
	top_link_close(link);
	errno = error;
	return TOP_LINK_FAILED;
}

enum top_link_state
top_link_look(struct top_link *link, uint64_t now_ms)
{
	for (;;) {
		ssize_t got;

		if (grow(link) < 0)
			return fail(link, errno);
		got = read(link->fd, link->text + link->have,
		    link->size - link->have - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0)
			return fail(link, errno);
		link->text[link->have += (size_t)got] = '\0';
		if (got > 0)
			continue;
		if (link->have == 0)
			return fail(link, ECONNRESET);
		top_link_close(link);
		return TOP_LINK_DONE;
	}
	return now_ms >= link->due_ms ? fail(link, ETIMEDOUT) :
	    TOP_LINK_WAITS;
}
