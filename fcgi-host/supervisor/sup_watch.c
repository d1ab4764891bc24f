/*
 * sup_watch.c - timers and descriptor watchers that own themselves.
 *
 * Runs in: supervisor.
 * Owns: the memory of each until libuv has let go of it.
 * Invariant: after a destroy no callback of it comes; destroying NULL is fine.
 */
#include <stdlib.h>

#include "common/log.h"
#include "supervisor/sup.h"

static void
free_handle(uv_handle_t *handle)
{
	free(handle);
}

uv_timer_t *
sup_timer_create(struct sup *sup, void *data)
{
	uv_timer_t *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		fatal(EXIT_CODE_SYSTEM, "timer");
	uv_timer_init(&sup->loop, timer);
	timer->data = data;
	return timer;
}

void
sup_timer_destroy(uv_timer_t **timer)
{
	if (*timer != NULL)
		uv_close((uv_handle_t *)*timer, free_handle);
	*timer = NULL;
}

uv_poll_t *
sup_watch_create(struct sup *sup, int fd, uv_poll_cb callback, void *data)
{
	uv_poll_t *poll = calloc(1, sizeof(*poll));

	if (poll == NULL)
		fatal(EXIT_CODE_SYSTEM, "watcher");
	if (uv_poll_init(&sup->loop, poll, fd) < 0 ||
	    uv_poll_start(poll, UV_READABLE, callback) < 0)
		fatalx(EXIT_CODE_SYSTEM, "descriptor %d cannot be watched", fd);
	poll->data = data;
	return poll;
}

void
sup_watch_destroy(uv_poll_t **poll)
{
	if (*poll != NULL)
		uv_close((uv_handle_t *)*poll, free_handle);
	*poll = NULL;
}
