/*
 * sup_stage.h - the child that looks at the handler directory and copies what
 * has changed.
 *
 * It has the rights of the service's user, not the supervisor's: what is in the
 * directory may be a link to anything.  Whatever happens to it - a file system
 * that hangs, a full disk - is a reason, and nothing more.
 */
#ifndef SUPERVISOR_SUP_STAGE_H
#define SUPERVISOR_SUP_STAGE_H

#include <uv.h>

#include "config/config.h"
#include "common/err.h"
#include "common/handler_version.h"
#include "supervisor/sup_picks.h"

struct sup_stage;

/* What became of one file. */
struct sup_stage_file {
	struct handler_version	version;	/* at least the name */
	bool			known;		/* unchanged: not copied */
	char			reason[SUP_REASON_MAX];	/* refused; or "" */
};

/*
 * The work: `known` are versions whose file need not be read again if its
 * identity is the same; `writing` are names that somebody is writing to.  Both
 * are used before sup_stage_start() returns, and not later.
 */
struct sup_stage_work {
	const struct config		*config;
	const struct handler_version	*known;
	size_t				 known_count;
	const char *const		*writing;
	size_t				 writing_count;
	int				 to_dir;	/* for the copies */
};

typedef void	sup_stage_found(void *context, const struct sup_stage_file *);
/* Called once, last: NULL, or why the directory could not be read.  The struct
 * sup_stage is gone after this call. */
typedef void	sup_stage_done(void *context, const char *error);

/* Both are called from the loop.  NULL and why, if it cannot be started. */
struct sup_stage	*sup_stage_start(uv_loop_t *,
			    const struct sup_stage_work *, sup_stage_found *,
			    sup_stage_done *, void *context, struct err *);

/* Kills it; no callback will come.  NULL is fine. */
void	sup_stage_cancel(struct sup_stage *);

pid_t	sup_stage_pid(const struct sup_stage *);	/* 0 for NULL */

/* sup_stage_child.c: its life, right after the fork, signals blocked. */
void	sup_stage_child(const struct sup_stage_work *, int socket,
	    pid_t parent) __attribute__((noreturn));

/* What it sends: files, then one last packet with `error`, or "". */
struct sup_stage_packet {
	uint32_t		last;
	struct sup_stage_file	file;
	struct err		error;
};

#endif
