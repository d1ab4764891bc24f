/*
 * front_trouble.c - what the front is short of, for `status` and the log.
 *
 * Runs in: front.
 * Owns: the troubles in the front's counters, and the timer that ends them.
 * Invariant: a trouble is one line when it begins and one when it is over,
 * however often it came between: it is over when it has not come again for
 * QUIET_MS.
 */
#include <errno.h>

#include "common/clock.h"
#include "common/log.h"
#include "front/front.h"

#define QUIET_MS	3000
#define LOOK_MS		1000

static const char *const names[SHM_TROUBLES] = {
	[SHM_TROUBLE_DESCRIPTORS] = "out of descriptors",
	[SHM_TROUBLE_MEMORY] = "out of memory",
	[SHM_TROUBLE_SPOOL] = "bodies cannot be spooled",
	[SHM_TROUBLE_LOG] = "the log takes no lines"
};

static void
look(struct front *front, enum shm_trouble_kind kind, uint64_t now)
{
	struct shm_trouble *trouble = &front->stats->troubles[kind];
	uint64_t since = atomic_load(&trouble->since_ms);

	if (since == 0)
		return;
	if (kind == SHM_TROUBLE_MEMORY && front->reserve == NULL)
		front->trouble_last_ms[kind] = now;
	if (now - front->trouble_last_ms[kind] < QUIET_MS) {
		uv_timer_start(&front->trouble_timer, front_trouble_look,
		    LOOK_MS, 0);
		return;
	}
	log_info("no longer degraded: %s; it came %llu times in %llu ms",
	    names[kind], (unsigned long long)atomic_load(&trouble->count),
	    (unsigned long long)(front->trouble_last_ms[kind] - since));
	atomic_store(&trouble->since_ms, 0);
}

void
front_trouble_look(uv_timer_t *timer)
{
	struct front *front = timer->data;
	uint64_t now = clock_now_ms();

	front_trouble_log(front);
	front_memory_tidy(front);
	for (int kind = 0; kind < SHM_TROUBLES; kind++)
		look(front, (enum shm_trouble_kind)kind, now);
}

static void
begin(struct front *front, enum shm_trouble_kind kind, uint64_t now)
{
	struct shm_trouble *trouble = &front->stats->troubles[kind];

	/* in this order: who sees it sees that it came */
	atomic_store(&trouble->count, 1);
	atomic_store(&trouble->since_ms, now);
	log_warn("degraded: %s, with %u connections open", names[kind],
	    front->conn_count);
	uv_timer_start(&front->trouble_timer, front_trouble_look, LOOK_MS, 0);
}

void
front_trouble(struct front *front, enum shm_trouble_kind kind)
{
	uint64_t now = clock_now_ms();

	if (atomic_load(&front->stats->troubles[kind].since_ms) == 0)
		begin(front, kind, now);
	else
		front_count(&front->stats->troubles[kind].count, 1);
	front->trouble_last_ms[kind] = now;
}

enum shm_trouble_kind
front_trouble_of(int error, enum shm_trouble_kind otherwise)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
		return SHM_TROUBLE_DESCRIPTORS;
	case ENOMEM:
	case ENOBUFS:
		return SHM_TROUBLE_MEMORY;
	default:
		return otherwise;
	}
}

void
front_trouble_log(struct front *front)
{
	uint64_t lost = log_lost();

	if (lost == front->log_lost)
		return;
	front->log_lost = lost;
	front_trouble(front, SHM_TROUBLE_LOG);
}

void
front_trouble_start(struct front *front)
{
	front->trouble_timer.data = front;
	uv_timer_init(&front->loop, &front->trouble_timer);
}
