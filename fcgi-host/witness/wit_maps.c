/*
 * wit_maps.c - the address space of a process, from the text of its maps.
 *
 * Runs in: witness.
 * Owns: the list; its paths are in the text.
 * Invariant: the list is in order and nothing in it overlaps, whatever the text
 * says.
 */
#include <stdlib.h>
#include <string.h>

#include "witness/wit.h"

struct cursor {
	char	*at;
	bool	 bad;
};

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* A number, and the character that must follow it. */
static uint64_t
take_number(struct cursor *cursor, unsigned base, char after)
{
	uint64_t value = 0;
	unsigned digits = 0;
	int digit;

	while ((digit = digit_of(*cursor->at)) >= 0 && (unsigned)digit < base &&
	    ++digits <= 16) {
		value = value * base + (unsigned)digit;
		cursor->at++;
	}
	if (digits == 0 || digits > 16 || *cursor->at != after)
		cursor->bad = true;
	else
		cursor->at++;
	return value;
}

static bool
take_flag(struct cursor *cursor, char yes)
{
	if (cursor->bad || *cursor->at == '\0') {
		cursor->bad = true;
		return false;
	}
	return *cursor->at++ == yes;
}

/* "7f00-7f10 r-xp 00001000 08:01 123    /usr/lib/x.so"; false: it is none. */
static bool
parse_line(char *line, struct wit_map *out)
{
	struct cursor cursor = { line, false };

	out->start = take_number(&cursor, 16, '-');
	out->end = take_number(&cursor, 16, ' ');
	out->readable = take_flag(&cursor, 'r');
	out->writable = take_flag(&cursor, 'w');
	out->executable = take_flag(&cursor, 'x');
	take_flag(&cursor, 's');
	if (!take_flag(&cursor, ' ') || cursor.bad)
		return false;
	out->offset = take_number(&cursor, 16, ' ');
	take_number(&cursor, 16, ':');
	take_number(&cursor, 16, ' ');
	out->inode = take_number(&cursor, 10,
	    strchr(cursor.at, ' ') != NULL ? ' ' : '\0');
	if (cursor.bad)
		return false;
	out->path = cursor.at[-1] == ' ' ?
	    cursor.at + strspn(cursor.at, " ") : "";
	return out->start < out->end;
}

static size_t
count_lines(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length && count < WIT_MAPS_MAX; i++)
		count += text[i] == '\n';
	return count;
}

int
wit_maps_parse(char *text, size_t length, struct wit_maps *out)
{
	size_t most = count_lines(text, length);
	uint64_t last = 0;
	char *end;

	out->count = 0;
	out->list = calloc(most + 1, sizeof(*out->list));
	if (out->list == NULL)
		return -1;
	while (out->count < most &&
	    (end = memchr(text, '\n', length)) != NULL) {
		struct wit_map *map = &out->list[out->count];

		*end = '\0';
		if (!parse_line(text, map) || map->start < last)
			break;
		last = map->end;
		out->count++;
		length -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return 0;
}

void
wit_maps_finish(struct wit_maps *maps)
{
	free(maps->list);
	maps->list = NULL;
	maps->count = 0;
}

/* How many begin at or before the address. */
static size_t
count_until(const struct wit_maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (maps->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct wit_map *
wit_maps_find(const struct wit_maps *maps, uint64_t address)
{
	size_t count = count_until(maps, address);

	if (count == 0 || address >= maps->list[count - 1].end)
		return NULL;
	return &maps->list[count - 1];
}

const struct wit_map *
wit_maps_before(const struct wit_maps *maps, uint64_t address)
{
	size_t count = count_until(maps, address);

	if (count > 0 && maps->list[count - 1].end > address)
		count--;
	return count == 0 ? NULL : &maps->list[count - 1];
}
