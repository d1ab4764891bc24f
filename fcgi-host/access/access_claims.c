/*
 * access_claims.c - what a token says, held against the rules (RFC 7519, 4.1).
 *
 * Runs in: front, the tools.
 * Owns: nothing.
 * Invariant: a claim of a wrong type is as bad as a wrong one, and what cannot
 * be told apart from another by a C string is refused.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "access/access_private.h"

#define SECONDS_MAX	INT64_C(0x1000000000000)	/* a double has them */

/* NumericDate: a number that may have a fraction.  0: absent, 1: it is there,
 * -1: it is none. */
static int
read_date(struct json_object *json, const char *name, int64_t *out)
{
	struct json_object *value;
	double seconds;

	if (!json_object_object_get_ex(json, name, &value))
		return 0;
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return -1;
	seconds = json_object_get_double(value);
	if (!(seconds >= 0 && seconds <= (double)SECONDS_MAX))
		return -1;
	*out = (int64_t)seconds;
	return 1;
}

static const char *
check_dates(const struct access_rules *rules, int64_t wall_s,
    struct access_claims *claims)
{
	int64_t ends = 0, begins = 0;
	int has_end = read_date(claims->json, "exp", &ends);
	int has_begin = read_date(claims->json, "nbf", &begins);

	if (has_end == 0)
		return "the token has no exp";
	if (has_end < 0 || has_begin < 0)
		return "the token's exp or nbf is no date";
	claims->ends_s = ends + rules->leeway_s;
	claims->begins_s = has_begin == 0 ? 0 : begins - rules->leeway_s;
	if (wall_s >= claims->ends_s)
		return "the token has expired";
	return wall_s < claims->begins_s ? "the token is not valid yet" :
	    NULL;
}

static bool
is_audience(const struct access_rules *rules, struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return false;
	text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value))
		return false;
	for (size_t i = 0; rules->audience[i] != NULL; i++)
		if (strcmp(rules->audience[i], text) == 0)
			return true;
	return false;
}

static bool
has_audience(const struct access_rules *rules, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return is_audience(rules, value);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (is_audience(rules, json_object_array_get_idx(value, i)))
			return true;
	return false;
}

static const char *
check_parties(const struct access_rules *rules, struct json_object *json)
{
	const char *issuer = access_json_text(json, "iss");
	struct json_object *audience;

	if (rules->issuer != NULL &&
	    (issuer == NULL || strcmp(issuer, rules->issuer) != 0))
		return "the token is of another issuer";
	if (!json_object_object_get_ex(json, "aud", &audience))
		return rules->audience == NULL ? NULL :
		    "the token is for no audience";
	return rules->audience != NULL && has_audience(rules, audience) ?
	    NULL : "the token is for another audience";
}

static const char *
read_name(struct access_claims *claims)
{
	claims->name = access_json_text(claims->json, "sub");
	if (claims->name != NULL)
		return NULL;
	claims->name = "";
	return json_object_object_get_ex(claims->json, "sub", NULL) ?
	    "the token's sub is no text" : NULL;
}

/* ------------------------------------------------------------------- scopes */

/* Words with blanks between; each behind what is there. */
static int
add_scopes(struct access_claims *claims, struct json_object *value)
{
	const char *text;
	size_t have = strlen(claims->scopes);

	if (!json_object_is_type(value, json_type_string))
		return -1;
	text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value) ||
	    config_scopes_check(text, NULL) < 0)
		return -1;
	text += strspn(text, " ");
	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		int put = snprintf(claims->scopes + have,
		    sizeof(claims->scopes) - have, "%s%.*s",
		    have == 0 ? "" : " ", (int)length, text);

		have += (size_t)put;
		if (have >= sizeof(claims->scopes))
			return -1;
		text += length;
		text += strspn(text, " ");
	}
	return 0;
}

static const char *
read_scopes(const struct access_rules *rules, struct access_claims *claims)
{
	struct json_object *value;
	int rc = 0;

	claims->scopes[0] = '\0';
	if (!json_object_object_get_ex(claims->json, rules->scope_claim,
	    &value))
		return NULL;
	if (!json_object_is_type(value, json_type_array))
		rc = add_scopes(claims, value);
	else
		for (size_t i = 0; i < json_object_array_length(value) &&
		    rc == 0; i++)
			rc = add_scopes(claims,
			    json_object_array_get_idx(value, i));
	return rc < 0 ? "the token's scopes are none" : NULL;
}

const char *
access_claims_check(const struct access_rules *rules, int64_t wall_s,
    struct access_claims *claims)
{
	const char *why = check_dates(rules, wall_s, claims);

	if (why == NULL)
		why = check_parties(rules, claims->json);
	if (why == NULL)
		why = read_name(claims);
	return why != NULL ? why : read_scopes(rules, claims);
}
