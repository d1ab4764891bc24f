/*
 * cli_top.c - `fcgi-host top`: a running host, live.
 *
 * Runs in: the tools, and becomes fcgi-host-top.
 * Owns: nothing.
 * Invariant: what can be wrong is said before the screen is another program's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "common/log.h"
#include "common/program.h"

#define PROGRAM		"fcgi-host-top"
#define DELAY_LEAST	0.1	/* seconds */
#define DELAY_MOST	60.0

/* Does not return if all is well. */
static int
become_top(char *control, double delay)
{
	char self[PATH_MAX], path[PATH_MAX], milliseconds[32];
	char *argv[] = { PROGRAM, control, milliseconds, NULL };
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *program;

	self[length > 0 ? length : 0] = '\0';
	program = program_find(self, PROGRAM, TOP_PROGRAM, path);
	snprintf(milliseconds, sizeof(milliseconds), "%.0f", delay * 1000);
	execv(program, argv);
	fprintf(stderr, "fcgi-host top: %s: %s\n", program, strerror(errno));
	return EXIT_CODE_SYSTEM;
}

int
cli_top(int argc, char **argv)
{
	const char *file = NULL, *delay_text = "1";
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'd', "delay", "SECONDS", "how often the host is asked, 0.1 "
		    "to 60; else 1", .text = &delay_text },
	};
	const struct cli_command command = { "top", "", 0, 0,
	    "Shows live what a running host does: routes, workers, requests "
	    "that run, pools,\nmodels.  Keys sort, end a request, replace a "
	    "worker, take a route out of\nservice; h lists them, q quits.",
	    options, sizeof(options) / sizeof(options[0]) };
	char *control, *end;
	double delay;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	delay = strtod(delay_text, &end);
	if (*end != '\0' || !(delay >= DELAY_LEAST && delay <= DELAY_MOST))
		return cli_usage_error("top", "\"%s\" is no number of seconds "
		    "from 0.1 to 60", delay_text);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_usage_error("top", "this is no terminal; "
		    "`fcgi-host status` prints what there is to see");
	if ((control = cli_control(file)) == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = become_top(control, delay);
	free(control);
	return exit_code;
}
