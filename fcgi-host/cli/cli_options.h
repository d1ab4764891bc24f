/*
 * cli_options.h - one table per subcommand: its options and its --help.
 */
#ifndef CLI_CLI_OPTIONS_H
#define CLI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct handler;			/* common/handler_set.h */

#define CLI_CONFIG_FILE		"/etc/fcgi-host/fcgi-host.conf"
#define CLI_CONFIG_VARIABLE	"FCGI_HOST_CONFIG"

/* An option that may be given several times: the texts, in order. */
#define CLI_LIST_MAX	128
struct cli_list {
	const char	*texts[CLI_LIST_MAX];
	size_t		 count;
};

/*
 * One option.  `letter` may be 0.  Exactly one of flag, text and list says
 * where it goes; for a flag `argument` is NULL.  `help` may have several lines.
 */
struct cli_option {
	char		 letter;
	const char	*name;
	const char	*argument;
	const char	*help;
	bool		*flag;
	const char	**text;
	struct cli_list	*list;
};

/* The option that most have; `text` is a const char *. */
#define CLI_OPTION_CONFIG(variable)					\
	{ 'c', "config", "FILE", "the configuration; else $"		\
	    CLI_CONFIG_VARIABLE ", else\n" CLI_CONFIG_FILE,		\
	    .text = &(variable) }

/*
 * operands	for the usage line: "METHOD PATH[?QUERY]", or ""
 * least, most	how many operands there must and may be
 * about	what the subcommand does: lines, without the last newline
 */
struct cli_command {
	const char		*name;
	const char		*operands;
	int			 least;
	int			 most;
	const char		*about;
	const struct cli_option	*options;
	size_t			 option_count;
};

/*
 * Reads argv into what the options point to.  Returns the index of the first
 * operand, or -1 when the subcommand is to end with *exit_out: --help was
 * asked for and printed, or the usage was wrong and a sentence printed.
 */
int	cli_parse(const struct cli_command *, int argc, char **argv,
	    int *exit_out);

/*
 * From now on cli_parse() reads no argv: it gives the command to `see`, and the
 * subcommand ends with 0.  For who wants the tables of all of them.
 */
void	cli_parse_shows(void (*see)(const struct cli_command *));

/* A sentence on stderr, "fcgi-host NAME: ...": EXIT_CODE_CONFIG. */
int	cli_usage_error(const char *name, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* The file given by -c, or the one of the environment, or the usual one. */
const char	*cli_config_file(const char *given);

/* A handler_report: prints what is wrong with a handler, and counts in the
 * unsigned that `context` is. */
void	cli_count_report(void *context, const struct handler *,
	    const char *sentence);

/* Reads it; faults are printed to stderr, one a line.  NULL after a fault. */
struct config	*cli_config_load(const char *given);

/* Where a host that runs is asked; free() it.  The configuration may have
 * faults that the host has not seen yet.  NULL after one that was printed. */
char	*cli_control(const char *given);

#endif
