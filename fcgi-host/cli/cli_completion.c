/*
 * cli_completion.c - `fcgi-host completion`: scripts for bash and zsh.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: what is completed comes from the tables that --help prints.
 */
#include "cli/cli_completion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli_options.h"

#define METHODS	"GET HEAD POST PUT PATCH DELETE OPTIONS"

/* How a word of a usage line is completed. */
enum kind { KIND_NONE, KIND_FILES, KIND_FOLDERS, KIND_HANDLERS, KIND_DATA,
	KIND_METHODS, KIND_WORDS };

/* "FILE", "[FILE.so...]", "DATA|@FILE|-", "bash|zsh": capitals stand for
 * something, small letters for themselves. */
static enum kind
kind_of(const char *argument, size_t length)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)length, argument);
	if (strstr(text, "FILE.so") != NULL)
		return KIND_HANDLERS;
	if (strstr(text, "@FILE") != NULL)
		return KIND_DATA;
	if (strstr(text, "FILE") != NULL)
		return KIND_FILES;
	if (strstr(text, "DIR") != NULL)
		return KIND_FOLDERS;
	if (strstr(text, "METHOD") != NULL)
		return KIND_METHODS;
	if (islower((unsigned char)text[0]) && strchr(text, '|') != NULL)
		return KIND_WORDS;
	return KIND_NONE;
}

/* "bash zsh" for "bash|zsh". */
static void
print_words(const char *alternatives, size_t length)
{
	for (size_t i = 0; i < length; i++)
		putchar(alternatives[i] == '|' ? ' ' : alternatives[i]);
}

static void
each(const struct cli_subcommand *all,
    void (*see)(const struct cli_command *))
{
	cli_parse_shows(see);
	for (; all->name != NULL; all++) {
		char *argv[] = { (char *)all->name, NULL };

		if (all->about != NULL)
			all->main(1, argv);
	}
}

/* ------------------------------------------------------------------ bash */

static void
print_bash_kind(const char *argument, size_t length)
{
	static const char *const names[] = {
		[KIND_FILES] = "files", [KIND_FOLDERS] = "folders",
		[KIND_HANDLERS] = "handlers", [KIND_DATA] = "data",
		[KIND_METHODS] = ("once " METHODS), [KIND_WORDS] = "once ",
		[KIND_NONE] = "none"
	};
	enum kind kind = kind_of(argument, length);

	printf("echo '%s", names[kind]);
	if (kind == KIND_WORDS)
		print_words(argument, length);
	printf("' ;;\n");
}

/* What follows each option, and what the first operand is. */
static void
see_bash_kinds(const struct cli_command *command)
{
	for (size_t i = 0; i < command->option_count; i++) {
		const struct cli_option *option = &command->options[i];

		if (option->argument == NULL)
			continue;
		printf("\t'%s --%s'", command->name, option->name);
		if (option->letter != '\0')
			printf(" | '%s -%c'", command->name, option->letter);
		printf(") ");
		print_bash_kind(option->argument, strlen(option->argument));
	}
	if (command->operands[0] != '\0') {
		printf("\t%s) ", command->name);
		print_bash_kind(command->operands,
		    strcspn(command->operands, " "));
	}
}

static void
see_bash_words(const struct cli_command *command)
{
	printf("\t%s) echo '", command->name);
	for (size_t i = 0; i < command->option_count; i++) {
		if (command->options[i].letter != '\0')
			printf("-%c ", command->options[i].letter);
		printf("--%s ", command->options[i].name);
	}
	printf("-h --help' ;;\n");
}

static void
print_bash(const struct cli_subcommand *all)
{
	printf("# bash completion, printed by `fcgi-host completion bash`.\n\n"
	    "# The words of a subcommand, or the subcommands.\n"
	    "_fcgi_host_words()\n{\n\tcase $1 in\n\t'') echo '");
	for (const struct cli_subcommand *one = all; one->name != NULL; one++)
		if (one->about != NULL)
			printf("%s ", one->name);
	printf("-h --help --version' ;;\n");
	each(all, see_bash_words);
	printf("\tesac\n}\n\n# What follows an option, or is an operand.\n"
	    "_fcgi_host_kind()\n{\n\tcase $1 in\n");
	each(all, see_bash_kinds);
	printf("\tesac\n}\n%s", cli_completion_templates[0].text);
}

/* ------------------------------------------------------------------- zsh */

/* Inside of '...' in an argument of _arguments: one line of a help text. */
static void
print_zsh_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (*text == '\n')
			putchar(' ');
		else if (strchr("[]:\\", *text) != NULL)
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* ":what:how" of an option's argument or of an operand. */
static void
print_zsh_kind(const char *argument, size_t length)
{
	static const char *const actions[] = {
		[KIND_FILES] = "_files", [KIND_FOLDERS] = "_files -/",
		[KIND_HANDLERS] = "_files -g \"*.so\"", [KIND_DATA] =
		"_fcgi_host_data", [KIND_METHODS] = ("(" METHODS ")"),
		[KIND_WORDS] = "", [KIND_NONE] = " "
	};
	enum kind kind = kind_of(argument, length);
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)length, argument);
	putchar(':');
	print_zsh_text(text);
	printf(":%s", actions[kind]);
	if (kind == KIND_WORDS) {
		putchar('(');
		print_words(argument, length);
		putchar(')');
	}
}

/*
 * '(-c --config)'{-c+,--config=}'[the configuration]:FILE:_files'.  One that
 * may be given again begins with a star.  "+" and "=": its argument may stand
 * in the same word.
 */
static void
print_zsh_option(const struct cli_option *option)
{
	const char *more = option->argument != NULL ? "=" : "";
	bool again = option->list != NULL;

	printf(" \\\n\t\t    ");
	if (option->letter == '\0') {
		printf("'%s--%s%s", again ? "*" : "", option->name, more);
	} else {
		if (again)
			printf("'*'");
		else
			printf("'(-%c --%s)'", option->letter, option->name);
		printf("{-%c%s,--%s%s}'", option->letter,
		    option->argument != NULL ? "+" : "", option->name, more);
	}
	putchar('[');
	print_zsh_text(option->help);
	putchar(']');
	if (option->argument != NULL)
		print_zsh_kind(option->argument, strlen(option->argument));
	putchar('\'');
}

static void
print_zsh_operands(const char *operands)
{
	for (int i = 1; *operands != '\0'; i++) {
		size_t length = strcspn(operands, " ");

		printf(" \\\n\t\t    '");
		if (memmem(operands, length, "...", 3) != NULL)
			putchar('*');
		else
			printf("%d", i);
		print_zsh_kind(operands, length);
		putchar('\'');
		operands += length;
		operands += strspn(operands, " ");
	}
}

static void
see_zsh(const struct cli_command *command)
{
	const struct cli_option help = { .letter = 'h', .name = "help",
	    .help = "prints what it does and takes" };

	printf("\t%s)\n\t\t_arguments -s -S", command->name);
	for (size_t i = 0; i < command->option_count; i++)
		print_zsh_option(&command->options[i]);
	print_zsh_option(&help);
	print_zsh_operands(command->operands);
	printf(" ;;\n");
}

static void
print_zsh(const struct cli_subcommand *all)
{
	printf("#compdef fcgi-host\n"
	    "# zsh completion, printed by `fcgi-host completion zsh`.\n\n%s\n"
	    "_fcgi_host()\n{\n\tlocal -a subcommands=(\n",
	    cli_completion_templates[1].text);
	for (const struct cli_subcommand *one = all; one->name != NULL; one++) {
		if (one->about == NULL)
			continue;
		printf("\t\t'%s:", one->name);
		print_zsh_text(one->about);
		printf("'\n");
	}
	printf("\t)\n\n\tif (( CURRENT == 2 )); then\n"
	    "\t\t_describe -t commands subcommand subcommands\n"
	    "\t\treturn\n\tfi\n\tshift words\n\t(( CURRENT-- ))\n"
	    "\tcase $words[1] in\n");
	each(all, see_zsh);
	printf("\tesac\n}\n\n_fcgi_host \"$@\"\n");
}

int
cli_completion(const struct cli_subcommand *all, int argc, char **argv)
{
	const struct cli_command command = { "completion", "bash|zsh", 1, 1,
	    "Prints a script with which that shell completes subcommands, "
	    "options and files.\nThe packages install it.  By hand:\n\n"
	    "  source <(fcgi-host completion bash)", NULL, 0 };
	int exit_code, operand = cli_parse(&command, argc, argv, &exit_code);

	if (operand < 0)
		return exit_code;
	if (strcmp(argv[operand], "bash") == 0)
		print_bash(all);
	else if (strcmp(argv[operand], "zsh") == 0)
		print_zsh(all);
	else
		return cli_usage_error("completion", "knows bash and zsh, not "
		    "\"%s\"", argv[operand]);
	return 0;
}
