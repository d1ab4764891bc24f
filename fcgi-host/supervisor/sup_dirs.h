/*
 * sup_dirs.h - state_dir and what is in it.
 */
#ifndef SUPERVISOR_SUP_DIRS_H
#define SUPERVISOR_SUP_DIRS_H

#include <sys/types.h>

#include "common/err.h"
#include "config/config.h"

struct sup;
struct sup_team;

/* sup_dirs.c.  0, or -1 and why. */
int	sup_dirs_open(struct sup *, struct err *);
void	sup_dirs_clean_spool(struct sup *, uint32_t team);
void	sup_dirs_close(struct sup *);

/* state_dir itself, made if it is not there, and locked: sup->lock_fd. */
int	sup_dirs_lock(struct sup *, struct err *);

/* A folder in state_dir for the service's user alone, made if it is not there.
 * Its descriptor, or -1 and why. */
int	sup_dirs_folder(const struct config *, const char *name, struct err *);

/* What is no folder where one of ours belongs costs its place, and no start. */
void	sup_dirs_put_aside(const struct config *, const char *name);

/* The bodies of nobody: all of them. */
void	sup_dirs_empty_spool(struct sup *);

/* Whom the other processes run as. */
uid_t	sup_service_user(const struct config *);
gid_t	sup_service_group(const struct config *);

/*
 * sup_renew.c: what was removed, or replaced, while we run is made anew.  All
 * of it, before a generation is made; or the folder of spooled bodies, when the
 * front of this team can make no file in its own, for this errno.  If its own
 * is another one by now, a reload replaces all that have it.
 */
void	sup_renew(struct sup *);
void	sup_renew_spool(struct sup_team *, int error);

#endif
