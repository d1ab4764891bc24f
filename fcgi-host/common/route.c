/*
 * route.c - from a method and a path to a route.
 *
 * Runs in: front (every request), `call` and `cgi`; the tree is made by the
 * process that loads the handlers.
 * Owns: the tree of struct route_node.
 * Invariant: a search visits each node of the tree at most once, recurses no
 * deeper than the deepest pattern, and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/handler_set.h"
#include "common/route_pattern.h"

/* A method at the end of a pattern. */
struct answer {
	const struct route	*route;
	size_t			 length;	/* of route->method */
};

struct route_node {
	const char		*segment;	/* a literal: in a pattern */
	size_t			 length;
	struct route_node	**literals;	/* by length, then bytes */
	size_t			 literal_count;
	struct route_node	*param;
	struct route_node	*rest;
	struct answer		*answers;
	size_t			 answer_count;
};

/* One search.  `allow` set: no route is looked for, methods are collected. */
struct search {
	const char		*method;
	size_t			 method_length;
	const char		*end;		/* of the path */
	struct route_match	*match;
	bool			 allow;
};

/* ------------------------------------------------------------ the tree */

static int
compare_segment(const struct route_node *node, const char *at, size_t length)
{
	if (node->length != length)
		return node->length < length ? -1 : 1;
	return memcmp(node->segment, at, length);
}

/* Where a literal is (*found_out), or where it would be put. */
static size_t
literal_index(const struct route_node *node, const char *at, size_t length,
    bool *found_out)
{
	size_t low = 0, high = node->literal_count;

	*found_out = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_segment(node->literals[middle], at, length);

		if (order == 0) {
			*found_out = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct route_node *
literal_child(struct route_node *node, const struct route_segment *segment)
{
	struct route_node **grown, *child;
	bool found;
	size_t index = literal_index(node, segment->at, segment->length,
	    &found);

	if (found)
		return node->literals[index];
	grown = realloc(node->literals,
	    (node->literal_count + 1) * sizeof(struct route_node *));
	if (grown == NULL)
		return NULL;
	node->literals = grown;
	child = calloc(1, sizeof(*child));
	if (child == NULL)
		return NULL;
	child->segment = segment->at;
	child->length = segment->length;
	memmove(grown + index + 1, grown + index,
	    (node->literal_count - index) * sizeof(struct route_node *));
	grown[index] = child;
	node->literal_count++;
	return child;
}

static struct route_node *
child_for(struct route_node *node, const struct route_segment *segment)
{
	struct route_node **slot;

	if (segment->kind == ROUTE_LITERAL)
		return literal_child(node, segment);
	slot = segment->kind == ROUTE_PARAM ? &node->param : &node->rest;
	if (*slot == NULL)
		*slot = calloc(1, sizeof(**slot));
	return *slot;
}

static int
insert(struct route_node *node, const struct route *route)
{
	struct route_segment segment;
	const char *cursor = route->path;
	struct answer *grown;

	while (route_segment_next(&cursor, &segment)) {
		node = child_for(node, &segment);
		if (node == NULL)
			return -1;
	}
	grown = realloc(node->answers,
	    (node->answer_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	node->answers = grown;
	grown[node->answer_count++] = (struct answer){ route,
	    strlen(route->method) };
	return 0;
}

struct route_node *
route_tree_create(const struct route *routes, size_t count)
{
	struct route_node *root = calloc(1, sizeof(*root));

	for (size_t i = 0; root != NULL && i < count; i++) {
		if (insert(root, &routes[i]) < 0) {
			route_tree_destroy(root);
			root = NULL;
		}
	}
	return root;
}

void
route_tree_destroy(struct route_node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->literal_count; i++)
		route_tree_destroy(node->literals[i]);
	route_tree_destroy(node->param);
	route_tree_destroy(node->rest);
	free(node->literals);
	free(node->answers);
	free(node);
}

/* ---------------------------------------------------------- the search */

static bool
is(const struct search *search, const char *method, size_t length)
{
	return search->method_length == length &&
	    memcmp(search->method, method, length) == 0;
}

/* Is this method in the list already? */
static bool
is_allowed(const char *allow, const char *method, size_t length)
{
	const char *at = allow;

	while (*at != '\0') {
		size_t here = strcspn(at, ",");

		if (here == length && memcmp(at, method, length) == 0)
			return true;
		at += here;
		at += strspn(at, ", ");
	}
	return false;
}

/* A method for which there is no room is left out: the list is a courtesy. */
static void
allow_add(char *allow, size_t size, const char *method, size_t length)
{
	size_t have = strlen(allow);

	if (is_allowed(allow, method, length) || have + length + 3 > size)
		return;
	if (have > 0) {
		memcpy(allow + have, ", ", 2);
		have += 2;
	}
	memcpy(allow + have, method, length);
	allow[have + length] = '\0';
}

static void
allow_collect(const struct route_node *node, struct route_match *match)
{
	/* OPTIONS always fits in the end. */
	size_t size = sizeof(match->allow) - strlen(", OPTIONS");

	for (size_t i = 0; i < node->answer_count; i++) {
		const struct answer *answer = &node->answers[i];

		allow_add(match->allow, size, answer->route->method,
		    answer->length);
		if (strcmp(answer->route->method, "GET") == 0)
			allow_add(match->allow, size, "HEAD", 4);
	}
}

static const struct route *
answer_for(const struct route_node *node, const char *method, size_t length)
{
	for (size_t i = 0; i < node->answer_count; i++) {
		const struct answer *answer = &node->answers[i];

		if (answer->length == length &&
		    memcmp(answer->route->method, method, length) == 0)
			return answer->route;
	}
	return NULL;
}

/* The path ends at this node. */
static const struct route *
arrive(const struct route_node *node, struct search *search)
{
	const struct route *route;

	if (search->allow) {
		allow_collect(node, search->match);
		return NULL;
	}
	route = answer_for(node, search->method, search->method_length);
	if (route == NULL && search->match->head)
		route = answer_for(node, "GET", 3);
	return route;
}

/* `at` is where a segment starts; the nodes below `node` compete for it. */
static const struct route *
descend(const struct route_node *node, const char *at, struct search *search)
{
	const char *slash = memchr(at, '/', (size_t)(search->end - at));
	size_t length = (size_t)((slash != NULL ? slash : search->end) - at);
	const struct route_node *ways[2] = { NULL, NULL };
	const struct route *route;
	bool found;
	size_t index = literal_index(node, at, length, &found);

	if (found)
		ways[0] = node->literals[index];
	if (length > 0)
		ways[1] = node->param;
	for (size_t i = 0; i < 2; i++) {
		if (ways[i] == NULL)
			continue;
		route = slash != NULL ? descend(ways[i], slash + 1, search) :
		    arrive(ways[i], search);
		if (route != NULL)
			return route;
	}
	return node->rest != NULL ? arrive(node->rest, search) : NULL;
}

/* No route: is it the path or the method? */
static void
explain(const struct route_node *root, const char *path, struct search *search)
{
	struct route_match *match = search->match;

	search->allow = true;
	descend(root, path + 1, search);
	if (match->allow[0] == '\0') {
		match->status = 404;
		return;
	}
	allow_add(match->allow, sizeof(match->allow), "OPTIONS", 7);
	match->status = is(search, "OPTIONS", 7) ? 204 : 405;
}

void
route_find(const struct handler_set *set, const char *method,
    size_t method_length, const char *path, size_t path_length,
    struct route_match *match)
{
	struct search search = { .method = method,
	    .method_length = method_length, .match = match };

	match->route = NULL;
	match->status = 404;
	match->head = is(&search, "HEAD", 4);
	match->allow[0] = '\0';
	match->capture_count = 0;
	if (path_length == 0) {
		path = "/";
		path_length = 1;
	}
	if (path[0] != '/' || set->root == NULL)
		return;
	search.end = path + path_length;
	match->route = descend(set->root, path + 1, &search);
	if (match->route == NULL) {
		explain(set->root, path, &search);
		return;
	}
	match->status = 200;
	if (match->route->capture_count > 0)
		match->capture_count = route_captures(match->route, path,
		    path_length, match->captures);
}

void
route_refuse(const struct route_match *match, struct route_refusal *out)
{
	out->detail[0] = out->extra[0] = '\0';
	if (match->status == 404)
		strcpy(out->detail, "No route for this path.");
	else
		snprintf(out->extra, sizeof(out->extra), "Allow: %s\r\n",
		    match->allow);
	if (match->status == 405)
		snprintf(out->detail, sizeof(out->detail),
		    "This path allows %s.", match->allow);
}
