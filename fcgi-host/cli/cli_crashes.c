/*
 * cli_crashes.c - `fcgi-host crashes`: what crashed, of a host or its folder.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: the folder is only read; a file that is no report is a sentence,
 * and those beside it are shown.
 */
#include "cli/cli_crashes.h"

#include <json-c/json.h>

#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_options.h"
#include "common/crash_file.h"
#include "common/log.h"

/* ------------------------------------------------------------- the folder */

static void
add_file(struct json_object *list, int folder, const char *path,
    uint32_t number, uid_t owner)
{
	struct err err;
	char *text = crash_file_read(folder, number, owner, &err);

	if (text == NULL)
		fprintf(stderr, "fcgi-host crashes: %s/%" PRIu32 ".json is "
		    "left out: %s\n", path, number, err.text);
	else
		json_object_array_add(list, json_tokener_parse(text));
	free(text);
}

/* The newest CRASHES_KEPT; reports are the user's whose folder it is. */
static int
read_folder(struct json_object *list, const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t numbers[CRASH_FILES_MAX];
	struct stat status;
	size_t count;

	if (folder < 0 && errno == ENOENT)
		return 0;
	if (folder < 0 || fstat(folder, &status) < 0) {
		fprintf(stderr, "fcgi-host crashes: %s: %s\n", path,
		    strerror(errno));
		if (folder >= 0)
			close(folder);
		return EXIT_CODE_SYSTEM;
	}
	count = crash_file_list(folder, numbers, NULL, NULL);
	for (size_t i = 0; i < count && json_object_array_length(list) <
	    CRASHES_KEPT; i++)
		add_file(list, folder, path, numbers[i], status.st_uid);
	close(folder);
	return 0;
}

static int
from_folder(const char *file, struct json_object **root_out)
{
	struct config *config = cli_config_load(file);
	struct json_object *list;
	char path[PATH_MAX];
	int rc;

	if (config == NULL)
		return EXIT_CODE_CONFIG;
	snprintf(path, sizeof(path), "%s/" CRASH_FOLDER, config->state_dir);
	fprintf(stderr, "fcgi-host crashes: no host answers at %s; reading "
	    "%s\n", config->control, path);
	*root_out = json_object_new_object();
	list = json_object_new_array();
	json_object_object_add(*root_out, "crashes", list);
	rc = read_folder(list, path);
	config_free(config);
	return rc;
}

/* --------------------------------------------------------------- the host */

static int
from_host(const char *text, struct json_object **root_out)
{
	struct json_object *root = cli_answer("crashes", text);

	*root_out = root;
	if (root == NULL)
		return EXIT_CODE_SYSTEM;
	if (json_object_is_type(json_object_object_get(root, "crashes"),
	    json_type_array))
		return 0;
	fprintf(stderr, "fcgi-host crashes: the answer has no list of crashes "
	    "(");
	cli_print_safely(stderr, cli_text(root, "error"));
	fprintf(stderr, "); is the host older?\n");
	return EXIT_CODE_SYSTEM;
}

static int
get(const char *file, struct json_object **root_out)
{
	char *text;
	int rc = cli_ask_if_running(file, "crashes", &text);

	*root_out = NULL;
	if (rc != 0)
		return rc;
	rc = text != NULL ? from_host(text, root_out) :
	    from_folder(file, root_out);
	free(text);
	return rc;
}

/* -------------------------------------------------------------- the answer */

static void
print_json(struct json_object *object)
{
	cli_print_json_safely(stdout, json_object_to_json_string_ext(object,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	    JSON_C_TO_STRING_NOSLASHESCAPE));
	printf("\n");
}

static struct json_object *
find(struct json_object *root, uint32_t number)
{
	struct json_object *list = json_object_object_get(root, "crashes");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (json_object_is_type(one, json_type_object) &&
		    cli_number(one, "number") == number)
			return one;
	}
	return NULL;
}

static int
show_one(struct json_object *root, uint32_t number, bool json,
    const char *file)
{
	struct json_object *report = find(root, number);

	if (report == NULL) {
		fprintf(stderr, "fcgi-host crashes: no report %" PRIu32
		    "; the last %d are kept\n", number, CRASHES_KEPT);
		return 1;
	}
	if (json)
		print_json(report);
	else
		cli_crashes_report(report, cli_config_file(file));
	return 0;
}

static int
show(struct json_object *root, uint32_t number, bool json, const char *file)
{
	if (number != 0)
		return show_one(root, number, json, file);
	if (json)
		print_json(root);
	else
		cli_crashes_table(root);
	return 0;
}

/* 0: none is asked for. */
static int
read_number(int argc, char **argv, int operand, uint32_t *number_out)
{
	unsigned long number;
	char *end;

	*number_out = 0;
	if (operand == argc)
		return 0;
	errno = 0;
	number = strtoul(argv[operand], &end, 10);
	if (!isdigit((unsigned char)argv[operand][0]) || *end != '\0' ||
	    errno != 0 || number == 0 || number > UINT32_MAX)
		return cli_usage_error("crashes", "\"%s\" is not the number of "
		    "a report", argv[operand]);
	*number_out = (uint32_t)number;
	return 0;
}

int
cli_crashes(int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'j', "json", NULL, "prints the whole document, or the whole "
		    "report", .flag = &json },
	};
	const struct cli_command command = { "crashes", "[NUMBER]", 0, 1,
	    "Lists the last crashes, newest first; with a number, everything "
	    "that is known\nof that one, and how to run its request again.  "
	    "When no host runs, it reads\nwhat the last one has kept in "
	    "state_dir.",
	    options, sizeof(options) / sizeof(options[0]) };
	int operand, exit_code;
	struct json_object *root;
	uint32_t number;

	operand = cli_parse(&command, argc, argv, &exit_code);
	if (operand < 0)
		return exit_code;
	exit_code = read_number(argc, argv, operand, &number);
	if (exit_code != 0)
		return exit_code;
	exit_code = get(file, &root);
	if (exit_code == 0)
		exit_code = show(root, number, json, file);
	json_object_put(root);
	return exit_code;
}
