/*
 * front_times.c - how long requests took, and the turns of the loop.
 *
 * Runs in: front.
 * Owns: the times section of shared memory.
 * Invariant: one writer; what a worker says of its times is used only if it
 * can be.
 */
#include "front/front_times.h"

#include <stdlib.h>

#include "common/clock.h"

struct route_times {
	struct hdr_histogram	histograms[TIMES_KINDS];
	struct usage_turn	turn;
	struct usage_known	known;
};

struct front_times {
	struct hdr_histogram	turns;
	uint64_t		awake_ns;	/* 0: no turn has begun */
	struct route_times	routes[];
};

static void
start_route(const struct front *front, uint32_t index)
{
	struct route_times *route = &front->times->routes[index];

	for (uint32_t kind = 0; kind < TIMES_KINDS; kind++)
		times_init(&route->histograms[kind], shm_times(front->shm,
		    SHM_TIMES_ROUTE(index) + kind));
}

int
front_times_start(struct front *front)
{
	size_t count = front->set->route_count;

	front->times = calloc(1, sizeof(*front->times) +
	    count * sizeof(front->times->routes[0]));
	if (front->times == NULL)
		return -1;
	times_init(&front->times->turns, shm_times(front->shm,
	    SHM_TIMES_TURNS));
	for (size_t i = 0; i < count; i++)
		start_route(front, (uint32_t)i);
	return 0;
}

struct usage_turn *
front_times_turn(struct front *front, const struct route *route)
{
	return &front->times->routes[route->index].turn;
}

/* All of the reply is with the kernel. */
static bool
is_written(const struct front_request *request)
{
	return request->state == FRONT_REPLYING &&
	    front_output_left(request->conn) == 0;
}

void
front_times_count(const struct front_request *request,
    struct shm_route_stats *stats)
{
	struct route_times *times = &request->front->times->routes[
	    request->match.route->index];
	uint64_t queue = request->begun_ns - request->queued_ns;
	uint64_t run = request->ended_ns - request->begun_ns;
	uint64_t now = clock_now_ns();

	if (request->begun_ns == 0 || request->begun_ns < request->queued_ns ||
	    request->ended_ns < request->begun_ns || request->ended_ns > now)
		return;
	front_count(&stats->queue_ns, queue);
	front_count(&stats->run_ns, run);
	if (run > atomic_load_explicit(&stats->run_max_ns,
	    memory_order_relaxed))
		atomic_store_explicit(&stats->run_max_ns, run,
		    memory_order_relaxed);
	front_count(&stats->cpu_ns, usage_of_run(&times->known,
	    request->cpu_ns, run));
	times_record(&times->histograms[TIMES_QUEUE], queue);
	times_record(&times->histograms[TIMES_RUN], run);
	if (!is_written(request))
		return;
	front_count(&stats->write_ns, now - request->ended_ns);
	times_record(&times->histograms[TIMES_WRITE], now - request->ended_ns);
}

void
front_times_turn_begins(struct front *front)
{
	front->times->awake_ns = clock_now_ns();
}

void
front_times_turn_ends(struct front *front)
{
	struct front_times *times = front->times;
	uint64_t took;

	if (times->awake_ns == 0)
		return;
	took = clock_now_ns() - times->awake_ns;
	front_count(&front->stats->turns_ns, took);
	times_record(&times->turns, took);
	times->awake_ns = 0;
}
