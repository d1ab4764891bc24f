/*
 * sup_orders.c - what an operator wants done.
 *
 * Runs in: supervisor.
 * Owns: orders that are not answered; the labels of routes out of service.
 * Invariant: nobody waits longer than PATIENCE_MS; no front is told more than
 * it takes; every new front is told of each label before it serves.
 */
#include "supervisor/sup_orders.h"

#include <json-c/json.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_json.h"
#include "supervisor/sup_pools.h"

#define PATIENCE_MS	3000
#define ORDERS_MAX	100	/* as many as may ask */
#define HELD_MAX	1000	/* routes out of service */

/* Each front may know the request, or the route; the best answer counts. */
struct order {
	LIST_ENTRY(order)	 link;
	struct sup_asker	*asker;		/* NULL: it has left */
	uint32_t		 number;
	unsigned		 told;		/* fronts yet to answer */
	uv_timer_t		*timer;
	enum order_end		 end;
	char			 text[MESSAGE_TEXT_MAX];
};
static LIST_HEAD(, order) orders = LIST_HEAD_INITIALIZER(orders);
static unsigned order_count;
static uint32_t last_number;

struct held {
	LIST_ENTRY(held)	 link;
	char			 label[SHM_LABEL_MAX];
};
static LIST_HEAD(, held) held_routes = LIST_HEAD_INITIALIZER(held_routes);
static unsigned held_count;

/* ------------------------------------------------------------------ answers */

static void	answer(struct sup_asker *, bool done, const char *, ...)
	    __attribute__((format(printf, 3, 4)));

static void
answer(struct sup_asker *asker, bool done, const char *format, ...)
{
	struct json_object *object = json_object_new_object();
	char text[MESSAGE_TEXT_MAX + 512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	sup_json_text(object, done ? "done" : "error", text);
	asker->answer(asker, object);
	json_object_put(object);
}

static void
destroy(struct order *order)
{
	LIST_REMOVE(order, link);
	order_count--;
	sup_timer_destroy(&order->timer);
	free(order);
}

static void
finish(struct order *order)
{
	if (order->asker != NULL && order->end == ORDER_UNKNOWN)
		answer(order->asker, false, "nothing of that name is known");
	else if (order->asker != NULL)
		answer(order->asker, order->end == ORDER_DONE, "%s",
		    order->text);
	destroy(order);
}

void
sup_orders_heard(const struct sup_team *team, const struct message *message)
{
	struct order *order;

	LIST_FOREACH(order, &orders, link)
		if (order->number == message->extra)
			break;
	if (order == NULL || order->told == 0)
		return;
	if (message->value > (int)order->end &&
	    message->value <= ORDER_DONE) {
		order->end = (enum order_end)message->value;
		snprintf(order->text, sizeof(order->text), "%.*s",
		    MESSAGE_TEXT_MAX - 1, message->text);
	}
	log_debug("team %u has answered order %u", team->number,
	    order->number);
	if (--order->told == 0)
		finish(order);
}

void
sup_orders_forget(const struct sup_asker *asker)
{
	struct order *order;

	LIST_FOREACH(order, &orders, link)
		if (order->asker == asker)
			order->asker = NULL;
}

/* The front of what serves is busy, or one that leaves. */
static void
on_timer(uv_timer_t *timer)
{
	struct order *order = timer->data;

	if (order->end == ORDER_UNKNOWN) {
		order->end = ORDER_IMPOSSIBLE;
		snprintf(order->text, sizeof(order->text), "the front did not "
		    "answer within %d s: a sync handler runs in it, or it has "
		    "died; it does what it was told as soon as it can",
		    PATIENCE_MS / 1000);
	}
	finish(order);
}

/* ----------------------------------------------------------- told to fronts */

static struct order *
create(struct sup *sup, struct sup_asker *asker)
{
	struct order *order = order_count < ORDERS_MAX ?
	    calloc(1, sizeof(*order)) : NULL;

	if (order == NULL)
		return NULL;
	order->asker = asker;
	if (++last_number == 0)
		last_number = 1;
	order->number = last_number;
	order->timer = sup_timer_create(sup, order);
	uv_timer_start(order->timer, on_timer, PATIENCE_MS, 0);
	uv_unref((uv_handle_t *)order->timer);
	LIST_INSERT_HEAD(&orders, order, link);
	order_count++;
	return order;
}

/* False: it is dead, or does not take what it was told before. */
static bool
tell(struct sup_team *team, enum order_kind kind, uint32_t number,
    const char *text)
{
	struct message message = { .type = MESSAGE_ORDER, .value = (int)kind,
	    .extra = number };
	struct sup_child *front = &team->front;

	if (front->state != SUP_CHILD_READY || front->post.poll == NULL ||
	    !STAILQ_EMPTY(&front->post.letters))
		return false;
	snprintf(message.text, sizeof(message.text), "%s", text);
	sup_child_tell(front, &message, NULL, 0);
	return true;
}

/* Every front: what is to be ended may run in one that leaves. */
static void
tell_all(struct sup *sup, enum order_kind kind, const char *text,
    struct sup_asker *asker)
{
	struct order *order = create(sup, asker);

	if (order == NULL) {
		answer(asker, false, "too many orders wait for an answer");
		return;
	}
	for (struct sup_generation *generation = sup->generations;
	    generation != NULL; generation = generation->older)
		for (struct sup_team *team = generation->teams; team != NULL;
		    team = team->next)
			order->told += tell(team, kind, order->number, text);
	if (order->told > 0)
		return;
	order->end = ORDER_IMPOSSIBLE;
	snprintf(order->text, sizeof(order->text),
	    "no front takes orders now; try again");
	finish(order);
}

/* ------------------------------------------------------ a request is ended */

/* True: it was a sync one. */
static bool
refuse_sync(const struct sup_team *team, const char *id,
    struct sup_asker *asker)
{
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	char running[HEAD_ID_MAX + 1];

	snprintf(running, sizeof(running), "%.*s", HEAD_ID_MAX,
	    stats->sync_request_id);
	if (atomic_load(&stats->sync_route) == 0 || strcmp(running, id) != 0)
		return false;
	answer(asker, false, "its handler is sync and runs in the front: it "
	    "cannot be ended without all other requests; sync_max and the "
	    "route's timeout do, and async = true would allow it");
	return true;
}

static void
kill_request(struct sup *sup, const char *id, struct sup_asker *asker)
{
	for (struct sup_generation *generation = sup->generations;
	    generation != NULL; generation = generation->older)
		for (struct sup_team *team = generation->teams; team != NULL;
		    team = team->next)
			if (refuse_sync(team, id, asker))
				return;
	if (strlen(id) > HEAD_ID_MAX)
		answer(asker, false, "no request has such a long id");
	else
		tell_all(sup, ORDER_KILL, id, asker);
}

/* ----------------------------------------------------- a worker is replaced */

static void
recycle(struct sup *sup, const char *number, struct sup_asker *asker)
{
	struct sup_team *team = sup->serving->teams;
	char *end, text[256];
	unsigned long slot = strtoul(number, &end, 10);

	if (!isdigit((unsigned char)number[0]) || *end != '\0')
		answer(asker, false, "\"%.100s\" is not a number of a worker",
		    number);
	else if (team == NULL || team->state != SUP_TEAM_SERVING ||
	    slot >= team->worker_count ||
	    team->workers[slot].state == SUP_CHILD_NONE)
		answer(asker, false, "there is no worker %lu", slot);
	else {
		bool done = sup_pools_recycle_asked(team, (uint32_t)slot, text,
		    sizeof(text));

		answer(asker, done, "%s", text);
	}
}

/* ------------------------------------------------ a route is out of service */

static struct held *
find_held(const char *label)
{
	struct held *held;

	LIST_FOREACH(held, &held_routes, link)
		if (strcmp(held->label, label) == 0)
			return held;
	return NULL;
}

static bool
is_route(const struct sup_team *team, const char *label)
{
	if (strlen(label) >= SHM_LABEL_MAX)
		return false;
	for (uint32_t i = 0; team != NULL &&
	    i < team->generation->route_count; i++)
		if (strncmp(shm_route_stats(team->shm, i)->label, label,
		    SHM_LABEL_MAX) == 0)
			return true;
	return false;
}

static void
release(struct sup *sup, const char *label, struct sup_asker *asker)
{
	struct held *held = find_held(label);
	bool known = is_route(sup->serving->teams, label);

	if (held != NULL) {
		LIST_REMOVE(held, link);
		free(held);
		held_count--;
	}
	if (known)
		tell_all(sup, ORDER_RELEASE, label, asker);
	else if (held != NULL)
		answer(asker, true, "the route is in service, should there be "
		    "one again");
	else
		answer(asker, false, "no route \"%.200s\"", label);
}

static void
hold(struct sup *sup, const char *label, struct sup_asker *asker)
{
	struct held *held = find_held(label);

	if (!is_route(sup->serving->teams, label)) {
		answer(asker, false, "no route \"%.200s\"", label);
		return;
	}
	if (held == NULL && held_count < HELD_MAX &&
	    (held = calloc(1, sizeof(*held))) != NULL) {
		snprintf(held->label, sizeof(held->label), "%s", label);
		LIST_INSERT_HEAD(&held_routes, held, link);
		held_count++;
	}
	if (held == NULL)
		answer(asker, false, "too many routes are out of service");
	else
		tell_all(sup, ORDER_HOLD, label, asker);
}

/* "open GET /x" */
static void
breaker(struct sup *sup, const char *words, struct sup_asker *asker)
{
	if (strncmp(words, "open ", 5) == 0)
		hold(sup, words + 5, asker);
	else if (strncmp(words, "close ", 6) == 0)
		release(sup, words + 6, asker);
	else
		answer(asker, false, "a breaker is told open or close, and "
		    "which route");
}

void
sup_orders_tell(struct sup_team *team)
{
	struct message message = { .type = MESSAGE_ORDER,
	    .value = ORDER_HOLD };
	const struct held *held;

	LIST_FOREACH(held, &held_routes, link) {
		snprintf(message.text, sizeof(message.text), "%s",
		    held->label);
		sup_child_tell(&team->front, &message, NULL, 0);
	}
}

/* -------------------------------------------------------------------- words */

const struct sup_order_word *
sup_orders_word(const char *request)
{
	static const struct sup_order_word words[] = {
		{ "kill ", kill_request },
		{ "recycle ", recycle },
		{ "breaker ", breaker },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].word);

		if (strncmp(request, words[i].word, length) == 0 &&
		    request[length] != '\0')
			return &words[i];
	}
	return NULL;
}

void
sup_orders_finish(void)
{
	struct order *order;
	struct held *held;

	while ((order = LIST_FIRST(&orders)) != NULL)
		destroy(order);
	while ((held = LIST_FIRST(&held_routes)) != NULL) {
		LIST_REMOVE(held, link);
		free(held);
	}
	held_count = 0;
}
