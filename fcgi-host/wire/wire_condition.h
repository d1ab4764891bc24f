/*
 * wire_condition.h - conditional requests (RFC 9110, section 13).  Pure.
 */
#ifndef WIRE_CONDITION_H
#define WIRE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/wire_date.h"
#include "wire/wire_text.h"

/* What there is: nothing known of it, it does not exist. */
struct wire_validators {
	struct wire_span	etag;		/* "x", W/"x", or of length 0 */
	int64_t			modified;	/* or WIRE_NO_DATE */
};

/* What the client asks; `at` is NULL for what it does not. */
struct wire_conditions {
	bool			reads;		/* GET or HEAD */
	struct wire_span	match;		/* If-Match */
	struct wire_span	none_match;	/* If-None-Match */
	struct wire_span	modified_since;
	struct wire_span	unmodified_since;
};

enum wire_verdict {
	WIRE_GO_ON,
	WIRE_NOT_MODIFIED,	/* 304 */
	WIRE_FAILED		/* 412 */
};

/* In the order of section 13.2.2.  `now` is in seconds since 1970. */
enum wire_verdict	wire_judge(const struct wire_conditions *,
			    const struct wire_validators *, int64_t now);

/* Does If-Range let the Range stand (section 13.1.5)?  A date does only if it
 * is the same and was over for a second at least: another version could have
 * it too. */
bool	wire_if_range(struct wire_span, const struct wire_validators *,
	    int64_t now);

/* Is this an entity tag, W/ included? */
bool	wire_is_etag(struct wire_span);

#endif
