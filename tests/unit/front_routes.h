/*
 * front_routes.h - the routes that the fronts of the tests serve.
 *
 *	GET  /pid		sync: the front's
 *	GET  /pid-async		the worker's
 *	GET  /gate?n=		async: waits until shared->open
 *	POST /gate?n=		... and says "PID LENGTH SUM" of its body
 *	GET  /gate-sync		sync: the same
 *	GET  /stream		async: a part at once, the rest at the gate, or
 *				"told" when it is cancelled
 *	GET  /give-up		async: the gate; nonzero when it is cancelled
 *	GET  /deaf		async: the gate, whatever it is told
 *	GET  /deaf-short	... with a timeout of 300 ms
 *	GET  /deaf-stream	... after a part of its reply
 *	GET  /block		async: in a system call, until it is broken
 *	GET  /gone		the first generation alone; async, waits
 *	GET  /changed		async, then sync: waits only if async
 *	GET  /asked/metrics	the supervisor's, who is asked for it
 *	GET  /asked/status	the same
 */
#ifndef TESTS_FRONT_ROUTES_H
#define TESTS_FRONT_ROUTES_H

#include "common/handler_set.h"

struct handler_set	*routes_create(const struct config *, bool old);
void	routes_destroy(struct handler_set *);

#endif
