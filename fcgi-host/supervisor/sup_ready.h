/*
 * sup_ready.h - policy: what can take a request now, and why not.
 *
 * Pure.  The host as a whole is not ready only where another host would do
 * better than this one: it starts, it stops, its handlers are away for a model
 * that does not fit into memory twice, there is no front, or no pool that any
 * route needs has a worker.  What a single handler can bring about (a pool in
 * trouble beside others, a breaker that has opened), a model that the host may
 * go on without, and what it is short of make it not unready: else one bad
 * handler on all hosts would take the whole service out of the web server's
 * list.  They count for their own route, pool or model, and are warnings.
 */
#ifndef SUPERVISOR_SUP_READY_H
#define SUPERVISOR_SUP_READY_H

#include <stdbool.h>
#include <stdint.h>

enum sup_ready {
	SUP_READY,
	SUP_READY_STARTING,
	SUP_READY_STOPPING,
	SUP_READY_CLOSED,	/* a model is replaced, free-first */
	SUP_READY_FRONT,	/* there is none that serves */
	SUP_READY_WORKERS,	/* none is ready */
	SUP_READY_MODEL,	/* not loaded */
	SUP_READY_BREAKER,	/* open, or trying */
	SUP_READY_JOBS		/* who keeps them is away */
};

/* The word for programs, "starting"; and a sentence. */
const char	*sup_ready_word(enum sup_ready);
const char	*sup_ready_detail(enum sup_ready);

/* So long a pool may be without a worker: one that has crashed is replaced in a
 * moment, and nobody is to be sent away for that. */
#define SUP_READY_GRACE_MS	1000

struct sup_ready_pool {
	uint32_t	running;	/* workers that are ready and stay */
	uint32_t	coming;		/* forked, or about to be */
	uint32_t	held_back;	/* died, and wait to be replaced */
	uint32_t	least;		/* that are always kept */
	uint64_t	empty_ms;	/* so long none has been ready */
};

/* A pool that has none because nobody needs one is ready. */
enum sup_ready	sup_ready_of_pool(const struct sup_ready_pool *);

struct sup_ready_host {
	bool		stopping;	/* or about to */
	bool		serving;	/* a generation does */
	bool		closed;		/* ... without handlers */
	bool		front;		/* ... with a front that is ready */
	uint32_t	pools;		/* that async routes need */
	uint32_t	pools_down;
};

enum sup_ready	sup_ready_of_host(const struct sup_ready_host *);

struct sup_ready_route {
	bool		async;
	bool		pool_down;
	bool		job;
	bool		jobs_away;
	bool		breaker;	/* not closed */
};

enum sup_ready	sup_ready_of_route(const struct sup_ready_route *);

#endif
