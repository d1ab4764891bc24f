/*
 * front_password.h - requests whose password is to be hashed.
 *
 * A hash takes some 30 ms and is computed in a thread of libuv's, one at a
 * time: so passwords take at most one processor and one hash's memory, whoever
 * comes.  Its request waits in FRONT_CHECKING, and what of it comes meanwhile
 * is held.
 */
#ifndef FRONT_FRONT_PASSWORD_H
#define FRONT_FRONT_PASSWORD_H

#include "front/front.h"

#define FRONT_PASSWORDS		64	/* that wait */
#define FRONT_PASSWORDS_CLIENT	16	/* ... of one address */

void	front_password_start(struct front *);

/* May one more wait? */
bool	front_password_has_place(const struct front_request *);

/* It has a place, and its hash is `request->hash`. */
void	front_password_wait(struct front_request *);

/* It waits no more, if it did.  What is being computed is, and counted. */
void	front_password_drop(struct front_request *);

/* The front leaves: it is answered. */
void	front_password_give_up(struct front_request *);

/* front_conn.c: what is held, or NULL; and back: it is read as if it came now,
 * or held again while a password is checked. */
struct front_held	*front_conn_take(struct front_conn *);
void	front_conn_use(struct front_conn *, struct front_held *);

/* front_request.c and front_dispatch.c: it may ask.  The first for one whose
 * body may come, the second for one that another front has admitted. */
void	front_request_admitted(struct front_request *);
void	front_dispatch_admitted(struct front_request *);

#endif
