/*
 * top_grid.c - a grid of characters.
 *
 * Runs in: fcgi-host-top.
 * Owns: the cells of each struct top_grid.
 * Invariant: nothing is written outside of it; each character in it can be
 * printed and moves no cursor: a text is of whoever sent a request.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "top/top.h"
#include "wire/wire_text.h"

#define UNPRINTABLE	'?'

int
top_grid_resize(struct top_grid *grid, size_t width, size_t height)
{
	struct top_cell *cells;

	if (width == grid->width && height == grid->height &&
	    grid->cells != NULL)
		return 0;
	cells = calloc(width * height + 1, sizeof(*cells));
	if (cells == NULL)
		return -1;
	free(grid->cells);
	grid->cells = cells;
	grid->width = width;
	grid->height = height;
	top_grid_clear(grid);
	return 0;
}

void
top_grid_clear(struct top_grid *grid)
{
	for (size_t i = 0; i < grid->width * grid->height; i++)
		grid->cells[i] = (struct top_cell){ ' ', TOP_PLAIN };
}

void
top_grid_free(struct top_grid *grid)
{
	free(grid->cells);
	memset(grid, 0, sizeof(*grid));
}

/* Of a character that is known to be one. */
static uint32_t
decode(const char *text, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t rune = (unsigned char)text[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		rune = rune << 6 | ((unsigned char)text[i] & 0x3f);
	return rune;
}

/* The next character, and how many columns it takes; what has none of its own
 * would be drawn over its neighbour. */
static size_t
take(const char **text, const char *end, uint32_t *rune_out)
{
	bool good;
	size_t length = wire_utf8_take(*text, end, &good);
	int width;

	*rune_out = good ? decode(*text, length) : UNPRINTABLE;
	*text += length;
	width = wcwidth((wchar_t)*rune_out);
	if (width == 1 || width == 2)
		return (size_t)width;
	*rune_out = UNPRINTABLE;
	return 1;
}

size_t
top_grid_width(const char *text)
{
	const char *end = text + strlen(text);
	size_t width = 0;
	uint32_t rune;

	while (text < end)
		width += take(&text, end, &rune);
	return width;
}

size_t
top_grid_put(struct top_grid *grid, size_t x, size_t y, size_t room,
    const char *text, enum top_style style)
{
	const char *end = text + strlen(text);
	size_t used = 0;

	if (x >= grid->width || y >= grid->height)
		return 0;
	if (room > grid->width - x)
		room = grid->width - x;
	while (text < end) {
		struct top_cell *cell = &grid->cells[y * grid->width + x +
		    used];
		uint32_t rune;
		size_t width = take(&text, end, &rune);

		if (used + width > room)
			break;
		cell[0] = (struct top_cell){ rune, style };
		if (width == 2)
			cell[1] = (struct top_cell){ 0, style };
		used += width;
	}
	return used;
}
