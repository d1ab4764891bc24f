/*
 * config_prose.c - sentences about options, filled into lines.
 *
 * Runs in: the command that prints the manual or the sample.
 * Owns: nothing.
 * Invariant: no line is over 78 columns unless one word is.
 */
#include "config/config_manual.h"

#include <string.h>

#define COLUMNS	78

/* Prints a word; in roff nothing in it may act as a request or an escape. */
static void
put_word(FILE *out, enum config_prose prose, const char *word, size_t length)
{
	if (prose == CONFIG_PROSE_ROFF && (*word == '.' || *word == '\''))
		fputs("\\&", out);
	for (size_t i = 0; i < length; i++) {
		if (prose == CONFIG_PROSE_ROFF && word[i] == '\\')
			fputs("\\e", out);
		else if (prose == CONFIG_PROSE_ROFF && word[i] == '-')
			fputs("\\-", out);
		else
			fputc(word[i], out);
	}
}

/* The length of its name, if that is what the word is: "fh_wait(),". */
static size_t
function_name(const char *word, size_t length)
{
	size_t name = strspn(word, "abcdefghijklmnopqrstuvwxyz_");

	if (name == 0 || name + 2 > length || word[name] != '(' ||
	    word[name + 1] != ')')
		return 0;
	return name + 2 + strspn(word + name + 2, ".,;:)") >= length ? name :
	    0;
}

/* A line of its own, as mdoc(7) wants it. */
static void
put_function(FILE *out, const char *word, size_t name, size_t length)
{
	fprintf(out, ".Fn %.*s", (int)name, word);
	for (size_t i = name + 2; i < length; i++)
		fprintf(out, " %c", word[i]);
	fputc('\n', out);
}

void
config_prose(FILE *out, enum config_prose prose, const char *prefix,
    const char *text)
{
	size_t column = 0, spaces = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		bool roff = prose == CONFIG_PROSE_ROFF;
		size_t name = roff ? function_name(text, length) : 0;
		bool line = roff && (spaces > 1 || name > 0);

		if (column != 0 && (line ||
		    column + spaces + length > COLUMNS)) {
			fputc('\n', out);
			column = 0;
		}
		if (name > 0) {
			put_function(out, text, name, length);
		} else {
			column += (size_t)fprintf(out, "%s%*s", column == 0 ?
			    prefix : "", column == 0 ? 0 : (int)spaces, "");
			put_word(out, prose, text, length);
			column += length;
		}
		text += length;
		spaces = strspn(text, " ");
		text += spaces;
	}
	if (column != 0)
		fputc('\n', out);
}

static bool
is_quoted(const struct config_option *option)
{
	return option->type < CONFIG_COUNT;
}

/* { "one", "two" } for "one two". */
static void
print_items(FILE *out, const char *words)
{
	fputs("{ ", out);
	while (*words != '\0') {
		int length = (int)strcspn(words, " ");

		fprintf(out, "\"%.*s\"", length, words);
		words += length;
		words += strspn(words, " ");
		fputs(*words == '\0' ? " " : ", ", out);
	}
	fputc('}', out);
}

void
config_print_value(FILE *out, const struct config_option *option)
{
	const char *value = option->fallback != NULL ? option->fallback :
	    option->example;

	if (option->type == CONFIG_LIST)
		print_items(out, value);
	else if (option->type == CONFIG_SETTINGS)
		fprintf(out, "{ \"%s\" }", value);
	else if (is_quoted(option))
		fprintf(out, "\"%s\"", value);
	else
		fputs(value, out);
}

/* "error, warn or info" for "error warn info". */
static void
say_choices(char *out, size_t size, const char *choices)
{
	size_t length = 0;

	while (*choices != '\0' && length < size) {
		size_t word = strcspn(choices, " ");
		const char *next = choices + word + (choices[word] == ' ');
		const char *between = *next == '\0' ? "" :
		    strchr(next, ' ') == NULL ? " or " : ", ";

		length += (size_t)snprintf(out + length, size - length,
		    "%.*s%s", (int)word, choices, between);
		choices = next;
	}
}

/* "1ms to 7d", "0, or 1ms to 7d", "error, warn or info": what it may be. */
static void
say_bounds(char *out, size_t size, const struct config_option *option)
{
	size_t length;

	out[0] = '\0';
	if (option->min != NULL)
		snprintf(out, size, "%s%s to %s", option->zero ? "0, or " : "",
		    option->min, option->max);
	length = strlen(out);
	if (option->choices != NULL) {
		if (length > 0)
			length += (size_t)snprintf(out + length,
			    size - length, ", ");
		say_choices(out + length, size - length, option->choices);
	}
	length = strlen(out);
	if (option->step != 0)
		snprintf(out + length, size - length,
		    ", a multiple of %u bytes", option->step);
}

void
config_prose_facts(FILE *out, enum config_prose prose, const char *prefix,
    const struct config_option *option)
{
	char bounds[128], text[512], value[320] = "";

	say_bounds(bounds, sizeof(bounds), option);
	if (option->required)
		snprintf(value, sizeof(value), "Required");
	else if (option->fallback == NULL)
		snprintf(value, sizeof(value), "Default: %s",
		    option->type == CONFIG_SETTINGS ||
		    option->type == CONFIG_SECRET ? "none" :
		    option->unset != NULL ? option->unset :
		    "what the handler says");
	else
		snprintf(value, sizeof(value), "Default: %s",
		    option->fallback[0] == '\0' ? "empty" : option->fallback);
	snprintf(text, sizeof(text), "%s%s%s.", bounds,
	    bounds[0] == '\0' ? "" : ".  ", value);
	config_prose(out, prose, prefix, text);
}
