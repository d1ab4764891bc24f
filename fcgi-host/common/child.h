/*
 * child.h - what every process of ours does when it begins, and what it is
 * given.
 */
#ifndef COMMON_CHILD_H
#define COMMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config/config.h"
#include "common/contract.h"
#include "common/err.h"
#include "common/handler_set.h"
#include "common/handler_version.h"
#include "common/shm.h"

/* A file that a zygote is to load, as MESSAGE_FILES brings it; a name of "" has
 * no place in the generation. */
struct start_file {
	char	name[HANDLER_FILE_MAX + 1];
	char	sha256[65];
};

/* What a zygote is told first. */
struct zygote_start {
	struct config		*config;
	const struct roles	*roles;
	pid_t			 supervisor;
	int			 link;		/* to the supervisor */
	int			 listen_fd;
	int			 spool_dir;	/* bodies over body_memory */
	int			 crash_dir;	/* captured requests; or -1 */
	int			 cache_fd;	/* until it is mapped */
	char			*copies;	/* the folder of the handlers */
	const char		**names;	/* of their files, in order */
	const char		**sha256;	/* what they must have */
	uint32_t		*slots;		/* the supervisor's numbers */
	size_t			 name_count;
	uint32_t		 generation;
	bool			 closed;	/* serves nothing: 503 */
	struct access		*access;	/* access/access.h */
};

/* What a front, a worker or a probe is forked with. */
struct child_start {
	const struct config	*config;
	const struct zygote_start *zygote;
	const struct handler_set *set;
	const struct shm_geometry *geometry;
	int			 fds[SPAWN_FDS];
	int			 listen_fd;	/* front only, else -1 */
	int			 spool_dir;
	int			 crash_dir;	/* front only, else -1 */
	struct access		*access;	/* front only, else NULL */
	uint32_t		 generation;
	uint32_t		 team;
	uint32_t		 slot;
	uint32_t		 incarnation;
};

/* The entry points, filled in by main.c; none of them returns. */
struct roles {
	void	(*front)(const struct child_start *);
	void	(*worker)(const struct child_start *);
	void	(*probe)(const struct child_start *);
};

/*
 * The first call in a forked process: default signal actions, an empty signal
 * mask, the process name ("fh-front") and the log role ("front"), and SIGKILL
 * when the parent dies.  Leaves at once if the parent is dead already.
 */
void	child_begin(const char *role, pid_t parent);

/* Closes every descriptor above 2 that is not in `keep`. */
void	child_close_others(const int *keep, size_t count);

/* stdin from /dev/null; stdout and stderr to `output`. */
void	child_redirect(int output);

/*
 * For the parent: kills a child and waits for its death, CHILD_DEATH_MS at
 * most: in a file system that does not answer a process does not even die.
 * False: it lives, and is to be reaped later.
 */
#define CHILD_DEATH_MS	1000
bool	child_kill(pid_t, int *status_out);

/* "SIGSEGV", or "signal 77". */
#define CHILD_SIGNAL_MAX	32
void	child_signal_name(int number, char *out, size_t size);

/* Of a wait status: "was killed by signal 11 (Segmentation fault)", or "exited
 * with status 3". */
void	child_describe_end(int status, char *out, size_t size);

/* When memory is short, this process goes first. */
void	child_volunteer_for_oom(void);

/*
 * If we are root and the configuration names a user: that user and group, no
 * supplementary groups but the user's.  0, or -1 and why.  Call child_begin
 * afterwards: a change of user clears the parent-death signal.
 */
int	child_drop_privileges(const struct config *, struct err *);

#endif
