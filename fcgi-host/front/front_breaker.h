/*
 * front_breaker.h - policy: when a route that fails is closed, and tried again.
 *
 *	CLOSED -> `failures` within `window_ms` -> OPEN for `pause_ms`
 *	  -> HALF_OPEN: one request is let through, the others are refused
 *	  -> it ends well: CLOSED; it fails: OPEN for twice as long
 *
 *
 *	any -> an operator holds it open -> HELD -> and lets it go -> CLOSED
 *
 * "Closed" is of a circuit: requests go through.  A failure is a crash or a
 * time-out of the route's handler.  Pure: the caller passes the time.  After M.
 * Nygard, Release It!, "Circuit Breaker".
 */
#ifndef FRONT_FRONT_BREAKER_H
#define FRONT_FRONT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define FRONT_BREAKER_PAUSE_MAX_MS	60000

enum front_breaker_state {
	FRONT_BREAKER_CLOSED,
	FRONT_BREAKER_OPEN,
	FRONT_BREAKER_HALF_OPEN,
	FRONT_BREAKER_HELD	/* until an operator says otherwise */
};

/* failures 0: never opens. */
struct front_breaker_policy {
	uint32_t	failures;
	uint64_t	window_ms;
	uint64_t	pause_ms;
};

/* Zeroed is closed. */
struct front_breaker {
	enum front_breaker_state state;
	bool		 probing;	/* the one request is on its way */
	uint32_t	 count;		/* failures ever seen while closed */
	uint64_t	*times_ms;	/* of the last `failures` of them */
	uint64_t	 pause_ms;	/* of this opening */
	uint64_t	 until_ms;
};

/*
 * May a request go?  *probe_out: it is the one that tries, and the breaker is
 * to be told of its end by exactly one of the three below.
 */
bool	front_breaker_admits(struct front_breaker *, uint64_t now_ms,
	    bool *probe_out);

/* True: it has opened.  A request that went before it opened may fail later. */
bool	front_breaker_failed(struct front_breaker *,
	    const struct front_breaker_policy *, bool probe, uint64_t now_ms);
void	front_breaker_succeeded(struct front_breaker *);	/* the probe */
void	front_breaker_withdrawn(struct front_breaker *);	/* the probe */

/* An operator's word.  Released it is closed, whatever it was.  A request that
 * tried it before may still end: that changes nothing while it is held. */
void	front_breaker_hold(struct front_breaker *);
void	front_breaker_release(struct front_breaker *);

void	front_breaker_finish(struct front_breaker *);

#endif
