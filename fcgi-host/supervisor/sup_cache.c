/*
 * sup_cache.c - the cache's memory, which outlives generations and teams.
 *
 * Runs in: supervisor.
 * Owns: its memfd, and a mapping for figures and for locks of the dead.
 * Invariant: what a dead process held is free before its successor is forked;
 * nothing in the cache is believed here but counters, and those only shown.
 */
#include <unistd.h>

#include <json-c/json.h>

#include "common/cache.h"
#include "supervisor/sup.h"
#include "supervisor/sup_cache.h"
#include "supervisor/sup_json.h"

int
sup_cache_open(struct sup *sup, struct err *err)
{
	sup->cache_fd = cache_create(sup->config->cache_size, err);
	if (sup->cache_fd < 0)
		return -1;
	sup->cache = cache_map(sup->cache_fd, err);
	if (sup->cache == NULL) {
		close(sup->cache_fd);
		return -1;
	}
	cache_keep_from_children(sup->cache);
	return 0;
}

void
sup_cache_close(struct sup *sup)
{
	if (sup->cache == NULL)
		return;
	cache_unmap(sup->cache);
	close(sup->cache_fd);
	sup->cache = NULL;
}

void
sup_cache_exited(const struct sup *sup, pid_t pid)
{
	if (pid > 0)
		cache_release(sup->cache, pid);
}

/* They end with their zygote, and nobody reports them. */
void
sup_cache_zygote_died(const struct sup_generation *generation)
{
	const struct sup_team *team = generation->teams;

	for (; team != NULL; team = team->next) {
		sup_cache_exited(generation->sup, team->front.pid);
		for (uint32_t i = 0; i < team->worker_count; i++)
			sup_cache_exited(generation->sup,
			    team->workers[i].pid);
	}
}

struct json_object *
sup_cache_status(const struct sup *sup)
{
	struct json_object *object = json_object_new_object();
	struct cache_counts counts;

	cache_count_all(sup->cache, &counts);
	sup_json_number(object, "size_bytes", counts.size);
	sup_json_number(object, "used_bytes", counts.used);
	sup_json_number(object, "shards", counts.shards);
	sup_json_number(object, "entries", counts.entries);
	sup_json_number(object, "hits", counts.hits);
	sup_json_number(object, "misses", counts.misses);
	sup_json_number(object, "writes", counts.writes);
	sup_json_number(object, "evictions", counts.evictions);
	sup_json_number(object, "cleared_shards", counts.cleared);
	sup_json_number(object, "busy", counts.busy);
	return object;
}
