/*
 * cli_body.c - a request's body from a descriptor, small or spooled.
 *
 * Runs in: `call` and `cgi`.
 * Owns: the bytes, or the nameless file they are in.
 * Invariant: never more than body_memory of a body is on the heap.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_inline.h"
#include "common/io.h"

#define BLOCK	65536

/* While it is read. */
struct reader {
	struct cli_body		*body;
	size_t			 limit;
	const struct config	*config;
	struct err		*err;
};

static int
open_nameless(const char *directory)
{
	return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* From memory to a file: in the state directory, as the host would. */
static int
spool(struct cli_body *body, const struct config *config, struct err *err)
{
	if (config->state_dir != NULL)
		body->fd = open_nameless(config->state_dir);
	if (body->fd < 0)
		body->fd = open_nameless("/tmp");
	if (body->fd < 0)
		return err_sys(err, "no file for the request body");
	if (io_write_all(body->fd, body->bytes, body->length) < 0)
		return err_sys(err, "the request body cannot be stored");
	free(body->bytes);
	body->bytes = NULL;
	return 0;
}

int
cli_body_add(struct cli_body *body, const void *bytes, size_t length,
    const struct config *config, struct err *err)
{
	char *grown;

	if (length == 0)
		return 0;
	if (body->fd < 0 && body->length + length > config->body_memory &&
	    spool(body, config, err) < 0)
		return -1;
	if (body->fd >= 0) {
		if (io_write_all(body->fd, bytes, length) < 0)
			return err_sys(err, "the request body cannot be "
			    "stored");
	} else {
		grown = realloc(body->bytes, body->length + length);
		if (grown == NULL)
			return err_sys(err, "the request body");
		body->bytes = grown;
		memcpy(grown + body->length, bytes, length);
	}
	body->length += length;
	return 0;
}

static int
too_large(struct reader *r)
{
	err_set(r->err, "The request body is larger than body_limit (%zu "
	    "bytes).", r->limit);
	return 413;
}

static int
read_all(struct reader *r, int fd, int64_t announced)
{
	char block[BLOCK];
	uint64_t left = announced == HEAD_NO_LENGTH ? UINT64_MAX :
	    (uint64_t)announced;

	while (left > 0) {
		ssize_t got = read(fd, block,
		    left < sizeof(block) ? (size_t)left : sizeof(block));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_sys(r->err, "the request body cannot be read");
			return 500;
		}
		if (got == 0)
			break;
		if (r->body->length + (size_t)got > r->limit)
			return too_large(r);
		if (cli_body_add(r->body, block, (size_t)got, r->config,
		    r->err) < 0)
			return 500;
		left -= (uint64_t)got;
	}
	if (announced == HEAD_NO_LENGTH || left == 0)
		return 0;
	err_set(r->err, "The request body has %zu bytes, and %lld were "
	    "announced.", r->body->length, (long long)announced);
	return 400;
}

int
cli_body_read(struct cli_body *body, int fd, int64_t announced, size_t limit,
    const struct config *config, struct err *err)
{
	struct reader r = { .body = body, .limit = limit, .config = config,
	    .err = err };
	int status;

	*body = (struct cli_body){ .fd = -1 };
	if (announced > 0 && (uint64_t)announced > limit)
		return too_large(&r);
	status = read_all(&r, fd, announced);
	if (status == 0 && cli_body_rewind(body, err) < 0)
		status = 500;
	if (status != 0)
		cli_body_free(body);
	return status;
}

int
cli_body_rewind(struct cli_body *body, struct err *err)
{
	if (body->fd >= 0 && lseek(body->fd, 0, SEEK_SET) < 0)
		return err_sys(err, "the request body cannot be read");
	return 0;
}

void
cli_body_free(struct cli_body *body)
{
	free(body->bytes);
	if (body->fd >= 0)
		close(body->fd);
	*body = (struct cli_body){ .fd = -1 };
}
