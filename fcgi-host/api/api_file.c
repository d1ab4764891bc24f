/*
 * api_file.c - bytes of a body into files of their own.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: the private files that a handler asked for, until the reset.
 * Invariant: what stands at a path is whole, and nothing that stood there is
 * lost; a spooled body goes from file to file in the kernel where it can.
 */
#include "api/api_private.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"

#define PIECE	((size_t)8 << 20)	/* between two looks at the client */

/* Bytes of the body. */
struct stretch {
	const char	*at;
	uint64_t	 offset;
	size_t		 length;
};

static int
is_wanted(struct fh_request *rq)
{
	if (!fh_cancelled(rq))
		return 0;
	errno = ECANCELED;
	return -1;
}

static size_t
piece_of(size_t left)
{
	return left < PIECE ? left : PIECE;
}

/* Between two file systems, or on one that cannot. */
static bool
is_for_write(int error)
{
	return error == EXDEV || error == EINVAL || error == ENOSYS ||
	    error == EOPNOTSUPP || error == EPERM || error == EBADF;
}

/* As far as the kernel can: what is left is for write().  0 or -1. */
static int
copy_by_kernel(struct fh_request *rq, int fd, struct stretch *from)
{
	int body = fh_body_fd(rq);
	off_t offset = (off_t)from->offset;

	while (body >= 0 && from->length > 0) {
		ssize_t n;

		if (is_wanted(rq) < 0)
			return -1;
		n = copy_file_range(body, &offset, fd, NULL,
		    piece_of(from->length), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && is_for_write(errno)))
			return 0;
		if (n < 0)
			return -1;
		from->at += n;
		from->length -= (size_t)n;
	}
	return 0;
}

static int
copy_to(struct fh_request *rq, int fd, struct stretch from)
{
	if (copy_by_kernel(rq, fd, &from) < 0)
		return -1;
	while (from.length > 0) {
		size_t piece = piece_of(from.length);

		if (is_wanted(rq) < 0 || io_write_all(fd, from.at, piece) < 0)
			return -1;
		from.at += piece;
		from.length -= piece;
	}
	return 0;
}

/* ------------------------------------------------- to a path */

static int
open_unnamed(struct fh_request *rq, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash == NULL ? "." : slash == path ? "/" :
	    api_copy(rq, path, (size_t)(slash - path));

	return folder == NULL ? -1 : open(folder, O_TMPFILE | O_WRONLY |
	    O_CLOEXEC, 0666);
}

static int
link_to(int fd, const char *path)
{
	char own[32];

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* 0, or -1 with errno; the descriptor is closed. */
static int
close_after(int fd, int rc)
{
	int error = errno;

	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = error;
	return rc;
}

static int
write_in_place(struct fh_request *rq, const char *path, struct stretch from)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int error;

	if (fd < 0)
		return -1;
	if (close_after(fd, copy_to(rq, fd, from)) == 0)
		return 0;
	error = errno;
	unlink(path);
	errno = error;
	return -1;
}

static int
save(struct fh_request *rq, const char *path, struct stretch from)
{
	int fd, rc;

	if (path == NULL || *path == '\0') {
		errno = ENOENT;
		return -1;
	}
	if (access(path, F_OK) == 0) {
		errno = EEXIST;		/* before all the bytes, not after */
		return -1;
	}
	fd = open_unnamed(rq, path);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		return write_in_place(rq, path, from);
	if (fd < 0)
		return -1;
	rc = copy_to(rq, fd, from);
	if (rc == 0)
		rc = link_to(fd, path);
	return close_after(fd, rc);
}

int
fh_body_save(struct fh_request *rq, const char *path)
{
	struct stretch from = { .offset = 0 };

	from.at = fh_body(rq, &from.length);
	if (from.length == 0 && rq->input->body_length > 0) {
		errno = EIO;		/* it could not be mapped */
		return -1;
	}
	return save(rq, path, from);
}

int
fh_file_save(struct fh_request *rq, const struct fh_file *file,
    const char *path)
{
	return save(rq, path, (struct stretch){ file->data, file->offset,
	    file->length });
}

/* ------------------------------------------------- to a descriptor */

static int
open_private(struct fh_request *rq)
{
	int fd;

	if (fh_body_fd(rq) < 0)
		return memfd_create("fcgi-host-file", MFD_CLOEXEC);
	fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC,
	    0600);
}

static int
make_private(struct fh_request *rq, const struct fh_file *file)
{
	int fd = open_private(rq);
	struct stretch from = { file->data, file->offset, file->length };

	if (fd < 0)
		return -1;
	if (copy_to(rq, fd, from) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	return close_after(fd, -1);
}

/* One for each file of the form, -1 until it is asked for. */
static int *
descriptors(struct fh_request *rq)
{
	if (rq->file_fds != NULL)
		return rq->file_fds;
	rq->file_fds = api_arena_alloc(&rq->arena,
	    rq->file_count * sizeof(*rq->file_fds));
	for (size_t i = 0; rq->file_fds != NULL && i < rq->file_count; i++)
		rq->file_fds[i] = -1;
	return rq->file_fds;
}

int
fh_file_fd(struct fh_request *rq, const struct fh_file *file)
{
	int *fds;

	if (file < rq->files || file >= rq->files + rq->file_count) {
		errno = EINVAL;		/* no file of this request's */
		return -1;
	}
	if ((fds = descriptors(rq)) == NULL)
		return -1;
	fds += file - rq->files;
	if (*fds < 0)
		*fds = make_private(rq, file);
	return *fds;
}

void
api_files_release(struct fh_request *rq)
{
	for (size_t i = 0; i < rq->file_count; i++) {
		if (rq->file_fds[i] >= 0)
			close(rq->file_fds[i]);
	}
	rq->file_fds = NULL;
}
