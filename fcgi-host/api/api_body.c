/*
 * api_body.c - the body of a request: bytes, a descriptor, a stream.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: the mapping of a spooled body, until the reset.
 * Invariant: the bytes are never written to, and a spooled body is never
 * copied to the heap.
 */
#include "api/api_private.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <string.h>

/* A file shorter than it should be would be a SIGBUS at the first touch. */
static int
map_body(struct fh_request *rq)
{
	const struct api_input *input = rq->input;
	struct stat status;
	void *at;

	if (fstat(input->body_fd, &status) != 0 || status.st_size < 0 ||
	    (uint64_t)status.st_size < input->body_length) {
		errno = EIO;
		return -1;
	}
	at = mmap(NULL, input->body_length, PROT_READ, MAP_SHARED,
	    input->body_fd, 0);
	if (at == MAP_FAILED)
		return -1;
	rq->mapping = at;
	rq->mapping_length = input->body_length;
	return 0;
}

const void *
fh_body(struct fh_request *rq, size_t *length_out)
{
	const struct api_input *input = rq->input;

	*length_out = input->body_length;
	if (input->body_length == 0 ||
	    (input->body_fd < 0 && input->body == NULL)) {
		*length_out = 0;
		return "";
	}
	if (input->body_fd < 0)
		return input->body;
	if (rq->mapping == NULL && map_body(rq) != 0) {
		api_fault(rq, errno, "the body cannot be mapped: %s",
		    strerror(errno));
		*length_out = 0;
		return "";
	}
	return rq->mapping;
}

int
fh_body_fd(struct fh_request *rq)
{
	return rq->input->body_fd;
}

size_t
fh_read(struct fh_request *rq, void *buffer, size_t size)
{
	size_t length;
	const char *body = fh_body(rq, &length);

	if (rq->read_offset > length)
		return 0;
	if (size > length - rq->read_offset)
		size = length - rq->read_offset;
	if (size > 0)
		memcpy(buffer, body + rq->read_offset, size);
	rq->read_offset += size;
	return size;
}

void
api_body_release(struct fh_request *rq)
{
	if (rq->mapping != NULL)
		munmap(rq->mapping, rq->mapping_length);
	rq->mapping = NULL;
}
