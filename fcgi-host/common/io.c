/*
 * io.c - reading and writing all of it, and opening what lies below a folder.
 *
 * Runs in: front (spooled bodies), workers (files of replies), zygote and
 * loader (copies of handlers), supervisor (what it keeps), the tools.
 * Owns: nothing.
 * Invariant: for blocking descriptors; less than all is an error.
 */
#include "common/io.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BELOW_TRIES	1000

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

int
io_read_at(int fd, void *out, size_t length, uint64_t offset)
{
	char *at = out;

	while (length > 0) {
		ssize_t got = pread(fd, at, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got < 0 ? errno : ENODATA;
			return -1;
		}
		at += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return 0;
}

int
io_write_new(int folder, const char *name, const void *bytes, size_t length)
{
	int fd, rc, saved;

	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -1;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	rc = io_write_all(fd, bytes, length);
	if (rc == 0)
		rc = fsync(fd);
	saved = errno;
	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

int
io_open_below(int folder, const char *path, uint64_t flags, uint64_t resolve)
{
	const struct open_how how = { .flags = flags,
	    .resolve = RESOLVE_BENEATH | resolve };
	int fd = -1;

	for (int i = 0; i < BELOW_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, folder, path, &how,
		    sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}
