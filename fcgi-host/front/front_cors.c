/*
 * front_cors.c - pages of other origins (the Fetch standard, CORS).
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: each reply of this process says whether its page may read it, the
 * host's own ones too, behind the status; what is said of an
 * origin is that origin, never what a client would like.
 */
#include <stdio.h>
#include <string.h>

#include "front/front_cors.h"
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
find(const struct front_request *request, const char *name)
{
	const uint8_t *at = request->params;
	const uint8_t *end = at + request->params_have;
	struct wire_span found = { "", 0 };
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1)
		if (pair.name_length == strlen(name) &&
		    memcmp(pair.name, name, pair.name_length) == 0)
			found = (struct wire_span){ (const char *)pair.value,
			    pair.value_length };
	return found;
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
is_for_all(const struct config *config)
{
	return strcmp(config->cors_origins[0], "*") == 0;
}

size_t
front_cors_lines(const struct front_request *request, char *out, size_t size)
{
	const struct config *config = request->front->config;
	struct wire_span origin;
	size_t length = 0;

	if (config->cors_origins == NULL)
		return 0;
	origin = find(request, "HTTP_ORIGIN");
	if (is_for_all(config)) {
		if (origin.length == 0)
			return 0;
		origin = (struct wire_span){ "*", 1 };
	} else
		length = (size_t)snprintf(out, size, "Vary: Origin\r\n");
	if (!is_one_of(config->cors_origins, origin))
		return length;
	length += (size_t)snprintf(out + length, size - length,
	    "Access-Control-Allow-Origin: %.*s\r\n%s", (int)origin.length,
	    origin.at, config->cors_credentials ?
	    "Access-Control-Allow-Credentials: true\r\n" : "");
	return length + put_list(out + length, size - length,
	    "Access-Control-Expose-Headers: ", config->cors_expose);
}

/* A preflight: which methods there are is the route table's word. */
void
front_cors_preflight(const struct front_request *request, char *out,
    size_t size)
{
	const struct config *config = request->front->config;
	size_t length = strlen(out);

	if (config->cors_origins == NULL || request->match.status != 204 ||
	    find(request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD").length == 0 ||
	    !(is_for_all(config) || is_one_of(config->cors_origins,
	    find(request, "HTTP_ORIGIN"))))
		return;
	length += (size_t)snprintf(out + length, size - length,
	    "Access-Control-Allow-Methods: %s\r\n"
	    "Access-Control-Max-Age: %llu\r\n", request->match.allow,
	    (unsigned long long)(config->cors_max_age_ms / 1000));
	put_list(out + length, size - length,
	    "Access-Control-Allow-Headers: ", config->cors_headers);
}
