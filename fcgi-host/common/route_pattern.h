/*
 * route_pattern.h - a route's path pattern, segment by segment.
 *
 * For route.c and route_pattern.c; everyone else uses handler_set.h.
 */
#ifndef COMMON_ROUTE_PATTERN_H
#define COMMON_ROUTE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum route_kind {
	ROUTE_LITERAL,		/* at, length: its bytes */
	ROUTE_PARAM,		/* at, length: the name in {name} */
	ROUTE_REST		/* the same of {name...} */
};

struct route_segment {
	enum route_kind	 kind;
	const char	*at;
	size_t		 length;
};

/*
 * The next segment: 1, or 0 at the end.  *cursor starts at the pattern, at its
 * first '/'.
 */
int	route_segment_next(const char **cursor,
	    struct route_segment *segment_out);

#endif
