/*
 * schema_test.c - what a client sent, against what was declared.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: every piece of memory is given back exactly at the end of a test,
 * so that the sanitizers see one that is lost or read too late.
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
#include <time.h>

#include "schema/schema_private.h"

#define PIECES_MAX	4096
#define COUNT(table)	(sizeof(table) / sizeof(table[0]))

struct scene {
	void			*pieces[PIECES_MAX];
	size_t			 piece_count;
	struct schema		*schema;
	struct schema_sent	 sent;
	struct schema_run	 run;
	struct json_object	*body;
	void			*values;
	bool			*given;
	char			 faults[8192];	/* one a line */
};

static const struct fh_handler desc = {
	.inputs_size = sizeof(struct fh_inputs),
	.property_size = sizeof(struct fh_property),
	.response_size = sizeof(struct fh_response)
};

static void *
alloc(void *context, size_t size)
{
	struct scene *s = context;

	assert_true(s->piece_count < PIECES_MAX);
	return s->pieces[s->piece_count++] = malloc(size);
}

/* "query.top less_than_equal {"le":5}" */
static void
report(void *context, const struct schema_fault *fault)
{
	struct scene *s = context;
	char way[512], words[512];
	size_t length = strlen(s->faults);

	schema_step_text(fault->at, way, sizeof(way));
	schema_fault_context(fault, words, sizeof(words));
	if (length + 1100 < sizeof(s->faults))
		snprintf(s->faults + length, sizeof(s->faults) - length,
		    "%s %s%s%s\n", way, schema_fault_type(fault),
		    words[0] != '\0' ? " " : "", words);
}

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct scene));
	assert_non_null(*state);
	return 0;
}

static void
clean(struct scene *s)
{
	while (s->piece_count > 0)
		free(s->pieces[--s->piece_count]);
	s->faults[0] = '\0';
}

static int
teardown(void **state)
{
	struct scene *s = *state;

	clean(s);
	schema_destroy(s->schema);
	schema_matcher_destroy(s->run.matcher);
	json_object_put(s->body);
	free(s);
	return 0;
}

static void
declare(struct scene *s, const struct fh_inputs *inputs)
{
	const struct schema_source source = { .label = "GET /x", .names = "id",
	    .name_count = 1, .handler = &desc, .inputs = inputs };
	struct err err = { "" };

	schema_destroy(s->schema);
	s->schema = schema_create(&source, &err);
	assert_string_equal(err.text, "");
}

static void
take(struct scene *s)
{
	clean(s);
	if (s->run.matcher == NULL)
		s->run.matcher = schema_matcher_create();
	s->run.alloc = alloc;
	s->run.report = report;
	s->run.context = s;
	assert_int_equal(schema_take(s->schema, &s->sent, &s->run, &s->values,
	    &s->given), 0);
}

static void
query(struct scene *s, const struct fh_field *fields, size_t count)
{
	s->sent.fields[FH_IN_QUERY] = (struct schema_fields){ fields, count };
	take(s);
}

#define FIELD(name, value)	{ name, value, sizeof(value) - 1 }
#define QUERY(s, ...) do {						\
	const struct fh_field fields[] = { __VA_ARGS__ };		\
	query(s, fields, COUNT(fields));				\
} while (0)

static void
body(struct scene *s, const char *json)
{
	json_object_put(s->body);
	s->body = s->sent.body = json_tokener_parse(json);
	s->sent.has_body = true;
	take(s);
}

/* ------------------------------------------------- texts */

struct all {
	bool			 boolean;
	int64_t			 integer;
	double			 number;
	const char		*string;
	struct fh_date		 date;
	struct fh_time		 time;
	struct fh_uuid		 uuid;
	struct fh_bytes		 bytes;
	int			 choice;
	FH_LIST(int64_t)	 list;
	bool			 has_integer;
	bool			 has_string;
};

static const struct fh_property all_fields[] = {
	{ FH_BOOLEAN(struct all, boolean) },
	{ FH_INTEGER(struct all, integer), .fallback = "-7",
	    .has = FH_HAS(struct all, has_integer) },
	{ FH_NUMBER(struct all, number), .fallback = "2.5" },
	{ FH_STRING(struct all, string), .fallback = "none",
	    .has = FH_HAS(struct all, has_string) },
	{ FH_DATE(struct all, date) },
	{ FH_DATE_TIME(struct all, time) },
	{ FH_UUID(struct all, uuid) },
	{ FH_BYTE(struct all, bytes), .fallback = "Zm9v" },
	{ FH_ENUM(struct all, choice), .choices = FH_CHOICES("a", "b") },
	{ FH_ARRAY(struct all, list), .fallback = "[3,4]",
	    .items = FH_ITEMS(FH_ITEM(INTEGER), .max = "9") },
	FH_END
};

static const struct fh_inputs all_inputs = { sizeof(struct all), all_fields,
    false };

/* Breaks when: one type is put where another is, or a fallback is given where
 * something was sent. */
static void
each_type(void **state)
{
	struct scene *s = *state;
	const struct all *in;

	declare(s, &all_inputs);
	QUERY(s, FIELD("boolean", "true"), FIELD("integer", "12"),
	    FIELD("number", "1e2"), FIELD("string", ""),
	    FIELD("date", "2026-11-25"),
	    FIELD("time", "1970-01-02T00:00:00.5Z"),
	    FIELD("uuid", "00000000-0000-0000-0000-0000000000ff"),
	    FIELD("bytes", "YWI="), FIELD("choice", "b"), FIELD("list", "1"),
	    FIELD("list", "2"), FIELD("else", "x"));
	assert_string_equal(s->faults, "");
	in = s->values;
	assert_true(in->boolean);
	assert_true(in->integer == 12 && in->number == 100);
	assert_string_equal(in->string, "");
	assert_true(in->has_integer && in->has_string);
	assert_int_equal(in->date.day, 25);
	assert_int_equal(in->time.seconds, 86400);
	assert_int_equal(in->uuid.bytes[15], 255);
	assert_int_equal(in->bytes.length, 2);
	assert_memory_equal(in->bytes.at, "ab", 2);
	assert_int_equal(in->choice, 1);
	assert_true(in->list.count == 2 && in->list.at[1] == 2);
}

static void
fallbacks(void **state)
{
	struct scene *s = *state;
	const struct all *in;

	declare(s, &all_inputs);
	query(s, NULL, 0);
	assert_string_equal(s->faults, "");
	in = s->values;
	assert_true(in->integer == -7 && in->number == 2.5);
	assert_string_equal(in->string, "none");
	assert_false(in->has_integer || in->has_string || in->boolean);
	assert_memory_equal(in->bytes.at, "foo", 3);
	assert_int_equal(in->choice, -1);
	assert_int_equal(in->list.count, 2);
	assert_int_equal(in->list.at[0] + in->list.at[1], 7);
	/* A list is the request's own: a handler that sorts it harms none. */
	in->list.at[0] = 99;
	query(s, NULL, 0);
	assert_int_equal(((const struct all *)s->values)->list.at[0], 3);
}

/* Breaks when: the first fault hides the others, or their order is another
 * than the table's. */
static void
all_faults(void **state)
{
	struct scene *s = *state;

	declare(s, FH_VALUES({ FH_VALUE(INTEGER, "a"), .max = "5" },
	    { FH_VALUE(STRING, "b"), .min_length = 2, .max_length = 3 },
	    { FH_VALUE(STRING, "c"), .required = true },
	    { FH_VALUE(STRING, "d") }, { FH_VALUE(STRING, "e") },
	    { FH_VALUE(ARRAY, "f"), .items = FH_ITEMS(FH_ITEM(INTEGER)),
		.max_length = 2 }, { FH_VALUE(DATE, "g"),
		.above = "2026-01-01" }));
	QUERY(s, FIELD("f", "x"), FIELD("a", "6"), FIELD("b", "\xc3\xa4"),
	    FIELD("d", "\xc0\xaf"), FIELD("e", "a\0b"), FIELD("f", "1"),
	    FIELD("g", "2026-01-01"));
	assert_string_equal(s->faults,
	    "query.a less_than_equal {\"le\":5}\n"
	    "query.b string_too_short {\"min_length\":2}\n"
	    "query.c missing\n"
	    "query.d string_unicode\n"
	    "query.e string_nul\n"
	    "query.f.0 int_parsing\n"
	    "query.g greater_than {\"gt\":\"2026-01-01\"}\n");
	assert_int_equal(s->run.wrong, 7);
	QUERY(s, FIELD("c", "x"), FIELD("c", "y"), FIELD("f", "1"),
	    FIELD("f", "2"), FIELD("f", "3"), FIELD("b", "\xc3\xa4\xc3\xa4"
	    "\xc3\xa4"));
	assert_string_equal(s->faults, "query.c repeated\n"
	    "query.f too_long {\"field_type\":\"List\",\"max_length\":2,"
	    "\"actual_length\":3}\n");
}

static void
strict(void **state)
{
	struct scene *s = *state;

	declare(s, FH_INPUTS_STRICT(struct all,
	    { FH_INTEGER(struct all, integer) }));
	QUERY(s, FIELD("integer", "1"), FIELD("x", "1"), FIELD("y", "2"));
	assert_string_equal(s->faults, "query.x extra_forbidden\n"
	    "query.y extra_forbidden\n");
}

static const char *
header(void *context, const char *name, size_t *lines_out)
{
	*lines_out = context == NULL ? 2 : 1;
	return strcmp(name, "X-List") == 0 ? " 1 ,2,\t3" :
	    strcmp(name, "X-Empty") == 0 ? "" : NULL;
}

/* Breaks when: commas part what comes several times, or do not part what comes
 * once. */
static void
places(void **state)
{
	static const struct fh_field path[] = { FIELD("id", "7,8") };
	static const struct fh_field cookies[] = { FIELD("c", "1"),
	    FIELD("c", "2") };
	struct scene *s = *state;
	const struct {
		FH_LIST(int64_t) lists[4];
	} *in;

	declare(s, FH_VALUES({ FH_VALUE(ARRAY, "id"),
	    .items = FH_ITEMS(FH_ITEM(INTEGER)) },
	    { FH_VALUE(ARRAY, "X-List"), .in = FH_IN_HEADER,
		.items = FH_ITEMS(FH_ITEM(INTEGER)) },
	    { FH_VALUE(ARRAY, "X-Empty"), .in = FH_IN_HEADER,
		.items = FH_ITEMS(FH_ITEM(INTEGER)) },
	    { FH_VALUE(ARRAY, "c"), .in = FH_IN_COOKIE,
		.items = FH_ITEMS(FH_ITEM(INTEGER)) }));
	s->sent.fields[FH_IN_PATH] = (struct schema_fields){ path, 1 };
	s->sent.fields[FH_IN_COOKIE] = (struct schema_fields){ cookies, 2 };
	s->sent.header = header;
	take(s);
	assert_string_equal(s->faults, "");
	in = s->values;
	assert_int_equal(in->lists[0].count, 2);
	assert_int_equal(in->lists[0].at[1], 8);
	assert_int_equal(in->lists[1].count, 3);
	assert_int_equal(in->lists[1].at[2], 3);
	assert_int_equal(in->lists[2].count, 0);
	assert_int_equal(in->lists[3].count, 2);
	assert_true(s->given[2]);
}

/* ------------------------------------------------- JSON */

struct inner {
	int64_t			 n;
	int			 choice;
};

struct outer {
	struct inner		 one;
	FH_LIST(struct inner)	 many;
	const char		*note;
	bool			 has_note;
};

static const struct fh_property inner_fields[] = {
	{ FH_INTEGER(struct inner, n), .required = true },
	{ FH_ENUM(struct inner, choice), .choices = FH_CHOICES("x", "y") },
	FH_END
};

static const struct fh_property outer_fields[] = {
	{ FH_OBJECT(struct outer, one), .in = FH_IN_BODY,
	    .fields = inner_fields },
	{ FH_ARRAY(struct outer, many), .in = FH_IN_BODY, .required = true,
	    .items = FH_ITEMS(FH_ITEM_OBJECT(struct inner),
		.fields = inner_fields) },
	{ FH_STRING(struct outer, note), .in = FH_IN_BODY, .nullable = true,
	    .has = FH_HAS(struct outer, has_note) },
	FH_END
};

static const struct fh_inputs outer_inputs[] = {
	{ sizeof(struct outer), outer_fields, false },
	{ sizeof(struct outer), outer_fields, true }
};

/* Breaks when: an item is put into its neighbour. */
static void
nested(void **state)
{
	struct scene *s = *state;
	const struct outer *in;

	declare(s, &outer_inputs[0]);
	body(s, "{\"many\":[{\"n\":1,\"choice\":\"y\"},{\"n\":2.0}],"
	    "\"note\":null,\"else\":[]}");
	assert_string_equal(s->faults, "");
	in = s->values;
	assert_int_equal(in->many.count, 2);
	assert_int_equal(in->many.at[0].choice, 1);
	assert_int_equal(in->many.at[1].n, 2);
	assert_int_equal(in->many.at[1].choice, -1);
	assert_int_equal(in->one.choice, -1);
	assert_null(in->note);
	assert_false(in->has_note);
	body(s, "{\"one\":{\"n\":5},\"many\":[],\"note\":\"\"}");
	assert_string_equal(s->faults, "");
	in = s->values;
	assert_int_equal(in->one.n, 5);
	assert_true(in->has_note);
}

static void
nested_faults(void **state)
{
	struct scene *s = *state;

	declare(s, &outer_inputs[1]);
	body(s, "{\"one\":{\"choice\":\"z\",\"more\":1},\"many\":[7,{\"n\":"
	    "\"3\"},null,{\"n\":3.7}],\"note\":4,\"x\":1}");
	assert_string_equal(s->faults,
	    "body.one.n missing\n"
	    "body.one.choice enum {\"expected\":\"'x' or 'y'\"}\n"
	    "body.one.more extra_forbidden\n"
	    "body.many.0 model_attributes_type\n"
	    "body.many.1.n int_type\n"
	    "body.many.2 model_attributes_type\n"
	    "body.many.3.n int_from_float\n"
	    "body.note string_type\n"
	    "body.x extra_forbidden\n");
	body(s, "[1]");
	assert_string_equal(s->faults, "body model_attributes_type\n");
	s->sent.has_body = false;
	take(s);
	assert_string_equal(s->faults, "body missing\n");
}

/* Breaks when: json-c's cut integers are taken for the number sent. */
static void
json_numbers(void **state)
{
	struct scene *s = *state;
	static const struct {
		const char	*json;
		const char	*fault;
	} table[] = {
		{ "9223372036854775807", "" },
		{ "-9223372036854775808", "" },
		{ "1e3", "" },
		{ "9007199254740991.0", "" },
		{ "9007199254740993.0", "body int_parsing_size\n" },
		{ "9223372036854775808", "body int_parsing_size\n" },
		{ "18446744073709551615", "body int_parsing_size\n" },
		{ "1e999", "body int_parsing_size\n" },
		{ "0.5", "body int_from_float\n" },
		{ "true", "body int_type\n" },
		{ "\"1\"", "body int_type\n" },
		{ "null", "body int_type\n" }
	};

	declare(s, FH_VALUES({ FH_VALUE(INTEGER, "n"),
	    .in = FH_IN_WHOLE_BODY, .required = true }));
	for (size_t i = 0; i < COUNT(table); i++) {
		body(s, table[i].json);
		assert_string_equal(s->faults, table[i].fault);
	}
	declare(s, FH_VALUES({ FH_VALUE(NUMBER, "n"),
	    .in = FH_IN_WHOLE_BODY }));
	body(s, "18446744073709551615");
	assert_true(*(double *)s->values == 18446744073709551615.0);
	body(s, "1e999");
	assert_string_equal(s->faults, "body finite_number\n");
}

/* Breaks when: {} in a body fills any number of large structs. */
static void
lists_are_bounded(void **state)
{
	struct scene *s = *state;
	struct huge {
		char		 room[1 << 16];
		int64_t		 n;
	};
	struct outer {
		FH_LIST(struct huge)	 many;
	};
	char text[4096 * 3 + 32] = "{\"many\":[{}", *to = strchr(text, '\0');

	declare(s, FH_INPUTS(struct outer, { FH_ARRAY(struct outer, many),
	    .in = FH_IN_BODY, .items = FH_ITEMS(FH_ITEM_OBJECT(struct huge),
		.fields = FH_FIELDS({ FH_INTEGER(struct huge, n) })) }));
	for (int i = 1; i < 2000; i++, to += 3)
		memcpy(to, ",{}", 4);
	strcpy(to, "]}");
	body(s, text);
	assert_string_equal(s->faults, "body.many too_long {\"field_type\":"
	    "\"List\",\"max_length\":1023,\"actual_length\":2000}\n");
}

/* ------------------------------------------------- patterns */

static double
seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return difftime(now.tv_sec, start->tv_sec);
}

/* Breaks when: a pattern that looks back again and again is let do so. */
static void
patterns_end(void **state)
{
	static const char *const cruel[] = { "^(a+)+$", "^(a|aa)+$",
	    "(a*)*b", "^(?:a?){64}a{64}$", "(a+a+)+b", "a*[bc]", "a+$",
	    "a*a*a*[bc]" };
	struct scene *s = *state;
	size_t length = (size_t)1 << 20;
	char *text = malloc(length + 1);
	struct timespec start;

	assert_non_null(text);
	memset(text, 'a', length);
	strcpy(text + length - 1, "!");
	for (size_t i = 0; i < COUNT(cruel); i++) {
		const struct fh_field field = { "s", text, length };

		declare(s, FH_VALUES({ FH_VALUE(STRING, "s"),
		    .pattern = cruel[i] }));
		clock_gettime(CLOCK_MONOTONIC, &start);
		query(s, &field, 1);
		assert_int_equal(s->run.wrong, 1);
		assert_true(seconds_since(&start) < 20);
	}
	free(text);
}

static void
patterns_match(void **state)
{
	struct scene *s = *state;

	declare(s, FH_VALUES({ FH_VALUE(STRING, "s"),
	    .pattern = "^\\p{L}{2}$" }));
	QUERY(s, FIELD("s", "\xc3\xa4\xc3\x9f"));
	assert_string_equal(s->faults, "");
	QUERY(s, FIELD("s", "\xc3\xa4"));
	assert_string_equal(s->faults, "query.s string_pattern_mismatch "
	    "{\"pattern\":\"^\\\\p{L}{2}$\"}\n");
}

/* ------------------------------------------------- replies */

static void
reply(struct scene *s, const struct fh_response *responses, const char *json)
{
	const struct schema_source source = { .label = "GET /x",
	    .handler = &desc, .responses = responses };
	struct err err = { "" };

	s->schema = schema_create(&source, &err);
	assert_string_equal(err.text, "");
	s->run = (struct schema_run){ .alloc = alloc, .report = report,
	    .context = s, .matcher = schema_matcher_create() };
	s->body = json_tokener_parse(json);
	assert_int_equal(schema_check(&s->schema->responses[0], s->body,
	    &s->run), 0);
}

static void
replies(void **state)
{
	struct scene *s = *state;

	reply(s, FH_RESPONSES({ .status = 200, .fields = FH_FIELDS(
	    { FH_VALUE(INTEGER, "n"), .required = true, .min = "1" },
	    { FH_VALUE(ARRAY, "l"), .items = FH_ITEMS(FH_ITEM(BYTE)) }) }),
	    "{\"n\":0,\"l\":[\"Zg==\",1]}");
	assert_string_equal(s->faults, "body.n greater_than_equal {\"ge\":1}\n"
	    "body.l.1 bytes_type\n");
}

static const struct fh_property tree_fields[] = {
	{ FH_VALUE(INTEGER, "n"), .required = true },
	{ FH_VALUE(ARRAY, "inner"), .items = FH_ITEMS(FH_ITEM(OBJECT),
	    .fields = tree_fields) },
	FH_END
};

/* Breaks when: a table that contains itself is not looked into below its first
 * level. */
static void
trees(void **state)
{
	reply(*state, FH_RESPONSES({ .status = 200, .fields = tree_fields }),
	    "{\"n\":1,\"inner\":[{\"n\":2,\"inner\":[{\"n\":3},{}]}]}");
	assert_string_equal(((struct scene *)*state)->faults,
	    "body.inner.0.inner.1.n missing\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_type, setup, teardown),
		cmocka_unit_test_setup_teardown(fallbacks, setup, teardown),
		cmocka_unit_test_setup_teardown(all_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(strict, setup, teardown),
		cmocka_unit_test_setup_teardown(places, setup, teardown),
		cmocka_unit_test_setup_teardown(nested, setup, teardown),
		cmocka_unit_test_setup_teardown(nested_faults, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(json_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_are_bounded, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(patterns_end, setup, teardown),
		cmocka_unit_test_setup_teardown(patterns_match, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(replies, setup, teardown),
		cmocka_unit_test_setup_teardown(trees, setup, teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
