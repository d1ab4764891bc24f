/*
 * cli_check_child.h - the throwaway process in which `check` loads handlers.
 */
#ifndef CLI_CLI_CHECK_CHILD_H
#define CLI_CLI_CHECK_CHILD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli_options.h"

#define CLI_CHECK_TEXT	1024

/* What a file's code is run for. */
enum cli_check_stage {
	CLI_CHECK_LOAD,
	CLI_CHECK_BUILD,	/* the rest with --full only */
	CLI_CHECK_PRELOAD,
	CLI_CHECK_HOOKS,	/* worker_init, self_test, worker_fini */
	CLI_CHECK_REQUEST
};

enum cli_check_type {
	CLI_CHECK_NOTHING,
	CLI_CHECK_FILE,		/* text: whose code is run next, or ""; for
				 * what, and how long that may take */
	CLI_CHECK_NOTE,		/* text: what is no fault, yet worth a line */
	CLI_CHECK_REPORT,	/* text: a fault */
	CLI_CHECK_DONE		/* counts: handlers, routes, models */
};

/* One message of the child, one packet. */
struct cli_check_message {
	enum cli_check_type	 type;
	enum cli_check_stage	 stage;
	unsigned		 limit_ms;	/* 0: none */
	unsigned		 counts[3];
	char			 text[CLI_CHECK_TEXT];
};

/* A file that is not to be loaded, since it stopped a child before. */
struct cli_check_skip {
	char	file[CLI_CHECK_TEXT];
	char	reason[128];
};

/* `tool`: who says it.  `handlers_only`: not whether models and secrets are
 * there, and a good end is silent. */
struct cli_check_order {
	const char			*tool;
	const struct config		*config;
	const struct cli_list		*given;	/* files put among the others */
	bool				 full;
	bool				 handlers_only;
	const struct cli_check_skip	*skips;
	size_t				 skip_count;
};

/*
 * cli_check.c: loads every handler in throwaway children and prints each fault
 * to stderr.  0: a tool may load them in its own process.  Else an exit code.
 */
int	cli_check_load(const struct cli_check_order *);

/* Everything a forked child does; says what it finds over `link`. */
void	cli_check_child(const struct cli_check_order *, int link, pid_t parent)
	    __attribute__((noreturn));

#endif
