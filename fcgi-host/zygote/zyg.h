/*
 * zyg.h - what the zygote's files share.
 */
#ifndef ZYGOTE_ZYG_H
#define ZYGOTE_ZYG_H

#include <sys/types.h>

#include <stdbool.h>

#include "common/child.h"
#include "common/contract.h"

#define ZYG_HELD	32	/* descriptors that are looked after */

/* What a descriptor of the host's leads to. */
struct zyg_held {
	bool	open;
	dev_t	device;
	ino_t	inode;
};

struct zyg {
	const struct zygote_start *start;
	struct handler_set	*set;
	struct model_image	*images;	/* in step with model_fds */
	int			*model_fds;	/* -1: kind preload */
	size_t			 image_count;
	struct fh_model		*models;
	struct shm_geometry	*geometry;
	int			 signal_fd;	/* SIGCHLD, SIGTERM */

	/* while handlers' code runs */
	char			 running[MESSAGE_TEXT_MAX]; /* whose */
	pid_t			 pid;
	int			 spare_link;	/* the same as start->link */
	int			 folder;	/* we were in */
	struct zyg_held		 held[ZYG_HELD];
	bool			 spoilt;	/* what it did stays done */
};

/* zyg_start.c: what the supervisor says before there is anything to fork; fatal
 * when it is not that. */
void	zyg_start_receive(struct zygote_start *);
void	zyg_models_receive(struct zyg *);

/* zyg_load.c: handlers, then models and preload hooks; refusals are told. */
void	zyg_load(struct zyg *, struct zygote_start *);
void	zyg_preload(struct zyg *);
void	zyg_fail(const struct zyg *, const char *why) __attribute__((noreturn));

/* zyg_harm.c: what a handler's code may not do to the zygote.  0, or -1 and
 * what it did, which is undone as far as it can be. */
void	zyg_harm_begin(struct zyg *);
int	zyg_harm_check(struct zyg *, struct err *);
void	zyg_harm_end(struct zyg *);

/* zyg_fork.c: what MESSAGE_SPAWN_* asks for; takes over the descriptors. */
void	zyg_spawn(const struct zyg *, const struct message *,
	    const int fds[SPAWN_FDS]);
void	zyg_reap(const struct zyg *);

/* zyg_demote.c */
void	zyg_demote(struct zyg *, const struct message *);

/* zyg_main.c */
void	zyg_say(const struct zyg *, struct message *);

#endif
