/*
 * top.h - what the files of `fcgi-host top` share.
 *
 *	top_main    asks the host each second (top_link), hears keys, draws
 *	top_model   two status documents -> tables (top_rows: their cells)
 *	top_keys    a key -> what changes, or an order for the host
 *	top_screen  tables and what is chosen -> a grid of characters
 *	            (top_place: how many lines each table gets; top_grid)
 *	top_curses  the grid -> the terminal; alone knows ncurses
 *
 * All but the first and the last are pure, so they are tested without a
 * terminal.  Whatever a status document says, also one made by somebody else,
 * becomes printable text and bounded numbers.
 */
#ifndef TOP_TOP_H
#define TOP_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

#define TOP_NAME_MAX	168	/* bytes of a route's label, with a NUL */
#define TOP_CELL_MAX	68	/* ... of any other cell: a request's id */
#define TOP_COLUMNS	8	/* beside the name */
#define TOP_ROWS_MAX	10000	/* of a table; more is not shown */

/* ------------------------------------------------------------------- tables */

enum top_section { TOP_ROUTES, TOP_WORKERS, TOP_RUNNING, TOP_POOLS, TOP_MODELS,
	TOP_SECTIONS };

enum top_sort { TOP_BY_RATE, TOP_BY_P95, TOP_BY_FLIGHT, TOP_BY_MEMORY,
	TOP_BY_NAME, TOP_SORTS };

enum top_style { TOP_PLAIN, TOP_TITLE, TOP_DIM, TOP_WARN, TOP_BAD,
	TOP_CHOSEN };

/* `rank`: the column with the highest is left out first where the screen is
 * narrow.  `sort` is the order its figures make, or TOP_SORTS. */
struct top_column {
	const char	*title;		/* NULL: there are no more */
	int		 width;
	int		 rank;
	bool		 left;		/* aligned so */
	enum top_sort	 sort;
};

struct top_shape {
	const char		*title;	/* of the column of names */
	struct top_column	 columns[TOP_COLUMNS];
};
extern const struct top_shape	top_shapes[TOP_SECTIONS];

struct top_row {
	char		 name[TOP_NAME_MAX];
	char		 target[TOP_NAME_MAX];	/* whom an order names */
	char		 cells[TOP_COLUMNS][TOP_CELL_MAX];
	double		 keys[TOP_SORTS];	/* the largest comes first */
	enum top_style	 style;
	bool		 closed;		/* a route's breaker */
	size_t		 index;			/* in the document */
};

struct top_table {
	struct top_row	*rows;
	size_t		 count;
};

/* -------------------------------------------------------------------- model */

/* A host at one moment.  Rates are per second, NAN: not known yet. */
struct top_model {
	char		 title[160];	/* "fcgi-host 0.4.0 serving ..." */
	char		 trouble[200];	/* what it is short of; "" */
	double		 requests, failed, refused;
	uint64_t	 in_flight, queued, connections, running;
	uint64_t	 processes, pss_bytes, private_bytes, copies_bytes;
	struct top_table tables[TOP_SECTIONS];
};

/*
 * Of a document and the one before it, which may be NULL or of a host that was
 * started since: then there are no rates.  NULL: no memory.
 */
struct top_model	*top_model_create(struct json_object *now,
			    struct json_object *before);
void			 top_model_destroy(struct top_model *);
void			 top_model_sort(struct top_model *, enum top_sort);

/* top_rows.c: for top_model.c.  What both documents say of one thing, and the
 * seconds between them; `before` may be NULL. */
struct top_pair {
	struct json_object	*now, *before;
	double			 seconds;
};
void	top_rows_fill(enum top_section, const struct top_pair *,
	    struct top_row *out);

/* Members of a document; "-", 0 or NULL where there is none of that kind. */
const char		*top_text(struct json_object *, const char *key);
uint64_t		 top_number(struct json_object *, const char *key);
struct json_object	*top_list(struct json_object *, const char *key);
size_t			 top_list_length(struct json_object *list);
/* How fast a counter grows; `inner` is in the member `key`, or NULL. */
double			 top_rate(const struct top_pair *, const char *key,
			    const char *inner);
double			 top_rate_of_all(const struct top_pair *,
			    const char *key);

/* top_units.c: short enough for a column of 7. */
void	top_put_rate(char *out, size_t size, double per_second);
void	top_put_us(char *out, size_t size, uint64_t microseconds);
void	top_put_bytes(char *out, size_t size, uint64_t bytes);

/* --------------------------------------------------------- what is chosen */

enum top_order { TOP_ORDER_NONE, TOP_ORDER_KILL, TOP_ORDER_RECYCLE,
	TOP_ORDER_OPEN, TOP_ORDER_CLOSE };

struct top_state {
	enum top_section focus;
	enum top_sort	 sort;
	/* The row that is chosen in each table: whom, and where it was last. */
	char		 chosen[TOP_SECTIONS][TOP_NAME_MAX];
	size_t		 at[TOP_SECTIONS];
	size_t		 page;		/* lines that a page is */
	bool		 help, paused;
	bool		 lost;		/* no host answers */
	uint64_t	 delay_ms;
	enum top_order	 asking;	/* y is waited for */
	char		 whom[TOP_NAME_MAX];
	char		 note[300];	/* what came of it; "" */
};

#define TOP_DELAY_LEAST	100
#define TOP_DELAY_MOST	60000

/* Keys that are no characters. */
enum top_key { TOP_KEY_NONE = -1, TOP_KEY_UP = 0x110000, TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP, TOP_KEY_PAGE_DOWN, TOP_KEY_HOME, TOP_KEY_END,
	TOP_KEY_BACK_TAB, TOP_KEY_RESIZE, TOP_KEY_GONE };

enum top_act { TOP_ACT_NONE, TOP_ACT_QUIT, TOP_ACT_ASK_NOW, TOP_ACT_ORDER };

/* `model` may be NULL.  TOP_ACT_ORDER: what the host is to be told is written
 * out; nothing is ever ordered that was not asked about and answered with y. */
enum top_act	top_key(struct top_state *, const struct top_model *, int key,
		    char *order_out, size_t size);

/* The row that is chosen, if the table has any; it may have moved. */
bool	top_chosen(const struct top_state *, const struct top_model *,
	    enum top_section, size_t *at_out);
/* Notes where it is now. */
void	top_keep_chosen(struct top_state *, const struct top_model *);

/* ------------------------------------------------------------------- screen */

struct top_cell {
	uint32_t	 rune;		/* 0: the right half of a wide one */
	enum top_style	 style;
};

struct top_grid {
	size_t		 width, height;
	struct top_cell	*cells;		/* line by line */
};

/* 0, or -1: no memory, and as before. */
int	top_grid_resize(struct top_grid *, size_t width, size_t height);
void	top_grid_clear(struct top_grid *);
void	top_grid_free(struct top_grid *);
/* As much of a text as `room` columns have; what does not print is '?'.
 * Returns how many it took. */
size_t	top_grid_put(struct top_grid *, size_t x, size_t y, size_t room,
	    const char *text, enum top_style);
/* Columns that a text takes. */
size_t	top_grid_width(const char *text);

/* How many of `lines` each table gets, with its line of titles: none or two at
 * least.  `rows` each has; the one in focus comes first. */
void	top_place(const size_t rows[TOP_SECTIONS], enum top_section focus,
	    size_t lines, size_t out[TOP_SECTIONS]);

/* Draws all of it; `model` may be NULL. */
void	top_screen(const struct top_model *, struct top_state *,
	    struct top_grid *);

/* --------------------------------------------------------------------- link */

/* One question at a time; fd -1: none is under way. */
struct top_link {
	const char	*path;
	int		 fd;
	uint64_t	 due_ms;	/* it is given up then */
	char		*text;
	size_t		 have, size;
};

enum top_link_state { TOP_LINK_WAITS, TOP_LINK_DONE, TOP_LINK_FAILED };

/* 0, or -1 with errno: nobody answers there. */
int	top_link_ask(struct top_link *, const char *request, uint64_t now_ms);
/* Takes what has come.  DONE: the answer, NUL-terminated, until the next
 * question.  FAILED: errno, ETIMEDOUT if that is it. */
enum top_link_state	top_link_look(struct top_link *, uint64_t now_ms);
void	top_link_close(struct top_link *);

/* ------------------------------------------------------------------- curses */

/* 0; -1, and why is printed: no terminal that can be drawn on. */
int	top_curses_open(void);
void	top_curses_close(void);
void	top_curses_size(size_t *width_out, size_t *height_out);
void	top_curses_draw(const struct top_grid *);
int	top_curses_key(void);		/* TOP_KEY_NONE: there is none */

#endif
