/*
 * sup_pools.h - which of a team's workers there are.
 *
 * A pool has as many slots as it may have workers.  A slot without a process is
 * SUP_CHILD_NONE, which is nothing wrong.  sup_scale.h decides how many there
 * should be; the front asks for more (MESSAGE_DEMAND) and is told who leaves
 * (MESSAGE_LEAVE), since it is the one who can say so without breaking a system
 * call of a handler.
 */
#ifndef SUPERVISOR_SUP_POOLS_H
#define SUPERVISOR_SUP_POOLS_H

#include "supervisor/sup.h"

struct sup_pools;

/* What happened in pools of this name since the host was started. */
struct sup_pool_counts {
	uint64_t	started;	/* for requests */
	uint64_t	retired;	/* there were too many */
};

/* A team's first workers: as many as a pool of this name has now, within what
 * the configuration says. */
void	sup_pools_start(struct sup_team *);
void	sup_pools_finish(struct sup_team *);

/* The front has fewer workers than it needs; a worker is ready, or gone. */
void	sup_pools_demand(struct sup_team *);
void	sup_pools_look(struct sup_team *);

/* Its process is dead and its slot clean: should it have another? */
bool	sup_pools_keeps(const struct sup_child *);

/* For `status`: workers of a pool that are ready and stay. */
uint32_t	sup_pools_running(const struct sup_team *, uint32_t pool);
struct sup_pool_counts	sup_pools_counts(const char *name);

#endif
