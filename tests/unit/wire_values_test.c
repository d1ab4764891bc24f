/*
 * wire_values_test.c - what a peer that asks for our limits is told.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: the answer is read back by the reader it is meant for.
 */
#include "wire/wire_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire_params.h"

struct values_case {
	const char	*asked;		/* names, one a word */
	const char	*answered;	/* "name=value " each */
};

static const struct values_case values_cases[] = {
	{ "", "" },
	{ "FCGI_MAX_CONNS", "FCGI_MAX_CONNS=4096 " },
	{ "FCGI_MAX_REQS", "FCGI_MAX_REQS=4294967295 " },
	{ "FCGI_MPXS_CONNS", "FCGI_MPXS_CONNS=0 " },
	{ "FCGI_MPXS_CONNS FCGI_MAX_REQS FCGI_MAX_CONNS", "FCGI_MPXS_CONNS=0 "
	    "FCGI_MAX_REQS=4294967295 FCGI_MAX_CONNS=4096 " },
	{ "FCGI_MAX_CONNS FCGI_MAX_CONNS FCGI_MAX_CONNS",
	    "FCGI_MAX_CONNS=4096 " },
	{ "FCGI_MAX_CONN fcgi_max_conns FCGI_MAX_CONNSS X", "" },
	{ "X FCGI_MAX_CONNS Y", "FCGI_MAX_CONNS=4096 " }
};

static size_t
put_names(uint8_t *out, size_t size, const char *names)
{
	uint8_t *at = out;

	while (*names != '\0') {
		size_t n = strcspn(names, " ");

		at = wire_params_put(at, out + size, names, n, "", 0);
		assert_non_null(at);
		names += n + (names[n] == ' ');
	}
	return (size_t)(at - out);
}

/* Reads a GET_VALUES_RESULT back into "name=value " words. */
static void
read_values(const uint8_t *record, size_t length, char *text, size_t size)
{
	struct wire_reader reader = { 0 };
	const uint8_t *cursor = record, *at;
	struct wire_piece piece;
	struct wire_pair pair;

	assert_true(length <= WIRE_VALUES_MAX);
	assert_int_equal(length % 8, 0);
	assert_int_equal(wire_read(&reader, &cursor, record + length, &piece),
	    1);
	assert_ptr_equal(cursor, record + length);
	assert_int_equal(piece.type, FCGI_GET_VALUES_RESULT);
	assert_int_equal(piece.id, FCGI_NULL_REQUEST_ID);
	at = piece.data;
	text[0] = '\0';
	while (wire_params_next(&at, piece.data + piece.length, &pair) == 1) {
		size_t used = strlen(text);

		snprintf(text + used, size - used, "%.*s=%.*s ",
		    (int)pair.name_length, pair.name,
		    (int)pair.value_length, pair.value);
	}
	assert_ptr_equal(at, piece.data + piece.length);
}

static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values_cases) / sizeof(values_cases[0]);
	    i++) {
		uint8_t content[512], out[WIRE_VALUES_MAX];
		char text[512];
		size_t n = put_names(content, sizeof(content),
		    values_cases[i].asked);

		n = wire_put_values(out, content, n, 4096, UINT32_MAX);
		read_values(out, n, text, sizeof(text));
		assert_string_equal(text, values_cases[i].answered);
	}
}

/* A cut or lying pair ends the list; what stood before it is answered. */
static void
test_values_malformed(void **state)
{
	uint8_t content[512], out[WIRE_VALUES_MAX];
	char text[512];
	size_t n = put_names(content, sizeof(content),
	    "FCGI_MAX_CONNS FCGI_MAX_REQS");

	(void)state;
	n = wire_put_values(out, content, n - 1, 7, 8);
	read_values(out, n, text, sizeof(text));
	assert_string_equal(text, "FCGI_MAX_CONNS=7 ");
	memset(content, 0xff, sizeof(content));
	n = wire_put_values(out, content, sizeof(content), 7, 8);
	read_values(out, n, text, sizeof(text));
	assert_string_equal(text, "");
	n = wire_put_values(out, content, 1, 7, 8);
	read_values(out, n, text, sizeof(text));
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_values_malformed)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
