/*
 * front_access.h - who may ask.
 */
#ifndef FRONT_FRONT_ACCESS_H
#define FRONT_FRONT_ACCESS_H

#include "front/front.h"

/* May this client ask this route?  False: it has been answered, or its password
 * is being hashed, and then front_access_hashed() goes on with it. */
bool	front_access_admits(struct front_request *);

/* Its hash is computed, or was not needed any more (front_password.c): it goes
 * its way, is answered, or waits for another hash. */
void	front_access_hashed(struct front_request *);

/* Is there still a hash wanted?  An equal password may have been right, or too
 * many of its client's wrong meanwhile. */
bool	front_access_is_hash(const struct front_request *);

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
