/*
 * nginx_places.c - from the route table to patterns of paths.
 *
 * Runs in: the tools.
 * Owns: the arrays of struct nginx_places.
 * Invariant: of two patterns that take the same path, the one that the host
 * tries first stands first; every route that a path of a pattern may reach is
 * among the pattern's routes.
 */
#include <stdlib.h>
#include <string.h>

#include "common/route_pattern.h"
#include "nginx/nginx_private.h"

/* ------------------------------------------------------------- patterns */

static int
order_segments(const struct route_segment *a, const struct route_segment *b)
{
	size_t length = a->length < b->length ? a->length : b->length;
	int order;

	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->kind != ROUTE_LITERAL)
		return 0;
	order = memcmp(a->at, b->at, length);
	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

int
nginx_pattern_order(const char *a, const char *b)
{
	struct route_segment from_a, from_b;

	for (;;) {
		int more_a = route_segment_next(&a, &from_a);
		int more_b = route_segment_next(&b, &from_b);
		int order;

		if (!more_a || !more_b)
			return more_a - more_b;
		order = order_segments(&from_a, &from_b);
		if (order != 0)
			return order;
	}
}

/* Is there a text that both segments take?  Neither is a {name...}. */
static bool
segments_meet(const struct route_segment *a, const struct route_segment *b)
{
	if (a->kind == ROUTE_LITERAL && b->kind == ROUTE_LITERAL)
		return order_segments(a, b) == 0;
	if (a->kind == ROUTE_LITERAL)
		return a->length > 0;
	return b->kind != ROUTE_LITERAL || b->length > 0;
}

bool
nginx_pattern_overlaps(const char *a, const char *b)
{
	struct route_segment from_a, from_b;

	for (;;) {
		int more_a = route_segment_next(&a, &from_a);
		int more_b = route_segment_next(&b, &from_b);

		if (!more_a || !more_b)
			return more_a == more_b;
		if (from_a.kind == ROUTE_REST || from_b.kind == ROUTE_REST)
			return true;
		if (!segments_meet(&from_a, &from_b))
			return false;
	}
}

bool
nginx_pattern_covers(const char *wide, const char *narrow)
{
	struct route_segment from_wide, from_narrow;

	for (;;) {
		int more = route_segment_next(&wide, &from_wide);

		if (more != route_segment_next(&narrow, &from_narrow))
			return false;
		if (!more || from_wide.kind == ROUTE_REST)
			return true;
		if (from_narrow.kind == ROUTE_REST ||
		    (from_wide.kind == ROUTE_LITERAL &&
		    from_narrow.kind != ROUTE_LITERAL) ||
		    !segments_meet(&from_wide, &from_narrow))
			return false;
	}
}

/* --------------------------------------------------------------- places */

static int
compare_routes(const void *a, const void *b)
{
	const struct route *const *left = a, *const *right = b;
	int order = nginx_pattern_order((*left)->path, (*right)->path);

	return order != 0 ? order :
	    strcmp((*left)->method, (*right)->method);
}

/* Nobody reaches it: jobs_path is taken before routes are looked for. */
static bool
is_under_jobs(const struct handler_set *set, const char *path)
{
	const char *jobs = set->config->jobs_path;
	size_t length = strlen(jobs);

	return handler_set_jobs(set) > 0 && strncmp(path, jobs, length) == 0 &&
	    (path[length] == '\0' || path[length] == '/');
}

static int
add_route(struct nginx_place *place, const struct route *route)
{
	const struct route **grown = realloc(place->routes,
	    (place->count + 1) * sizeof(struct route *));

	if (grown == NULL)
		return -1;
	place->routes = grown;
	grown[place->count++] = route;
	return 0;
}

static int
add_place(struct nginx_places *places, const struct route *route)
{
	struct nginx_place *last = places->count == 0 ? NULL :
	    &places->list[places->count - 1], *grown;

	if (last != NULL && nginx_pattern_order(last->routes[0]->path,
	    route->path) == 0) {
		last->own++;
		return add_route(last, route);
	}
	grown = realloc(places->list, (places->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	places->list = grown;
	grown[places->count] = (struct nginx_place){ .own = 1 };
	return add_route(&grown[places->count++], route);
}

/* Does one of the first `count` places answer this method at every path of
 * `place`, from `place` on? */
static bool
is_answered(const struct nginx_places *places, size_t place, size_t count,
    const char *method)
{
	const char *path = places->list[place].routes[0]->path;

	for (size_t i = place; i < count; i++) {
		const struct nginx_place *one = &places->list[i];

		if (!nginx_pattern_covers(one->routes[0]->path, path))
			continue;
		for (size_t k = 0; k < one->own; k++)
			if (strcmp(one->routes[k]->method, method) == 0)
				return true;
	}
	return false;
}

/* The host goes on to them where the better pattern lacks the method. */
static int
add_others(struct nginx_places *places, size_t index)
{
	struct nginx_place *place = &places->list[index];

	for (size_t i = index + 1; i < places->count; i++) {
		const struct nginx_place *other = &places->list[i];

		if (!nginx_pattern_overlaps(place->routes[0]->path,
		    other->routes[0]->path))
			continue;
		for (size_t k = 0; k < other->own; k++)
			if (!is_answered(places, index, i,
			    other->routes[k]->method) &&
			    add_route(place, other->routes[k]) < 0)
				return -1;
	}
	return 0;
}

int
nginx_places_find(const struct handler_set *set, struct nginx_places *out)
{
	const struct route **sorted;
	int rc = 0;

	*out = (struct nginx_places){ NULL, 0 };
	sorted = calloc(set->route_count + 1, sizeof(struct route *));
	if (sorted == NULL)
		return -1;
	for (size_t i = 0; i < set->route_count; i++)
		sorted[i] = &set->routes[i];
	qsort(sorted, set->route_count, sizeof(struct route *),
	    compare_routes);
	for (size_t i = 0; rc == 0 && i < set->route_count; i++)
		if (!is_under_jobs(set, sorted[i]->path))
			rc = add_place(out, sorted[i]);
	for (size_t i = 0; rc == 0 && i < out->count; i++)
		rc = add_others(out, i);
	free(sorted);
	return rc;
}

void
nginx_places_free(struct nginx_places *places)
{
	for (size_t i = 0; i < places->count; i++)
		free(places->list[i].routes);
	free(places->list);
}

void
nginx_places_choose(struct nginx_places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		struct nginx_place *place = &places->list[i];

		place->wanted = place->differs;
		for (size_t k = i + 1; !place->wanted && k < places->count;
		    k++)
			place->wanted = places->list[k].differs &&
			    nginx_pattern_overlaps(place->routes[0]->path,
			    places->list[k].routes[0]->path);
	}
}
