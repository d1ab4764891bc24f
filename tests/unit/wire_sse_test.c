/*
 * wire_sse_test.c - events, field by field.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: what is put together again as WHATWG HTML says is what went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_sse.h"

static char	text[4096];

/* "name=value|name=value|" */
static const char *
fields_of(const char *id, const char *event, const char *data, size_t length)
{
	/* the exact size, so that the sanitizer sees a byte too many */
	char *copy = malloc(length + 1);
	struct wire_sse one = { .id = id, .event = event,
	    .data = data == NULL ? NULL : copy, .data_length = length };
	struct wire_span name, value;
	size_t at = 0;

	assert_non_null(copy);
	if (data != NULL)
		memcpy(copy, data, length);
	while (wire_sse_next(&one, &name, &value) == 1)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "%.*s=%.*s|", (int)name.length, name.at,
		    (int)value.length, value.at);
	assert_int_equal(wire_sse_next(&one, &name, &value), 0);
	text[at] = '\0';
	free(copy);
	return text;
}

#define WANTS(id, event, data, fields)					\
	assert_string_equal(fields_of(id, event, data, strlen(data)), fields)

static void
test_order_and_what_is_not_there(void **state)
{
	(void)state;
	assert_string_equal(fields_of(NULL, NULL, NULL, 0), "");
	assert_string_equal(fields_of("7", NULL, NULL, 0), "id=7|");
	assert_string_equal(fields_of("", "", NULL, 0), "id=|event=|");
	WANTS("7", "count", "x", "id=7|event=count|data=x|");
	WANTS(NULL, NULL, "", "data=|");
}

static void
test_line_ends(void **state)
{
	(void)state;
	WANTS(NULL, NULL, "a\nb", "data=a|data=b|");
	WANTS(NULL, NULL, "a\rb", "data=a|data=b|");
	WANTS(NULL, NULL, "a\r\nb", "data=a|data=b|");
	WANTS(NULL, NULL, "a\n\rb", "data=a|data=|data=b|");
	WANTS(NULL, NULL, "a\r\rb", "data=a|data=|data=b|");
	WANTS(NULL, NULL, "\n", "data=|data=|");
	WANTS(NULL, NULL, "\r\n", "data=|data=|");
	WANTS(NULL, NULL, "\r", "data=|data=|");
	WANTS(NULL, NULL, "a\r\n\r\n", "data=a|data=|data=|");
	WANTS(NULL, NULL, " a", "data= a|");
}

static void
test_a_cr_that_is_the_last_byte(void **state)
{
	const char both[] = "a\r\n";

	(void)state;
	assert_string_equal(fields_of(NULL, NULL, both, 2),
	    "data=a|data=|");
}

static void
test_values(void **state)
{
	(void)state;
	assert_true(wire_sse_is_value("", 0));
	assert_true(wire_sse_is_value("a: b\t\x01\xff", 7));
	assert_false(wire_sse_is_value("a\n", 2));
	assert_false(wire_sse_is_value("\ra", 2));
	assert_false(wire_sse_is_value("a\0b", 3));
}

/* What a client makes of the fields is the text with LF for each line end. */
static void
test_what_comes_out_is_what_went_in(void **state)
{
	static const char alphabet[] = "a\r\n b";
	char in[8], wanted[16], got[16];

	(void)state;
	for (unsigned n = 0; n < 5 * 5 * 5 * 5 * 5; n++) {
		struct wire_sse one = { .data = in, .data_length = 5 };
		struct wire_span name, value;
		size_t to = 0, at = 0;

		for (unsigned i = 0, rest = n; i < 5; i++, rest /= 5)
			in[i] = alphabet[rest % 5];
		for (unsigned i = 0; i < 5; i++)
			if (in[i] != '\n' || i == 0 || in[i - 1] != '\r')
				wanted[to++] = in[i] == '\r' ? '\n' : in[i];
		while (wire_sse_next(&one, &name, &value) == 1) {
			assert_true(wire_sse_is_value(value.at,
			    value.length));
			memcpy(got + at, value.at, value.length);
			at += value.length;
			got[at++] = '\n';
		}
		assert_int_equal(at, to + 1);
		assert_memory_equal(got, wanted, to);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_what_is_not_there),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_a_cr_that_is_the_last_byte),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_what_comes_out_is_what_went_in)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
