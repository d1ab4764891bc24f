/*
 * wire_sse.h - server-sent events as they go over the wire.  Pure.
 *
 * WHATWG HTML, 9.2.5, "Parsing an event stream": lines end in CR, LF or CRLF,
 * a field is "name: value", and a blank line ends an event.
 */
#ifndef WIRE_SSE_H
#define WIRE_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/wire_text.h"

/* An event on its way out.  NULL for what it does not have. */
struct wire_sse {
	const char	*id;
	const char	*event;
	const char	*data;		/* moves on */
	size_t		 data_length;	/* from there on */
};

/* Can it be the value of a field?  No CR, no LF, no NUL. */
bool	wire_sse_is_value(const char *text, size_t length);

/*
 * The event's next field: 1, or 0 when there is none left.  Each line of the
 * data is a field of its own, the empty one after a line end at its end too.
 * The value has no line end in it.
 */
int	wire_sse_next(struct wire_sse *, struct wire_span *name_out,
	    struct wire_span *value_out);

#endif
