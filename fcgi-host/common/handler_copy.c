/*
 * handler_copy.c - a dropped file into a copy that nobody changes any more.
 *
 * Runs in: the process that copies handlers, and `check`.
 * Owns: the copy while it is written.
 * Invariant: there is a copy only if it is whole, of one state of the file, and
 * of a file that passed every check that needs none of its code.
 */
#include "common/handler_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/handler_file.h"
#include "common/hash.h"
#include "common/io.h"

#define SUFFIX		".so"

bool
handler_is_file_name(const char *name)
{
	size_t length = strlen(name), suffix = strlen(SUFFIX);

	/* Names with a dot in front are how copying tools hide their work. */
	return length > suffix && length <= HANDLER_FILE_MAX &&
	    name[0] != '.' && strchr(name, '/') == NULL &&
	    strcmp(name + length - suffix, SUFFIX) == 0;
}

static int64_t
nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void
identify(const struct stat *status, struct handler_version *out)
{
	out->size = (uint64_t)status->st_size;
	out->device = status->st_dev;
	out->inode = status->st_ino;
	out->mtime_ns = nanoseconds(&status->st_mtim);
	out->ctime_ns = nanoseconds(&status->st_ctim);
}

/* Opens the file and makes every check: the descriptor, or -1 and why. */
static int
open_checked(const char *directory, const char *name, uid_t service_user,
    struct handler_version *out, struct err *err)
{
	char path[PATH_MAX];
	struct stat status;
	int fd;

	memset(out, 0, sizeof(*out));
	if (strlen(name) > HANDLER_FILE_MAX || snprintf(path, sizeof(path),
	    "%s/%s", directory, name) >= (int)sizeof(path))
		return err_set(err, "has too long a name");
	snprintf(out->name, sizeof(out->name), "%s", name);
	fd = handler_file_open(path, &status, err);
	if (fd < 0)
		return -1;
	identify(&status, out);
	if (handler_file_trusted(&status, service_user, err) < 0 ||
	    handler_file_inspect(fd, out->build_id, err) < 0) {
		/* so that it can be said which bytes they were */
		(void)hash_file(fd, out->size, out->sha256, NULL);
		close(fd);
		return -1;
	}
	return fd;
}

int
handler_look(const char *directory, const char *name, uid_t service_user,
    struct handler_version *out, struct err *err)
{
	int fd = open_checked(directory, name, service_user, out, err);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* --------------------------------------------------------------- copying */

static int
copy_bytes(int from, int to, uint64_t size, struct hash *hash,
    uint64_t *copied_out, struct err *err)
{
	char buffer[65536];
	off_t at = 0;

	while ((uint64_t)at <= size) {	/* more: it grows, and is refused */
		ssize_t got = pread(from, buffer, sizeof(buffer), at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot be read");
		if (got == 0)
			break;
		if (io_write_all(to, buffer, (size_t)got) < 0)
			return err_sys(err, "cannot be copied");
		hash_add(hash, buffer, (size_t)got);
		at += got;
	}
	*copied_out = (uint64_t)at;
	return 0;
}

/* Was the file touched since it was opened?  Then the copy may be of two
 * states. */
static int
check_unchanged(int fd, const struct handler_version *then, uint64_t copied,
    struct err *err)
{
	struct handler_version now;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return err_sys(err, "cannot be read");
	identify(&status, &now);
	if (copied != then->size || now.size != then->size ||
	    now.mtime_ns != then->mtime_ns || now.ctime_ns != then->ctime_ns)
		return err_set(err, "changed while it was copied");
	return 0;
}

static int
copy_hashed(int from, int to, struct handler_version *version,
    struct err *err)
{
	struct hash hash;
	uint64_t copied;
	int rc;

	if (hash_begin(&hash, err) < 0)
		return -1;
	rc = copy_bytes(from, to, version->size, &hash, &copied, err);
	if (rc < 0) {
		hash_finish(&hash, NULL, NULL);
		return -1;
	}
	if (hash_finish(&hash, version->sha256, err) < 0)
		return -1;
	return check_unchanged(from, version, copied, err);
}

static int
copy_to(int from, int to_dir, struct handler_version *version,
    struct err *err)
{
	int rc, to = openat(to_dir, version->name, O_WRONLY | O_CREAT |
	    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500);

	if (to < 0)
		return err_sys(err, "cannot be copied");
	rc = copy_hashed(from, to, version, err);
	if (close(to) < 0 && rc == 0)
		rc = err_sys(err, "cannot be copied");
	if (rc < 0)
		unlinkat(to_dir, version->name, 0);
	return rc;
}

int
handler_copy(const char *directory, const char *name, uid_t service_user,
    int to_dir, struct handler_version *out, struct err *err)
{
	int rc, fd = open_checked(directory, name, service_user, out, err);

	if (fd < 0)
		return -1;
	rc = copy_to(fd, to_dir, out, err);
	close(fd);
	return rc;
}

bool
handler_version_unchanged(const struct handler_version *then,
    const struct handler_version *now)
{
	return then->size == now->size && then->device == now->device &&
	    then->inode == now->inode && then->mtime_ns == now->mtime_ns &&
	    then->ctime_ns == now->ctime_ns;
}
