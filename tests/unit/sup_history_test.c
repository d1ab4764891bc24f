/*
 * sup_history_test.c - where a rollback goes, and what is kept for it.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: histories are written as letters: one letter, one content.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/sup_history.h"

#define MOST	32

static struct sup_history	list[MOST];
static size_t			count;

/* "abb": generation 3 is an a, and 1 and 2 are alike. */
static void
history(const char *newest_first)
{
	count = strlen(newest_first);
	for (size_t i = 0; i < count; i++) {
		list[i].number = (uint32_t)(count - i);
		snprintf(list[i].content, sizeof(list[i].content), "%c",
		    newest_first[i]);
	}
}

static void
expect_kept(const char *newest_first, size_t keep, const char *pattern)
{
	char found[MOST + 1] = "";

	history(newest_first);
	sup_history_keep(list, count, keep);
	for (size_t i = 0; i < count; i++)
		found[i] = list[i].kept ? '+' : '-';
	assert_string_equal(found, pattern);
}

static void
test_back_to_what_differs(void **state)
{
	(void)state;
	history("ccbaa");
	assert_int_equal(sup_history_before(list, count, 5, "c"), 3);
	assert_int_equal(sup_history_before(list, count, 3, "b"), 2);
	assert_int_equal(sup_history_before(list, count, 2, "a"), 0);
	assert_int_equal(sup_history_before(list, count, 9, "x"), 5);
	assert_int_equal(sup_history_before(list, 0, 9, "x"), 0);
}

static void
test_the_newest_are_kept(void **state)
{
	(void)state;
	expect_kept("edcba", 3, "+++--");
	expect_kept("edcba", 1, "+----");
	expect_kept("edcba", 9, "+++++");
	expect_kept("edcba", 0, "-----");
}

static void
test_those_alike_use_up_nothing(void **state)
{
	(void)state;
	expect_kept("dddddddcba", 3, "+------++-");
	expect_kept("dddcccbbbaaa", 2, "+--+--------");
	expect_kept("abababc", 3, "++----+");
	expect_kept("aab", 1, "+--");

	/* while there is room for them they stay */
	expect_kept("aaaa", 2, "++--");
	expect_kept("aabb", 3, "+++-");
}

static void
fill(struct sup_file *file, const char *name, const char *sha256)
{
	memset(file, 0, sizeof(*file));
	snprintf(file->version.name, sizeof(file->version.name), "%s", name);
	snprintf(file->version.sha256, sizeof(file->version.sha256), "%s",
	    sha256);
}

static const char *
content(struct sup_file *files, size_t file_count, const char *config)
{
	static char text[4][HASH_TEXT];
	static size_t next;
	struct sup_manifest manifest = { .files = files,
	    .file_count = file_count };
	char *out = text[next++ % 4];
	struct err err;

	assert_int_equal(sup_history_content(&manifest, config,
	    strlen(config), out, &err), 0);
	return out;
}

static void
test_what_makes_a_content(void **state)
{
	struct sup_file files[3];
	const char *both, *other;

	(void)state;
	fill(&files[0], "a.so", "11");
	fill(&files[1], "b.so", "22");
	both = content(files, 2, "x = 1");
	assert_string_not_equal(both, content(files, 2, "x = 2"));
	assert_string_not_equal(both, content(files, 1, "x = 1"));

	/* one that is not served, the order, and since when do not matter */
	fill(&files[0], "b.so", "22");
	fill(&files[1], "c.so", "");
	fill(&files[2], "a.so", "11");
	files[2].since = 7;
	assert_string_equal(both, content(files, 3, "x = 1"));

	/* names and versions are not run together */
	fill(&files[0], "a.so", "1122");
	other = content(files, 1, "");
	fill(&files[0], "a.so11", "22");
	assert_string_not_equal(other, content(files, 1, ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_to_what_differs),
		cmocka_unit_test(test_the_newest_are_kept),
		cmocka_unit_test(test_those_alike_use_up_nothing),
		cmocka_unit_test(test_what_makes_a_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
