/*
 * nginx_cache.c - how long clients may keep what the host keeps (`cache`).
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: what a handler says of caching is never added to; nothing is said
 * of a reply that the host would not keep itself; what another client must not
 * see is private.
 *
 * It is said here and not by the host: how long it keeps a reply is its own
 * business (`cache` had no effect on headers), and what proxies and browsers
 * are told belongs to those who run the web server.  The host's Age makes it
 * right for a reply that has been kept for a while.
 */
#include <stdio.h>

#include "nginx/nginx_private.h"

static bool
has_input(const struct route *route, enum fh_in in)
{
	const struct fh_property *p = route->inputs->properties;

	for (; p->type != 0; p++)
		if (p->in == in)
			return true;
	return false;
}

/* Without declared inputs nobody knows what a handler reads. */
static bool
is_private(const struct route *route)
{
	return route->auths != 0 || route->inputs == NULL ||
	    has_input(route, FH_IN_COOKIE);
}

static void
put_auth_headers(FILE *out, const struct nginx *nginx,
    const struct route *route)
{
	const struct config *config = nginx->config;

	for (size_t i = 0; i < config->auth_count; i++) {
		const struct config_auth *auth = &config->auths[i];

		if ((route->auths & UINT32_C(1) << i) != 0)
			fprintf(out, ", %s", auth->type == CONFIG_AUTH_KEY ?
			    auth->header : "Authorization");
	}
}

/* The request headers in the key of common/cached_key.c. */
static void
put_vary(FILE *out, const struct nginx *nginx, const struct route *route)
{
	const struct fh_property *p = route->inputs == NULL ? NULL :
	    route->inputs->properties;

	fputs("Accept", out);
	if (p == NULL || has_input(route, FH_IN_COOKIE))
		fputs(", Cookie", out);
	for (; p != NULL && p->type != 0; p++)
		if (p->in == FH_IN_HEADER)
			fprintf(out, ", %s", p->as != NULL ? p->as : p->name);
	put_auth_headers(out, nginx, route);
}

/* Of a reply that is kept (200, or the 304 for one), sets no cookie, and whose
 * handler has said nothing of caching. */
static size_t
put_control(struct nginx *nginx, const struct route *route)
{
	char *entries = NULL;

	if (asprintf(&entries, "\tdefault \"\";\n"
	    "\t\"~^(GET|HEAD) (200|304)\\z\" \"%smax-age=%llu\";\n",
	    is_private(route) ? "private, " : "",
	    (unsigned long long)(route->cache_ms / 1000)) < 0)
		entries = NULL;
	return nginx_map(nginx, "cache", "cache: how long a reply that is "
	    "kept holds, whose handler has said nothing of it.",
	    "\"$request_method $status$upstream_http_cache_control"
	    "$upstream_http_set_cookie\"", entries);
}

/* Said wherever something is said of caching. */
static size_t
put_vary_map(struct nginx *nginx, const struct route *route, size_t control)
{
	char source[64], *entries = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&entries, &size);

	snprintf(source, sizeof(source), "$fh_cache_%zu", control);
	if (out != NULL) {
		fputs("\t\"\" \"\";\n\tdefault \"", out);
		put_vary(out, nginx, route);
		fputs("\";\n", out);
		nginx->failed |= fclose(out) != 0;
	}
	return nginx_map(nginx, "vary", "cache: which headers it is one "
	    "for.", source, entries);
}

/* What a location adds replaces what those around it add. */
void
nginx_put_cache(struct nginx *nginx, const struct route *route, bool has_id)
{
	FILE *out = nginx->locations;
	size_t control = put_control(nginx, route);
	size_t vary = put_vary_map(nginx, route, control);

	if (!has_id)
		fputs("\t\tadd_header X-Request-ID $request_id always;\n",
		    out);
	fprintf(out, "\t\tadd_header Cache-Control $fh_cache_%zu;\t"
	    "# cache of %s\n\t\tadd_header Vary $fh_vary_%zu;\n",
	    control, route->label, vary);
}
