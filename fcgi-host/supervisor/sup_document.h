/*
 * sup_document.h - documents that may be asked for often, and by many.
 *
 * One that took a while to make is given to whoever asks within ten times that
 * while: however many ask, and however often, no more than a tenth of the
 * supervisor's time goes into a kind of document.
 */
#ifndef SUPERVISOR_SUP_DOCUMENT_H
#define SUPERVISOR_SUP_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/ask.h"

struct sup;

struct sup_document {
	unsigned	 users;
	char		*text;
	size_t		 length;
	int		 fd;		/* the same, sealed; -1: not yet */
	uint64_t	 made_ns, took_ns;
};

/* NULL: no memory.  Put it back when it is of no more use. */
struct sup_document	*sup_document_get(struct sup *, enum ask_kind);
void			 sup_document_put(struct sup_document *);

/* A sealed memfd, the document's own, that reads as its text.  -1 with
 * errno. */
int	sup_document_fd(struct sup_document *);

/* A front asks.  One that does not take what it was answered is answered no
 * more. */
struct message;
struct sup_child;
void	sup_document_answer(struct sup_child *, const struct message *);

/* What is kept for the next one. */
void	sup_document_forget(void);

#endif
