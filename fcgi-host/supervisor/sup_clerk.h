/*
 * sup_clerk.h - the clerk, which keeps the jobs (common/clerk.h).
 */
#ifndef SUPERVISOR_SUP_CLERK_H
#define SUPERVISOR_SUP_CLERK_H

#include <stdbool.h>

struct json_object;
struct sup;

/*
 * A generation that is being made has routes that are jobs: from now on there
 * is a clerk, as long as the host is, and its socket, which fronts look for
 * when they begin.  If that cannot be made, it is tried with the next one.
 */
void	sup_clerk_want(struct sup *);

/* The host stops: no job is begun any more. */
void	sup_clerk_rest(struct sup *);

/* All fronts are gone, so nothing of it can run: it ends.  False: it is still
 * there, and sup_stop_if_gone() is called when it is not. */
bool	sup_clerk_end(struct sup *);

/* What it has said of itself, for `status`; NULL: there is none. */
struct json_object	*sup_clerk_status(const struct sup *);

/* Since when the jobs' database, or the clerk itself, is away; 0: it is not. */
struct sup_trouble;
const struct sup_trouble	*sup_clerk_trouble(const struct sup *);

void	sup_clerk_close(struct sup *);

#endif
