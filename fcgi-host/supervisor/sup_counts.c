/*
 * sup_counts.c - counters go on over fronts and generations.
 *
 * Runs in: supervisor.
 * Owns: the sums over the teams that are gone.
 * Invariant: a counter never goes back, whatever dies or is reloaded; routes
 * are told apart by their labels, which outlive their indices.
 */
#include "supervisor/sup_counts.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

#define ROUTES_MAX	8192	/* that are remembered */

struct sup_counts {
	struct shm_front_stats	 front;
	struct shm_route_stats	*routes;
	size_t			 route_count;
};

static void
add(_Atomic uint64_t *sum, const _Atomic uint64_t *value)
{
	atomic_store_explicit(sum, atomic_load_explicit(sum,
	    memory_order_relaxed) + atomic_load_explicit(value,
	    memory_order_relaxed), memory_order_relaxed);
}

static void
raise_to(_Atomic uint64_t *most, const _Atomic uint64_t *value)
{
	uint64_t now = atomic_load_explicit(value, memory_order_relaxed);

	if (now > atomic_load_explicit(most, memory_order_relaxed))
		atomic_store_explicit(most, now, memory_order_relaxed);
}

static void
add_front(struct shm_front_stats *sum, const struct shm_front_stats *from)
{
	raise_to(&sum->connections_max, &from->connections_max);
	add(&sum->accepted, &from->accepted);
	add(&sum->requests, &from->requests);
	add(&sum->no_route, &from->no_route);
	add(&sum->bad_requests, &from->bad_requests);
	add(&sum->protocol_errors, &from->protocol_errors);
	add(&sum->refused_peers, &from->refused_peers);
}

static void
add_route(struct shm_route_stats *sum, const struct shm_route_stats *from)
{
	add(&sum->requests, &from->requests);
	for (size_t i = 0; i < sizeof(sum->status) / sizeof(sum->status[0]);
	    i++)
		add(&sum->status[i], &from->status[i]);
	for (size_t i = 0; i < SHM_REFUSALS; i++)
		add(&sum->refused[i], &from->refused[i]);
	add(&sum->timeouts, &from->timeouts);
	add(&sum->slow, &from->slow);
	add(&sum->crashes, &from->crashes);
	add(&sum->cancelled, &from->cancelled);
	add(&sum->queue_ns, &from->queue_ns);
	add(&sum->run_ns, &from->run_ns);
	raise_to(&sum->run_max_ns, &from->run_max_ns);
	add(&sum->reply_bytes, &from->reply_bytes);
	add(&sum->cache_hits, &from->cache_hits);
	add(&sum->cache_shared, &from->cache_shared);
}

static struct sup_counts *
counts_of(struct sup *sup)
{
	if (sup->counts == NULL &&
	    (sup->counts = calloc(1, sizeof(*sup->counts))) == NULL)
		fatal(EXIT_CODE_SYSTEM, "counters");
	return sup->counts;
}

/* A sync handler may have written over a label: it need not end. */
static bool
has_label(const struct shm_route_stats *stats, const char *label)
{
	return strncmp(stats->label, label, SHM_LABEL_MAX) == 0;
}

static struct shm_route_stats *
kept_route(struct sup_counts *counts, const struct shm_route_stats *like)
{
	struct shm_route_stats *grown;

	for (size_t i = 0; i < counts->route_count; i++)
		if (has_label(&counts->routes[i], like->label))
			return &counts->routes[i];
	if (counts->route_count == ROUTES_MAX)
		return NULL;
	grown = reallocarray(counts->routes, counts->route_count + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return NULL;
	counts->routes = grown;
	grown += counts->route_count++;
	memset(grown, 0, sizeof(*grown));
	memcpy(grown->label, like->label, sizeof(grown->label));
	return grown;
}

void
sup_counts_keep(struct sup *sup, const struct sup_team *team)
{
	struct sup_counts *counts = counts_of(sup);

	add_front(&counts->front, shm_front_stats(team->shm));
	for (uint32_t i = 0; i < team->shm->geometry->route_count; i++) {
		const struct shm_route_stats *stats =
		    shm_route_stats(team->shm, i);
		struct shm_route_stats *kept = kept_route(counts, stats);

		if (kept != NULL)
			add_route(kept, stats);
	}
}

void
sup_counts_free(struct sup *sup)
{
	if (sup->counts != NULL)
		free(sup->counts->routes);
	free(sup->counts);
	sup->counts = NULL;
}

/* ------------------------------------------------------------------- sums */

static void
each_team(const struct sup *sup, void (*call)(const struct sup_team *, void *),
    void *context)
{
	const struct sup_generation *generation = sup->generations;
	const struct sup_team *team;

	for (; generation != NULL; generation = generation->older)
		for (team = generation->teams; team != NULL; team = team->next)
			call(team, context);
}

static void
add_live_front(const struct sup_team *team, void *context)
{
	struct shm_front_stats *out = context;
	const struct shm_front_stats *stats = shm_front_stats(team->shm);

	add_front(out, stats);
	if (team->front.pid > 0)
		add(&out->connections, &stats->connections);
}

void
sup_counts_front(const struct sup *sup, struct shm_front_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (sup->counts != NULL)
		add_front(out, &sup->counts->front);
	each_team(sup, add_live_front, out);
}

struct route_sum {
	const char		*label;
	struct shm_route_stats	*out;
};

static void
add_live_route(const struct sup_team *team, void *context)
{
	const struct route_sum *sum = context;

	for (uint32_t i = 0; i < team->shm->geometry->route_count; i++) {
		const struct shm_route_stats *stats =
		    shm_route_stats(team->shm, i);

		if (!has_label(stats, sum->label))
			continue;
		add_route(sum->out, stats);
		if (team->front.pid > 0)
			add(&sum->out->in_flight, &stats->in_flight);
	}
}

void
sup_counts_route(const struct sup *sup, const char *label,
    struct shm_route_stats *out)
{
	struct route_sum sum = { label, out };

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; sup->counts != NULL &&
	    i < sup->counts->route_count; i++)
		if (has_label(&sup->counts->routes[i], label))
			add_route(out, &sup->counts->routes[i]);
	each_team(sup, add_live_route, &sum);
}
