/*
 * front_spool.c - bodies too large for memory: one file each.
 *
 * Runs in: front.
 * Owns: the files it names in the spool directory, until they are removed.
 * Invariant: a body over body_memory is never on the heap: it goes from the
 * read buffer to its file, and from there to the handler as a mapping.  A name
 * says whose a file is, so one that comes from another front is renamed.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "front/front_bodies.h"

#define TELL_MS	1000

static void
name_of(uint64_t number, char name_out[32])
{
	snprintf(name_out, 32, "%016llx", (unsigned long long)number);
}

/* Unique over the fronts of all teams that are still alive. */
static uint64_t
next_number(struct front *front)
{
	return (uint64_t)front->start->team << 40 | ++front->next_spool;
}

/* The folder may be gone, or no longer ours: who can make another is told,
 * and what the request gets does not wait for that. */
static void
tell(struct front *front)
{
	uint64_t now = clock_now_ms();
	int error = errno;

	if (front->spool_told_ms == 0 ||
	    now - front->spool_told_ms >= TELL_MS) {
		front->spool_told_ms = now;
		front_link_spool(front, error);
	}
	errno = error;
}

/* A host that was replaced may have left a team of the same number. */
int
front_spool_begin(struct front_request *request)
{
	struct front *front = request->front;
	char name[32];

	do {
		request->spool = next_number(front);
		name_of(request->spool, name);
		request->spool_fd = openat(front->start->spool_dir, name,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} while (request->spool_fd < 0 && errno == EEXIST);
	if (request->spool_fd < 0) {
		request->spool = 0;
		tell(front);
		return -1;
	}
	return 0;
}

int
front_spool_write(struct front_request *request, const uint8_t *bytes,
    size_t length)
{
	if (request->spool_fd < 0 && (front_spool_begin(request) < 0 ||
	    io_write_all(request->spool_fd, request->body,
	    request->body_have) < 0))
		return -1;
	if (io_write_all(request->spool_fd, bytes, length) < 0)
		return -1;
	request->body_have += length;
	return 0;
}

/* rename() would take the place of a file that is there. */
static int
rename_to(int folder, uint64_t from, uint64_t to)
{
	char name[32], new_name[32];

	name_of(from, name);
	name_of(to, new_name);
	if (linkat(folder, name, folder, new_name, 0) < 0)
		return -1;
	return unlinkat(folder, name, 0);
}

int
front_spool_adopt(struct front_request *request, uint64_t number, int fd,
    uint64_t length)
{
	struct front *front = request->front;
	uint64_t ours;
	int rc;

	do {
		ours = next_number(front);
		rc = rename_to(front->start->spool_dir, number, ours);
	} while (rc < 0 && errno == EEXIST);
	if (rc < 0)
		return -1;
	request->spool = ours;
	request->spool_fd = fd;
	request->body_have = length;
	return 0;
}

int
front_spool_link(struct front_request *request, int fd, uint64_t length)
{
	struct front *front = request->front;
	char own[32], name[32];
	uint64_t number;
	int rc;

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	do {
		number = next_number(front);
		name_of(number, name);
		rc = linkat(AT_FDCWD, own, front->start->spool_dir, name,
		    AT_SYMLINK_FOLLOW);
	} while (rc < 0 && errno == EEXIST);
	if (rc < 0)
		return -1;
	request->spool = number;
	request->spool_fd = fd;
	request->body_have = length;
	return 0;
}

int
front_spool_map(struct front_request *request)
{
	void *at = mmap(NULL, request->body_have, PROT_READ, MAP_PRIVATE,
	    request->spool_fd, 0);

	if (at == MAP_FAILED)
		return -1;
	request->body_map = at;
	return 0;
}

int
front_spool_open(const struct front *front, uint64_t number)
{
	char name[32];

	name_of(number, name);
	return openat(front->start->spool_dir, name, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC);
}

void
front_spool_remove(struct front *front, uint64_t number)
{
	char name[32];

	if (number == 0)
		return;
	name_of(number, name);
	if (unlinkat(front->start->spool_dir, name, 0) < 0)
		log_warn("spool file %s", name);
}

void
front_spool_release(struct front_request *request)
{
	if (request->copy != NULL)
		front_copy_end(request->copy);
	if (request->body_map != NULL)
		munmap((void *)(uintptr_t)request->body_map,
		    request->body_have);
	if (request->spool_fd >= 0)
		close(request->spool_fd);
	front_spool_remove(request->front, request->spool);
	request->body_map = NULL;
	request->spool_fd = -1;
	request->spool = 0;
}
