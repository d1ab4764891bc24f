/*
 * usage.h - processor time of handlers, against the time they took.
 *
 * The clock of a thread's processor time costs a system call, twice a run; so
 * quick handlers are measured now and then only, and those worth it always.
 * Pure; whoever runs handlers has one of these for each route, and for itself.
 */
#ifndef COMMON_USAGE_H
#define COMMON_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define USAGE_ALWAYS_NS	UINT64_C(1000000) /* after such a run the next is */
#define USAGE_EVERY	16		/* ... and one of so many */
#define USAGE_UNKNOWN	UINT64_MAX	/* this run was not measured */

struct usage_turn {
	uint64_t	last_ns;	/* what the last run took */
	uint32_t	unmeasured;	/* runs since one was */
};

/* Is the run that begins now to be measured?  The first is. */
static inline bool
usage_is_due(const struct usage_turn *turn)
{
	return turn->unmeasured == 0 || turn->last_ns > USAGE_ALWAYS_NS;
}

static inline void
usage_ran(struct usage_turn *turn, uint64_t run_ns)
{
	turn->last_ns = run_ns;
	turn->unmeasured = (turn->unmeasured + 1) % USAGE_EVERY;
}

/* The calling thread's processor time; USAGE_UNKNOWN if it is not asked for. */
static inline uint64_t
usage_now_ns(bool wanted)
{
	struct timespec now;

	if (!wanted || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) < 0)
		return USAGE_UNKNOWN;
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	    (uint64_t)now.tv_nsec;
}

/* Between two moments; USAGE_UNKNOWN if either is. */
static inline uint64_t
usage_between(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns == USAGE_UNKNOWN || to_ns == USAGE_UNKNOWN ||
	    to_ns < from_ns ? USAGE_UNKNOWN : to_ns - from_ns;
}

/* What has been measured so far of a route, and in how much time. */
struct usage_known {
	uint64_t	cpu_ns, wall_ns;
};

/* The processor time of one run: as measured or, if that is unknown, in the
 * proportion of those that were.  Never more than the run took: it has one
 * thread, and other clocks may be read by who lies. */
static inline uint64_t
usage_of_run(struct usage_known *known, uint64_t cpu_ns, uint64_t run_ns)
{
	if (cpu_ns != USAGE_UNKNOWN) {
		cpu_ns = cpu_ns < run_ns ? cpu_ns : run_ns;
		known->cpu_ns += cpu_ns;
		known->wall_ns += run_ns;
		return cpu_ns;
	}
	if (known->wall_ns == 0)
		return 0;
	return (uint64_t)((double)known->cpu_ns / (double)known->wall_ns *
	    (double)run_ns);
}

#endif
