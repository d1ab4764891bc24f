/*
 * front_cors.h - pages of other origins.
 */
#ifndef FRONT_FRONT_CORS_H
#define FRONT_FRONT_CORS_H

#include "front/front.h"

/* The lines that stand behind the status of a reply; returns their length, 0
 * for none.  CONFIG_CORS_ROOM is room enough. */
size_t	front_cors_lines(const struct front_request *, char *out,
	    size_t size);

/* Adds to the lines of the answer to OPTIONS, which end in NUL, what a
 * preflight asks for.  Needs as much room. */
void	front_cors_preflight(const struct front_request *, char *out,
	    size_t size);

#endif
