/*
 * route_pattern.c - path patterns: their check, their names, what they take.
 *
 * Runs in: every process that routes: front, worker, zygote, the tools.
 * Owns: nothing; strings belong to their struct route.
 * Invariant: a pattern that passed route_check_pattern() takes at most
 * ROUTE_CAPTURES_MAX captures and is at most SEGMENTS_MAX deep.
 */
#include "common/route_pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/handler_set.h"
#include "schema/schema.h"

#define SEGMENTS_MAX	32
#define PATTERN_MAX	1024

int
route_segment_next(const char **cursor, struct route_segment *out)
{
	const char *at = *cursor;
	size_t length;

	if (*at != '/')
		return 0;
	at++;
	length = strcspn(at, "/");
	*cursor = at + length;
	*out = (struct route_segment){ ROUTE_LITERAL, at, length };
	if (length < 2 || at[0] != '{' || at[length - 1] != '}')
		return 1;
	out->kind = ROUTE_PARAM;
	out->at++;
	out->length -= 2;
	if (out->length >= 3 && memcmp(at + length - 4, "...", 3) == 0) {
		out->kind = ROUTE_REST;
		out->length -= 3;
	}
	return 1;
}

static bool
is_name(const char *at, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return length > 0;
}

/* Bytes that cannot be meant: escapes and queries are gone when we compare. */
static int
check_bytes(const char *path, struct err *err)
{
	for (const char *at = path; *at != '\0'; at++) {
		unsigned char c = (unsigned char)*at;

		if (c < ' ' || c == 127)
			return err_set(err, "has a control character");
		if (c == '?' || c == '#')
			return err_set(err, "has a '%c': a route is a path "
			    "alone", c);
		if (c == '%')
			return err_set(err, "has a '%%': write the character "
			    "itself, routes are compared with decoded paths");
	}
	return 0;
}

static int
check_literal(const struct route_segment *segment, bool last, struct err *err)
{
	if (segment->length == 0 && !last)
		return err_set(err, "has an empty segment (\"//\")");
	if (memchr(segment->at, '{', segment->length) != NULL ||
	    memchr(segment->at, '}', segment->length) != NULL)
		return err_set(err, "segment \"%.*s\": braces take a whole "
		    "segment, as in /users/{id}", (int)segment->length,
		    segment->at);
	return 0;
}

static int
check_capture(const struct route_segment *segment, bool last, struct err *err)
{
	if (!is_name(segment->at, segment->length))
		return err_set(err, "\"{%.*s}\": a name is letters, digits, "
		    "'-' and '_'", (int)segment->length, segment->at);
	if (segment->kind == ROUTE_REST && !last)
		return err_set(err, "{%.*s...} takes all that is left: it "
		    "must come last", (int)segment->length, segment->at);
	return 0;
}

/* Is the name of this segment taken by one before it? */
static bool
is_repeated(const char *path, const struct route_segment *segment)
{
	struct route_segment before;
	const char *cursor = path;

	while (route_segment_next(&cursor, &before) &&
	    before.at < segment->at) {
		if (before.kind != ROUTE_LITERAL &&
		    before.length == segment->length &&
		    memcmp(before.at, segment->at, before.length) == 0)
			return true;
	}
	return false;
}

int
route_check_pattern(const char *path, struct err *err)
{
	struct route_segment segment;
	const char *cursor = path;
	unsigned captures = 0, segments = 0;

	if (path[0] != '/')
		return err_set(err, "does not start with '/'");
	if (strlen(path) > PATTERN_MAX)
		return err_set(err, "is longer than %d bytes", PATTERN_MAX);
	if (check_bytes(path, err) < 0)
		return -1;
	while (route_segment_next(&cursor, &segment)) {
		bool last = *cursor == '\0';

		if (++segments > SEGMENTS_MAX)
			return err_set(err, "has more than %d segments",
			    SEGMENTS_MAX);
		if (segment.kind == ROUTE_LITERAL) {
			if (check_literal(&segment, last, err) < 0)
				return -1;
			continue;
		}
		if (check_capture(&segment, last, err) < 0)
			return -1;
		if (is_repeated(path, &segment))
			return err_set(err, "has {%.*s} twice",
			    (int)segment.length, segment.at);
		if (++captures > ROUTE_CAPTURES_MAX)
			return err_set(err, "has more than %d parameters",
			    ROUTE_CAPTURES_MAX);
	}
	return 0;
}

bool
route_same_pattern(const char *a, const char *b)
{
	struct route_segment from_a, from_b;

	for (;;) {
		int more = route_segment_next(&a, &from_a);

		if (more != route_segment_next(&b, &from_b))
			return false;
		if (!more)
			return true;
		if (from_a.kind != from_b.kind)
			return false;
		if (from_a.kind == ROUTE_LITERAL &&
		    (from_a.length != from_b.length ||
		    memcmp(from_a.at, from_b.at, from_a.length) != 0))
			return false;
	}
}

/* The capture names, each with its NUL, in one piece of memory. */
static int
collect_names(struct route *route)
{
	struct route_segment segment;
	const char *cursor = route->path;
	char *at;

	at = route->names = malloc(strlen(route->path) + 1);
	if (at == NULL)
		return -1;
	route->capture_count = 0;
	while (route_segment_next(&cursor, &segment)) {
		if (segment.kind == ROUTE_LITERAL)
			continue;
		memcpy(at, segment.at, segment.length);
		at += segment.length;
		*at++ = '\0';
		route->capture_count++;
	}
	return 0;
}

int
route_init(struct route *route, const char *method, size_t method_length,
    const char *path)
{
	route->label = route->names = NULL;
	route->schema = NULL;
	route->method = strndup(method, method_length);
	route->path = strdup(path);
	if (route->method == NULL || route->path == NULL ||
	    collect_names(route) < 0 ||
	    asprintf(&route->label, "%s %s", route->method, path) < 0) {
		route->label = NULL;
		route_finish(route);
		return -1;
	}
	return 0;
}

void
route_finish(struct route *route)
{
	free(route->method);
	free(route->path);
	free(route->label);
	free(route->names);
	schema_destroy(route->schema);
	route->schema = NULL;
	route->method = route->path = route->label = route->names = NULL;
}

size_t
route_captures(const struct route *route, const char *path, size_t length,
    struct route_capture out[ROUTE_CAPTURES_MAX])
{
	const char *at = path, *end = path + length, *name = route->names;
	const char *cursor = route->path;
	struct route_segment segment;
	size_t count = 0;

	while (count < route->capture_count &&
	    route_segment_next(&cursor, &segment)) {
		const char *stop;

		if (at < end && *at == '/')
			at++;
		stop = memchr(at, '/', (size_t)(end - at));
		if (stop == NULL || segment.kind == ROUTE_REST)
			stop = end;
		if (segment.kind != ROUTE_LITERAL) {
			out[count++] = (struct route_capture){ name, at,
			    (size_t)(stop - at) };
			name += strlen(name) + 1;
		}
		at = stop;
	}
	return count;
}
