/*
 * zyg_demote.c - a handler whose sync routes run in the pool from now on.
 *
 * Runs in: zygote, when the supervisor says so.
 * Owns: nothing; changes the routes of the handler set.
 * Invariant: what is forked afterwards knows it, what was forked before does
 * not: front and workers of one team agree.
 */
#include <string.h>

#include "zygote/zyg.h"

void
zyg_demote(struct zyg *zyg, const struct message *message)
{
	for (size_t i = 0; i < zyg->set->route_count; i++) {
		struct route *route = &zyg->set->routes[i];

		if (strncmp(route->handler->name, message->text,
		    MESSAGE_TEXT_MAX) != 0)
			continue;
		if (message->value != 0) {
			route->demoted |= route->finish != NULL;
			route->finish = NULL;
		} else {
			route->demoted |= !route->async;
			route->async = true;
		}
	}
}
