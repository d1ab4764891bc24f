/*
 * schema_extra_test.c - what was not declared, and what is not to be repeated.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: a fault is told as its place, its type and what of the input goes
 * along with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"

#define PIECES_MAX	64
#define FIELD(name, value)	{ name, value, sizeof(value) - 1 }

struct scene {
	void	*pieces[PIECES_MAX];
	size_t	 count;
	char	 told[1024];
};

static void *
alloc(void *context, size_t size)
{
	struct scene *s = context;

	assert_true(s->count < PIECES_MAX);
	return s->pieces[s->count++] = malloc(size);
}

static void
report(void *context, const struct schema_fault *fault)
{
	struct scene *s = context;
	size_t length = strlen(s->told);
	char way[256];

	schema_step_text(fault->at, way, sizeof(way));
	snprintf(s->told + length, sizeof(s->told) - length,
	    "%s %s %.*s%s\n", way, schema_fault_type(fault),
	    fault->text == NULL ? 1 : (int)fault->length,
	    fault->text == NULL ? "-" : fault->text,
	    fault->has_json ? json_object_to_json_string(fault->json) : "");
}

/* What is told of this request. */
static void
expect(const struct fh_inputs *inputs, const struct schema_sent *sent,
    const char *told)
{
	static const struct fh_handler desc = {
		.inputs_size = sizeof(struct fh_inputs),
		.property_size = sizeof(struct fh_property),
		.response_size = sizeof(struct fh_response)
	};
	const struct schema_source source = { .label = "POST /x",
	    .handler = &desc, .inputs = inputs };
	struct scene s = { .count = 0 };
	struct schema_run run = { .alloc = alloc, .report = report,
	    .context = &s, .matcher = schema_matcher_create() };
	struct err err = { "" };
	struct schema *schema = schema_create(&source, &err);
	void *values;
	bool *given;

	assert_string_equal(err.text, "");
	assert_int_equal(schema_take(schema, sent, &run, &values, &given), 0);
	assert_string_equal(s.told, told);
	while (s.count > 0)
		free(s.pieces[--s.count]);
	schema_matcher_destroy(run.matcher);
	schema_destroy(schema);
}

/* Breaks when: `strict` misses one of the places, or forbids where the host
 * cannot know what is whose: headers and cookies. */
static void
strict_in_every_place(void **state)
{
	static const struct fh_field query[] = { FIELD("q", "1"),
	    FIELD("r", "2") };
	static const struct fh_field form[] = { FIELD("f", "1"),
	    FIELD("q", "3"), FIELD("g", "4") };
	static const struct fh_field cookies[] = { FIELD("c", "5") };
	const struct fh_inputs inputs = { .strict = true,
	    .properties = FH_FIELDS({ FH_VALUE(INTEGER, "q") },
	    { FH_VALUE(INTEGER, "f"), .in = FH_IN_FORM }) };
	const struct fh_inputs lenient = { .properties = inputs.properties };
	struct schema_sent sent = { .has_body = true };

	(void)state;
	sent.fields[FH_IN_QUERY] = (struct schema_fields){ query, 2 };
	sent.fields[FH_IN_FORM] = (struct schema_fields){ form, 3 };
	sent.fields[FH_IN_COOKIE] = (struct schema_fields){ cookies, 1 };
	expect(&inputs, &sent, "query.r extra_forbidden 2\n"
	    "body.q extra_forbidden 3\nbody.g extra_forbidden 4\n");
	expect(&lenient, &sent, "");
}

static const struct fh_inputs *
secret_inputs(void)
{
	static struct fh_property properties[] = {
		{ FH_VALUE(INTEGER, "pin"), .in = FH_IN_QUERY,
		    .secret = true },
		{ FH_VALUE(INTEGER, "plain"), .in = FH_IN_QUERY },
		{ FH_VALUE(INTEGER, "code"), .in = FH_IN_BODY,
		    .secret = true },
		FH_END
	};
	static const struct fh_inputs inputs = { .strict = true,
	    .properties = properties };

	return &inputs;
}

/* Breaks when: what is secret is repeated: by its own fault, given twice, or
 * under a name that may be its own, misspelled. */
static void
secrets_are_not_repeated(void **state)
{
	static const struct fh_field query[] = { FIELD("pin", "SESAM"),
	    FIELD("plain", "x"), FIELD("pim", "SESAM") };
	static const struct fh_field twice[] = { FIELD("pin", "1234"),
	    FIELD("pin", "SESAM") };
	struct schema_sent sent = { .has_body = true };

	(void)state;
	sent.body = json_tokener_parse("{\"code\":\"SESAM\","
	    "\"coed\":\"SESAM\"}");
	sent.fields[FH_IN_QUERY] = (struct schema_fields){ query, 3 };
	expect(secret_inputs(), &sent, "query.pin int_parsing -\n"
	    "query.plain int_parsing x\nbody.code int_type -\n"
	    "query.pim extra_forbidden -\nbody.coed extra_forbidden -\n");
	sent.fields[FH_IN_QUERY] = (struct schema_fields){ twice, 2 };
	json_object_put(sent.body);
	sent.body = json_tokener_parse("[\"SESAM\"]");
	expect(secret_inputs(), &sent, "query.pin repeated -\n"
	    "body model_attributes_type -\n");
	json_object_put(sent.body);
}

/* Breaks when: what is in a secret list or object is told by the fault of a
 * part of it that is not called secret itself. */
static void
secrets_reach_inside(void **state)
{
	static const struct fh_field query[] = { FIELD("pins", "SESAM") };
	const struct fh_inputs inputs = { .properties = FH_FIELDS(
	    { FH_VALUE(ARRAY, "pins"), .secret = true,
		.items = FH_ITEMS(FH_ITEM(INTEGER)) },
	    { FH_VALUE(OBJECT, "keys"), .in = FH_IN_BODY, .secret = true,
		.fields = FH_FIELDS({ FH_VALUE(ARRAY, "all"),
		    .items = FH_ITEMS(FH_ITEM(STRING), .max_length = 3) }) },
	    { FH_VALUE(ARRAY, "open"), .in = FH_IN_BODY,
		.items = FH_ITEMS(FH_ITEM(STRING), .max_length = 3) }) };
	struct schema_sent sent = { .has_body = true };

	(void)state;
	sent.fields[FH_IN_QUERY] = (struct schema_fields){ query, 1 };
	sent.body = json_tokener_parse("{\"keys\":{\"all\":[\"SESAM\"]},"
	    "\"open\":[\"door\"]}");
	expect(&inputs, &sent, "query.pins.0 int_parsing -\n"
	    "body.keys.all.0 string_too_long -\n"
	    "body.open.0 string_too_long -\"door\"\n");
	json_object_put(sent.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_in_every_place),
		cmocka_unit_test(secrets_are_not_repeated),
		cmocka_unit_test(secrets_reach_inside)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
