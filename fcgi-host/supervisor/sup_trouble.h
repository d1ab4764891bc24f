/*
 * sup_trouble.h - what the supervisor is short of, and since when.
 */
#ifndef SUPERVISOR_SUP_TROUBLE_H
#define SUPERVISOR_SUP_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct sup_trouble {		/* zeroed: there is none */
	uint64_t	since_ms;	/* 0: not now */
	uint64_t	count;		/* what failed for it; the owner's */
};

/* It is there.  True: since now, which is to be told. */
bool	sup_trouble_begins(struct sup_trouble *);

/* It is over.  True: it was there, and `count` says what came of it. */
bool	sup_trouble_ends(struct sup_trouble *);

#endif
