/*
 * handler_own.c - routes that the host itself serves, beside the handlers'.
 *
 * Runs in: zygote, loader and the tools.
 * Owns: nothing; which ones there are is main.c's to say.
 * Invariant: what a handler serves is never taken from it: of two routes that
 * conflict ours is left out, and the report says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/handler_load.h"

static const struct handler_own	*own_table;

void
handler_set_own(const struct handler_own *table)
{
	own_table = table;
}

size_t
handler_own_count(void)
{
	size_t count = 0;

	while (own_table != NULL && own_table[count].name != NULL)
		count++;
	return count;
}

static int
begin(struct handler_set *set, const struct handler_own *own,
    const struct fh_route *routes)
{
	struct handler *handler = &set->handlers[set->handler_count];

	handler->index = (uint32_t)set->handler_count;
	handler->own = true;
	handler->asked = own->asked;
	handler->host.set = set;
	handler->host.handler = handler;
	handler->desc.name = own->name;
	handler->desc.routes = routes;
	handler->name = strdup(own->name);
	handler->file = strdup(own->name);
	if (handler->name == NULL || handler->file == NULL)
		return -1;
	set->handler_count++;
	return 0;
}

static void
add(struct handler_set *set, const struct handler_own *own,
    handler_report *report, void *context)
{
	const struct config *config = set->config;
	struct handler *handler = &set->handlers[set->handler_count];
	char sentence[1024];
	struct err err = { "" };
	const struct fh_route *routes = own->routes(config, &err);

	if (routes == NULL && err.text[0] == '\0')
		return;
	if (routes != NULL && begin(set, own, routes) < 0)
		err_sys(&err, "%s", own->name);
	else if (routes != NULL)
		handler_routes_add(set, handler, &err);
	handler->desc.routes = NULL;	/* not ours to free */
	if (err.text[0] == '\0')
		return;
	snprintf(sentence, sizeof(sentence), "%s: %s: %s", config->file != NULL
	    ? config->file : "configuration", own->option, err.text);
	report(context, NULL, sentence);
}

void
handler_own_add(struct handler_set *set, handler_report *report,
    void *context)
{
	for (size_t i = 0; i < handler_own_count(); i++)
		add(set, &own_table[i], report, context);
}

void
handler_own_prepare(const struct handler_set *set)
{
	for (size_t i = 0; i < handler_own_count(); i++)
		if (own_table[i].prepare != NULL)
			own_table[i].prepare(set);
}

size_t
handler_sync_limit(const struct config *config, const struct route *route)
{
	return route->handler->own ? SIZE_MAX : config->sync_reply_limit;
}
