/*
 * fuzz_access.c - any bytes as a request's credentials, and as files of keys.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: nothing is granted but what the one key here has signed, and that
 * is asked of libcrypto again, and so is what becomes of a password; a file
 * that is not sound leaves nothing behind.
 *
 * The first byte chooses: a token, parameters, a file of keys, a JWK Set, or,
 * 'u', a file of users.
 */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

#include "access/access_private.h"

#define SECRET	"0123456789abcdef0123456789abcdef"

/* Do the last bytes say what HMAC says of those before? */
static bool
is_signed(const char *token, size_t length)
{
	uint8_t digest[EVP_MAX_MD_SIZE], *signature;
	const char *dot = memrchr(token, '.', length);
	size_t first = dot == NULL ? 0 : (size_t)(dot - token);
	unsigned count = 0;
	ptrdiff_t have;
	bool same;

	if (dot == NULL)
		return false;
	signature = malloc(length + 3);
	CHECK(signature != NULL);
	have = access_base64(signature, dot + 1, length - first - 1);
	HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET),
	    (const uint8_t *)token, first, digest, &count);
	same = have == (ptrdiff_t)count &&
	    memcmp(signature, digest, count) == 0;
	free(signature);
	return same;
}

static void
try_token(const uint8_t *data, size_t size)
{
	struct access_rules rules = { .algorithm = CONFIG_HS256,
		.leeway_s = 30, .scope_claim = "scope" };
	struct access_claims claims;

	CHECK(access_keys_single(&rules.keys, CONFIG_HS256, SECRET,
	    strlen(SECRET), NULL) == 0);
	if (access_jwt(&rules, (const char *)data, size, 1000, &claims) ==
	    NULL) {
		CHECK(is_signed((const char *)data, size));
		CHECK(claims.name != NULL && claims.ends_s > 1000);
		access_claims_release(&claims);
	}
	/* What the claims say, as if the signature were good. */
	claims.json = access_json_object((const char *)data, size);
	claims.text = NULL;
	if (claims.json != NULL) {
		if (access_claims_check(&rules, 1000, &claims) == NULL)
			CHECK(config_scopes_check(claims.scopes, NULL) == 0);
		access_claims_release(&claims);
	}
	access_keys_free(&rules.keys);
}

/* Only what libcrypto, which is more lenient, reads as text with a colon is
 * hashed. */
static void
check_hash(struct access *access, const struct access_question *question,
    const struct access_answer *answer)
{
	struct access_hash *hash = access_hash_create(access, question,
	    answer->section);
	struct wire_span text = { "", 0 };
	uint8_t bytes[2 * IDENTITY_CREDENTIAL_MAX];

	CHECK(hash != NULL && answer->section == 1);
	access_hash_free(hash);
	CHECK(access_find_scheme(question, "Basic ", &text) ==
	    ACCESS_GRANTED);
	CHECK(text.length <= IDENTITY_CREDENTIAL_MAX);
	CHECK(EVP_DecodeBlock(bytes, (const uint8_t *)text.at,
	    (int)text.length) > 0);
	CHECK(memchr(bytes, ':', text.length) != NULL);
}

static void
try_parameters(const uint8_t *data, size_t size)
{
	char audience[] = "one", *audiences[] = { audience, NULL };
	const struct config_auth config = { .name = "t",
		.type = CONFIG_AUTH_BEARER };
	const struct config_auth basic = { .name = "b",
		.type = CONFIG_AUTH_BASIC };
	struct access_section section[2] = { { .config = &config, .rules = {
	    .algorithm = CONFIG_HS256, .scope_claim = "scope",
	    .audience = audiences } }, { .config = &basic } };
	struct access *access = calloc(1, sizeof(*access));
	const struct access_question question = { .auths = 3,
		.scopes = "read", .params = data, .params_length = size,
		.client = "", .wall_s = 1000 };
	struct access_answer answer;
	char headers[ACCESS_HEADERS_MAX];

	CHECK(access != NULL);
	CHECK(access_keys_single(&section[0].rules.keys, CONFIG_HS256, SECRET,
	    strlen(SECRET), NULL) == 0);
	access->sections = section;
	access->count = 2;
	access_check(access, &question, &answer);
	if (answer.verdict == ACCESS_HASH)
		check_hash(access, &question, &answer);
	else if (answer.verdict != ACCESS_GRANTED) {
		CHECK(answer.length == 0 && answer.why != NULL);
		CHECK(access_refusal(access, &question, &answer, headers,
		    sizeof(headers)) >= 401);
		CHECK(strlen(headers) < sizeof(headers));
	} else
		CHECK(answer.length > 0);
	access_known_forget(&access->known);
	access_keys_free(&section[0].rules.keys);
	free(access);
}

static void
try_users(const uint8_t *data, size_t size)
{
	struct access_users users = { NULL, 0 };
	struct err err = { "" };

	if (access_users_parse(&users, (const char *)data, size, &err) < 0)
		CHECK(err.text[0] != '\0');
	for (size_t i = 0; i < users.count; i++)
		CHECK(access_hash_refuse(users.list[i].hash) == NULL);
	access_users_free(&users);
}

static void
try_file(const uint8_t *data, size_t size)
{
	struct access_clients clients = { NULL, 0 };
	struct err err = { "" };

	if (access_clients_parse(&clients, (const char *)data, size,
	    &err) < 0)
		CHECK(err.text[0] != '\0');
	access_clients_free(&clients);
}

static void
try_set(const uint8_t *data, size_t size)
{
	struct access_keys keys = { NULL, 0 };
	struct err err = { "" };

	for (enum config_algorithm i = CONFIG_HS256; i <= CONFIG_EDDSA; i++) {
		if (access_keys_set(&keys, i, (const char *)data, size,
		    &err) == 0)
			CHECK(keys.count > 0);
		access_keys_free(&keys);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size == 0)
		return 0;
	copy = malloc(size - 1 + (size == 1)); /* not one byte more */
	CHECK(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	switch (data[0] == 'u' ? 4 : data[0] % 4) {
	case 0:
		try_token(copy, size - 1);
		break;
	case 1:
		try_parameters(copy, size - 1);
		break;
	case 2:
		try_file(copy, size - 1);
		break;
	case 4:
		try_users(copy, size - 1);
		break;
	default:
		try_set(copy, size - 1);
		break;
	}
	free(copy);
	return 0;
}
