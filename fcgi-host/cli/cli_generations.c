/*
 * cli_generations.c - `fcgi-host generations`: what a rollback can go to.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: --json prints the supervisor's document as it came.
 */
#include <json-c/json.h>

#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/log.h"

static void
print_files(struct json_object *files)
{
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		printf("            %-24s build id %-12.12s since %" PRIu64
		    "\n", cli_text(file, "file"), cli_text(file, "build_id"),
		    cli_number(file, "since"));
	}
}

static void
print_generation(struct json_object *one)
{
	char made[CLI_TIME_MAX], trigger[64];

	snprintf(trigger, sizeof(trigger), "%s", cli_text(one, "trigger"));
	if (json_object_object_get(one, "rolled_back_to") != NULL)
		snprintf(trigger, sizeof(trigger), "rollback to %" PRIu64,
		    cli_number(one, "rolled_back_to"));
	printf("%-10" PRIu64 "  %-16s  %-9s  %s\n",
	    cli_number(one, "number"), cli_time(one, "made_at", made),
	    cli_text(one, "state"), trigger);
	print_files(json_object_object_get(one, "files"));
}

static int
print_generations(struct json_object *answer)
{
	struct json_object *list = json_object_object_get(answer,
	    "generations");

	if (list == NULL) {
		fprintf(stderr, "fcgi-host generations: the answer has no "
		    "list of generations\n");
		return EXIT_CODE_SYSTEM;
	}
	printf("%-10s  %-16s  %-9s  %s\n", "GENERATION", "MADE", "STATE",
	    "BY");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		print_generation(json_object_array_get_idx(list, i));
	return 0;
}

int
cli_generations(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'j', "json", NULL, "prints the whole document",
		    .flag = &json },
	};
	const struct cli_command command = { "generations", "", 0, 0,
	    "Lists the generations that a running host has kept, newest first: "
	    "what\nfcgi-host rollback can go back to.",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	return cli_ask_and_print(&command, file, "generations",
	    json ? cli_print_json : print_generations);
}
