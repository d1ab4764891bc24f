/*
 * front_order.h - what an operator wants of a front, by the supervisor's word.
 *
 *	a request is ended: its client is answered 503, once; a worker that
 *	  runs it is told, and ended when it goes on after kill_grace
 *	a route is taken out of service, or given back to it
 *
 * A sync handler cannot be ended so: while it runs, nobody reads the order.
 */
#ifndef FRONT_FRONT_ORDER_H
#define FRONT_FRONT_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct front;
struct front_job;
struct front_request;
struct message;

/* MESSAGE_ORDER, from front_link.c, and the answer. */
void	front_order(struct front *, const struct message *);
void	front_link_ordered(struct front *, const struct message *answer);

/* Answers a request that was ended; it is in no list and no worker's.  A reply
 * of which a part has left is broken off. */
void	front_order_end(struct front_request *, bool forwarded);

/* front_deadline.c: its worker is told, its client answered.  False: that has
 * been done, or its time is up. */
bool	front_deadline_kill(struct front_job *);

/* front_fault.c */
void	front_fault_hold(struct front *, uint32_t route, bool held);

#endif
