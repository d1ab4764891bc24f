/*
 * front_inside.h - a front inside the test's own process, with one async route,
 * "POST /x", and no worker: the test is those, web server and supervisor.
 */
#ifndef TESTS_UNIT_FRONT_INSIDE_H
#define TESTS_UNIT_FRONT_INSIDE_H

#include "front/front.h"

/* Room for a request with a query and no body to speak of. */
#define FRONT_INSIDE_REQUEST	4096

/*
 * Once per process.  The front's loop is run by the caller; `front` has been
 * zero.  Returns the supervisor's end of the link.
 */
int	front_inside_make(struct front *, const char *config,
	    int (*serve)(struct fh_request *));

/* A request for /x as bytes; its length.  A body must leave 512 bytes free. */
size_t	front_inside_request(uint8_t bytes[FRONT_INSIDE_REQUEST],
	    const char *query, const void *body, size_t length, bool keep);

#endif
