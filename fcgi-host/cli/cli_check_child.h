/*
 * cli_check_child.h - the throwaway process in which `check` loads handlers.
 */
#ifndef CLI_CLI_CHECK_CHILD_H
#define CLI_CLI_CHECK_CHILD_H

#include <sys/types.h>

#include <stddef.h>

#include "config/config.h"

#define CLI_CHECK_TEXT	1024

enum cli_check_type {
	CLI_CHECK_NOTHING,
	CLI_CHECK_FILE,		/* text: the file that is loaded next, or "" */
	CLI_CHECK_REPORT,	/* text: a fault */
	CLI_CHECK_DONE		/* counts: handlers, routes, models */
};

/* One message of the child, one packet. */
struct cli_check_message {
	enum cli_check_type	 type;
	unsigned		 counts[3];
	char			 text[CLI_CHECK_TEXT];
};

/* A file that is not to be loaded, since it stopped a child before. */
struct cli_check_skip {
	char	file[CLI_CHECK_TEXT];
	char	reason[128];
};

/* Everything a forked child does; says what it finds over `link`. */
void	cli_check_child(const struct config *, const struct cli_check_skip *,
	    size_t skip_count, int link, pid_t parent)
	    __attribute__((noreturn));

#endif
