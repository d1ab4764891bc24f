/*
 * front_stale.h - what nobody should run any more.
 */
#ifndef FRONT_FRONT_STALE_H
#define FRONT_FRONT_STALE_H

#include "front/front.h"

void	front_stale_begin(struct front_request *); /* sets its limits */
bool	front_stale(const struct front_request *, uint64_t now_ns);

/* True: it was stale and is answered, or its client had left and it is gone.
 * The client was there at `seen_ns`, and at its arrival. */
bool	front_stale_drop(struct front_request *, uint64_t seen_ns,
	    uint64_t now_ns);

#endif
