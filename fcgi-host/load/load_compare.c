/*
 * load_compare.c - which of two sides is better, by how much, and how sure.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: a side is called better only where the interval of what is judged
 * by has no place for the other.
 */
#include "load/load.h"

#include <math.h>
#include <string.h>

#define LEAST_FACTOR	0.03	/* what is less matters to nobody */
#define ERRORS_MATTER	0.001	/* of all requests */
#define PERCENT_MOST	5	/* a larger factor is told as one */

const char *const	load_measure_words[LOAD_MEASURES] = {
	"p50", "p95", "p99", "mean", "rate"
};

/* Student's t, two-sided 95 %, by degrees of freedom from 1. */
static double
student(size_t freedom)
{
	static const double table[] = { 12.706, 4.303, 3.182, 2.776, 2.571,
		2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
		2.131, 2.120, 2.110, 2.101, 2.093 };

	return table[freedom - 1];
}

static struct load_change
interval(const double *logs, size_t count)
{
	double mean = 0, square = 0, half;

	for (size_t i = 0; i < count; i++)
		mean += logs[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		square += (logs[i] - mean) * (logs[i] - mean);
	half = student(count - 1) * sqrt(square / (double)(count - 1) /
	    (double)count);
	return (struct load_change){ true, exp(mean), exp(mean - half),
	    exp(mean + half) };
}

struct load_change
load_change_of(const double *first, const double *second, size_t pairs)
{
	double logs[LOAD_PAIRS_MAX];

	if (pairs < 2 || pairs > LOAD_PAIRS_MAX)
		return (struct load_change){ 0 };
	for (size_t i = 0; i < pairs; i++) {
		if (!(first[i] > 0) || !(second[i] > 0))
			return (struct load_change){ 0 };
		logs[i] = log(second[i] / first[i]);
	}
	return interval(logs, pairs);
}

/* --------------------------------------------------------------- figures */

static double
measure(const struct load_figures *figures, enum load_measure which)
{
	switch (which) {
	case LOAD_P50:
		return figures->p50;
	case LOAD_P95:
		return figures->p95;
	case LOAD_P99:
		return figures->p99;
	case LOAD_MEAN:
		return figures->mean;
	default:
		return figures->rate;
	}
}

static void
change_all(struct load_comparison *comparison)
{
	double values[2][LOAD_PAIRS_MAX];

	for (size_t i = 0; i <= comparison->scenario->route_count; i++) {
		for (int which = 0; which < LOAD_MEASURES; which++) {
			for (size_t j = 0; j < 2 * comparison->pairs; j++)
				values[j % 2][j / 2] = measure(&comparison->
				    turns[j % 2][j / 2].routes[i],
				    (enum load_measure)which);
			comparison->changes[i][which] = load_change_of(
			    values[0], values[1], comparison->pairs);
		}
	}
}

/* ----------------------------------------------------------------- index */

static bool
is_closed(const struct load_scenario *scenario)
{
	for (size_t i = 0; i < scenario->route_count; i++)
		if (scenario->routes[i].rate > 0)
			return false;
	return true;
}

/* The p95 of each route, weighted by its requests: what a request of any route
 * meets.  The p95 of all together would be the slowest route's alone. */
static double
index_of(const struct load_comparison *comparison,
    const struct load_turn *turn)
{
	size_t routes = comparison->scenario->route_count;
	double sum = 0, all = 0;

	if (comparison->by_rate)
		return turn->routes[routes].rate;
	for (size_t i = 0; i < routes; i++) {
		double weight = (double)turn->requests[i];

		if (!(turn->routes[i].p95 > 0))
			continue;
		sum += weight * log(turn->routes[i].p95);
		all += weight;
	}
	return all > 0 ? exp(sum / all) : 0;
}

static void
find_index(struct load_comparison *comparison)
{
	double values[2][LOAD_PAIRS_MAX];

	comparison->by_rate = is_closed(comparison->scenario);
	for (size_t i = 0; i < comparison->pairs; i++)
		for (int side = 0; side < 2; side++)
			values[side][i] = index_of(comparison,
			    &comparison->turns[side][i]);
	comparison->index = load_change_of(values[0], values[1],
	    comparison->pairs);
}

/* --------------------------------------------------------------- verdict */

static double
error_share(const struct load_comparison *comparison, int side)
{
	size_t all = comparison->scenario->route_count;
	double errors = 0, requests = 0;

	for (size_t i = 0; i < comparison->pairs; i++) {
		errors += (double)comparison->turns[side][i].errors[all];
		requests += (double)comparison->turns[side][i].requests[all];
	}
	return requests > 0 ? errors / requests : 0;
}

/* One side has clearly more errors, in every pair: nothing else matters. */
static bool
judge_errors(struct load_comparison *comparison)
{
	size_t all = comparison->scenario->route_count;
	double share[2] = { error_share(comparison, 0),
		error_share(comparison, 1) };
	int better = share[1] < share[0];

	if (fabs(share[0] - share[1]) < ERRORS_MATTER)
		return false;
	for (size_t i = 0; i < comparison->pairs; i++)
		if (comparison->turns[better][i].routes[all].errors >=
		    comparison->turns[!better][i].routes[all].errors)
			return false;
	comparison->verdict = better == 1 ? LOAD_SECOND_BETTER :
	    LOAD_FIRST_BETTER;
	snprintf(comparison->sentence, sizeof(comparison->sentence),
	    "%s %s is better: %.2f %% of the requests fail, against %.2f %% "
	    "with %s, and that in each pair of turns",
	    comparison->route, comparison->sides[better],
	    share[better] * 100, share[!better] * 100,
	    comparison->sides[!better]);
	return true;
}

static double
percent(double factor)
{
	return fabs(factor - 1) * 100;
}

/* "12 % lower than with sync (95 % sure: 8 to 16 %)", and where that would say
 * little "0.006 times that with sync (...)". */
static void
say_change(const struct load_change *change, const char *other, char *out,
    size_t size)
{
	double low = percent(change->low), high = percent(change->high);

	if (change->factor < 1.0 / PERCENT_MOST || change->factor >
	    PERCENT_MOST)
		snprintf(out, size, "%.2g times that with %s (95 %% sure: "
		    "%.2g to %.2g)", change->factor, other, change->low,
		    change->high);
	else
		snprintf(out, size, "%.0f %% %s than with %s (95 %% sure: "
		    "%.0f to %.0f %%)", percent(change->factor),
		    change->factor < 1 ? "lower" : "higher", other,
		    fmin(low, high), fmax(low, high));
}

static void
say_better(struct load_comparison *comparison, int better)
{
	struct load_change change = comparison->index;
	char text[256];

	if (better == 0)	/* the other way round */
		change = (struct load_change){ true, 1 / change.factor,
			1 / change.high, 1 / change.low };
	say_change(&change, comparison->sides[!better], text, sizeof(text));
	snprintf(comparison->sentence, sizeof(comparison->sentence),
	    "%s %s is better: %s is %s", comparison->route,
	    comparison->sides[better], comparison->by_rate ? "the rate" :
	    "the p95 of a request, over all routes,", text);
}

static void
judge_index(struct load_comparison *comparison)
{
	const struct load_change *index = &comparison->index;
	bool less = index->high < 1, more = index->low > 1;

	if (!index->known) {
		snprintf(comparison->sentence, sizeof(comparison->sentence),
		    "nothing can be said of %s: a side has no replies",
		    comparison->route);
	} else if ((!less && !more) ||
	    fabs(log(index->factor)) < LEAST_FACTOR) {
		snprintf(comparison->sentence, sizeof(comparison->sentence),
		    "%s: no difference between %s and %s that these turns can "
		    "show (%s %+.0f to %+.0f %% with %s)", comparison->route,
		    comparison->sides[0], comparison->sides[1],
		    comparison->by_rate ? "rate" : "p95",
		    (index->low - 1) * 100, (index->high - 1) * 100,
		    comparison->sides[1]);
	} else {
		bool second = comparison->by_rate ? more : less;

		comparison->verdict = second ? LOAD_SECOND_BETTER :
		    LOAD_FIRST_BETTER;
		say_better(comparison, second);
	}
}

void
load_compare(struct load_comparison *comparison)
{
	comparison->verdict = LOAD_NO_DIFFERENCE;
	change_all(comparison);
	find_index(comparison);
	if (!judge_errors(comparison))
		judge_index(comparison);
}
