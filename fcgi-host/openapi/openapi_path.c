/*
 * openapi_path.c - the routes in the document's order, and what it calls them.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: one path of the document is one set of paths of the host, and
 * each method is in it once.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "openapi/openapi_private.h"

bool
openapi_method(const struct route *route, char out[OPENAPI_METHOD_MAX])
{
	static const char *const known[] = { "GET", "PUT", "POST", "DELETE",
		"OPTIONS", "HEAD", "PATCH", "TRACE" };
	size_t i = 0, k = 0;

	while (i < sizeof(known) / sizeof(known[0]) &&
	    strcmp(known[i], route->method) != 0)
		i++;
	if (i == sizeof(known) / sizeof(known[0]))
		return false;
	for (; known[i][k] != '\0'; k++)
		out[k] = (char)tolower((unsigned char)known[i][k]);
	out[k] = '\0';
	return true;
}

bool
openapi_is_rest(const struct route *route)
{
	return strstr(route->path, "...}") != NULL;
}

/* "/files/{rest...}" is "/files/{rest}". */
char *
openapi_path(const struct route *names)
{
	char *path = strdup(names->path);
	char *dots = path != NULL ? strstr(path, "...}") : NULL;

	if (dots != NULL)
		strcpy(dots, "}");
	return path;
}

/* ------------------------------------------------------------ the order */

/* The next character that counts: of a parameter its brace alone. */
static char
next(const char **at)
{
	char c = **at;

	if (c == '\0')
		return c;
	*at += c == '{' ? strcspn(*at, "}") : 1;
	*at += c == '{' && **at == '}';
	return c;
}

static int
compare_paths(const char *a, const char *b)
{
	char left, right;

	do {
		left = next(&a);
		right = next(&b);
	} while (left == right && left != '\0');
	return (unsigned char)left - (unsigned char)right;
}

bool
openapi_same_path(const struct route *a, const struct route *b)
{
	return compare_paths(a->path, b->path) == 0;
}

static int
compare_routes(const void *a, const void *b)
{
	const struct route *const *left = a, *const *right = b;
	int order = compare_paths((*left)->path, (*right)->path);

	if (order == 0)
		order = openapi_is_rest(*left) - openapi_is_rest(*right);
	if (order == 0)
		order = strcmp((*left)->method, (*right)->method);
	return order;
}

const struct route **
openapi_sorted(const struct handler_set *set, size_t *count_out)
{
	const struct route **sorted = calloc(set->route_count + 1,
	    sizeof(struct route *));
	char method[OPENAPI_METHOD_MAX];

	*count_out = 0;
	if (sorted == NULL)
		return NULL;
	for (size_t i = 0; i < set->route_count; i++) {
		const struct route *route = &set->routes[i];

		if (!route->hidden && openapi_method(route, method))
			sorted[(*count_out)++] = route;
	}
	qsort(sorted, *count_out, sizeof(struct route *), compare_routes);
	return sorted;
}
