/*
 * access_refusal.c - what a client is told that may not.
 *
 * Runs in: front, the tools.
 * Owns: nothing.
 * Invariant: each section that would do is named, and no secret.
 */
#include <stdio.h>
#include <string.h>

#include "access/access_private.h"

static void
add_line(char *out, size_t size, const char *line)
{
	size_t have = strlen(out), more = strlen(line);

	if (have + more < size)
		memcpy(out + have, line, more + 1);
}

/* RFC 6750, section 3: no error where nothing was sent; nor is what is wrong
 * with a key said of a token. */
static void
describe(const struct access_question *question,
    const struct access_answer *answer, bool own, char *out, size_t size)
{
	if (!own)
		out[0] = '\0';
	else if (answer->verdict == ACCESS_INVALID)
		snprintf(out, size, ", error=\"invalid_token\", "
		    "error_description=\"%s\"", answer->why);
	else if (answer->verdict == ACCESS_FORBIDDEN)
		snprintf(out, size, ", error=\"insufficient_scope\", "
		    "scope=\"%s\"", question->scopes);
	else
		out[0] = '\0';
}

static void
challenge_bearer(const char *name, const struct access_question *question,
    const struct access_answer *answer, bool own, char *line, size_t size)
{
	char error[512];

	describe(question, answer, own, error, sizeof(error));
	if ((size_t)snprintf(line, size, "WWW-Authenticate: Bearer "
	    "realm=\"%s\"%s\r\n", name, error) >= size)
		snprintf(line, size, "WWW-Authenticate: Bearer "
		    "realm=\"%s\"\r\n", name);
}

/* For names beyond ASCII browsers are told how to send them. */
static void
add_challenge(const struct access *access, uint32_t number,
    const struct access_question *question,
    const struct access_answer *answer, char *out, size_t size)
{
	const struct access_section *section = &access->sections[number];
	const char *name = section->config->name;
	char line[768];

	if (section->config->type == CONFIG_AUTH_KEY)
		snprintf(line, sizeof(line), "WWW-Authenticate: ApiKey "
		    "realm=\"%s\", header=\"%s\"\r\n", name,
		    section->config->header);
	else if (section->config->type == CONFIG_AUTH_BASIC)
		snprintf(line, sizeof(line), "WWW-Authenticate: Basic "
		    "realm=\"%s\", charset=\"UTF-8\"\r\n", name);
	else
		challenge_bearer(name, question, answer,
		    number == answer->section, line, sizeof(line));
	add_line(out, size, line);
}

int
access_refusal(const struct access *access,
    const struct access_question *question,
    const struct access_answer *answer, char *out, size_t size)
{
	static const int statuses[] = { [ACCESS_MISSING] = 401,
		[ACCESS_INVALID] = 401, [ACCESS_FORBIDDEN] = 403,
		[ACCESS_TOO_MANY] = 429, [ACCESS_BUSY] = 503 };

	out[0] = '\0';
	if (answer->verdict == ACCESS_TOO_MANY) {
		add_line(out, size, "Retry-After: 10\r\n");
		return statuses[answer->verdict];
	}
	if (answer->verdict == ACCESS_BUSY) {
		add_line(out, size, "Retry-After: 1\r\n");
		return statuses[answer->verdict];
	}
	for (uint32_t i = 0; i < access->count; i++)
		if ((question->auths & UINT32_C(1) << i) != 0)
			add_challenge(access, i, question, answer, out, size);
	return statuses[answer->verdict];
}
