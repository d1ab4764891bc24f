/*
 * api_json_test.c - JSON into the reply: json.h, sentence by sentence.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: what json-c reads back is what was written; a rule that is broken
 * is a whole 500.
 */
#include "api_fixture.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON	"Content-Type: application/json\r\n"

static double	numbers[50000];
static size_t	number_count;

/* ------------------------------------------------- what is written */

static int
serve_all_kinds(struct fh_request *rq)
{
	static const double doubles[] = { 0.1, -0.0, 5, 1e22, 5e-324 };
	static const int64_t integers[] = { INT64_MIN, 0, INT64_MAX };

	assert_int_equal(fh_json_begin(rq, 201), 0);
	assert_int_equal(fh_json_object(rq), 0);
	assert_int_equal(fh_json_name(rq, "a\"b"), 0);
	assert_int_equal(fh_json_string(rq, "x\n\xc3\xbc\xff"), 0);
	fh_json_name(rq, "nul");
	assert_int_equal(fh_json_text(rq, "a\0b", 3), 0);
	fh_json_name(rq, "list");
	fh_json_array(rq);
	assert_int_equal(fh_json_integer(rq, -7), 0);
	assert_int_equal(fh_json_unsigned(rq, UINT64_MAX), 0);
	assert_int_equal(fh_json_number(rq, 1.5), 0);
	assert_int_equal(fh_json_boolean(rq, true), 0);
	assert_int_equal(fh_json_boolean(rq, false), 0);
	assert_int_equal(fh_json_null(rq), 0);
	assert_int_equal(fh_json_string(rq, NULL), 0);
	fh_json_object(rq);
	assert_int_equal(fh_json_close(rq), 0);
	fh_json_array(rq);
	fh_json_close(rq);
	fh_json_close(rq);
	fh_json_name(rq, "d");
	assert_int_equal(fh_json_numbers(rq, doubles, 5), 0);
	fh_json_name(rq, "i");
	assert_int_equal(fh_json_integers(rq, integers, 3), 0);
	fh_json_name(rq, "none");
	assert_int_equal(fh_json_numbers(rq, NULL, 0), 0);
	fh_json_close(rq);
	return fh_json_end(rq);
}

static const char all_kinds[] =
    "{\"a\\\"b\":\"x\\n\xc3\xbc\xef\xbf\xbd\",\"nul\":\"a\\u0000b\","
    "\"list\":[-7,18446744073709551615,1.5,true,false,null,null,{},[]],"
    "\"d\":[0.1,-0,5,1e+22,5e-324],"
    "\"i\":[-9223372036854775808,0,9223372036854775807],\"none\":[]}";

static void
test_all_kinds(void **state)
{
	struct fixture *f = *state;
	char head[128];

	fixture_serve(f, serve_all_kinds);
	snprintf(head, sizeof(head), "Status: 201 Created\r\n" JSON
	    "Content-Length: %zu\r\n\r\n", sizeof(all_kinds) - 1);
	wants_head(f, head);
	wants_body(f, all_kinds);
	assert_int_equal(f->sends, 1);
	assert_string_equal(fixture_log(f), "");
}

/* However small the pieces are in which it leaves. */
static void
test_any_space(void **state)
{
	struct fixture *f = *state;

	for (size_t space = 0; space < sizeof(all_kinds) + 2; space++) {
		f->sink.space = space;
		fixture_serve(f, serve_all_kinds);
		wants_body(f, all_kinds);
		assert_int_equal(f->outcome, API_DONE);
	}
}

static void
test_head_has_the_length(void **state)
{
	struct fixture *f = *state;
	char line[64];

	f->input.head_only = true;
	fixture_serve(f, serve_all_kinds);
	snprintf(line, sizeof(line), "Content-Length: %zu",
	    sizeof(all_kinds) - 1);
	wants_header(f, line);
	wants_body(f, "");
}

static int
serve_own_type(struct fh_request *rq)
{
	fh_write(rq, "thrown away", 11);
	fh_set_header(rq, "Content-Type", "application/geo+json");
	fh_json_begin(rq, 200);
	fh_json_integer(rq, 1);
	return fh_json_end(rq);
}

static void
test_type_that_was_set(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_own_type);
	wants_header(f, "Content-Type: application/geo+json");
	wants_body(f, "1");
}

/* ------------------------------------------------- numbers */

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
make_numbers(void)
{
	uint64_t seed = 88172645463325252u, bits;

	number_count = 0;
	while (number_count < sizeof(numbers) / sizeof(numbers[0])) {
		double value;

		bits = next_random(&seed);
		if (number_count % 4 == 1)	/* few digits */
			value = (double)(int64_t)(bits >> 44) / 1000;
		else
			memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			numbers[number_count++] = value;
	}
}

static int
serve_numbers(struct fh_request *rq)
{
	fh_json_begin(rq, 200);
	fh_json_numbers(rq, numbers, number_count);
	return fh_json_end(rq);
}

/* How many digits a text has that count. */
static int
digits_of(const char *text, size_t length)
{
	int count = 0, zeros = 0;

	for (size_t i = 0; i < length && text[i] != 'e'; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    (text[i] == '0' && count == 0))
			continue;
		zeros = text[i] == '0' ? zeros + 1 : 0;
		count++;
	}
	return count - zeros;
}

/* With a digit less it would be another number.  A large one without a point
 * may have more, where an exponent would not make it shorter. */
static void
check_shortest(const char *text, size_t length, double value)
{
	char shorter[64];
	int digits = digits_of(text, length);

	if (digits < 2 || fabs(value) >= 9007199254740992)
		return;
	snprintf(shorter, sizeof(shorter), "%.*e", digits - 2, value);
	assert_true(strtod(shorter, NULL) != value);
}

/* Each bit of random numbers comes back, and no text could be shorter. */
static void
test_numbers_round_trip(void **state)
{
	struct fixture *f = *state;
	const char *at;

	make_numbers();
	f->sink.space = 1 << 20;
	fixture_serve(f, serve_numbers);
	at = f->body;
	for (size_t i = 0; i < number_count; i++) {
		double value;
		char *end;

		assert_int_equal(*at++, i == 0 ? '[' : ',');
		value = strtod(at, &end);
		assert_memory_equal(&value, &numbers[i], sizeof(value));
		assert_true(end - at <= 24);
		if (i % 16 < 2)
			check_shortest(at, (size_t)(end - at), value);
		at = end;
	}
	assert_string_equal(at, "]");
}

static double	bad_number;

static int
serve_bad_number(struct fh_request *rq)
{
	fh_json_begin(rq, 200);
	FAILS(fh_json_number(rq, bad_number), EINVAL);
	FAILS(fh_json_null(rq), EINVAL);
	return fh_json_end(rq) == -1 ? 0 : 1;
}

static int
serve_bad_numbers(struct fh_request *rq)
{
	const double values[] = { 1, bad_number, 2 };

	fh_json_begin(rq, 200);
	FAILS(fh_json_numbers(rq, values, 3), EINVAL);
	return 0;
}

static void
test_what_is_no_number(void **state)
{
	struct fixture *f = *state;

	bad_number = NAN;
	fixture_serve(f, serve_bad_number);
	wants_500(f, "fh_json_number(): JSON has no NaN");
	fixture_serve(f, serve_bad_numbers);
	wants_500(f, "fh_json_numbers(): JSON has no NaN");
	bad_number = -INFINITY;
	fixture_serve(f, serve_bad_number);
	wants_500(f, "fh_json_number(): JSON has no infinity");
	fixture_serve(f, serve_bad_numbers);
	wants_500(f, "fh_json_numbers(): JSON has no infinity");
}

/* ------------------------------------------------- texts */

static char	long_text[70000];

static int
serve_long_text(struct fh_request *rq)
{
	fh_json_begin(rq, 200);
	fh_json_text(rq, long_text, sizeof(long_text));
	return fh_json_end(rq);
}

/* Escapes and characters of several bytes at each place of a piece. */
static void
test_long_texts(void **state)
{
	static const char piece[] = "\xf0\x9f\x98\x80\"\x01plain \xe2\x82\xac";
	struct fixture *f = *state;
	struct json_object *read;

	for (size_t i = 0; i < sizeof(long_text); i++)
		long_text[i] = piece[i % (sizeof(piece) - 1)];
	for (size_t space = 1; space < 5000; space = space * 3 + 1) {
		f->sink.space = space;
		fixture_serve(f, serve_long_text);
		read = json_tokener_parse(f->body);
		assert_int_equal(json_object_get_string_len(read),
		    sizeof(long_text));
		assert_memory_equal(json_object_get_string(read), long_text,
		    sizeof(long_text));
		json_object_put(read);
	}
}

/* ------------------------------------------------- trees */

static const char tree_text[] = "{\"a\":[1,-2,9223372036854775808,true,null,"
    "1.25,\"x\\u0000y\"],\"b\":{\"c\":{}},\"d\":[]}";

static int
serve_tree(struct fh_request *rq)
{
	struct json_object *tree = json_tokener_parse(tree_text);

	fh_json_begin(rq, 200);
	fh_json_array(rq);
	assert_int_equal(fh_json_tree(rq, tree), 0);
	assert_int_equal(fh_json_tree(rq, NULL), 0);
	fh_json_close(rq);
	assert_int_equal(json_object_put(tree), 1);	/* it was ours */
	return fh_json_end(rq);
}

static void
test_tree(void **state)
{
	struct fixture *f = *state;
	char wanted[sizeof(tree_text) + 16];

	fixture_serve(f, serve_tree);
	snprintf(wanted, sizeof(wanted), "[%s,null]", tree_text);
	wants_body(f, wanted);
}

static int
serve_bad_tree(struct fh_request *rq)
{
	struct json_object *tree = json_object_new_array();

	json_object_array_add(tree, json_object_new_double(NAN));
	fh_json_begin(rq, 200);
	assert_int_equal(fh_json_tree(rq, tree), -1);
	json_object_put(tree);
	return 0;
}

static int
serve_deep_tree(struct fh_request *rq)
{
	struct json_object *tree = json_object_new_array(), *outer;

	for (int i = 1; i <= FH_JSON_DEPTH; i++) {
		outer = json_object_new_array();
		json_object_array_add(outer, tree);
		tree = outer;
	}
	fh_json_begin(rq, 200);
	assert_int_equal(fh_json_tree(rq, tree), -1);
	json_object_put(tree);
	return 0;
}

static void
test_trees_that_are_no_json(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_bad_tree);
	wants_500(f, "JSON has no NaN");
	fixture_serve(f, serve_deep_tree);
	wants_500(f, "fh_json_array(): more than 64 are open");
}

/* ------------------------------------------------- the rules */

/* Calls, a letter each: see call_letter(). */
static const char	*letters;

static int
call_letter(struct fh_request *rq, char letter)
{
	switch (letter) {
	case 'b':
		return fh_json_begin(rq, 200);
	case 'e':
		return fh_json_end(rq);
	case '{':
		return fh_json_object(rq);
	case '[':
		return fh_json_array(rq);
	case '.':
		return fh_json_close(rq);
	case ':':
		return fh_json_name(rq, "n");
	case '?':
		return fh_json_name(rq, NULL);
	case 's':
		return fh_json_string(rq, "s");
	case 't':
		return fh_json_text(rq, "t", 1);
	case '#':
		return fh_json_numbers(rq, NULL, 0);
	case 'p':
		return fh_problem(rq, 409, "changed my mind");
	case 'f':
		return fh_flush(rq);
	default:
		return fh_json_integer(rq, letter - '0');
	}
}

/* The last call is the one that fails, if one does. */
static int
serve_letters(struct fh_request *rq)
{
	for (const char *at = letters; *at != '\0'; at++) {
		if (call_letter(rq, *at) != 0)
			assert_true(at[1] == '\0');
	}
	return 0;
}

static const struct {
	const char	*letters;
	const char	*why;
} misuses[] = {
	{ "1", "fh_json_integer(): fh_json_begin() has not been called" },
	{ "e", "fh_json_end(): fh_json_begin() has not been called" },
	{ ".", "fh_json_close(): nothing is open" },
	{ ":", "fh_json_name(): a name stands in an object only" },
	{ "b", "fh_json_begin(): fh_json_end() has not been called" },
	{ "b1", "fh_json_begin(): fh_json_end() has not been called" },
	{ "be", "fh_json_end(): the document is empty" },
	{ "b12", "fh_json_integer(): a document is one value" },
	{ "b[.[", "fh_json_array(): a document is one value" },
	{ "b[1e", "fh_json_end(): an object or array is not closed" },
	{ "b1.", "fh_json_close(): nothing is open" },
	{ "b[..", "fh_json_close(): nothing is open" },
	{ "b:", "fh_json_name(): a name stands in an object only" },
	{ "b[:", "fh_json_name(): a name stands in an object only" },
	{ "b{[", "fh_json_array(): a value in an object needs a name" },
	{ "b{#", "fh_json_numbers(): a value in an object needs a name" },
	{ "b{s", "fh_json_string(): a value in an object needs a name" },
	{ "b{:1t", "fh_json_text(): a value in an object needs a name" },
	{ "b{::", "fh_json_name(): a name has no value" },
	{ "b{:.", "fh_json_close(): a name has no value" },
	{ "b{?", "fh_json_name(): the name is NULL" },
	{ "b1ee", "fh_json_end(): the document is ended" },
	{ "b1e1", "fh_json_integer(): the document is ended" },
	{ "b1e.", "fh_json_close(): nothing is open" }
};

static void
test_misuse(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		letters = misuses[i].letters;
		fixture_serve(f, serve_letters);
		wants_500(f, misuses[i].why);
	}
}

static void
test_depth(void **state)
{
	struct fixture *f = *state;
	char deep[2 * FH_JSON_DEPTH + 8] = "b";

	memset(deep + 1, '[', FH_JSON_DEPTH);
	memset(deep + 1 + FH_JSON_DEPTH, '.', FH_JSON_DEPTH);
	strcpy(deep + 1 + 2 * FH_JSON_DEPTH, "e");
	letters = deep;
	fixture_serve(f, serve_letters);
	assert_int_equal(f->body_length, 2 * FH_JSON_DEPTH);
	strcpy(deep + 1 + FH_JSON_DEPTH, "{");
	fixture_serve(f, serve_letters);
	wants_500(f, "fh_json_object(): more than 64 are open");
}

/* Objects and arrays in each other: each closes as what it is. */
static void
test_nesting(void **state)
{
	struct fixture *f = *state;

	letters = "b[{:[1{..:{:s..[..e";
	fixture_serve(f, serve_letters);
	wants_body(f, "[{\"n\":[1,{}],\"n\":{\"n\":\"s\"}},[]]");
}

static void
test_another_reply_instead(void **state)
{
	struct fixture *f = *state;

	letters = "b[1p";
	fixture_serve(f, serve_letters);
	assert_int_equal(f->result.status, 409);
	assert_non_null(strstr(f->body, "changed my mind"));
	letters = "b[1b2e";
	fixture_serve(f, serve_letters);
	wants_body(f, "2");
}

/* What has left cannot be taken back: the connection says so. */
static void
test_misuse_after_the_header(void **state)
{
	struct fixture *f = *state;

	letters = "b[1f:";
	fixture_serve(f, serve_letters);
	assert_int_equal(f->outcome, API_BROKEN);
	wants_body(f, "[1");
	letters = "b[1f";
	fixture_serve(f, serve_letters);
	assert_int_equal(f->outcome, API_BROKEN);
	letters = "b[1f.e";
	fixture_serve(f, serve_letters);
	assert_int_equal(f->outcome, API_DONE);
	wants_body(f, "[1]");
	letters = "fb";
	fixture_serve(f, serve_letters);
	assert_int_equal(f->outcome, API_DONE);
}

static void
test_sync_limit(void **state)
{
	struct fixture *f = *state;

	make_numbers();
	f->sink.streams = false;
	f->sink.space = 1000;
	fixture_serve(f, serve_numbers);
	wants_500(f, "sync_reply_limit");
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, \
	    fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_kinds),
		TEST(test_any_space),
		TEST(test_head_has_the_length),
		TEST(test_type_that_was_set),
		TEST(test_numbers_round_trip),
		TEST(test_what_is_no_number),
		TEST(test_long_texts),
		TEST(test_tree),
		TEST(test_trees_that_are_no_json),
		TEST(test_misuse),
		TEST(test_depth),
		TEST(test_nesting),
		TEST(test_another_reply_instead),
		TEST(test_misuse_after_the_header),
		TEST(test_sync_limit)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
