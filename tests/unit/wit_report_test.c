/*
 * wit_report_test.c - the document is valid and whole, whatever is in a record
 * and whatever becomes of the witness.
 *
 * Runs in: make check.
 * Owns: each child until it is reaped.
 * Invariant: who is to die is a child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sys/wait.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "witness/wit.h"

/* ------------------------------------------------------------------- texts */

static void
expect_text(const char *text, const char *expected)
{
	struct json_object *made = wit_text(text);

	assert_string_equal(json_object_get_string(made), expected);
	json_object_put(made);
}

/* Breaks when: bytes that are no UTF-8 reach a reader of the report, or those
 * that are get lost. */
static void
test_texts_are_utf8(void **state)
{
	(void)state;
	expect_text(NULL, "");
	expect_text("", "");
	expect_text("fail(char const*)", "fail(char const*)");
	expect_text("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	    "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	expect_text("a\tb\nc\x7f", "a?b?c?");
	expect_text("\xff\xfe", "??");
	expect_text("\xc3", "?");			/* cut off */
	expect_text("\xc0\xaf", "??");			/* overlong */
	expect_text("\xed\xa0\x80", "???");		/* a surrogate */
	expect_text("\xf4\x90\x80\x80", "????");	/* beyond the last */
}

/* Breaks when: a long text is not cut, or within a character. */
static void
test_texts_are_cut(void **state)
{
	char text[3 * WIT_TEXT_MAX + 1];
	struct json_object *made;

	(void)state;
	for (size_t i = 0; i < WIT_TEXT_MAX; i++)
		memcpy(text + 3 * i, "\xe2\x82\xac", 3);
	text[3 * WIT_TEXT_MAX] = '\0';
	made = wit_text(text);
	assert_int_equal(json_object_get_string_len(made),
	    WIT_TEXT_MAX / 3 * 3);
	json_object_put(made);
}

/* Breaks when: a second reason takes the place of the first. */
static void
test_errors_add_up(void **state)
{
	struct json_object *report = wit_report_error("no map");

	(void)state;
	wit_report_add_error(report, "no time");
	assert_string_equal(json_object_get_string(json_object_object_get(
	    report, "error")), "no map; no time");
	json_object_put(report);
}

/* -------------------------------------------------------------- last words */

/* What a child prints that says `words`, in which `number` comes; 0: it hangs,
 * and its time is over at once. */
static void
expect_last_words(const char *words, int number)
{
	char said[64];
	ssize_t length;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	if ((pid = fork()) == 0) {
		dup2(ends[1], STDOUT_FILENO);
		wit_last_words("{\"first\":1}");
		wit_last_words_begin(number == 0 ? 1 : 60);
		wit_last_words(words);
		if (number != 0)
			raise(number);
		pause();
		_exit(9);
	}
	close(ends[1]);
	length = read(ends[0], said, sizeof(said) - 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(length >= 0);
	said[length] = '\0';
	assert_string_equal(said, words);
	close(ends[0]);
}

/* Breaks when: a witness that crashes or hangs takes what it knew with it. */
static void
test_last_words(void **state)
{
	(void)state;
	expect_last_words("{\"what\":\"NULL\"}", SIGSEGV);
	expect_last_words("{\"what\":\"NULL\"}", SIGBUS);
	expect_last_words("{\"what\":\"NULL\"}", SIGABRT);
	expect_last_words("{\"what\":\"NULL\"}", 0);
}

/* Breaks when: the document is followed by last words. */
static void
test_no_last_words_after_the_end(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		wit_last_words("{}");
		wit_last_words_begin(60);
		wit_last_words_end();
		raise(SIGALRM);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_are_utf8),
		cmocka_unit_test(test_texts_are_cut),
		cmocka_unit_test(test_errors_add_up),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_no_last_words_after_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
