/*
 * handler_routes.c - the routes of a handler, checked and put into the set.
 *
 * Runs in: zygote, loader and the tools.
 * Owns: set.routes while the set is made.
 * Invariant: a handler's routes are in the set all together or not at all, and
 * no two routes of the set take the same method and pattern.
 */
#include <stdlib.h>
#include <string.h>

#include "common/handler_load.h"
#include "common/shm.h"
#include "schema/schema.h"

#define METHOD_MAX	32

static int
check_method(const char *at, size_t length, const char *path, struct err *err)
{
	size_t good = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (good >= length && length <= METHOD_MAX)
		return 0;
	return err_set(err, "route \"%s\": method \"%.*s\": a method is 1 to "
	    "%d capital letters, as in \"GET POST\"", path, (int)length, at,
	    METHOD_MAX);
}

static int
check_conflict(const struct handler_set *set, const struct route *route,
    struct handler *handler, struct err *err)
{
	for (size_t i = 0; i < set->route_count; i++) {
		const struct route *other = &set->routes[i];

		if (strcmp(other->method, route->method) != 0 ||
		    !route_same_pattern(other->path, route->path))
			continue;
		if (other->handler == handler)
			return err_set(err, "has the route \"%s\" twice",
			    route->label);
		handler->rival = other->handler;
		return err_set(err, "route \"%s\" is taken by %s (\"%s\")",
		    route->label, handler_base(other->handler), other->label);
	}
	return 0;
}

static int
grow(struct handler_set *set)
{
	struct route *grown = realloc(set->routes,
	    (set->route_count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	set->routes = grown;
	memset(&grown[set->route_count], 0, sizeof(*grown));
	return 0;
}

/* What its tables declare, checked and made ready. */
static int
add_schema(struct route *route, struct err *err)
{
	const struct schema_source source = {
		.label = route->label, .names = route->names,
		.name_count = route->capture_count,
		.handler = &route->handler->desc, .inputs = route->inputs,
		.responses = route->responses
	};

	if (route->inputs == NULL && route->responses == NULL)
		return 0;
	route->schema = schema_create(&source, err);
	return route->schema != NULL ? 0 : -1;
}

static int
add_route(struct handler_set *set, struct handler *handler,
    const struct fh_route *from, const char *method, size_t length,
    struct err *err)
{
	struct route *route;

	if (check_method(method, length, from->path, err) < 0)
		return -1;
	if (grow(set) < 0)
		return err_sys(err, "route \"%s\"", from->path);
	route = &set->routes[set->route_count];
	if (route_init(route, method, length, from->path) < 0)
		return err_sys(err, "route \"%s\"", from->path);
	route->index = (uint32_t)set->route_count;
	route->handler = handler;
	route->serve = from->serve;
	route->finish = from->finish;
	route->summary = from->summary != NULL ? from->summary : "";
	route->inputs = from->inputs;
	route->responses = from->responses;
	route->tags = from->tags;
	route->description = from->description;
	route->deprecated = from->deprecated;
	route->hidden = from->hidden;
	route->stream = from->stream;
	if (from->job && strlen(route->label) >= SHM_LABEL_MAX) {
		err_set(err, "route \"%.80s...\": a job's method and path have "
		    "%d bytes at most", route->label, SHM_LABEL_MAX - 1);
		route_finish(route);
		return -1;
	}
	if (check_conflict(set, route, handler, err) < 0 ||
	    handler_apply_route(set->config, route, from, err) < 0 ||
	    add_schema(route, err) < 0) {
		route_finish(route);
		return -1;
	}
	set->route_count++;
	return 0;
}

/* One entry of the handler's table: a route for each of its methods. */
static int
add_entry(struct handler_set *set, struct handler *handler,
    const struct fh_route *from, struct err *err)
{
	const char *at = from->methods;
	struct err why;
	unsigned count = 0;

	if (route_check_pattern(from->path, &why) < 0)
		return err_set(err, "route \"%.200s\" %s", from->path,
		    why.text);
	if (from->serve == NULL)
		return err_set(err, "route \"%s\" has no serve function",
		    from->path);
	for (; at != NULL; count++) {
		size_t length;

		at += strspn(at, " ,");
		length = strcspn(at, " ,");
		if (length == 0)
			break;
		if (add_route(set, handler, from, at, length, err) < 0)
			return -1;
		at += length;
	}
	if (count == 0)
		return err_set(err, "route \"%s\" has no method", from->path);
	return 0;
}

size_t
handler_set_jobs(const struct handler_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->route_count; i++)
		count += set->routes[i].job;
	return count;
}

int
handler_routes_add(struct handler_set *set, struct handler *handler,
    struct err *err)
{
	const struct fh_route *from = handler->desc.routes;

	for (; from->path != NULL; from++) {
		if (add_entry(set, handler, from, err) < 0) {
			handler_routes_remove(set, handler);
			return -1;
		}
	}
	return 0;
}

void
handler_routes_remove(struct handler_set *set, const struct handler *handler)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->route_count; i++) {
		struct route *route = &set->routes[i];

		if (route->handler == handler) {
			route_finish(route);
			continue;
		}
		route->index = (uint32_t)kept;
		set->routes[kept++] = *route;
	}
	set->route_count = kept;
}
