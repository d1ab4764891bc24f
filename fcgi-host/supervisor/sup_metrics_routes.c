/*
 * sup_metrics_routes.c - requests, by route, in numbers.
 *
 * Runs in: supervisor.
 * Owns: what it has gathered, while the document is made.
 * Invariant: routes are those of the generation that serves, and their
 * counters those of all generations; a label that occurs twice is one route's.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/sup.h"
#include "supervisor/sup_counts.h"
#include "supervisor/sup_metrics.h"

struct row {
	struct metrics_labels		 labels;
	const struct shm_route_stats	*own;
	struct shm_route_stats		 sum;
	uint64_t	 buckets[TIMES_KINDS][TIMES_EDGES + 1];
};

struct table {
	struct metrics	*metrics;
	struct row	*rows;
	uint32_t	 count;
};

/* -------------------------------------------------------------- gathering */

static void
gather(struct row *row, const struct sup_team *team,
    const struct times_scale *scale, int64_t *counts)
{
	const struct sup *sup = team->generation->sup;
	char label[SHM_LABEL_MAX + 1] = "";

	memcpy(label, row->own->label, SHM_LABEL_MAX);
	sup_counts_route(sup, label, &row->sum);
	if (row->sum.requests == 0)
		return;
	sup_counts_times(sup, label, counts);
	for (uint32_t kind = 0; kind < TIMES_KINDS; kind++)
		times_cumulate(scale, counts + kind * scale->length,
		    row->buckets[kind]);
}

/* A label is cut where it is too long. */
static bool
is_there(const struct table *table, const struct metrics_labels *labels)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (table->rows[i].labels.length == labels->length &&
		    memcmp(table->rows[i].labels.text, labels->text,
		    labels->length) == 0)
			return true;
	return false;
}

static void
add_row(struct table *table, const struct sup_team *team, uint32_t route,
    const struct times_scale *scale, int64_t *counts)
{
	struct row *row = &table->rows[table->count];

	row->own = shm_route_stats(team->shm, route);
	metrics_label(&row->labels, "route", row->own->label, SHM_LABEL_MAX);
	metrics_label(&row->labels, "handler", row->own->handler,
	    sizeof(row->own->handler));
	if (is_there(table, &row->labels)) {
		row->labels.length = 0;
		return;
	}
	gather(row, team, scale, counts);
	table->count++;
}

/* -1: no memory. */
static int
fill(struct table *table, const struct sup_team *team)
{
	uint32_t routes = team->generation->route_count;
	int64_t *counts = calloc(TIMES_KINDS * times_length(),
	    sizeof(*counts));
	struct times_scale scale;

	times_scale_init(&scale);
	table->rows = calloc(routes + 1, sizeof(*table->rows));
	if (counts == NULL || table->rows == NULL) {
		free(counts);
		return -1;
	}
	for (uint32_t i = 0; i < routes; i++)
		add_row(table, team, i, &scale, counts);
	free(counts);
	return 0;
}

/* ----------------------------------------------------------------- counters */

/* One counter of each route; `of` is where it is in the sums. */
#define COUNTER(member)	offsetof(struct shm_route_stats, member)

static uint64_t
value_of(const struct row *row, size_t of)
{
	return atomic_load((const _Atomic uint64_t *)(const void *)
	    ((const char *)&row->sum + of));
}

static void
put_counter(const struct table *table, const char *name, const char *unit,
    const char *help, size_t of)
{
	metrics_family(table->metrics, METRICS_COUNTER, name, unit, help);
	for (uint32_t i = 0; i < table->count; i++)
		metrics_put(table->metrics, &table->rows[i].labels,
		    value_of(&table->rows[i], of));
}

/* A family with a label more: one sample for each of its values. */
static void
put_split(const struct table *table, const char *label,
    const char *const *names, size_t count, size_t of)
{
	for (uint32_t i = 0; i < table->count; i++) {
		struct metrics_labels *labels = &table->rows[i].labels;
		size_t before = labels->length;

		for (size_t k = 0; k < count; k++) {
			metrics_label(labels, label, names[k], SIZE_MAX);
			metrics_put(table->metrics, labels, value_of(
			    &table->rows[i], of + k * sizeof(uint64_t)));
			labels->length = before;
		}
	}
}

static void
put_outcomes(const struct table *table)
{
	metrics_family(table->metrics, METRICS_COUNTER, "fcgi_host_requests",
	    NULL, "Requests that came to an end, by the reply's status.");
	put_split(table, "status", sup_counts_classes, SHM_CLASSES,
	    COUNTER(status));
	metrics_family(table->metrics, METRICS_COUNTER,
	    "fcgi_host_requests_refused", NULL,
	    "Requests that the host answered because the handler was not to "
	    "run, by why.");
	put_split(table, "reason", sup_counts_refusals, SHM_REFUSALS,
	    COUNTER(refused));
	put_counter(table, "fcgi_host_request_timeouts", NULL,
	    "Requests whose handler took longer than it may.",
	    COUNTER(timeouts));
	put_counter(table, "fcgi_host_request_crashes", NULL,
	    "Requests whose handler ended its process.", COUNTER(crashes));
	put_counter(table, "fcgi_host_requests_cancelled", NULL,
	    "Requests whose client left before they were answered.",
	    COUNTER(cancelled));
	put_counter(table, "fcgi_host_requests_slow", NULL,
	    "Requests of sync handlers that took longer than sync_warn.",
	    COUNTER(slow));
}

static void
put_bytes(const struct table *table)
{
	put_counter(table, "fcgi_host_request_bytes", "bytes",
	    "Bytes of request bodies.", COUNTER(request_bytes));
	put_counter(table, "fcgi_host_response_bytes", "bytes",
	    "Bytes of handlers' replies and of kept ones.",
	    COUNTER(reply_bytes));
	put_counter(table, "fcgi_host_requests_cached", NULL,
	    "Requests answered with a kept reply.", COUNTER(cache_hits));
	put_counter(table, "fcgi_host_requests_shared", NULL,
	    "Requests answered with the reply to an equal one that ran.",
	    COUNTER(cache_shared));
}

/* -------------------------------------------------------------------- times */

static void
put_times(const struct table *table, enum times_kind kind, const char *name,
    const char *help, size_t of)
{
	metrics_family(table->metrics, METRICS_HISTOGRAM, name, "seconds",
	    help);
	for (uint32_t i = 0; i < table->count; i++)
		metrics_put_times(table->metrics, &table->rows[i].labels,
		    table->rows[i].buckets[kind], value_of(&table->rows[i],
		    of));
}

static void
put_all_times(const struct table *table)
{
	put_times(table, TIMES_QUEUE, "fcgi_host_request_queue_seconds",
	    "From the admission of a request until its handler began.",
	    COUNTER(queue_ns));
	put_times(table, TIMES_RUN, "fcgi_host_request_run_seconds",
	    "Time of the handler.", COUNTER(run_ns));
	put_times(table, TIMES_WRITE, "fcgi_host_request_write_seconds",
	    "From the handler's end until the kernel had all of the reply.",
	    COUNTER(write_ns));
	metrics_family(table->metrics, METRICS_COUNTER,
	    "fcgi_host_request_cpu_seconds", "seconds",
	    "Processor time of the handler's thread.  Quick handlers are "
	    "measured in one run of 16, and the others taken to be alike; "
	    "threads that a handler starts are not in it.");
	for (uint32_t i = 0; i < table->count; i++)
		metrics_put_ns(table->metrics, &table->rows[i].labels,
		    table->rows[i].sum.cpu_ns);
}

/* ------------------------------------------------------------------- gauges */

static void
put_info(const struct table *table, const struct config *config)
{
	metrics_family(table->metrics, METRICS_INFO, "fcgi_host_route", NULL,
	    "How the route is served.");
	for (uint32_t i = 0; i < table->count; i++) {
		const struct shm_route_stats *own = table->rows[i].own;
		struct metrics_labels labels = table->rows[i].labels;

		metrics_label(&labels, "kind", own->async ? "async" : "sync",
		    SIZE_MAX);
		metrics_label(&labels, "pool", own->async &&
		    own->pool < config->pool_count ?
		    config->pools[own->pool].name : "", SIZE_MAX);
		metrics_label(&labels, "demoted", own->demoted ? "true" :
		    "false", SIZE_MAX);
		metrics_put(table->metrics, &labels, 1);
	}
}

static void
put_gauges(const struct table *table)
{
	metrics_family(table->metrics, METRICS_GAUGE,
	    "fcgi_host_requests_in_flight", NULL,
	    "Requests that wait or run.");
	for (uint32_t i = 0; i < table->count; i++)
		metrics_put(table->metrics, &table->rows[i].labels,
		    table->rows[i].sum.in_flight);
	metrics_family(table->metrics, METRICS_GAUGE,
	    "fcgi_host_route_breaker", NULL,
	    "0: closed.  1: open, the route fails and gets no requests.  2: "
	    "half-open, one tries it.  3: an operator holds it open.");
	for (uint32_t i = 0; i < table->count; i++)
		metrics_put(table->metrics, &table->rows[i].labels,
		    atomic_load(&table->rows[i].own->breaker));
}

void
sup_metrics_routes(struct metrics *metrics, const struct sup_team *team)
{
	struct table table = { .metrics = metrics };

	if (fill(&table, team) < 0)
		metrics->failed = true;
	else {
		put_info(&table, team->generation->config);
		put_gauges(&table);
		put_outcomes(&table);
		put_bytes(&table);
		put_all_times(&table);
	}
	free(table.rows);
}
