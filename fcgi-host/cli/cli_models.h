/*
 * cli_models.h - models for one request, in this process alone.
 */
#ifndef CLI_CLI_MODELS_H
#define CLI_CLI_MODELS_H

#include "cli/cli_inline.h"

/* Takes why a model is not there. */
typedef void	cli_model_report(void *context, const struct config_model *,
		    const char *reason);

/*
 * Brings in what `handler` may ask for (NULL: everything) and gives it to the
 * set.  A model that cannot be had is reported; its handler then sees none, as
 * with `required = false`.  Those of kind preload are made later, by
 * handler_set_preload().  -1: out of memory.
 */
int	cli_models_open(struct cli_inline *, const struct handler *,
	    cli_model_report *, void *context);
void	cli_models_close(struct cli_inline *);

#endif
