/*
 * wire_range.c - the Range header.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: each range lies in the content, and all of them together are no
 * longer than it: whatever is asked, no more is sent than without a Range.
 */
#include "wire/wire_range.h"

#include <string.h>
#include <strings.h>

/* One of the list; 1: it is in the content, 0: it is not, -1: malformed. */
static int
parse_one(struct wire_span text, uint64_t size, struct wire_range *out)
{
	const char *dash = memchr(text.at, '-', text.length);
	struct wire_span first, last;
	int64_t from = 0, to = 0;

	if (dash == NULL)
		return -1;
	first = (struct wire_span){ text.at, (size_t)(dash - text.at) };
	last = (struct wire_span){ dash + 1, text.length - first.length - 1 };
	if ((first.length > 0 &&
	    wire_parse_number(first.at, first.length, &from) != 0) ||
	    (last.length > 0 &&
	    wire_parse_number(last.at, last.length, &to) != 0) ||
	    first.length + last.length == 0)
		return -1;
	if (first.length == 0) {	/* the last `to` bytes */
		out->first = (uint64_t)to < size ? size - (uint64_t)to : 0;
		out->last = size - 1;
		return to > 0 && size > 0;
	}
	if (last.length > 0 && to < from)
		return -1;
	out->first = (uint64_t)from;
	out->last = last.length == 0 || (uint64_t)to >= size ? size - 1 :
	    (uint64_t)to;
	return (uint64_t)from < size;
}

static bool
skip_unit(struct wire_span *value)
{
	static const char unit[] = "bytes=";

	*value = wire_trim(*value);
	if (value->length < sizeof(unit) - 1 ||
	    strncasecmp(value->at, unit, sizeof(unit) - 1) != 0)
		return false;
	value->at += sizeof(unit) - 1;
	value->length -= sizeof(unit) - 1;
	return true;
}

/* The next element between commas; false at the end. */
static bool
next_element(struct wire_span *rest, struct wire_span *out)
{
	const char *comma;

	do {
		if (rest->length == 0)
			return false;
		comma = memchr(rest->at, ',', rest->length);
		out->at = rest->at;
		out->length = comma == NULL ? rest->length :
		    (size_t)(comma - rest->at);
		rest->at += out->length + (comma != NULL);
		rest->length -= out->length + (comma != NULL);
		*out = wire_trim(*out);
	} while (out->length == 0);
	return true;
}

int
wire_ranges(struct wire_span value, uint64_t size,
    struct wire_range out[WIRE_RANGES_MAX])
{
	struct wire_span element;
	uint64_t left = size;
	int count = 0, seen = 0;

	if (!skip_unit(&value))
		return 0;
	while (next_element(&value, &element)) {
		int rc;

		if (seen++ == WIRE_RANGES_MAX)
			return 0;
		if ((rc = parse_one(element, size, &out[count])) < 0)
			return 0;
		if (rc == 0)
			continue;
		if (out[count].last - out[count].first >= left)
			return 0;
		left -= out[count].last - out[count].first + 1;
		count++;
	}
	if (seen == 0)
		return 0;
	return count > 0 ? count : -1;
}
