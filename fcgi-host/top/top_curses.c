/*
 * top_curses.c - the grid on a terminal.
 *
 * Runs in: fcgi-host-top.
 * Owns: the terminal, from open to close.
 * Invariant: the only file that knows ncurses, which sends the terminal what
 * has changed and no more: over a slow line too.
 */
#define NCURSES_WIDECHAR	1
#define NCURSES_NOMACROS	1

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include "top/top.h"

/* Last: it makes macros of words like `columns`. */
#include <curses.h>
#include <term.h>

#define REDRAW		0x0c	/* control-L: the line had noise */
#define ESCAPE_MS	200	/* what follows on an escape is a key's */

enum { PAIR_WARN = 1, PAIR_BAD };

static SCREEN *screen;
static bool coloured;

static int
refuse(const char *why)
{
	const char *name = getenv("TERM");

	fprintf(stderr, "fcgi-host top: the terminal \"%s\" %s; `fcgi-host "
	    "status` prints what there is to see\n",
	    name == NULL ? "" : name, why);
	return -1;
}

static void
set_colours(void)
{
	coloured = has_colors() && getenv("NO_COLOR") == NULL &&
	    start_color() == OK && use_default_colors() == OK &&
	    init_pair(PAIR_WARN, COLOR_YELLOW, -1) == OK &&
	    init_pair(PAIR_BAD, COLOR_RED, -1) == OK;
}

int
top_curses_open(void)
{
	const char *place;
	int found;

	if (setupterm(NULL, STDOUT_FILENO, &found) != OK)
		return refuse("is not known here");
	place = tigetstr("cup");
	if (place == NULL || place == (char *)-1)
		return refuse("cannot place the cursor");
	del_curterm(cur_term);
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return refuse("cannot be used");
	set_term(screen);
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, true);
	nodelay(stdscr, true);
	set_escdelay(ESCAPE_MS);
	set_colours();
	return 0;
}

void
top_curses_close(void)
{
	if (screen == NULL)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void
top_curses_size(size_t *width_out, size_t *height_out)
{
	int width = getmaxx(stdscr), height = getmaxy(stdscr);

	*width_out = width > 0 ? (size_t)width : 0;
	*height_out = height > 0 ? (size_t)height : 0;
}

static attr_t
attributes(enum top_style style, short *pair_out)
{
	static const attr_t looks[] = {
		[TOP_PLAIN] = A_NORMAL,
		[TOP_TITLE] = A_BOLD,
		[TOP_DIM] = A_DIM,
		[TOP_WARN] = A_NORMAL,
		[TOP_BAD] = A_BOLD,
		[TOP_CHOSEN] = A_REVERSE,
	};

	*pair_out = 0;
	if (coloured && style == TOP_WARN)
		*pair_out = PAIR_WARN;
	if (coloured && style == TOP_BAD)
		*pair_out = PAIR_BAD;
	return looks[style];
}

static void
draw_cell(size_t x, size_t y, const struct top_cell *cell)
{
	wchar_t text[2] = { (wchar_t)cell->rune, L'\0' };
	cchar_t drawn;
	short pair;
	attr_t look = attributes(cell->style, &pair);

	if (setcchar(&drawn, text, look, pair, NULL) == OK)
		mvadd_wch((int)y, (int)x, &drawn);
}

/* The terminal may have another size by now: what is outside is not drawn. */
void
top_curses_draw(const struct top_grid *grid)
{
	erase();
	for (size_t y = 0; y < grid->height; y++)
		for (size_t x = 0; x < grid->width; x++) {
			const struct top_cell *cell = &grid->cells[
			    y * grid->width + x];

			if (cell->rune != 0 && (cell->rune != ' ' ||
			    cell->style != TOP_PLAIN))
				draw_cell(x, y, cell);
		}
	refresh();
}

int
top_curses_key(void)
{
	wint_t key;
	int kind = get_wch(&key);

	if (kind == ERR)
		return TOP_KEY_NONE;
	if (kind != KEY_CODE_YES && key == REDRAW) {
		clearok(curscr, true);
		return TOP_KEY_RESIZE;
	}
	if (kind != KEY_CODE_YES)
		return (int)key;
	switch (key) {
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	case KEY_BTAB:
		return TOP_KEY_BACK_TAB;
	default:
		return TOP_KEY_RESIZE;	/* or one that does nothing */
	}
}
