/*
 * nginx_template.c - a template with its values.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: what is between two '@' and is no word stays as it is.
 */
#include <string.h>

#include "nginx/nginx_private.h"

/* The word that stands at `at`, or NULL. */
static const struct nginx_word *
find_word(const char *at, const struct nginx_word *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(words[i].name);

		if (strncmp(at + 1, words[i].name, length) == 0 &&
		    at[length + 1] == '@')
			return &words[i];
	}
	return NULL;
}

static void
put_line(FILE *out, const char *at, const char *end,
    const struct nginx_word *words, size_t count)
{
	while (at < end) {
		const struct nginx_word *word = *at == '@' ?
		    find_word(at, words, count) : NULL;

		if (word == NULL) {
			putc(*at++, out);
			continue;
		}
		fputs(word->value, out);
		at += strlen(word->name) + 2;
	}
}

/* A line that is one word, whose value is lines; NULL: it is none. */
static const struct nginx_word *
lines_word(const char *line, const char *end, const struct nginx_word *words,
    size_t count)
{
	const struct nginx_word *word = *line == '@' ?
	    find_word(line, words, count) : NULL;

	return word != NULL && line + strlen(word->name) + 2 == end ? word :
	    NULL;
}

static bool
is_said(const char *line, const char *end, bool bare)
{
	line += strspn(line, "\t ");
	return !bare || (line < end && *line != '#');
}

void
nginx_put_template(FILE *out, const char *text,
    const struct nginx_word *words, size_t count, bool bare)
{
	const char *end;

	for (; *text != '\0'; text = end + 1) {
		const struct nginx_word *lines;

		end = strchrnul(text, '\n');
		lines = lines_word(text, end, words, count);
		if (lines != NULL)
			fputs(lines->value, out);
		else if (is_said(text, end, bare))
			put_line(out, text, end + (*end == '\n'), words,
			    count);
		if (*end == '\0')
			break;
	}
}
