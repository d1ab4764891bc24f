/*
 * front_lanes.h - policy: which request of a pool may go to its workers, where
 * some of them are kept for a route.
 *
 * Pure.  A place is a worker's thread.  Each route with a `reserve` is a lane
 * of its own, and [0] is everybody else's.  A lane has the places of its
 * reserve to itself, and beyond them those that are nobody's, which all lanes
 * share.  So that a kept place is free when it is needed, no more go to the
 * workers than there are places; a pool without reserves has one lane, which
 * nothing holds back.
 */
#ifndef FRONT_FRONT_LANES_H
#define FRONT_FRONT_LANES_H

#include <stdbool.h>
#include <stdint.h>

struct front_lane {
	uint64_t	reserve;	/* places kept for it */
	uint64_t	running;	/* of its requests, with the workers */
	uint64_t	waiting;	/* ... and not */
};

struct front_lanes {
	struct front_lane	*lanes;	/* the caller's */
	uint32_t		 count;
	uint64_t		 places;	/* of all its workers */
	uint64_t		 kept;		/* the sum of the reserves */
	uint64_t		 least;
	uint64_t		 shared;	/* that are nobody's */
	uint64_t		 shared_used;
};

/*
 * `lanes` are zero but for their reserves, [0] has none.  One worker's places,
 * `least`, are shared at least, whatever the reserves say: nobody starves.
 */
void	front_lanes_init(struct front_lanes *, struct front_lane *lanes,
	    uint32_t count, uint64_t places, uint64_t least);

/* So many there are now: a place is kept among the workers that are there, and
 * not in one that is to come. */
void	front_lanes_present(struct front_lanes *, uint64_t places);

/* Is there a place for one more of that lane? */
bool	front_lanes_may_run(const struct front_lanes *, uint32_t lane);
void	front_lanes_begun(struct front_lanes *, uint32_t lane);
void	front_lanes_ended(struct front_lanes *, uint32_t lane);

/* May one more come in, where so many of a lane may wait? */
bool	front_lanes_admit(const struct front_lanes *, uint32_t lane,
	    uint64_t queue);

#endif
