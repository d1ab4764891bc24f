/*
 * sup_printed_test.c - what is said of an abort() that said nothing itself.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is no clock in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/sup_printed.h"

#define NOW	5000

static void
print(struct sup_printed *printed, const char *line, uint64_t now_ms)
{
	sup_printed_line(printed, line, strlen(line), now_ms);
}

static void
expect(const struct sup_printed *printed, const char *wanted)
{
	char out[512];

	sup_printed_words(printed, NOW, out, sizeof(out));
	assert_string_equal(out, wanted);
}

/* Breaks when: an exception that nobody caught is not named. */
static void
test_exceptions(void **state)
{
	struct sup_printed printed = { .at_ms = 0 };

	(void)state;
	expect(&printed, "");
	print(&printed, "terminate called after throwing an instance of 'int'",
	    NOW);
	expect(&printed, "abort: terminate called after throwing an instance "
	    "of 'int'");
	print(&printed, "  what():  no such model", NOW);
	expect(&printed, "abort: terminate called after throwing an instance "
	    "of 'int', what():  no such model");
	print(&printed, "pure virtual method called", NOW);
	print(&printed, "terminate called without an active exception", NOW);
	expect(&printed, "abort: pure virtual method called");
}

/* Breaks when: any line is called the reason, or one of long ago is shown. */
static void
test_other_lines(void **state)
{
	struct sup_printed printed = { .at_ms = 0 };

	(void)state;
	print(&printed, "check failed: a == b", NOW - 100);
	expect(&printed, "abort; printed last: check failed: a == b");
	print(&printed, "  what():  alone", NOW - 100);
	expect(&printed, "abort; printed last:   what():  alone");
	print(&printed, "long ago", NOW - SUP_PRINTED_RECENT_MS - 1);
	expect(&printed, "");
}

/* Breaks when: a long line is written over what follows. */
static void
test_a_long_line(void **state)
{
	struct sup_printed printed = { .at_ms = 0 };
	char line[3 * SUP_PRINTED_MAX], out[16];

	(void)state;
	memset(line, 'x', sizeof(line));
	sup_printed_line(&printed, line, sizeof(line), NOW);
	assert_int_equal(strlen(printed.text[0]), SUP_PRINTED_MAX - 1);
	sup_printed_words(&printed, NOW, out, sizeof(out));
	assert_string_equal(out, "abort; printed ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_a_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
