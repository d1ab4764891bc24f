/*
 * front_copy.c - bodies in files that cannot get a second name: copied.
 *
 * Runs in: front.
 * Owns: each struct front_copy, and the descriptor it reads from.
 * Invariant: one piece of one body is copied between two looks at all that else
 * is to be done, so that a large body on another file system delays nobody.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io.h"
#include "common/log.h"
#include "front/front_bodies.h"

#define PIECE	((size_t)1 << 20)

static int
copy_through_memory(struct front *front, struct front_copy *copy, size_t piece)
{
	ssize_t n;

	if (piece > FRONT_READ_SIZE)
		piece = FRONT_READ_SIZE;
	n = read(copy->fd, front->read_buffer, piece);
	if (n <= 0)
		return (int)n;
	return io_write_all(copy->request->spool_fd, front->read_buffer,
	    (size_t)n) < 0 ? -1 : (int)n;
}

/* How many bytes; 0: the file has ended before; -1 with errno. */
static ssize_t
copy_piece(struct front *front, struct front_copy *copy)
{
	size_t piece = copy->left < PIECE ? (size_t)copy->left : PIECE;
	ssize_t n = -1;

	errno = EXDEV;
	if (!copy->through_memory)
		n = copy_file_range(copy->fd, NULL, copy->request->spool_fd,
		    NULL, piece, 0);
	if (n >= 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
	    errno != EOPNOTSUPP))
		return n;
	copy->through_memory = true;
	return copy_through_memory(front, copy, piece);
}

void
front_copy_end(struct front_copy *copy)
{
	struct front *front = copy->request->front;

	TAILQ_REMOVE(&front->copies, copy, link);
	if (TAILQ_EMPTY(&front->copies))
		uv_idle_stop(&front->copying);
	copy->request->copy = NULL;
	close(copy->fd);
	free(copy);
}

static void
fail(struct front_copy *copy, ssize_t n)
{
	struct front_request *request = copy->request;

	errno = n == 0 ? ENODATA : errno;
	log_warn("req=%s copying its body", request->request_id);
	front_copy_end(copy);
	request->discard_body = true;
	front_answer(request, 503, "Retry-After: 5\r\n",
	    "The request body could not be stored.");
}

/* The next piece of the first, which is the last then. */
static void
on_idle(uv_idle_t *handle)
{
	struct front *front = handle->data;
	struct front_copy *copy = TAILQ_FIRST(&front->copies);
	struct front_request *request = copy->request;
	ssize_t n = copy_piece(front, copy);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		fail(copy, n);
		return;
	}
	copy->left -= (uint64_t)n;
	request->body_have += (size_t)n;
	if (copy->left > 0) {
		TAILQ_REMOVE(&front->copies, copy, link);
		TAILQ_INSERT_TAIL(&front->copies, copy, link);
		return;
	}
	front_copy_end(copy);
	front_request_whole(request);
}

void
front_copy_start(struct front *front)
{
	TAILQ_INIT(&front->copies);
	uv_idle_init(&front->loop, &front->copying);
	front->copying.data = front;
}

int
front_copy_begin(struct front_request *request, int fd, uint64_t length)
{
	struct front *front = request->front;
	struct front_copy *copy = calloc(1, sizeof(*copy));

	if (copy == NULL || front_spool_begin(request) < 0) {
		free(copy);
		return -1;
	}
	copy->request = request;
	copy->fd = fd;
	copy->left = length;
	request->copy = copy;
	TAILQ_INSERT_TAIL(&front->copies, copy, link);
	uv_idle_start(&front->copying, on_idle);
	return 0;
}
