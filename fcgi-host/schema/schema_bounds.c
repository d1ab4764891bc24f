/*
 * schema_bounds.c - a value against what is declared of it.
 *
 * Runs in: front, workers, call, cgi; zygote for what the tables hold.
 * Owns: nothing.
 * Invariant: of several faults of one value the first is told: its length, then
 * its pattern, then its bounds in the order of enum schema_bound.
 */
#include <string.h>

#include "schema/schema_private.h"

static int
compare_dates(const struct fh_date *a, const struct fh_date *b)
{
	if (a->year != b->year)
		return a->year < b->year ? -1 : 1;
	if (a->month != b->month)
		return a->month < b->month ? -1 : 1;
	return (a->day > b->day) - (a->day < b->day);
}

static int
compare_times(const struct fh_time *a, const struct fh_time *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return (a->nanoseconds > b->nanoseconds) -
	    (a->nanoseconds < b->nanoseconds);
}

int
schema_bounds_compare(enum fh_type type, const union schema_value *a,
    const union schema_value *b)
{
	switch (type) {
	case FH_TYPE_INTEGER:
		return (a->integer > b->integer) - (a->integer < b->integer);
	case FH_TYPE_NUMBER:
		return (a->number > b->number) - (a->number < b->number);
	case FH_TYPE_DATE:
		return compare_dates(&a->date, &b->date);
	default:
		return compare_times(&a->time, &b->time);
	}
}

static enum schema_wrong
check_order(const struct schema_node *node, const union schema_value *value)
{
	static const enum schema_wrong wrongs[SCHEMA_BOUNDS] = {
		SCHEMA_BELOW_MIN, SCHEMA_ABOVE_MAX, SCHEMA_NOT_ABOVE,
		SCHEMA_NOT_BELOW
	};

	for (int i = 0; i < SCHEMA_BOUNDS; i++) {
		int order;
		bool good;

		if (node->bounds[i] == NULL)
			continue;
		order = schema_bounds_compare(node->type, value,
		    &node->limits[i]);
		good = i == SCHEMA_MIN ? order >= 0 :
		    i == SCHEMA_MAX ? order <= 0 :
		    i == SCHEMA_ABOVE ? order > 0 : order < 0;
		if (!good)
			return wrongs[i];
	}
	return SCHEMA_OK;
}

static enum schema_wrong
check_length(const struct schema_node *node, size_t length)
{
	bool less = length < node->min_length;
	bool more = node->max_length != 0 && length > node->max_length;

	if (!less && !more)
		return SCHEMA_OK;
	switch (node->type) {
	case FH_TYPE_ARRAY:
		return less ? SCHEMA_LIST_SHORT : SCHEMA_LIST_LONG;
	case FH_TYPE_BYTE:
		return less ? SCHEMA_BYTES_SHORT : SCHEMA_BYTES_LONG;
	case FH_TYPE_FILE:
		return less ? SCHEMA_FILE_SHORT : SCHEMA_FILE_LONG;
	default:
		return less ? SCHEMA_STRING_SHORT : SCHEMA_STRING_LONG;
	}
}

enum schema_wrong
schema_bounds_check(const struct schema_node *node,
    const struct schema_reading *reading, struct schema_run *run)
{
	enum schema_wrong wrong = check_length(node, reading->length);

	if (wrong != SCHEMA_OK)
		return wrong;
	if (node->code != NULL && !schema_pattern_matches(run->matcher,
	    node->code, reading->value.string, strlen(reading->value.string)))
		return SCHEMA_STRING_PATTERN;
	return check_order(node, &reading->value);
}
