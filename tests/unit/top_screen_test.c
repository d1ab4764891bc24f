/*
 * top_screen_test.c - `fcgi-host top`: the screen at any size.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure: the grid is compared, and no terminal is needed.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "top_fixture.h"

/* A line of the grid, ASCII, without the blanks at its end. */
static const char *
line_of(const struct top_grid *grid, size_t y)
{
	static char text[1024];
	size_t end = 0;

	assert_true(y < grid->height && grid->width < sizeof(text));
	for (size_t x = 0; x < grid->width; x++) {
		uint32_t rune = grid->cells[y * grid->width + x].rune;

		text[x] = rune < 128 ? (char)rune : '#';
		if (text[x] != ' ')
			end = x + 1;
	}
	text[end] = '\0';
	return text;
}

static bool
has_line(const struct top_grid *grid, const char *wanted)
{
	for (size_t y = 0; y < grid->height; y++)
		if (strstr(line_of(grid, y), wanted) != NULL)
			return true;
	return false;
}

static struct top_grid
draw(const struct top_model *model, struct top_state *state, size_t width,
    size_t height)
{
	struct top_grid grid = { 0 };

	assert_int_equal(top_grid_resize(&grid, width, height), 0);
	top_screen(model, state, &grid);
	return grid;
}

/* Breaks when: a table, a column or the head is missing where there is room. */
static void
test_wide(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { 0 };
	struct top_grid grid = draw(model, &state, 100, 30);

	(void)unused;
	assert_string_equal(line_of(&grid, 0),
	    "fcgi-host 0.4.0 serving  gen 3  up 12s");
	assert_string_equal(line_of(&grid, 1), "125 req/s  7 in flight  3 "
	    "queued  2 5xx/s  0 refused/s  7 connections");
	assert_string_equal(line_of(&grid, 2), "6 processes: PSS 10M, private "
	    "5M; with a copy of the models each 1.5G");
	assert_string_equal(line_of(&grid, 3), "*ROUTE 2       >REQ/s     P50"
	    "     P95  WAIT95 FLIGHT  5xx/s REFUSED BREAKER");
	assert_string_equal(line_of(&grid, 4), ">GET /a           125   900us"
	    "  12.3ms    40us      2      2       0 closed");
	assert_string_equal(line_of(&grid, 5), " POST /b/{id}       0   100us"
	    "   200us     0us      5      0       0 held");
	assert_true(has_line(&grid, "WORKER 2"));
	assert_true(has_line(&grid, "1 default"));
	assert_true(has_line(&grid, "4f2a"));
	assert_true(has_line(&grid, "POOL 1"));
	assert_true(has_line(&grid, "MODEL 1"));
	assert_true(has_line(&grid, "q quit  h help"));
	top_grid_free(&grid);
	top_model_destroy(model);
}

/* Breaks when: 20x5 has no route in it, or the figure that matters most is not
 * the one that stays. */
static void
test_small(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { 0 };
	struct top_grid grid = draw(model, &state, 20, 5);

	(void)unused;
	assert_string_equal(line_of(&grid, 0), "fcgi-host 0.4.0 serv");
	assert_string_equal(line_of(&grid, 1), "*ROUTE 2      >REQ/s");
	assert_string_equal(line_of(&grid, 2), ">GET /a          125");
	assert_string_equal(line_of(&grid, 3), " POST /b/{id       0");
	assert_string_equal(line_of(&grid, 4), "q quit  h help  tab/");
	state.asking = TOP_ORDER_KILL;
	snprintf(state.whom, sizeof(state.whom), "4f2a");
	top_screen(model, &state, &grid);
	assert_string_equal(line_of(&grid, 4), "y/n? end request 4f2");
	top_grid_free(&grid);
	top_model_destroy(model);
}

/* Breaks when: the row that is chosen is not to be seen. */
static void
test_the_choice_is_seen(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { .focus = TOP_ROUTES };
	struct top_table *table = &model->tables[TOP_ROUTES];
	char order[8];

	(void)unused;
	table->rows = realloc(table->rows, 501 * sizeof(*table->rows));
	assert_non_null(table->rows);
	for (size_t i = 0; i < 500; i++) {
		table->rows[i] = table->rows[0];
		snprintf(table->rows[i].name, TOP_NAME_MAX, "GET /%zu", i);
		snprintf(table->rows[i].target, TOP_NAME_MAX, "GET /%zu", i);
	}
	table->count = 500;
	for (int i = 0; i < 40; i++) {
		struct top_grid grid = draw(model, &state, 60, 4 +
		    (size_t)i % 20);
		char wanted[64];
		size_t at;

		assert_true(top_chosen(&state, model, TOP_ROUTES, &at));
		snprintf(wanted, sizeof(wanted), ">GET /%zu ", at);
		assert_true(has_line(&grid, wanted));
		top_grid_free(&grid);
		top_key(&state, model, i % 3 == 0 ? TOP_KEY_PAGE_DOWN :
		    i == 25 ? TOP_KEY_END : TOP_KEY_DOWN, order,
		    sizeof(order));
	}
	top_model_destroy(model);
}

/* Breaks when: any size writes outside of the grid; the sanitizers see it. */
static void
test_any_size(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { .note = "what came of it" };

	(void)unused;
	for (size_t width = 0; width < 90; width += width < 30 ? 1 : 13)
		for (size_t height = 0; height < 30; height++) {
			struct top_grid grid;

			state.help = height % 7 == 3;
			state.lost = height % 5 == 1;
			state.focus = (enum top_section)(width %
			    TOP_SECTIONS);
			grid = draw(height % 11 == 4 ? NULL : model, &state,
			    width, height);
			top_grid_free(&grid);
		}
	top_model_destroy(model);
}

/* Breaks when: what a client sent can move the cursor, colour the screen or
 * shift a line. */
static void
test_texts_of_others(void **unused)
{
	struct top_grid grid = { 0 };
	char text[300];

	(void)unused;
	assert_int_equal(top_grid_resize(&grid, 12, 2), 0);
	top_grid_put(&grid, 0, 0, 12, "\033[2J\r\n\tx\177", TOP_PLAIN);
	assert_string_equal(line_of(&grid, 0), "?[2J???x?");
	top_grid_put(&grid, 0, 0, 12, "a\xff\xc0\x80\xe2\x80\xaez", TOP_PLAIN);
	assert_string_equal(line_of(&grid, 0), "a????z?x?");
	top_grid_put(&grid, 0, 1, 12, "\xe4\xbd\xa0\xe4\xbd\xa0x", TOP_PLAIN);
	assert_int_equal(grid.cells[12].rune, 0x4f60);
	assert_int_equal(grid.cells[13].rune, 0);
	assert_int_equal(grid.cells[16].rune, 'x');
	assert_int_equal(top_grid_put(&grid, 9, 1, 3,
	    "\xe4\xbd\xa0\xe4\xbd\xa0", TOP_PLAIN), 2);
	assert_int_equal(top_grid_width("\xc3\xa9t\xc3\xa9"), 3);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(top_grid_put(&grid, 5, 0, 1000, text, TOP_PLAIN), 7);
	assert_int_equal(top_grid_put(&grid, 12, 0, 5, text, TOP_PLAIN), 0);
	assert_int_equal(top_grid_put(&grid, 0, 2, 5, text, TOP_PLAIN), 0);
	top_grid_free(&grid);
}

/* Breaks when: more lines are given than there are, the table in focus has
 * none, or one has titles and no row. */
static void
test_places(void **unused)
{
	size_t rows[TOP_SECTIONS] = { 40, 8, 0, 1, 3 }, out[TOP_SECTIONS];

	(void)unused;
	for (size_t lines = 0; lines < 80; lines++)
		for (int focus = 0; focus < TOP_SECTIONS; focus++) {
			size_t sum = 0;

			top_place(rows, (enum top_section)focus, lines, out);
			for (int i = 0; i < TOP_SECTIONS; i++) {
				sum += out[i];
				assert_true(out[i] != 1);
				assert_true(out[i] <= rows[i] + 2);
			}
			assert_true(sum <= lines);
			assert_true(lines < 2 || out[focus] >= 2);
		}
	top_place(rows, TOP_ROUTES, 12, out);
	assert_int_equal(out[TOP_ROUTES], 6);
	assert_int_equal(out[TOP_WORKERS] + out[TOP_POOLS] + out[TOP_MODELS],
	    6);
	top_place(rows, TOP_ROUTES, 200, out);
	assert_int_equal(out[TOP_ROUTES], 41);
	assert_int_equal(out[TOP_RUNNING], 0);
}

/* Breaks when: a host that is gone looks like one that is there. */
static void
test_signs(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { .lost = true, .note = "no host" };
	struct top_grid grid = draw(model, &state, 60, 20);

	(void)unused;
	assert_string_equal(line_of(&grid, 0), "fcgi-host 0.4.0 serving  gen 3"
	    "  up 12s           [NO ANSWER]");
	assert_string_equal(line_of(&grid, 19), "no host");
	state = (struct top_state){ .paused = true };
	top_screen(NULL, &state, &grid);
	assert_true(has_line(&grid, "[PAUSED]"));
	state.help = true;
	top_screen(model, &state, &grid);
	assert_true(has_line(&grid, "end the request that is chosen"));
	top_grid_free(&grid);
	top_model_destroy(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_the_choice_is_seen),
		cmocka_unit_test(test_any_size),
		cmocka_unit_test(test_texts_of_others),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_signs),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
