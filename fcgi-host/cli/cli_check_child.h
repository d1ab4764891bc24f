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

struct cli_check_order {
	const struct config		*config;
	const struct cli_list		*given;	/* files put among the others */
	bool				 full;
	const struct cli_check_skip	*skips;
	size_t				 skip_count;
};

/* Everything a forked child does; says what it finds over `link`. */
void	cli_check_child(const struct cli_check_order *, int link, pid_t parent)
	    __attribute__((noreturn));

#endif
