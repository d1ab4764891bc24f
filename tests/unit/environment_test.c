/*
 * environment_test.c - which variables are left.
 *
 * Runs in: make check.
 * Owns: the environment of this process.
 * Invariant: none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/environment.h"

static void
test_allows(void **state)
{
	char *const items[] = { "PATH", "LC_*", "A", NULL };
	char *const all[] = { "*", NULL };

	(void)state;
	assert_true(environment_allows(items, "PATH=/bin"));
	assert_true(environment_allows(items, "PATH="));
	assert_true(environment_allows(items, "LC_=x"));
	assert_true(environment_allows(items, "LC_ALL=C"));
	assert_true(environment_allows(items, "A=PATH=B"));
	assert_false(environment_allows(items, "PATHS=/bin"));
	assert_false(environment_allows(items, "PAT=/bin"));
	assert_false(environment_allows(items, "LC=C"));
	assert_false(environment_allows(items, "B=PATH"));
	assert_false(environment_allows(items, "=A"));
	assert_false(environment_allows(items, ""));
	assert_false(environment_allows(NULL, "PATH=/bin"));
	assert_true(environment_allows(all, "ANY=thing"));
}

/* Breaks when: a variable stays that is not named, what the host sets itself
 * goes, or one of two in a row is left out. */
static void
test_restrict(void **state)
{
	char *items[] = { "KEPT", "ALSO_*", NULL };
	struct config config = { .sandbox = false, .environment = items };

	(void)state;
	clearenv();
	environment_restrict(&config);
	setenv("SECRET", "1", 1);
	setenv("SECRET_TOO", "1", 1);
	setenv("KEPT", "2", 1);
	setenv("OMP_NUM_THREADS", "3", 1);
	setenv("LAST", "1", 1);
	environment_restrict(&config);
	assert_string_equal(getenv("SECRET"), "1");
	config.sandbox = true;
	environment_restrict(&config);
	assert_null(getenv("SECRET"));
	assert_null(getenv("SECRET_TOO"));
	assert_null(getenv("LAST"));
	assert_string_equal(getenv("KEPT"), "2");
	assert_string_equal(getenv("OMP_NUM_THREADS"), "3");
	setenv("NEW", "4", 1);
	assert_string_equal(getenv("NEW"), "4");
	config.environment = NULL;
	environment_restrict(&config);
	assert_null(getenv("KEPT"));
	assert_string_equal(getenv("OMP_NUM_THREADS"), "3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allows),
		cmocka_unit_test(test_restrict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
