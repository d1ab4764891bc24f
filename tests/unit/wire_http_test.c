/*
 * wire_http_test.c - dates, conditions, ranges and Accept, by their RFC.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: each text lies in memory of its exact size, without a NUL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_accept.h"
#include "wire/wire_condition.h"
#include "wire/wire_date.h"
#include "wire/wire_range.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define NOW		INT64_C(1764075600)	/* 2025-11-25T13:00:00Z */
#define THEN		"Sun, 06 Nov 1994 08:49:37 GMT"
#define THEN_S		INT64_C(784111777)

/* A copy that a byte too many would be seen on. */
static struct wire_span
exact(const char *text)
{
	size_t length = strlen(text);
	char *copy = malloc(length + (length == 0));

	assert_non_null(copy);
	memcpy(copy, text, length);
	return (struct wire_span){ copy, length };
}

static void
release(struct wire_span span)
{
	free((void *)(uintptr_t)span.at);
}

/* ------------------------------------------------------------------- dates */

static const struct {
	const char	*text;
	int64_t		 seconds;
} dates[] = {
	{ THEN, THEN_S },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", THEN_S },
	{ "Sun Nov  6 08:49:37 1994", THEN_S },
	{ "Sun Nov 16 08:49:37 1994", THEN_S + 10 * 86400 },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	{ "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
	{ "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
	{ "Mon, 01 Jan 0001 00:00:00 GMT", INT64_C(-62135596800) },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799) },
	/* RFC 9110, 5.6.7: over 50 years ahead is the past. */
	{ "Monday, 01-Jan-75 00:00:00 GMT", INT64_C(3313526400) },
	{ "Monday, 01-Jan-76 00:00:00 GMT", 189302400 },
	{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228799 },
	{ "", WIRE_NO_DATE },
	{ "Sun", WIRE_NO_DATE },
	{ "yesterday", WIRE_NO_DATE },
	{ THEN " ", WIRE_NO_DATE },
	{ "Sun, 06 Nov 1994 08:49:37 UTC", WIRE_NO_DATE },
	{ "Sun, 06 Nov 1994 08:49:37", WIRE_NO_DATE },
	{ "Sun, 6 Nov 1994 08:49:37 GMT", WIRE_NO_DATE },
	{ "Sun, 31 Feb 1994 08:49:37 GMT", WIRE_NO_DATE },
	{ "Sun, 00 Nov 1994 08:49:37 GMT", WIRE_NO_DATE },
	{ "Sun, 06 nov 1994 08:49:37 GMT", WIRE_NO_DATE },
	{ "Sun, 06 Nov 1994 24:00:00 GMT", WIRE_NO_DATE },
	{ "Sun, 06 Nov 1994 08:60:00 GMT", WIRE_NO_DATE },
	{ "Sun, 06 Nov 1994 08:49:61 GMT", WIRE_NO_DATE },
	{ "Sun, 06 Nov -994 08:49:37 GMT", WIRE_NO_DATE }
};

static void
test_dates_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(dates); i++) {
		struct wire_span text = exact(dates[i].text);

		if (wire_parse_date(text, NOW) != dates[i].seconds)
			fail_msg("\"%s\": %lld", dates[i].text,
			    (long long)wire_parse_date(text, NOW));
		release(text);
	}
}

static void
test_dates_are_written(void **state)
{
	char out[WIRE_DATE_LENGTH + 1];

	(void)state;
	wire_put_date(out, THEN_S);
	assert_string_equal(out, THEN);
	wire_put_date(out, INT64_MIN);
	assert_string_equal(out, "Mon, 01 Jan 0001 00:00:00 GMT");
	wire_put_date(out, INT64_MAX);
	assert_string_equal(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	for (int64_t at = -1000000000; at < INT64_C(5000000000);
	    at += 7654321) {
		wire_put_date(out, at);
		assert_int_equal(wire_parse_date((struct wire_span){ out,
		    WIRE_DATE_LENGTH }, NOW), at);
	}
}

/* -------------------------------------------------------------- conditions */

struct condition_case {
	const char		*etag;		/* there is; or NULL */
	int64_t			 modified;
	bool			 reads;
	const char		*match, *none_match;
	const char		*unmodified, *modified_since;
	enum wire_verdict	 verdict;
};

#define NONE	WIRE_NO_DATE
#define LATER	"Sun, 06 Nov 1994 08:49:38 GMT"
#define BEFORE	"Sun, 06 Nov 1994 08:49:36 GMT"

static const struct condition_case conditions[] = {
	{ "\"a\"", NONE, true, NULL, NULL, NULL, NULL, WIRE_GO_ON },
	/* If-Match: strong; a star for anything. */
	{ "\"a\"", NONE, false, "\"a\"", NULL, NULL, NULL, WIRE_GO_ON },
	{ "\"a\"", NONE, false, "\"b\" , \"a\"", NULL, NULL, NULL,
	    WIRE_GO_ON },
	{ "\"a\"", NONE, false, "\"b\"", NULL, NULL, NULL, WIRE_FAILED },
	{ "\"a\"", NONE, true, "\"b\"", NULL, NULL, NULL, WIRE_FAILED },
	{ "W/\"a\"", NONE, false, "W/\"a\"", NULL, NULL, NULL, WIRE_FAILED },
	{ "W/\"a\"", NONE, false, "\"a\"", NULL, NULL, NULL, WIRE_FAILED },
	{ "\"a\"", NONE, false, "W/\"a\"", NULL, NULL, NULL, WIRE_FAILED },
	{ "\"a\"", NONE, false, "*", NULL, NULL, NULL, WIRE_GO_ON },
	{ NULL, THEN_S, false, "*", NULL, NULL, NULL, WIRE_GO_ON },
	{ NULL, NONE, false, "*", NULL, NULL, NULL, WIRE_FAILED },
	{ NULL, NONE, false, "\"a\"", NULL, NULL, NULL, WIRE_FAILED },
	{ "\"a\"", NONE, false, "a", NULL, NULL, NULL, WIRE_FAILED },
	{ "\"a\"", NONE, false, "", NULL, NULL, NULL, WIRE_FAILED },
	/* If-None-Match: weak; 304 for GET, 412 for what changes. */
	{ "\"a\"", NONE, true, NULL, "\"a\"", NULL, NULL,
	    WIRE_NOT_MODIFIED },
	{ "W/\"a\"", NONE, true, NULL, "\"a\"", NULL, NULL,
	    WIRE_NOT_MODIFIED },
	{ "\"a\"", NONE, true, NULL, "\"x,\", W/\"a\"", NULL, NULL,
	    WIRE_NOT_MODIFIED },
	{ "\"a\"", NONE, true, NULL, "\"b\"", NULL, NULL, WIRE_GO_ON },
	{ "\"a\"", NONE, true, NULL, "\"A\"", NULL, NULL, WIRE_GO_ON },
	{ "\"a\"", NONE, false, NULL, "*", NULL, NULL, WIRE_FAILED },
	{ NULL, NONE, false, NULL, "*", NULL, NULL, WIRE_GO_ON },
	{ "\"a\"", NONE, true, NULL, "*", NULL, NULL, WIRE_NOT_MODIFIED },
	{ "\"a\"", NONE, true, NULL, "\"a\" \"b", NULL, NULL, WIRE_GO_ON },
	/* If-Unmodified-Since, only without If-Match. */
	{ NULL, THEN_S, false, NULL, NULL, THEN, NULL, WIRE_GO_ON },
	{ NULL, THEN_S, false, NULL, NULL, LATER, NULL, WIRE_GO_ON },
	{ NULL, THEN_S, false, NULL, NULL, BEFORE, NULL, WIRE_FAILED },
	{ "\"a\"", THEN_S, false, "\"a\"", NULL, BEFORE, NULL, WIRE_GO_ON },
	{ NULL, NONE, false, NULL, NULL, BEFORE, NULL, WIRE_GO_ON },
	{ NULL, THEN_S, false, NULL, NULL, "never", NULL, WIRE_GO_ON },
	/* If-Modified-Since, only without If-None-Match and for GET. */
	{ NULL, THEN_S, true, NULL, NULL, NULL, THEN, WIRE_NOT_MODIFIED },
	{ NULL, THEN_S, true, NULL, NULL, NULL, LATER, WIRE_NOT_MODIFIED },
	{ NULL, THEN_S, true, NULL, NULL, NULL, BEFORE, WIRE_GO_ON },
	{ NULL, THEN_S, false, NULL, NULL, NULL, THEN, WIRE_GO_ON },
	{ "\"a\"", THEN_S, true, NULL, "\"b\"", NULL, THEN, WIRE_GO_ON },
	{ NULL, THEN_S, true, NULL, NULL, NULL, "never", WIRE_GO_ON },
	/* 412 goes before 304. */
	{ "\"a\"", NONE, true, "\"b\"", "\"a\"", NULL, NULL, WIRE_FAILED },
	{ "\"a\"", NONE, true, "\"a\"", "\"a\"", NULL, NULL,
	    WIRE_NOT_MODIFIED }
};

static struct wire_span
maybe(const char *text)
{
	return text == NULL ? (struct wire_span){ NULL, 0 } : exact(text);
}

static void
test_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(conditions); i++) {
		const struct condition_case *c = &conditions[i];
		struct wire_validators there = { maybe(c->etag), c->modified };
		struct wire_conditions asked = { c->reads, maybe(c->match),
		    maybe(c->none_match), maybe(c->modified_since),
		    maybe(c->unmodified) };

		if (wire_judge(&asked, &there, NOW) != c->verdict)
			fail_msg("case %zu: %d", i,
			    wire_judge(&asked, &there, NOW));
		release(there.etag);
		release(asked.match);
		release(asked.none_match);
		release(asked.modified_since);
		release(asked.unmodified_since);
	}
}

static const struct {
	const char	*value;
	const char	*etag;
	int64_t		 modified;
	int64_t		 now;
	bool		 stands;
} if_ranges[] = {
	{ "\"a\"", "\"a\"", NONE, NOW, true },
	{ "\"b\"", "\"a\"", NONE, NOW, false },
	{ "W/\"a\"", "\"a\"", NONE, NOW, false },
	{ "\"a\"", "W/\"a\"", NONE, NOW, false },
	{ "\"a\"", NULL, THEN_S, NOW, false },
	{ THEN, "\"a\"", THEN_S, NOW, true },
	{ THEN, NULL, THEN_S, THEN_S, false },	/* the second is not over */
	{ LATER, NULL, THEN_S, NOW, false },	/* no "since": the same */
	{ BEFORE, NULL, THEN_S, NOW, false },
	{ THEN, "\"a\"", NONE, NOW, false },
	{ "never", "\"a\"", THEN_S, NOW, false },
	{ "", "\"a\"", THEN_S, NOW, false }
};

static void
test_if_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(if_ranges); i++) {
		struct wire_span value = exact(if_ranges[i].value);
		struct wire_validators there = { maybe(if_ranges[i].etag),
		    if_ranges[i].modified };

		if (wire_if_range(value, &there, if_ranges[i].now) !=
		    if_ranges[i].stands)
			fail_msg("case %zu", i);
		release(value);
		release(there.etag);
	}
}

/* ------------------------------------------------------------------ ranges */

static const struct {
	const char		*text;
	uint64_t		 size;
	int			 count;
	struct wire_range	 ranges[3];
} ranges[] = {
	{ "bytes=0-499", 1000, 1, { { 0, 499 } } },
	{ "Bytes=500-", 1000, 1, { { 500, 999 } } },
	{ "bytes=-500", 1000, 1, { { 500, 999 } } },
	{ "bytes=-5000", 1000, 1, { { 0, 999 } } },
	{ "bytes=0-0,-1", 1000, 2, { { 0, 0 }, { 999, 999 } } },
	{ "bytes= 0-1 ,, 5-6 , 3-4", 1000, 3, { { 0, 1 }, { 5, 6 },
	    { 3, 4 } } },
	{ "bytes=990-5000", 1000, 1, { { 990, 999 } } },
	{ "bytes=990-1000", 1000, 1, { { 990, 999 } } },
	{ "bytes=990-999", 1000, 1, { { 990, 999 } } },
	{ "bytes=999-", 1000, 1, { { 999, 999 } } },
	{ "bytes=1-1,5000-6000", 1000, 1, { { 1, 1 } } },
	{ "bytes=1000-", 1000, -1, { { 0, 0 } } },
	{ "bytes=-0", 1000, -1, { { 0, 0 } } },
	{ "bytes=0-", 0, -1, { { 0, 0 } } },
	{ "bytes=-5", 0, -1, { { 0, 0 } } },
	{ "bytes=9223372036854775807-", 1000, -1, { { 0, 0 } } },
	/* Not to be taken. */
	{ "", 1000, 0, { { 0, 0 } } },
	{ "bytes", 1000, 0, { { 0, 0 } } },
	{ "bytes=", 1000, 0, { { 0, 0 } } },
	{ "bytes=,", 1000, 0, { { 0, 0 } } },
	{ "bytes=-", 1000, 0, { { 0, 0 } } },
	{ "bytes=5-4", 1000, 0, { { 0, 0 } } },
	{ "bytes=2000-1", 1000, 0, { { 0, 0 } } },
	{ "bytes=a-b", 1000, 0, { { 0, 0 } } },
	{ "bytes=1", 1000, 0, { { 0, 0 } } },
	{ "bytes=1--2", 1000, 0, { { 0, 0 } } },
	{ "bytes=+1-2", 1000, 0, { { 0, 0 } } },
	{ "bytes=0-99999999999999999999", 1000, 0, { { 0, 0 } } },
	{ "lines=0-1", 1000, 0, { { 0, 0 } } },
	{ "bytes=0-1,x", 1000, 0, { { 0, 0 } } },
	/* More than the whole, and many. */
	{ "bytes=0-,0-", 1000, 0, { { 0, 0 } } },
	{ "bytes=0-999,0-0", 1000, 0, { { 0, 0 } } },
	{ "bytes=0-498,0-499", 1000, 2, { { 0, 498 }, { 0, 499 } } },
	{ "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,"
	    "13-13,14-14,15-15,16-16", 1000, 0, { { 0, 0 } } },
	{ "bytes=9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-,9-", 9, 0,
	    { { 0, 0 } } }
};

static void
test_ranges(void **state)
{
	struct wire_range out[WIRE_RANGES_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(ranges); i++) {
		struct wire_span text = exact(ranges[i].text);
		int count = wire_ranges(text, ranges[i].size, out);

		if (count != ranges[i].count)
			fail_msg("\"%s\": %d", ranges[i].text, count);
		for (int j = 0; j < count; j++) {
			assert_int_equal(out[j].first,
			    ranges[i].ranges[j].first);
			assert_int_equal(out[j].last,
			    ranges[i].ranges[j].last);
		}
		release(text);
	}
}

/* Breaks when: the sixteenth part is one too many, or the seventeenth is not,
 * wherever it lies. */
static void
test_sixteen_ranges(void **state)
{
	struct wire_range out[WIRE_RANGES_MAX];
	char text[256] = "bytes=0-0";

	(void)state;
	for (int i = 1; i < 16; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    ",%d-%d", i, i);
	assert_int_equal(wire_ranges((struct wire_span){ text, strlen(text) },
	    1000, out), 16);
	assert_int_equal(out[15].last, 15);
	strcat(text, ",5000-");
	assert_int_equal(wire_ranges((struct wire_span){ text, strlen(text) },
	    1000, out), 0);
}

/* ------------------------------------------------------------------ Accept */

static const char *const offered[] = {
	"text/csv", "application/json", "application/jsonl", "text/plain"
};

static const struct {
	const char	*accept;
	const char	*type;		/* or NULL: none */
} accepts[] = {
	{ "*/*", "application/json" },
	{ "", "application/json" },
	{ "nonsense", "application/json" },
	{ ";q=1,/,text/", "application/json" },
	{ "text/csv", "text/csv" },
	{ "TEXT/CSV", "text/csv" },
	{ "text/*", "text/csv" },
	{ "text/*, application/json", "application/json" },
	{ "text/csv, application/json", "application/json" },
	{ "text/csv, */*", "text/csv" },
	{ "text/csv;q=0.5, */*;q=0.4", "text/csv" },
	{ "text/csv;q=0.5, */*", "application/json" },
	{ "application/json;q=0.1, application/jsonl", "application/jsonl" },
	{ "application/json;q=0, */*;q=0.1", "text/csv" },
	{ "text/*;q=0.3, text/plain;q=0.7", "text/plain" },
	{ "text/plain;q=0.3, text/*;q=0.7", "text/csv" },
	{ "application/json; charset=utf-8; q=0.2, text/plain;q=0.3",
	    "text/plain" },
	/* Of two that say the same the better one counts, in any order. */
	{ "text/csv;q=0.2, text/csv;q=0.9, text/plain;q=0.5", "text/csv" },
	{ "text/csv;q=0.9, text/csv;q=0.2, text/plain;q=0.5", "text/csv" },
	{ "text/csv;x=\"a,b;q=0\";q=1", "text/csv" },
	{ "text/csv;x=\"\\\",\";Q=1", "text/csv" },
	{ "text/plain ; q=1.000 , text/csv ; q=0.999", "text/plain" },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	    "application/json" },
	/* q that is none: the range is as if not sent. */
	{ "text/csv;q=2, text/plain;q=0.1", "text/plain" },
	{ "text/csv;q=0.1234, text/plain;q=0.1", "text/plain" },
	{ "text/csv;q=, text/plain;q=0.1", "text/plain" },
	{ "text/csv;q=1.001, text/plain;q=0.1", "text/plain" },
	/* Nothing of it. */
	{ "text/html", NULL },
	{ "text/html, image/*", NULL },
	{ "*/*;q=0", NULL },
	{ "text/*;q=0, application/json;q=0.0", NULL },
	{ "application/*+json", NULL },
	{ "*/json", NULL }
};

static void
test_accept(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accepts); i++) {
		struct wire_span text = exact(accepts[i].accept);
		int found = wire_accept(text, offered, COUNT(offered));
		const char *type = found < 0 ? "none" : offered[found];

		if (strcmp(type, accepts[i].type == NULL ? "none" :
		    accepts[i].type) != 0)
			fail_msg("\"%s\": %s", accepts[i].accept, type);
		release(text);
	}
	assert_int_equal(wire_accept((struct wire_span){ "*/*", 3 }, offered,
	    0), -1);
}

/* What stands behind the hundredth is not looked at. */
static void
test_accept_is_bounded(void **state)
{
	char text[WIRE_ACCEPT_MAX * 4 + 16] = "";

	(void)state;
	for (int i = 0; i < WIRE_ACCEPT_MAX; i++)
		strcat(text, "a/b,");
	strcat(text, "text/csv");
	assert_int_equal(wire_accept((struct wire_span){ text, strlen(text) },
	    offered, COUNT(offered)), -1);
	assert_int_equal(wire_accept((struct wire_span){ text + 4,
	    strlen(text) - 4 }, offered, COUNT(offered)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates_are_read),
		cmocka_unit_test(test_dates_are_written),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_if_range),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_sixteen_ranges),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_accept_is_bounded)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
