/*
 * io.c - writing all of it.
 *
 * Runs in: front (spooled bodies), zygote and loader (copies of handlers), the
 * tools.
 * Owns: nothing.
 * Invariant: for blocking descriptors; less than all is an error.
 */
#include "common/io.h"

#include <errno.h>
#include <unistd.h>

int
io_write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t done = write(fd, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += done;
		length -= (size_t)done;
	}
	return 0;
}
