/*
 * sup_orders.h - what an operator wants done: a request ended, a worker
 * replaced, a route taken out of service.
 *
 * They come over the control socket.  A front is told by MESSAGE_ORDER and
 * answers by MESSAGE_ORDERED; one that runs a sync handler does so later, and
 * whoever asked is told that.  What comes of it is one of
 *
 *	{"done": "a sentence"}		{"error": "a sentence"}
 */
#ifndef SUPERVISOR_SUP_ORDERS_H
#define SUPERVISOR_SUP_ORDERS_H

struct message;
struct sup;
struct sup_asker;
struct sup_team;

/* A word of the control socket, and who does what is behind it; the asker is
 * answered once, at once or within some seconds. */
struct sup_order_word {
	const char	*word;
	void		(*order)(struct sup *, const char *rest,
			    struct sup_asker *);
};

/* That of "kill 4f2a"; NULL: none of ours, or nothing behind it. */
const struct sup_order_word	*sup_orders_word(const char *request);

void	sup_orders_forget(const struct sup_asker *);	/* it has left */

/* A front has answered. */
void	sup_orders_heard(const struct sup_team *, const struct message *);

/* A new front, before it serves: which routes are out of service.  They are so
 * over reloads, until an operator puts them back or the host is started anew
 * or upgraded. */
void	sup_orders_tell(struct sup_team *);

void	sup_orders_finish(void);

#endif
