/*
 * front_dispatch.c - what happens to a request that is complete.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: each request leaves here answered, in its pool's or the clerk's
 * care, or with its sync handler run; refusals are whole replies, never a
 * closed connection.
 */
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_access.h"
#include "front/front_ask.h"
#include "front/front_bodies.h"
#include "front/front_cached.h"
#include "front/front_client.h"
#include "front/front_cors.h"
#include "front/front_health.h"
#include "front/front_password.h"
#include "front/front_stale.h"

struct api_input
front_input(const struct front_request *request)
{
	bool mapped = request->body_map != NULL;

	return (struct api_input){
		.route = request->match.route,
		.params = request->params,
		.params_length = request->params_have,
		.identity = request->identity,
		.identity_length = request->identity_length,
		.body = mapped ? request->body_map :
		    request->body != NULL ? request->body : (const void *)"",
		.body_length = request->body_have,
		.body_fd = request->spool_fd,
		.request_id = request->request_id,
		.head_only = request->match.head,
		.cache_key = request->cached ? request->cache_key : NULL,
	};
}

static void
answer_unroutable(struct front_request *request)
{
	struct route_refusal refusal;
	char extra[sizeof(refusal.extra) + CONFIG_CORS_ROOM];

	front_count(&request->front->stats->no_route, 1);
	route_refuse(&request->match, &refusal);
	snprintf(extra, sizeof(extra), "%s", refusal.extra);
	front_cors_preflight(request, extra, sizeof(extra));
	front_answer(request, request->match.status, extra, "%s",
	    refusal.detail);
}

static void
answer_malformed(struct front_request *request)
{
	front_count(&request->front->stats->bad_requests, 1);
	front_answer(request, 400, "", "%s.",
	    head_strerror(request->head_rc));
}

/* False: it has been answered. */
static bool
is_well_formed(struct front_request *request)
{
	int64_t announced = request->head.content_length;

	if (request->front->start->zygote->closed) {
		front_answer(request, 503, "Retry-After: 5\r\n", "A model is "
		    "being replaced that does not fit into memory twice.");
		return false;
	}
	if (request->head_rc != HEAD_OK) {
		answer_malformed(request);
		return false;
	}
	if (request->too_large) {
		front_count(&request->front->stats->bad_requests, 1);
		front_answer(request, 413, "", "The request body is larger "
		    "than body_limit (%zu bytes).",
		    front_request_limit(request));
		return false;
	}
	if (request->clerk == FRONT_CLERK_ASK)
		return true;	/* whatever comes with it */
	if (request->match.route == NULL) {
		answer_unroutable(request);
		return false;
	}
	if (front_bodies_miss(request))
		return false;
	if (announced != HEAD_NO_LENGTH &&
	    request->body_have != (uint64_t)announced) {
		front_count(&request->front->stats->bad_requests, 1);
		front_answer(request, 400, "", "The request body has %zu "
		    "bytes, and %lld were announced.", request->body_have,
		    (long long)announced);
		return false;
	}
	return true;
}

static bool
route_is_full(const struct front_request *request)
{
	const struct route *route = request->match.route;

	return route->max_concurrent != 0 &&
	    request->front->route_active[route->index] >=
	    route->max_concurrent;
}

/* Nobody would wait for its worker, here or elsewhere. */
static bool
is_too_late(const struct front_request *request)
{
	const struct front *front = request->front;

	return request->match.route->async && front->ending &&
	    !front_pass_is_open(front);
}

/* Served now, in its pool's care, or gone because it came too late. */
static void
admit(struct front_request *request)
{
	const struct route *route = request->match.route;

	front_count_admitted(request);
	front_stale_begin(request);
	if (front_stale_drop(request, 0, clock_now_ns()))
		return;
	if (route->async)
		front_pool_add(&request->front->pools[route->pool], request);
	else
		front_sync_serve(request);
}

void
front_dispatch_run(struct front_request *request)
{
	struct front *front = request->front;
	const struct route *route = request->match.route;

	if (!front_fault_admits(request))
		return;
	if (route_is_full(request))
		front_refuse(request, SHM_REFUSED_ROUTE_FULL);
	else if (is_too_late(request))
		front_refuse(request, SHM_REFUSED_STOPPING);
	else if (!front_client_admits(request))
		front_refuse(request, SHM_REFUSED_CLIENT_FULL);
	else if (route->async &&
	    !front_pool_has_place(&front->pools[route->pool], route))
		front_refuse(request, SHM_REFUSED_QUEUE_FULL);
	else
		admit(request);
}

void
front_dispatch(struct front_request *request)
{
	front_count(&request->front->stats->requests, 1);
	if (front_health_is_for(request)) {
		front_health(request);
		return;
	}
	if (!is_well_formed(request))
		return;
	if (request->clerk != FRONT_CLERK_NOT)
		front_clerk_send(request);
	else if (front_ask_is_for(request))
		front_ask(request);
	else if (!front_cached_admits(request))
		front_dispatch_run(request);
}

/* Another front has admitted and counted it: no limit refuses it now. */
void
front_dispatch_again(struct front_request *request)
{
	request->again = true;
	if (is_well_formed(request) && front_access_admits(request))
		front_dispatch_admitted(request);
}

void
front_dispatch_admitted(struct front_request *request)
{
	if (request->clerk != FRONT_CLERK_NOT)	/* it has become a job's */
		front_clerk_send(request);
	else if (front_cached_admits(request))
		return;
	else if (is_too_late(request))
		front_refuse(request, SHM_REFUSED_STOPPING);
	else {
		front_client_again(request);
		admit(request);
	}
}
