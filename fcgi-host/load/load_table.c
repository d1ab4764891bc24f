/*
 * load_table.c - what came of it, for a terminal.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: a latency is never shown without what it is counted from.
 */
#include "load/load.h"

#include <string.h>

#define NAME_MAX_WIDTH	40

const char *
load_show_time(double us, char out[LOAD_TIME_ROOM])
{
	if (us < 1000)
		snprintf(out, LOAD_TIME_ROOM, "%.0f us", us);
	else if (us < 1e5)
		snprintf(out, LOAD_TIME_ROOM, "%.1f ms", us / 1e3);
	else if (us < 1e6)
		snprintf(out, LOAD_TIME_ROOM, "%.0f ms", us / 1e3);
	else
		snprintf(out, LOAD_TIME_ROOM, "%.2f s", us / 1e6);
	return out;
}

static const char *
name_of(const struct load_scenario *scenario, size_t i)
{
	return i < scenario->route_count ? scenario->routes[i].name : "all";
}

static int
name_width(const struct load_scenario *scenario)
{
	size_t width = strlen("ROUTE");

	for (size_t i = 0; i < scenario->route_count; i++) {
		size_t length = strlen(scenario->routes[i].name);

		if (length > width)
			width = length;
	}
	return (int)(width < NAME_MAX_WIDTH ? width : NAME_MAX_WIDTH);
}

/* ---------------------------------------------------------------- a test */

static void
print_row(FILE *out, const struct load_tally *tally, size_t i, int width)
{
	const struct load_result *result = &tally->results[i];
	struct load_figures figures = load_figures(tally, result);
	double times[] = { figures.p50, figures.p95, figures.p99,
		figures.p999, figures.max };
	char text[LOAD_TIME_ROOM];

	fprintf(out, "%-*.*s  %8llu  %8.1f", width, width,
	    name_of(tally->scenario, i), (unsigned long long)result->due,
	    figures.rate);
	for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++)
		fprintf(out, "  %8s", load_show_time(times[j], text));
	fprintf(out, "  %8llu\n", (unsigned long long)result->errors);
}

/* "429: 12, connection lost: 3" */
static void
print_errors(FILE *out, const struct load_result *result, const char *name)
{
	const char *between = "";

	if (result->errors == 0)
		return;
	fprintf(out, "%s: ", name);
	for (int i = 400; i < LOAD_STATUSES; i++) {
		if (result->statuses[i] == 0)
			continue;
		fprintf(out, "%s%d: %u", between, i, result->statuses[i]);
		between = ", ";
	}
	for (int i = 0; i < LOAD_FAULTS; i++) {
		if (result->faults[i] == 0)
			continue;
		fprintf(out, "%s%s: %llu", between, load_fault_words[i],
		    (unsigned long long)result->faults[i]);
		between = ", ";
	}
	fputc('\n', out);
}

/* Its users could not keep the rate, as they waited for replies. */
static void
print_held(FILE *out, const struct load_tally *tally, size_t i)
{
	const struct load_route *route = &tally->scenario->routes[i];
	struct load_figures figures = load_figures(tally,
	    &tally->results[i]);
	char text[2][LOAD_TIME_ROOM];

	if (route->rate <= 0 || figures.held < 0.5)
		return;
	fprintf(out, "%s: %.0f %% of the requests were due while their user "
	    "still waited for a\n  reply: %u users cannot keep %.6g/s with "
	    "replies that take %s (p99 %s)\n", route->name,
	    figures.held * 100, route->users, route->rate,
	    load_show_time(figures.service_p50, text[0]),
	    load_show_time(figures.service_p99, text[1]));
}

static void
print_notes(FILE *out, const struct load_tally *tally)
{
	const struct load_scenario *scenario = tally->scenario;
	bool timed = false, closed = false;
	char text[512];

	for (size_t i = 0; i < scenario->route_count; i++) {
		print_held(out, tally, i);
		timed |= scenario->routes[i].rate > 0;
		closed |= scenario->routes[i].rate <= 0;
	}
	if (timed)
		fprintf(out, "Latencies are counted from when a request was "
		    "due, not from when it was sent.\n");
	if (closed)
		fprintf(out, "%s no rate: its users ask again at once, and "
		    "latencies count from the\nsending; nobody asks while the "
		    "server stalls, so they are flattered.\n",
		    timed ? "A route has" : "There is");
	fprintf(out, "The generator itself was late by %s (p99).\n",
	    load_show_time(load_lag_us(tally), text));
	if (tally->malformed > 0)
		fprintf(out, "NOTE: %llu of %llu lines of the generator made "
		    "no sense.\n", (unsigned long long)tally->malformed,
		    (unsigned long long)tally->lines);
	if (load_is_generators(tally, text, sizeof(text)))
		fprintf(out, "NOTE: %s.\n", text);
}

void
load_print_table(FILE *out, const struct load_about *about,
    const struct load_tally *tally)
{
	const struct load_scenario *scenario = tally->scenario;
	int width = name_width(scenario);

	fprintf(out, "%s: %u users, %.0f s%s\n%s, %s\n\n", about->title,
	    load_scenario_users(scenario), tally->measured_us / 1e6,
	    tally->interrupted ? ", INTERRUPTED" : "", about->generator,
	    about->machine);
	fprintf(out, "%-*s  %8s  %8s  %8s  %8s  %8s  %8s  %8s  %8s\n", width,
	    "ROUTE", "REQUESTS", "GOOD/S", "P50", "P95", "P99", "P99.9",
	    "MAX", "ERRORS");
	for (size_t i = 0; i <= scenario->route_count; i++)
		if (i < scenario->route_count || i > 1)
			print_row(out, tally, i, width);
	fputc('\n', out);
	for (size_t i = 0; i < scenario->route_count; i++)
		print_errors(out, &tally->results[i], name_of(scenario, i));
	if (tally->results[scenario->route_count].open > 0)
		fprintf(out, "%llu requests were open when it was "
		    "interrupted.\n", (unsigned long long)
		    tally->results[scenario->route_count].open);
	print_notes(out, tally);
}

/* ---------------------------------------------------------- a comparison */

static double
middle_of(const struct load_comparison *comparison, int side, size_t route,
    size_t offset)
{
	double values[LOAD_PAIRS_MAX], sum = 0;

	for (size_t i = 0; i < comparison->pairs; i++) {
		memcpy(&values[i], (const char *)&comparison->turns[side][i].
		    routes[route] + offset, sizeof(double));
		sum += values[i];
	}
	return sum / (double)comparison->pairs;
}

static void
print_change(FILE *out, const struct load_comparison *comparison,
    size_t route, enum load_measure which, size_t offset)
{
	const struct load_change *change =
	    &comparison->changes[route][which];
	char text[2][LOAD_TIME_ROOM];

	fprintf(out, "  %-4s  %9s  %9s", load_measure_words[which],
	    load_show_time(middle_of(comparison, 0, route, offset), text[0]),
	    load_show_time(middle_of(comparison, 1, route, offset), text[1]));
	if (change->known)
		fprintf(out, "  x %.3g  (%.2g to %.2g)%s\n", change->factor,
		    change->low, change->high, change->high < 1 ? "  less" :
		    change->low > 1 ? "  more" : "");
	else
		fputc('\n', out);
}

void
load_print_comparison(FILE *out, const struct load_comparison *comparison)
{
	const struct load_scenario *scenario = comparison->scenario;

	fprintf(out, "%s, %s against %s, %zu pairs of turns of %.3g s\n\n",
	    comparison->route, comparison->sides[0], comparison->sides[1],
	    comparison->pairs, (double)scenario->duration_ms / 1000);
	for (size_t i = 0; i <= scenario->route_count; i++) {
		fprintf(out, "%s\n  %-4s  %9s  %9s\n", name_of(scenario, i),
		    "", comparison->sides[0], comparison->sides[1]);
		print_change(out, comparison, i, LOAD_P50,
		    offsetof(struct load_figures, p50));
		print_change(out, comparison, i, LOAD_P95,
		    offsetof(struct load_figures, p95));
		print_change(out, comparison, i, LOAD_P99,
		    offsetof(struct load_figures, p99));
		fprintf(out, "  good  %7.1f/s  %7.1f/s\n  bad   %7.2f %%  "
		    "%7.2f %%\n",
		    middle_of(comparison, 0, i, offsetof(struct load_figures,
		    rate)), middle_of(comparison, 1, i,
		    offsetof(struct load_figures, rate)),
		    100 * middle_of(comparison, 0, i,
		    offsetof(struct load_figures, errors)),
		    100 * middle_of(comparison, 1, i,
		    offsetof(struct load_figures, errors)));
	}
	fprintf(out, "\n%s.\n", comparison->sentence);
}
