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

const char *const	sup_counts_refusals[SHM_REFUSALS] = {
	[SHM_REFUSED_QUEUE_FULL] = "queue_full",
	[SHM_REFUSED_ROUTE_FULL] = "route_full",
	[SHM_REFUSED_QUEUE_TIMEOUT] = "queue_timeout",
	[SHM_REFUSED_STOPPING] = "stopping",
	[SHM_REFUSED_BREAKER_OPEN] = "breaker_open",
	[SHM_REFUSED_POISON] = "poison",
	[SHM_REFUSED_CLIENT_FULL] = "client_full",
	[SHM_REFUSED_ACCESS] = "access",
	[SHM_REFUSED_KILLED] = "killed",
};

const char *const	sup_counts_classes[SHM_CLASSES] = { "client_left",
	"1xx", "2xx", "3xx", "4xx", "5xx" };

struct kept_route {
	struct shm_route_stats	 stats;
	int64_t			*times;		/* NULL: all zeros */
};

struct sup_counts {
	struct shm_front_stats	 front;
	int64_t			*turns;		/* NULL: all zeros */
	struct kept_route	*routes;
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
	add(&sum->turns_ns, &from->turns_ns);
	add(&sum->blocked_ns, &from->blocked_ns);
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
	add(&sum->write_ns, &from->write_ns);
	add(&sum->cpu_ns, &from->cpu_ns);
	add(&sum->request_bytes, &from->request_bytes);
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

static struct kept_route *
kept_route(struct sup_counts *counts, const struct shm_route_stats *like)
{
	struct kept_route *grown;

	for (size_t i = 0; i < counts->route_count; i++)
		if (has_label(&counts->routes[i].stats, like->label))
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
	memcpy(grown->stats.label, like->label, sizeof(grown->stats.label));
	return grown;
}

static void
add_times(int64_t *sum, const int64_t *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		times_add(sum + i * times_length(), from + i * times_length());
}

/* A team's histograms, from a place on.  What cannot be read is left out: the
 * rest of what is shown is worth more. */
static void
add_team_times(const struct sup_team *team, uint32_t place, uint32_t count,
    int64_t *sum)
{
	int64_t *copy = calloc(count * times_length(), sizeof(*copy));

	if (copy == NULL || shm_read_times(team->shm->geometry, team->shm_fd,
	    place, count, copy) < 0)
		log_warn("histograms");
	else
		add_times(sum, copy, count);
	free(copy);
}

/* Most routes of most fronts were never asked for. */
static void
add_route_times(const struct sup_team *team, uint32_t route, int64_t *sum)
{
	if (atomic_load(&shm_route_stats(team->shm, route)->requests) > 0)
		add_team_times(team, SHM_TIMES_ROUTE(route), TIMES_KINDS, sum);
}

/* Their pages are ours once there is a count on them. */
static int64_t *
sums_in(int64_t **sums, uint32_t count)
{
	if (*sums == NULL)
		*sums = calloc(count * times_length(), sizeof(**sums));
	return *sums;
}

static void
keep_times(struct kept_route *kept, const struct sup_team *team,
    uint32_t route)
{
	if (atomic_load(&shm_route_stats(team->shm, route)->requests) > 0 &&
	    sums_in(&kept->times, TIMES_KINDS) != NULL)
		add_route_times(team, route, kept->times);
}

void
sup_counts_keep(struct sup *sup, const struct sup_team *team)
{
	struct sup_counts *counts = counts_of(sup);

	add_front(&counts->front, shm_front_stats(team->shm));
	if (sums_in(&counts->turns, 1) != NULL)
		add_team_times(team, SHM_TIMES_TURNS, 1, counts->turns);
	for (uint32_t i = 0; i < team->shm->geometry->route_count; i++) {
		const struct shm_route_stats *stats =
		    shm_route_stats(team->shm, i);
		struct kept_route *kept = kept_route(counts, stats);

		if (kept == NULL)
			continue;
		add_route(&kept->stats, stats);
		keep_times(kept, team, i);
	}
}

void
sup_counts_free(struct sup *sup)
{
	struct sup_counts *counts = sup->counts;

	sup->counts = NULL;
	if (counts == NULL)
		return;
	for (size_t i = 0; i < counts->route_count; i++)
		free(counts->routes[i].times);
	free(counts->turns);
	free(counts->routes);
	free(counts);
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
		if (has_label(&sup->counts->routes[i].stats, label))
			add_route(out, &sup->counts->routes[i].stats);
	each_team(sup, add_live_route, &sum);
}

/* ------------------------------------------------------------- histograms */

struct times_sum {
	const char	*label;
	int64_t		*out;
};

static void
add_live_times(const struct sup_team *team, void *context)
{
	const struct times_sum *sum = context;

	for (uint32_t i = 0; i < team->shm->geometry->route_count; i++)
		if (has_label(shm_route_stats(team->shm, i), sum->label))
			add_route_times(team, i, sum->out);
}

void
sup_counts_times(const struct sup *sup, const char *label, int64_t *out)
{
	struct times_sum sum = { label, out };

	memset(out, 0, TIMES_KINDS * times_length() * sizeof(*out));
	for (size_t i = 0; sup->counts != NULL &&
	    i < sup->counts->route_count; i++)
		if (sup->counts->routes[i].times != NULL &&
		    has_label(&sup->counts->routes[i].stats, label))
			add_times(out, sup->counts->routes[i].times,
			    TIMES_KINDS);
	each_team(sup, add_live_times, &sum);
}

static void
add_live_turns(const struct sup_team *team, void *out)
{
	add_team_times(team, SHM_TIMES_TURNS, 1, out);
}

void
sup_counts_turns(const struct sup *sup, int64_t *out)
{
	memset(out, 0, times_length() * sizeof(*out));
	if (sup->counts != NULL && sup->counts->turns != NULL)
		times_add(out, sup->counts->turns);
	each_team(sup, add_live_turns, out);
}
