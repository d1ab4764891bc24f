/*
 * top_place.c - policy: how many lines each table gets.
 *
 * Runs in: fcgi-host-top.
 * Owns: nothing.
 * Invariant: pure; the lines given are never more than there are, and a table
 * has none, or one of titles and one of rows at least.
 */
#include "top/top.h"

#define LEAST	2	/* titles and a row */

/* An empty table is of interest only where one looks at it. */
static size_t
wanted(size_t rows, bool focused)
{
	if (rows == 0)
		return focused ? LEAST : 0;
	return rows + 1;
}

/* A line each, in turn, to those that want more. */
static void
share(const size_t want[TOP_SECTIONS], size_t left, size_t out[TOP_SECTIONS])
{
	bool any = true;

	while (left > 0 && any) {
		any = false;
		for (int i = 0; i < TOP_SECTIONS && left > 0; i++) {
			if (out[i] == 0 || out[i] >= want[i])
				continue;
			out[i]++;
			left--;
			any = true;
		}
	}
}

void
top_place(const size_t rows[TOP_SECTIONS], enum top_section focus,
    size_t lines, size_t out[TOP_SECTIONS])
{
	size_t want[TOP_SECTIONS], half = lines / 2 > LEAST ? lines / 2 :
	    LEAST;

	for (int i = 0; i < TOP_SECTIONS; i++) {
		want[i] = wanted(rows[i], i == (int)focus);
		out[i] = 0;
	}
	if (lines < LEAST)
		return;
	out[focus] = want[focus] < half ? want[focus] : half;
	lines -= out[focus];
	for (int i = 0; i < TOP_SECTIONS && lines >= LEAST; i++)
		if (out[i] == 0 && want[i] > 0) {
			out[i] = LEAST;
			lines -= LEAST;
		}
	share(want, lines, out);
}
