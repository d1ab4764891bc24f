/*
 * cli_completion.h - what the shells complete a command line with.
 */
#ifndef CLI_CLI_COMPLETION_H
#define CLI_CLI_COMPLETION_H

#include <stddef.h>

/* One subcommand.  Without `about` it is in no help and completed by nobody. */
struct cli_subcommand {
	const char	*name;
	int		(*main)(int argc, char **argv);
	const char	*about;
};

/*
 * `fcgi-host completion bash|zsh`: prints the shell's script for `all`, a table
 * that ends with an entry without a name.  The options are those that each
 * subcommand gives to cli_parse().
 */
int	cli_completion(const struct cli_subcommand *all, int argc, char **argv);

/* Made by cli/new/embed of the files in cli/completion. */
struct cli_completion_template {
	const char	*name;
	const char	*text;
};
extern const struct cli_completion_template	cli_completion_templates[];

#endif
