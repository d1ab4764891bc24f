/*
 * cors.c - pages of other origins (the Fetch standard, CORS).
 *
 * Runs in: front, call, cgi.
 * Owns: nothing.
 * Invariant: what is said of an origin is that origin, as the configuration has
 * it, never what a client would like.
 */
#include <stdio.h>
#include <string.h>

#include "common/cors.h"
#include "wire/wire_params.h"

static bool
is_one_of(char *const *list, struct wire_span text)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == text.length &&
		    memcmp(*list, text.at, text.length) == 0)
			return true;
	return false;
}

static struct wire_span
find(const struct cors_question *question, const char *name)
{
	struct wire_pair pair;

	if (!wire_params_find(question->params, question->params_length, name,
	    &pair))
		return (struct wire_span){ "", 0 };
	return (struct wire_span){ (const char *)pair.value,
	    pair.value_length };
}

/* "A, B" behind a header's name; nothing for an empty list. */
static size_t
put_list(char *out, size_t size, const char *header, char *const *items)
{
	size_t length = 0;

	for (size_t i = 0; items != NULL && items[i] != NULL && length < size;
	    i++)
		length += (size_t)snprintf(out + length, size - length,
		    "%s%s", i == 0 ? header : ", ", items[i]);
	if (length > 0 && length < size)
		length += (size_t)snprintf(out + length, size - length,
		    "\r\n");
	if (length < size)
		return length;
	out[0] = '\0';
	return 0;
}

/* Any origin is the same to all: then caches need not tell them apart. */
static bool
is_for_all(const struct config_cors *cors)
{
	return strcmp(cors->origins[0], "*") == 0;
}

static bool
is_allowed(const struct config_cors *cors, struct wire_span origin)
{
	return cors->origins != NULL &&
	    (is_for_all(cors) || is_one_of(cors->origins, origin));
}

/* ------------------------------------------------------------------- rules */

/* What a method of this path says; for all others where it has no such. */
static struct config_cors
rules_for(const struct cors_question *question, struct wire_span method)
{
	struct route_match match;

	route_find(question->set, method.at, method.length,
	    question->path.at, question->path.length, &match);
	return match.route != NULL ? match.route->cors :
	    config_cors_of(question->set->config, NULL);
}

/* A preflight has no route: it asks for one. */
static struct config_cors
rules_of(const struct cors_question *question)
{
	if (question->match->route != NULL)
		return question->match->route->cors;
	if (question->match->status == 204)
		return rules_for(question, find(question,
		    "HTTP_ACCESS_CONTROL_REQUEST_METHOD"));
	return config_cors_of(question->set->config, NULL);
}

static bool
are_same(const struct config_cors *a, const struct config_cors *b)
{
	return a->origins == b->origins && a->headers == b->headers &&
	    a->expose == b->expose && a->credentials == b->credentials &&
	    a->max_age_ms == b->max_age_ms;
}

/* A browser keeps what a preflight names for all of them: one method's rules
 * must not open another. */
static size_t
put_methods(const struct cors_question *question,
    const struct config_cors *wanted, char *out, size_t size)
{
	const char *word = question->match->allow, *between = "";
	size_t length = (size_t)snprintf(out, size,
	    "Access-Control-Allow-Methods: ");

	while (*word != '\0') {
		size_t letters = strcspn(word, ", ");
		struct config_cors cors = rules_for(question,
		    (struct wire_span){ word, letters });

		if (are_same(&cors, wanted)) {
			length += (size_t)snprintf(out + length,
			    size - length, "%s%.*s", between, (int)letters,
			    word);
			between = ", ";
		}
		word += letters;
		word += strspn(word, ", ");
	}
	return length + (size_t)snprintf(out + length, size - length,
	    "\r\n");
}

/* ------------------------------------------------------------------- lines */

size_t
cors_lines(const struct cors_question *question, char *out, size_t size)
{
	struct config_cors cors = rules_of(question);
	struct wire_span origin;
	size_t length = 0;

	if (cors.origins == NULL)
		return 0;
	origin = find(question, "HTTP_ORIGIN");
	if (is_for_all(&cors)) {
		if (origin.length == 0)
			return 0;
		origin = (struct wire_span){ "*", 1 };
	} else
		length = (size_t)snprintf(out, size, "Vary: Origin\r\n");
	if (!is_one_of(cors.origins, origin))
		return length;
	length += (size_t)snprintf(out + length, size - length,
	    "Access-Control-Allow-Origin: %.*s\r\n%s", (int)origin.length,
	    origin.at, cors.credentials ?
	    "Access-Control-Allow-Credentials: true\r\n" : "");
	return length + put_list(out + length, size - length,
	    "Access-Control-Expose-Headers: ", cors.expose);
}

/* Which methods there are is the route table's word. */
void
cors_preflight(const struct cors_question *question, char *out,
    size_t size)
{
	struct config_cors cors = rules_of(question);
	size_t length = strlen(out);

	if (question->match->status != 204 ||
	    find(question, "HTTP_ACCESS_CONTROL_REQUEST_METHOD").length == 0 ||
	    !is_allowed(&cors, find(question, "HTTP_ORIGIN")))
		return;
	length += put_methods(question, &cors, out + length, size - length);
	length += (size_t)snprintf(out + length, size - length,
	    "Access-Control-Max-Age: %llu\r\n",
	    (unsigned long long)(cors.max_age_ms / 1000));
	put_list(out + length, size - length,
	    "Access-Control-Allow-Headers: ", cors.headers);
}
