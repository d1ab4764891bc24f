/*
 * sup_scale.c - policy: when a pool gets workers, and when one has to leave.
 *
 * Runs in: supervisor.
 * Owns: nothing; the state is the caller's.
 * Invariant: pure; never more than `wanted` are started, and none leaves that
 * was needed within idle_timeout.
 */
#include "supervisor/sup_scale.h"

static uint32_t
at_most_doubled(uint32_t missing, uint32_t have)
{
	uint32_t most = have > 0 ? have : 1;

	return missing < most ? missing : most;
}

/* Is the time over in which no worker beyond the peak was needed? */
static bool
is_surplus(struct sup_scale *scale, uint32_t have, uint32_t wanted,
    uint64_t idle_timeout_ms, uint64_t now_ms)
{
	if (scale->since_ms == 0 || scale->peak >= have) {
		scale->since_ms = now_ms;
		scale->peak = wanted;
	}
	if (scale->peak < wanted)
		scale->peak = wanted;
	return now_ms - scale->since_ms >= idle_timeout_ms &&
	    have > scale->peak;
}

struct sup_scale_step
sup_scale_step(struct sup_scale *scale, const struct sup_scale_now *now,
    uint64_t idle_timeout_ms, uint64_t now_ms)
{
	struct sup_scale_step step = { 0, false };
	uint32_t have = now->coming + now->ready;

	if (now->wanted >= have) {
		scale->since_ms = 0;
		step.start = at_most_doubled(now->wanted - have, have);
		return step;
	}
	step.retire = is_surplus(scale, have, now->wanted, idle_timeout_ms,
	    now_ms) && now->ready > 0 && now->leaving == 0;
	return step;
}
