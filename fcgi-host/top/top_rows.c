/*
 * top_rows.c - what is shown of each thing in a status document.
 *
 * Runs in: fcgi-host-top.
 * Owns: nothing.
 * Invariant: pure; a document that is not as expected gives dashes and zeros.
 */
#include <json-c/json.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "top/top.h"

#define BY(sort)	TOP_BY_##sort
#define NO_SORT		TOP_SORTS

const struct top_shape	top_shapes[TOP_SECTIONS] = {
	[TOP_ROUTES] = { "ROUTE", {
		{ "REQ/s", 7, 0, false, BY(RATE) },
		{ "P50", 7, 4, false, NO_SORT },
		{ "P95", 7, 1, false, BY(P95) },
		{ "WAIT95", 7, 5, false, NO_SORT },
		{ "FLIGHT", 6, 2, false, BY(FLIGHT) },
		{ "5xx/s", 6, 6, false, NO_SORT },
		{ "REFUSED", 7, 7, false, NO_SORT },
		{ "BREAKER", 9, 3, true, NO_SORT } } },
	[TOP_WORKERS] = { "WORKER", {
		{ "REQ/s", 7, 2, false, BY(RATE) },
		{ "BUSY", 7, 1, false, BY(FLIGHT) },
		{ "PRIVATE", 7, 0, false, BY(MEMORY) },
		{ "PSS", 7, 5, false, NO_SORT },
		{ "PID", 7, 4, false, NO_SORT },
		{ "STATE", 9, 3, true, NO_SORT },
		{ "RESTARTS", 8, 6, false, NO_SORT } } },
	[TOP_RUNNING] = { "RUNNING", {
		{ "FOR", 7, 0, false, BY(P95) },
		{ "WORKER", 6, 1, false, NO_SORT },
		{ "PID", 7, 3, false, NO_SORT },
		{ "GEN", 4, 4, false, NO_SORT },
		{ "REQUEST", 36, 2, true, NO_SORT } } },
	[TOP_POOLS] = { "POOL", {
		{ "WORKERS", 7, 1, false, NO_SORT },
		{ "BUSY", 6, 0, false, BY(FLIGHT) },
		{ "IDLE", 6, 3, false, NO_SORT },
		{ "QUEUED", 6, 2, false, NO_SORT },
		{ "LIMIT", 6, 4, false, NO_SORT },
		{ "RECYCLED", 8, 5, false, NO_SORT },
		{ "SCALING", 9, 6, true, NO_SORT } } },
	[TOP_MODELS] = { "MODEL", {
		{ "SIZE", 7, 0, false, BY(MEMORY) },
		{ "SHARERS", 7, 1, false, NO_SORT },
		{ "STATE", 7, 2, true, NO_SORT },
		{ "KIND", 8, 3, true, NO_SORT },
		{ "LOADS", 5, 4, false, NO_SORT } } },
};

/* ---------------------------------------------------------------- documents */

const char *
top_text(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "-";
	return json_object_get_string(value);
}

uint64_t
top_number(struct json_object *object, const char *key)
{
	struct json_object *value;
	int64_t number;

	if (!json_object_object_get_ex(object, key, &value))
		return 0;
	number = json_object_get_int64(value);
	return number < 0 ? 0 : (uint64_t)number;
}

struct json_object *
top_list(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
	    json_object_is_type(value, json_type_array) ? value : NULL;
}

size_t
top_list_length(struct json_object *list)
{
	size_t length = list == NULL ? 0 : json_object_array_length(list);

	return length < TOP_ROWS_MAX ? length : TOP_ROWS_MAX;
}

static struct json_object *
inner_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value) &&
	    json_object_is_type(value, json_type_object) ? value : NULL;
}

/* A counter that went back is another's. */
static double
grown(const struct top_pair *pair, uint64_t now, uint64_t before)
{
	if (pair->before == NULL || pair->seconds <= 0 || now < before)
		return NAN;
	return (double)(now - before) / pair->seconds;
}

double
top_rate(const struct top_pair *pair, const char *key, const char *inner)
{
	if (inner == NULL)
		return grown(pair, top_number(pair->now, key),
		    top_number(pair->before, key));
	return grown(pair, top_number(inner_of(pair->now, key), inner),
	    top_number(inner_of(pair->before, key), inner));
}

static uint64_t
sum_of(struct json_object *object)
{
	uint64_t sum = 0;

	if (object == NULL)
		return 0;
	json_object_object_foreach(object, key, value) {
		(void)value;
		sum += top_number(object, key);
	}
	return sum;
}

double
top_rate_of_all(const struct top_pair *pair, const char *key)
{
	return grown(pair, sum_of(inner_of(pair->now, key)),
	    sum_of(inner_of(pair->before, key)));
}

/* -------------------------------------------------------------------- cells */

static void
put_text(char out[TOP_CELL_MAX], struct json_object *object, const char *key)
{
	snprintf(out, TOP_CELL_MAX, "%s", top_text(object, key));
}

static void
put_number(char out[TOP_CELL_MAX], struct json_object *object,
    const char *key)
{
	snprintf(out, TOP_CELL_MAX, "%" PRIu64, top_number(object, key));
}

static void
fill_route(const struct top_pair *pair, struct top_row *row)
{
	struct json_object *run = inner_of(pair->now, "run_us");
	double failed = top_rate(pair, "status", "5xx");
	const char *breaker = top_text(pair->now, "breaker");

	snprintf(row->name, sizeof(row->name), "%s", top_text(pair->now,
	    "route"));
	snprintf(row->target, sizeof(row->target), "%s", row->name);
	row->keys[TOP_BY_RATE] = top_rate(pair, "requests", NULL);
	row->keys[TOP_BY_P95] = (double)top_number(run, "p95");
	row->keys[TOP_BY_FLIGHT] = (double)top_number(pair->now, "in_flight");
	row->closed = strcmp(breaker, "closed") == 0;
	row->style = !row->closed ? TOP_BAD : failed > 0 ? TOP_WARN :
	    TOP_PLAIN;
	top_put_rate(row->cells[0], TOP_CELL_MAX, row->keys[TOP_BY_RATE]);
	top_put_us(row->cells[1], TOP_CELL_MAX, top_number(run, "p50"));
	top_put_us(row->cells[2], TOP_CELL_MAX, top_number(run, "p95"));
	top_put_us(row->cells[3], TOP_CELL_MAX, top_number(inner_of(pair->now,
	    "queue_us"), "p95"));
	put_number(row->cells[4], pair->now, "in_flight");
	top_put_rate(row->cells[5], TOP_CELL_MAX, failed);
	top_put_rate(row->cells[6], TOP_CELL_MAX, top_rate_of_all(pair,
	    "refused"));
	snprintf(row->cells[7], TOP_CELL_MAX, "%s", breaker);
}

static void
fill_worker(const struct top_pair *pair, struct top_row *row)
{
	const char *state = top_text(pair->now, "state");

	snprintf(row->target, sizeof(row->target), "%" PRIu64,
	    top_number(pair->now, "slot"));
	snprintf(row->name, sizeof(row->name), "%" PRIu64 " %.100s",
	    top_number(pair->now, "slot"), top_text(pair->now, "pool"));
	row->keys[TOP_BY_RATE] = top_rate(pair, "requests", NULL);
	row->keys[TOP_BY_FLIGHT] = (double)top_number(pair->now, "busy");
	row->keys[TOP_BY_MEMORY] = (double)top_number(pair->now,
	    "private_bytes");
	row->style = strcmp(state, "ready") == 0 ? TOP_PLAIN : TOP_WARN;
	top_put_rate(row->cells[0], TOP_CELL_MAX, row->keys[TOP_BY_RATE]);
	snprintf(row->cells[1], TOP_CELL_MAX, "%" PRIu64 "/%" PRIu64,
	    top_number(pair->now, "busy"), top_number(pair->now, "threads"));
	top_put_bytes(row->cells[2], TOP_CELL_MAX, top_number(pair->now,
	    "private_bytes"));
	top_put_bytes(row->cells[3], TOP_CELL_MAX, top_number(pair->now,
	    "pss_bytes"));
	put_number(row->cells[4], pair->now, "pid");
	put_text(row->cells[5], pair->now, "state");
	put_number(row->cells[6], pair->now, "restarts");
}

static void
fill_running(const struct top_pair *pair, struct top_row *row)
{
	struct json_object *worker;
	uint64_t run_ms = top_number(pair->now, "run_ms");

	snprintf(row->name, sizeof(row->name), "%s", top_text(pair->now,
	    "route"));
	snprintf(row->target, sizeof(row->target), "%s", top_text(pair->now,
	    "id"));
	row->keys[TOP_BY_P95] = (double)run_ms;
	top_put_us(row->cells[0], TOP_CELL_MAX, run_ms * 1000);
	if (json_object_object_get_ex(pair->now, "worker", &worker) &&
	    worker != NULL)
		put_number(row->cells[1], pair->now, "worker");
	else
		snprintf(row->cells[1], TOP_CELL_MAX, "front");
	put_number(row->cells[2], pair->now, "pid");
	put_number(row->cells[3], pair->now, "generation");
	put_text(row->cells[4], pair->now, "id");
}

static void
fill_pool(const struct top_pair *pair, struct top_row *row)
{
	uint64_t queued = top_number(pair->now, "queued");

	snprintf(row->name, sizeof(row->name), "%s", top_text(pair->now,
	    "name"));
	snprintf(row->target, sizeof(row->target), "%s", row->name);
	row->keys[TOP_BY_FLIGHT] = (double)top_number(pair->now, "busy");
	row->style = queued > 0 ? TOP_WARN : TOP_PLAIN;
	snprintf(row->cells[0], TOP_CELL_MAX, "%" PRIu64 "/%" PRIu64,
	    top_number(pair->now, "running"),
	    top_number(pair->now, "workers"));
	put_number(row->cells[1], pair->now, "busy");
	put_number(row->cells[2], pair->now, "idle");
	put_number(row->cells[3], pair->now, "queued");
	put_number(row->cells[4], pair->now, "queue_limit");
	snprintf(row->cells[5], TOP_CELL_MAX, "%" PRIu64,
	    sum_of(inner_of(pair->now, "recycled")));
	put_text(row->cells[6], pair->now, "scaling");
}

static void
fill_model(const struct top_pair *pair, struct top_row *row)
{
	const char *state = top_text(pair->now, "state");

	snprintf(row->name, sizeof(row->name), "%s", top_text(pair->now,
	    "name"));
	snprintf(row->target, sizeof(row->target), "%s", row->name);
	row->keys[TOP_BY_MEMORY] = (double)top_number(pair->now, "bytes");
	row->style = strcmp(state, "ready") == 0 ? TOP_PLAIN : TOP_BAD;
	top_put_bytes(row->cells[0], TOP_CELL_MAX, top_number(pair->now,
	    "bytes"));
	put_number(row->cells[1], pair->now, "sharers");
	put_text(row->cells[2], pair->now, "state");
	put_text(row->cells[3], pair->now, "kind");
	put_number(row->cells[4], pair->now, "loads");
}

void
top_rows_fill(enum top_section section, const struct top_pair *pair,
    struct top_row *out)
{
	static void (*const fills[TOP_SECTIONS])(const struct top_pair *,
	    struct top_row *) = {
		[TOP_ROUTES] = fill_route,
		[TOP_WORKERS] = fill_worker,
		[TOP_RUNNING] = fill_running,
		[TOP_POOLS] = fill_pool,
		[TOP_MODELS] = fill_model,
	};

	for (int i = 0; i < TOP_SORTS; i++)
		out->keys[i] = NAN;
	fills[section](pair, out);
}
