/*
 * clerk_bytes.c - bytes on their way into a socket.
 *
 * Runs in: clerk.
 * Owns: the memory of struct clerk_bytes.
 * Invariant: what was put leaves in its order, once.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clerk/clerk.h"

#define FIRST_SIZE	4096

size_t
clerk_bytes_left(const struct clerk_bytes *bytes)
{
	return bytes->end - bytes->begin;
}

int
clerk_bytes_put(struct clerk_bytes *bytes, const void *from, size_t length)
{
	size_t size = bytes->size == 0 ? FIRST_SIZE : bytes->size;
	uint8_t *grown;

	if (length == 0)
		return 0;
	if (bytes->begin == bytes->end)
		bytes->begin = bytes->end = 0;
	while (size - bytes->end < length) {
		if (size > SIZE_MAX / 4)
			return -1;
		size *= 2;
	}
	if (size != bytes->size) {
		grown = realloc(bytes->at, size);
		if (grown == NULL)
			return -1;
		bytes->at = grown;
		bytes->size = size;
	}
	memcpy(bytes->at + bytes->end, from, length);
	bytes->end += length;
	return 0;
}

void
clerk_bytes_free(struct clerk_bytes *bytes)
{
	free(bytes->at);
	memset(bytes, 0, sizeof(*bytes));
}

int
clerk_bytes_send(struct clerk_bytes *bytes, int fd)
{
	while (bytes->begin < bytes->end) {
		ssize_t sent = send(fd, bytes->at + bytes->begin,
		    bytes->end - bytes->begin, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		bytes->begin += (size_t)sent;
	}
	return 0;
}
