/*
 * cli_metrics.c - `fcgi-host metrics`: a running host in numbers.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: prints what the supervisor wrote, byte by byte.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/log.h"

/* A host that cannot make them says so in JSON. */
static int
print_metrics(const struct cli_command *command, const char *text)
{
	if (text[0] == '{')
		return cli_print_error(command, text);
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0) {
		perror("fcgi-host metrics");
		return EXIT_CODE_SYSTEM;
	}
	return 0;
}

int
cli_metrics(int argc, char **argv)
{
	const char *file = NULL;
	bool older = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 't', "text", NULL, "in the older form, Prometheus 0.0.4",
		    .flag = &older },
	};
	const struct cli_command command = { "metrics", "", 0, 0,
	    "Prints what a running host does in numbers, as OpenMetrics.",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code;
	char *text;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	exit_code = cli_ask_text(&command, file, older ? "metrics-text" :
	    "metrics", &text);
	if (exit_code == 0)
		exit_code = print_metrics(&command, text);
	free(text);
	return exit_code;
}
