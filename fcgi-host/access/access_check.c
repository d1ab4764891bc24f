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

/* ------------------------------------------------------------- credentials */

/* A header that comes twice is none: another program would take the other. */
static enum access_verdict
find_header(const struct access_question *question, const char *parameter,
    struct wire_span *out)
{
	const uint8_t *at = question->params;
	const uint8_t *end = at + question->params_length;
	size_t length = strlen(parameter), count = 0;
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1) {
		if (pair.name_length != length ||
		    memcmp(pair.name, parameter, length) != 0)
			continue;
		*out = wire_trim((struct wire_span){
		    (const char *)pair.value, pair.value_length });
		count += out->length > 0;
	}
	return count == 0 ? ACCESS_MISSING : count == 1 ? ACCESS_GRANTED :
	    ACCESS_INVALID;
}

/* What stands behind "Bearer " (RFC 6750, section 2.1); the scheme in any case
 * of letters (RFC 9110, section 11.1). */
static enum access_verdict
find_token(const struct access_question *question, struct wire_span *out)
{
	enum access_verdict verdict = find_header(question,
	    "HTTP_AUTHORIZATION", out);

	if (verdict != ACCESS_GRANTED)
		return verdict;
	if (out->length < 7 || strncasecmp(out->at, "Bearer ", 7) != 0)
		return ACCESS_MISSING;
	*out = wire_trim((struct wire_span){ out->at + 7, out->length - 7 });
	return out->length == 0 ? ACCESS_INVALID : ACCESS_GRANTED;
}

/* ----------------------------------------------------------------- verdicts */

static enum access_verdict
refuse(struct access_answer *answer, enum access_verdict verdict,
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
	    refuse(answer, ACCESS_INVALID, "what it says is too long");
}

static enum access_verdict
fail(struct access *access, const struct access_question *question,
    struct access_answer *answer, const char *why)
{
	access_failed_count(&access->failed, question->client,
	    question->client_length, question->now_ms);
	return refuse(answer, ACCESS_INVALID, why);
}

/* A digest and a search: so cheap that it is done for whoever has failed. */
static enum access_verdict
check_key(struct access *access, const struct access_section *section,
    const struct access_question *question, struct access_answer *answer)
{
	const struct access_client *client;
	struct wire_span key = { "", 0 };
	enum access_verdict verdict = find_header(question,
	    section->parameter, &key);

	if (verdict == ACCESS_MISSING)
		return refuse(answer, ACCESS_MISSING, "there is no key");
	if (verdict == ACCESS_INVALID ||
	    key.length > IDENTITY_CREDENTIAL_MAX)
		return fail(access, question, answer, "it is no key");
	client = access_clients_find(&section->clients, key.at, key.length);
	if (client == NULL)
		return fail(access, question, answer,
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
		return fail(access, question, answer, why);
	verdict = grant(answer, &(struct fh_identity){ section->config->name,
	    claims.name, claims.scopes, claims.text });
	if (verdict == ACCESS_GRANTED)
		access_known_put(&access->known, digest, number,
		    claims.begins_s, claims.ends_s, answer->identity,
		    answer->length);
	access_claims_release(&claims);
	return verdict;
}

static enum access_verdict
check_token(struct access *access, uint32_t number,
    const struct access_question *question, struct access_answer *answer)
{
	const struct access_known_one *known;
	struct wire_span token = { "", 0 };
	enum access_verdict verdict = find_token(question, &token);
	uint8_t digest[ACCESS_DIGEST];

	if (verdict == ACCESS_MISSING)
		return refuse(answer, ACCESS_MISSING, "there is no token");
	if (verdict == ACCESS_INVALID ||
	    token.length > IDENTITY_CREDENTIAL_MAX)
		return fail(access, question, answer, "it is no token");
	access_known_digest(&access->known, number, token.at, token.length,
	    digest);
	known = access_known_find(&access->known, digest, number,
	    question->wall_s);
	if (known != NULL) {
		memcpy(answer->identity, known->identity, known->length);
		answer->length = known->length;
		return ACCESS_GRANTED;
	}
	if (access_failed_too_often(&access->failed, question->client,
	    question->client_length, question->now_ms))
		return refuse(answer, ACCESS_TOO_MANY, "too many wrong tokens "
		    "came from this address");
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
	return refuse(answer, ACCESS_FORBIDDEN,
	    "it has not all the scopes that are wanted");
}

static enum access_verdict
check_section(struct access *access, uint32_t number,
    const struct access_question *question, struct access_answer *answer)
{
	enum access_verdict verdict;

	if (access->sections[number].config->type == CONFIG_AUTH_KEY)
		verdict = check_key(access, &access->sections[number],
		    question, answer);
	else
		verdict = check_token(access, number, question, answer);
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

	for (uint32_t i = 0; i < access->count; i++) {
		enum access_verdict verdict;

		if ((question->auths & UINT32_C(1) << i) == 0)
			continue;
		verdict = check_section(access, i, question, answer);
		if (verdict == ACCESS_GRANTED) {
			answer->verdict = ACCESS_GRANTED;
			answer->why = NULL;
			return;
		}
		if (verdict > worst) {
			worst = verdict;
			why = answer->why;
		}
	}
	answer->verdict = worst == ACCESS_GRANTED ? ACCESS_MISSING : worst;
	answer->why = why == NULL ? "nothing will do" : why;
	answer->length = 0;
}

/* ----------------------------------------------------------------- refusals */

static void
add_line(char *out, size_t size, const char *line)
{
	size_t have = strlen(out), more = strlen(line);

	if (have + more < size)
		memcpy(out + have, line, more + 1);
}

/* RFC 6750, section 3: no error where nothing was sent. */
static void
describe(const struct access_question *question,
    const struct access_answer *answer, char *out, size_t size)
{
	if (answer->verdict == ACCESS_INVALID)
		snprintf(out, size, ", error=\"invalid_token\", "
		    "error_description=\"%s\"", answer->why);
	else if (answer->verdict == ACCESS_FORBIDDEN)
		snprintf(out, size, ", error=\"insufficient_scope\", "
		    "scope=\"%s\"", question->scopes);
	else
		out[0] = '\0';
}

static void
add_challenge(const struct access_section *section,
    const struct access_question *question,
    const struct access_answer *answer, char *out, size_t size)
{
	char line[768], error[512];

	describe(question, answer, error, sizeof(error));
	if (section->config->type == CONFIG_AUTH_KEY)
		snprintf(line, sizeof(line), "WWW-Authenticate: ApiKey "
		    "realm=\"%s\", header=\"%s\"\r\n", section->config->name,
		    section->config->header);
	else if ((size_t)snprintf(line, sizeof(line), "WWW-Authenticate: "
	    "Bearer realm=\"%s\"%s\r\n", section->config->name, error) >=
	    sizeof(line))
		snprintf(line, sizeof(line), "WWW-Authenticate: Bearer "
		    "realm=\"%s\"\r\n", section->config->name);
	add_line(out, size, line);
}

int
access_refusal(const struct access *access,
    const struct access_question *question,
    const struct access_answer *answer, char *out, size_t size)
{
	static const int statuses[] = { [ACCESS_MISSING] = 401,
		[ACCESS_INVALID] = 401, [ACCESS_FORBIDDEN] = 403,
		[ACCESS_TOO_MANY] = 429 };

	out[0] = '\0';
	if (answer->verdict == ACCESS_TOO_MANY) {
		add_line(out, size, "Retry-After: 10\r\n");
		return statuses[answer->verdict];
	}
	for (uint32_t i = 0; i < access->count; i++)
		if ((question->auths & UINT32_C(1) << i) != 0)
			add_challenge(&access->sections[i], question, answer,
			    out, size);
	return statuses[answer->verdict];
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
