/*
 * sup_refusals.c - files of the handler directory that are not served, and why.
 *
 * Runs in: supervisor.
 * Owns: sup.refusals.
 * Invariant: one entry per name; a refusal stays until the directory was looked
 * at again and has another word on that file.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "supervisor/sup.h"

static struct sup_refusal *
find(const struct sup *sup, const char *name)
{
	struct sup_refusal *refusal;

	LIST_FOREACH(refusal, &sup->refusals, link)
		if (strcmp(refusal->version.name, name) == 0)
			return refusal;
	return NULL;
}

const struct sup_refusal *
sup_refusals_find(const struct sup *sup, const char *name)
{
	return find(sup, name);
}

static void
destroy(struct sup_refusal *refusal)
{
	LIST_REMOVE(refusal, link);
	free(refusal->reason);
	free(refusal);
}

/* The time is that of the first refusal of these bytes for this reason. */
void
sup_refusals_set(struct sup *sup, const struct handler_version *version,
    const char *reason, bool crashed)
{
	struct sup_refusal *refusal = find(sup, version->name);

	if (refusal != NULL && strcmp(refusal->reason, reason) == 0 &&
	    strcmp(refusal->version.sha256, version->sha256) == 0)
		return;
	if (refusal != NULL)
		destroy(refusal);
	refusal = calloc(1, sizeof(*refusal));
	if (refusal == NULL || (refusal->reason = strdup(reason)) == NULL)
		fatal(EXIT_CODE_SYSTEM, "refusals");
	refusal->version = *version;
	refusal->crashed = crashed;
	refusal->at = time(NULL);
	LIST_INSERT_HEAD(&sup->refusals, refusal, link);
}

static bool
is_refused(const struct sup_picks *picks, const char *name)
{
	for (size_t i = 0; i < picks->count; i++)
		if (strcmp(picks->list[i].fresh.name, name) == 0)
			return picks->list[i].reason[0] != '\0';
	return false;
}

void
sup_refusals_keep_only(struct sup *sup, const struct sup_picks *picks)
{
	struct sup_refusal *refusal, *next;

	for (refusal = LIST_FIRST(&sup->refusals); refusal != NULL;
	    refusal = next) {
		next = LIST_NEXT(refusal, link);
		if (!is_refused(picks, refusal->version.name))
			destroy(refusal);
	}
}

void
sup_refusals_free(struct sup *sup)
{
	while (!LIST_EMPTY(&sup->refusals))
		destroy(LIST_FIRST(&sup->refusals));
}
