/*
 * top_screen.c - what is on the screen, for any size of it.
 *
 * Runs in: fcgi-host-top.
 * Owns: nothing.
 * Invariant: pure; the row that is chosen is always to be seen where its table
 * has a line; the last line says what was asked, or what came of it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "top/top.h"

#define NAME_LEAST	10	/* columns of a name, before others are shown */
#define NAME_PART	4	/* ... or one in so many of the width */
#define TALL		12	/* lines from which on there is a head of 3 */

/* What is drawn of a table: which columns, and how wide names are. */
struct plan {
	const struct top_shape	*shape;
	bool			 shown[TOP_COLUMNS];
	size_t			 name_width;
};

/* ----------------------------------------------------------------- the head */

static void
put_title(const struct top_model *model, const struct top_state *state,
    struct top_grid *grid)
{
	const char *sign = state->lost ? "[NO ANSWER]" : state->paused ?
	    "[PAUSED]" : "";
	size_t signed_width = strlen(sign);
	size_t room = grid->width > signed_width ? grid->width -
	    signed_width : 0;

	top_grid_put(grid, 0, 0, room, model == NULL ? "fcgi-host" :
	    model->title, TOP_TITLE);
	top_grid_put(grid, room, 0, signed_width, sign, TOP_BAD);
}

static void
put_load(const struct top_model *model, struct top_grid *grid, size_t y)
{
	char requests[16], failed[16], refused[16], line[256];

	top_put_rate(requests, sizeof(requests), model->requests);
	top_put_rate(failed, sizeof(failed), model->failed);
	top_put_rate(refused, sizeof(refused), model->refused);
	snprintf(line, sizeof(line), "%s req/s  %" PRIu64 " in flight  %"
	    PRIu64 " queued  %s 5xx/s  %s refused/s  %" PRIu64
	    " connections", requests, model->in_flight, model->queued, failed,
	    refused, model->connections);
	top_grid_put(grid, 0, y, grid->width, line, model->failed > 0 ?
	    TOP_WARN : TOP_PLAIN);
}

static void
put_memory(const struct top_model *model, struct top_grid *grid, size_t y)
{
	char pss[16], private[16], copies[16], line[256];

	if (model->trouble[0] != '\0') {
		top_grid_put(grid, 0, y, grid->width, model->trouble,
		    TOP_BAD);
		return;
	}
	top_put_bytes(pss, sizeof(pss), model->pss_bytes);
	top_put_bytes(private, sizeof(private), model->private_bytes);
	top_put_bytes(copies, sizeof(copies), model->copies_bytes);
	snprintf(line, sizeof(line), "%" PRIu64 " processes: PSS %s, private "
	    "%s; with a copy of the models each %s", model->processes, pss,
	    private, copies);
	top_grid_put(grid, 0, y, grid->width, line, TOP_PLAIN);
}

/* ------------------------------------------------------------------- tables */

static size_t
longest_name(const struct top_table *table, const struct top_shape *shape)
{
	size_t longest = strlen(shape->title) + 6;	/* its count */

	for (size_t i = 0; i < table->count; i++) {
		size_t width = top_grid_width(table->rows[i].name);

		if (width > longest)
			longest = width;
	}
	return longest;
}

/* The column of that rank, if there is room for it. */
static size_t
show_rank(struct plan *plan, int rank, size_t room)
{
	for (int i = 0; i < TOP_COLUMNS &&
	    plan->shape->columns[i].title != NULL; i++) {
		const struct top_column *column = &plan->shape->columns[i];
		size_t width = (size_t)column->width + 1;

		if (column->rank != rank || width > room)
			continue;
		plan->shown[i] = true;
		return width;
	}
	return 0;
}

static void
make_plan(const struct top_table *table, enum top_section section,
    size_t width, struct plan *out)
{
	size_t longest, room, least = width / NAME_PART > NAME_LEAST ?
	    width / NAME_PART : NAME_LEAST;

	memset(out, 0, sizeof(*out));
	out->shape = &top_shapes[section];
	longest = longest_name(table, out->shape);
	least = (longest < least ? longest : least) + 1;
	room = width > least ? width - least : 0;
	for (int rank = 0; rank < TOP_COLUMNS; rank++)
		room -= show_rank(out, rank, room);
	out->name_width = least - 1 + room;
	if (out->name_width > longest)
		out->name_width = longest;
}

/* One cell at x; returns where the next one begins. */
static size_t
put_cell(struct top_grid *grid, size_t x, size_t y,
    const struct top_column *column, const char *text, enum top_style style)
{
	size_t width = top_grid_width(text), room = (size_t)column->width;
	size_t skip = column->left || width >= room ? 0 : room - width;

	top_grid_put(grid, x + skip, y, room - skip, text, style);
	return x + room + 1;
}

/* "ROUTE 12/40"; and ">" at the column that orders them. */
static void
put_titles(struct top_grid *grid, size_t y, const struct plan *plan,
    const struct top_table *table, size_t seen,
    const struct top_state *state, bool focused)
{
	enum top_style style = focused ? TOP_TITLE : TOP_DIM;
	const char *sign = state->sort == TOP_BY_NAME ? ">" : "";
	char text[64];
	size_t x = plan->name_width + 2;

	if (seen < table->count)
		snprintf(text, sizeof(text), "%s%s %zu/%zu", sign,
		    plan->shape->title, seen, table->count);
	else
		snprintf(text, sizeof(text), "%s%s %zu", sign,
		    plan->shape->title, table->count);
	top_grid_put(grid, 0, y, 1, focused ? "*" : " ", style);
	top_grid_put(grid, 1, y, plan->name_width, text, style);
	for (int i = 0; i < TOP_COLUMNS; i++) {
		const struct top_column *column = &plan->shape->columns[i];

		if (!plan->shown[i])
			continue;
		snprintf(text, sizeof(text), "%s%s", column->sort ==
		    state->sort ? ">" : "", column->title);
		x = put_cell(grid, x, y, column, text, style);
	}
}

static void
put_row(struct top_grid *grid, size_t y, const struct plan *plan,
    const struct top_row *row, bool chosen)
{
	enum top_style style = chosen ? TOP_CHOSEN : row->style;
	size_t x = plan->name_width + 2;

	if (chosen)
		for (size_t i = 0; i < grid->width; i++)
			grid->cells[y * grid->width + i].style = style;
	top_grid_put(grid, 0, y, 1, chosen ? ">" : " ", style);
	top_grid_put(grid, 1, y, plan->name_width, row->name, style);
	for (int i = 0; i < TOP_COLUMNS; i++)
		if (plan->shown[i])
			x = put_cell(grid, x, y, &plan->shape->columns[i],
			    row->cells[i], style);
}

/* The first row that is shown: the one that is chosen is among them. */
static size_t
first_row(size_t count, size_t lines, size_t chosen)
{
	size_t first = chosen < lines ? 0 : chosen - lines + 1;

	return first + lines > count && count >= lines ? count - lines : first;
}

static void
put_table(const struct top_model *model, const struct top_state *state,
    enum top_section section, struct top_grid *grid, size_t y, size_t lines)
{
	const struct top_table *table = &model->tables[section];
	bool focused = section == state->focus;
	size_t rows = lines - 1 < table->count ? lines - 1 : table->count;
	size_t chosen = 0, first;
	struct plan plan;

	make_plan(table, section, grid->width, &plan);
	if (focused)
		top_chosen(state, model, section, &chosen);
	first = first_row(table->count, rows, chosen);
	put_titles(grid, y, &plan, table, rows, state, focused);
	for (size_t i = 0; i < rows; i++)
		put_row(grid, y + 1 + i, &plan, &table->rows[first + i],
		    focused && first + i == chosen);
	if (table->count == 0)
		top_grid_put(grid, 1, y + 1, grid->width, "none", TOP_DIM);
}

static void
put_tables(const struct top_model *model, struct top_state *state,
    struct top_grid *grid, size_t y, size_t lines)
{
	size_t rows[TOP_SECTIONS], places[TOP_SECTIONS];

	for (int i = 0; i < TOP_SECTIONS; i++)
		rows[i] = model->tables[i].count;
	top_place(rows, state->focus, lines, places);
	state->page = places[state->focus] > 1 ? places[state->focus] - 1 : 1;
	for (int i = 0; i < TOP_SECTIONS; i++) {
		if (places[i] > 0)
			put_table(model, state, (enum top_section)i, grid, y,
			    places[i]);
		y += places[i];
	}
}

/* ----------------------------------------------------------- the last line */

static void
put_question(const struct top_state *state, struct top_grid *grid, size_t y)
{
	static const char *const words[] = {
		[TOP_ORDER_KILL] = "end request",
		[TOP_ORDER_RECYCLE] = "replace worker",
		[TOP_ORDER_OPEN] = "take out of service",
		[TOP_ORDER_CLOSE] = "put back into service",
	};
	char line[TOP_NAME_MAX + 64];

	/* the answer first: a narrow screen has no room for all of it */
	snprintf(line, sizeof(line), "y/n? %s %s", words[state->asking],
	    state->whom);
	top_grid_put(grid, 0, y, grid->width, line, TOP_CHOSEN);
}

static void
put_last(const struct top_state *state, struct top_grid *grid, size_t y)
{
	if (state->asking != TOP_ORDER_NONE)
		put_question(state, grid, y);
	else if (state->note[0] != '\0')
		top_grid_put(grid, 0, y, grid->width, state->note, TOP_WARN);
	else
		top_grid_put(grid, 0, y, grid->width, "q quit  h help  tab/1-5 "
		    "table  s sort  k kill  w worker  b breaker", TOP_DIM);
}

static void
put_help(struct top_grid *grid)
{
	static const char *const lines[] = {
		"1-5, tab     routes, workers, running, pools, models",
		"arrows, page up and down, home, end    choose a row",
		"r p f m n    sort by req/s, p95, in flight, memory, name",
		"s            the next of these",
		"k            end the request that is chosen (3)",
		"w            put a fresh worker in its place (2)",
		"b            open or close the route's breaker (1)",
		"space        ask now;  z  pause;  + -  more or less often",
		"q            quit",
		"Rates are of the last interval, P50 and P95 since the start.",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		top_grid_put(grid, 0, i, grid->width, lines[i], TOP_PLAIN);
}

/* Of a screen of one line nothing but that is left. */
void
top_screen(const struct top_model *model, struct top_state *state,
    struct top_grid *grid)
{
	size_t head = grid->height >= TALL ? 3 : grid->height >= 2 ? 1 : 0;

	top_grid_clear(grid);
	if (grid->height == 0 || grid->width == 0)
		return;
	if (state->help) {
		put_help(grid);
		return;
	}
	if (head > 0)
		put_title(model, state, grid);
	if (head == 3 && model != NULL) {
		put_load(model, grid, 1);
		put_memory(model, grid, 2);
	}
	if (model != NULL)
		put_tables(model, state, grid, head, grid->height - head - 1);
	put_last(state, grid, grid->height - 1);
}
