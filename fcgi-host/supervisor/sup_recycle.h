/*
 * sup_recycle.h - policy: when a worker is to be replaced by a fresh one.
 *
 * Pure.  Each process has figures of its own: those of the configuration, less
 * by a random part of recycle_jitter.
 */
#ifndef SUPERVISOR_SUP_RECYCLE_H
#define SUPERVISOR_SUP_RECYCLE_H

#include <stdint.h>

#include "config/config.h"

enum sup_recycle_reason {
	SUP_RECYCLE_REQUESTS,
	SUP_RECYCLE_AGE,
	SUP_RECYCLE_MEMORY,
	SUP_RECYCLE_ASKED,	/* by an operator; never due by itself */
	SUP_RECYCLE_REASONS	/* none of them */
};

/* Of one process: what it may come to (0: any), or has come to. */
struct sup_recycle {
	uint64_t	requests, age_ms, private_bytes;
};

/*
 * A process is ready, with so much private memory.  `random` is any number.
 * One that begins with more than recycle_memory would be replaced for ever: it
 * has to grow by a quarter first.
 */
struct sup_recycle	sup_recycle_draw(const struct config_pool *,
			    uint64_t private_bytes, uint32_t random);

/* Has it come to one of them?  Which? */
enum sup_recycle_reason	sup_recycle_due(const struct sup_recycle *limits,
			    const struct sup_recycle *now);

#endif
