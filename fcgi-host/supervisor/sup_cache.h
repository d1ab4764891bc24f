/*
 * sup_cache.h - the cache's memory, which outlives generations and teams.
 */
#ifndef SUPERVISOR_SUP_CACHE_H
#define SUPERVISOR_SUP_CACHE_H

#include <sys/types.h>

#include "common/err.h"

struct json_object;
struct sup;
struct sup_generation;

/* Its size is that of the start.  0, or -1 and why. */
int	sup_cache_open(struct sup *, struct err *);
void	sup_cache_close(struct sup *);

/* This process is reaped, or is none of ours: what it held is free. */
void	sup_cache_exited(const struct sup *, pid_t);
void	sup_cache_zygote_died(const struct sup_generation *);

/* Its part of the status document. */
struct json_object	*sup_cache_status(const struct sup *);

#endif
