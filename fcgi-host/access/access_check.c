/*
 * access_check.c - the credentials of a request, and what they are worth.
 *
 * Runs in: front, the tools.
 * Owns: nothing.
 * Invariant: a request is granted by one section that it names and that knows
 * its credentials; what a client costs that fails again and again is bounded.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "access/access_private.h"
#include "wire/wire_params.h"
#include "wire/wire_text.h"

/* ----------------------------------------------------------------- verdicts */

enum access_verdict
access_refuse(struct access_answer *answer, enum access_verdict verdict,
    const char *why)
{
	answer->why = why;
	answer->length = 0;
	return verdict;
}

static enum access_verdict
grant(struct access_answer *answer, const struct fh_identity *identity)
{
	answer->length = identity_put(answer->identity,
	    sizeof(answer->identity), identity);
	return answer->length > 0 ? ACCESS_GRANTED :
	    access_refuse(answer, ACCESS_INVALID, "what it says is too long");
}

enum access_verdict
access_fail(struct access *access, const struct access_question *question,
    struct access_answer *answer, const char *why)
{
	access_failed_count(&access->failed, question->client,
	    question->client_length, question->now_ms);
	return access_refuse(answer, ACCESS_INVALID, why);
}

/* A digest and a search: so cheap that it is done for whoever has failed. */
static enum access_verdict
check_key(struct access *access, const struct access_section *section,
    const struct access_question *question, struct access_answer *answer)
{
	const struct access_client *client;
	struct wire_span key = { "", 0 };
	enum access_verdict verdict = access_find_header(question,
	    section->parameter, &key);

	if (verdict == ACCESS_MISSING)
		return access_refuse(answer, ACCESS_MISSING, "there is no key");
	if (verdict == ACCESS_INVALID ||
	    key.length > IDENTITY_CREDENTIAL_MAX)
		return access_fail(access, question, answer, "it is no key");
	client = access_clients_find(&section->clients, key.at, key.length);
	if (client == NULL)
		return access_fail(access, question, answer,
		    "the key is not known");
	return grant(answer, &(struct fh_identity){ section->config->name,
	    client->name, client->scopes, "{}" });
}

static enum access_verdict
verify_token(struct access *access, uint32_t number, struct wire_span token,
    const uint8_t digest[ACCESS_DIGEST],
    const struct access_question *question, struct access_answer *answer)
{
	const struct access_section *section = &access->sections[number];
	enum access_verdict verdict;
	struct access_claims claims;
	const char *why = access_jwt(&section->rules, token.at, token.length,
	    question->wall_s, &claims);

	if (why != NULL)
		return access_fail(access, question, answer, why);
	verdict = grant(answer, &(struct fh_identity){ section->config->name,
	    claims.name, claims.scopes, claims.text });
	if (verdict == ACCESS_GRANTED)
		access_known_put(&access->known, digest, number,
		    claims.begins_s, claims.ends_s, answer->identity,
		    answer->length);
	access_claims_release(&claims);
	return verdict;
}

bool
access_recall(struct access *access, uint32_t number,
    struct wire_span credential, int64_t wall_s, struct access_answer *answer,
    uint8_t digest_out[ACCESS_DIGEST])
{
	const struct access_known_one *known;

	access_known_digest(&access->known, number, credential.at,
	    credential.length, digest_out);
	known = access_known_find(&access->known, digest_out, number, wall_s);
	if (known == NULL)
		return false;
	memcpy(answer->identity, known->identity, known->length);
	answer->length = known->length;
	return true;
}

static enum access_verdict
check_token(struct access *access, uint32_t number,
    const struct access_question *question, struct access_answer *answer)
{
	struct wire_span token = { "", 0 };
	enum access_verdict verdict = access_find_scheme(question,
	    "Bearer ", &token);
	uint8_t digest[ACCESS_DIGEST];

	if (verdict == ACCESS_MISSING)
		return access_refuse(answer, ACCESS_MISSING,
		    "there is no token");
	if (verdict == ACCESS_INVALID ||
	    token.length > IDENTITY_CREDENTIAL_MAX)
		return access_fail(access, question, answer, "it is no token");
	if (access_recall(access, number, token, question->wall_s, answer,
	    digest))
		return ACCESS_GRANTED;
	if (access_failed_too_often(&access->failed, question->client,
	    question->client_length, question->now_ms))
		return access_refuse(answer, ACCESS_TOO_MANY, "too many wrong "
		    "tokens came from this address");
	return verify_token(access, number, token, digest, question, answer);
}

static enum access_verdict
check_scopes(const struct access_question *question,
    struct access_answer *answer)
{
	struct fh_identity identity;

	if (question->scopes == NULL || (identity_get(answer->identity,
	    answer->length, &identity) == 0 &&
	    identity_has_scopes(identity.scopes, question->scopes)))
		return ACCESS_GRANTED;
	return access_refuse(answer, ACCESS_FORBIDDEN,
	    "it has not all the scopes that are wanted");
}

static enum access_verdict
check_section(struct access *access, uint32_t number,
    const struct access_question *question, struct access_answer *answer)
{
	enum access_verdict verdict;

	switch (access->sections[number].config->type) {
	case CONFIG_AUTH_KEY:
		verdict = check_key(access, &access->sections[number],
		    question, answer);
		break;
	case CONFIG_AUTH_BEARER:
		verdict = check_token(access, number, question, answer);
		break;
	default:
		verdict = access_password_check(access, number, question,
		    answer);
		break;
	}
	return verdict == ACCESS_GRANTED ? check_scopes(question, answer) :
	    verdict;
}

/* Of several sections the first that grants; else what says most of why not:
 * the verdicts stand in that order. */
void
access_check(struct access *access, const struct access_question *question,
    struct access_answer *answer)
{
	const char *why = NULL;
	enum access_verdict worst = ACCESS_GRANTED;
	uint32_t section = 0;

	for (uint32_t i = 0; i < access->count; i++) {
		enum access_verdict verdict;

		if ((question->auths & UINT32_C(1) << i) == 0)
			continue;
		verdict = check_section(access, i, question, answer);
		if (verdict == ACCESS_GRANTED) {
			answer->verdict = ACCESS_GRANTED;
			answer->section = i;
			answer->why = NULL;
			return;
		}
		if (verdict > worst) {
			worst = verdict;
			section = i;
			why = answer->why;
		}
	}
	answer->verdict = worst == ACCESS_GRANTED ? ACCESS_MISSING : worst;
	answer->section = section;
	answer->why = why == NULL ? "nothing will do" : worst !=
	    ACCESS_MISSING || (question->auths & (question->auths - 1)) == 0 ?
	    why : "there are no credentials";
	answer->length = 0;
}

/* --------------------------------------------------------------------- logs */

static bool
is_named(const uint8_t *name, size_t length, const char *other)
{
	return strlen(other) == length && memcmp(name, other, length) == 0;
}

/* "HTTP_X_API_KEY" for "X-API-Key"? */
static bool
is_header(const uint8_t *name, size_t length, const char *header)
{
	if (length != strlen(header) + 5 || memcmp(name, "HTTP_", 5) != 0)
		return false;
	for (size_t i = 5; i < length; i++, header++)
		if ((name[i] | 0x20) != (*header | 0x20) &&
		    !(name[i] == '_' && *header == '-'))
			return false;
	return true;
}

bool
access_is_secret(const struct config *config, const uint8_t *name,
    size_t length)
{
	static const char *const names[] = { "HTTP_AUTHORIZATION",
		"HTTP_PROXY_AUTHORIZATION", "HTTP_COOKIE", "HTTP_X_API_KEY" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_named(name, length, names[i]))
			return true;
	for (size_t i = 0; i < config->auth_count; i++)
		if (config->auths[i].type == CONFIG_AUTH_KEY &&
		    is_header(name, length, config->auths[i].header))
			return true;
	return false;
}
