/*
 * front_times.h - how long requests took, and the turns of the loop.
 *
 * A turn is from the first thing that woke the front until it looks for more:
 * what comes meanwhile waits for its end.
 */
#ifndef FRONT_FRONT_TIMES_H
#define FRONT_FRONT_TIMES_H

#include "common/usage.h"
#include "front/front.h"

int	front_times_start(struct front *);

/* Of a route's handler that runs here. */
struct usage_turn	*front_times_turn(struct front *,
			    const struct route *);

/* It leaves, while it still has its connection. */
void	front_times_count(const struct front_request *,
	    struct shm_route_stats *);

void	front_times_turn_begins(struct front *);
void	front_times_turn_ends(struct front *);

#endif
