/*
 * top_main.c - `fcgi-host top`: what a host does, live.
 *
 * Runs in: fcgi-host-top, which `fcgi-host top` becomes.
 * Owns: the two links, the last document, the model, the grid.
 * Invariant: keys are heard whatever the host does; it is asked once in a delay
 * and no more, and what was seen last stays when it is gone.
 */
#include <json-c/json.h>

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "top/top.h"

struct top {
	struct top_link		 status, order;
	uint64_t		 next_ms;	/* the next question */
	struct json_object	*document;	/* the last one; or NULL */
	struct top_model	*model;
	struct top_state	 state;
	struct top_grid		 grid;
};

/* -------------------------------------------------------------- the answers */

static void
lose(struct top *top, const char *why)
{
	top->state.lost = true;
	snprintf(top->state.note, sizeof(top->state.note),
	    "%.100s: %s; is the host running?", top->status.path, why);
}

static void
take_document(struct top *top)
{
	struct json_object *document = json_tokener_parse(top->status.text);
	struct top_model *model;

	if (!json_object_is_type(document, json_type_object)) {
		json_object_put(document);
		lose(top, "the answer is not a status");
		return;
	}
	model = top_model_create(document, top->document);
	json_object_put(top->document);
	top->document = document;
	if (model == NULL) {
		lose(top, strerror(ENOMEM));
		return;
	}
	top_model_destroy(top->model);
	top->model = model;
	top_model_sort(model, top->state.sort);
	top_keep_chosen(&top->state, model);
	if (top->state.lost)
		top->state.note[0] = '\0';
	top->state.lost = false;
}

static void
look_at_status(struct top *top)
{
	enum top_link_state state;

	if (top->status.fd < 0)
		return;
	state = top_link_look(&top->status, clock_now_ms());
	if (state == TOP_LINK_DONE)
		take_document(top);
	else if (state == TOP_LINK_FAILED)
		lose(top, strerror(errno));
}

/* What the host says of an order. */
static void
take_outcome(struct top *top)
{
	struct json_object *outcome = json_tokener_parse(top->order.text);
	const char *key = json_object_object_get_ex(outcome, "done", NULL) ?
	    "done" : "error";

	snprintf(top->state.note, sizeof(top->state.note), "%s%s",
	    key[0] == 'd' ? "" : "not done: ", top_text(outcome, key));
	json_object_put(outcome);
	top->next_ms = 0;	/* what has changed */
}

static void
look_at_order(struct top *top)
{
	enum top_link_state state;

	if (top->order.fd < 0)
		return;
	state = top_link_look(&top->order, clock_now_ms());
	if (state == TOP_LINK_DONE)
		take_outcome(top);
	else if (state == TOP_LINK_FAILED)
		snprintf(top->state.note, sizeof(top->state.note),
		    "not known whether it was done: %s", strerror(errno));
}

/* ------------------------------------------------------------ the questions */

static void
give_order(struct top *top, const char *order)
{
	if (top->order.fd >= 0)
		snprintf(top->state.note, sizeof(top->state.note),
		    "not done: the last order has no answer yet");
	else if (top_link_ask(&top->order, order, clock_now_ms()) < 0)
		snprintf(top->state.note, sizeof(top->state.note),
		    "not done: %s", strerror(errno));
}

static void
ask_if_due(struct top *top)
{
	uint64_t now = clock_now_ms();

	if (top->state.paused || top->status.fd >= 0 || now < top->next_ms)
		return;
	top->next_ms = now + top->state.delay_ms;
	if (top_link_ask(&top->status, "status", now) < 0)
		lose(top, strerror(errno));
}

/* True: to go on. */
static bool
hear_keys(struct top *top)
{
	char order[TOP_NAME_MAX + 32];
	int key;

	while ((key = top_curses_key()) != TOP_KEY_NONE) {
		switch (top_key(&top->state, top->model, key, order,
		    sizeof(order))) {
		case TOP_ACT_QUIT:
			return false;
		case TOP_ACT_ASK_NOW:
			top->next_ms = 0;
			break;
		case TOP_ACT_ORDER:
			give_order(top, order);
			break;
		default:
			break;
		}
		if (top->model != NULL)
			top_model_sort(top->model, top->state.sort);
	}
	return true;
}

/* ----------------------------------------------------------------- the loop */

static void
draw(struct top *top)
{
	size_t width, height;

	top_curses_size(&width, &height);
	if (top_grid_resize(&top->grid, width, height) < 0)
		return;
	top_screen(top->model, &top->state, &top->grid);
	top_curses_draw(&top->grid);
}

/* Until the next question, or the end of anybody's patience. */
static int
wait_ms(const struct top *top)
{
	uint64_t now = clock_now_ms(), until = now + TOP_DELAY_MOST;

	if (!top->state.paused && top->status.fd < 0)
		until = top->next_ms;
	if (top->status.fd >= 0 && top->status.due_ms < until)
		until = top->status.due_ms;
	if (top->order.fd >= 0 && top->order.due_ms < until)
		until = top->order.due_ms;
	return until <= now ? 0 : (int)(until - now);
}

/* False: the terminal is gone.  A signal is a resize: curses tells it as a
 * key. */
static bool
wait_for_any(const struct top *top)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = top->status.fd, .events = POLLIN },
		{ .fd = top->order.fd, .events = POLLIN },
	};

	if (poll(fds, 3, wait_ms(top)) < 0)
		return errno == EINTR;
	return (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

static void
run(struct top *top)
{
	do {
		look_at_status(top);
		look_at_order(top);
		if (!hear_keys(top))
			return;
		ask_if_due(top);
		draw(top);
	} while (wait_for_any(top));
}

/* fcgi-host-top CONTROL-SOCKET DELAY-MS */
int
main(int argc, char **argv)
{
	static struct top top;

	if (argc != 3) {
		fprintf(stderr, "fcgi-host-top is started by fcgi-host top\n");
		return EXIT_CODE_CONFIG;
	}
	setlocale(LC_CTYPE, "");
	top.status = (struct top_link){ .path = argv[1], .fd = -1 };
	top.order = top.status;
	top.state.delay_ms = strtoull(argv[2], NULL, 10);
	if (top_curses_open() < 0)
		return EXIT_CODE_CONFIG;
	run(&top);
	top_curses_close();
	top_link_close(&top.status);
	top_link_close(&top.order);
	free(top.status.text);
	free(top.order.text);
	json_object_put(top.document);
	top_model_destroy(top.model);
	top_grid_free(&top.grid);
	return 0;
}
