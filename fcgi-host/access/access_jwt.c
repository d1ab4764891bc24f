/*
 * access_jwt.c - signed tokens: JWS, compact (RFC 7515; advice of RFC 8725).
 *
 * Runs in: front, the tools.
 * Owns: struct access_claims.
 * Invariant: the algorithm and the kind of key are the section's; the header of
 * a token can only agree.  No claim is read before the signature is good.
 */
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "access/access_private.h"

#define SIGNATURE_MAX	1024	/* RSA of 8192 bits */
#define HEADER_MAX	1024	/* of its text */

/* A token, taken apart. */
struct token {
	const char	*text;
	size_t		 signed_length;	/* header, '.', payload */
	size_t		 header_length, payload_length;
	uint8_t		 signature[SIGNATURE_MAX];
	size_t		 signature_length;
};

/* Three parts, and not five as an encrypted one has. */
static const char *
split(const char *text, size_t length, struct token *out)
{
	const char *first = memchr(text, '.', length), *second, *last;
	ptrdiff_t decoded;

	if (length > IDENTITY_CREDENTIAL_MAX)
		return "the token is too long";
	if (first == NULL)
		return "it is no signed token";
	second = memchr(first + 1, '.', length - (size_t)(first + 1 - text));
	if (second == NULL)
		return "it is no signed token";
	last = second + 1;
	length -= (size_t)(last - text);
	if (length == 0 || length > SIGNATURE_MAX / 3 * 4 ||
	    first - text > HEADER_MAX)
		return "it is no signed token";
	decoded = access_base64(out->signature, last, length);
	if (decoded <= 0)
		return "it is no signed token";
	out->text = text;
	out->header_length = (size_t)(first - text);
	out->payload_length = (size_t)(second - first - 1);
	out->signed_length = (size_t)(second - text);
	out->signature_length = (size_t)decoded;
	return NULL;
}

/* RFC 7515, section 4.1: only what changes the meaning is looked at.  A key
 * that the token brings along (jwk, jku, x5c, x5u) is nobody's. */
static const char *
check_header(const struct access_rules *rules, struct json_object *header)
{
	static const char *const names[] = { "HS256", "RS256", "EdDSA" };
	const char *algorithm = access_json_text(header, "alg");

	if (algorithm == NULL ||
	    strcmp(algorithm, names[rules->algorithm]) != 0)
		return "the token is signed with another algorithm";
	if (json_object_object_get_ex(header, "crit", NULL))
		return "the token wants an extension that is not known here";
	return NULL;
}

/* --------------------------------------------------------------- signatures */

static bool
is_signed_by_secret(const struct token *token, const struct access_key *key)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	return HMAC(EVP_sha256(), key->secret, (int)key->secret_length,
	    (const uint8_t *)token->text, token->signed_length, digest,
	    &length) != NULL && length == token->signature_length &&
	    CRYPTO_memcmp(digest, token->signature, length) == 0;
}

static bool
is_signed_by(const struct token *token, const struct access_key *key,
    enum config_algorithm algorithm)
{
	EVP_MD_CTX *context;
	bool good;

	if (algorithm == CONFIG_HS256)
		return is_signed_by_secret(token, key);
	context = EVP_MD_CTX_new();
	good = context != NULL && EVP_DigestVerifyInit(context, NULL,
	    algorithm == CONFIG_RS256 ? EVP_sha256() : NULL, NULL,
	    key->public) == 1 && EVP_DigestVerify(context, token->signature,
	    token->signature_length, (const uint8_t *)token->text,
	    token->signed_length) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

/* A key with an id of its own is for tokens that name it. */
static bool
may_be(const struct access_key *key, const char *id)
{
	return id == NULL || key->id == NULL || strcmp(key->id, id) == 0;
}

#define TRIES_MAX	4	/* keys that one token may cost */

static const char *
check_signature(const struct access_rules *rules, const struct token *token,
    struct json_object *header)
{
	const char *id = access_json_text(header, "kid");
	int tries = 0;

	if (id == NULL && json_object_object_get_ex(header, "kid", NULL))
		return "the token's kid is no text";
	for (size_t i = 0; i < rules->keys.count && tries < TRIES_MAX; i++) {
		if (!may_be(&rules->keys.list[i], id))
			continue;
		if (is_signed_by(token, &rules->keys.list[i],
		    rules->algorithm))
			return NULL;
		tries++;
	}
	return tries == 0 ? "the token's key is not known here" :
	    "the token's signature is not good";
}

/* ---------------------------------------------------------------- the whole */

static char *
decode(const char *text, size_t length, size_t *length_out)
{
	char *out = malloc(length / 4 * 3 + 4);
	ptrdiff_t decoded = out == NULL ? -1 :
	    access_base64((uint8_t *)out, text, length);

	if (decoded < 0) {
		free(out);
		return NULL;
	}
	out[decoded] = '\0';
	*length_out = (size_t)decoded;
	return out;
}

static struct json_object *
decode_object(const char *text, size_t length, char **text_out)
{
	size_t decoded;
	char *json = decode(text, length, &decoded);
	struct json_object *object = json == NULL ? NULL :
	    access_json_object(json, decoded);

	if (object != NULL && text_out != NULL)
		*text_out = json;
	else
		free(json);
	return object;
}

static const char *
check_token(const struct access_rules *rules, const struct token *token)
{
	struct json_object *header = decode_object(token->text,
	    token->header_length, NULL);
	const char *why;

	if (header == NULL)
		return "the token's header is no JSON object";
	why = check_header(rules, header);
	if (why == NULL)
		why = check_signature(rules, token, header);
	json_object_put(header);
	return why;
}

const char *
access_jwt(const struct access_rules *rules, const char *text, size_t length,
    int64_t wall_s, struct access_claims *claims_out)
{
	struct token token;
	const char *why = split(text, length, &token);

	if (why == NULL)
		why = check_token(rules, &token);
	if (why != NULL)
		return why;
	claims_out->json = decode_object(text + token.header_length + 1,
	    token.payload_length, &claims_out->text);
	if (claims_out->json == NULL)
		return "the token's claims are no JSON object";
	why = access_claims_check(rules, wall_s, claims_out);
	if (why != NULL)
		access_claims_release(claims_out);
	return why;
}

void
access_claims_release(struct access_claims *claims)
{
	json_object_put(claims->json);
	free(claims->text);
}
