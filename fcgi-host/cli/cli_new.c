/*
 * cli_new.c - `fcgi-host new`: a folder with a handler and its test.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: a folder that is there is left as it is; what is made builds and
 * passes at once.
 */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_new.h"
#include "cli/cli_options.h"
#include "common/log.h"

#define NAME_LONGEST	40	/* its lines stay within 80 columns */

struct new {
	const char	*name;
	char		 path[PATH_MAX];	/* of its folder */
	bool		 async;
	bool		 model;
	bool		 job;
};

static const char *
kind_of(const struct new *new)
{
	return new->model ? new->job ? "both" : "model" :
	    new->job ? "job" : "plain";
}

/* ------------------------------------------------------------ a template */

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void
put_line(FILE *out, const struct new *new, const char *at, const char *end)
{
	const struct { const char *name, *value; } words[] = {
		{ "@NAME@", new->name },
		{ "@PATH@", new->path },
		{ "@ASYNC@", new->async ? " .async = true," : "" },
	};

	while (at < end) {
		size_t i = 0;

		while (i < 3 && !begins(at, words[i].name))
			i++;
		if (i == 3) {
			putc(*at++, out);
			continue;
		}
		fputs(words[i].value, out);
		at += strlen(words[i].name);
	}
}

/* Is the kind one of the words up to the end of the line? */
static bool
is_among(const char *kind, const char *words)
{
	while (*words != '\n' && *words != '\0') {
		size_t length = strcspn(words, " \n");

		if (length == strlen(kind) &&
		    strncmp(kind, words, length) == 0)
			return true;
		words += length + (words[length] == ' ');
	}
	return false;
}

/* "@if KIND..." to "@end": lines of other kinds are left out. */
static void
put_text(FILE *out, const struct new *new, const char *text)
{
	const char *kind = kind_of(new), *end;
	bool wanted = true;

	for (; *text != '\0'; text = end + 1) {
		end = strchrnul(text, '\n');
		if (begins(text, "@if "))
			wanted = is_among(kind, text + 4);
		else if (begins(text, "@end"))
			wanted = true;
		else if (wanted)
			put_line(out, new, text, end + 1);
		if (*end == '\0')
			break;
	}
}

/* ------------------------------------------------------------ the files */

/* What a template becomes; false: nothing, for a handler of this kind. */
static bool
file_name(const struct new *new, const char *template, char out[PATH_MAX])
{
	if (strcmp(template, "words.txt") == 0 && !new->model)
		return false;
	if (strcmp(template, "handler.c") == 0)
		snprintf(out, PATH_MAX, "%s.c", new->name);
	else if (strcmp(template, "test.c") == 0)
		snprintf(out, PATH_MAX, "%s_test.c", new->name);
	else
		snprintf(out, PATH_MAX, "%s%s", strcmp(template,
		    "gitignore") == 0 ? "." : "", template);
	return true;
}

static int
write_file(const struct new *new, const struct cli_new_template *template)
{
	char name[PATH_MAX], path[2 * PATH_MAX];
	FILE *out;

	if (!file_name(new, template->name, name))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", new->path, name);
	out = fopen(path, "wx");
	if (out == NULL)
		return cli_usage_error("new", "%s: %s", path,
		    strerror(errno));
	put_text(out, new, template->text);
	if (fclose(out) != 0)
		return cli_usage_error("new", "%s: %s", path,
		    strerror(errno));
	return 0;
}

static int
check_name(const char *name)
{
	size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (name[good] == '\0' && good > 0 && good <= NAME_LONGEST &&
	    name[0] != '-')
		return 0;
	return cli_usage_error("new", "\"%s\": a name is 1 to %d letters, "
	    "digits, '-' and '_'", name, NAME_LONGEST);
}

static int
make_folder(struct new *new)
{
	if (mkdir(new->name, 0777) < 0)
		return cli_usage_error("new", "%s: %s", new->name,
		    strerror(errno));
	if (realpath(new->name, new->path) == NULL)
		return cli_usage_error("new", "%s: %s", new->name,
		    strerror(errno));
	return 0;
}

int
cli_new(int argc, char **argv)
{
	struct new new = { .name = NULL };
	const struct cli_option options[] = {
		{ '\0', "async", NULL, "its route runs in a worker",
		    .flag = &new.async },
		{ '\0', "job", NULL, "its requests become jobs: answered at "
		    "once, done later", .flag = &new.job },
		{ '\0', "model", NULL, "it has a model that all processes "
		    "share", .flag = &new.model },
	};
	const struct cli_command command = { "new", "NAME", 1, 1,
	    "Makes the folder NAME with a handler, its test, a Makefile and a "
	    "README, which\nbuild and pass at once.\n\n"
	    "  fcgi-host new greet && make -C greet check",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code, operand = cli_parse(&command, argc, argv, &exit_code);

	if (operand < 0)
		return exit_code;
	new.name = argv[operand];
	exit_code = check_name(new.name);
	if (exit_code == 0)
		exit_code = make_folder(&new);
	for (const struct cli_new_template *template = cli_new_templates;
	    exit_code == 0 && template->name != NULL; template++)
		exit_code = write_file(&new, template);
	if (exit_code == 0)
		printf("%s is made.  Next: make -C %s check\n", new.name,
		    new.name);
	return exit_code;
}
