/*
 * front_stats.c - what the front counts, for the supervisor to read.
 *
 * Runs in: front.
 * Owns: the stats section of shared memory.
 * Invariant: one writer, so a counter is a load and a store, without a lock;
 * each counter is right for itself, and a reader may see them moments apart.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/handler_load.h"
#include "common/memory_use.h"
#include "front/front.h"
#include "front/front_times.h"

#define SAMPLE_MS	10000

void
front_count(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter,
	    memory_order_relaxed) + by, memory_order_relaxed);
}

void
front_gauge(_Atomic uint64_t *value, _Atomic uint64_t *max, uint64_t now)
{
	atomic_store_explicit(value, now, memory_order_relaxed);
	if (now > atomic_load_explicit(max, memory_order_relaxed))
		atomic_store_explicit(max, now, memory_order_relaxed);
}

struct shm_route_stats *
front_route_stats(const struct front_request *request)
{
	return shm_route_stats(request->front->shm,
	    request->match.route->index);
}

void
front_count_admitted(struct front_request *request)
{
	uint32_t *active = &request->front->route_active[
	    request->match.route->index];

	request->counted = true;
	++*active;
	atomic_store_explicit(&front_route_stats(request)->in_flight, *active,
	    memory_order_relaxed);
}

/* Started by a request, so that an idle front does not wake. */
static void
on_sample(uv_timer_t *timer)
{
	struct front *front = timer->data;
	struct memory_use use;

	front_trouble_log(front);
	if (memory_use_read(0, &use) < 0)
		return;
	atomic_store(&front->stats->private_bytes, use.private_bytes);
	atomic_store(&front->stats->pss_bytes, use.pss_bytes);
	atomic_store(&front->stats->sampled_ms, clock_now_ms());
}

static void
one_less_in_flight(const struct front_request *request)
{
	uint32_t *active = &request->front->route_active[
	    request->match.route->index];

	--*active;
	atomic_store_explicit(&front_route_stats(request)->in_flight, *active,
	    memory_order_relaxed);
}

/* The front that answers it counts it. */
void
front_count_moved(struct front_request *request)
{
	if (request->counted)
		one_less_in_flight(request);
}

void
front_count_replied(struct front_request *request)
{
	struct shm_route_stats *stats;
	int class = request->result.status / 100;

	if (request->match.route == NULL || !request->params_done)
		return;
	if (!uv_is_active((uv_handle_t *)&request->front->sample_timer))
		uv_timer_start(&request->front->sample_timer, on_sample,
		    SAMPLE_MS, 0);
	stats = front_route_stats(request);
	front_count(&stats->requests, 1);
	front_count(&stats->status[class >= 1 && class <= 5 ? class : 0], 1);
	front_count(&stats->request_bytes, request->body_have);
	front_fault_ended(request);
	if (!request->counted)
		return;
	if (request->state != FRONT_REPLYING)
		front_count(&stats->cancelled, 1);
	one_less_in_flight(request);
	front_times_count(request, stats);
}

static void
name_routes(struct front *front)
{
	for (size_t i = 0; i < front->set->route_count; i++) {
		const struct route *route = &front->set->routes[i];
		struct shm_route_stats *stats = shm_route_stats(front->shm,
		    (uint32_t)i);

		snprintf(stats->label, sizeof(stats->label), "%s",
		    route->label);
		snprintf(stats->handler, sizeof(stats->handler), "%s",
		    route->handler->name);
		snprintf(stats->file, sizeof(stats->file), "%s",
		    handler_base(route->handler));
		stats->async = route->async;
		stats->demoted = route->demoted;
		stats->pool = route->pool;
		stats->reserve = route->reserve;
		stats->job = route->job;
	}
}

int
front_stats_start(struct front *front)
{
	name_routes(front);
	if (front_times_start(front) < 0)
		return -1;
	front_trouble_start(front);
	front->sample_timer.data = front;
	uv_timer_init(&front->loop, &front->sample_timer);
	return uv_timer_start(&front->sample_timer, on_sample, 500, 0);
}
