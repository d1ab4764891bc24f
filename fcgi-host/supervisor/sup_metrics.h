/*
 * sup_metrics.h - what the host does, in numbers (common/metrics.h).
 *
 *	sup_metrics          the host, its generations, models, listening socket
 *	sup_metrics_front    the front and its loop
 *	sup_metrics_pools    pools, workers and their memory
 *	sup_metrics_routes   requests, by route
 *	sup_backlog          what waits in the kernel to be accepted
 *	sup_measured         memory of processes, not measured too often
 *
 * All is read, nothing is asked of another process.  What a front has written
 * may be nonsense where a handler has written over it, and is bounded.
 */
#ifndef SUPERVISOR_SUP_METRICS_H
#define SUPERVISOR_SUP_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/memory_use.h"
#include "common/metrics.h"

struct sup;
struct sup_team;

/* The document; free() it.  NULL: out of memory. */
char	*sup_metrics_text(struct sup *, bool open_metrics, size_t *length_out);

/* ---------------------------------------------------- between these files */

/* What serves, or served last: NULL before the first. */
const struct sup_team	*sup_metrics_team(const struct sup *);

void	sup_metrics_front(struct metrics *, const struct sup *);
void	sup_metrics_pools(struct metrics *, const struct sup_team *);
void	sup_metrics_routes(struct metrics *, const struct sup_team *);

/* One label and a number: of many in a table. */
struct sup_metric {
	const char	*value;		/* of the label */
	uint64_t	 number;
};
void	sup_metrics_put_each(struct metrics *, const char *label,
	    const struct sup_metric *, size_t count);

/* A family with one sample and no labels. */
void	sup_metrics_one(struct metrics *, enum metrics_type, const char *name,
	    const char *unit, const char *help, uint64_t);

/* sup_backlog.c: connections that the kernel holds for us, and how many it
 * may.  0, or -1: it does not say. */
int	sup_backlog(int fd, uint32_t *length_out, uint32_t *limit_out);

/* sup_measured.c: as of ten seconds ago at most.  0, or -1: it is gone. */
int	sup_measured(pid_t, struct memory_use *out);
void	sup_measured_worker(const struct sup_team *, uint32_t slot,
	    struct memory_use *out);

#endif
