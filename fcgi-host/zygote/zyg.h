/*
 * zyg.h - what the zygote's files share.
 */
#ifndef ZYGOTE_ZYG_H
#define ZYGOTE_ZYG_H

#include "common/child.h"
#include "common/contract.h"

struct zyg {
	const struct zygote_start *start;
	struct handler_set	*set;
	struct fh_model		*models;
	struct shm_geometry	*geometry;
	int			 signal_fd;	/* SIGCHLD, SIGTERM */
};

/* zyg_start.c: what the supervisor says first; fatal when it is not that. */
void	zyg_start_receive(struct zygote_start *);

/* zyg_load.c: handlers, models, preload hooks; fatal (and told) on failure. */
void	zyg_load(struct zyg *);

/* zyg_fork.c: what MESSAGE_SPAWN_* asks for; takes over the descriptors. */
void	zyg_spawn(const struct zyg *, const struct message *,
	    const int fds[SPAWN_FDS]);
void	zyg_reap(const struct zyg *);

/* zyg_main.c */
void	zyg_say(const struct zyg *, struct message *);

#endif
