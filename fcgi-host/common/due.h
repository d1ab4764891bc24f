/*
 * due.h - by when a request must be begun, and by when it must be answered.
 *
 * Pure; the clock is passed in.  All times are of CLOCK_MONOTONIC, and 0 is
 * never.  The front decides by them, and a worker that has just taken a job.
 */
#ifndef COMMON_DUE_H
#define COMMON_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"

/* The earlier one of two moments. */
static inline uint64_t
due_first(uint64_t a_ns, uint64_t b_ns)
{
	if (a_ns == 0 || b_ns == 0)
		return a_ns + b_ns;
	return a_ns < b_ns ? a_ns : b_ns;
}

/* So many milliseconds after a moment; 0 milliseconds: never. */
static inline uint64_t
due_after(uint64_t from_ns, uint64_t ms)
{
	return ms == 0 ? 0 : from_ns + ms * CLOCK_NS_PER_MS;
}

static inline bool
due_is_over(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns != 0 && now_ns >= due_ns;
}

#endif
