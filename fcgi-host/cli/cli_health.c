/*
 * cli_health.c - `fcgi-host health`: is a running host ready?
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: 0 is said only by a host that is ready, with each part that was
 * asked for; it is the same answer as that of the path `readyz`.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/health.h"
#include "common/log.h"

#define EXIT_NOT_READY	1

/* What was asked for: for print_health(). */
struct asked {
	struct cli_list		 lists[HEALTH_KINDS];
	struct health_question	 question;
	bool			 json;
};

static struct asked asked;

static int
fill_question(const struct cli_command *command)
{
	for (int kind = 0; kind < HEALTH_KINDS; kind++)
		for (size_t i = 0; i < asked.lists[kind].count; i++)
			if (!health_ask(&asked.question,
			    (enum health_kind)kind,
			    asked.lists[kind].texts[i]))
				return cli_usage_error(command->name,
				    "at most %d parts can be asked for",
				    HEALTH_PARTS_MAX);
	return 0;
}

static int
exit_code_of(int status)
{
	return status == 200 ? 0 : status == 404 ? EXIT_CODE_CONFIG :
	    EXIT_NOT_READY;
}

static void
print_list(struct json_object *list, const char *before)
{
	size_t count = list == NULL ? 0 : json_object_array_length(list);

	for (size_t i = 0; i < count; i++) {
		struct json_object *reason = json_object_array_get_idx(list,
		    i);
		struct json_object *name = json_object_object_get(reason,
		    "name");
		struct json_object *detail = json_object_object_get(reason,
		    "detail");

		printf("%s%s%s%s%s%s\n", before, cli_text(reason, "reason"),
		    name == NULL ? "" : " ",
		    name == NULL ? "" : json_object_get_string(name),
		    detail == NULL ? "" : ": ",
		    detail == NULL ? "" : json_object_get_string(detail));
	}
}

static int
print_health(struct json_object *health)
{
	struct json_object *answer;
	int status = health_answer(health, &asked.question, &answer);

	if (answer == NULL) {
		fprintf(stderr, "fcgi-host health: out of memory\n");
		return EXIT_CODE_SYSTEM;
	}
	if (asked.json)
		cli_print_json(answer);
	else {
		puts(status == 200 ? "ready" : "not ready");
		print_list(json_object_object_get(answer, "reasons"), "  ");
		print_list(json_object_object_get(answer, "warnings"),
		    "  warning: ");
	}
	json_object_put(answer);
	return exit_code_of(status);
}

int
cli_health(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'm', "model", "NAME", "and is this model loaded?",
		    .list = &asked.lists[HEALTH_MODEL] },
		{ 'p', "pool", "NAME", "and has this pool a worker?",
		    .list = &asked.lists[HEALTH_POOL] },
		{ 'r', "route", "'GET /PATH'", "and can this route be served?",
		    .list = &asked.lists[HEALTH_ROUTE] },
		{ 'v', "verbose", NULL, "with warnings",
		    .flag = &asked.question.verbose },
		{ 'j', "json", NULL, "as the path readyz says it",
		    .flag = &asked.json },
	};
	const struct cli_command command = { "health", "", 0, 0,
	    "Asks a running host whether requests should be sent to it.  Exit "
	    "code 0: yes;\n1: no, with the reasons; 111: no host answers.",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	exit_code = fill_question(&command);
	return exit_code != 0 ? exit_code : cli_ask_and_print(&command, file,
	    "health", print_health);
}
