/*
 * access_password_test.c - users, their passwords and what hashes may be.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: a password is right only for the hash beside its name, and a hash
 * is one that withstands guessing and takes bounded memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "access/access_private.h"
#include "wire/wire_params.h"

/* "foo", of four rounds; and what a hash of yescrypt looks like. */
#define FOO	"$2b$04$aaaaaaaaaaaaaaaaaaaaaOK1N1l3Y6AIK" \
	"Ah9JS5wdyp/qpHdoGaPS"
#define DIGITS	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Breaks when: a line of the users' file is read wrong. */
static void
test_users(void **state)
{
	static const char text[] = "# who may\n \t\n\n"
	    "eve:" FOO "\r\nada:" FOO ": read\t write \nan a:" FOO ":a:b";
	struct access_users users = { NULL, 0 };
	struct err err = { "" };

	(void)state;
	if (access_users_parse(&users, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(users.count, 3);
	assert_string_equal(access_users_find(&users, "ada")->scopes,
	    "read write");
	assert_string_equal(access_users_find(&users, "eve")->scopes, "");
	assert_string_equal(access_users_find(&users, "eve")->hash, FOO);
	assert_string_equal(access_users_find(&users, "an a")->scopes, "a:b");
	assert_null(access_users_find(&users, "an"));
	assert_null(access_users_find(&users, ""));
	access_users_free(&users);
	assert_null(access_users_find(&users, "ada"));
}

/* Breaks when: a hash is taken that can be guessed, that nothing could equal,
 * or that takes more memory than the plan counts. */
static void
test_hashes(void **state)
{
	static const char *const sound[] = { FOO, "$y$j9T$abc$" DIGITS,
		"$gy$j9T$abc$" DIGITS, "$y$jBT$abc$" DIGITS,
		"$7$CU..../....abc$" DIGITS, "$6$abc$" DIGITS DIGITS,
		"$6$rounds=999999$abc$" DIGITS DIGITS };
	static const char *const bad[] = { "", "*", "x", "foo", "$", "$y$",
		"$y$j9T$", "$y$j9T$abc$", "$y$jCT$abc$" DIGITS,
		"$y$jzT$abc$" DIGITS, "$y$j9z$abc$" DIGITS,
		"$7$DU..../....abc$" DIGITS, "$7$CU/.../....abc$" DIGITS,
		"$7$zU..../....abc$" DIGITS, "$6$abc$" DIGITS,
		"$5$abc$" DIGITS, "$1$abc$" "aaaaaaaaaaaaaaaaaaaaaa",
		"$2x$04$" DIGITS "aaaaaaaaaa", "$2b$04$" DIGITS,
		"$apr1$abc$aaaaaaaaaaaaaaaaaaaaaa", "{SHA}aaaa",
		"aaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++)
		if (access_hash_refuse(sound[i]) != NULL)
			fail_msg("%s %s", sound[i],
			    access_hash_refuse(sound[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (access_hash_refuse(bad[i]) == NULL)
			fail_msg("\"%s\" is taken", bad[i]);
}

struct asking {
	struct access		*access;
	struct access_question	 question;
	struct access_answer	 answer;
	uint8_t			 params[256];
};

static enum access_verdict
ask(struct asking *asking, const char *authorization)
{
	uint8_t *end = wire_params_put(asking->params,
	    asking->params + sizeof(asking->params), "HTTP_AUTHORIZATION", 18,
	    authorization, strlen(authorization));

	asking->question.params = asking->params;
	asking->question.params_length = (size_t)(end - asking->params);
	access_check(asking->access, &asking->question, &asking->answer);
	return asking->answer.verdict;
}

/* What access_hash_done() says of it. */
static int
hash(struct asking *asking)
{
	struct access_question *question = &asking->question;
	struct access_hash *one = access_hash_create(asking->access, question,
	    asking->answer.section);
	int rc;

	access_hash_run(one);
	rc = access_hash_done(asking->access, one, &question->tried,
	    question->wall_s, question->now_ms);
	access_hash_free(one);
	return rc;
}

/* Breaks when: a right password is not known afterwards, is known for longer
 * than it should, or for another password; a wrong one is not counted, or is
 * hashed for a client that has sent too many. */
static void
test_passwords(void **state)
{
	static const struct config_auth config = { .name = "people",
		.type = CONFIG_AUTH_BASIC };
	struct access_section section = { .config = &config };
	struct access *access = calloc(1, sizeof(*access));
	struct asking asking = { .access = access, .question = {
		.auths = 1, .client = "a", .client_length = 1,
		.wall_s = 1000, .now_ms = 5 } };

	(void)state;
	access->sections = &section;
	access->count = 1;
	access->failed.limit = 2;
	assert_int_equal(access_users_parse(&section.users, "ada:" FOO, 64,
	    NULL), 0);
	assert_int_equal(ask(&asking, "Basic YWRhOmZvbw=="), ACCESS_HASH);
	assert_int_equal(asking.answer.length, 0);
	assert_int_equal(hash(&asking), 0);
	assert_int_equal(asking.question.tried, 0);
	assert_int_equal(ask(&asking, "basic YWRhOmZvbw=="), ACCESS_GRANTED);
	assert_string_equal((char *)asking.answer.identity, "people");
	asking.question.wall_s += ACCESS_KNOWN_S - 1;
	assert_int_equal(ask(&asking, "basic YWRhOmZvbw=="), ACCESS_GRANTED);
	asking.question.wall_s++;
	assert_int_equal(ask(&asking, "basic YWRhOmZvbw=="), ACCESS_HASH);
	assert_int_equal(ask(&asking, "Basic YWRhOmZvbg=="), ACCESS_HASH);
	assert_int_equal(hash(&asking), 1);
	assert_int_equal(asking.question.tried, 1);
	assert_int_equal(ask(&asking, "Basic YWRhOmZvbg=="), ACCESS_INVALID);
	asking.question.tried = 0;
	assert_int_equal(ask(&asking, "Basic ZXZlOmZvbw=="), ACCESS_HASH);
	assert_int_equal(hash(&asking), 1);
	asking.question.tried = 0;
	assert_int_equal(ask(&asking, "Basic YWRhOmZvbw=="), ACCESS_TOO_MANY);
	asking.question.client = "b";
	assert_int_equal(ask(&asking, "Basic YWRhOmZvbw=="), ACCESS_HASH);
	asking.question.scopes = "read";
	assert_int_equal(hash(&asking), 0);
	assert_int_equal(ask(&asking, "Basic YWRhOmZvbw=="),
	    ACCESS_FORBIDDEN);
	access_users_free(&section.users);
	access_known_forget(&access->known);
	free(access);
}

/* Breaks when: some byte of a hash is not looked at, or one name and password
 * can be written in two ways. */
static void
test_every_byte_of_a_hash(void **state)
{
	static const struct config_auth config = { .name = "people",
		.type = CONFIG_AUTH_BASIC };
	struct access_section section = { .config = &config };
	struct access *access = calloc(1, sizeof(*access));
	struct asking asking = { .access = access, .question = {
		.auths = 1, .client = "a", .client_length = 1,
		.wall_s = 1000, .now_ms = 5 } };
	char line[] = "ada:" FOO;

	(void)state;
	access->sections = &section;
	access->count = 1;
	for (size_t i = sizeof(line) - 32; i < sizeof(line) - 1; i++) {
		char right = line[i];

		line[i] = right == 'a' ? 'b' : 'a';
		assert_int_equal(access_users_parse(&section.users, line, 64,
		    NULL), 0);
		assert_int_equal(ask(&asking, "Basic YWRhOmZvbw=="),
		    ACCESS_HASH);
		if (hash(&asking) != 1)
			fail_msg("byte %zu", i);
		asking.question.tried = 0;
		access_users_free(&section.users);
		line[i] = right;
	}
	assert_int_equal(ask(&asking, "Basic YWRhOj4+Pg=="), ACCESS_HASH);
	assert_int_equal(ask(&asking, "Basic YWRhOj4-Pg=="), ACCESS_INVALID);
	assert_int_equal(ask(&asking, "Basic YWRhOj4+Pg"), ACCESS_INVALID);
	assert_int_equal(ask(&asking, "Basic YWRhOj4+Ph=="), ACCESS_INVALID);
	free(access);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_every_byte_of_a_hash)
	};

	return cmocka_run_group_tests_name("access_password", tests, NULL,
	    NULL);
}
