/*
 * front_access.h - who may ask.
 */
#ifndef FRONT_FRONT_ACCESS_H
#define FRONT_FRONT_ACCESS_H

#include "front/front.h"

/* May this client ask this route?  False: it has been answered. */
bool	front_access_admits(struct front_request *);

/* front_request.c: who sent it (common/identity.h).  0 or -1. */
int	front_request_put_identity(struct front_request *, const uint8_t *,
	    size_t);

/* A request's parameters as they are kept for a job: without credentials, and
 * with who sent it, which is taken from there when the job runs.  At most as
 * many bytes as sealed() says; returns how many. */
size_t	front_access_sealed(const struct front_request *);
size_t	front_access_seal(const struct front_request *, uint8_t *out,
	    const uint8_t *limit);

#endif
