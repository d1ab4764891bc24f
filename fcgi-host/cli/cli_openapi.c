/*
 * cli_openapi.c - `fcgi-host openapi`: the OpenAPI document.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: what is printed is what a host with this configuration describes
 * itself as; files that it could not load are named.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "common/handler_set.h"
#include "common/log.h"
#include "openapi/openapi.h"

static int
print(const struct config *config)
{
	struct handler_set *set;
	unsigned reports = 0;
	struct err err;
	char *text;

	set = handler_set_load(config, NULL, cli_count_report, &reports, &err);
	if (set == NULL)
		return cli_usage_error("openapi", "%s", err.text);
	text = openapi_document_text(set);
	if (text != NULL)
		fputs(text, stdout);
	free(text);
	handler_set_free(set);
	if (text == NULL || fflush(stdout) != 0)
		return EXIT_CODE_SYSTEM;
	return reports == 0 ? 0 : EXIT_CODE_CONFIG;
}

int
cli_openapi(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "openapi", "", 0, 0,
	    "Loads the handlers and prints the OpenAPI 3.1 document of what "
	    "they declare,\nwith the title, version and servers of the "
	    "configuration.  The same handlers\nand configuration give the "
	    "same bytes.  Files that cannot be loaded are named\non stderr, "
	    "and the exit code is 100.",
	    options, sizeof(options) / sizeof(options[0]) };
	struct config *config;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	log_init("openapi");
	config = cli_config_load(file);
	if (config == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = print(config);
	config_free(config);
	return exit_code;
}
