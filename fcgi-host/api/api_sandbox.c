/*
 * api_sandbox.c - what the handlers that run in a process may do there.
 *
 * Runs in: front, worker, probe.
 * Owns: nothing.
 * Invariant: a process may what any of its handlers may, and no more.
 */
#include <string.h>

#include "api/api.h"
#include "api/api_private.h"
#include "common/sandbox.h"

/* An async route's finish() is called in the front. */
static bool
finishes_in_front(const struct handler_set *set, const struct handler *handler)
{
	for (size_t i = 0; i < set->route_count; i++)
		if (set->routes[i].handler == handler &&
		    set->routes[i].finish != NULL)
			return true;
	return false;
}

static bool
runs_here(const struct handler_set *set, const struct handler *handler,
    uint32_t pool)
{
	return api_worker_serves(set, handler, pool) ||
	    (pool == API_SYNC && finishes_in_front(set, handler));
}

static void
allow(struct sandbox *sandbox, const struct config *config,
    const struct handler *handler)
{
	for (size_t i = 0; i < config->handler_count; i++) {
		const struct config_handler *section =
		    &config->handler_sections[i];

		if (strcmp(section->name, handler->name) != 0)
			continue;
		sandbox->network |= section->network;
		sandbox->processes |= section->processes;
	}
}

int
api_sandbox_enter(const struct handler_set *set, uint32_t pool,
    struct err *err)
{
	struct sandbox sandbox = { .network = false };

	if (!set->config->sandbox)
		return 0;
	for (size_t i = 0; i < set->handler_count; i++)
		if (set->handlers[i].error == NULL &&
		    runs_here(set, &set->handlers[i], pool))
			allow(&sandbox, set->config, &set->handlers[i]);
	return sandbox_enter(&sandbox, err);
}
