/*
 * front_access.c - who may ask, before anything else is done.
 *
 * Runs in: front.
 * Owns: nothing; the keys are the zygote's (access/access.h).
 * Invariant: a request of a route with auth has an identity that the host has
 * made, or is answered with 401, 403, 429 or 503 before its body is kept, its
 * inputs are looked at or it takes a place in any queue but that of passwords.
 */
#include <string.h>

#include "access/access.h"
#include "common/clock.h"
#include "front/front.h"
#include "front/front_access.h"
#include "front/front_capture.h"
#include "front/front_password.h"
#include "wire/wire_params.h"

/* No web server sends such a name, and no handler sees it; of several the last
 * counts, which is ours. */
#define PARAMETER	"\0identity"
#define PARAMETER_LENGTH (sizeof(PARAMETER) - 1)
#define OVERHEAD	(PARAMETER_LENGTH + 8)

static void
refuse(struct front_request *request, const struct access_question *question,
    const struct access_answer *answer)
{
	char headers[ACCESS_HEADERS_MAX];
	int status = access_refusal(request->front->start->access, question,
	    answer, headers, sizeof(headers));

	if (request->match.route != NULL)
		front_count(&front_route_stats(request)->refused[
		    SHM_REFUSED_ACCESS], 1);
	if (!request->again)
		front_count(&request->front->stats->requests, 1);
	request->discard_body = true;
	front_answer(request, status, headers, "%s: %s.", status == 403 ?
	    "Access is refused" : "Who sends this is not known", answer->why);
}

static bool
keep(struct front_request *request, const uint8_t *identity, size_t length)
{
	if (front_request_put_identity(request, identity, length) == 0)
		return true;
	front_request_starve(request);
	return false;
}

/* ------------------------------------------------------------------- jobs */

size_t
front_access_sealed(const struct front_request *request)
{
	return request->params_have + request->identity_length + OVERHEAD;
}

size_t
front_access_seal(const struct front_request *request, uint8_t *out,
    const uint8_t *limit)
{
	const char *identity = request->identity_length == 0 ? "" :
	    (const char *)request->identity;
	uint8_t *end;

	memcpy(out, request->params, request->params_have);
	front_capture_hide(request->front->config, out, request->params_have);
	end = wire_params_put(out + request->params_have, limit, PARAMETER,
	    PARAMETER_LENGTH, identity, request->identity_length);
	FH_BUG(end == NULL);
	return (size_t)(end - out);
}

/* It was asked for when the job was accepted; tokens may have expired since. */
static bool
unseal(struct front_request *request)
{
	const uint8_t *at = request->params, *end = at + request->params_have;
	struct wire_pair pair, found = { .value_length = 0 };

	while (wire_params_next(&at, end, &pair) == 1)
		if (pair.name_length == PARAMETER_LENGTH &&
		    memcmp(pair.name, PARAMETER, PARAMETER_LENGTH) == 0)
			found = pair;
	return found.value_length == 0 ||
	    keep(request, found.value, found.value_length);
}

/* --------------------------------------------------------------- the others */

/* A question about a job may be anybody's whom some section knows: the clerk
 * compares the owners. */
static uint32_t
auths_of(const struct front_request *request)
{
	size_t count = request->front->config->auth_count;

	if (request->match.route != NULL)
		return request->match.route->auths;
	return request->clerk != FRONT_CLERK_ASK || count == 0 ? 0 :
	    UINT32_MAX >> (32 - count);
}

/* ... and nobody's, as long as some job may be. */
static bool
may_be_nobody(const struct front_request *request)
{
	return request->match.route == NULL &&
	    handler_set_jobs_are_open(request->front->set);
}

static struct access_question
question_of(const struct front_request *request)
{
	const struct route *route = request->match.route;

	return (struct access_question){
		.auths = auths_of(request), .tried = request->tried,
		.scopes = route == NULL ? NULL : route->scopes,
		.params = request->params,
		.params_length = request->params_have,
		.client = request->head.remote_addr.at,
		.client_length = request->head.remote_addr.length,
		.wall_s = clock_wall_ms() / 1000,
		.now_ms = clock_now_ms(),
	};
}

/* False: it has none, or no memory for it. */
static bool
wait_for_hash(struct front_request *request,
    const struct access_question *question, struct access_answer *answer)
{
	if (!front_password_has_place(request)) {
		answer->verdict = ACCESS_BUSY;
		answer->why = "too many passwords wait to be checked";
		return false;
	}
	request->hash = access_hash_create(request->front->start->access,
	    question, answer->section);
	if (request->hash == NULL) {
		answer->verdict = ACCESS_BUSY;
		answer->why = "there is no memory to check the password";
		return false;
	}
	front_password_wait(request);
	return true;
}

bool
front_access_is_hash(const struct front_request *request)
{
	const struct access_question question = question_of(request);
	struct access_answer answer;

	access_check(request->front->start->access, &question, &answer);
	return answer.verdict == ACCESS_HASH;
}

void
front_access_hashed(struct front_request *request)
{
	if (!front_access_admits(request))
		return;
	if (request->again)
		front_dispatch_admitted(request);
	else
		front_request_admitted(request);
}

bool
front_access_admits(struct front_request *request)
{
	const struct access_question question = question_of(request);
	const struct config *config = request->front->config;
	struct access_answer answer;

	if (request->conn->runner)
		return unseal(request);
	if (question.auths == 0)
		return true;
	access_check(request->front->start->access, &question, &answer);
	if (answer.verdict == ACCESS_GRANTED) {
		request->hashed = config->auths[answer.section].type ==
		    CONFIG_AUTH_BASIC;
		return keep(request, answer.identity, answer.length);
	}
	if (answer.verdict == ACCESS_HASH &&
	    wait_for_hash(request, &question, &answer))
		return false;
	if (answer.verdict == ACCESS_MISSING && may_be_nobody(request))
		return true;
	refuse(request, &question, &answer);
	return false;
}
