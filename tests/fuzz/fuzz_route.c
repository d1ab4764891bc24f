/*
 * fuzz_route.c - any patterns, any path: the router against a plain search.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: what the tree finds is the best of the routes that fit, tried one
 * by one.  Input: lines "METHOD PATTERN", then "METHOD PATH" without a newline.
 */
#include "fuzz.h"

#include <string.h>

#include "common/handler_set.h"
#include "common/route_pattern.h"

#define ROUTES_MAX	24
#define PIECES_MAX	32

/* How a pattern takes a path, segment by segment: enum route_kind. */
struct fit {
	int	kinds[PIECES_MAX];
	size_t	count;
};

static bool
fits(const char *pattern, const char *path, size_t length, struct fit *fit)
{
	const char *end = path + length;
	struct route_segment piece;

	fit->count = 0;
	while (route_segment_next(&pattern, &piece)) {
		const char *stop;

		if (path == end || *path != '/')
			return false;
		path++;
		CHECK(fit->count < PIECES_MAX);
		fit->kinds[fit->count++] = (int)piece.kind;
		if (piece.kind == ROUTE_REST)
			return true;
		stop = memchr(path, '/', (size_t)(end - path));
		if (stop == NULL)
			stop = end;
		if (piece.kind == ROUTE_PARAM && stop == path)
			return false;
		if (piece.kind == ROUTE_LITERAL &&
		    ((size_t)(stop - path) != piece.length ||
		    memcmp(path, piece.at, piece.length) != 0))
			return false;
		path = stop;
	}
	return path == end;
}

static bool
is_better(const struct fit *a, const struct fit *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		if (a->kinds[i] != b->kinds[i])
			return a->kinds[i] < b->kinds[i];
	}
	return false;
}

static bool
has_method(const struct route *route, const char *method, size_t length)
{
	return strlen(route->method) == length &&
	    memcmp(route->method, method, length) == 0;
}

/* The best route of that method; *any_out: one of another method fits. */
static const struct route *
search(const struct handler_set *set, const char *method, size_t method_length,
    const char *path, size_t length, struct fit *best, bool *any_out)
{
	const struct route *found = NULL;
	struct fit fit;

	*any_out = false;
	for (size_t i = 0; i < set->route_count; i++) {
		const struct route *route = &set->routes[i];

		if (!fits(route->path, path, length, &fit))
			continue;
		*any_out = true;
		if (!has_method(route, method, method_length))
			continue;
		if (found == NULL || is_better(&fit, best)) {
			found = route;
			*best = fit;
		}
	}
	return found;
}

static void
check_match(const struct handler_set *set, const struct route_match *match,
    const char *method, size_t method_length, const char *path, size_t length)
{
	bool head = method_length == 4 && memcmp(method, "HEAD", 4) == 0;
	bool options = method_length == 7 && memcmp(method, "OPTIONS", 7) == 0;
	const struct route *wanted, *get;
	struct fit fit, get_fit;
	bool any;

	if (length == 0) {
		path = "/";
		length = 1;
	}
	get = search(set, "GET", 3, path, length, &get_fit, &any);
	wanted = search(set, method, method_length, path, length, &fit, &any);
	if (head && get != NULL && (wanted == NULL ||
	    is_better(&get_fit, &fit)))
		wanted = get;
	CHECK(match->route == wanted);
	CHECK(match->head == head);
	CHECK(match->status == (wanted != NULL ? 200 : !any ? 404 :
	    options ? 204 : 405));
	CHECK((match->allow[0] != '\0') == (wanted == NULL && any));
	CHECK(strlen(match->allow) < ROUTE_ALLOW_MAX);
}

static void
check_captures(const struct route_match *match, const char *path,
    size_t length)
{
	CHECK(match->capture_count == (match->route == NULL ? 0 :
	    match->route->capture_count));
	for (size_t i = 0; i < match->capture_count && length > 0; i++) {
		const struct route_capture *capture = &match->captures[i];

		CHECK(capture->name[0] != '\0');
		CHECK(capture->at >= path);
		CHECK(capture->length <= length);
		CHECK(capture->at + capture->length <= path + length);
	}
}

/* One line of the input: a route, unless it is refused or taken. */
static void
add_route(struct handler_set *set, const char *line, size_t length)
{
	const char *space = memchr(line, ' ', length);
	struct route *route = &set->routes[set->route_count];
	char *pattern;

	if (space == NULL || space == line || space - line > 20 ||
	    memchr(line, '\0', length) != NULL ||
	    set->route_count == ROUTES_MAX)
		return;
	pattern = strndup(space + 1, length - (size_t)(space + 1 - line));
	CHECK(pattern != NULL);
	for (size_t i = 0; i < set->route_count; i++) {
		if (has_method(&set->routes[i], line, (size_t)(space - line))
		    && route_same_pattern(set->routes[i].path, pattern))
			goto out;
	}
	if (route_check_pattern(pattern, NULL) < 0)
		goto out;
	CHECK(route_init(route, line, (size_t)(space - line), pattern) == 0);
	set->route_count++;
out:
	free(pattern);
}

static void
find(const struct handler_set *set, const char *text, size_t length)
{
	const char *space = memchr(text, ' ', length);
	struct route_match match;
	size_t path_length;
	char *path;

	if (space == NULL)
		return;
	path_length = length - (size_t)(space + 1 - text);
	path = malloc(path_length + (path_length == 0));
	CHECK(path != NULL);
	memcpy(path, space + 1, path_length);
	route_find(set, text, (size_t)(space - text), path, path_length,
	    &match);
	check_match(set, &match, text, (size_t)(space - text), path,
	    path_length);
	check_captures(&match, path, path_length);
	free(path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route routes[ROUTES_MAX + 1];
	struct handler_set set = { .routes = routes };
	const char *at = (const char *)data, *end = at + size, *newline;

	if (size == 0)
		return 0;
	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		add_route(&set, at, (size_t)(newline - at));
		at = newline + 1;
	}
	set.root = route_tree_create(routes, set.route_count);
	CHECK(set.root != NULL);
	find(&set, at, (size_t)(end - at));
	route_tree_destroy(set.root);
	for (size_t i = 0; i < set.route_count; i++)
		route_finish(&routes[i]);
	return 0;
}
