/*
 * wire_accept.h - the Accept header (RFC 9110, section 12.5.1).  Pure.
 */
#ifndef WIRE_ACCEPT_H
#define WIRE_ACCEPT_H

#include <stddef.h>

#include "wire/wire_text.h"

/* More ranges than these in one header are not looked at. */
#define WIRE_ACCEPT_MAX	100

/*
 * Which of `count` types ("text/csv", without parameters) the client likes
 * best; -1: it takes none.  The most specific range that fits a type says its
 * q.  Of equal q: the type whose range is more specific, then JSON, then the
 * one that stands first.
 *
 * Parameters other than q, a charset for one, are not looked at.  A range that
 * is malformed is as if it had not been sent; where none is left, as for an
 * empty header, everything is taken.
 */
int	wire_accept(struct wire_span, const char *const *types, size_t count);

#endif
