/*
 * api_ask.c - routes whose reply the supervisor makes.
 *
 * Runs in: zygote and the tools; a front asks, and does not call serve().
 * Owns: nothing.
 * Invariant: none is open to more clients than the configuration says.
 */
#include "api/api_ask.h"

#include "include/fcgi-host/handler.h"

static int
serve_nothing(struct fh_request *rq)
{
	return fh_problem(rq, 503, "Only a host that runs has metrics.");
}

/* Who may ask a route without keys is the front's to look at. */
const struct fh_route *
api_ask_metrics(const struct config *config, struct err *err)
{
	static struct fh_route routes[2];

	(void)err;
	routes[0] = (struct fh_route){ .methods = "GET",
	    .path = config->metrics, .serve = serve_nothing,
	    .summary = "metrics", .hidden = true,
	    .auth = config->metrics_auth != NULL ? config->metrics_auth :
	    CONFIG_AUTH_NONE };
	return config->metrics != NULL ? routes : NULL;
}
