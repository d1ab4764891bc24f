/*
 * load_json.c - what came of it, for programs.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: times are seconds, as in the metrics; names of members stay.
 */
#include "load/load.h"

#include <json-c/json.h>
#include <string.h>

static void
add(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, value);
}

static struct json_object *
number(double value)
{
	return json_object_new_double(value);
}

static struct json_object *
count(uint64_t value)
{
	return json_object_new_int64((int64_t)value);
}

static struct json_object *
text(const char *value)
{
	return json_object_new_string(value);
}

/* ---------------------------------------------------------------- a test */

static struct json_object *
latencies_of(const struct load_figures *figures)
{
	struct json_object *out = json_object_new_object();

	add(out, "mean", number(figures->mean / 1e6));
	add(out, "p50", number(figures->p50 / 1e6));
	add(out, "p90", number(figures->p90 / 1e6));
	add(out, "p95", number(figures->p95 / 1e6));
	add(out, "p99", number(figures->p99 / 1e6));
	add(out, "p99.9", number(figures->p999 / 1e6));
	add(out, "max", number(figures->max / 1e6));
	return out;
}

static struct json_object *
errors_of(const struct load_result *result)
{
	struct json_object *out = json_object_new_object();
	char key[16];

	for (int i = 400; i < LOAD_STATUSES; i++) {
		if (result->statuses[i] == 0)
			continue;
		snprintf(key, sizeof(key), "%d", i);
		add(out, key, count(result->statuses[i]));
	}
	for (int i = 0; i < LOAD_FAULTS; i++)
		if (result->faults[i] > 0)
			add(out, load_fault_words[i],
			    count(result->faults[i]));
	return out;
}

static struct json_object *
points_of(const struct load_tally *tally, const struct load_result *result)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < result->point_count; i++) {
		const struct load_point *point = &result->points[i];
		struct json_object *one = json_object_new_object();

		add(one, "at", number((point->at_us -
		    tally->plan->measured_us) / 1e6));
		add(one, "replies", count(point->replies));
		add(one, "errors", count(point->errors));
		add(one, "p50", number(point->p50_us / 1e6));
		add(one, "p99", number(point->p99_us / 1e6));
		add(one, "max", number(point->max_us / 1e6));
		json_object_array_add(out, one);
	}
	return out;
}

static struct json_object *
result_of(const struct load_tally *tally, size_t i)
{
	const struct load_result *result = &tally->results[i];
	struct load_figures figures = load_figures(tally, result);
	struct json_object *out = json_object_new_object();
	struct json_object *service = json_object_new_object();

	add(out, "requests", count(result->due));
	add(out, "replies", count(result->replies));
	add(out, "errors", count(result->errors));
	add(out, "open", count(result->open));
	add(out, "good_per_second", number(figures.rate));
	add(out, "latency_seconds", latencies_of(&figures));
	add(service, "p50", number(figures.service_p50 / 1e6));
	add(service, "p99", number(figures.service_p99 / 1e6));
	add(out, "from_sending_seconds", service);
	add(out, "held_share", number(figures.held));
	add(out, "errors_by_kind", errors_of(result));
	add(out, "over_time", points_of(tally, result));
	return out;
}

static void
add_test(struct json_object *out, const struct load_tally *tally)
{
	const struct load_scenario *scenario = tally->scenario;
	struct json_object *routes = json_object_new_array();
	char why[512];

	add(out, "seconds", number(tally->measured_us / 1e6));
	add(out, "interrupted", json_object_new_boolean(tally->interrupted));
	for (size_t i = 0; i < scenario->route_count; i++) {
		struct json_object *one = result_of(tally, i);

		add(one, "route", text(scenario->routes[i].name));
		add(one, "users", count(scenario->routes[i].users));
		add(one, "rate", scenario->routes[i].rate > 0 ?
		    number(scenario->routes[i].rate) : NULL);
		json_object_array_add(routes, one);
	}
	add(out, "routes", routes);
	add(out, "all", result_of(tally, scenario->route_count));
	add(out, "generator_late_seconds_p99",
	    number(load_lag_us(tally) / 1e6));
	add(out, "generator_malformed", count(tally->malformed));
	add(out, "generator_limited", load_is_generators(tally, why,
	    sizeof(why)) ? text(why) : NULL);
}

/* ---------------------------------------------------------- a comparison */

static struct json_object *
change_of(const struct load_change *change)
{
	struct json_object *out;

	if (!change->known)
		return NULL;
	out = json_object_new_object();
	add(out, "factor", number(change->factor));
	add(out, "low", number(change->low));
	add(out, "high", number(change->high));
	return out;
}

static struct json_object *
turns_of(const struct load_comparison *comparison, size_t route)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < 2 * comparison->pairs; i++) {
		const struct load_turn *turn =
		    &comparison->turns[i % 2][i / 2];
		struct json_object *one = json_object_new_object();

		add(one, "side", text(comparison->sides[i % 2]));
		add(one, "requests", count(turn->requests[route]));
		add(one, "errors", count(turn->errors[route]));
		add(one, "good_per_second",
		    number(turn->routes[route].rate));
		add(one, "latency_seconds",
		    latencies_of(&turn->routes[route]));
		json_object_array_add(out, one);
	}
	return out;
}

static struct json_object *
compared_route(const struct load_comparison *comparison, size_t i)
{
	struct json_object *out = json_object_new_object();

	add(out, "route", text(i < comparison->scenario->route_count ?
	    comparison->scenario->routes[i].name : "all"));
	for (int which = 0; which < LOAD_MEASURES; which++)
		add(out, load_measure_words[which],
		    change_of(&comparison->changes[i][which]));
	add(out, "turns", turns_of(comparison, i));
	return out;
}

static struct json_object *
comparison_of(const struct load_comparison *comparison)
{
	static const char *const words[] = { "no difference", "first",
		"second" };
	struct json_object *out = json_object_new_object();
	struct json_object *routes = json_object_new_array();

	add(out, "route", text(comparison->route));
	add(out, "first", text(comparison->sides[0]));
	add(out, "second", text(comparison->sides[1]));
	add(out, "pairs", count(comparison->pairs));
	add(out, "judged_by", text(comparison->by_rate ? "rate" : "p95"));
	add(out, "change", change_of(&comparison->index));
	add(out, "better", text(words[comparison->verdict]));
	add(out, "verdict", text(comparison->sentence));
	for (size_t i = 0; i <= comparison->scenario->route_count; i++)
		json_object_array_add(routes, compared_route(comparison, i));
	add(out, "routes", routes);
	return out;
}

void
load_print_json(FILE *out, const struct load_about *about,
    const struct load_tally *tally, const struct load_comparison *comparison)
{
	struct json_object *json = json_object_new_object();

	add(json, "title", text(about->title));
	add(json, "when", text(about->when));
	add(json, "generator", text(about->generator));
	add(json, "machine", text(about->machine));
	add(json, "seed", count(about->seed));
	if (tally != NULL)
		add_test(json, tally);
	if (comparison != NULL)
		add(json, "compare", comparison_of(comparison));
	fprintf(out, "%s\n", json_object_to_json_string_ext(json,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
}
