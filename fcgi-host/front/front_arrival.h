/*
 * front_arrival.h - when a request came to the web server.
 *
 * The web server says it in REQUEST_START by the clock on the wall, and
 * deadlines are made of monotonic time.  Pure; both clocks are passed in.
 */
#ifndef FRONT_FRONT_ARRIVAL_H
#define FRONT_FRONT_ARRIVAL_H

#include <stdint.h>

#define FRONT_ARRIVAL_AGE_MAX_MS	(INT64_C(24) * 60 * 60 * 1000)
#define FRONT_ARRIVAL_STEP_MS		100	/* the wall clock was set */

/* What is known of the clock on the wall; all zero at first. */
struct front_wall {
	int64_t		 offset_ms;	/* wall - monotonic, when last seen */
	uint64_t	 stepped_ns;	/* monotonic: it had been set */
};

/*
 * The arrival of a request whose first byte was read at `read_ns`, and that
 * says it began at `start_ms` since the epoch.  Never after `read_ns`.  What
 * cannot be, or is of a time before the clock on the wall was set, is ignored,
 * and `read_ns` returned: of the future, older than a day, 0 (absent).
 */
uint64_t	front_arrival(struct front_wall *, uint64_t read_ns,
		    int64_t start_ms, uint64_t now_ns, int64_t wall_ms);

#endif
