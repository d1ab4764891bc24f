/*
 * front_ask.h - requests that are answered with a document of the supervisor's.
 *
 * The supervisor is asked over its link, once for all who wait, and answers
 * with a sealed memfd, which is mapped and sent piece by piece.
 */
#ifndef FRONT_FRONT_ASK_H
#define FRONT_FRONT_ASK_H

#include "common/ask.h"
#include "front/front.h"

int	front_ask_start(struct front *);

/* Is its route one of those?  Then: waits, or is answered. */
bool	front_ask_is_for(const struct front_request *);
void	front_ask(struct front_request *);

/* The supervisor's answer; -1: it could not make one.  The descriptor is ours
 * from then on. */
void	front_ask_answered(struct front *, const struct message *, int fd);

void	front_ask_room(struct front_request *);	/* the output has shrunk */
void	front_ask_drop(struct front_request *);	/* it waits no more */

/* front_asker.c: whose keys are not looked at elsewhere: may it ask?  And which
 * document, in the form that its Accept likes best. */
bool	front_asker_may(const struct front_request *);
bool	front_asker_is_local(const struct front_request *);
enum ask_kind	front_asker_kind(const struct front_request *);

/* front_link.c */
void	front_link_ask(struct front *, enum ask_kind);

#endif
