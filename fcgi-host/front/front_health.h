/*
 * front_health.h - probes: is the host alive, is it ready?
 *
 * Whether it lives the front says itself, at once.  What is ready the
 * supervisor is asked for, as for any of its documents (front_ask.h).  Both are
 * answered also while the host has no handlers, and have no limits but those of
 * connections: what is full is not dead.
 */
#ifndef FRONT_FRONT_HEALTH_H
#define FRONT_FRONT_HEALTH_H

#include "front/front.h"

struct json_object;

/* Is its route one of those?  Then: answered, or waits. */
bool	front_health_is_for(const struct front_request *);
void	front_health(struct front_request *);

/* The supervisor's document; NULL: it is none.  And the part of it that the
 * request asks for. */
struct json_object	*front_health_read(const char *text, size_t length);
void	front_health_answer(struct front_request *, struct json_object *);

#endif
