/*
 * cli_load_compare.c - a route sync against async, taken in turn.
 *
 * Runs in: the tools.
 * Owns: the sides, one at a time.
 * Invariant: both turns of a pair have the same requests at the same times.
 */
#include "cli/cli_load.h"

#include <stdlib.h>
#include <string.h>

static void
keep_turn(const struct load_tally *tally, struct load_turn *out)
{
	for (size_t i = 0; i <= tally->scenario->route_count; i++) {
		const struct load_result *result = &tally->results[i];

		out->routes[i] = load_figures(tally, result);
		out->requests[i] = result->due;
		out->errors[i] = result->errors;
	}
	out->lag_us = load_lag_us(tally);
}

/* The scenario as it is, but to that host. */
static int
ask_side(struct cli_load *load, const struct cli_load_side *side,
    const struct load_plan *plan, const char *what, bool first,
    struct load_turn *out, struct err *err)
{
	struct load_scenario scenario = load->scenario;
	struct load_tally tally;
	char url[sizeof(side->url)], why[512];

	memcpy(url, side->url, sizeof(url));
	scenario.url = url;
	if ((first && cli_load_first(load, &scenario, err) < 0) ||
	    cli_load_run(load, &scenario, plan, what, &tally, err) < 0)
		return -1;
	keep_turn(&tally, out);
	if (load_is_generators(&tally, why, sizeof(why)))
		fprintf(stderr, "fcgi-host load: %s: %s\n", what, why);
	load_tally_free(&tally);
	return cli_load_is_interrupted() ? err_set(err, "interrupted") : 0;
}

static int
take_turn(struct cli_load *load, const struct load_comparison *comparison,
    size_t turn, bool async, struct load_turn *out, struct err *err)
{
	struct cli_load_side side;
	struct load_plan plan;
	char what[64];
	int rc;

	if (load_plan_make(&load->scenario, load->seed + turn / 2, &plan,
	    err) < 0)
		return -1;
	snprintf(what, sizeof(what), "turn %zu of %zu, %s", turn + 1,
	    2 * load->turns, comparison->sides[turn % 2]);
	rc = cli_load_side_start(load, comparison->route, async, &side, err);
	if (rc == 0) {
		rc = ask_side(load, &side, &plan, what, turn < 2, out, err);
		cli_load_side_stop(&side);
	}
	load_plan_free(&plan);
	return rc;
}

/* An interrupt after two pairs leaves something that can be said. */
int
cli_load_compare(struct cli_load *load, struct load_comparison *comparison,
    struct err *err)
{
	bool async;

	*comparison = (struct load_comparison){ .scenario = &load->scenario,
		.route = load->compare };
	if (cli_load_find_route(load, load->compare, &async, err) < 0)
		return -1;
	comparison->sides[0] = async ? "async" : "sync";
	comparison->sides[1] = async ? "sync" : "async";
	for (size_t i = 0; i < 2 * load->turns; i++) {
		if (take_turn(load, comparison, i, (i % 2 == 0) == async,
		    &comparison->turns[i % 2][i / 2], err) < 0) {
			if (!cli_load_is_interrupted() ||
			    comparison->pairs < 2)
				return -1;
			break;
		}
		comparison->pairs = (i + 1) / 2;
	}
	load_compare(comparison);
	return 0;
}
