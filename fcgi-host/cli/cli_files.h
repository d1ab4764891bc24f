/*
 * cli_files.h - the handlers' files as they would be with some put among them.
 */
#ifndef CLI_CLI_FILES_H
#define CLI_CLI_FILES_H

#include "cli/cli_options.h"
#include "common/handler_set.h"

/* Each name once; those that were put there stand last, so that it is they who
 * lose a conflict. */
struct cli_files {
	char	**names;	/* "hello.so" */
	char	**paths;	/* the file it stands for */
	size_t	  count;
};

/*
 * Every handler's file in `config->handlers`, in the order of their names, and
 * `given` in place of those of the same name.  -1 and why: the directory cannot
 * be read, or a given file has no handler's name, or its name twice.
 */
int	cli_files_list(struct cli_files *, const struct config *,
	    const struct cli_list *given, struct err *);
void	cli_files_free(struct cli_files *);

/* For handler_set_load(), as long as the files stay as they are. */
struct handler_source	cli_files_source(const struct cli_files *);

#endif
