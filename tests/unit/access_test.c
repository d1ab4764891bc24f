/*
 * access_test.c - tokens, keys and who may ask.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: a token is good for one algorithm and one kind of key, the
 * section's, whatever it says of itself.  Sound tokens are those of the RFCs;
 * others are signed by libcrypto, here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "access/access_private.h"
#include "wire/wire_params.h"

#define THEN	INT64_C(1300819000)	/* a bit before the RFC's exp */
#define SECRET	"0123456789abcdef0123456789abcdef"

/* RFC 7515, appendices A.1 and A.2; RFC 8037, appendix A. */
#define PAYLOAD	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l" \
	"eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define HS256_TOKEN "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD \
	".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define HS256_SET "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj" \
	"1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}]}"
#define RS256_TOKEN "eyJhbGciOiJSUzI1NiJ9." PAYLOAD \
	".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7" \
	"AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4" \
	"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K" \
	"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv" \
	"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB" \
	"p0igcN_IoypGlUPQGe77Rw"
#define RSA_N "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx" \
	"HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpR" \
	"PEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdb" \
	"BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwK" \
	"h9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz" \
	"k2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_KEY(id) "{\"kty\":\"RSA\",\"kid\":\"" id "\",\"n\":\"" RSA_N \
	"\",\"e\":\"AQAB\"}"
#define EDDSA_TOKEN "eyJhbGciOiJFZERTQSJ9." \
	"RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc" \
	".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B" \
	"hVsPt9g7sVvpAr_MuM0KAg"
#define EDDSA_SET "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":" \
	"\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}"

static struct access_rules
rules_of(enum config_algorithm algorithm, const char *set)
{
	struct access_rules rules = { .algorithm = algorithm,
		.leeway_s = 30, .scope_claim = "scope" };
	struct err err = { "" };

	if (access_keys_set(&rules.keys, algorithm, set, strlen(set),
	    &err) < 0)
		fail_msg("%s", err.text);
	return rules;
}

static struct access_rules
secret_rules(void)
{
	struct access_rules rules = { .algorithm = CONFIG_HS256,
		.leeway_s = 30, .scope_claim = "scope" };

	assert_int_equal(access_keys_single(&rules.keys, CONFIG_HS256,
	    SECRET "\n", strlen(SECRET) + 1, NULL), 0);
	return rules;
}

/* NULL, or why it is not good. */
static const char *
verdict(const struct access_rules *rules, const char *token, int64_t at)
{
	struct access_claims claims;
	const char *why = access_jwt(rules, token, strlen(token), at, &claims);

	if (why == NULL)
		access_claims_release(&claims);
	return why;
}

static void
expect_bad(const struct access_rules *rules, const char *token, int64_t at,
    const char *part)
{
	const char *why = verdict(rules, token, at);

	if (why == NULL || strstr(why, part) == NULL)
		fail_msg("%s: not \"%s\" but \"%s\"", token, part,
		    why == NULL ? "good" : why);
}

/* ------------------------------------------------------- tokens of our own */

static size_t
encode(char *out, const void *bytes, size_t length)
{
	int count = EVP_EncodeBlock((uint8_t *)out, bytes, (int)length);

	while (count > 0 && out[count - 1] == '=')
		count--;
	for (int i = 0; i < count; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
	out[count] = '\0';
	return (size_t)count;
}

/* Signed by SECRET, whatever the header says. */
static const char *
sign(const char *header, const char *claims)
{
	static char token[20000];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	unsigned length = sizeof(digest);
	size_t have = encode(token, header, strlen(header));

	token[have++] = '.';
	have += encode(token + have, claims, strlen(claims));
	HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET),
	    (const uint8_t *)token, have, digest, &length);
	token[have++] = '.';
	encode(token + have, digest, length);
	return token;
}

#define HS256	"{\"alg\":\"HS256\"}"
#define CLAIMS	"{\"sub\":\"ada\",\"exp\":1300819380}"

/* ----------------------------------------------------------------- vectors */

/* Breaks when: a signature of the RFCs is not good, or a spoilt one is. */
static void
test_rfc_vectors(void **state)
{
	struct access_rules hs256 = rules_of(CONFIG_HS256, HS256_SET);
	struct access_rules rs256 = rules_of(CONFIG_RS256,
	    "{\"keys\":[" RSA_KEY("a") "]}");
	struct access_rules eddsa = rules_of(CONFIG_EDDSA, EDDSA_SET);
	char spoilt[] = RS256_TOKEN;

	(void)state;
	assert_null(verdict(&hs256, HS256_TOKEN, THEN));
	assert_null(verdict(&rs256, RS256_TOKEN, THEN));
	/* Its payload is a sentence: the signature is looked at before. */
	expect_bad(&eddsa, EDDSA_TOKEN, THEN, "claims are no JSON");
	spoilt[strlen("eyJhbGciOiJSUzI1NiJ9.") + 3] ^= 1;
	expect_bad(&rs256, spoilt, THEN, "signature is not good");
	strcpy(spoilt, EDDSA_TOKEN);
	spoilt[strlen("eyJhbGciOiJFZERTQSJ9.") + 3] ^= 1;
	expect_bad(&eddsa, spoilt, THEN, "signature is not good");
	access_keys_free(&hs256.keys);
	access_keys_free(&rs256.keys);
	access_keys_free(&eddsa.keys);
}

/* Breaks when: a token chooses its algorithm or its kind of key. */
static void
test_algorithms(void **state)
{
	struct access_rules hs256 = rules_of(CONFIG_HS256, HS256_SET);
	struct access_rules rs256 = rules_of(CONFIG_RS256,
	    "{\"keys\":[" RSA_KEY("a") "]}");
	struct access_rules ours = secret_rules();

	(void)state;
	expect_bad(&hs256, RS256_TOKEN, THEN, "another algorithm");
	expect_bad(&rs256, HS256_TOKEN, THEN, "another algorithm");
	expect_bad(&rs256, "eyJhbGciOiJub25lIn0." PAYLOAD ".", THEN,
	    "no signed token");
	expect_bad(&rs256, "eyJhbGciOiJub25lIn0." PAYLOAD ".AA", THEN,
	    "another algorithm");
	assert_null(verdict(&ours, sign(HS256, CLAIMS), THEN));
	expect_bad(&ours, sign("{\"alg\":\"none\"}", CLAIMS), THEN,
	    "another algorithm");
	expect_bad(&ours, sign("{\"alg\":\"hs256\"}", CLAIMS), THEN,
	    "another algorithm");
	expect_bad(&ours, sign("{\"alg\":\"HS256\\u0000\"}", CLAIMS), THEN,
	    "another algorithm");
	expect_bad(&ours, sign("{\"alg\":[\"HS256\"]}", CLAIMS), THEN,
	    "another algorithm");
	expect_bad(&ours, sign("{}", CLAIMS), THEN, "another algorithm");
	expect_bad(&ours, sign("{\"alg\":\"HS256\",\"crit\":[\"b64\"],"
	    "\"b64\":false}", CLAIMS), THEN, "extension");
	expect_bad(&ours, sign("{\"alg\":\"HS256\",\"kid\":7}", CLAIMS), THEN,
	    "kid");
	assert_null(verdict(&ours, sign("{\"alg\":\"HS256\",\"kid\":"
	    "\"../../dev/null\",\"jku\":\"http://evil/\"}", CLAIMS), THEN));
	access_keys_free(&hs256.keys);
	access_keys_free(&rs256.keys);
	access_keys_free(&ours.keys);
}

/* Breaks when: something that is no compact JWS is taken apart as one. */
static void
test_forms(void **state)
{
	static const char *const bad[] = { "", ".", "..", "...", "a.b.c",
		"a.b", HS256_TOKEN ".x", HS256_TOKEN "=", HS256_TOKEN " ",
		"eyJhbGciOiJIUzI1NiJ9.e30.", "{\"alg\":\"HS256\"}.e30.AAAA",
		"eyJhbGciOiJIUzI1NiJ9..AAAA" };
	struct access_rules rules = rules_of(CONFIG_HS256, HS256_SET);
	char *huge = malloc(100001);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_bad(&rules, bad[i], THEN, "");
	memset(huge, 'A', 100000);
	huge[100000] = '\0';
	expect_bad(&rules, huge, THEN, "too long");
	free(huge);
	access_keys_free(&rules.keys);
}

/* Breaks when: bits nobody looks at give a token a second text. */
static void
test_base64(void **state)
{
	uint8_t out[16];

	(void)state;
	assert_int_equal(access_base64(out, "", 0), 0);
	assert_int_equal(access_base64(out, "-_8", 3), 2);
	assert_memory_equal(out, "\xfb\xff", 2);
	assert_int_equal(access_base64(out, "-_9", 3), -1);
	assert_int_equal(access_base64(out, "QQ", 2), 1);
	assert_int_equal(access_base64(out, "QR", 2), -1);
	assert_int_equal(access_base64(out, "Q", 1), -1);
	assert_int_equal(access_base64(out, "QQ==", 4), -1);
	assert_int_equal(access_base64(out, "Q Q=", 4), -1);
	assert_int_equal(access_base64(out, "+/8", 3), -1);
}

/* ------------------------------------------------------------------ claims */

/* Breaks when: a date is taken the wrong way round, or for what it is not. */
static void
test_dates(void **state)
{
	struct access_rules rules = secret_rules();

	(void)state;
	assert_null(verdict(&rules, sign(HS256, "{\"exp\":1000}"), 1029));
	expect_bad(&rules, sign(HS256, "{\"exp\":1000}"), 1030, "expired");
	assert_null(verdict(&rules, sign(HS256, "{\"exp\":1000.9}"), 1029));
	expect_bad(&rules, sign(HS256, "{\"exp\":\"1000\"}"), 0, "no date");
	expect_bad(&rules, sign(HS256, "{\"exp\":-1}"), 0, "no date");
	expect_bad(&rules, sign(HS256, "{\"exp\":1e300}"), 0, "no date");
	expect_bad(&rules, sign(HS256, "{\"exp\":null}"), 0, "no date");
	expect_bad(&rules, sign(HS256, "{}"), 0, "no exp");
	expect_bad(&rules, sign(HS256, "{\"exp\":1000,\"nbf\":500}"), 469,
	    "not valid yet");
	assert_null(verdict(&rules, sign(HS256, "{\"exp\":1000,\"nbf\":500}"),
	    470));
	access_keys_free(&rules.keys);
}

/* Breaks when: a token for somebody else, or of somebody else, is taken. */
static void
test_parties(void **state)
{
	char *const audience[] = { "one", "two", NULL };
	struct access_rules rules = secret_rules();

	(void)state;
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"aud\":\"one\"}"), 0,
	    "another audience");
	rules.audience = audience;
	rules.issuer = "joe";
	assert_null(verdict(&rules, sign(HS256, "{\"exp\":9,\"iss\":\"joe\","
	    "\"aud\":\"two\"}"), 0));
	assert_null(verdict(&rules, sign(HS256, "{\"exp\":9,\"iss\":\"joe\","
	    "\"aud\":[\"x\",\"one\"]}"), 0));
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"iss\":\"joe\"}"), 0,
	    "no audience");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"iss\":\"joe\",\"aud\":"
	    "[\"x\",1,{}]}"), 0, "another audience");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"iss\":\"joe\",\"aud\":"
	    "\"one\\u0000\"}"), 0, "another audience");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"aud\":\"one\"}"), 0,
	    "another issuer");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"iss\":\"joe\\u0000\","
	    "\"aud\":\"one\"}"), 0, "another issuer");
	access_keys_free(&rules.keys);
}

/* Breaks when: a name or a scope can be cut short, or is not one. */
static void
test_names_and_scopes(void **state)
{
	struct access_rules rules = secret_rules();
	const char *token;
	struct access_claims claims;

	(void)state;
	token = sign(HS256, "{\"exp\":9,\"sub\":\"ada\",\"scope\":"
	    "\" read  write \"}");
	assert_null(access_jwt(&rules, token, strlen(token), 0, &claims));
	assert_string_equal(claims.name, "ada");
	assert_string_equal(claims.scopes, "read write");
	access_claims_release(&claims);
	token = sign(HS256, "{\"exp\":9,\"scope\":[\"a\",\"b c\"]}");
	assert_null(access_jwt(&rules, token, strlen(token), 0, &claims));
	assert_string_equal(claims.name, "");
	assert_string_equal(claims.scopes, "a b c");
	access_claims_release(&claims);
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"sub\":\"root\\u0000x\"}"),
	    0, "sub");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"sub\":7}"), 0, "sub");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"scope\":7}"), 0,
	    "scopes");
	expect_bad(&rules, sign(HS256, "{\"exp\":9,\"scope\":\"a\\nb\"}"), 0,
	    "scopes");
	access_keys_free(&rules.keys);
	assert_true(identity_has_scopes("read write", " write  read"));
	assert_true(identity_has_scopes("", ""));
	assert_false(identity_has_scopes("reader", "read"));
	assert_false(identity_has_scopes("read", "read write"));
}

/* -------------------------------------------------------------------- keys */

static void
expect_refused(enum config_algorithm algorithm, bool set, const char *bytes,
    const char *part)
{
	struct access_keys keys = { NULL, 0 };
	struct err err = { "" };
	int rc = set ? access_keys_set(&keys, algorithm, bytes, strlen(bytes),
	    &err) : access_keys_single(&keys, algorithm, bytes, strlen(bytes),
	    &err);

	if (rc == 0 || strstr(err.text, part) == NULL)
		fail_msg("not \"%s\" but \"%s\"", part, err.text);
	access_keys_free(&keys);
}

/* Breaks when: a public key is a secret, or a weak one is taken. */
static void
test_bad_keys(void **state)
{
	(void)state;
	expect_refused(CONFIG_HS256, false, "-----BEGIN PUBLIC KEY-----\nxx",
	    "PEM");
	expect_refused(CONFIG_HS256, false, "too short", "32");
	expect_refused(CONFIG_RS256, false, "-----BEGIN PRIVATE KEY-----",
	    "private");
	expect_refused(CONFIG_RS256, false, "nothing", "no public key");
	expect_refused(CONFIG_RS256, true, "[]", "JWK Set");
	expect_refused(CONFIG_RS256, true, "{}", "keys");
	expect_refused(CONFIG_RS256, true, EDDSA_SET, "no key of the");
	expect_refused(CONFIG_HS256, true, "{\"keys\":[" RSA_KEY("a") "]}",
	    "no key of the");
	expect_refused(CONFIG_RS256, true, "{\"keys\":[{\"kty\":\"RSA\","
	    "\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "");
	expect_refused(CONFIG_EDDSA, true, "{\"keys\":[{\"kty\":\"OKP\","
	    "\"crv\":\"Ed25519\",\"x\":\"AQAB\"}]}", "cannot be read");
}

/* Breaks when: kid does not choose, or reaches a key that is not its own. */
static void
test_kid(void **state)
{
	struct access_rules rules = rules_of(CONFIG_HS256, "{\"keys\":["
	    "{\"kty\":\"oct\",\"kid\":\"old\",\"k\":\"MDAwMDAwMDAwMDAwMDAwMDAw"
	    "MDAwMDAwMDAwMDAwMDA\"},{\"kty\":\"oct\",\"kid\":\"new\",\"k\":"
	    "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}");

	(void)state;
	assert_null(verdict(&rules, sign("{\"alg\":\"HS256\",\"kid\":"
	    "\"new\"}", CLAIMS), THEN));
	assert_null(verdict(&rules, sign(HS256, CLAIMS), THEN));
	expect_bad(&rules, sign("{\"alg\":\"HS256\",\"kid\":\"old\"}", CLAIMS),
	    THEN, "signature");
	expect_bad(&rules, sign("{\"alg\":\"HS256\",\"kid\":\"new' OR 1\"}",
	    CLAIMS), THEN, "not known");
	access_keys_free(&rules.keys);
}

/* Breaks when: a token without a kid costs more signatures than four. */
static void
test_four_tries(void **state)
{
	static char set[4096];
	char key[ACCESS_DIGEST + 1] = SECRET, text[64];
	struct access_rules rules;

	(void)state;
	for (int count = 4; count <= 5; count++) {
		strcpy(set, "{\"keys\":[");
		for (int i = 1; i <= count; i++) {	/* the last is ours */
			key[0] = (char)(i == count ? SECRET[0] : 'a' + i);
			encode(text, key, ACCESS_DIGEST);
			sprintf(set + strlen(set), "%s{\"kty\":\"oct\","
			    "\"kid\":\"%d\",\"k\":\"%s\"}",
			    i == 1 ? "" : ",", i, text);
		}
		strcat(set, "]}");
		rules = rules_of(CONFIG_HS256, set);
		if (count == 4)
			assert_null(verdict(&rules, sign(HS256, CLAIMS),
			    THEN));
		else
			expect_bad(&rules, sign(HS256, CLAIMS), THEN,
			    "signature is not good");
		assert_null(verdict(&rules, sign(count == 4 ?
		    "{\"alg\":\"HS256\",\"kid\":\"4\"}" :
		    "{\"alg\":\"HS256\",\"kid\":\"5\"}", CLAIMS), THEN));
		access_keys_free(&rules.keys);
	}
}

/* Breaks when: a line of the file of keys is read wrong. */
static void
test_clients(void **state)
{
	static const char text[] = "# who may\n\n"
	    "ada 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266"
	    "e7ae  read \t write\r\n"
	    "bob fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf"
	    "8fb9";
	struct access_clients clients = { NULL, 0 };
	const struct access_client *one;
	struct err err = { "" };

	(void)state;
	assert_int_equal(access_clients_parse(&clients, text, strlen(text),
	    &err), 0);
	assert_int_equal(clients.count, 2);
	one = access_clients_find(&clients, "foo", 3);
	assert_non_null(one);
	assert_string_equal(one->name, "ada");
	assert_string_equal(one->scopes, "read write");
	one = access_clients_find(&clients, "bar", 3);
	assert_string_equal(one->name, "bob");
	assert_string_equal(one->scopes, "");
	assert_null(access_clients_find(&clients, "foo", 2));
	assert_null(access_clients_find(&clients, "", 0));
	access_clients_free(&clients);
	assert_int_equal(access_clients_parse(&clients, "\nada foo\n", 9,
	    &err), -1);
	assert_non_null(strstr(err.text, "line 2"));
	access_clients_free(&clients);
	assert_int_equal(access_clients_parse(&clients, "a 2c26b46b68ffc68ff99"
	    "b453c1d30413413422d706483bfa0f98a5e886266e7ae\nb 2c26b46b68ffc68"
	    "ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\n", 134, &err),
	    -1);
	assert_non_null(strstr(err.text, "same key"));
	access_clients_free(&clients);
}

/* ----------------------------------------------------------- known, failed */

/* Breaks when: a token outlives its exp because it was good once, or is good
 * for another section. */
static void
test_known(void **state)
{
	struct access_known *known = calloc(1, sizeof(*known));
	uint8_t digest[ACCESS_DIGEST], other[ACCESS_DIGEST];

	(void)state;
	access_known_digest(known, 0, "token", 5, digest);
	access_known_digest(known, 1, "token", 5, other);
	assert_memory_not_equal(digest, other, ACCESS_DIGEST);
	assert_null(access_known_find(known, digest, 0, 50));
	access_known_put(known, digest, 0, 40, 60, (const uint8_t *)"x", 1);
	assert_non_null(access_known_find(known, digest, 0, 59));
	assert_null(access_known_find(known, digest, 0, 60));
	assert_null(access_known_find(known, digest, 0, 39));
	assert_null(access_known_find(known, digest, 1, 50));
	digest[ACCESS_DIGEST - 1] ^= 1;		/* the same place */
	assert_null(access_known_find(known, digest, 0, 50));
	digest[ACCESS_DIGEST - 1] ^= 1;
	access_known_forget(known);
	assert_null(access_known_find(known, digest, 0, 50));
	free(known);
}

/* Breaks when: one client's failures refuse another, or never end. */
static void
test_failed(void **state)
{
	struct access_failed *failed = calloc(1, sizeof(*failed));

	(void)state;
	failed->limit = 3;
	for (int i = 0; i < 3; i++) {
		assert_false(access_failed_too_often(failed, "a", 1, 1000));
		access_failed_count(failed, "a", 1, 1000);
	}
	assert_true(access_failed_too_often(failed, "a", 1, 10999));
	/* So many that some have its place. */
	for (uint32_t i = 0; i < 10 * ACCESS_FAILED; i++)
		assert_false(access_failed_too_often(failed,
		    (const char *)&i, sizeof(i), 10999));
	assert_false(access_failed_too_often(failed, "a", 1, 11000));
	failed->limit = 0;
	assert_false(access_failed_too_often(failed, "a", 1, 1000));
	free(failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_vectors),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_parties),
		cmocka_unit_test(test_names_and_scopes),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_kid),
		cmocka_unit_test(test_four_tries),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
