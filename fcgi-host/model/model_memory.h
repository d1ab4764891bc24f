/*
 * model_memory.h - shared memory on its way to being sealed.
 *
 *	create -> fill through `data` -> seal		(or destroy)
 *
 * While it is open it is the only writable view there is.
 */
#ifndef MODEL_MODEL_MEMORY_H
#define MODEL_MODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "common/err.h"

/* How large pages are asked for. */
enum model_pages {
	MODEL_PAGES_NORMAL,
	MODEL_PAGES_ADVISE,	/* transparent ones, where the system gives */
	MODEL_PAGES_RESERVED	/* from the reserved pool, else ADVISE */
};

struct model_memory {
	int		 fd;		/* -1: nothing here */
	uint8_t		*data;		/* `size` zeroed bytes, writable */
	size_t		 size;		/* whole pages */
	size_t		 page;		/* bytes of one, of this memory */
	enum model_pages pages;		/* what is in use */
};

/*
 * Makes at least `size` zeroed bytes at `address` (0: anywhere).  Memory is
 * taken only as it is touched, so `size` may be far more than there is.
 * -1 with nothing to destroy.
 */
int	model_memory_create(const char *name, size_t size, uint64_t address,
	    enum model_pages, struct model_memory *out, struct err *);

/* Are large pages behind it, now that it is filled? */
bool	model_memory_is_huge(const struct model_memory *);

/*
 * Drops the writable view, shrinks to `length` in whole pages and seals it
 * against writing, growing, shrinking and unsealing.  *fd_out is open for
 * reading only.  Nothing is left to destroy, also after -1.
 */
int	model_memory_seal(struct model_memory *, size_t length,
	    size_t *mapped_out, int *fd_out, struct err *);

void	model_memory_destroy(struct model_memory *);

#endif
