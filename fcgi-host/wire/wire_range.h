/*
 * wire_range.h - the Range header (RFC 9110, section 14).  Pure.
 */
#ifndef WIRE_RANGE_H
#define WIRE_RANGE_H

#include <stdint.h>

#include "wire/wire_text.h"

/* More in one header are an attack or a mistake: the header is ignored. */
#define WIRE_RANGES_MAX	16

struct wire_range {
	uint64_t	first;
	uint64_t	last;		/* included */
};

/*
 * The ranges of `size` bytes that a Range header asks for, in its order:
 * how many, at least 1;
 *  0	ignore it: another unit, malformed, more than WIRE_RANGES_MAX, or
 *	together more than all of the content, as overlapping ones are
 * -1	none of them is in the content: 416
 */
int	wire_ranges(struct wire_span, uint64_t size,
	    struct wire_range out[WIRE_RANGES_MAX]);

#endif
