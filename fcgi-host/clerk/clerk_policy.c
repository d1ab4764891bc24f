/*
 * clerk_policy.c - what becomes of a job, decided from what is known of it.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: pure; a job that has used up its attempts is never queued again
 * for a failure, and what was not the handler's fault uses up none.
 */
#include "clerk/clerk_policy.h"

#include <stddef.h>

#define HOOK_TRIES	10
#define HOOK_GONE	410	/* the receiver wants no more */

const char *
clerk_state_name(enum clerk_state state, unsigned attempts)
{
	switch (state) {
	case CLERK_QUEUED:
		return attempts == 0 ? "queued" : "retrying";
	case CLERK_RUNNING:
		return "running";
	case CLERK_SUCCEEDED:
		return "succeeded";
	case CLERK_FAILED:
		return "failed";
	case CLERK_CANCELLED:
		return "cancelled";
	}
	return "unknown";
}

bool
clerk_state_is_final(enum clerk_state state)
{
	return state >= CLERK_SUCCEEDED;
}

int
clerk_accept_status(bool is_new, enum clerk_state state)
{
	return is_new || !clerk_state_is_final(state) ? 202 : 200;
}

uint64_t
clerk_backoff(uint64_t first_ms, unsigned attempt, uint32_t chance)
{
	uint64_t delay = first_ms;

	for (unsigned i = 1; i < attempt && delay < CLERK_RETRY_MAX_MS; i++)
		delay *= 2;
	if (delay > CLERK_RETRY_MAX_MS)
		delay = CLERK_RETRY_MAX_MS;
	return delay - delay / 10 * (chance % 1000) / 1000;
}

bool
clerk_hook_is_over(long status, unsigned tries)
{
	return (status >= 200 && status < 300) || status == HOOK_GONE ||
	    tries >= HOOK_TRIES;
}

uint64_t
clerk_renewal(uint64_t lease_ms)
{
	return lease_ms / 3;
}

static struct clerk_verdict
again(const struct clerk_end *end)
{
	return (struct clerk_verdict){ .state = CLERK_QUEUED,
	    .delay_ms = end->retry_after_ms > CLERK_AGAIN_MS ?
	    end->retry_after_ms : CLERK_AGAIN_MS };
}

static struct clerk_verdict
failed(const struct clerk_end *end, const struct clerk_tries *tries,
    uint32_t chance)
{
	struct clerk_verdict verdict = { .state = CLERK_FAILED,
	    .counts = true };

	if (tries->attempts >= tries->max)
		return verdict;
	verdict.state = CLERK_QUEUED;
	verdict.delay_ms = clerk_backoff(tries->retry_ms, tries->attempts,
	    chance);
	if (verdict.delay_ms < end->retry_after_ms)
		verdict.delay_ms = end->retry_after_ms;
	if (verdict.delay_ms > CLERK_RETRY_MAX_MS)
		verdict.delay_ms = CLERK_RETRY_MAX_MS;
	return verdict;
}

/*
 * A connection that ends before a byte of the reply: the front is gone, and
 * whatever ran has lost its reader.  One that ends within it: the handler broke
 * off, or the time for a stop was over; that counts.
 */
struct clerk_verdict
clerk_judge(const struct clerk_end *end, const struct clerk_tries *tries,
    uint32_t chance)
{
	if (end->too_large)
		return (struct clerk_verdict){ .state = CLERK_FAILED,
		    .counts = true };
	if (end->not_begun || (!end->whole && !end->any))
		return again(end);
	if (!end->whole || end->malformed || end->status >= 500)
		return failed(end, tries, chance);
	return (struct clerk_verdict){ .counts = true,
	    .state = end->status < 400 ? CLERK_SUCCEEDED : CLERK_FAILED };
}
