/*
 * model_alone.h - models for one process, which shares them with nobody.
 *
 *	struct model_alone alone = { .config = config, .set = set };
 *
 *	model_alone_open(&alone, NULL, report, context);
 *	handler_set_preload(set, ...);
 *	...
 *	model_alone_close(&alone);
 *
 * A model of kind file is the file itself, mapped; its sha256 is "" unless the
 * configuration names one to compare.
 */
#ifndef MODEL_MODEL_ALONE_H
#define MODEL_MODEL_ALONE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/handler_set.h"

struct model_alone_memory;

struct model_alone {
	const struct config		*config;
	struct handler_set		*set;
	bool				 none;	/* load no model at all */
	struct fh_model			*models;
	struct model_alone_memory	*memory; /* as config.models */
	size_t				 count;	/* of both tables */
};

/* Takes why a model is not there. */
typedef void	model_alone_report(void *context, const struct config_model *,
		    const char *reason);

/*
 * Brings in what `handler` may ask for (NULL: everything) and gives it to the
 * set.  A model that cannot be had is reported; its handler then sees none, as
 * with `required = false`.  Those of kind preload are made later, by
 * handler_set_preload().  -1: out of memory.
 */
int	model_alone_open(struct model_alone *, const struct handler *,
	    model_alone_report *, void *context);
void	model_alone_close(struct model_alone *);

#endif
