/*
 * cli_reload.c - `fcgi-host reload`, `rollback` and `upgrade`: change what
 * serves.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: the exit code is 0 only when everything that was found is served.
 */
#include <json-c/json.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/log.h"

static void
print_changes(struct json_object *changes)
{
	for (size_t i = 0; i < json_object_array_length(changes); i++) {
		struct json_object *one = json_object_array_get_idx(changes,
		    i);

		printf("  %-8s %s\n", cli_text(one, "kind"),
		    cli_text(one, "text"));
	}
}

static void
print_refused(struct json_object *refused)
{
	for (size_t i = 0; i < json_object_array_length(refused); i++) {
		struct json_object *one = json_object_array_get_idx(refused,
		    i);

		printf("  %-8s %s: %s\n", "refused", cli_text(one, "file"),
		    cli_text(one, "reason"));
	}
}

static void
print_restart(struct json_object *restart)
{
	for (size_t i = 0; i < json_object_array_length(restart); i++)
		printf("  %-8s %s\n", "restart", json_object_get_string(
		    json_object_array_get_idx(restart, i)));
}

static bool
is_ok(struct json_object *outcome)
{
	return json_object_get_boolean(json_object_object_get(outcome, "ok"));
}

static void
print_outcome(struct json_object *outcome)
{
	uint64_t number = cli_number(outcome, "generation");
	uint64_t was = cli_number(outcome, "was");

	if (!is_ok(outcome)) {
		fprintf(stderr, "refused: %s; generation %" PRIu64 " serves "
		    "on\n", cli_text(outcome, "reason"), number);
	} else if (number == was)
		printf("generation %" PRIu64 " serves on\n", number);
	else
		printf("generation %" PRIu64 " serves, was %" PRIu64
		    ", after %" PRIu64 " ms\n", number, was,
		    cli_number(outcome, "ms"));
	if (is_ok(outcome))
		print_changes(json_object_object_get(outcome, "changes"));
	print_refused(json_object_object_get(outcome, "refused"));
	print_restart(json_object_object_get(outcome, "restart"));
}

/* 1: not all is served. */
static int
judge(struct json_object *outcome)
{
	return is_ok(outcome) && json_object_array_length(
	    json_object_object_get(outcome, "refused")) == 0 ? 0 : 1;
}

static int
print_reload(struct json_object *outcome)
{
	print_outcome(outcome);
	return judge(outcome);
}

static int
print_json(struct json_object *outcome)
{
	cli_print_json(outcome);
	return judge(outcome);
}

int
cli_reload(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'j', "json", NULL, "prints the whole result",
		    .flag = &json },
	};
	const struct cli_command command = { "reload", "", 0, 0,
	    "Makes a running host take its handlers, its configuration and its "
	    "models as they\nare now, waits until they serve, and prints what "
	    "changed.  No request is lost.\n\nExit code: 0; 1 if a file or the "
	    "whole was refused: what served before serves on.",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	return cli_ask_and_print(&command, file, "reload",
	    json ? print_json : print_reload);
}

int
cli_rollback(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'j', "json", NULL, "prints the whole result",
		    .flag = &json },
	};
	const struct cli_command command = { "rollback", "[N]", 0, 1,
	    "Makes a running host serve the handlers and the configuration of "
	    "generation N\nagain, or of the last one that differs from what "
	    "serves; said once more, it goes\nfurther back.  Models are those "
	    "in use, or their files as they are.  What was\nrolled back stays "
	    "so until its file changes, or until a reload.",
	    options, sizeof(options) / sizeof(options[0]) };
	char request[64] = "rollback";
	int exit_code, operand;

	if ((operand = cli_parse(&command, argc, argv, &exit_code)) < 0)
		return exit_code;
	if (operand < argc && (strlen(argv[operand]) > 9 ||
	    strspn(argv[operand], "0123456789") != strlen(argv[operand])))
		return cli_usage_error("rollback", "\"%s\" is not the number "
		    "of a generation", argv[operand]);
	if (operand < argc)
		snprintf(request, sizeof(request), "rollback %s",
		    argv[operand]);
	return cli_ask_and_print(&command, file, request,
	    json ? print_json : print_reload);
}

static int
print_upgrade(struct json_object *outcome)
{
	if (is_ok(outcome)) {
		printf("process %" PRIu64 " serves\n", cli_number(outcome,
		    "pid"));
		return 0;
	}
	fprintf(stderr, "refused: %s; the host that runs serves on\n",
	    cli_text(outcome, "reason"));
	return 1;
}

int
cli_upgrade(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "upgrade", "", 0, 0,
	    "Makes a running host start the binary that is installed now in "
	    "its place, hand\nover sockets, models and connections to it, and "
	    "step down when the new one\nserves.  No request is lost.\n\nExit "
	    "code: 0; 1 if the new one did not come to serve: nothing has "
	    "changed then.", options, 1 };
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	return cli_ask_and_print(&command, file, "upgrade", print_upgrade);
}
