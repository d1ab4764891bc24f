/*
 * cli_sink.c - a reply on its way to a descriptor, and who may write there.
 *
 * Runs in: `call` and `cgi`.
 * Owns: the descriptor that stdout was.
 * Invariant: nothing but the reply is written to it, whatever a handler prints.
 */
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_inline.h"
#include "common/io.h"

/* Of a complete header, which may have no status. */
static int
write_head(const struct cli_sink *sink, const char *head, size_t length)
{
	const char *end = memchr(head, '\n', length);
	size_t first = sink->line_length == 0 || end == NULL ||
	    strncmp(head, "Status: ", 8) != 0 ? 0 : (size_t)(end + 1 - head);

	if (io_write_all(sink->fd, head, first) < 0 ||
	    io_write_all(sink->fd, sink->lines, sink->line_length) < 0)
		return -1;
	return io_write_all(sink->fd, head + first, length - first);
}

static int
send(struct api_sink *base, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct cli_sink *sink = (struct cli_sink *)base;

	sink->left = true;
	if (head != NULL && sink->with_head &&
	    write_head(sink, head, head_length) < 0) {
		errno = EPIPE;
		return -1;
	}
	if (sink->with_body && io_write_all(sink->fd, body, length) < 0) {
		errno = EPIPE;
		return -1;
	}
	return 0;
}

/* What was written to a descriptor is on its way already. */
static int
flush(struct api_sink *base)
{
	(void)base;
	return 0;
}

/* A reader that left is seen at once, if it read from a pipe or a socket. */
static int
wait_for(struct api_sink *base, const struct api_wait *wait)
{
	const struct cli_sink *sink = (const struct cli_sink *)base;
	struct pollfd reader = { .fd = sink->fd };

	if (poll(&reader, 1, (int)wait->ms) <= 0)
		return 0;
	errno = EPIPE;
	return -1;
}

void
cli_sink_init(struct cli_sink *sink, int fd, bool with_head, bool with_body)
{
	*sink = (struct cli_sink){
		.sink = { .send = send, .flush = flush, .wait = wait_for },
		.fd = fd,
		.with_head = with_head,
		.with_body = with_body,
	};
}

int
cli_take_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd < 0)
		return -1;
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
