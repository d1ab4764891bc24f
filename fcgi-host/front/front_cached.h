/*
 * front_cached.h - replies that are kept, and equal requests.
 */
#ifndef FRONT_FRONT_CACHED_H
#define FRONT_FRONT_CACHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct front;
struct front_request;

/* At the start: 0, or -1: no memory. */
int	front_cached_start(struct front *);

/* True: it has been answered, or waits for the reply to an equal one. */
bool	front_cached_admits(struct front_request *);

/* front_dispatch.c: the rest of its way, where no kept reply answers it. */
void	front_dispatch_run(struct front_request *);

/* From the cache, if it is there: `how` is what Cache-Status says of it. */
bool	front_cached_answer(struct front_request *, const char *how,
	    _Atomic uint64_t *counter);

/*
 * front_flight.c: of equal requests one runs.  join: true, and it waits; else
 * it leads from now on.  leave: it is answered or gone; those who waited for it
 * are looked at before the front sleeps (settle).
 */
int	front_flight_start(struct front *);
bool	front_flight_join(struct front_request *);
void	front_flight_leave(struct front_request *);
void	front_flight_settle(struct front *);

#endif
