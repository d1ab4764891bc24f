/*
 * cli_load.h - `fcgi-host load`: wrk against nginx, and what comes of it.
 *
 *	scenario -> load_plan -> files -> wrk, a thread a user -> FIFO
 *	  -> load_tally -> table, JSON, page
 *
 * What is decided is in load/; here are processes, files and the clock.  The
 * generator is wrk: of Debian's it alone lets a script say for each connection
 * when its next request is due, and hear of each reply (load/user.lua).  hey
 * drops requests that are due while a connection waits, and its CSV has no
 * failures; h2load's log does not say which connection a request was of, so
 * nobody knows when it was due.
 */
#ifndef CLI_CLI_LOAD_H
#define CLI_CLI_LOAD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "load/load.h"

struct cli_load {
	const char	*config;	/* -c; NULL: the usual one */
	char		 self[PATH_MAX];	/* this program */
	const char	*compare;	/* a route, or NULL */
	const char	*html;		/* a file, or NULL */
	bool		 json, quiet;
	size_t		 turns;		/* pairs */
	uint64_t	 seed;
	char		 scratch[64];	/* a folder */
	char		 generator[64];
	char		 machine[160];
	struct load_scenario scenario;
};

/* Ctrl-C or SIGTERM: what there is by then is the result. */
bool	cli_load_is_interrupted(void);
void	cli_load_catch_signals(void);

/* ---------------------------------------------------- cli_load_process.c */

/*
 * Starts a program, found in PATH and where servers lie, in a process group of
 * its own; what it prints goes into `output`.  It is told to end when we die.
 * -1 and why.
 */
pid_t	cli_load_spawn(char *const argv[], const char *output, struct err *);

/* Has it ended?  Then *pid is 0. */
bool	cli_load_has_ended(pid_t *, int *status_out);

/* Signals it and waits for its end; after so long it is killed. */
void	cli_load_stop(pid_t *, int signal, unsigned patience_ms);

/* Runs it to its end; its exit code, 255 for a signal, or -1 and why. */
int	cli_load_do(char *const argv[], const char *output, struct err *);

/* Is there such a program? */
bool	cli_load_is_installed(const char *name);

/* The last line of a file that says something, or "". */
void	cli_load_last_line(const char *path, char *out, size_t size);

uint64_t	cli_load_now_us(void);	/* monotonic */
void		cli_load_wait_ms(unsigned);	/* or a signal */

/* -------------------------------------------------------- cli_load_run.c */

/*
 * One test: the plan's requests by wrk.  `what` is for the progress display;
 * NULL: none.  0 and the tally, load_tally_free() it; -1 and why.
 */
int	cli_load_run(const struct cli_load *, const struct load_scenario *,
	    const struct load_plan *, const char *what, struct load_tally *,
	    struct err *);

/* Asks each route once.  -1 and what is wrong: no nginx, no host, no such
 * route; other errors are told on stderr. */
int	cli_load_first(const struct cli_load *, const struct load_scenario *,
	    struct err *);

/* ------------------------------------------------------- cli_load_side.c */

/* A host of our own with a tag as we want it, and nginx in front of it. */
struct cli_load_side {
	char	folder[96];		/* fits into a socket's */
	char	url[64];
	pid_t	host, nginx;
};
int	cli_load_side_start(struct cli_load *, const char *route, bool async,
	    struct cli_load_side *, struct err *);
void	cli_load_side_stop(struct cli_load_side *);

/* Is `route` one of the configuration's, with a tag that can be flipped? */
int	cli_load_find_route(struct cli_load *, const char *route,
	    bool *async_out, struct err *);

/* Turns of both sides, and what they say. */
int	cli_load_compare(struct cli_load *, struct load_comparison *,
	    struct err *);

#endif
