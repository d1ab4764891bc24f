/*
 * openapi_test.c - which PCRE2 patterns may stand in the OpenAPI document.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: the live test (test_openapi.py) compiles with ECMAScript what is
 * let through here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "openapi/openapi.h"

static void
the_same_in_both(void **state)
{
	static const char *const patterns[] = { "", "^[a-z]+$", "\\d{2,4}",
		"a{2}b{3,}", "(a|b)*?c", "(?:x)(?=y)(?!z)", "(?<=a)(?<!b)c",
		"[^/]", "[\\w.-]", "[a\\-z]", "\\bx\\B", "\\.\\/\\{\\}", "a??",
		"[$()*+?.{}|^]", "\xc3\xa4+" };

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (!openapi_pattern(patterns[i]))
			fail_msg("\"%s\" is left out", patterns[i]);
	}
}

static void
of_pcre2_alone(void **state)
{
	static const char *const patterns[] = { "(?i)a", "(?>a)", "(?<n>a)",
		"(?P<n>a)", "(?#c)", "(*UTF)a", "a++", "a*+", "a?+", "a{2}+",
		"\\Aa", "a\\z", "\\h", "\\K", "\\x{41}", "\\Qa.b\\E", "\\1",
		"\\-", "\\ä", "[[:alpha:]]", "[]a]", "[^]a]", "[\\w-z]",
		"[\\h]", "[\\B]", "a{", "a{,3}", "a{x}", "]", "}", "a\\",
		"[a" };

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (openapi_pattern(patterns[i]))
			fail_msg("\"%s\" is let through", patterns[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_in_both),
		cmocka_unit_test(of_pcre2_alone),
	};

	return cmocka_run_group_tests_name("openapi", tests, NULL, NULL);
}
