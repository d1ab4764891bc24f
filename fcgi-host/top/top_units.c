/*
 * top_units.c - figures in a few characters.
 *
 * Runs in: fcgi-host-top.
 * Owns: nothing.
 * Invariant: pure; seven characters at most, for any figure.
 */
#include <math.h>
#include <stdio.h>

#include "top/top.h"

/* "9.9", "123", "12.3k" */
static void
put(char *out, size_t size, double value, const char *const units[],
    double step)
{
	while (units[1] != NULL && value >= step * 0.9995) {
		value /= step;
		units++;
	}
	if (value > 99999)
		value = 99999;
	snprintf(out, size, value < 99.95 && value != floor(value) ?
	    "%.1f%s" : "%.0f%s", value, units[0]);
}

void
top_put_rate(char *out, size_t size, double per_second)
{
	static const char *const units[] = { "", "k", "M", NULL };

	if (isnan(per_second))
		snprintf(out, size, "-");
	else
		put(out, size, per_second < 0.05 ? 0 : per_second, units,
		    1000);
}

void
top_put_us(char *out, size_t size, uint64_t microseconds)
{
	static const char *const units[] = { "us", "ms", "s", NULL };

	put(out, size, (double)microseconds, units, 1000);
}

void
top_put_bytes(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B", "K", "M", "G", "T", NULL };

	put(out, size, (double)bytes, units, 1024);
}
