/*
 * health_test.c - questions about health, and what each is answered.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: what is expected is written out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "common/health.h"

static const char ready[] = "{\"ready\":true,\"reasons\":[],"
    "\"warnings\":[{\"reason\":\"model\",\"name\":\"b\"}],\"generation\":7,"
    "\"models\":{\"a\":{\"ready\":true,\"reasons\":[]},"
    "\"b\":{\"ready\":false,\"reasons\":[{\"reason\":\"model\","
    "\"name\":\"b\",\"detail\":\"no file\"}]}},"
    "\"pools\":{\"default\":{\"ready\":true,\"reasons\":[]}},"
    "\"routes\":{\"GET /x\":{\"ready\":false,\"reasons\":[{\"reason\":"
    "\"model\",\"name\":\"GET /x\",\"detail\":\"as b\"}]}}}";
static const char stopping[] = "{\"ready\":false,\"reasons\":[{\"reason\":"
    "\"stopping\",\"detail\":\"soon\"}],\"models\":{\"a\":{\"ready\":true,"
    "\"reasons\":[]}}}";

/* The status; the answer's text is compared. */
static int
answer(const char *document, const struct health_question *question,
    const char *wanted)
{
	struct json_object *health = json_tokener_parse(document), *got;
	int status;

	assert_non_null(health);
	status = health_answer(health, question, &got);
	assert_non_null(got);
	if (wanted != NULL)
		assert_string_equal(json_object_to_json_string_ext(got,
		    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		    wanted);
	json_object_put(got);
	json_object_put(health);
	return status;
}

/* A query's verdict: NULL, or a sentence. */
static const char *
read_query(struct health_question *question, const char *text)
{
	static char query[512];

	*question = (struct health_question){ .count = 0 };
	snprintf(query, sizeof(query), "%s", text);
	return health_read_query(question, query, strlen(query));
}

static void
test_the_host_as_a_whole(void **state)
{
	struct health_question question;

	(void)state;
	assert_null(read_query(&question, ""));
	assert_int_equal(answer(ready, &question, "{\"ready\":true}"), 200);
	assert_int_equal(answer(stopping, &question, "{\"ready\":false,"
	    "\"reasons\":[{\"reason\":\"stopping\",\"detail\":\"soon\"}]}"),
	    503);
	assert_int_equal(answer("{}", &question, "{\"ready\":false}"), 503);
	assert_int_equal(answer("[]", &question, "{\"ready\":false}"), 503);
}

static void
test_parts(void **state)
{
	struct health_question question;

	(void)state;
	assert_null(read_query(&question, "model=a&pool=default"));
	assert_int_equal(question.count, 2);
	assert_int_equal(answer(ready, &question, "{\"ready\":true}"), 200);
	assert_null(read_query(&question, "model=b"));
	assert_int_equal(answer(ready, &question, "{\"ready\":false,"
	    "\"reasons\":[{\"reason\":\"model\",\"name\":\"b\","
	    "\"detail\":\"no file\"}]}"), 503);
	assert_null(read_query(&question, "route=GET%20/x"));
	assert_string_equal(question.parts[0].name, "GET /x");
	assert_int_equal(answer(ready, &question, NULL), 503);
	assert_null(read_query(&question, "route=GET+%2Fx&&"));
	assert_int_equal(answer(ready, &question, NULL), 503);
	/* a part that is ready, of a host that is not */
	assert_null(read_query(&question, "model=a"));
	assert_int_equal(answer(stopping, &question, NULL), 503);
}

static void
test_a_part_that_there_is_not(void **state)
{
	struct health_question question;

	(void)state;
	assert_null(read_query(&question, "model=b&model=c"));
	assert_int_equal(answer(ready, &question, NULL), 404);
	assert_null(read_query(&question, "pool=%22%0a"));
	assert_int_equal(answer(ready, &question, "{\"ready\":false,"
	    "\"reasons\":[{\"reason\":\"unknown\",\"name\":\"\\\"\\n\"}]}"),
	    404);
	assert_null(read_query(&question, "pool=a"));
	assert_int_equal(answer(stopping, &question, NULL), 404);
}

static void
test_verbose(void **state)
{
	struct health_question question;

	(void)state;
	assert_null(read_query(&question, "verbose"));
	assert_true(question.verbose);
	assert_int_equal(answer("{\"ready\":true,\"reasons\":[],"
	    "\"warnings\":[1],\"generation\":7}", &question,
	    "{\"ready\":true,\"warnings\":[1],\"generation\":7}"), 200);
	question.hidden = true;
	assert_int_equal(answer(ready, &question, "{\"ready\":true}"), 200);
}

/* Names and sentences are left out, and a word is there once. */
static void
test_hidden(void **state)
{
	struct health_question question;

	(void)state;
	assert_null(read_query(&question, "model=b&route=GET%20/x"));
	question.hidden = true;
	assert_int_equal(answer(ready, &question, "{\"ready\":false,"
	    "\"reasons\":[{\"reason\":\"model\"}]}"), 503);
}

static void
test_what_is_not_understood_is_refused(void **state)
{
	static const char *const wrong[] = { "rout=GET%20/x", "model",
	    "model=", "model=%zz", "model=a%00b", "verbose&x=1", "MODEL=a",
	    "=a" };
	struct health_question question;
	char many[512] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(read_query(&question, wrong[i]));
	for (size_t i = 0; i < HEALTH_PARTS_MAX; i++)
		strcat(many, "model=a&");
	assert_null(read_query(&question, many));
	assert_int_equal(question.count, HEALTH_PARTS_MAX);
	strcat(many, "model=a");
	assert_non_null(read_query(&question, many));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_host_as_a_whole),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_a_part_that_there_is_not),
		cmocka_unit_test(test_verbose),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_what_is_not_understood_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
