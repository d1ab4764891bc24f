/*
 * nginx_values.c - what nginx must allow so that the host decides.
 *
 * Runs in: the tools.
 * Owns: the margins between the host's limits and nginx's.
 * Invariant: nginx waits longer, and takes as much, as the host for every route
 * that may be meant; what the host says of a limit reaches the client.
 */
#include "nginx/nginx_private.h"

#define MARGIN_MS	3000		/* for the host to say so */
#define DAY_MS		86400000	/* what has no limit in the host */
#define STREAM_MS	3600000		/* a stream may be silent for */
#define RECORDS		4096		/* around a header, in nginx's buffer */
#define REPLY_BUFFER	16384
#define KEEP_MS		60000

/* Until the host has said something, whatever happens; 0: it need not. */
static uint64_t
longest(const struct config *config, uint64_t timeout_ms, uint64_t queue_ms,
    uint64_t deadline_ms)
{
	uint64_t most = timeout_ms != 0 && queue_ms != 0 ?
	    timeout_ms + queue_ms : 0;

	if (deadline_ms != 0 && (most == 0 || deadline_ms < most))
		most = deadline_ms;
	return most == 0 ? 0 : most + config->kill_grace_ms;
}

/* With the margin, in whole seconds. */
static uint64_t
wait_ms(uint64_t longest_ms, uint64_t without_ms)
{
	if (longest_ms == 0)
		return without_ms;
	return (longest_ms + MARGIN_MS + 999) / 1000 * 1000;
}

uint64_t
nginx_read_ms(const struct config *config)
{
	return wait_ms(longest(config, config->timeout_ms,
	    config->pools[0].queue_timeout_ms, config->deadline_ms), DAY_MS);
}

uint64_t
nginx_stream_ms(const struct config *config)
{
	uint64_t quiet_ms = 4 * config->stream_keep_alive_ms;

	return quiet_ms > STREAM_MS ? quiet_ms : STREAM_MS;
}

uint64_t
nginx_jobs_ms(const struct config *config)
{
	uint64_t wait = wait_ms(config->jobs_wait_ms, 0);

	return wait > nginx_read_ms(config) ? wait : nginx_read_ms(config);
}

uint64_t
nginx_header_buffer(const struct config *config)
{
	return config->header_limit + RECORDS;
}

/* Two header buffers must be less than seven of these. */
uint64_t
nginx_reply_buffer(const struct config *config)
{
	uint64_t half = (nginx_header_buffer(config) / 2 + 4095) / 4096 *
	    4096;

	return half > REPLY_BUFFER ? half : REPLY_BUFFER;
}

/* Never longer than the host keeps a connection. */
uint64_t
nginx_keepalive_ms(const struct config *config)
{
	uint64_t idle_ms = config->idle_timeout_ms;

	return idle_ms == 0 || idle_ms > KEEP_MS ? KEEP_MS : idle_ms / 2;
}

/* ----------------------------------------------------------- of a route */

/* A job is answered as soon as it is kept. */
static uint64_t
read_ms_of(const struct config *config, const struct route *route)
{
	uint64_t most = longest(config, route->timeout_ms,
	    config->pools[route->pool].queue_timeout_ms, route->deadline_ms);

	if (route->job)
		return nginx_read_ms(config);
	return wait_ms(most, route->stream ? nginx_stream_ms(config) :
	    DAY_MS);
}

static uint64_t
body_limit_of(const struct config *config, const struct route *route)
{
	if (route->job && config->jobs_body_limit < route->body_limit)
		return config->jobs_body_limit;
	return route->body_limit;
}

static bool
has_cache(const struct nginx_place *place, const struct route *route)
{
	if (route->cache_ms < 1000 || route->method[0] != 'G')
		return false;
	/* Another pattern's: is it this one's at every path? */
	return route->path == place->routes[0]->path ||
	    nginx_pattern_covers(route->path, place->routes[0]->path);
}

static void
add_route(const struct config *config, const struct nginx_place *place,
    const struct route *route, struct nginx_values *out)
{
	uint64_t read_ms = read_ms_of(config, route);
	uint64_t body_limit = body_limit_of(config, route);

	if (read_ms > out->read_ms || route == place->routes[0]) {
		out->read_ms = read_ms;
		out->read_of = route;
	}
	if (body_limit > out->body_limit || route == place->routes[0]) {
		out->body_limit = body_limit;
		out->body_of = route;
	}
	if (route->stream && out->stream_of == NULL)
		out->stream_of = route;
	if (out->cache_of == NULL && has_cache(place, route))
		out->cache_of = route;
}

/* Where it is what holds for all, nothing is said of it. */
void
nginx_values_find(const struct config *config,
    const struct nginx_place *place, struct nginx_values *out)
{
	*out = (struct nginx_values){ 0 };
	for (size_t i = 0; i < place->count; i++)
		add_route(config, place, place->routes[i], out);
	if (config->body_files != NULL && out->stream_of == NULL &&
	    out->body_limit > config->body_limit)
		out->files_of = out->body_of;
	if (out->read_ms == nginx_read_ms(config))
		out->read_of = NULL;
	if (out->body_limit == config->body_limit)
		out->body_of = NULL;
}

bool
nginx_values_differ(const struct nginx_values *values)
{
	return values->read_of != NULL || values->body_of != NULL ||
	    values->stream_of != NULL || values->cache_of != NULL;
}
