/*
 * sup_scale.h - policy: when a pool gets workers, and when one has to leave.
 *
 * Pure: the clock is passed in.  How many there should be for the requests of
 * this moment is config_pool_wanted()'s to say.  Too few: more are started, at
 * most twice as many as there are, so that a moment's crowd of short requests
 * does not fork a whole pool.  Too many: for idle_timeout nothing happens; then
 * those leave, one after another, that were not needed at any time in it.
 */
#ifndef SUPERVISOR_SUP_SCALE_H
#define SUPERVISOR_SUP_SCALE_H

#include <stdbool.h>
#include <stdint.h>

struct sup_scale {		/* zeroed is fresh */
	uint64_t	since_ms;	/* there have been too many; 0 */
	uint32_t	peak;		/* that were needed since then */
};

/* A pool as it is. */
struct sup_scale_now {
	uint32_t	wanted;		/* workers for its requests, at least */
	uint32_t	coming;		/* not ready yet */
	uint32_t	ready;		/* ... and not told to leave */
	uint32_t	leaving;	/* told to */
};

/* How many to start now, or whether to tell one to leave. */
struct sup_scale_step {
	uint32_t	start;
	bool		retire;
};

struct sup_scale_step	sup_scale_step(struct sup_scale *,
			    const struct sup_scale_now *,
			    uint64_t idle_timeout_ms, uint64_t now_ms);

#endif
