/*
 * front_breaker.c - policy: when a route that fails is closed, and tried again.
 *
 * Runs in: front.
 * Owns: the times of a route's last failures, from its first one on.
 * Invariant: pure but for that memory; at most one request tries a route that
 * is half open; where memory is out a failure is not counted.
 */
#include "front/front_breaker.h"

#include <stdlib.h>

bool
front_breaker_admits(struct front_breaker *breaker, uint64_t now_ms,
    bool *probe_out)
{
	*probe_out = false;
	if (breaker->state == FRONT_BREAKER_CLOSED)
		return true;
	if (breaker->state == FRONT_BREAKER_OPEN &&
	    now_ms < breaker->until_ms)
		return false;
	if (breaker->probing || breaker->state == FRONT_BREAKER_HELD)
		return false;
	breaker->state = FRONT_BREAKER_HALF_OPEN;
	breaker->probing = true;
	*probe_out = true;
	return true;
}

static void
open_for(struct front_breaker *breaker, uint64_t pause_ms, uint64_t now_ms)
{
	breaker->state = FRONT_BREAKER_OPEN;
	breaker->probing = false;
	breaker->count = 0;
	breaker->pause_ms = pause_ms < FRONT_BREAKER_PAUSE_MAX_MS ? pause_ms :
	    FRONT_BREAKER_PAUSE_MAX_MS;
	breaker->until_ms = now_ms + breaker->pause_ms;
}

/* Is this one the last of `failures` within the window?  The time of the one
 * that many before it is where this one's goes. */
static bool
is_too_many(struct front_breaker *breaker,
    const struct front_breaker_policy *policy, uint64_t now_ms)
{
	uint64_t *oldest;

	if (breaker->times_ms == NULL)
		breaker->times_ms = calloc(policy->failures,
		    sizeof(*breaker->times_ms));
	if (breaker->times_ms == NULL)
		return false;
	breaker->times_ms[breaker->count++ % policy->failures] = now_ms;
	oldest = &breaker->times_ms[breaker->count % policy->failures];
	return breaker->count >= policy->failures &&
	    now_ms - *oldest <= policy->window_ms;
}

bool
front_breaker_failed(struct front_breaker *breaker,
    const struct front_breaker_policy *policy, bool probe, uint64_t now_ms)
{
	if (policy->failures == 0 || breaker->state == FRONT_BREAKER_HELD)
		return false;
	if (probe) {
		open_for(breaker, breaker->pause_ms * 2, now_ms);
		return true;
	}
	if (breaker->state != FRONT_BREAKER_CLOSED ||
	    !is_too_many(breaker, policy, now_ms))
		return false;
	open_for(breaker, policy->pause_ms, now_ms);
	return true;
}

void
front_breaker_release(struct front_breaker *breaker)
{
	breaker->state = FRONT_BREAKER_CLOSED;
	breaker->probing = false;
	breaker->count = 0;
}

void
front_breaker_hold(struct front_breaker *breaker)
{
	front_breaker_release(breaker);
	breaker->state = FRONT_BREAKER_HELD;
}

void
front_breaker_succeeded(struct front_breaker *breaker)
{
	if (breaker->state != FRONT_BREAKER_HELD)
		front_breaker_release(breaker);
}

void
front_breaker_withdrawn(struct front_breaker *breaker)
{
	breaker->probing = false;
}

void
front_breaker_finish(struct front_breaker *breaker)
{
	free(breaker->times_ms);
	breaker->times_ms = NULL;
}
