/*
 * openapi_cache.c - routes whose replies are kept (`cache`).
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: as front/front_cached.c does: replies with status 200 alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "openapi/openapi_private.h"

static const char headers[] =
"{\"Age\":{\"description\":\"How many seconds a kept reply is old; it is not "
"there if the reply was made for this request.\","
"\"schema\":{\"type\":\"integer\",\"minimum\":0}},"
"\"Cache-Status\":{\"description\":\"Whether it was kept (RFC 9211).\","
"\"schema\":{\"type\":\"string\"}}}";

/* Like a `cache` of the configuration: "1500ms", "60s". */
static void
write_time(char out[32], uint64_t ms)
{
	snprintf(out, 32, ms % 1000 == 0 ? "%" PRIu64 "s" : "%" PRIu64 "ms",
	    ms % 1000 == 0 ? ms / 1000 : ms);
}

char *
openapi_cache_words(const struct route *route)
{
	const char *before = route->description, *after = "";
	char time[32], *words;

	if (route->cache_ms == 0)
		return NULL;
	write_time(time, route->cache_ms);
	if (route->cache_refresh)
		after = "  `Cache-Control: no-cache` asks for a new one.";
	if (asprintf(&words, "%s%sA reply with status 200 is kept for %s and "
	    "given to equal requests.%s", before != NULL ? before : "",
	    before != NULL ? "\n\n" : "", time, after) < 0)
		return NULL;
	return words;
}

void
openapi_cache_operation(struct json_object *operation,
    const struct route *route)
{
	struct json_object *cache, *responses, *response;

	if (route->cache_ms == 0)
		return;
	cache = json_object_new_object();
	openapi_add(cache, "seconds", route->cache_ms % 1000 == 0 ?
	    json_object_new_uint64(route->cache_ms / 1000) :
	    json_object_new_double((double)route->cache_ms / 1000));
	openapi_add(cache, "refresh",
	    json_object_new_boolean(route->cache_refresh));
	openapi_add(operation, "x-cache", cache);
	json_object_object_get_ex(operation, "responses", &responses);
	if (json_object_object_get_ex(responses, "200", &response) ||
	    json_object_object_get_ex(responses, "2XX", &response))
		openapi_add(response, "headers", json_tokener_parse(headers));
}
