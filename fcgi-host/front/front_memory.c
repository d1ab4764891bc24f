/*
 * front_memory.c - memory for what a peer wants, and what is done without.
 *
 * Runs in: front.
 * Owns: the reserve.
 * Invariant: a front to which the system gives no memory can still answer what
 * it has taken: from the reserve, with a 503.  While the reserve is given up
 * nothing new is taken on: connections wait in the listen queue.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "front/front.h"

#define RESERVE_SIZE	((size_t)512 << 10) /* some fifty requests' own */
#define TABLE_SLACK	64	/* descriptors that are no connections */

/* Of the system, or of what was freed in the heap, which the system may never
 * see again. */
static void
take_reserve(struct front *front)
{
	void *at = mmap(NULL, RESERVE_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	front->reserve_mapped = at != MAP_FAILED;
	front->reserve = front->reserve_mapped ? at : malloc(RESERVE_SIZE);
}

static void
give_reserve_up(struct front *front)
{
	if (front->reserve_mapped)
		munmap(front->reserve, RESERVE_SIZE);
	else
		free(front->reserve);
	front->reserve = NULL;
}

bool
front_memory_is_short(struct front *front)
{
	if (front->reserve == NULL)
		take_reserve(front);
	return front->reserve == NULL;
}

void
front_memory_tidy(struct front *front)
{
	if (!front_memory_is_short(front))
		return;
	front_request_forget(front);
	front_output_forget(front);
	front_memory_is_short(front);
}

void *
front_memory(struct front *front, void *old, size_t size)
{
	void *at = realloc(old, size);

	if (at != NULL)
		return at;
	errno = ENOMEM;
	front_trouble(front, SHM_TROUBLE_MEMORY);
	if (front->reserve != NULL) {
		give_reserve_up(front);
		at = realloc(old, size);
	}
	errno = ENOMEM;
	return at;
}

static void
nothing(uv_poll_t *handle, int status, int events)
{
	(void)handle;
	(void)status;
	(void)events;
}

/*
 * libuv aborts when it has no memory for its table of descriptors, which grows
 * with the greatest: so it is made to see that one now.
 */
static void
make_table(struct front *front)
{
	struct rlimit limit;
	rlim_t wanted = front->config->connections + TABLE_SLACK;
	uv_poll_t *poll = &front->table_poll;
	int fd;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (wanted >= limit.rlim_cur)
		wanted = limit.rlim_cur - 1;
	fd = fcntl(front->start->fds[SPAWN_FD_EVENT], F_DUPFD_CLOEXEC,
	    (int)wanted);
	if (fd < 0)
		return;
	if (uv_poll_init(&front->loop, poll, fd) == 0) {
		uv_poll_start(poll, UV_READABLE, nothing);
		uv_poll_stop(poll);
		uv_close((uv_handle_t *)poll, NULL);
	}
	close(fd);
}

void
front_memory_start(struct front *front)
{
	take_reserve(front);
	make_table(front);
}
