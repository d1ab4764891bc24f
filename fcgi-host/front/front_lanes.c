/*
 * front_lanes.c - policy: which request of a pool may go to its workers, where
 * some of them are kept for a route.
 *
 * Runs in: front.
 * Owns: nothing; the state is the caller's.
 * Invariant: pure; shared_used is the sum of what each lane runs beyond its
 * reserve, and with several lanes none is begun that takes it over `shared`.
 */
#include "front/front_lanes.h"

#include "common/log.h"

void
front_lanes_init(struct front_lanes *lanes, struct front_lane *list,
    uint32_t count, uint64_t places, uint64_t least)
{
	*lanes = (struct front_lanes){ .lanes = list, .count = count,
	    .places = places, .least = least };
	for (uint32_t i = 0; i < count; i++)
		lanes->kept += list[i].reserve;
	front_lanes_present(lanes, places);
}

void
front_lanes_present(struct front_lanes *lanes, uint64_t places)
{
	uint64_t shared = places > lanes->kept ? places - lanes->kept : 0;

	lanes->shared = shared > lanes->least ? shared : lanes->least;
}

bool
front_lanes_may_run(const struct front_lanes *lanes, uint32_t index)
{
	const struct front_lane *lane = &lanes->lanes[index];

	return lanes->count == 1 || lane->running < lane->reserve ||
	    lanes->shared_used < lanes->shared;
}

void
front_lanes_begun(struct front_lanes *lanes, uint32_t index)
{
	struct front_lane *lane = &lanes->lanes[index];

	if (lane->running >= lane->reserve)
		lanes->shared_used++;
	lane->running++;
}

void
front_lanes_ended(struct front_lanes *lanes, uint32_t index)
{
	struct front_lane *lane = &lanes->lanes[index];

	FH_BUG(lane->running == 0);
	lane->running--;
	if (lane->running >= lane->reserve)
		lanes->shared_used--;
}

/* With one lane the shared queue takes more than run, and those wait too. */
bool
front_lanes_admit(const struct front_lanes *lanes, uint32_t index,
    uint64_t queue)
{
	const struct front_lane *lane = &lanes->lanes[index];

	if (lanes->count == 1)
		return lane->running + lane->waiting < lanes->places + queue;
	return lane->waiting < queue ||
	    (lane->waiting == 0 && front_lanes_may_run(lanes, index));
}
