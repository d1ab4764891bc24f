/*
 * nginx_rates.c - how often a client may come (limit_req).
 *
 * Runs in: the tools.
 * Owns: the names of zones.
 * Invariant: a request counts for the rate of its route, or for that of all,
 * never for both; what is no route's method counts nowhere a route has one.
 *
 * A client is its address.  Its key or token would be fairer to those behind
 * one address, but nginx cannot tell a true one: with a new wrong one each time
 * a client would never be over its rate, and would push others out of the zone.
 */
#include <string.h>

#include "nginx/nginx_private.h"

/* 32 thousand addresses, 128 bytes each; the oldest make room. */
#define ZONE_SIZE	"4m"
#define CLIENT		"$binary_remote_addr"
#define KEY		"rate: who is counted, for which methods."

static bool
rate_of(const char *text, struct config_rate *out)
{
	*out = (struct config_rate){ 0, false };
	return text != NULL && config_rate_parse(text, out, NULL) == 0 &&
	    out->count > 0;
}

/* Of what is over; never 0, which would be no burst at all. */
static uint32_t
burst_of(const struct config_rate *rate, uint32_t burst)
{
	if (burst != 0)
		return burst;
	return rate->count > 1 ? rate->count - 1 : 0;
}

static void
put_limit(FILE *out, const char *zone, uint32_t burst)
{
	fprintf(out, "limit_req zone=%s", zone);
	if (burst > 0)
		fprintf(out, " burst=%u nodelay", burst);
	fputc(';', out);
}

static unsigned
seconds_between(const struct config_rate *rate)
{
	return rate->per_minute ? (60 + rate->count - 1) / rate->count : 1;
}

/*
 * The name has the key's number in it: nginx does not take a zone at a reload
 * that it knows with another key.
 */
static void
put_zone(struct nginx *nginx, const char *zone, const char *key,
    const struct config_rate *rate)
{
	fprintf(nginx->http, "limit_req_zone $%s zone=%s:" ZONE_SIZE
	    " rate=%ur/%c;\n", key, zone, rate->count,
	    rate->per_minute ? 'm' : 's');
}

/* ------------------------------------------------------------ of all */

unsigned
nginx_retry_seconds(const struct config *config)
{
	struct config_rate rate;

	return rate_of(config->rate, &rate) ? seconds_between(&rate) : 1;
}

/* OPTIONS is asked by browsers before the request that counts. */
void
nginx_put_rate_of_all(struct nginx *nginx, FILE *out)
{
	struct config_rate rate;

	if (!rate_of(nginx->config->rate, &rate))
		return;
	fprintf(nginx->http, "\n# rate: a client's requests to all routes "
	    "that have no rate of their own.\n"
	    "map $request_method $fh_rate {\n"
	    "\tOPTIONS \"\";\n\tdefault " CLIENT ";\n}\n");
	put_zone(nginx, "fcgi_host_rate", "fh_rate", &rate);
	fprintf(out, "\n\t# How often a client may come; more gets a 429:\t"
	    "rate, rate_burst\n\t");
	put_limit(out, "fcgi_host_rate", burst_of(&rate,
	    nginx->config->rate_burst));
	fputc('\n', out);
}

/* -------------------------------------------------------- of a place */

bool
nginx_rates_differ(const struct config *config,
    const struct nginx_place *place)
{
	struct config_rate rate;
	bool of_all = rate_of(config->rate, &rate);

	for (size_t i = 0; i < place->count; i++)
		if (rate_of(place->routes[i]->rate, &rate) ||
		    (of_all && place->routes[i]->rate != NULL))
			return true;
	return false;
}

/* The client, for this method alone. */
static size_t
put_key_of(struct nginx *nginx, const struct route *route)
{
	char *entries = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&entries, &size);

	if (out != NULL) {
		fputs("\tdefault \"\";\n\t\"~^", out);
		nginx_put_methods(out, &route, 1);
		fputs("\\z\" " CLIENT ";\n", out);
		nginx->failed |= fclose(out) != 0;
	}
	return nginx_map(nginx, "key", KEY, "$request_method", entries);
}

/* A route's zone is the same in every place that may mean it. */
static void
put_own(struct nginx *nginx, const struct route *route,
    const struct config_rate *rate)
{
	size_t number = put_key_of(nginx, route);
	char zone[64], key[64];

	snprintf(key, sizeof(key), "fh_key_%zu", number);
	snprintf(zone, sizeof(zone), "fcgi_host_rate_%u_%zu", route->index,
	    number);
	if (!nginx->rated[route->index])
		put_zone(nginx, zone, key, rate);
	nginx->rated[route->index] = true;
	fputs("\t\t", nginx->locations);
	put_limit(nginx->locations, zone, burst_of(rate, route->rate_burst));
	fprintf(nginx->locations, "\t# rate of %s\n", route->label);
}

/* The client, for methods that no route here has a rate of its own for. */
static size_t
put_rest_key(struct nginx *nginx, const struct nginx_place *place)
{
	char *entries = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&entries, &size);

	if (out != NULL) {
		fputs("\tOPTIONS \"\";\n\tdefault " CLIENT ";\n", out);
		for (size_t i = 0; i < place->count; i++) {
			if (place->routes[i]->rate == NULL)
				continue;
			fputs("\t\"~^", out);
			nginx_put_methods(out, &place->routes[i], 1);
			fputs("\\z\" \"\";\n", out);
		}
		nginx->failed |= fclose(out) != 0;
	}
	return nginx_map(nginx, "key", KEY, "$request_method", entries);
}

static void
put_rest(struct nginx *nginx, const struct nginx_place *place,
    const struct config_rate *rate)
{
	size_t number = put_rest_key(nginx, place);
	char zone[64], key[64];

	snprintf(key, sizeof(key), "fh_key_%zu", number);
	snprintf(zone, sizeof(zone), "fcgi_host_rest_%u_%zu",
	    place->routes[0]->index, number);
	put_zone(nginx, zone, key, rate);
	fputs("\t\t", nginx->locations);
	put_limit(nginx->locations, zone, burst_of(rate,
	    nginx->config->rate_burst));
	fputs("\t# rate\n", nginx->locations);
}

/* Where none of all is, a route with "none" has no location for it. */
void
nginx_put_rates(struct nginx *nginx, const struct nginx_place *place)
{
	unsigned seconds = 1;
	struct config_rate rate;

	if (!nginx_rates_differ(nginx->config, place))
		return;
	if (rate_of(nginx->config->rate, &rate)) {
		put_rest(nginx, place, &rate);
		seconds = seconds_between(&rate);
	}
	for (size_t i = 0; i < place->count; i++) {
		if (!rate_of(place->routes[i]->rate, &rate))
			continue;
		put_own(nginx, place->routes[i], &rate);
		if (seconds_between(&rate) > seconds)
			seconds = seconds_between(&rate);
	}
	fprintf(nginx->locations, "\t\tset $fh_retry_after %u;\n", seconds);
}
