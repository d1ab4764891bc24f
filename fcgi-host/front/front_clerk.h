/*
 * front_clerk.h - the front's side of the clerk (common/clerk.h).
 */
#ifndef FRONT_FRONT_CLERK_H
#define FRONT_FRONT_CLERK_H

#include "common/clerk.h"
#include "front/front.h"

/* front_clerk.c: what is sent to the clerk as the route's. */
void	front_clerk_route(const struct route *, struct clerk_route *out);

#endif
