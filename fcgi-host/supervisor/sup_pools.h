/*
 * sup_pools.h - which of a team's workers there are.
 *
 * A pool has as many slots as it may have workers, and some to spare if they
 * are recycled.  A slot without a process is SUP_CHILD_NONE, which is nothing
 * wrong.
 *
 *	sup_pools          how many there are (policy: sup_scale)
 *	sup_pools_recycle  fresh ones for old ones (policy: sup_recycle)
 *	sup_pools_counts   what `status` says of it
 *
 * The front asks for more (MESSAGE_DEMAND) and tells who leaves
 * (MESSAGE_LEAVE): it can do so without breaking a system call of a handler.
 */
#ifndef SUPERVISOR_SUP_POOLS_H
#define SUPERVISOR_SUP_POOLS_H

#include "supervisor/sup.h"
#include "supervisor/sup_recycle.h"
#include "supervisor/sup_scale.h"

/* What is to become of a slot's process. */
struct sup_seat {
	struct sup_recycle	 limits;
	uint64_t		 ready_ms;
	bool			 out;		/* is being replaced */
	enum sup_recycle_reason	 reason;	/* ... for this */
	uint32_t		 successor;	/* ... by this slot's */
};

struct sup_pools {
	uv_timer_t		*timer;
	struct sup_scale	*scales;	/* by pool */
	uint64_t		*empty_since_ms; /* ... no worker is ready; 0 */
	struct sup_seat		*seats;		/* by slot */
};

/* A team's first workers: as many as a pool of this name has now, within what
 * the configuration says. */
void	sup_pools_start(struct sup_team *);
void	sup_pools_finish(struct sup_team *);

/* The front has fewer workers than it needs. */
void	sup_pools_demand(struct sup_team *);

/* A worker, or the front, is ready.  A worker is dead and its slot clean; true:
 * it should have another process.  Then: all that follows. */
void	sup_pools_ready(struct sup_child *);
bool	sup_pools_gone(struct sup_child *);
void	sup_pools_look(struct sup_team *);

/* ------------------------------------------------- between these files */

const struct config_pool	*sup_pools_config(const struct sup_team *,
				    uint32_t pool);

/* The slots of a pool. */
uint32_t	sup_pools_first(const struct sup_team *, uint32_t pool);
uint32_t	sup_pools_end(const struct sup_team *, uint32_t pool);
bool	sup_pools_is_ready(const struct sup_child *);	/* and stays */
bool	sup_pools_is_there(const struct sup_child *);	/* or will be */
void	sup_pools_tell_to_leave(struct sup_child *);

/* sup_pools_recycle.c: a process is ready; it is gone; who is due? */
void	sup_pools_recycle_ready(const struct sup_child *);
void	sup_pools_recycle_gone(const struct sup_child *);
void	sup_pools_recycle(struct sup_team *, uint32_t pool);
/* An operator wants a fresh process for this slot's.  What comes of it, or why
 * nothing does, is written out. */
bool	sup_pools_recycle_asked(struct sup_team *, uint32_t slot, char *out,
	    size_t size);
/* Workers that are there beside those that are to take their place. */
uint32_t	sup_pools_doubled(const struct sup_team *, uint32_t pool);
bool	sup_pools_any_out(const struct sup_team *, uint32_t pool);

/* ------------------------------------------------ sup_pools_counts.c */

/* What happened in pools of this name since the host was started. */
struct sup_pool_counts {
	uint64_t	started;	/* for requests */
	uint64_t	retired;	/* there were too many */
	uint64_t	recycled[SUP_RECYCLE_REASONS];
};

struct sup_pool_counts	*sup_pools_counts(const struct sup_team *,
			    uint32_t pool);

/* How much a pool has to do.  Busy and idle count threads. */
struct sup_pool_load {
	uint64_t	running;	/* workers that are ready and stay */
	uint64_t	busy, idle;
	uint64_t	queued;		/* requests that wait */
};
void			sup_pools_load(const struct sup_team *, uint32_t pool,
			    struct sup_pool_load *out);

/* Workers that are ready and stay. */
uint32_t		sup_pools_running(const struct sup_team *,
			    uint32_t pool);

#endif
