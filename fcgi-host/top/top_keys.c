/*
 * top_keys.c - what a key does.
 *
 * Runs in: fcgi-host-top.
 * Owns: nothing.
 * Invariant: pure; an order is given only by y, to the question that named it,
 * and about what was chosen when it was asked, whatever the screen shows now.
 */
#include <stdio.h>
#include <string.h>

#include "top/top.h"

/* ---------------------------------------------------------- what is chosen */

bool
top_chosen(const struct top_state *state, const struct top_model *model,
    enum top_section section, size_t *at_out)
{
	const struct top_table *table;

	if (model == NULL || model->tables[section].count == 0)
		return false;
	table = &model->tables[section];
	for (size_t i = 0; state->chosen[section][0] != '\0' &&
	    i < table->count; i++)
		if (strcmp(table->rows[i].target,
		    state->chosen[section]) == 0) {
			*at_out = i;
			return true;
		}
	/* it has gone: whoever is in its place */
	*at_out = state->at[section] < table->count ? state->at[section] :
	    table->count - 1;
	return true;
}

static void
choose(struct top_state *state, const struct top_model *model, size_t at)
{
	const struct top_table *table = &model->tables[state->focus];

	if (at >= table->count)
		at = table->count - 1;
	state->at[state->focus] = at;
	snprintf(state->chosen[state->focus], TOP_NAME_MAX, "%s",
	    table->rows[at].target);
}

void
top_keep_chosen(struct top_state *state, const struct top_model *model)
{
	for (int i = 0; i < TOP_SECTIONS; i++) {
		size_t at;

		if (top_chosen(state, model, (enum top_section)i, &at))
			state->at[i] = at;
	}
}

static bool
move(struct top_state *state, const struct top_model *model, int key)
{
	size_t at, page = state->page > 0 ? state->page : 1;

	if (key < TOP_KEY_UP || key > TOP_KEY_END)
		return false;
	if (!top_chosen(state, model, state->focus, &at))
		return true;
	if (key == TOP_KEY_UP)
		at -= at > 0;
	else if (key == TOP_KEY_DOWN)
		at++;
	else if (key == TOP_KEY_PAGE_UP)
		at -= at < page ? at : page;
	else if (key == TOP_KEY_PAGE_DOWN)
		at += page;
	else
		at = key == TOP_KEY_HOME ? 0 : SIZE_MAX;
	choose(state, model, at);
	return true;
}

/* ------------------------------------------------------------------- orders */

/* The row an order is about; NULL, with a note of where one is chosen. */
static const struct top_row *
subject(struct top_state *state, const struct top_model *model,
    enum top_section section, const char *hint)
{
	size_t at;

	if (state->focus != section) {
		snprintf(state->note, sizeof(state->note), "%s", hint);
		return NULL;
	}
	if (!top_chosen(state, model, section, &at)) {
		snprintf(state->note, sizeof(state->note), "there is none");
		return NULL;
	}
	return &model->tables[section].rows[at];
}

static void
ask(struct top_state *state, const struct top_row *row, enum top_order order)
{
	if (row == NULL)
		return;
	state->asking = order;
	snprintf(state->whom, sizeof(state->whom), "%s", row->target);
}

static bool
begin_order(struct top_state *state, const struct top_model *model, int key)
{
	const struct top_row *row;

	switch (key) {
	case 'k':
		ask(state, subject(state, model, TOP_RUNNING,
		    "k ends a request: choose one of those that run (3)"),
		    TOP_ORDER_KILL);
		return true;
	case 'w':
		ask(state, subject(state, model, TOP_WORKERS,
		    "w replaces a worker: choose one (2)"), TOP_ORDER_RECYCLE);
		return true;
	case 'b':
		row = subject(state, model, TOP_ROUTES,
		    "b opens or closes a route's breaker: choose one (1)");
		ask(state, row, row != NULL && row->closed ? TOP_ORDER_OPEN :
		    TOP_ORDER_CLOSE);
		return true;
	default:
		return false;
	}
}

static enum top_act
answer(struct top_state *state, int key, char *out, size_t size)
{
	static const char *const words[] = {
		[TOP_ORDER_KILL] = "kill",
		[TOP_ORDER_RECYCLE] = "recycle",
		[TOP_ORDER_OPEN] = "breaker open",
		[TOP_ORDER_CLOSE] = "breaker close",
	};
	enum top_order order = state->asking;

	state->asking = TOP_ORDER_NONE;
	if (key != 'y' && key != 'Y') {
		snprintf(state->note, sizeof(state->note), "nothing was done");
		return TOP_ACT_NONE;
	}
	snprintf(state->note, sizeof(state->note), "%s %s ...", words[order],
	    state->whom);
	snprintf(out, size, "%s %s", words[order], state->whom);
	return TOP_ACT_ORDER;
}

/* --------------------------------------------------------------------- keys */

static void
set_sort(struct top_state *state, enum top_sort sort)
{
	state->sort = sort;
}

static bool
change_sort(struct top_state *state, int key)
{
	switch (key) {
	case 's':
		set_sort(state, (state->sort + 1) % TOP_SORTS);
		return true;
	case 'r':
		set_sort(state, TOP_BY_RATE);
		return true;
	case 'p':
		set_sort(state, TOP_BY_P95);
		return true;
	case 'f':
		set_sort(state, TOP_BY_FLIGHT);
		return true;
	case 'm':
		set_sort(state, TOP_BY_MEMORY);
		return true;
	case 'n':
		set_sort(state, TOP_BY_NAME);
		return true;
	default:
		return false;
	}
}

static bool
change_focus(struct top_state *state, int key)
{
	if (key >= '1' && key < '1' + TOP_SECTIONS)
		state->focus = (enum top_section)(key - '1');
	else if (key == '\t')
		state->focus = (state->focus + 1) % TOP_SECTIONS;
	else if (key == TOP_KEY_BACK_TAB)
		state->focus = (state->focus + TOP_SECTIONS - 1) %
		    TOP_SECTIONS;
	else
		return false;
	return true;
}

static void
set_delay(struct top_state *state, uint64_t delay_ms)
{
	state->delay_ms = delay_ms < TOP_DELAY_LEAST ? TOP_DELAY_LEAST :
	    delay_ms > TOP_DELAY_MOST ? TOP_DELAY_MOST : delay_ms;
}

static enum top_act
other(struct top_state *state, int key)
{
	switch (key) {
	case 'q':
		return TOP_ACT_QUIT;
	case ' ':
		return TOP_ACT_ASK_NOW;
	case 'z':
		state->paused = !state->paused;
		return state->paused ? TOP_ACT_NONE : TOP_ACT_ASK_NOW;
	case '+':
		set_delay(state, state->delay_ms * 2);
		return TOP_ACT_NONE;
	case '-':
		set_delay(state, state->delay_ms / 2);
		return TOP_ACT_NONE;
	case 'h':
	case '?':
		state->help = true;
		return TOP_ACT_NONE;
	default:
		return TOP_ACT_NONE;
	}
}

enum top_act
top_key(struct top_state *state, const struct top_model *model, int key,
    char *order_out, size_t size)
{
	if (key == TOP_KEY_GONE)
		return TOP_ACT_QUIT;
	if (key == TOP_KEY_NONE || key == TOP_KEY_RESIZE)
		return TOP_ACT_NONE;
	if (state->asking != TOP_ORDER_NONE)
		return answer(state, key, order_out, size);
	state->note[0] = '\0';
	if (state->help) {
		state->help = false;
		return TOP_ACT_NONE;
	}
	if (move(state, model, key) || change_focus(state, key) ||
	    change_sort(state, key) || begin_order(state, model, key))
		return TOP_ACT_NONE;
	return other(state, key);
}
