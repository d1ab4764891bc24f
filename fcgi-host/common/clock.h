/*
 * clock.h - monotonic time, the only kind that deadlines are made of.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_MS	UINT64_C(1000000)

static inline uint64_t
clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	    (uint64_t)now.tv_nsec;
}

static inline uint64_t
clock_now_ms(void)
{
	return clock_now_ns() / CLOCK_NS_PER_MS;
}

/* Since the epoch: for what another program on this machine has noted down, and
 * never for how long something took. */
static inline int64_t
clock_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
