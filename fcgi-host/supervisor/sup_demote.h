/*
 * sup_demote.h - handlers that took a front along.
 */
#ifndef SUPERVISOR_SUP_DEMOTE_H
#define SUPERVISOR_SUP_DEMOTE_H

#include <stdbool.h>

#include "config/config.h"

struct sup_generation;
struct sup_team;

struct sup_demotion {
	struct sup_demotion	*next;
	char			 handler[CONFIG_NAME_MAX + 1];
	bool			 finish;	/* its finish() did */
};

/* The front of this team is dead: does the handler that it ran go into the
 * pool?  `status` is of wait. */
void	sup_demote_whom_it_ran(struct sup_team *, int status);
void	sup_demote_forget(struct sup_generation *);

/* Is it demoted?  NULL: no. */
const struct sup_demotion	*sup_demoted(const struct sup_generation *,
				    const char *handler);

#endif
