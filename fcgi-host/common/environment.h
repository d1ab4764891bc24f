/*
 * environment.h - which variables code of handlers sees.
 */
#ifndef COMMON_ENVIRONMENT_H
#define COMMON_ENVIRONMENT_H

#include <stdbool.h>

#include "config/config.h"

/*
 * Takes every variable from this process that the configuration's `environment`
 * does not name, but for those that the host sets itself and those that hold
 * secrets of sections auth, which access_create() wipes; none where it wants no
 * sandbox.  An exec is what forgets the values: until then they are still
 * in memory.
 */
void	environment_restrict(const struct config *);

/* Is the variable "NAME=..." named?  An item that ends in '*' names all that
 * begin like it.  Pure. */
bool	environment_allows(char *const *items, const char *variable);

#endif
