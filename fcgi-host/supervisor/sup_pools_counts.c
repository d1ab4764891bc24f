/*
 * sup_pools_counts.c - how often workers came and went, by pool.
 *
 * Runs in: supervisor.
 * Owns: the counts.
 * Invariant: pools are told apart by their names, so that the counts go on over
 * fronts and generations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/sup_pools.h"

struct counted {
	SLIST_ENTRY(counted)	 link;
	char			 name[CONFIG_NAME_MAX + 1];
	struct sup_pool_counts	 counts;
};

static SLIST_HEAD(, counted) all = SLIST_HEAD_INITIALIZER(all);

struct sup_pool_counts *
sup_pools_counts(const struct sup_team *team, uint32_t pool)
{
	const char *name = sup_pools_config(team, pool)->name;
	struct counted *one;

	SLIST_FOREACH(one, &all, link)
		if (strcmp(one->name, name) == 0)
			return &one->counts;
	if ((one = calloc(1, sizeof(*one))) == NULL)
		fatal(EXIT_CODE_SYSTEM, "counters of a pool");
	snprintf(one->name, sizeof(one->name), "%s", name);
	SLIST_INSERT_HEAD(&all, one, link);
	return &one->counts;
}
