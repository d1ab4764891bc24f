/*
 * clerk_accept.c - a request becomes a job.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: a 202 is sent only after the job is on the disk; one request with
 * an Idempotency-Key becomes one job, however often it comes
 * (draft-ietf-httpapi-idempotency-key-header).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clerk/clerk.h"
#include "clerk/clerk_hook.h"
#include "common/hash.h"
#include "common/log.h"
#include "wire/wire_params.h"

static void
add_span(struct hash *hash, struct wire_span span)
{
	uint64_t length = span.length;

	hash_add(hash, &length, sizeof(length));
	hash_add(hash, span.at, span.length);
}

/* The same request: method, path, query, type and body. */
static int
hash_request(const struct clerk_client *client, char out[HASH_TEXT])
{
	const struct head *request = &client->request;
	struct hash hash;
	struct err err;

	if (hash_begin(&hash, &err) < 0)
		return -1;
	add_span(&hash, request->method);
	add_span(&hash, request->path);
	add_span(&hash, request->query);
	add_span(&hash, request->content_type);
	hash_add(&hash, client->data + client->head.params_length,
	    client->data_size - client->head.params_length);
	return hash_finish(&hash, out, &err);
}

/* What is a secret of the connection's is not written to a disk: who it was
 * is in `owner`. */
static bool
is_secret(const struct wire_pair *pair)
{
	static const char *const names[] = { "HTTP_AUTHORIZATION",
	    "HTTP_PROXY_AUTHORIZATION", "HTTP_IDEMPOTENCY_KEY",
	    "HTTP_WEBHOOK_URL" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (wire_pair_is(pair, names[i]))
			return true;
	return false;
}

/* free() it.  Never longer than they were. */
static uint8_t *
copy_params(const struct clerk_client *client, size_t *length_out)
{
	const uint8_t *cursor = client->data;
	const uint8_t *end = cursor + client->head.params_length;
	size_t size = (size_t)client->head.params_length * 4 + 1;
	uint8_t *copy = malloc(size), *at = copy;
	struct wire_pair pair;

	while (at != NULL && wire_params_next(&cursor, end, &pair) == 1)
		if (!is_secret(&pair))
			at = wire_params_put(at, copy + size,
			    (const char *)pair.name, pair.name_length,
			    (const char *)pair.value, pair.value_length);
	if (at == NULL) {
		free(copy);
		return NULL;
	}
	*length_out = (size_t)(at - copy);
	return copy;
}

static void
answer(struct clerk_client *client, enum clerk_accepted accepted,
    const char *id)
{
	struct clerk *clerk = client->clerk;
	struct clerk_job job;
	bool found = false;

	if (accepted == CLERK_ACCEPTED_OTHER) {
		clerk_answer_problem(client, 422, "", "This Idempotency-Key "
		    "was used for another request: one key is for one request "
		    "and what it repeats.");
		return;
	}
	if (clerk_store_look(&clerk->store, id, &job, &found) < 0 || !found) {
		clerk_answer_away(client);
		return;
	}
	clerk_answer_job(client, clerk_accept_status(accepted ==
	    CLERK_ACCEPTED_NEW, job.state), &job);
	clerk_job_finish(&job);
}

static int
store(struct clerk_client *client, const char *key, const char *hash,
    const char *hook, enum clerk_accepted *accepted_out,
    char id_out[CLERK_ID_MAX])
{
	struct clerk_new new = { .route = &client->head.route,
	    .owner = client->head.owner, .key = key, .hash = hash,
	    .hook = hook,
	    .body = client->data + client->head.params_length,
	    .body_length = client->data_size - client->head.params_length };
	uint8_t *params = copy_params(client, &new.params_length);
	int rc = -1;

	if (params == NULL)
		return -1;
	new.params = params;
	if (client->clerk->store.up)
		rc = clerk_store_accept(&client->clerk->store, &new,
		    accepted_out, id_out);
	free(params);
	return rc;
}

/* False: it has been answered. */
static bool
may_hook(struct clerk_client *client, struct wire_span given,
    char url[CLERK_URL_MAX])
{
	if (given.at == NULL)
		return true;
	if (clerk_words_hook(given, client->clerk->config->jobs_webhooks,
	    url) < 0) {
		clerk_answer_problem(client, 400, "", "Webhook-URL is none "
		    "that this service may call.");
		return false;
	}
	if (clerk_hook_can_sign())
		return true;
	clerk_answer_problem(client, 503, "Retry-After: 60\r\n",
	    "Webhooks cannot be signed at present.");
	return false;
}

void
clerk_accept(struct clerk_client *client)
{
	struct clerk *clerk = client->clerk;
	struct wire_span given = clerk_client_param(client,
	    "HTTP_IDEMPOTENCY_KEY");
	struct wire_span hook = clerk_client_param(client,
	    "HTTP_WEBHOOK_URL");
	char key[CLERK_KEY_MAX], hash[HASH_TEXT], id[CLERK_ID_MAX];
	char url[CLERK_URL_MAX];
	enum clerk_accepted accepted;

	if (given.at != NULL && clerk_words_key(given, key) < 0) {
		clerk_answer_problem(client, 400, "", "Idempotency-Key has 1 "
		    "to %d visible ASCII characters.", CLERK_KEY_MAX - 1);
		return;
	}
	if (!may_hook(client, hook, url))
		return;
	if (hash_request(client, hash) < 0 || store(client,
	    given.at != NULL ? key : NULL, hash, hook.at != NULL ? url : NULL,
	    &accepted, id) < 0) {
		clerk_answer_away(client);
		clerk_away(clerk);
		return;
	}
	answer(client, accepted, id);
	if (accepted != CLERK_ACCEPTED_NEW)
		return;
	log_debug("req=%s is job %s", client->head.request_id, id);
	clerk_say(clerk);
	clerk_pump(clerk);
}
