/*
 * access_check_test.c - which credentials of a request count, and for what.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: the files of keys are variables of the environment, which the
 * first look wipes; so each test makes its own.
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

#include "access/access.h"
#include "wire/wire_params.h"

#define SECRET	"0123456789abcdef0123456789abcdef"
#define FOO	"2c26b46b68ffc68ff99b453c1d304134" \
		"13422d706483bfa0f98a5e886266e7ae"
#define BAR	"fcde2b2edba56bf408601fb721fe9b5c" \
		"338d10ee429ea04fae5511b68fbf8fb9"

enum { KEYS = 1, OTHERS = 2, TOKENS = 4, ELSEWHERE = 8 };

#define TEXT(text)	((char *)(uintptr_t)(text))

static struct config_auth auths[] = {
	{ .name = TEXT("keys"), .type = CONFIG_AUTH_KEY,
	    .header = TEXT("X-API-Key"), .keys_file = TEXT("env:KEYS") },
	{ .name = TEXT("others"), .type = CONFIG_AUTH_KEY,
	    .header = TEXT("X-Other"), .keys_file = TEXT("env:OTHERS") },
	{ .name = TEXT("tokens"), .type = CONFIG_AUTH_BEARER,
	    .algorithm = CONFIG_HS256, .key_file = TEXT("env:SECRET"),
	    .scope_claim = TEXT("scope") },
	{ .name = TEXT("elsewhere"), .type = CONFIG_AUTH_BEARER,
	    .algorithm = CONFIG_HS256, .key_file = TEXT("env:SECRET"),
	    .issuer = TEXT("joe"), .scope_claim = TEXT("scope") }
};
static const struct config config = { .auths = auths,
    .auth_count = sizeof(auths) / sizeof(auths[0]), .auth_failures = 2 };

struct scene {
	struct access		*access;
	struct access_answer	 answer;
	uint8_t			 params[4096];
	size_t			 length;
	uint64_t		 now_ms;
};

static int
setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct err err = { "" };

	assert_non_null(s);
	setenv("KEYS", "ada " FOO " read write\n", 1);
	setenv("OTHERS", "bob " BAR "\n", 1);
	setenv("SECRET", SECRET, 1);
	s->access = access_create(&config, &err);
	assert_string_equal(err.text, "");
	s->now_ms = 1000;
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	access_destroy(s->access);
	free(s);
	return 0;
}

static void
param(struct scene *s, const char *name, const char *value)
{
	uint8_t *end = wire_params_put(s->params + s->length, s->params +
	    sizeof(s->params), name, strlen(name), value, strlen(value));

	assert_non_null(end);
	s->length = (size_t)(end - s->params);
}

static struct access_question
question(const struct scene *s, uint32_t bits, const char *scopes)
{
	return (struct access_question){ .auths = bits, .scopes = scopes,
	    .params = s->params, .params_length = s->length,
	    .client = "192.0.2.1", .client_length = 9, .wall_s = 500,
	    .now_ms = s->now_ms };
}

/* Of the parameters there are; they are gone afterwards. */
static enum access_verdict
check(struct scene *s, uint32_t bits, const char *scopes)
{
	const struct access_question asked = question(s, bits, scopes);

	access_check(s->access, &asked, &s->answer);
	s->length = 0;
	return s->answer.verdict;
}

static enum access_verdict
check_one(struct scene *s, uint32_t bits, const char *name, const char *value)
{
	param(s, name, value);
	return check(s, bits, NULL);
}

static void
expect_who(const struct scene *s, const char *auth, const char *name)
{
	struct fh_identity identity;

	assert_int_equal(identity_get(s->answer.identity, s->answer.length,
	    &identity), 0);
	assert_string_equal(identity.auth, auth);
	assert_string_equal(identity.name, name);
}

/* ---------------------------------------------------------------- tokens */

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

#define HEADER	"{\"alg\":\"HS256\"}"
#define CLAIMS	"{\"sub\":\"eve\",\"exp\":1000,\"scope\":\"read\"}"

/* "Bearer ..." with all but `cut` bytes of its signature, whose byte at `flip`
 * is another (-1: none). */
static const char *
bearer(const char *claims, size_t cut, int flip)
{
	static char text[2048];
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char *token = text + strlen("Bearer ");
	size_t have;

	strcpy(text, "Bearer ");
	have = encode(token, HEADER, strlen(HEADER));
	token[have++] = '.';
	have += encode(token + have, claims, strlen(claims));
	HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET),
	    (const uint8_t *)token, have, digest, &length);
	if (flip >= 0)
		digest[flip] ^= 1;
	token[have++] = '.';
	encode(token + have, digest, length - cut);
	return text;
}

/* ------------------------------------------------------------------ tests */

/* Breaks when: a key counts in another header than its section's, for another
 * section, or in any case that is not its own. */
static void
a_key_in_its_header(void **state)
{
	struct scene *s = *state;

	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", "foo"),
	    ACCESS_GRANTED);
	expect_who(s, "keys", "ada");
	assert_int_equal(check_one(s, OTHERS, "HTTP_X_OTHER", "bar"),
	    ACCESS_GRANTED);
	expect_who(s, "others", "bob");
	assert_int_equal(check_one(s, OTHERS, "HTTP_X_API_KEY", "bar"),
	    ACCESS_MISSING);
	assert_int_equal(check_one(s, KEYS, "HTTP_X_OTHER", "foo"),
	    ACCESS_MISSING);
	assert_int_equal(check_one(s, KEYS, "HTTP_AUTHORIZATION", "foo"),
	    ACCESS_MISSING);
	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", "bar"),
	    ACCESS_INVALID);
	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", "Foo"),
	    ACCESS_INVALID);
	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", " foo "),
	    ACCESS_GRANTED);	/* blanks around a value are none of it */
	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", ""),
	    ACCESS_MISSING);
	assert_int_equal(s->answer.length, 0);
}

/* Breaks when: of two credentials the host takes one and what stands behind it
 * the other. */
static void
one_that_comes_twice(void **state)
{
	struct scene *s = *state;

	param(s, "HTTP_X_API_KEY", "foo");
	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", "foo"),
	    ACCESS_INVALID);
	param(s, "HTTP_AUTHORIZATION", bearer(CLAIMS, 0, -1));
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION",
	    bearer(CLAIMS, 0, -1)), ACCESS_INVALID);
	assert_non_null(s->answer.why);
}

/* Breaks when: a route that wants several scopes is content with one, or what
 * it wants and what there is are mixed up. */
static void
all_scopes_are_wanted(void **state)
{
	struct scene *s = *state;
	static const struct {
		const char		*wanted;
		enum access_verdict	 verdict;
	} cases[] = {
		{ NULL, ACCESS_GRANTED }, { "", ACCESS_GRANTED },
		{ "read", ACCESS_GRANTED }, { "write read", ACCESS_GRANTED },
		{ "rea", ACCESS_FORBIDDEN }, { "reader", ACCESS_FORBIDDEN },
		{ "Read", ACCESS_FORBIDDEN },
		{ "read drop", ACCESS_FORBIDDEN },
		{ "drop read", ACCESS_FORBIDDEN },
		{ "read write drop", ACCESS_FORBIDDEN }
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		param(s, "HTTP_X_API_KEY", "foo");
		if (check(s, KEYS, cases[i].wanted) != cases[i].verdict)
			fail_msg("\"%s\"", cases[i].wanted);
	}
	param(s, "HTTP_X_OTHER", "bar");	/* bob has none at all */
	assert_int_equal(check(s, OTHERS, "read"), ACCESS_FORBIDDEN);
	assert_int_equal(s->answer.length, 0);
}

/* Breaks when: some byte of a signature is not looked at, or a part of it is
 * enough. */
static void
every_byte_of_a_signature(void **state)
{
	struct scene *s = *state;

	s->now_ms = 0;
	for (int i = 0; i < 32; i++, s->now_ms += 20000)
		if (check_one(s, TOKENS, "HTTP_AUTHORIZATION",
		    bearer(CLAIMS, 0, i)) != ACCESS_INVALID)
			fail_msg("byte %d", i);
	for (size_t cut = 1; cut <= 32; cut++, s->now_ms += 20000)
		if (check_one(s, TOKENS, "HTTP_AUTHORIZATION",
		    bearer(CLAIMS, cut, -1)) != ACCESS_INVALID)
			fail_msg("without the last %zu", cut);
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION",
	    bearer(CLAIMS, 0, -1)), ACCESS_GRANTED);
	expect_who(s, "tokens", "eve");
}

/* Breaks when: the scheme is not Bearer's in any case of letters, or another's
 * word is taken for a token. */
static void
the_scheme(void **state)
{
	struct scene *s = *state;
	char text[2048];

	snprintf(text, sizeof(text), "bEARER%s", bearer(CLAIMS, 0, -1) + 6);
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION", text),
	    ACCESS_GRANTED);
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION", text + 7),
	    ACCESS_MISSING);
	snprintf(text, sizeof(text), "Digest%s", bearer(CLAIMS, 0, -1) + 6);
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION", text),
	    ACCESS_MISSING);
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION", "Bearer "),
	    ACCESS_MISSING);
}

/* Breaks when: a token that one section has verified is good for another one
 * which would not have it. */
static void
known_to_one_section_only(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION",
		    bearer(CLAIMS, 0, -1)), ACCESS_GRANTED);
		assert_int_equal(check_one(s, ELSEWHERE, "HTTP_AUTHORIZATION",
		    bearer(CLAIMS, 0, -1)), ACCESS_INVALID);
	}
}

/* Breaks when: of several sections the first one's refusal stands, though
 * another grants or says more. */
static void
several_sections(void **state)
{
	struct scene *s = *state;

	param(s, "HTTP_X_API_KEY", "wrong");
	assert_int_equal(check_one(s, KEYS | TOKENS, "HTTP_AUTHORIZATION",
	    bearer(CLAIMS, 0, -1)), ACCESS_GRANTED);
	expect_who(s, "tokens", "eve");
	assert_int_equal(check_one(s, OTHERS | TOKENS, "HTTP_AUTHORIZATION",
	    bearer(CLAIMS, 0, 31)), ACCESS_INVALID);
	param(s, "HTTP_X_API_KEY", "wrong");
	param(s, "HTTP_X_OTHER", "bar");
	assert_int_equal(check(s, KEYS | OTHERS, "read"), ACCESS_FORBIDDEN);
	assert_int_equal(check(s, KEYS | OTHERS | TOKENS, NULL),
	    ACCESS_MISSING);
	assert_int_equal(check_one(s, OTHERS, "HTTP_X_API_KEY", "foo"),
	    ACCESS_MISSING);
}

/* Breaks when: failures are not counted, from the first over the limit, or one
 * who has failed is refused a key, which costs nothing to look at. */
static void
who_has_failed(void **state)
{
	struct scene *s = *state;
	const struct access_question asked = question(s, TOKENS, NULL);
	char headers[ACCESS_HEADERS_MAX];

	for (int i = 0; i < 2; i++)
		assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION",
		    "Bearer x.y.z"), ACCESS_INVALID);
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION",
	    bearer(CLAIMS, 0, -1)), ACCESS_TOO_MANY);
	assert_int_equal(access_refusal(s->access, &asked, &s->answer, headers,
	    sizeof(headers)), 429);
	assert_string_equal(headers, "Retry-After: 10\r\n");
	assert_int_equal(check_one(s, KEYS, "HTTP_X_API_KEY", "foo"),
	    ACCESS_GRANTED);
	s->now_ms += 10000;
	assert_int_equal(check_one(s, TOKENS, "HTTP_AUTHORIZATION",
	    bearer(CLAIMS, 0, -1)), ACCESS_GRANTED);
}

static bool
is_secret(const char *name)
{
	return access_is_secret(&config, (const uint8_t *)name, strlen(name));
}

/* Breaks when: the log or a captured request has a credential, or hides what is
 * none. */
static void
what_is_not_written_down(void **state)
{
	(void)state;
	assert_true(is_secret("HTTP_AUTHORIZATION"));
	assert_true(is_secret("HTTP_PROXY_AUTHORIZATION"));
	assert_true(is_secret("HTTP_COOKIE"));
	assert_true(is_secret("HTTP_X_API_KEY"));
	assert_true(is_secret("HTTP_X_OTHER"));
	assert_false(is_secret("HTTP_X_OTHERS"));
	assert_false(is_secret("X_OTHER"));
	assert_false(is_secret("HTTP_ACCEPT"));
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_in_its_header),
		TEST(one_that_comes_twice),
		TEST(all_scopes_are_wanted),
		TEST(every_byte_of_a_signature),
		TEST(the_scheme),
		TEST(known_to_one_section_only),
		TEST(several_sections),
		TEST(who_has_failed),
		TEST(what_is_not_written_down)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
