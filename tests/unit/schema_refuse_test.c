/*
 * schema_refuse_test.c - tables that do not fit refuse their handler.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: each case differs from a good table in one point, and its sentence
 * names the route, the input and what to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schema/schema_private.h"

struct pair {
	int64_t			 a, b;
	const char		*text;
	bool			 has;
	FH_LIST(int64_t)	 list;
};

static const struct fh_handler desc = {
	.inputs_size = sizeof(struct fh_inputs),
	.property_size = sizeof(struct fh_property),
	.response_size = sizeof(struct fh_response)
};

static struct schema_source
source_of(const struct fh_inputs *inputs)
{
	return (struct schema_source){ .label = "GET /x/{id}",
	    .names = "id\0rest", .name_count = 2, .handler = &desc,
	    .inputs = inputs };
}

static void
takes(const struct fh_inputs *inputs)
{
	const struct schema_source source = source_of(inputs);
	struct err err = { "" };
	struct schema *schema = schema_create(&source, &err);

	assert_string_equal(err.text, "");
	assert_non_null(schema);
	schema_destroy(schema);
}

static void
refuses(const struct fh_inputs *inputs, const char *why)
{
	const struct schema_source source = source_of(inputs);
	struct err err = { "" };

	assert_null(schema_create(&source, &err));
	assert_memory_equal(err.text, "route \"GET /x/{id}\": ", 21);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

#define REFUSES(why, ...)	refuses(FH_VALUES({ __VA_ARGS__ }), why)
#define TAKES(...)		takes(FH_VALUES({ __VA_ARGS__ }))

/* Breaks when: a bound that has no effect, or can never be kept, is taken. */
static void
bounds(void **state)
{
	(void)state;
	TAKES(FH_VALUE(INTEGER, "n"), .min = "1", .max = "1");
	TAKES(FH_VALUE(NUMBER, "n"), .above = "0.5", .below = "0.75");
	TAKES(FH_VALUE(DATE, "n"), .min = "2024-02-29");
	TAKES(FH_VALUE(DATE_TIME, "n"), .below = "2024-02-29T00:00:00Z");
	REFUSES("input \"n\" has min = \"1.5\", which is no value of its type",
	    FH_VALUE(INTEGER, "n"), .min = "1.5");
	REFUSES("has max = \"2023-02-29\"", FH_VALUE(DATE, "n"),
	    .max = "2023-02-29");
	REFUSES("has below = \"x\", but its type has no order",
	    FH_VALUE(STRING, "n"), .below = "x");
	REFUSES("takes no value: its bounds \"2\" and \"1\" leave none",
	    FH_VALUE(INTEGER, "n"), .min = "2", .max = "1");
	REFUSES("takes no value", FH_VALUE(INTEGER, "n"), .above = "1",
	    .max = "1");
	REFUSES("but its type has no length", FH_VALUE(INTEGER, "n"),
	    .max_length = 3);
	REFUSES("min_length = 4 is over max_length = 3",
	    FH_VALUE(STRING, "n"), .min_length = 4, .max_length = 3);
}

/* Breaks when: a pattern that PCRE2 does not take is found out by a request,
 * or its words and the place are lost. */
static void
patterns(void **state)
{
	(void)state;
	TAKES(FH_VALUE(STRING, "s"), .pattern = "^\\p{Lu}(a|b)+$");
	REFUSES("input \"s\" has a bad pattern \"(a\": missing closing "
	    "parenthesis, at byte 2", FH_VALUE(STRING, "s"),
	    .pattern = "(a");
	REFUSES("has a pattern, but is no string", FH_VALUE(INTEGER, "s"),
	    .pattern = "a");
	REFUSES("bad pattern", FH_VALUE(STRING, "s"), .pattern = "\xff");
}

static void
insides(void **state)
{
	(void)state;
	REFUSES("is an ENUM without choices", FH_VALUE(ENUM, "e"));
	REFUSES("is an ENUM without choices", FH_VALUE(ENUM, "e"),
	    .choices = (const char *const[]){ NULL });
	REFUSES("has the choice \"a\" twice", FH_VALUE(ENUM, "e"),
	    .choices = FH_CHOICES("a", "b", "a"));
	REFUSES("has choices, but is no ENUM", FH_VALUE(STRING, "e"),
	    .choices = FH_CHOICES("a"));
	REFUSES("is an array of nothing", FH_VALUE(ARRAY, "l"));
	REFUSES("input \"l[]\" has no type", FH_VALUE(ARRAY, "l"),
	    .items = FH_ITEMS(0));
	REFUSES("has items, but is no array", FH_VALUE(STRING, "l"),
	    .items = FH_ITEMS(FH_ITEM(STRING)));
	REFUSES("is an object without fields", FH_VALUE(OBJECT, "o"),
	    .in = FH_IN_BODY);
	REFUSES("input \"o.n\" has min = \"x\"", FH_VALUE(OBJECT, "o"),
	    .in = FH_IN_BODY, .fields = FH_FIELDS(
		{ FH_VALUE(INTEGER, "n"), .min = "x" }));
	REFUSES("input \"o.n\" is there twice", FH_VALUE(OBJECT, "o"),
	    .in = FH_IN_BODY, .fields = FH_FIELDS({ FH_VALUE(INTEGER, "n") },
		{ FH_VALUE(STRING, "n") }));
	REFUSES("is inside of an object", FH_VALUE(OBJECT, "o"),
	    .in = FH_IN_BODY, .fields = FH_FIELDS(
		{ FH_VALUE(INTEGER, "n"), .in = FH_IN_QUERY }));
	REFUSES("has the type 77", .type = (enum fh_type)77, .name = "t");
}

/* Breaks when: what is taken for a client that says nothing would not be taken
 * from one that says it. */
static void
fallbacks(void **state)
{
	(void)state;
	TAKES(FH_VALUE(BYTE, "f"), .fallback = "Zm9v", .min_length = 3);
	TAKES(FH_VALUE(ARRAY, "f"), .fallback = "[1,2]",
	    .items = FH_ITEMS(FH_ITEM(INTEGER)));
	REFUSES("has fallback = \"99\", which a client may not send: Input "
	    "should be less than or equal to 50", FH_VALUE(INTEGER, "f"),
	    .max = "50", .fallback = "99");
	REFUSES("has fallback = \"[1,\"", FH_VALUE(ARRAY, "f"),
	    .fallback = "[1,", .items = FH_ITEMS(FH_ITEM(INTEGER)));
	REFUSES("has fallback = \"[\"a\"]\"", FH_VALUE(ARRAY, "f"),
	    .fallback = "[\"a\"]", .items = FH_ITEMS(FH_ITEM(INTEGER)));
	REFUSES("has example = \"maybe\"", FH_VALUE(BOOLEAN, "f"),
	    .example = "maybe");
	REFUSES("has fallback = \"b\"", FH_VALUE(ENUM, "f"),
	    .choices = FH_CHOICES("a"), .fallback = "b");
	REFUSES("is required and has a fallback of \"1\"",
	    FH_VALUE(INTEGER, "f"), .required = true, .fallback = "1");
}

/* Breaks when: an input has no place, or two of them one. */
static void
places(void **state)
{
	(void)state;
	takes(FH_VALUES({ FH_VALUE(UUID, "id") }, { FH_VALUE(STRING, "id"),
	    .in = FH_IN_QUERY }));
	REFUSES("input \"who\" is FH_IN_PATH, but the path has no {who}",
	    FH_VALUE(STRING, "who"), .in = FH_IN_PATH);
	REFUSES("so it is always given", FH_VALUE(STRING, "id"),
	    .fallback = "x");
	refuses(FH_VALUES({ FH_VALUE(STRING, "q") },
	    { FH_VALUE(INTEGER, "q"), .in = FH_IN_QUERY }),
	    "input \"q\" is there twice, in the same place");
	refuses(FH_VALUES({ FH_VALUE(STRING, "X-A"), .in = FH_IN_HEADER },
	    { FH_VALUE(STRING, "x-a"), .in = FH_IN_HEADER }),
	    "is there twice");
	refuses(FH_VALUES({ FH_VALUE(STRING, "a"), .in = FH_IN_FORM },
	    { FH_VALUE(STRING, "b"), .in = FH_IN_BODY }), "mixes FH_IN_FORM");
	refuses(FH_VALUES({ FH_VALUE(STRING, "a"), .in = FH_IN_WHOLE_BODY },
	    { FH_VALUE(STRING, "b"), .in = FH_IN_BODY }),
	    "FH_IN_WHOLE_BODY beside");
	REFUSES("is an object: only a JSON body has such",
	    FH_VALUE(OBJECT, "o"), .fields = FH_FIELDS(
		{ FH_VALUE(STRING, "s") }));
	REFUSES("is nullable", FH_VALUE(STRING, "s"), .nullable = true);
	REFUSES("cannot be the name of a header", FH_VALUE(STRING, "a b"),
	    .in = FH_IN_HEADER);
	REFUSES("has the place 99", FH_VALUE(STRING, "s"),
	    .in = (enum fh_in)99);
	REFUSES("has no name", .type = FH_TYPE_STRING);
}

/* Breaks when: a table can ask for a file where none can come, or say of it
 * what is never looked at. */
static void
files(void **state)
{
	(void)state;
	TAKES(FH_VALUE(FILE, "f"));
	TAKES(FH_VALUE(FILE, "f"), .in = FH_IN_FORM, .max_length = 9,
	    .media_types = FH_MEDIA_TYPES("image/png", "text/*"));
	TAKES(FH_VALUE(ARRAY, "f"), .max_length = 2,
	    .items = FH_ITEMS(FH_ITEM(FILE), .max_length = 9));
	REFUSES("\"f\" is a file, which comes in a form: take its .in away",
	    FH_VALUE(FILE, "f"), .in = FH_IN_QUERY);
	REFUSES("\"f\" is a file, which comes in a form: take its .in away",
	    FH_VALUE(ARRAY, "f"), .in = FH_IN_BODY,
	    .items = FH_ITEMS(FH_ITEM(FILE)));
	REFUSES("another .as than the path's", FH_VALUE(FILE, "id"));
	REFUSES("input \"o.f\" is a file: only a form has such",
	    FH_VALUE(OBJECT, "o"), .in = FH_IN_BODY, .fields = FH_FIELDS(
		{ FH_VALUE(FILE, "f") }));
	REFUSES("input \"a[][]\" is a file: only a form has such",
	    FH_VALUE(ARRAY, "a"), .in = FH_IN_BODY, .items = FH_ITEMS(
		FH_ITEM(ARRAY), .items = FH_ITEMS(FH_ITEM(FILE))));
	refuses(FH_VALUES({ FH_VALUE(FILE, "f") }, { FH_VALUE(STRING, "b"),
	    .in = FH_IN_BODY }), "mixes FH_IN_FORM");
	REFUSES("is a file, which no text can stand for", FH_VALUE(FILE, "f"),
	    .example = "x");
	REFUSES("is a file, which no text can stand for",
	    FH_VALUE(ARRAY, "f"), .fallback = "[\"x\"]",
	    .items = FH_ITEMS(FH_ITEM(FILE)));
	REFUSES("has media_types, but is no FILE", FH_VALUE(STRING, "f"),
	    .media_types = FH_MEDIA_TYPES("text/plain"));
	REFUSES("has choices, but is no ENUM", FH_VALUE(FILE, "f"),
	    .choices = FH_CHOICES("a"));
	REFUSES("has no media type in its", FH_VALUE(FILE, "f"),
	    .media_types = (const char *const[]){ NULL });
	REFUSES("has the choice \"a/b\" twice", FH_VALUE(FILE, "f"),
	    .media_types = FH_MEDIA_TYPES("a/b", "a/b"));
}

/* Breaks when: a media type that no file can have is waited for. */
static void
media_types(void **state)
{
	static const char *const bad[] = { "", "image", "image/", "/png",
		"*/*", "image/png; q=1", " image/png", "image/png/x", "a b/c" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSES("has the media type", FH_VALUE(FILE, "f"),
		    .media_types = (const char *const[]){ bad[i], NULL });
}

/* Breaks when: what a client sends is written beside its struct. */
static void
layouts(void **state)
{
	(void)state;
	takes(FH_INPUTS(struct pair, { FH_INTEGER(struct pair, a),
	    .has = FH_HAS(struct pair, has) }, { FH_INTEGER(struct pair, b) },
	    { FH_ARRAY(struct pair, list),
		.items = FH_ITEMS(FH_ITEM(INTEGER)) }));
	refuses(FH_INPUTS(int64_t, { FH_INTEGER(struct pair, b) }),
	    "has member \"b\" outside of its struct of 8 bytes");
	refuses(FH_INPUTS(int64_t, { FH_INTEGER(struct pair, a),
	    .has = FH_HAS(struct pair, has) }), "has the FH_HAS of \"a\"");
	refuses(FH_INPUTS(struct pair, { FH_INTEGER(struct pair, a) },
	    { FH_VALUE(INTEGER, "v") }),
	    "has \"a\" and \"v\" in the same place");
}

/* Breaks when: a table that contains itself is gone through for ever, or one
 * without an end is read behind its end. */
static void
endless(void **state)
{
	static struct fh_property node[2], many[SCHEMA_ENTRIES_MAX + 2];
	static const struct fh_inputs inputs = { .properties = many };

	(void)state;
	node[0] = (struct fh_property){ FH_VALUE(OBJECT, "inner"),
	    .fields = node };
	REFUSES("a table must not contain itself", FH_VALUE(OBJECT, "o"),
	    .in = FH_IN_BODY, .fields = node);
	for (size_t i = 0; i < SCHEMA_ENTRIES_MAX + 2; i++)
		many[i] = (struct fh_property){ FH_VALUE(STRING, "s") };
	refuses(&inputs, "end it with FH_END");
}

/* Breaks when: a handler of a smaller ABI is read past its entries, or one
 * whose descriptor says nothing of its sizes is read at all. */
static void
sizes(void **state)
{
	struct fh_handler none = desc;
	struct schema_source source = source_of(FH_VALUES(
	    { FH_VALUE(STRING, "s") }));
	struct err err;

	(void)state;
	none.property_size = 0;
	source.handler = &none;
	assert_null(schema_create(&source, &err));
	assert_non_null(strstr(err.text, "struct fh_property has 0 bytes"));
}

/* Entries with more behind each than we know: those of a newer minor. */
static void
strides(void **state)
{
	static const struct {
		struct fh_property	 property;
		uint64_t		 more;
	} wide[] = {
		{ { FH_VALUE(STRING, "a") }, UINT64_MAX },
		{ { FH_VALUE(INTEGER, "b") }, UINT64_MAX },
		{ FH_END, 0 }
	};
	const struct fh_inputs inputs = { .properties = &wide[0].property };
	struct fh_handler newer = desc;
	struct schema_source source = source_of(&inputs);
	struct err err;
	struct schema *schema;

	(void)state;
	newer.property_size = sizeof(wide[0]);
	source.handler = &newer;
	schema = schema_create(&source, &err);
	assert_non_null(schema);
	assert_int_equal(schema->inputs.field_count, 2);
	assert_string_equal(schema->inputs.fields[1].name, "b");
	schema_destroy(schema);
}

static void
responses(void **state)
{
	static const char *const types[] = { "json", "", "/", "text/", "/csv",
	    "text/csv; charset=utf-8", "text/csv\r\nX: y", "a/b/c" };
	struct schema_source source = source_of(NULL);
	struct err err;
	struct schema *schema;

	(void)state;
	source.responses = FH_RESPONSES({ .status = 200, .fields = FH_FIELDS(
	    { FH_VALUE(INTEGER, "n"), .min = "x" }) });
	assert_null(schema_create(&source, &err));
	assert_string_equal(err.text, "route \"GET /x/{id}\": response 200 "
	    "\"n\" has min = \"x\", which is no value of its type");
	source.responses = FH_RESPONSES({ .status = 200, .items = FH_ITEMS(
	    FH_ITEM(FILE)) });
	assert_null(schema_create(&source, &err));
	assert_string_equal(err.text, "route \"GET /x/{id}\": response 200 "
	    "\"[]\" is a file: only a form has such, each under a name of its "
	    "own or in one array; take it out of there");
	source.responses = FH_RESPONSES({ .status = 20 });
	assert_null(schema_create(&source, &err));
	assert_non_null(strstr(err.text, "has a status that is not in"));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		source.responses = FH_RESPONSES({ .status = 200,
		    .type = types[i] });
		assert_null(schema_create(&source, &err));
		assert_non_null(strstr(err.text, "which is none"));
	}
	source.responses = FH_RESPONSES({ .status = 200, .type = "text/csv",
	    .items = FH_ITEMS(FH_ITEM(STRING)) }, { .status = 204 });
	schema = schema_create(&source, &err);
	assert_non_null(schema);
	assert_int_equal(schema->response_count, 2);
	schema_destroy(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds),
		cmocka_unit_test(patterns),
		cmocka_unit_test(insides),
		cmocka_unit_test(fallbacks),
		cmocka_unit_test(places),
		cmocka_unit_test(files),
		cmocka_unit_test(media_types),
		cmocka_unit_test(layouts),
		cmocka_unit_test(endless),
		cmocka_unit_test(sizes),
		cmocka_unit_test(strides),
		cmocka_unit_test(responses)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
