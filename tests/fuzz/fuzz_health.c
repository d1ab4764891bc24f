/*
 * fuzz_health.c - any query of a probe, answered from a document.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: every name ends inside the query; only what was understood and is
 * there is ready.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/health.h"

static const char document[] = "{\"ready\":true,\"reasons\":[],"
    "\"models\":{\"a\":{\"ready\":true,\"reasons\":[]},\"b\":{\"ready\":false,"
    "\"reasons\":[{\"reason\":\"model\",\"name\":\"b\"}]}},"
    "\"pools\":{},\"routes\":{\"GET /x\":{\"ready\":true,\"reasons\":[]}}}";

static bool
is_ready(const struct health_part *part)
{
	return (part->kind == HEALTH_MODEL && strcmp(part->name, "a") == 0) ||
	    (part->kind == HEALTH_ROUTE && strcmp(part->name, "GET /x") == 0);
}

static void
check_answer(const struct health_question *question)
{
	struct json_object *health = json_tokener_parse(document), *answer;
	bool ready = true;
	int status = health_answer(health, question, &answer);

	for (size_t i = 0; i < question->count; i++)
		ready &= is_ready(&question->parts[i]);
	CHECK((status == 200) == ready);
	CHECK(json_object_get_boolean(json_object_object_get(answer,
	    "ready")) == ready);
	CHECK(json_object_to_json_string(answer) != NULL);
	json_object_put(answer);
	json_object_put(health);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct health_question question = { .count = 0 };
	char *query = malloc(length + 1);

	CHECK(query != NULL);
	memcpy(query, bytes, length);
	query[length] = '\0';
	if (health_read_query(&question, query, length) == NULL) {
		CHECK(question.count <= HEALTH_PARTS_MAX);
		for (size_t i = 0; i < question.count; i++)
			CHECK(question.parts[i].name >= query &&
			    question.parts[i].name + strlen(
			    question.parts[i].name) <= query + length);
		question.hidden = length % 2 == 1;
		check_answer(&question);
	}
	free(query);
	return 0;
}
