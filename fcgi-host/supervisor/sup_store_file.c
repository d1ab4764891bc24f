/*
 * sup_store_file.c - whole files in the folders of the store that are ours.
 *
 * Runs in: supervisor.
 * Owns: NAME.new while it is being written.
 * Invariant: a file of that name is whole, old or new, whenever it is looked
 * at, also after a power failure; one that is not ours is not read.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io.h"
#include "supervisor/sup_store_private.h"

/* ---------------------------------------------------------------- reading */

static int
check(int fd, size_t most, size_t *size_out, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return err_sys(err, "cannot be read");
	errno = EINVAL;
	if (!S_ISREG(status.st_mode))
		return err_set(err, "is no regular file");
	if (status.st_uid != geteuid())
		return err_set(err, "belongs to user %u, not to us",
		    (unsigned)status.st_uid);
	if (status.st_size < 0 || (uint64_t)status.st_size > most)
		return err_set(err, "has %lld bytes, at most %zu are read",
		    (long long)status.st_size, most);
	*size_out = (size_t)status.st_size;
	return 0;
}

/* Up to `size` bytes. */
static int
read_all(int fd, char *text, size_t size, size_t *length_out)
{
	*length_out = 0;
	while (*length_out < size) {
		ssize_t got = read(fd, text + *length_out, size - *length_out);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		*length_out += (size_t)got;
	}
	return 0;
}

char *
sup_store_read_file(int folder, const char *name, size_t most,
    size_t *length_out, struct err *err)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	char *text = NULL;
	size_t size = 0;

	if (fd < 0) {
		err_sys(err, "cannot be opened");
		return NULL;
	}
	if (check(fd, most, &size, err) == 0) {
		text = malloc(size + 1);
		if (text == NULL || read_all(fd, text, size, length_out) < 0) {
			err_sys(err, "cannot be read");
			free(text);
			text = NULL;
		}
	}
	close(fd);
	if (text != NULL)
		text[*length_out] = '\0';
	return text;
}

/* ---------------------------------------------------------------- writing */

int
sup_store_write_file(int folder, const char *name, const char *text,
    size_t length)
{
	char other[64];
	int saved;

	snprintf(other, sizeof(other), "%s.new", name);
	if (io_write_new(folder, other, text, length) == 0 &&
	    renameat(folder, other, folder, name) == 0)
		return 0;
	saved = errno;
	unlinkat(folder, other, 0);
	errno = saved;
	return -1;
}
