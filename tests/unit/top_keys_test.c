/*
 * top_keys_test.c - `fcgi-host top`: what keys do, and what they do not.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is neither a host nor a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "top_fixture.h"

static char order[256];

static enum top_act
press(struct top_state *state, const struct top_model *model, int key)
{
	order[0] = '\0';
	return top_key(state, model, key, order, sizeof(order));
}

/* Breaks when: an order is given without a question, without y, or of another
 * than was asked about. */
static void
test_nothing_is_ordered_unasked(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { .focus = TOP_RUNNING };

	(void)unused;
	assert_int_equal(press(&state, model, 'y'), TOP_ACT_NONE);
	assert_int_equal(press(&state, model, 'k'), TOP_ACT_NONE);
	assert_int_equal(state.asking, TOP_ORDER_KILL);
	assert_string_equal(state.whom, "4f2a");
	assert_int_equal(press(&state, model, TOP_KEY_RESIZE), TOP_ACT_NONE);
	assert_int_equal(state.asking, TOP_ORDER_KILL);
	assert_int_equal(press(&state, model, '\n'), TOP_ACT_NONE);
	assert_string_equal(state.note, "nothing was done");
	assert_int_equal(press(&state, model, 'y'), TOP_ACT_NONE);
	press(&state, model, 'k');
	assert_int_equal(press(&state, model, 'q'), TOP_ACT_NONE);
	press(&state, model, 'k');
	top_model_destroy(model);	/* what it was about has gone */
	assert_int_equal(press(&state, NULL, 'y'), TOP_ACT_ORDER);
	assert_string_equal(order, "kill 4f2a");
	assert_int_equal(press(&state, NULL, 'y'), TOP_ACT_NONE);
}

/* Breaks when: a word is not the one the host knows. */
static void
test_orders(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { .focus = TOP_WORKERS };

	(void)unused;
	press(&state, model, TOP_KEY_END);
	press(&state, model, 'w');
	assert_int_equal(press(&state, model, 'y'), TOP_ACT_ORDER);
	assert_string_equal(order, "recycle 1");
	press(&state, model, '1');
	press(&state, model, 'b');
	press(&state, model, 'y');
	assert_string_equal(order, "breaker open GET /a");
	press(&state, model, TOP_KEY_DOWN);
	press(&state, model, 'b');
	press(&state, model, 'Y');
	assert_string_equal(order, "breaker close POST /b/{id}");
	press(&state, model, 'w');
	assert_int_equal(state.asking, TOP_ORDER_NONE);
	assert_non_null(strstr(state.note, "choose one (2)"));
	top_model_destroy(model);
}

/* Breaks when: the choice does not follow its row when the order changes, or
 * leaves the table. */
static void
test_choice(void **unused)
{
	struct top_model *model = top_fixture_model();
	struct top_state state = { .page = 10 };
	size_t at;

	(void)unused;
	assert_false(top_chosen(&state, NULL, TOP_ROUTES, &at));
	for (int i = 0; i < 5; i++)
		press(&state, model, TOP_KEY_DOWN);
	assert_true(top_chosen(&state, model, TOP_ROUTES, &at));
	assert_int_equal(at, 1);
	top_model_sort(model, TOP_BY_FLIGHT);
	assert_true(top_chosen(&state, model, TOP_ROUTES, &at));
	assert_int_equal(at, 0);
	press(&state, model, TOP_KEY_PAGE_DOWN);
	top_chosen(&state, model, TOP_ROUTES, &at);
	assert_int_equal(at, 1);
	press(&state, model, TOP_KEY_PAGE_UP);
	top_chosen(&state, model, TOP_ROUTES, &at);
	assert_int_equal(at, 0);
	model->tables[TOP_ROUTES].count = 0;
	assert_false(top_chosen(&state, model, TOP_ROUTES, &at));
	press(&state, model, TOP_KEY_DOWN);
	press(&state, model, 'b');
	assert_int_equal(state.asking, TOP_ORDER_NONE);
	top_model_destroy(model);
}

/* Breaks when: a key does something else than the help says. */
static void
test_plain_keys(void **unused)
{
	struct top_state state = { .delay_ms = 1000 };

	(void)unused;
	assert_int_equal(press(&state, NULL, ' '), TOP_ACT_ASK_NOW);
	assert_int_equal(press(&state, NULL, 'q'), TOP_ACT_QUIT);
	assert_int_equal(press(&state, NULL, TOP_KEY_GONE), TOP_ACT_QUIT);
	for (int i = 0; i < 20; i++)
		press(&state, NULL, '+');
	assert_int_equal(state.delay_ms, TOP_DELAY_MOST);
	for (int i = 0; i < 20; i++)
		press(&state, NULL, '-');
	assert_int_equal(state.delay_ms, TOP_DELAY_LEAST);
	press(&state, NULL, '\t');
	assert_int_equal(state.focus, TOP_WORKERS);
	press(&state, NULL, TOP_KEY_BACK_TAB);
	press(&state, NULL, TOP_KEY_BACK_TAB);
	assert_int_equal(state.focus, TOP_MODELS);
	press(&state, NULL, 'm');
	assert_int_equal(state.sort, TOP_BY_MEMORY);
	press(&state, NULL, 's');
	press(&state, NULL, 's');
	assert_int_equal(state.sort, TOP_BY_RATE);
	press(&state, NULL, 'h');
	assert_true(state.help);
	assert_int_equal(press(&state, NULL, 'q'), TOP_ACT_NONE);
	assert_false(state.help);
	assert_int_equal(press(&state, NULL, 'z'), TOP_ACT_NONE);
	assert_true(state.paused);
	assert_int_equal(press(&state, NULL, 'z'), TOP_ACT_ASK_NOW);
	for (int key = -1; key < 300; key++)	/* without a model */
		press(&state, NULL, key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_ordered_unasked),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_plain_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
