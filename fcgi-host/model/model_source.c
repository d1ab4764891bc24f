/*
 * model_source.c - the file a model is made from.
 *
 * Runs in: loader (model_identify also in the supervisor).
 * Owns: the open file.
 * Invariant: 0 from copy or hash means that the digest is of exactly the bytes
 * delivered, and that size and times were the same before and after.
 */
#include "model/model_source.h"

#include <sys/sendfile.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK	((size_t)1 << 20)	/* stays in the cache until hashed */

static int64_t
nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static struct model_identity
identity_of(const struct stat *stat)
{
	return (struct model_identity){
		.device = stat->st_dev,
		.inode = stat->st_ino,
		.size = (uint64_t)stat->st_size,
		.mtime_ns = nanoseconds(&stat->st_mtim),
		.ctime_ns = nanoseconds(&stat->st_ctim)
	};
}

static int
check_type(const char *path, const struct stat *stat, struct err *err)
{
	if (S_ISDIR(stat->st_mode))
		return err_set(err, "%s is a directory, not a file", path);
	if (S_ISFIFO(stat->st_mode))
		return err_set(err, "%s is a FIFO, not a file", path);
	if (!S_ISREG(stat->st_mode))
		return err_set(err, "%s is not a regular file", path);
	if (stat->st_size == 0)
		return err_set(err, "%s is empty", path);
	return 0;
}

int
model_identify(const char *path, struct model_identity *out, struct err *err)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return err_sys(err, "%s", path);
	if (check_type(path, &info, err) != 0)
		return -1;
	*out = identity_of(&info);
	return 0;
}

bool
model_identity_equal(const struct model_identity *a,
    const struct model_identity *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->size == b->size && a->mtime_ns == b->mtime_ns &&
	    a->ctime_ns == b->ctime_ns;
}

int
model_source_open(const char *path, struct model_source *out, struct err *err)
{
	struct stat info;

	out->path = path;
	out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (out->fd < 0)
		return err_sys(err, "%s", path);
	if (fstat(out->fd, &info) != 0) {
		err_sys(err, "%s", path);
		goto fail;
	}
	if (check_type(path, &info, err) != 0)
		goto fail;
	out->identity = identity_of(&info);
	return 0;
fail:
	model_source_close(out);
	return -1;
}

void
model_source_close(struct model_source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}

#define ADVICE	"; put a finished file in place by rename and load again"

static int
check_unchanged(const struct model_source *source, struct err *err)
{
	const struct model_identity *then = &source->identity;
	struct model_identity now;
	struct stat info;

	if (fstat(source->fd, &info) != 0)
		return err_sys(err, "%s", source->path);
	now = identity_of(&info);
	if (now.size != then->size)
		return err_set(err, "%s changed while it was read: its size "
		    "went from %" PRIu64 " to %" PRIu64 " bytes" ADVICE,
		    source->path, then->size, now.size);
	if (now.mtime_ns != then->mtime_ns)
		return err_set(err, "%s changed while it was read: it was "
		    "written to (mtime)" ADVICE, source->path);
	if (now.ctime_ns != then->ctime_ns)
		return err_set(err, "%s changed while it was read: it was "
		    "replaced, renamed or its mode set (ctime)" ADVICE,
		    source->path);
	return 0;
}

/*
 * Into `memory` at `offset`.  sendfile() is the fastest, where it can be had:
 * memory of the reserved pool has no write(), some file systems no splice, and
 * transparent large pages come only by touching the mapping.
 */
static ssize_t
copy_chunk(const struct model_source *source, struct model_memory *memory,
    size_t offset, size_t length, bool *sendfile_works)
{
	off_t at = (off_t)offset;
	ssize_t got;

	if (*sendfile_works) {
		got = sendfile(memory->fd, source->fd, &at, length);
		if (got >= 0 || (errno != EINVAL && errno != ENOSYS))
			return got;
		*sendfile_works = false;
	}
	return pread(source->fd, memory->data + offset, length, at);
}

static int
copy_all(const struct model_source *source, struct model_memory *memory,
    struct hash *hash, struct err *err)
{
	bool sendfile_works = memory->pages == MODEL_PAGES_NORMAL;
	size_t done = 0, size = (size_t)source->identity.size;
	ssize_t got;

	while (done < size) {
		got = copy_chunk(source, memory, done,
		    size - done < CHUNK ? size - done : CHUNK,
		    &sendfile_works);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "%s: copying byte %zu of %zu into "
			    "shared memory", source->path, done, size);
		if (got == 0)	/* cut short: check_unchanged() says so */
			return check_unchanged(source, err) != 0 ? -1 :
			    err_set(err, "%s ends at byte %zu of %zu",
			    source->path, done, size);
		hash_add(hash, memory->data + done, (size_t)got);
		(void)posix_fadvise(source->fd, (off_t)done, got,
		    POSIX_FADV_DONTNEED);
		done += (size_t)got;
	}
	return 0;
}

int
model_source_copy(const struct model_source *source,
    struct model_memory *memory, char sha256_out[HASH_TEXT],
    struct err *err)
{
	struct hash hash;

	if (hash_begin(&hash, err) != 0)
		return -1;
	(void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (copy_all(source, memory, &hash, err) != 0) {
		hash_finish(&hash, NULL, NULL);
		return -1;
	}
	if (hash_finish(&hash, sha256_out, err) != 0)
		return -1;
	return check_unchanged(source, err);
}

static int
hash_all(const struct model_source *source, uint8_t *buffer,
    struct hash *hash, struct err *err)
{
	size_t done = 0, size = (size_t)source->identity.size;
	ssize_t got;

	while (done < size) {
		got = pread(source->fd, buffer, CHUNK, (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "%s: reading byte %zu of %zu",
			    source->path, done, size);
		if (got == 0)
			break;		/* check_unchanged() says so */
		hash_add(hash, buffer, (size_t)got);
		done += (size_t)got;
	}
	return check_unchanged(source, err);
}

int
model_source_hash(const struct model_source *source,
    char sha256_out[HASH_TEXT], struct err *err)
{
	struct hash hash;
	uint8_t *buffer = malloc(CHUNK);
	int rc;

	if (buffer == NULL)
		return err_sys(err, "reading %s", source->path);
	rc = hash_begin(&hash, err);
	if (rc == 0) {
		rc = hash_all(source, buffer, &hash, err);
		if (hash_finish(&hash, rc == 0 ? sha256_out : NULL,
		    rc == 0 ? err : NULL) != 0)
			rc = -1;
	}
	free(buffer);
	return rc;
}
