/*
 * api_rows_test.c - the type a client wants, and rows and structs in it:
 * reply.h and json.h, sentence by sentence.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each body is compared to the byte.
 */
#include "api_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct inner {
	int64_t		 x;
};

struct row {
	bool			 on;
	int64_t			 count;
	double			 size;
	const char		*text;
	struct fh_date		 day;
	struct fh_time		 when;
	struct fh_uuid		 id;
	struct fh_bytes		 bytes;
	int			 level;
	FH_LIST(int64_t)	 numbers;
	FH_LIST(struct inner)	 inners;
	struct inner		 inner;
	bool			 has_count;
};

static const struct fh_property inner_fields[] = {
	{ FH_INTEGER(struct inner, x) },
	FH_END
};

#define FLAT								\
	{ FH_BOOLEAN(struct row, on) },					\
	{ FH_INTEGER(struct row, count),				\
	    .has = FH_HAS(struct row, has_count) },			\
	{ FH_NUMBER(struct row, size), .as = "the size" },		\
	{ FH_STRING(struct row, text), .nullable = true },		\
	{ FH_DATE(struct row, day) },					\
	{ FH_DATE_TIME(struct row, when) },				\
	{ FH_UUID(struct row, id) },					\
	{ FH_BYTE(struct row, bytes) },					\
	{ FH_ENUM(struct row, level), .choices = FH_CHOICES("low",	\
	    "high") }

static const struct fh_property flat_fields[] = { FLAT, FH_END };
static const struct fh_property fields[] = {
	FLAT,
	{ FH_ARRAY(struct row, numbers),
	    .items = FH_ITEMS(FH_ITEM(INTEGER)) },
	{ FH_ARRAY(struct row, inners),
	    .items = FH_ITEMS(FH_ITEM_OBJECT(struct inner),
	    .fields = inner_fields) },
	{ FH_OBJECT(struct row, inner), .fields = inner_fields },
	FH_END
};

static int64_t		 numbers[] = { 1, -2 };
static struct inner	 inners[] = { { 3 }, { 4 } };

static const struct row	 full = {
	.on = true, .count = -7, .size = 0.25, .text = "a\"b",
	.day = { 2026, 11, 25 },
	.when = { .seconds = 784111777, .nanoseconds = 250000000,
	    .offset_minutes = -90 },
	.id = { .bytes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	    255 } },
	.bytes = { (const uint8_t *)"\0\xff" "a", 3 }, .level = 1,
	.numbers = { numbers, 2 }, .inners = { inners, 2 },
	.inner = { 5 }, .has_count = true
};
static struct row	 row;

/* A request that takes this type; NULL: it does not say. */
static void
ask(struct fixture *f, const char *accept)
{
	fixture_no_params(f);
	fixture_param(f, "REQUEST_METHOD", "GET");
	fixture_param(f, "PATH_INFO", "/users/7/x");
	if (accept != NULL)
		fixture_param(f, "HTTP_ACCEPT", accept);
}

/* ------------------------------------------------- structs */

static int
serve_struct(struct fh_request *rq)
{
	fh_json_begin(rq, 200);
	fh_json_struct(rq, fields, &row);
	return fh_json_end(rq);
}

static void
test_struct(void **state)
{
	struct fixture *f = *state;

	row = full;
	fixture_serve(f, serve_struct);
	wants_body(f, "{\"on\":true,\"count\":-7,\"the size\":0.25,"
	    "\"text\":\"a\\\"b\",\"day\":\"2026-11-25\","
	    "\"when\":\"1994-11-06T07:19:37.25-01:30\","
	    "\"id\":\"00010203-0405-0607-0809-0a0b0c0d0eff\","
	    "\"bytes\":\"AP9h\",\"level\":\"high\",\"numbers\":[1,-2],"
	    "\"inners\":[{\"x\":3},{\"x\":4}],\"inner\":{\"x\":5}}");
}

static void
test_what_is_not_given(void **state)
{
	struct fixture *f = *state;

	row = (struct row){ .level = -1 };
	fixture_serve(f, serve_struct);
	wants_body(f, "{\"on\":false,\"the size\":0,\"text\":null,"
	    "\"when\":\"1970-01-01T00:00:00Z\","
	    "\"id\":\"00000000-0000-0000-0000-000000000000\",\"bytes\":\"\","
	    "\"numbers\":[],\"inners\":[],\"inner\":{\"x\":0}}");
}

static void
test_values_that_are_none(void **state)
{
	struct fixture *f = *state;

	row = full;
	row.size = NAN;
	fixture_serve(f, serve_struct);
	wants_500(f, "fh_json_struct(): \"the size\" has a value that cannot");
	row = full;
	row.level = 2;
	fixture_serve(f, serve_struct);
	wants_500(f, "\"level\" has a value");
	row = full;
	row.day.month = 13;
	fixture_serve(f, serve_struct);
	wants_500(f, "\"day\" has a value");
	row = full;
	row.when.seconds = INT64_MAX;
	fixture_serve(f, serve_struct);
	wants_500(f, "\"when\" has a value");
	row = full;
	row.when.nanoseconds = 1000000000;
	fixture_serve(f, serve_struct);
	wants_500(f, "\"when\" has a value");
}

static int
serve_when(struct fh_request *rq)
{
	static const struct fh_property when[] = {
		{ FH_DATE_TIME(struct row, when) }, FH_END };

	fh_json_begin(rq, 200);
	fh_json_struct(rq, when, &row);
	return fh_json_end(rq);
}

/* Breaks when: a time that an input may have cannot be written, or one is
 * written that no input may have. */
static void
test_the_first_and_the_last_time(void **state)
{
	static const struct {
		struct fh_time	 when;
		const char	*text;
	} table[] = {
		{ { 253402300799, 0, 0 }, "9999-12-31T23:59:59Z" },
		{ { 253402304399, 0, -60 }, "9999-12-31T23:59:59-01:00" },
		{ { -62167219200, 0, 0 }, "0000-01-01T00:00:00Z" },
		{ { -62167222800, 0, 60 }, "0000-01-01T00:00:00+01:00" },
		{ { 253402300800, 0, 0 }, NULL },
		{ { 253402300799, 0, 1 }, NULL },
		{ { -62167219201, 0, 0 }, NULL },
		{ { -62167219200, 0, -1 }, NULL },
		{ { INT64_MIN, 0, -1 }, NULL }
	};
	struct fixture *f = *state;
	char body[64];

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		row.when = table[i].when;
		fixture_serve(f, serve_when);
		if (table[i].text == NULL) {
			assert_int_equal(f->result.status, 500);
			continue;
		}
		snprintf(body, sizeof(body), "{\"when\":\"%s\"}",
		    table[i].text);
		wants_body(f, body);
	}
}

/* ------------------------------------------------- rows */

static const struct fh_property	*columns;
static const struct row		 second = { .text = "x,y", .level = -1 };

static int
serve_rows(struct fh_request *rq)
{
	if (fh_rows_begin(rq, 200, columns) != 0)
		return 0;
	fh_row(rq, &row);
	fh_row(rq, &second);
	return fh_rows_end(rq);
}

static const struct fh_response all_types[] = {
	{ .status = 200, .type = "text/csv",
	    .items = FH_ITEMS(FH_ITEM_OBJECT(struct row),
	    .fields = flat_fields) },
	{ .status = 200, .items = FH_ITEMS(FH_ITEM_OBJECT(struct row),
	    .fields = flat_fields) },
	{ .status = 200, .type = "application/x-ndjson",
	    .items = FH_ITEMS(FH_ITEM_OBJECT(struct row),
	    .fields = flat_fields) },
	{ .status = 0 }
};

#define FIRST_ROW							\
	"{\"on\":true,\"count\":-7,\"the size\":0.25,"			\
	"\"text\":\"a\\\"b\",\"day\":\"2026-11-25\","			\
	"\"when\":\"1994-11-06T07:19:37.25-01:30\","			\
	"\"id\":\"00010203-0405-0607-0809-0a0b0c0d0eff\","		\
	"\"bytes\":\"AP9h\",\"level\":\"high\"}"
#define SECOND_ROW							\
	"{\"on\":false,\"the size\":0,\"text\":\"x,y\","		\
	"\"when\":\"1970-01-01T00:00:00Z\","				\
	"\"id\":\"00000000-0000-0000-0000-000000000000\",\"bytes\":\"\"}"

static void
test_rows(void **state)
{
	struct fixture *f = *state;

	row = full;
	columns = NULL;
	f->route.responses = all_types;
	fixture_serve(f, serve_rows);
	wants_header(f, "Content-Type: application/json");
	wants_header(f, "Vary: Accept");
	wants_body(f, "[" FIRST_ROW "," SECOND_ROW "]");
	ask(f, "application/x-ndjson");
	fixture_serve(f, serve_rows);
	wants_header(f, "Content-Type: application/x-ndjson");
	wants_body(f, FIRST_ROW "\n" SECOND_ROW "\n");
	f->route.responses = NULL;
	columns = flat_fields;
	fixture_serve(f, serve_rows);
	wants_header(f, "Content-Type: application/json");
	wants_no_header(f, "Vary");
	wants_body(f, "[" FIRST_ROW "," SECOND_ROW "]");
}

static void
test_csv(void **state)
{
	struct fixture *f = *state;

	row = full;
	columns = NULL;
	f->route.responses = all_types;
	ask(f, "text/csv");
	fixture_serve(f, serve_rows);
	wants_header(f, "Content-Type: text/csv; charset=utf-8; "
	    "header=present");
	wants_body(f, "on,count,the size,text,day,when,id,bytes,level\r\n"
	    "true,-7,0.25,\"a\"\"b\",2026-11-25,1994-11-06T07:19:37.25-01:30,"
	    "00010203-0405-0607-0809-0a0b0c0d0eff,AP9h,high\r\n"
	    "false,,0,\"x,y\",,1970-01-01T00:00:00Z,"
	    "00000000-0000-0000-0000-000000000000,\"\",\r\n");
	row.text = "\xff=";
	fixture_serve(f, serve_rows);
	assert_non_null(strstr(f->body, ",\xef\xbf\xbd=,"));
	for (const char *first = "=+-@\t\r"; *first != '\0'; first++) {
		char text[] = "?1", cell[] = ",\"'?1\",";

		text[0] = cell[3] = *first;
		row.text = text;
		fixture_serve(f, serve_rows);
		assert_non_null(strstr(f->body, cell));
	}
	row.text = "a=1";
	fixture_serve(f, serve_rows);
	assert_non_null(strstr(f->body, ",a=1,"));
	columns = fields;
	fixture_serve(f, serve_rows);
	wants_500(f, "an array or object cannot stand in CSV");
}

static int
serve_open_rows(struct fh_request *rq)
{
	fh_rows_begin(rq, 200, flat_fields);
	return fh_row(rq, &row);
}

static int
serve_row_alone(struct fh_request *rq)
{
	FAILS(fh_row(rq, &row), EINVAL);
	return 0;
}

static int
serve_rows_end_alone(struct fh_request *rq)
{
	FAILS(fh_rows_end(rq), EINVAL);
	return 0;
}

static int
serve_rows_then_problem(struct fh_request *rq)
{
	fh_rows_begin(rq, 200, flat_fields);
	fh_row(rq, &row);
	return fh_problem(rq, 503, "gone");
}

static void
test_rows_misused(void **state)
{
	static const char *const accepts[] = { "application/json",
	    "text/csv", "application/x-ndjson" };
	struct fixture *f = *state;

	row = full;
	columns = NULL;
	fixture_serve(f, serve_rows);
	wants_500(f, "fh_rows_begin(): no columns are given or declared");
	fixture_serve(f, serve_row_alone);
	wants_500(f, "fh_row(): fh_rows_begin() has not been called");
	fixture_serve(f, serve_rows_end_alone);
	wants_500(f, "fh_rows_end(): fh_rows_begin() has not been called");
	f->route.responses = all_types;
	for (size_t i = 0; i < 3; i++) {
		ask(f, accepts[i]);
		fixture_serve(f, serve_open_rows);
		assert_int_equal(f->result.status, 500);
		assert_non_null(strstr(f->body,
		    "fh_rows_end() has not been called"));
		fixture_serve(f, serve_rows_then_problem);
		assert_int_equal(f->result.status, 503);
	}
}

/* ------------------------------------------------- negotiation */

static const char	*accepted;
static int		 calls;

static int
serve_accepted(struct fh_request *rq)
{
	calls++;
	accepted = fh_accepted(rq);
	return fh_write(rq, "x", 1);
}

static int
serve_not_found(struct fh_request *rq)
{
	fh_status(rq, 404);
	return fh_write(rq, "x", 1);
}

static const struct fh_response anything[] = {
	{ .status = 200, .type = "text/csv" }, { .status = 201 },
	{ .status = 0 }
};

static const struct fh_response one[] = {
	{ .status = 204 }, { .status = 404, .type = "text/html" },
	{ .status = 201, .type = "application/pdf" }, { .status = 0 }
};

static void
test_what_is_negotiated(void **state)
{
	struct fixture *f = *state;

	ask(f, "application/pdf");
	fixture_serve(f, serve_accepted);
	assert_null(accepted);
	wants_header(f, "Content-Type: text/plain; charset=utf-8");
	f->route.responses = anything;
	fixture_serve(f, serve_accepted);
	assert_null(accepted);
	f->route.responses = one;
	fixture_serve(f, serve_accepted);
	assert_string_equal(accepted, "application/pdf");
	wants_header(f, "Content-Type: application/pdf");
	wants_no_header(f, "Vary");
	/* What was negotiated is the type of what succeeds. */
	fixture_serve(f, serve_not_found);
	assert_int_equal(f->result.status, 404);
	wants_header(f, "Content-Type: text/plain; charset=utf-8");
	calls = 0;
	ask(f, "text/html");
	fixture_serve(f, serve_accepted);
	assert_int_equal(calls, 0);
	assert_int_equal(f->result.status, 406);
	wants_header(f, "Content-Type: application/problem+json");
	assert_non_null(strstr(f->body, "\"types\":[\"application/pdf\"]"));
	assert_string_equal(fixture_log(f), "");
}

/* Tables of a handler whose header had larger structs: another minor. */
static const struct {
	struct fh_property	 entry;
	uint64_t		 more;
} wide_fields[] = {
	{ { FH_INTEGER(struct row, count) }, UINT64_MAX },
	{ { FH_STRING(struct row, text) }, UINT64_MAX },
	{ FH_END, UINT64_MAX }
};
static const struct fh_property wide_items = { FH_ITEM_OBJECT(struct row),
	.fields = &wide_fields[0].entry };
static const struct {
	struct fh_response	 entry;
	uint64_t		 more;
} wide[] = {
	{ { .status = 404 }, UINT64_MAX },
	{ { .status = 200, .items = &wide_items }, UINT64_MAX },
	{ { .status = 200, .type = "text/csv" }, UINT64_MAX },
	{ { .status = 0 }, UINT64_MAX }
};

/* Breaks when: a table is gone through in steps of our own struct. */
static void
test_tables_of_another_size(void **state)
{
	struct fixture *f = *state;

	row = full;
	columns = NULL;
	f->handler.desc.property_size = sizeof(wide_fields[0]);
	f->handler.desc.response_size = sizeof(wide[0]);
	f->route.responses = &wide[0].entry;
	ask(f, "text/csv");
	fixture_serve(f, serve_rows);
	wants_header(f, "Content-Type: text/csv; charset=utf-8; "
	    "header=present");
	wants_body(f, "count,text\r\n-7,\"a\"\"b\"\r\n0,\"x,y\"\r\n");
	ask(f, "application/json");
	fixture_serve(f, serve_rows);
	wants_body(f, "[{\"count\":-7,\"text\":\"a\\\"b\"},"
	    "{\"count\":0,\"text\":\"x,y\"}]");
	ask(f, "image/png");
	fixture_serve(f, serve_rows);
	assert_int_equal(f->result.status, 406);
	assert_non_null(strstr(f->body, "\"types\":[\"application/json\","
	    "\"text/csv\"]"));
}

static int
serve_silent(struct fh_request *rq)
{
	(void)rq;
	return 0;
}

/* The Vary that we set is no reply of the handler's. */
static void
test_nothing_is_still_nothing(void **state)
{
	struct fixture *f = *state;

	f->route.responses = all_types;
	fixture_serve(f, serve_silent);
	assert_int_equal(f->result.status, 500);
	assert_non_null(strstr(f->body, "the handler replied nothing"));
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, \
	    fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tables_of_another_size),
		TEST(test_the_first_and_the_last_time),
		TEST(test_struct),
		TEST(test_what_is_not_given),
		TEST(test_values_that_are_none),
		TEST(test_rows),
		TEST(test_csv),
		TEST(test_rows_misused),
		TEST(test_what_is_negotiated),
		TEST(test_nothing_is_still_nothing)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
