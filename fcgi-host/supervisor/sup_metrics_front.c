/*
 * sup_metrics_front.c - the front and its loop, in numbers.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: counters are those of all fronts there were (sup_counts.h).
 */
#include <stdlib.h>

#include "supervisor/sup.h"
#include "supervisor/sup_counts.h"
#include "supervisor/sup_metrics.h"

static void
put_connections(struct metrics *metrics, const struct shm_front_stats *stats)
{
	sup_metrics_one(metrics, METRICS_GAUGE, "fcgi_host_connections", NULL,
	    "Open connections of web servers.", stats->connections);
	sup_metrics_one(metrics, METRICS_COUNTER,
	    "fcgi_host_connections_accepted", NULL,
	    "Connections that were accepted.", stats->accepted);
	sup_metrics_one(metrics, METRICS_COUNTER,
	    "fcgi_host_connections_refused", NULL,
	    "Connections of peers that may not connect.",
	    stats->refused_peers);
}

static void
put_requests(struct metrics *metrics, const struct shm_front_stats *stats)
{
	sup_metrics_one(metrics, METRICS_COUNTER, "fcgi_host_front_requests",
	    NULL, "Requests that came, with a route or without.",
	    stats->requests);
	sup_metrics_one(metrics, METRICS_COUNTER,
	    "fcgi_host_unroutable_requests", NULL,
	    "Requests answered with 404 or 405, for there is no route.",
	    stats->no_route);
	sup_metrics_one(metrics, METRICS_COUNTER,
	    "fcgi_host_malformed_requests", NULL,
	    "Requests refused before they were routed.",
	    stats->bad_requests);
	sup_metrics_one(metrics, METRICS_COUNTER, "fcgi_host_protocol_errors",
	    NULL, "Connections closed, for what came is not FastCGI.",
	    stats->protocol_errors);
}

static void
put_loop(struct metrics *metrics, const struct sup *sup,
    const struct shm_front_stats *stats)
{
	struct metrics_labels labels = { .length = 0 };
	int64_t *counts = calloc(times_length(), sizeof(*counts));
	uint64_t buckets[TIMES_EDGES + 1];
	struct times_scale scale;

	metrics_family(metrics, METRICS_COUNTER,
	    "fcgi_host_front_blocked_seconds", "seconds",
	    "Time in which the front ran a sync handler or a finish(), and "
	    "did nothing else.");
	metrics_put_ns(metrics, NULL, stats->blocked_ns);
	if (counts == NULL) {
		metrics->failed = true;
		return;
	}
	times_scale_init(&scale);
	sup_counts_turns(sup, counts);
	times_cumulate(&scale, counts, buckets);
	free(counts);
	metrics_family(metrics, METRICS_HISTOGRAM,
	    "fcgi_host_front_loop_lag_seconds", "seconds",
	    "How long the front's event loop was away: what came meanwhile "
	    "waited for it.  The sum is the time it was busy.");
	metrics_put_times(metrics, &labels, buckets, stats->turns_ns);
}

void
sup_metrics_front(struct metrics *metrics, const struct sup *sup)
{
	struct shm_front_stats stats;

	sup_counts_front(sup, &stats);
	put_connections(metrics, &stats);
	put_requests(metrics, &stats);
	sup_metrics_one(metrics, METRICS_COUNTER, "fcgi_host_front_restarts",
	    NULL, "Fronts that had to be replaced.", sup->front_restarts);
	put_loop(metrics, sup, &stats);
}
