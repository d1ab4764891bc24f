/*
 * front_arrival.c - when a request came to the web server.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: a start that cannot be changes nothing; an arrival is never later
 * than the first byte we read, and never 0.
 */
#include "common/clock.h"
#include "front/front_arrival.h"

/* Setting the clock moves it against the monotonic one; slewing does not, or
 * not by so much at a time. */
static void
watch_clock(struct front_wall *wall, uint64_t now_ns, int64_t wall_ms)
{
	int64_t offset = wall_ms - (int64_t)(now_ns / CLOCK_NS_PER_MS);
	int64_t moved = offset - wall->offset_ms;

	if (wall->offset_ms != 0 && (moved > FRONT_ARRIVAL_STEP_MS ||
	    moved < -FRONT_ARRIVAL_STEP_MS))
		wall->stepped_ns = now_ns;
	wall->offset_ms = offset;
}

uint64_t
front_arrival(struct front_wall *wall, uint64_t read_ns, int64_t start_ms,
    uint64_t now_ns, int64_t wall_ms)
{
	uint64_t age_ns, arrival;

	watch_clock(wall, now_ns, wall_ms);
	if (start_ms <= 0 || start_ms > wall_ms ||
	    wall_ms - start_ms > FRONT_ARRIVAL_AGE_MAX_MS)
		return read_ns;
	age_ns = (uint64_t)(wall_ms - start_ms) * CLOCK_NS_PER_MS;
	arrival = age_ns < now_ns ? now_ns - age_ns : 1;
	if (arrival >= read_ns || arrival < wall->stepped_ns)
		return read_ns;
	return arrival;
}
