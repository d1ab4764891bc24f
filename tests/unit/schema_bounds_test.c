/*
 * schema_bounds_test.c - every bound of every type, at its very edge.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: of two neighbours, one on each side of a bound, one is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"

#define PIECES_MAX	64
#define COUNT(table)	(sizeof(table) / sizeof(table[0]))

struct scene {
	void		*pieces[PIECES_MAX];
	size_t		 count;
	const char	*fault;		/* the type of the first */
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

	if (s->fault == NULL)
		s->fault = schema_fault_type(fault);
}

/* What is wrong with this value in the query; NULL: nothing. */
static const char *
verdict(const struct fh_property *property, const struct fh_field *fields,
    size_t count)
{
	static const struct fh_handler desc = {
		.inputs_size = sizeof(struct fh_inputs),
		.property_size = sizeof(struct fh_property),
		.response_size = sizeof(struct fh_response)
	};
	const struct fh_property table[] = { *property, FH_END };
	const struct fh_inputs inputs = { 0, table, false };
	const struct schema_source source = { .label = "GET /x",
	    .handler = &desc, .inputs = &inputs };
	struct schema_sent sent = { .has_body = false };
	struct scene s = { .count = 0 };
	struct schema_run run = { .alloc = alloc, .report = report,
	    .context = &s, .matcher = schema_matcher_create() };
	struct err err = { "" };
	struct schema *schema = schema_create(&source, &err);
	void *values;
	bool *given;

	assert_string_equal(err.text, "");
	sent.fields[FH_IN_QUERY] = (struct schema_fields){ fields, count };
	assert_int_equal(schema_take(schema, &sent, &run, &values, &given), 0);
	while (s.count > 0)
		free(s.pieces[--s.count]);
	schema_matcher_destroy(run.matcher);
	schema_destroy(schema);
	return s.fault;
}

/* ------------------------------------------------- order and length */

#define V(TYPE, ...)	{ FH_VALUE(TYPE, "v"), __VA_ARGS__ }
#define GE		"greater_than_equal"
#define LE		"less_than_equal"
#define GT		"greater_than"
#define LT		"less_than"
#define THEN		"2026-03-01T00:00:00.5Z"

static const struct {
	struct fh_property	 property;
	const char		*text;
	const char		*fault;		/* NULL: it is good */
} edges[] = {
	{ V(INTEGER, .min = "3"), "3", NULL },
	{ V(INTEGER, .min = "3"), "2", GE },
	{ V(INTEGER, .max = "3"), "3", NULL },
	{ V(INTEGER, .max = "3"), "4", LE },
	{ V(INTEGER, .above = "3"), "4", NULL },
	{ V(INTEGER, .above = "3"), "3", GT },
	{ V(INTEGER, .below = "3"), "2", NULL },
	{ V(INTEGER, .below = "3"), "3", LT },
	/* Two neighbours that one double stands for. */
	{ V(INTEGER, .max = "9007199254740992"), "9007199254740992", NULL },
	{ V(INTEGER, .max = "9007199254740992"), "9007199254740993", LE },
	{ V(NUMBER, .min = "0.5"), "0.5", NULL },
	{ V(NUMBER, .min = "0.5"), "0.49999999999999994", GE },
	{ V(NUMBER, .max = "0.5"), "0.5", NULL },
	{ V(NUMBER, .max = "0.5"), "0.5000000000000001", LE },
	{ V(NUMBER, .above = "0.5"), "0.5000000000000001", NULL },
	{ V(NUMBER, .above = "0.5"), "0.5", GT },
	{ V(NUMBER, .below = "0.5"), "0.49999999999999994", NULL },
	{ V(NUMBER, .below = "0.5"), "0.5", LT },
	{ V(DATE, .min = "2026-03-01"), "2026-03-01", NULL },
	{ V(DATE, .min = "2026-03-01"), "2026-02-28", GE },
	{ V(DATE, .max = "2026-03-01"), "2026-03-01", NULL },
	{ V(DATE, .max = "2026-03-01"), "2026-03-02", LE },
	{ V(DATE, .max = "2026-03-01"), "2027-01-01", LE },
	{ V(DATE, .above = "2026-03-01"), "2026-03-02", NULL },
	{ V(DATE, .above = "2026-03-01"), "2026-03-01", GT },
	{ V(DATE, .below = "2026-03-01"), "2025-12-31", NULL },
	{ V(DATE, .below = "2026-03-01"), "2026-03-01", LT },
	{ V(DATE_TIME, .min = THEN), "2026-03-01T00:00:00.5Z", NULL },
	{ V(DATE_TIME, .min = THEN), "2026-03-01T00:00:00.499999999Z", GE },
	{ V(DATE_TIME, .max = THEN), "2026-03-01T01:00:00.5+01:00", NULL },
	{ V(DATE_TIME, .max = THEN), "2026-03-01T00:00:00.500000001Z", LE },
	{ V(DATE_TIME, .max = THEN), "2026-03-01T00:00:01Z", LE },
	{ V(DATE_TIME, .above = THEN), "2026-03-01T00:00:00.500000001Z",
	    NULL },
	{ V(DATE_TIME, .above = THEN), "2026-02-28T23:00:00.5-01:00", GT },
	{ V(DATE_TIME, .below = THEN), "2026-03-01T00:00:00.4Z", NULL },
	{ V(DATE_TIME, .below = THEN), "2026-03-01T00:00:00.5Z", LT },
	/* Characters, not bytes; and of BYTE what it decodes to. */
	{ V(STRING, .min_length = 2), "\xc3\xa4\xc3\xa4", NULL },
	{ V(STRING, .min_length = 2), "\xc3\xa4", "string_too_short" },
	{ V(STRING, .max_length = 2), "\xf0\x9f\x98\x80\xc3\xa4", NULL },
	{ V(STRING, .max_length = 2), "abc", "string_too_long" },
	{ V(BYTE, .min_length = 2), "YWI=", NULL },
	{ V(BYTE, .min_length = 2), "YQ==", "bytes_too_short" },
	{ V(BYTE, .max_length = 2), "YWI=", NULL },
	{ V(BYTE, .max_length = 2), "YWJj", "bytes_too_long" }
};

/* Breaks when: a bound takes its neighbour, or does not take itself. */
static void
values_at_the_edge(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(edges); i++) {
		const struct fh_field field = { "v", edges[i].text,
		    strlen(edges[i].text) };
		const char *fault = verdict(&edges[i].property, &field, 1);

		if (strcmp(fault == NULL ? "" : fault, edges[i].fault == NULL ?
		    "" : edges[i].fault) != 0)
			fail_msg("case %zu, %s: %s", i, edges[i].text,
			    fault == NULL ? "taken" : fault);
	}
}

/* Breaks when: a list may have one item more or less than is declared. */
static void
lists_at_the_edge(void **state)
{
	const struct fh_property list = { FH_VALUE(ARRAY, "v"),
	    .items = FH_ITEMS(FH_ITEM(INTEGER)), .min_length = 2,
	    .max_length = 3 };
	static const struct fh_field fields[] = { { "v", "1", 1 },
	    { "v", "2", 1 }, { "v", "3", 1 }, { "v", "4", 1 } };

	(void)state;
	assert_string_equal(verdict(&list, fields, 1), "too_short");
	assert_null(verdict(&list, fields, 2));
	assert_null(verdict(&list, fields, 3));
	assert_string_equal(verdict(&list, fields, 4), "too_long");
}

/* Breaks when: one of several faults of a value is told before one that stands
 * before it, or a pattern is not asked at all. */
static void
one_fault_for_a_value(void **state)
{
	static const struct fh_property text = { FH_VALUE(STRING, "v"),
	    .max_length = 3, .pattern = "^[a-z]+$" };
	static const struct fh_field good = { "v", "abc", 3 },
	    both = { "v", "ABCD", 4 }, one = { "v", "ABC", 3 },
	    line = { "v", "ab\n", 3 };

	(void)state;
	assert_null(verdict(&text, &good, 1));
	assert_string_equal(verdict(&text, &both, 1), "string_too_long");
	assert_string_equal(verdict(&text, &one, 1),
	    "string_pattern_mismatch");
	/* `$` is the end, not the place before a last line end. */
	assert_string_equal(verdict(&text, &line, 1),
	    "string_pattern_mismatch");
}

/* Breaks when: a match takes what memory it likes: each turn of this group is
 * remembered, so that a text of 1 MB would take some 100 MB. */
static void
a_match_has_its_memory(void **state)
{
	static const struct fh_property text = { FH_VALUE(STRING, "v"),
	    .pattern = "^(?:a|b)*$" };
	static char long_text[(1 << 20) + 1];
	struct fh_field field = { "v", long_text, 10000 };

	(void)state;
	memset(long_text, 'a', field.length);
	assert_null(verdict(&text, &field, 1));
	field.length = sizeof(long_text) - 1;
	memset(long_text, 'a', field.length);
	assert_string_equal(verdict(&text, &field, 1),
	    "string_pattern_mismatch");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_at_the_edge),
		cmocka_unit_test(lists_at_the_edge),
		cmocka_unit_test(one_fault_for_a_value),
		cmocka_unit_test(a_match_has_its_memory)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
