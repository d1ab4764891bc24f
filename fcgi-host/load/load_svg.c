/*
 * load_svg.c - the plots of a report.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: every plot has a text beside it that says the same in words or
 * figures; a value out of its axis is drawn at the axis's end.
 */
#include "load/load_report.h"

#include <math.h>

#define WIDTH		860
#define HEIGHT		300
#define LEFT		70
#define RIGHT		36
#define TOP		14
#define BOTTOM		34

/* A logarithmic axis upwards, over whole decades. */
struct axis {
	double	low, high;	/* decimal logarithms */
};

static double
clamp(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value;
}

static struct axis
axis_over(double least, double most)
{
	struct axis axis = { floor(log10(fmax(least, 1))),
		ceil(log10(fmax(most, 10))) };

	if (axis.high <= axis.low)
		axis.high = axis.low + 1;
	return axis;
}

static double
y_of(const struct axis *axis, double us)
{
	double part = (log10(fmax(us, 1)) - axis->low) /
	    (axis->high - axis->low);

	return HEIGHT - BOTTOM - clamp(part, 0, 1) * (HEIGHT - TOP - BOTTOM);
}

static void
begin(FILE *out, int height, const char *label)
{
	fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-label=\"", WIDTH, height);
	load_put_text(out, label);
	fputs("\">\n", out);
}

static void
put_axis(FILE *out, const struct axis *axis)
{
	char text[LOAD_TIME_ROOM];

	for (double at = axis->low; at <= axis->high; at++) {
		double us = pow(10, at), y = y_of(axis, us);

		fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" "
		    "y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
		    "text-anchor=\"end\">%s</text>\n", LEFT, WIDTH - RIGHT, y,
		    y, LEFT - 8, y + 4, load_show_time(us, text));
	}
}

static void
put_tick(FILE *out, double x, const char *text)
{
	fprintf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
	    "y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s"
	    "</text>\n", x, x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 18,
	    text);
}

/* ----------------------------------------------------------- percentiles */

#define NINES_MAX	5	/* 99.999 % */

/* How many nines: 0 for the least, 1 for 90 %, 2 for 99 %. */
static double
x_of_nines(double nines, double most)
{
	return LEFT + nines / most * (WIDTH - LEFT - RIGHT);
}

/* As many as there are requests to say something of. */
static double
nines_of(uint64_t requests)
{
	return clamp(floor(log10(fmax((double)requests, 10))), 1, NINES_MAX);
}

static void
put_percentile_line(FILE *out, const struct load_result *result,
    const struct axis *axis, double most, size_t colour)
{
	double own = nines_of(result->due);

	if (result->due == 0)
		return;
	fprintf(out, "<polyline class=\"line\" style=\"stroke: "
	    "var(--c%zu)\" points=\"", colour % LOAD_COLOURS);
	for (double nines = 0; nines <= own + 1e-9; nines += 0.05)
		fprintf(out, "%.1f,%.1f ", x_of_nines(nines, most),
		    y_of(axis, (double)times_percentile(result->counts,
		    100 * (1 - pow(10, -nines)))));
	fputs("\"/>\n", out);
}

void
load_put_percentiles(FILE *out, const struct load_tally *tally)
{
	static const char *const names[] = { "0", "90 %", "99 %", "99.9 %",
		"99.99 %", "99.999 %" };
	size_t all = tally->scenario->route_count;
	const struct load_result *whole = &tally->results[all];
	double most = nines_of(whole->due);
	struct axis axis = axis_over(
	    (double)times_percentile(whole->counts, 0.1),
	    (double)whole->max_us);

	begin(out, HEIGHT, "Latency by percentile, of each route");
	put_axis(out, &axis);
	for (int i = 0; i <= (int)most; i++)
		put_tick(out, x_of_nines(i, most), names[i]);
	for (size_t i = 0; i < all; i++)
		put_percentile_line(out, &tally->results[i], &axis, most, i);
	fputs("</svg>\n", out);
}

/* ------------------------------------------------------------- over time */

static double
x_of_time(const struct load_tally *tally, uint32_t at_us)
{
	double begin_us = tally->plan->measured_us;
	double width = fmax(tally->latest_us, tally->plan->end_us) - begin_us;

	return LEFT + clamp((at_us - begin_us) / width, 0, 1) *
	    (WIDTH - LEFT - RIGHT);
}

static void
put_points(FILE *out, const struct load_tally *tally,
    const struct load_result *result, const struct axis *axis, bool p99,
    size_t colour)
{
	fprintf(out, "<polyline class=\"line%s\" style=\"stroke: "
	    "var(--c%zu)\" points=\"", p99 ? " thin" : "",
	    colour % LOAD_COLOURS);
	for (size_t i = 0; i < result->point_count; i++) {
		const struct load_point *point = &result->points[i];

		if (point->replies > 0)
			fprintf(out, "%.1f,%.1f ", x_of_time(tally,
			    point->at_us + tally->step_us / 2), y_of(axis,
			    p99 ? point->p99_us : point->p50_us));
	}
	fputs("\"/>\n", out);
}

/* As high as their share of the replies. */
static void
put_errors(FILE *out, const struct load_tally *tally,
    const struct load_result *result)
{
	for (size_t i = 0; i < result->point_count; i++) {
		const struct load_point *point = &result->points[i];
		double x = x_of_time(tally, point->at_us), height;

		if (point->errors == 0)
			continue;
		height = (HEIGHT - TOP - BOTTOM) * (double)point->errors /
		    point->replies;
		fprintf(out, "<rect class=\"errors\" x=\"%.1f\" y=\"%.1f\" "
		    "width=\"%.1f\" height=\"%.1f\"/>\n", x,
		    HEIGHT - BOTTOM - fmax(height, 2),
		    x_of_time(tally, point->at_us + tally->step_us) - x,
		    fmax(height, 2));
	}
}

void
load_put_time_line(FILE *out, const struct load_tally *tally, size_t route)
{
	const struct load_result *result = &tally->results[route];
	uint32_t begin_us = tally->plan->measured_us;
	uint32_t width = tally->plan->end_us - begin_us;
	struct axis axis = axis_over(
	    (double)times_percentile(result->counts, 1),
	    (double)times_percentile(result->counts, 99.9));
	char text[32];

	begin(out, HEIGHT, "Latency over time: p50, p99 and errors");
	put_axis(out, &axis);
	for (uint32_t i = 0; i <= 4; i++) {
		snprintf(text, sizeof(text), "%.3g s", width / 4e6 * i);
		put_tick(out, x_of_time(tally, begin_us + width / 4 * i),
		    text);
	}
	put_errors(out, tally, result);
	put_points(out, tally, result, &axis, false, route);
	put_points(out, tally, result, &axis, true, route);
	fputs("</svg>\n", out);
}

/* --------------------------------------------------------------- changes */

#define ROW		26
#define NAMES		260	/* of the routes, at the left */

/* From a tenth to ten times, in the middle as it was. */
static double
x_of_factor(double factor)
{
	return NAMES + (clamp(log10(fmax(factor, 1e-9)), -1, 1) + 1) / 2 *
	    (WIDTH - NAMES - RIGHT);
}

static void
put_change(FILE *out, const struct load_change *change, double y,
    size_t colour)
{
	if (!change->known)
		return;
	fprintf(out, "<line style=\"stroke: var(--c%zu)\" stroke-width=\"3\" "
	    "x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><circle "
	    "style=\"fill: var(--c%zu)\" r=\"5\" cx=\"%.1f\" cy=\"%.1f\"/>\n",
	    colour % LOAD_COLOURS, x_of_factor(change->low),
	    x_of_factor(change->high), y, y, colour % LOAD_COLOURS,
	    x_of_factor(change->factor), y);
}

void
load_put_changes(FILE *out, const struct load_comparison *comparison)
{
	static const double ticks[] = { 0.1, 0.2, 0.5, 1, 2, 5, 10 };
	size_t rows = comparison->scenario->route_count;
	int height = (int)(rows + 1) * ROW + BOTTOM;

	begin(out, height, "What the second side changes: the factor of the "
	    "p95 of each route, with its interval");
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
		fprintf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" "
		    "y1=\"4\" y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" "
		    "text-anchor=\"middle\">x %g</text>\n",
		    x_of_factor(ticks[i]), x_of_factor(ticks[i]),
		    height - BOTTOM, x_of_factor(ticks[i]),
		    height - BOTTOM + 18, ticks[i]);
	for (size_t i = 0; i < rows; i++) {
		double y = ROW * (double)(i + 1) - 6;

		fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
		    NAMES - 14, y + 4);
		load_put_text(out, comparison->scenario->routes[i].name);
		fputs("</text>\n", out);
		put_change(out, &comparison->changes[i][LOAD_P95], y, i);
	}
	fputs("</svg>\n", out);
}
