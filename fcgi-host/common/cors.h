/*
 * cors.h - pages of other origins: what a reply's header says of them.
 *
 * The lines stand behind the status.  A handler says nothing of origins where
 * these do (api/api_header.c).  Pure.
 */
#ifndef COMMON_CORS_H
#define COMMON_CORS_H

#include "common/handler_set.h"
#include "wire/wire_text.h"

/*
 * match	what was found for it; all zero or no `route`: what belongs to
 *		no route
 * path		decoded
 * params	its name-value pairs, sound ones
 */
struct cors_question {
	const struct handler_set *set;
	const struct route_match *match;
	struct wire_span	 path;
	const uint8_t		*params;
	size_t			 params_length;
};

/* Returns their length, 0 for none.  CONFIG_CORS_ROOM is room enough. */
size_t	cors_lines(const struct cors_question *, char *out, size_t size);

/* Adds to the lines of the answer to OPTIONS, which end in NUL, what a
 * preflight asks for.  Needs as much room. */
void	cors_preflight(const struct cors_question *, char *out, size_t size);

#endif
