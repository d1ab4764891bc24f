/*
 * sup_counts.h - counters go on over fronts and generations.
 *
 * Each front counts in its team's memory.  What is shown is the sum over the
 * teams that live, those that leave included, and over those that are gone.
 */
#ifndef SUPERVISOR_SUP_COUNTS_H
#define SUPERVISOR_SUP_COUNTS_H

#include "supervisor/sup.h"

/* What counters by number are called. */
extern const char *const	sup_counts_refusals[SHM_REFUSALS];
extern const char *const	sup_counts_classes[SHM_CLASSES];

/* Of all fronts; the gauges are those of the teams that live. */
void	sup_counts_front(const struct sup *, struct shm_front_stats *out);

/* Of the route with this label, in whatever generation. */
void	sup_counts_route(const struct sup *, const char *label,
	    struct shm_route_stats *out);

/* Its histograms (common/times.h), TIMES_KINDS arrays one behind the other,
 * and those of the turns of the fronts' loops. */
void	sup_counts_times(const struct sup *, const char *label, int64_t *out);
void	sup_counts_turns(const struct sup *, int64_t *out);

#endif
