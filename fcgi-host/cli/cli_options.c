/*
 * cli_options.c - one table per subcommand: its options and its --help.
 *
 * Runs in: the tools.
 * Owns: nothing; texts are those of argv.
 * Invariant: what --help prints and what is understood come from one table.
 */
#include "cli/cli_options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define OPTIONS_MAX	24
#define HELP_COLUMN	24

/* Long options without a letter are told apart by these values. */
#define KEY_FIRST	1000
#define KEY_HELP	(KEY_FIRST + OPTIONS_MAX)

/* NULL: commands are read, not shown. */
static void (*show)(const struct cli_command *);

int
cli_usage_error(const char *name, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "fcgi-host %s: ", name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_CODE_CONFIG;
}

/* ---------------------------------------------------------------- --help */

static void
print_indented(const char *text)
{
	for (;;) {
		size_t length = strcspn(text, "\n");

		printf("%.*s\n", (int)length, text);
		if (text[length] == '\0')
			return;
		text += length + 1;
		printf("%*s", HELP_COLUMN, "");
	}
}

static void
print_option(const struct cli_option *option)
{
	char left[64], letter[8] = "    ";

	if (option->letter != '\0')
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
	    option->argument != NULL ? " " : "",
	    option->argument != NULL ? option->argument : "");
	if (strlen(left) > HELP_COLUMN - 4)
		printf("  %s\n%*s", left, HELP_COLUMN, "");
	else
		printf("  %-*s", HELP_COLUMN - 2, left);
	print_indented(option->help);
}

static void
print_help(const struct cli_command *command)
{
	const struct cli_option help = { 'h', "help", NULL,
	    "prints this", NULL, NULL, NULL };

	printf("Usage: fcgi-host %s [OPTION...]%s%s\n\n%s\n\n", command->name,
	    command->operands[0] != '\0' ? " " : "", command->operands,
	    command->about);
	for (size_t i = 0; i < command->option_count; i++)
		print_option(&command->options[i]);
	print_option(&help);
}

/* --------------------------------------------------------------- parsing */

static void
fill_tables(const struct cli_command *command, struct option *longs,
    char *letters)
{
	*letters++ = ':';	/* a missing argument is told apart */
	for (size_t i = 0; i < command->option_count; i++) {
		const struct cli_option *option = &command->options[i];

		*longs++ = (struct option){ option->name,
		    option->argument != NULL, NULL, KEY_FIRST + (int)i };
		if (option->letter == '\0')
			continue;
		*letters++ = option->letter;
		if (option->argument != NULL)
			*letters++ = ':';
	}
	*longs++ = (struct option){ "help", 0, NULL, KEY_HELP };
	*longs = (struct option){ NULL, 0, NULL, 0 };
	*letters++ = 'h';
	*letters = '\0';
}

static const struct cli_option *
find_option(const struct cli_command *command, int key)
{
	if (key >= KEY_FIRST)
		return &command->options[key - KEY_FIRST];
	for (size_t i = 0; i < command->option_count; i++) {
		if (command->options[i].letter == key)
			return &command->options[i];
	}
	return NULL;
}

static int
take(const struct cli_command *command, const struct cli_option *option,
    const char *value)
{
	if (option->flag != NULL) {
		*option->flag = true;
	} else if (option->text != NULL) {
		*option->text = value;
	} else {
		if (option->list->count == CLI_LIST_MAX)
			return cli_usage_error(command->name, "--%s is given "
			    "more than %d times", option->name, CLI_LIST_MAX);
		option->list->texts[option->list->count++] = value;
	}
	return 0;
}

static int
refuse(const struct cli_command *command, int key, const char *argument)
{
	return cli_usage_error(command->name, "%s%s; try fcgi-host %s --help",
	    key == ':' ? "an argument is missing after " : "no such option: ",
	    argument, command->name);
}

/* -1: the operands are fine. */
static int
check_operands(const struct cli_command *command, int count)
{
	if (count >= command->least && count <= command->most)
		return -1;
	if (command->most == 0)
		return cli_usage_error(command->name, "takes no operands; "
		    "try fcgi-host %s --help", command->name);
	return cli_usage_error(command->name, "wants %s; try fcgi-host %s "
	    "--help", command->operands, command->name);
}

void
cli_parse_shows(void (*see)(const struct cli_command *))
{
	show = see;
}

int
cli_parse(const struct cli_command *command, int argc, char **argv,
    int *exit_out)
{
	struct option longs[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 4];
	int key;

	FH_BUG(command->option_count > OPTIONS_MAX);
	if (show != NULL) {
		show(command);
		*exit_out = 0;
		return -1;
	}
	fill_tables(command, longs, letters);
	optind = 0;
	opterr = 0;
	while ((key = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (key == '?' || key == ':') {
			*exit_out = refuse(command, key, argv[optind - 1]);
			return -1;
		}
		if (key == 'h' || key == KEY_HELP) {
			print_help(command);
			*exit_out = 0;
			return -1;
		}
		*exit_out = take(command, find_option(command, key), optarg);
		if (*exit_out != 0)
			return -1;
	}
	*exit_out = check_operands(command, argc - optind);
	return *exit_out == -1 ? optind : -1;
}

/* ---------------------------------------------------------- configuration */

const char *
cli_config_file(const char *given)
{
	const char *variable = getenv(CLI_CONFIG_VARIABLE);

	if (given != NULL)
		return given;
	if (variable != NULL && variable[0] != '\0')
		return variable;
	return CLI_CONFIG_FILE;
}

static void
print_fault(void *context, const char *sentence)
{
	(void)context;
	fprintf(stderr, "%s\n", sentence);
}

void
cli_count_report(void *context, const struct handler *about,
    const char *sentence)
{
	unsigned *count = context;

	(void)about;
	(*count)++;
	fprintf(stderr, "%s\n", sentence);
}

/* Who has none in that place does not know what to do about it. */
struct config *
cli_config_load(const char *given)
{
	const char *file = cli_config_file(given);
	struct config *config = config_load(file, print_fault, NULL);

	if (config == NULL && strcmp(file, CLI_CONFIG_FILE) == 0 &&
	    access(file, F_OK) < 0)
		fprintf(stderr, "-c FILE names another, and so does %s in the "
		    "environment\n", CLI_CONFIG_VARIABLE);
	return config;
}

char *
cli_control(const char *given)
{
	char *control = config_peek_control(cli_config_file(given));
	struct config *config;

	if (control != NULL)
		return control;
	config = cli_config_load(given);
	control = config == NULL ? NULL : strdup(config->control);
	config_free(config);
	return control;
}
