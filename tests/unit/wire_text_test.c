/*
 * wire_text_test.c - tables of what each small grammar takes and refuses.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: texts lie in memory of exactly their length, without a NUL, so
 * that a sanitizer sees every byte read too many.
 */
#include "wire/wire_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)	literal, sizeof(literal) - 1

/* A copy that ends where its memory ends. */
static char *
exact(const char *text, size_t length)
{
	char *copy = malloc(length + (length == 0));

	assert_non_null(copy);
	memcpy(copy, text, length);
	return copy;
}

struct yes_no {
	const char	*text;
	size_t		 length;
	bool		 yes;
};

static void
check_yes_no(const struct yes_no *cases, size_t count,
    bool (*is)(const char *, size_t))
{
	for (size_t i = 0; i < count; i++) {
		char *text = exact(cases[i].text, cases[i].length);

		if (is(text, cases[i].length) != cases[i].yes)
			fail_msg("case %zu: \"%s\"", i, cases[i].text);
		free(text);
	}
}

/* ------------------------------------------------------ tokens and values */

static void
test_token(void **state)
{
	static const struct yes_no cases[] = {
		{ TEXT("GET"), true },
		{ TEXT("X-Request-Id"), true },
		{ TEXT("!#$%&'*+-.^_`|~09azAZ"), true },
		{ TEXT(""), false },
		{ TEXT("a b"), false },
		{ TEXT("a:"), false },
		{ TEXT("a\0"), false },
		{ TEXT("a\r"), false },
		{ TEXT("\x80"), false }
	};

	(void)state;
	check_yes_no(cases, COUNT(cases), wire_is_token);
}

/* Every byte, against the grammar's list written out. */
static void
test_token_of_each_byte(void **state)
{
	static const char good[] = "!#$%&'*+-.^_`|~0123456789"
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	(void)state;
	for (int c = 0; c <= 255; c++) {
		char byte = (char)c;

		assert_int_equal(wire_is_token(&byte, 1),
		    memchr(good, c, sizeof(good) - 1) != NULL);
	}
}

static void
test_field_value(void **state)
{
	static const struct yes_no cases[] = {
		{ TEXT(""), true },
		{ TEXT("text/plain; charset=utf-8"), true },
		{ TEXT("a\tb"), true },
		{ TEXT(" a "), true },
		{ TEXT("gr\xc3\xbc\xc3\x9f \xff"), true },
		{ TEXT("a\r\nSet-Cookie: b"), false },
		{ TEXT("a\n"), false },
		{ TEXT("\r"), false },
		{ TEXT("a\0b"), false },
		{ TEXT("\x1b[2J"), false },
		{ TEXT("\x7f"), false }
	};

	(void)state;
	check_yes_no(cases, COUNT(cases), wire_is_field_value);
}

/* ----------------------------------------------------------------- status */

static void
test_status_title(void **state)
{
	(void)state;
	assert_string_equal(wire_status_title(200), "OK");
	assert_string_equal(wire_status_title(100), "Continue");
	assert_string_equal(wire_status_title(404), "Not Found");
	assert_string_equal(wire_status_title(413), "Content Too Large");
	assert_string_equal(wire_status_title(422), "Unprocessable Content");
	assert_string_equal(wire_status_title(511),
	    "Network Authentication Required");
	assert_string_equal(wire_status_title(299), "Unknown");
	assert_string_equal(wire_status_title(0), "Unknown");
	assert_string_equal(wire_status_title(-1), "Unknown");
}

static void
test_status_has_body(void **state)
{
	(void)state;
	for (int status = 100; status <= 599; status++)
		assert_int_equal(wire_status_has_body(status),
		    status >= 200 && status != 204 && status != 304);
}

/* ---------------------------------------------------------------- numbers */

struct number_case {
	const char	*text;
	size_t		 length;
	int		 rc;
	int64_t		 value;
};

static const struct number_case number_cases[] = {
	{ TEXT("0"), 0, 0 },
	{ TEXT("7"), 0, 7 },
	{ TEXT("00012"), 0, 12 },
	{ TEXT("1048576"), 0, 1048576 },
	{ TEXT("9223372036854775806"), 0, INT64_MAX - 1 },
	{ TEXT("9223372036854775807"), 0, INT64_MAX },
	{ TEXT("9223372036854775808"), -1, 0 },
	{ TEXT("18446744073709551616"), -1, 0 },
	{ TEXT("99999999999999999999999999"), -1, 0 },
	{ TEXT("00000000000000000000000000001"), 0, 1 },
	{ TEXT(""), -1, 0 },
	{ TEXT("-1"), -1, 0 },
	{ TEXT("+1"), -1, 0 },
	{ TEXT(" 1"), -1, 0 },
	{ TEXT("1 "), -1, 0 },
	{ TEXT("1\0"), -1, 0 },
	{ TEXT("0x10"), -1, 0 },
	{ TEXT("1,2"), -1, 0 },
	{ TEXT("1e3"), -1, 0 },
	{ TEXT("\xb2"), -1, 0 }
};

static void
test_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(number_cases); i++) {
		const struct number_case *c = &number_cases[i];
		char *text = exact(c->text, c->length);
		int64_t value = -7;

		if (wire_parse_number(text, c->length, &value) != c->rc)
			fail_msg("case %zu: \"%s\"", i, c->text);
		assert_int_equal(value, c->rc == 0 ? c->value : -7);
		free(text);
	}
}

/* ---------------------------------------------------------------- escapes */

struct decode_case {
	const char	*text;
	size_t		 length;
	bool		 plus;
	const char	*want;		/* NULL: malformed */
	size_t		 want_length;
};

static const struct decode_case decode_cases[] = {
	{ TEXT(""), false, TEXT("") },
	{ TEXT("plain"), false, TEXT("plain") },
	{ TEXT("a%20b"), false, TEXT("a b") },
	{ TEXT("%41%6a%6A"), false, TEXT("Ajj") },
	{ TEXT("%00"), false, TEXT("\0") },
	{ TEXT("%ff%C3%BC"), false, TEXT("\xff\xc3\xbc") },
	{ TEXT("%2541"), false, TEXT("%41") },
	{ TEXT("a+b"), false, TEXT("a+b") },
	{ TEXT("a+b%2B"), true, TEXT("a b+") },
	{ TEXT("%"), false, NULL, 0 },
	{ TEXT("%4"), false, NULL, 0 },
	{ TEXT("abc%"), true, NULL, 0 },
	{ TEXT("abc%f"), false, NULL, 0 },
	{ TEXT("%zz"), false, NULL, 0 },
	{ TEXT("%4g"), false, NULL, 0 },
	{ TEXT("%g4"), false, NULL, 0 },
	{ TEXT("%%41"), false, NULL, 0 },
	{ TEXT("a%20%"), false, NULL, 0 },
	{ TEXT("% 1"), false, NULL, 0 },
	{ TEXT("%+1"), true, NULL, 0 },
	{ TEXT("%-1"), false, NULL, 0 },
	{ TEXT("%0x"), false, NULL, 0 }
};

static void
check_decode(const struct decode_case *c, char *out, const char *text)
{
	ptrdiff_t length = wire_percent_decode(out, text, c->length, c->plus);

	if (c->want == NULL) {
		assert_int_equal(length, -1);
		return;
	}
	assert_int_equal(length, c->want_length);
	assert_memory_equal(out, c->want, c->want_length);
}

static void
test_percent_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decode_cases); i++) {
		const struct decode_case *c = &decode_cases[i];
		char *text = exact(c->text, c->length);
		char *out = exact(c->text, c->length);

		memset(out, '#', c->length);
		check_decode(c, out, text);
		if (c->want == NULL) {
			for (size_t j = 0; j < c->length; j++)
				assert_int_equal(out[j], '#');
		}
		assert_memory_equal(text, c->text, c->length);
		check_decode(c, text, text);
		if (c->want == NULL)
			assert_memory_equal(text, c->text, c->length);
		free(text);
		free(out);
	}
}

/* ----------------------------------------------------- lists of fields */

struct list_case {
	const char	*text;
	const char	*want;		/* "[name|value]" each */
};

static const struct list_case form_cases[] = {
	{ "", "" },
	{ "a=1&b=2", "[a|1][b|2]" },
	{ "a=1", "[a|1]" },
	{ "a", "[a|]" },
	{ "a=", "[a|]" },
	{ "=b", "[|b]" },
	{ "=", "[|]" },
	{ "&", "" },
	{ "&&a=1&&&b&", "[a|1][b|]" },
	{ "a=b=c", "[a|b=c]" },
	{ "a==", "[a|=]" },
	{ "a=1&a=2", "[a|1][a|2]" },
	{ "a%3D=1%26", "[a%3D|1%26]" },
	{ "a=1;b=2", "[a|1;b=2]" },
	{ "a b=c d", "[a b|c d]" }
};

static const struct list_case cookie_cases[] = {
	{ "", "" },
	{ "a=1; b=2", "[a|1][b|2]" },
	{ "a=1;b=2", "[a|1][b|2]" },
	{ "a=1;\tb=2 ;", "[a|1][b|2]" },
	{ " a = 1 ", "[a|1]" },
	{ "a", "[a|]" },
	{ "=v", "[|v]" },
	{ "; ;; a=1", "[a|1]" },
	{ "a=\"1\"", "[a|1]" },
	{ "a=\"\"", "[a|]" },
	{ "a=\"", "[a|\"]" },
	{ "a=\"1", "[a|\"1]" },
	{ "a=1\"", "[a|1\"]" },
	{ "a= \" 1 \" ", "[a| 1 ]" },
	{ "a=b=c", "[a|b=c]" },
	{ "a=1&b=2", "[a|1&b=2]" },
	{ "a=1, b=2", "[a|1, b=2]" },
	{ "a=1; a=2", "[a|1][a|2]" }
};

typedef int	next_function(const char **, const char *, struct wire_span *,
		    struct wire_span *);

static void
check_lists(const struct list_case *cases, size_t count, next_function *next)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(cases[i].text), used = 0;
		char *text = exact(cases[i].text, length), got[256] = "";
		const char *cursor = text;
		struct wire_span name, value;

		while (next(&cursor, text + length, &name, &value) == 1)
			used += (size_t)snprintf(got + used,
			    sizeof(got) - used, "[%.*s|%.*s]",
			    (int)name.length, name.at, (int)value.length,
			    value.at);
		assert_ptr_equal(cursor, text + length);
		assert_string_equal(got, cases[i].want);
		assert_int_equal(next(&cursor, text + length, &name, &value),
		    0);
		free(text);
	}
}

static void
test_form(void **state)
{
	(void)state;
	check_lists(form_cases, COUNT(form_cases), wire_form_next);
}

static void
test_cookie(void **state)
{
	(void)state;
	check_lists(cookie_cases, COUNT(cookie_cases), wire_cookie_next);
}

static void
test_trim(void **state)
{
	struct wire_span span = { TEXT(" \ta b\t ") };

	(void)state;
	span = wire_trim(span);
	assert_int_equal(span.length, 3);
	assert_memory_equal(span.at, "a b", 3);
	span = wire_trim((struct wire_span){ TEXT(" \t ") });
	assert_int_equal(span.length, 0);
	span = wire_trim((struct wire_span){ "", 0 });
	assert_int_equal(span.length, 0);
}

/* ------------------------------------------------------------ CGI replies */

struct cgi_case {
	const char	*text;
	size_t		 length;
	const char	*want;		/* lines, then the last result */
};

static const struct cgi_case cgi_cases[] = {
	{ TEXT("Status: 200 OK\r\n\r\nbody"), "[Status|200 OK]0 body" },
	{ TEXT("Status: 200\n\nbody"), "[Status|200]0 body" },
	{ TEXT("A:b\nC:\t d \t\r\n\n"), "[A|b][C|d]0 " },
	{ TEXT("A:\n\n"), "[A|]0 " },
	{ TEXT("A:b:c\n\n"), "[A|b:c]0 " },
	{ TEXT("\n"), "0 " },
	{ TEXT("\r\nx"), "0 x" },
	{ TEXT("\n\n"), "0 \n" },
	{ TEXT("A: b\r\n\r\n\r\n"), "[A|b]0 \r\n" },
	{ TEXT(""), "2 " },
	{ TEXT("A"), "2 A" },
	{ TEXT("A: b"), "2 A: b" },
	{ TEXT("A: b\r"), "2 A: b\r" },
	{ TEXT("A: b\r\n"), "[A|b]2 " },
	{ TEXT("A: b\r\n\r"), "[A|b]2 \r" },
	{ TEXT("Hello, world!\n\n"), "-1 Hello, world!\n\n" },
	{ TEXT(": b\n\n"), "-1 : b\n\n" },
	{ TEXT("A b: c\n\n"), "-1 A b: c\n\n" },
	{ TEXT("A : c\n\n"), "-1 A : c\n\n" },
	{ TEXT("A: b\n folded\n\n"), "[A|b]-1  folded\n\n" },
	{ TEXT("A: b\rC: d\n\n"), "-1 A: b\rC: d\n\n" },
	{ TEXT("A: b\r\r\n\n"), "-1 A: b\r\r\n\n" },
	{ TEXT("A: b\x01\n\n"), "-1 A: b\x01\n\n" },
	{ TEXT("A: b\0c\n\n"), "-1 A: b" },
	{ TEXT("A\0: b\n\n"), "-1 A" },
	{ TEXT("<html>: a\n\n"), "-1 <html>: a\n\n" }
};

static void
test_cgi_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cgi_cases); i++) {
		size_t length = cgi_cases[i].length, used = 0;
		char *text = exact(cgi_cases[i].text, length), got[256] = "";
		const char *cursor = text;
		struct wire_span name, value;
		int rc;

		while ((rc = wire_cgi_header_next(&cursor, text + length,
		    &name, &value)) == 1)
			used += (size_t)snprintf(got + used,
			    sizeof(got) - used, "[%.*s|%.*s]",
			    (int)name.length, name.at, (int)value.length,
			    value.at);
		snprintf(got + used, sizeof(got) - used, "%d %.*s", rc,
		    (int)(text + length - cursor), cursor);
		assert_string_equal(got, cgi_cases[i].want);
		free(text);
	}
}

/* What a cut header gives when it goes on is what the whole one gives. */
static void
test_cgi_header_cut_at_each_byte(void **state)
{
	static const char text[] = "Status: 404 Not Found\r\nX-A: b\n\r\nbody";
	const char *body = strstr(text, "body");

	(void)state;
	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		char *cut = exact(text, length);
		const char *cursor = cut;
		struct wire_span name, value;
		int rc, lines = 0;

		while ((rc = wire_cgi_header_next(&cursor, cut + length, &name,
		    &value)) == 1)
			lines++;
		assert_int_equal(rc, length < (size_t)(body - text) ? 2 : 0);
		assert_int_equal(lines, (length >= 23) + (length >= 30));
		free(cut);
	}
}

static void
test_cgi_status(void **state)
{
	static const struct number_case cases[] = {
		{ TEXT("200"), 0, 200 },
		{ TEXT("404 Not Found"), 0, 404 },
		{ TEXT("599 "), 0, 599 },
		{ TEXT("100\tContinue"), 0, 100 },
		{ TEXT("099"), 0, -1 },
		{ TEXT("600"), 0, -1 },
		{ TEXT("999"), 0, -1 },
		{ TEXT("20"), 0, -1 },
		{ TEXT("2000"), 0, -1 },
		{ TEXT("200OK"), 0, -1 },
		{ TEXT(" 200"), 0, -1 },
		{ TEXT("-20"), 0, -1 },
		{ TEXT("OK"), 0, -1 },
		{ TEXT(""), 0, -1 }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = exact(cases[i].text, cases[i].length);

		if (wire_cgi_status(text, cases[i].length) != cases[i].value)
			fail_msg("case %zu: \"%s\"", i, cases[i].text);
		free(text);
	}
}

/* ------------------------------------------------------------------- JSON */

#define BAD	"\xef\xbf\xbd"

struct json_case {
	const char	*text;
	size_t		 length;
	const char	*want;
};

static const struct json_case json_cases[] = {
	{ TEXT(""), "" },
	{ TEXT("plain /'<>&"), "plain /'<>&" },
	{ TEXT("\"\\"), "\\\"\\\\" },
	{ TEXT("\b\f\n\r\t"), "\\b\\f\\n\\r\\t" },
	{ TEXT("\0\x01\x1f\x7f"), "\\u0000\\u0001\\u001f\x7f" },
	{ TEXT("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"),
	    "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ TEXT("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"),
	    "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
	{ TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"),
	    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80" },
	{ TEXT("\x80"), BAD },
	{ TEXT("\xff\xfe"), BAD BAD },
	{ TEXT("\xc0\xaf"), BAD BAD },		/* overlong '/' */
	{ TEXT("\xc1\xbf"), BAD BAD },
	{ TEXT("\xe0\x80\xaf"), BAD BAD BAD },
	{ TEXT("\xe0\x9f\xbf"), BAD BAD BAD },
	{ TEXT("\xf0\x80\x80\xaf"), BAD BAD BAD BAD },
	{ TEXT("\xed\xa0\x80"), BAD BAD BAD },	/* a surrogate */
	{ TEXT("\xf4\x90\x80\x80"), BAD BAD BAD BAD },
	{ TEXT("\xf5\x80\x80\x80"), BAD BAD BAD BAD },
	{ TEXT("a\xc3"), "a" BAD },		/* cut off at the end */
	{ TEXT("\xe2\x82"), BAD },
	{ TEXT("\xf0\x9f\x98"), BAD },
	{ TEXT("\xc3\"a"), BAD "\\\"a" },	/* a quote is not swallowed */
	{ TEXT("\xe2\x82" "a"), BAD "a" },
	{ TEXT("\xe2\xc3\xbc"), BAD "\xc3\xbc" },
	/* The example of Unicode 3.9, table 3-8. */
	{ TEXT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
	    BAD BAD BAD BAD BAD BAD BAD BAD "A" },
	{ TEXT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
	    BAD BAD BAD BAD "A" }
};

static void
test_json_escape(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(json_cases); i++) {
		const struct json_case *c = &json_cases[i];
		char *text = exact(c->text, c->length);
		size_t want = strlen(c->want);

		assert_true(want <= 6 * c->length);
		for (size_t size = 0; size <= want; size++) {
			char *out = malloc(size + (size == 0));
			ptrdiff_t n = wire_json_escape(out, size, text,
			    c->length);

			if (n != (size < want ? -1 : (ptrdiff_t)want))
				fail_msg("case %zu, size %zu: %td", i, size,
				    n);
			if (n >= 0)
				assert_memory_equal(out, c->want, want);
			free(out);
		}
		free(text);
	}
}

static void
assert_shown(const char *uri, bool values, size_t size, const char *want)
{
	struct wire_span span = { uri, uri == NULL ? 0 : strlen(uri) };
	char *out = malloc(size);

	wire_show_uri(out, size, span, values);
	assert_string_equal(out, want);
	free(out);
}

/* Breaks when: a value is shown that was to be hidden, or a request that has no
 * URI at all is read. */
static void
test_show_uri(void **state)
{
	(void)state;
	assert_shown(NULL, false, 8, "");
	assert_shown("/a", false, 8, "/a");
	assert_shown("/a?b=c&d&e=", false, 32, "/a?b=...&...&e=...");
	assert_shown("/a?b=c&d&e=", true, 32, "/a?b=c&d&e=");
	assert_shown("/a?b=c", false, 6, "/a?b=");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_token_of_each_byte),
		cmocka_unit_test(test_field_value),
		cmocka_unit_test(test_status_title),
		cmocka_unit_test(test_status_has_body),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_percent_decode),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_cgi_header),
		cmocka_unit_test(test_cgi_header_cut_at_each_byte),
		cmocka_unit_test(test_cgi_status),
		cmocka_unit_test(test_json_escape),
		cmocka_unit_test(test_show_uri)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
