/*
 * cli_models.h - models for one request, in this process alone.
 */
#ifndef CLI_CLI_MODELS_H
#define CLI_CLI_MODELS_H

#include "cli/cli_inline.h"

/*
 * Brings in what `handler` may ask for (NULL: everything) and gives it to the
 * set.  A model that cannot be had is a line on stderr; its handler then sees
 * none, as with `required = false`.  -1: out of memory.
 */
int	cli_models_open(struct cli_inline *, const struct handler *);
void	cli_models_close(struct cli_inline *);

#endif
