/*
 * api_ask.c - routes that the front answers itself, most of them with a
 * document that the supervisor makes.
 *
 * Runs in: zygote and the tools; a front does not call serve().
 * Owns: the tables that it has given last.
 * Invariant: none is open to more clients than the configuration says.
 */
#include "api/api_ask.h"

#include <stdio.h>

#include "include/fcgi-host/handler.h"

#define PATH_MAX_OWN	256	/* more than any option's and what follows it */

static int
serve_nothing(struct fh_request *rq)
{
	return fh_problem(rq, 503, "Only a host that runs can say that.");
}

static struct fh_route
route_of(const char *path, const char *auth, const char *summary)
{
	return (struct fh_route){ .methods = "GET", .path = path,
	    .serve = serve_nothing, .summary = summary, .hidden = true,
	    .auth = auth != NULL ? auth : CONFIG_AUTH_NONE };
}

/* Who may ask a route without keys is the front's to look at. */
const struct fh_route *
api_ask_metrics(const struct config *config, struct err *err)
{
	static struct fh_route routes[2];

	(void)err;
	routes[0] = route_of(config->metrics, config->metrics_auth,
	    "metrics");
	return config->metrics != NULL ? routes : NULL;
}

const struct fh_route *
api_ask_alive(const struct config *config, struct err *err)
{
	static struct fh_route routes[2];

	(void)err;
	routes[0] = route_of(config->livez, NULL, "is the host alive?");
	return config->livez != NULL ? routes : NULL;
}

/* The captures are named as the kinds of common/health.h. */
const struct fh_route *
api_ask_ready(const struct config *config, struct err *err)
{
	static const char *const parts[] = { "", "/models/{model}",
	    "/pools/{pool}", "/routes/{route...}" };
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	static char paths[PARTS][PATH_MAX_OWN];
	static struct fh_route routes[PARTS + 1];

	(void)err;
	if (config->readyz == NULL)
		return NULL;
	for (size_t i = 0; i < PARTS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s%s", config->readyz,
		    parts[i]);
		routes[i] = route_of(paths[i], config->readyz_auth,
		    "is the host ready?");
	}
	return routes;
}
