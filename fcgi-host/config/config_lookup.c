/*
 * config_lookup.c - names in the option table, and those near a misspelt one.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: pure.
 */
#include "config/config_table.h"

#include <ctype.h>
#include <string.h>

#define NEAR_MAX	32	/* longer names are not compared */

static bool
is_name(const char *name, const char *text, size_t length)
{
	return strlen(name) == length && memcmp(name, text, length) == 0;
}

const struct config_option *
config_table_find(const struct config_section *section, const char *name,
    size_t length)
{
	const struct config_option *option = section->options;

	for (; option->name != NULL; option++)
		if (is_name(option->name, name, length))
			return option;
	return NULL;
}

const struct config_section *
config_table_section(const char *name, size_t length)
{
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
		if (is_name(config_sections[i].name, name, length))
			return &config_sections[i];
	return NULL;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insertions, deletions, changes and swaps that make one the other, without
 * regard to case; both at most NEAR_MAX long. */
static unsigned
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][NEAR_MAX + 1];

	for (unsigned j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);

			row[j] = least(last[j] + 1, row[j - 1] + 1,
			    last[j - 1] + (x != y));
			if (i > 1 && j > 1 && tolower((unsigned char)
			    a[i - 2]) == y && x == tolower((unsigned char)
			    b[j - 2]) && rows[(i + 1) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i + 1) % 3][j - 2] + 1;
		}
	}
	return rows[a_length % 3][b_length];
}

/* Keeps `name` as the best so far if it is nearer to `text`. */
static void
consider(const char *name, const char *text, size_t length,
    const char **best_io, unsigned *distance_io)
{
	unsigned d;

	if (length > NEAR_MAX || strlen(name) > NEAR_MAX)
		return;
	d = distance(text, length, name, strlen(name));
	if (d < *distance_io) {
		*distance_io = d;
		*best_io = name;
	}
}

const char *
config_table_nearest(const struct config_section *section, const char *name,
    size_t length)
{
	unsigned limit = length <= 3 ? 2 : length <= 7 ? 3 : 4;
	const char *best = NULL;

	if (section == NULL)
		for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
			consider(config_sections[i].name, name, length, &best,
			    &limit);
	else
		for (const struct config_option *option = section->options;
		    option->name != NULL; option++)
			consider(option->name, name, length, &best, &limit);
	return best;
}
