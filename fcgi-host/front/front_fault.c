/*
 * front_fault.c - routes that fail are closed, requests that kill refused.
 *
 * Runs in: front.
 * Owns: the breaker of each route, the table of poison requests.
 * Invariant: a request that tries a half-open route tells how it ended exactly
 * once; one and the same request counts once for its route's breaker, however
 * often it kills.
 */
#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_order.h"

#define HASHED_MAX	(1u << 20)	/* of a spooled body */
#define PIECE		4096u

static struct front_breaker_policy
breaker_policy(const struct front *front)
{
	return (struct front_breaker_policy){
	    .failures = front->config->breaker_failures,
	    .window_ms = front->config->breaker_window_ms,
	    .pause_ms = front->config->breaker_pause_ms };
}

static struct front_poison_policy
poison_policy(const struct front *front)
{
	return (struct front_poison_policy){
	    .kills = front->config->poison_kills,
	    .window_ms = front->config->poison_window_ms };
}

/* --------------------------------------------------- which request it is */

/* What makes two requests the same; of a body in a file some pieces. */
struct identity {
	struct wire_span	 method, uri;
	const void		*body;
	uint64_t		 body_length;
	int			 body_fd;	/* -1: `body` */
};

static void
add_piece(EVP_MD_CTX *context, int fd, uint64_t at)
{
	uint8_t piece[PIECE];
	ssize_t got = pread(fd, piece, sizeof(piece), (off_t)at);

	if (got > 0)
		EVP_DigestUpdate(context, piece, (size_t)got);
}

/* All of a short one; of a long one pieces, from the first to the last: two
 * that differ in more than a few bytes are not the same. */
static void
add_file(EVP_MD_CTX *context, int fd, uint64_t length)
{
	uint64_t last = length > PIECE ? length - PIECE : 0;
	uint64_t step = length > HASHED_MAX ? last / (HASHED_MAX / PIECE) :
	    PIECE;

	for (uint64_t at = 0; at < last; at += step)
		add_piece(context, fd, at);
	add_piece(context, fd, last);
}

static void
add_all(EVP_MD_CTX *context, const struct identity *identity)
{
	const uint64_t lengths[] = { identity->method.length,
	    identity->uri.length, identity->body_length };

	EVP_DigestUpdate(context, lengths, sizeof(lengths));
	EVP_DigestUpdate(context, identity->method.at,
	    identity->method.length);
	EVP_DigestUpdate(context, identity->uri.at, identity->uri.length);
	if (identity->body_fd >= 0)
		add_file(context, identity->body_fd, identity->body_length);
	else
		EVP_DigestUpdate(context, identity->body,
		    identity->body_length);
}

static uint64_t
hash_of(const struct identity *identity)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	uint64_t hash;

	if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(),
	    NULL) == 1) {
		add_all(context, identity);
		EVP_DigestFinal_ex(context, digest, NULL);
	}
	EVP_MD_CTX_free(context);
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

static uint64_t
hash_request(const struct front_request *request)
{
	const struct identity identity = { .method = request->head.method,
	    .uri = request->head.uri, .body = request->body,
	    .body_length = request->body_have,
	    .body_fd = request->spool_fd };

	return hash_of(&identity);
}

/* --------------------------------------------------------------- admission */

static unsigned
seconds_until(uint64_t then_ms, uint64_t now_ms)
{
	return then_ms <= now_ms ? 1 : (unsigned)((then_ms - now_ms + 999) /
	    1000);
}

static void
show(const struct front *front, uint32_t route)
{
	const struct front_breaker *breaker = &front->breakers[route];
	struct shm_route_stats *stats = shm_route_stats(front->shm, route);

	atomic_store_explicit(&stats->breaker_until_ms, breaker->until_ms,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->breaker, (uint32_t)breaker->state,
	    memory_order_relaxed);
}

static void
refuse_held(struct front_request *request)
{
	front_count(&front_route_stats(request)->refused[
	    SHM_REFUSED_BREAKER_OPEN], 1);
	front_answer(request, 503, "Retry-After: 60\r\n",
	    "An operator has taken the route out of service.");
}

static void
refuse_open(struct front_request *request, uint64_t now_ms)
{
	const struct front *front = request->front;
	unsigned seconds = seconds_until(front->breakers[
	    request->match.route->index].until_ms, now_ms);
	char extra[64];

	front_count(&front_route_stats(request)->refused[
	    SHM_REFUSED_BREAKER_OPEN], 1);
	snprintf(extra, sizeof(extra), "Retry-After: %u\r\n", seconds);
	front_answer(request, 503, extra, "The route is closed for %u s: its "
	    "handler crashed or timed out %u times within %g s.", seconds,
	    front->config->breaker_failures,
	    (double)front->config->breaker_window_ms / 1000);
}

static void
refuse_poison(struct front_request *request)
{
	front_count(&front_route_stats(request)->refused[SHM_REFUSED_POISON],
	    1);
	request->poison = true;
	front_answer(request, 503, "Retry-After: 60\r\n", "This is a poison "
	    "request: the same one has ended %u workers.",
	    request->front->config->poison_kills);
}

static bool
is_poison(const struct front_request *request, uint64_t now_ms)
{
	const struct front *front = request->front;
	uint32_t route = request->match.route->index;
	struct front_poison_policy policy = poison_policy(front);

	return front->poison.count != 0 && policy.kills != 0 &&
	    front_poison_watches(&front->poison, route) &&
	    front_poison_is(&front->poison, &policy, route,
	    hash_request(request), now_ms);
}

/* The clock is read only where something has failed before. */
bool
front_fault_admits(struct front_request *request)
{
	struct front *front = request->front;
	uint32_t route = request->match.route->index;
	struct front_breaker *breaker = &front->breakers[route];
	uint64_t now_ms;

	if (breaker->state == FRONT_BREAKER_CLOSED &&
	    front->poison.count == 0)
		return true;
	now_ms = clock_now_ms();
	if (is_poison(request, now_ms)) {
		refuse_poison(request);
		return false;
	}
	if (breaker->state == FRONT_BREAKER_HELD) {
		refuse_held(request);
		return false;
	}
	if (!front_breaker_admits(breaker, now_ms, &request->probe)) {
		refuse_open(request, now_ms);
		return false;
	}
	if (request->probe) {
		log_info("route \"%s\" is tried again",
		    request->match.route->label);
		show(front, route);
	}
	return true;
}

/* ------------------------------------------------------------------ its end */

static void
fail(struct front *front, const struct route *route, bool probe)
{
	struct front_breaker_policy policy = breaker_policy(front);
	struct front_breaker *breaker = &front->breakers[route->index];

	if (!front_breaker_failed(breaker, &policy, probe, clock_now_ms()))
		return;
	show(front, route->index);
	log_warnx("route \"%s\" (handler %s) is closed for %g s: it "
	    "crashed or timed out %s", route->label, route->handler->name,
	    (double)breaker->pause_ms / 1000, probe ? "again" :
	    "too often");
}

static bool
take_probe(struct front_request *request)
{
	bool probe = request != NULL && request->probe;

	if (probe)
		request->probe = false;
	return probe;
}

void
front_fault_timed_out(struct front_request *request)
{
	fail(request->front, request->match.route, take_probe(request));
}

/* Its request has to be here still: one whose client left at once would have to
 * be read again. */
static bool
kills_again(struct front *front, const struct front_job *job)
{
	struct front_poison_policy policy = poison_policy(front);
	uint32_t kills;

	if (policy.kills == 0 || job->request == NULL)
		return false;
	kills = front_poison_killed(&front->poison, &policy,
	    job->route->index, hash_request(job->request), clock_now_ms());
	if (kills == policy.kills)
		log_warnx("req=%s is poison: the same request has ended %u "
		    "workers; it is refused for %llu ms", job->request_id,
		    kills, (unsigned long long)policy.window_ms);
	return kills > 1;
}

void
front_fault_crashed(const struct front_job *job)
{
	struct front *front = job->pool->front;
	bool again = kills_again(front, job);
	bool probe = take_probe(job->request);

	if (!again || probe)
		fail(front, job->route, probe);
}

void
front_fault_ended(struct front_request *request)
{
	struct front *front = request->front;
	const struct route *route = request->match.route;
	struct front_breaker *breaker;

	if (!take_probe(request))
		return;
	breaker = &front->breakers[route->index];
	if (request->served && breaker->state != FRONT_BREAKER_HELD) {
		front_breaker_succeeded(breaker);
		log_info("route \"%s\" is open for all again", route->label);
	} else
		front_breaker_withdrawn(breaker);
	show(front, route->index);
}

void
front_fault_hold(struct front *front, uint32_t route, bool held)
{
	struct front_breaker *breaker = &front->breakers[route];

	if (held)
		front_breaker_hold(breaker);
	else
		front_breaker_release(breaker);
	show(front, route);
}

int
front_fault_start(struct front *front)
{
	front->breakers = calloc(front->set->route_count + 1,
	    sizeof(*front->breakers));
	return front->breakers == NULL ? -1 : 0;
}
