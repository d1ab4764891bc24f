/*
 * clerk_policy.h - what becomes of a job, decided from what is known of it.
 *
 * Pure: clock and chance are passed in.  Times are milliseconds.
 */
#ifndef CLERK_CLERK_POLICY_H
#define CLERK_CLERK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define CLERK_RETRY_MAX_MS	UINT64_C(86400000)
#define CLERK_AGAIN_MS		1000	/* the host could not run it */

/* As they are in the database. */
enum clerk_state {
	CLERK_QUEUED = 1,	/* shown as "retrying" after an attempt */
	CLERK_RUNNING,
	CLERK_SUCCEEDED,
	CLERK_FAILED,
	CLERK_CANCELLED
};

/* "queued", "retrying", "running", ... */
const char	*clerk_state_name(enum clerk_state, unsigned attempts);
bool		 clerk_state_is_final(enum clerk_state);

/* What a request is answered with that became a job: 202, whatever another host
 * has made of it by now; and one that repeats it: 200 once it has ended. */
int		 clerk_accept_status(bool is_new, enum clerk_state);

/* How an attempt came to its end. */
struct clerk_end {
	bool		 whole;		/* FCGI_END_REQUEST came */
	bool		 not_begun;	/* CLERK_NOT_BEGUN */
	bool		 any;		/* bytes of a reply came */
	bool		 too_large;	/* more than is kept */
	bool		 malformed;	/* no CGI reply */
	int		 status;	/* HTTP */
	uint64_t	 retry_after_ms; /* of the reply; 0: none */
};

/* The attempt that ended, and how many there may be. */
struct clerk_tries {
	unsigned	 attempts, max;
	uint64_t	 retry_ms;	/* after the first */
};

struct clerk_verdict {
	enum clerk_state state;		/* QUEUED: again, after delay_ms */
	bool		 counts;	/* as an attempt */
	uint64_t	 delay_ms;
};

/* `chance` is any number: delays differ by a tenth, so that jobs which failed
 * together do not come back together. */
struct clerk_verdict	clerk_judge(const struct clerk_end *,
			    const struct clerk_tries *, uint32_t chance);

/* After the attempt of that number has failed; the first is 1. */
uint64_t	clerk_backoff(uint64_t first_ms, unsigned attempt,
		    uint32_t chance);

/* Is nobody called any more for this webhook, after the try of that number was
 * answered with `status` (0: nobody answered)? */
bool		clerk_hook_is_over(long status, unsigned tries);

/* When a lease of so many milliseconds is to be renewed. */
uint64_t	clerk_renewal(uint64_t lease_ms);

#endif
