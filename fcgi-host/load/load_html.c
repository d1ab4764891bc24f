/*
 * load_html.c - what came of it, as a page.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: the page is one file that asks nobody for anything.
 */
#include "load/load_report.h"

#include <string.h>

const char *
load_template_find(const char *name)
{
	for (const struct load_template *one = load_templates;
	    one->name != NULL; one++)
		if (strcmp(one->name, name) == 0)
			return one->text;
	return "";
}

void
load_put_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void
put(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	load_put_text(out, text);
	fputs(after, out);
}

static const char *
name_of(const struct load_scenario *scenario, size_t i)
{
	return i < scenario->route_count ? scenario->routes[i].name : "all";
}

/* ---------------------------------------------------------------- tables */

static void
put_time(FILE *out, double us)
{
	char text[LOAD_TIME_ROOM];

	fprintf(out, "<td>%s</td>", load_show_time(us, text));
}

static void
put_row(FILE *out, const struct load_tally *tally, size_t i)
{
	const struct load_result *result = &tally->results[i];
	struct load_figures figures = load_figures(tally, result);
	const double times[] = { figures.mean, figures.p50, figures.p95,
		figures.p99, figures.p999, figures.max };

	put(out, "<tr><td>", name_of(tally->scenario, i), "</td>");
	if (i < tally->scenario->route_count)
		fprintf(out, "<td>%u</td>", tally->scenario->routes[i].users);
	else
		fprintf(out, "<td>%u</td>",
		    load_scenario_users(tally->scenario));
	fprintf(out, "<td>%llu</td><td>%.1f</td>",
	    (unsigned long long)result->due, figures.rate);
	for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++)
		put_time(out, times[j]);
	fprintf(out, "<td%s>%llu</td></tr>\n", result->errors > 0 ?
	    " class=\"bad\"" : "", (unsigned long long)result->errors);
}

static void
put_results(FILE *out, const struct load_tally *tally)
{
	fputs("<div class=\"wide\"><table><thead><tr><th>Route</th>"
	    "<th>Users</th><th>Requests</th><th>Good a second</th>"
	    "<th>Mean</th><th>p50</th><th>p95</th><th>p99</th><th>p99.9</th>"
	    "<th>Max</th><th>Errors</th></tr></thead><tbody>\n", out);
	for (size_t i = 0; i <= tally->scenario->route_count; i++)
		put_row(out, tally, i);
	fputs("</tbody></table></div>\n", out);
}

static void
put_error_row(FILE *out, const char *route, const char *kind, uint64_t count)
{
	put(out, "<tr><td>", route, "</td>");
	fprintf(out, "<td>%s</td><td class=\"bad\">%llu</td></tr>\n", kind,
	    (unsigned long long)count);
}

static void
put_errors_of(FILE *out, const struct load_result *result, const char *name)
{
	char status[16];

	for (int i = 400; i < LOAD_STATUSES; i++) {
		snprintf(status, sizeof(status), "%d", i);
		if (result->statuses[i] > 0)
			put_error_row(out, name, status, result->statuses[i]);
	}
	for (int i = 0; i < LOAD_FAULTS; i++)
		if (result->faults[i] > 0)
			put_error_row(out, name, load_fault_words[i],
			    result->faults[i]);
}

static void
put_errors(FILE *out, const struct load_tally *tally)
{
	size_t all = tally->scenario->route_count;

	if (tally->results[all].errors == 0)
		return;
	fputs("<h2>Errors by kind</h2>\n<div class=\"wide\"><table><thead>"
	    "<tr><th>Route</th><th>Kind</th><th>Requests</th></tr></thead>"
	    "<tbody>\n", out);
	for (size_t i = 0; i < all; i++)
		put_errors_of(out, &tally->results[i],
		    name_of(tally->scenario, i));
	fputs("</tbody></table></div>\n", out);
}

/* ------------------------------------------------------------------ a test */

static void
put_legend(FILE *out, const struct load_scenario *scenario)
{
	fputs("<ul class=\"legend\">\n", out);
	for (size_t i = 0; i < scenario->route_count; i++) {
		fprintf(out, "<li><span style=\"background: "
		    "var(--c%zu)\"></span>", i % LOAD_COLOURS);
		put(out, "", scenario->routes[i].name, "</li>\n");
	}
	fputs("</ul>\n", out);
}

static void
put_test(FILE *out, const struct load_tally *tally)
{
	const struct load_scenario *scenario = tally->scenario;
	char why[512];

	if (tally->interrupted)
		fputs("<p class=\"note\">It was interrupted: this is what was "
		    "there by then.</p>\n", out);
	if (load_is_generators(tally, why, sizeof(why)))
		put(out, "<p class=\"note\">Note: ", why, ".</p>\n");
	fputs("<h2>Latencies</h2>\n<p class=\"soft\">Counted from when a "
	    "request was due at the rate wanted, not from when it was sent: "
	    "a server that stalls keeps its users from asking, and that "
	    "counts. Routes without a rate are counted from the sending."
	    "</p>\n", out);
	put_results(out, tally);
	put_errors(out, tally);
	fputs("<h2>By percentile</h2>\n", out);
	load_put_percentiles(out, tally);
	put_legend(out, scenario);
	for (size_t i = 0; i < scenario->route_count; i++) {
		put(out, "<h2>Over time: ", scenario->routes[i].name,
		    "</h2>\n<p class=\"soft\">Line: p50. Dashes: p99. Bars: "
		    "share of errors.</p>\n");
		load_put_time_line(out, tally, i);
	}
}

/* ---------------------------------------------------------- a comparison */

static void
put_compared(FILE *out, const struct load_comparison *comparison, size_t i)
{
	for (int which = 0; which < LOAD_MEASURES; which++) {
		const struct load_change *change =
		    &comparison->changes[i][which];
		bool more = which == LOAD_RATE;
		const char *class = "";

		if (!change->known)
			continue;
		if (change->high < 1)
			class = more ? " class=\"bad\"" : " class=\"good\"";
		else if (change->low > 1)
			class = more ? " class=\"good\"" : " class=\"bad\"";
		put(out, "<tr><td>", name_of(comparison->scenario, i),
		    "</td>");
		fprintf(out, "<td>%s</td><td%s>x %.3g</td><td>%.2g to %.2g"
		    "</td></tr>\n", load_measure_words[which], class,
		    change->factor, change->low, change->high);
	}
}

static void
put_turns(FILE *out, const struct load_comparison *comparison)
{
	size_t all = comparison->scenario->route_count;

	fputs("<h2>Turns</h2>\n<div class=\"wide\"><table><thead><tr>"
	    "<th>Turn</th><th>Side</th><th>Good a second</th><th>p50</th>"
	    "<th>p95</th><th>p99</th><th>Errors</th></tr></thead><tbody>\n",
	    out);
	for (size_t i = 0; i < 2 * comparison->pairs; i++) {
		const struct load_turn *turn =
		    &comparison->turns[i % 2][i / 2];

		fprintf(out, "<tr><td>%zu</td><td>%s</td><td>%.1f</td>",
		    i + 1, comparison->sides[i % 2], turn->routes[all].rate);
		put_time(out, turn->routes[all].p50);
		put_time(out, turn->routes[all].p95);
		put_time(out, turn->routes[all].p99);
		fprintf(out, "<td>%llu</td></tr>\n",
		    (unsigned long long)turn->errors[all]);
	}
	fputs("</tbody></table></div>\n", out);
}

static void
put_comparison(FILE *out, const struct load_comparison *comparison)
{
	fprintf(out, "<h2>%s against %s</h2>\n", comparison->sides[1],
	    comparison->sides[0]);
	fprintf(out, "<p class=\"soft\">The factor by which the p95 of each "
	    "route changes with %s, and where it lies with 95 %% confidence: "
	    "%zu pairs of turns, one after the other.</p>\n",
	    comparison->sides[1], comparison->pairs);
	load_put_changes(out, comparison);
	fputs("<div class=\"wide\"><table><thead><tr><th>Route</th>"
	    "<th>Measure</th><th>Factor</th><th>95 %</th></tr></thead>"
	    "<tbody>\n", out);
	for (size_t i = 0; i <= comparison->scenario->route_count; i++)
		put_compared(out, comparison, i);
	fputs("</tbody></table></div>\n", out);
	put_turns(out, comparison);
}

void
load_print_html(FILE *out, const struct load_about *about,
    const struct load_tally *tally, const struct load_comparison *comparison)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n<title>", out);
	put(out, "", about->title, "</title>\n<style>\n");
	fputs(load_template_find("report.css"), out);
	put(out, "</style>\n</head>\n<body>\n<main>\n<h1>", about->title,
	    "</h1>\n");
	put(out, "<p class=\"soft\">", about->when, " &middot; ");
	put(out, "", about->generator, " &middot; ");
	put(out, "", about->machine, "</p>\n");
	if (comparison != NULL) {
		put(out, "<p class=\"verdict\"><strong>",
		    comparison->sentence, ".</strong></p>\n");
		put_comparison(out, comparison);
	}
	if (tally != NULL)
		put_test(out, tally);
	fputs("</main>\n</body>\n</html>\n", out);
}
