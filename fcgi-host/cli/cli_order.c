/*
 * cli_order.c - `fcgi-host kill`, `recycle`, `breaker`: an operator's word to a
 * running host.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: what the host says came of it is printed, and is the exit code.
 */
#include <json-c/json.h>

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/log.h"

#define ORDER_MAX	200	/* bytes; the host reads no more than 255 */

static int
print_done(struct json_object *answer)
{
	printf("%s\n", cli_text(answer, "done"));
	return 0;
}

/* `what` is one word to the host, or two. */
static int
order(const struct cli_command *command, const char *file, const char *what,
    const char *whom)
{
	char request[ORDER_MAX];
	int length = snprintf(request, sizeof(request), "%s %s", what, whom);

	if (length >= (int)sizeof(request))
		return cli_usage_error(command->name, "\"%.40s...\" is too "
		    "long", whom);
	if (whom[0] == '\0' || strchr(whom, '\n') != NULL)
		return cli_usage_error(command->name, "there is no name in "
		    "\"%s\"", whom);
	return cli_ask_and_print(command, file, request, print_done);
}

int
cli_kill(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "kill", "REQUEST-ID", 1, 1,
	    "Ends a request that waits or runs in a worker: its client is "
	    "answered 503,\nand its worker is ended if it goes on after "
	    "kill_grace.  `fcgi-host status`\nhas the ids.", options, 1 };
	int exit_code, at = cli_parse(&command, argc, argv, &exit_code);

	return at < 0 ? exit_code : order(&command, file, "kill", argv[at]);
}

int
cli_recycle(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "recycle", "WORKER", 1, 1,
	    "Puts a fresh process in the place of a worker, which ends what it "
	    "runs first.\n`fcgi-host status` has the numbers of workers.",
	    options, 1 };
	int exit_code, at = cli_parse(&command, argc, argv, &exit_code);

	return at < 0 ? exit_code : order(&command, file, "recycle", argv[at]);
}

int
cli_breaker(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "breaker", "open|close ROUTE", 2,
	    2, "Takes a route out of service, also over reloads, or puts it "
	    "back: requests of\none whose breaker is open are answered 503.  "
	    "ROUTE is as in `fcgi-host routes`,\nin one word: 'GET /x'.",
	    options, 1 };
	int exit_code, at = cli_parse(&command, argc, argv, &exit_code);

	if (at < 0)
		return exit_code;
	if (strcmp(argv[at], "open") == 0)
		return order(&command, file, "breaker open", argv[at + 1]);
	if (strcmp(argv[at], "close") == 0)
		return order(&command, file, "breaker close", argv[at + 1]);
	return cli_usage_error("breaker", "\"%s\" is neither open nor close",
	    argv[at]);
}
