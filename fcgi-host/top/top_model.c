/*
 * top_model.c - two status documents: what a host does now.
 *
 * Runs in: fcgi-host-top.
 * Owns: each struct top_model with its tables.
 * Invariant: pure; a rate is of the same thing in both documents: a route by
 * its label, a worker by its process.
 */
#include <json-c/json.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top/top.h"

/* What tells one thing from another. */
static const char *const identities[TOP_SECTIONS] = {
	[TOP_ROUTES] = "route",
	[TOP_WORKERS] = "pid",
	[TOP_RUNNING] = "id",
	[TOP_POOLS] = "name",
	[TOP_MODELS] = "name",
};

static struct json_object *
list_of(struct json_object *root, enum top_section section)
{
	static const char *const keys[TOP_SECTIONS] = {
		[TOP_ROUTES] = "routes",
		[TOP_WORKERS] = "workers",
		[TOP_POOLS] = "pools",
		[TOP_MODELS] = "models",
	};
	struct json_object *running;

	if (section != TOP_RUNNING)
		return top_list(root, keys[section]);
	return json_object_object_get_ex(root, "running", &running) ?
	    top_list(running, "oldest") : NULL;
}

static bool
are_same(struct json_object *one, struct json_object *other, const char *key)
{
	struct json_object *mine, *theirs;

	return json_object_object_get_ex(one, key, &mine) &&
	    json_object_object_get_ex(other, key, &theirs) &&
	    json_object_equal(mine, theirs);
}

/* Mostly it is where it was. */
static struct json_object *
find(struct json_object *list, struct json_object *wanted, size_t guess,
    const char *key)
{
	size_t count = top_list_length(list);

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list,
		    (guess + i) % count);

		if (are_same(one, wanted, key))
			return one;
	}
	return NULL;
}

static int
fill_table(struct top_table *table, enum top_section section,
    const struct top_pair *roots)
{
	struct json_object *list = list_of(roots->now, section);
	struct json_object *old = roots->before == NULL ? NULL :
	    list_of(roots->before, section);

	table->count = top_list_length(list);
	table->rows = calloc(table->count + 1, sizeof(*table->rows));
	if (table->rows == NULL)
		return -1;
	for (size_t i = 0; i < table->count; i++) {
		struct top_pair pair = { .seconds = roots->seconds,
		    .now = json_object_array_get_idx(list, i) };

		pair.before = find(old, pair.now, i, identities[section]);
		table->rows[i].index = i;
		top_rows_fill(section, &pair, &table->rows[i]);
	}
	return 0;
}

/* "2h03m", "3d04h", "59s" */
static void
put_uptime(char *out, size_t size, uint64_t seconds)
{
	if (seconds < 60)
		snprintf(out, size, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		snprintf(out, size, "%" PRIu64 "m%02" PRIu64 "s",
		    seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(out, size, "%" PRIu64 "h%02" PRIu64 "m",
		    seconds / 3600, seconds / 60 % 60);
	else
		snprintf(out, size, "%" PRIu64 "d%02" PRIu64 "h",
		    seconds / 86400, seconds / 3600 % 24);
}

static struct json_object *
member(struct json_object *root, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(root, key, &value) ? value : NULL;
}

static void
fill_title(struct top_model *model, struct json_object *root)
{
	char uptime[32];

	put_uptime(uptime, sizeof(uptime), top_number(root, "uptime_ms") /
	    1000);
	snprintf(model->title, sizeof(model->title),
	    "fcgi-host %.20s %.20s  gen %" PRIu64 "  up %s",
	    top_text(root, "version"), top_text(root, "state"),
	    top_number(member(root, "generation"), "number"), uptime);
}

static void
fill_trouble(struct top_model *model, struct json_object *root)
{
	struct json_object *list = top_list(root, "degraded");
	size_t count = top_list_length(list);
	struct json_object *first = count == 0 ? NULL :
	    json_object_array_get_idx(list, 0);

	if (first == NULL)
		return;
	snprintf(model->trouble, sizeof(model->trouble),
	    "degraded: %.40s: %.100s%s", top_text(first, "what"),
	    top_text(first, "detail"), count > 1 ? " (and more)" : "");
}

static void
fill_figures(struct top_model *model, struct json_object *root)
{
	struct json_object *totals = member(root, "totals");
	struct json_object *routes = top_list(root, "routes");
	struct json_object *pools = top_list(root, "pools");

	for (size_t i = 0; i < top_list_length(routes); i++)
		model->in_flight += top_number(json_object_array_get_idx(
		    routes, i), "in_flight");
	for (size_t i = 0; i < top_list_length(pools); i++)
		model->queued += top_number(json_object_array_get_idx(pools,
		    i), "queued");
	model->connections = top_number(member(root, "front"), "connections");
	model->running = top_number(member(root, "running"), "count");
	model->processes = top_number(totals, "processes");
	model->pss_bytes = top_number(totals, "pss_bytes");
	model->private_bytes = top_number(totals, "private_bytes");
	model->copies_bytes = top_number(totals, "with_private_copies_bytes");
}

/* Of the routes' own: a route that came or went would look like a burst. */
static void
fill_rates(struct top_model *model, const struct top_pair *roots)
{
	struct json_object *now = top_list(roots->now, "routes");
	struct json_object *before = roots->before == NULL ? NULL :
	    top_list(roots->before, "routes");

	if (before == NULL)
		return;
	model->requests = model->failed = model->refused = 0;
	for (size_t i = 0; i < top_list_length(now); i++) {
		struct top_pair pair = { .seconds = roots->seconds,
		    .now = json_object_array_get_idx(now, i) };
		double rate;

		pair.before = find(before, pair.now, i, "route");
		if (isnan(rate = top_rate(&pair, "requests", NULL)))
			continue;
		model->requests += rate;
		rate = top_rate(&pair, "status", "5xx");
		model->failed += isnan(rate) ? 0 : rate;
		rate = top_rate_of_all(&pair, "refused");
		model->refused += isnan(rate) ? 0 : rate;
	}
}

/* Two of the same host, the second one later. */
static struct top_pair
pair_of(struct json_object *now, struct json_object *before)
{
	struct top_pair pair = { .now = now };
	uint64_t then_ms = top_number(before, "uptime_ms");
	uint64_t now_ms = top_number(now, "uptime_ms");

	if (before == NULL || now_ms <= then_ms ||
	    !are_same(now, before, "started_at"))
		return pair;
	pair.before = before;
	pair.seconds = (double)(now_ms - then_ms) / 1000;
	return pair;
}

struct top_model *
top_model_create(struct json_object *now, struct json_object *before)
{
	struct top_model *model = calloc(1, sizeof(*model));
	struct top_pair roots = pair_of(now, before);

	if (model == NULL)
		return NULL;
	model->requests = model->failed = model->refused = NAN;
	for (int i = 0; i < TOP_SECTIONS; i++)
		if (fill_table(&model->tables[i], (enum top_section)i,
		    &roots) < 0) {
			top_model_destroy(model);
			return NULL;
		}
	fill_title(model, now);
	fill_trouble(model, now);
	fill_figures(model, now);
	fill_rates(model, &roots);
	return model;
}

void
top_model_destroy(struct top_model *model)
{
	if (model == NULL)
		return;
	for (int i = 0; i < TOP_SECTIONS; i++)
		free(model->tables[i].rows);
	free(model);
}

/* -------------------------------------------------------------------- order */

static enum top_sort sort_by;	/* for compare(): qsort() passes nothing */

static int
compare(const void *one, const void *other)
{
	const struct top_row *a = one, *b = other;
	double left = a->keys[sort_by], right = b->keys[sort_by];
	int names = sort_by == TOP_BY_NAME ? strcmp(a->name, b->name) : 0;

	if (names != 0)
		return names;
	/* what has no figure comes last, and as in the document */
	if (isnan(left) != isnan(right))
		return isnan(left) ? 1 : -1;
	if (!isnan(left) && left != right)
		return left > right ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

void
top_model_sort(struct top_model *model, enum top_sort sort)
{
	sort_by = sort;
	for (int i = 0; i < TOP_SECTIONS; i++)
		qsort(model->tables[i].rows, model->tables[i].count,
		    sizeof(*model->tables[i].rows), compare);
}
