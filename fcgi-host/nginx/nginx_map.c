/*
 * nginx_map.c - variables that nginx looks up.
 *
 * Runs in: the tools.
 * Owns: struct nginx's list of maps.
 * Invariant: no two maps of one stem say the same.
 */
#include <stdlib.h>
#include <string.h>

#include "nginx/nginx_private.h"

/* Its number, or 0. */
static size_t
find(const struct nginx *nginx, const char *text)
{
	for (size_t i = 0; i < nginx->map_count; i++)
		if (strcmp(nginx->maps[i], text) == 0)
			return i + 1;
	return 0;
}

/* Takes the text. */
static size_t
add(struct nginx *nginx, char *text)
{
	char **grown = realloc(nginx->maps, (nginx->map_count + 1) *
	    sizeof(*grown));

	if (grown == NULL) {
		free(text);
		return 0;
	}
	nginx->maps = grown;
	grown[nginx->map_count] = text;
	return ++nginx->map_count;
}

size_t
nginx_map(struct nginx *nginx, const char *stem, const char *about,
    const char *source, char *entries)
{
	char *text = NULL;
	size_t number = 0;

	if (entries == NULL || asprintf(&text, "%s\n%s\n%s", stem, source,
	    entries) < 0) {
		nginx->failed = true;
		free(entries);
		return 0;
	}
	number = find(nginx, text);
	if (number != 0) {
		free(text);
	} else if ((number = add(nginx, text)) != 0) {
		fprintf(nginx->http, "\n# %s\nmap %s $fh_%s_%zu {\n"
		    "%s}\n", about, source, stem, number, entries);
	} else
		nginx->failed = true;
	free(entries);
	return number;
}
