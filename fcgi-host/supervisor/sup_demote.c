/*
 * sup_demote.c - a handler that took the front along does not run in it again.
 *
 * Runs in: supervisor.
 * Owns: each generation's list of demoted handlers.
 * Invariant: a handler is demoted by the zygote before it forks the next front,
 * and stays so until the next generation; a front that was killed from outside
 * is no handler's fault, unless it is again the same one's.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_demote.h"

const struct sup_demotion *
sup_demoted(const struct sup_generation *generation, const char *handler)
{
	const struct sup_demotion *demotion = generation->demotions;

	while (demotion != NULL && strcmp(demotion->handler, handler) != 0)
		demotion = demotion->next;
	return demotion;
}

static bool
was_killed_from_outside(const struct sup_child *front, int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    front->blame == NULL;
}

/* Once may be anybody's doing. */
static bool
is_to_blame(struct sup_generation *generation, const struct sup_child *front,
    const char *handler, int status)
{
	bool again = strcmp(generation->suspect, handler) == 0;

	if (!was_killed_from_outside(front, status))
		return true;
	snprintf(generation->suspect, sizeof(generation->suspect), "%s",
	    handler);
	return again;
}

static void
remember(struct sup_generation *generation, const char *handler, bool finish)
{
	struct sup_demotion *demotion = calloc(1, sizeof(*demotion));

	if (demotion == NULL)
		return;
	snprintf(demotion->handler, sizeof(demotion->handler), "%s", handler);
	demotion->finish = finish;
	demotion->next = generation->demotions;
	generation->demotions = demotion;
}

static void
demote(struct sup_generation *generation, const char *handler, bool finish)
{
	struct message message = { .type = MESSAGE_DEMOTE, .value = finish };

	snprintf(message.text, sizeof(message.text), "%s", handler);
	sup_generation_ask(generation, &message, NULL, 0);
	remember(generation, handler, finish);
	if (finish)
		log_warnx("handler %s: its finish() took the front along, and "
		    "is not called any more until the next generation",
		    handler);
	else
		log_warnx("handler %s took the front along: its sync routes "
		    "run in the pool until the next generation.  Tag them "
		    "async", handler);
}

void
sup_demote_whom_it_ran(struct sup_team *team, int status)
{
	struct sup_generation *generation = team->generation;
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	uint32_t running = atomic_load(&stats->sync_route);
	bool finish = atomic_load(&stats->sync_finishing) != 0;
	char handler[CONFIG_NAME_MAX + 1];

	if (running == 0 || running > team->shm->geometry->route_count ||
	    generation->config->on_sync_fault != CONFIG_SYNC_FAULT_DEMOTE)
		return;
	snprintf(handler, sizeof(handler), "%.*s", CONFIG_NAME_MAX,
	    shm_route_stats(team->shm, running - 1)->handler);
	if (is_to_blame(generation, &team->front, handler, status))
		demote(generation, handler, finish);
}

void
sup_demote_forget(struct sup_generation *generation)
{
	struct sup_demotion *demotion;

	while ((demotion = generation->demotions) != NULL) {
		generation->demotions = demotion->next;
		free(demotion);
	}
	generation->suspect[0] = '\0';
}
