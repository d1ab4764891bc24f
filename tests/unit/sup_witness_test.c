/*
 * sup_witness_test.c - a child that reports, lies, floods, hangs or dies.
 *
 * Runs in: make check; run as `sup_witness_test witness`, it is the child.
 * Owns: nothing; each test closes what it has opened.
 * Invariant: real forks and execs; after each test no process, no descriptor
 * and no handle of the loop is left.
 */
#include "supervisor/sup_witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "descriptors.h"
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/sup.h"

#define FLOOD	(SUP_WITNESS_REPORT_MAX + 1)
#define MANY	(SUP_WITNESSES_RUN + SUP_WITNESSES_WAIT)

/* ----------------------------------------------------------- as the child */

static int
flood(size_t bytes)
{
	printf("{\"text\":\"");
	for (size_t i = 0; i < bytes; i++)
		putchar('x');
	printf("\"}");
	return 0;
}

/* What the record says is done: "say TEXT", "flood", "hang", "die", "fail",
 * "rest". */
static int
play_witness(int argc, char **argv)
{
	char record[4096];
	ssize_t length = pread(3, record, sizeof(record) - 1, 0);

	if (argc > 3 && strcmp(argv[2], "slow") == 0)
		return printf("{\"slow\":%s,\"three\":%d}", argv[3],
		    fcntl(3, F_GETFD) >= 0) < 0;
	if (length < 0)
		return 1;
	record[length] = '\0';
	if (strcmp(record, "flood") == 0)
		return flood(FLOOD);
	if (strcmp(record, "rest") == 0)
		return flood(SUP_WITNESS_REPORT_MAX - 100);
	if (strcmp(record, "hang") == 0)
		pause();
	if (strcmp(record, "die") == 0)
		abort();
	if (strcmp(record, "fail") == 0)
		return 7;
	return fputs(record + 4, stdout) < 0;
}

/* ------------------------------------------------------------ the fixture */

struct fixture {
	struct sup	sup;
	struct config	config;
	unsigned	done, without;
	char		last[64];	/* the report's start */
	size_t		length;
	unsigned	descriptors;
};

/* All of them are witnesses. */
static unsigned
count_children(const struct fixture *f)
{
	FILE *list = fopen("/proc/thread-self/children", "r");
	unsigned count = 0;
	int pid;

	assert_non_null(list);
	while (fscanf(list, "%d", &pid) == 1) {
		assert_true(sup_witness_is_one(&f->sup, pid));
		count++;
	}
	fclose(list);
	assert_false(sup_witness_is_one(&f->sup, getpid()));
	return count;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->sup.config = &f->config;
	assert_int_equal(uv_loop_init(&f->sup.loop), 0);
	uv_run(&f->sup.loop, UV_RUN_NOWAIT);
	f->descriptors = open_descriptors();
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	sup_witness_stop(&f->sup);
	uv_run(&f->sup.loop, UV_RUN_NOWAIT);
	assert_null(f->sup.witnesses);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(open_descriptors(), f->descriptors);
	assert_int_equal(uv_loop_close(&f->sup.loop), 0);
	free(f);
	return 0;
}

static void
on_done(void *context, struct json_object *report)
{
	struct fixture *f = context;
	const char *text;

	f->done++;
	f->without += report == NULL;
	text = report == NULL ? "" : json_object_to_json_string_ext(report,
	    JSON_C_TO_STRING_PLAIN);
	f->length = strlen(text);
	snprintf(f->last, sizeof(f->last), "%s", text);
}

/* The record may be closed at once. */
static void
start(struct fixture *f, const char *record, void *context)
{
	int fd = memfd_create("record", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, record, strlen(record)), strlen(record));
	sup_witness_start(&f->sup, SUP_WITNESS_CRASH, fd, on_done, context);
	close(fd);
}

static void
wait_for(struct fixture *f, unsigned done)
{
	while (f->done < done && uv_run(&f->sup.loop, UV_RUN_ONCE) != 0)
		;
	assert_int_equal(f->done, done);
}

static void
expect_none(struct fixture *f, const char *record)
{
	unsigned done = f->done, without = f->without;

	start(f, record, f);
	wait_for(f, done + 1);
	assert_int_equal(f->without, without + 1);
	assert_null(f->sup.witnesses);
}

/* ---------------------------------------------------------------- the tests */

/* Breaks when: a report does not arrive, or the record is not descriptor 3. */
static void
test_a_report_arrives(void **state)
{
	struct fixture *f = *state;

	start(f, "say {\"what\":\"NULL\"}", f);
	assert_int_equal(f->done, 0);
	wait_for(f, 1);
	assert_string_equal(f->last, "{\"what\":\"NULL\"}");
}

/* Breaks when: the process to look at is not named, or has a descriptor. */
static void
test_a_slow_one_is_named(void **state)
{
	struct fixture *f = *state;

	sup_witness_start(&f->sup, SUP_WITNESS_SLOW, 4711, on_done, f);
	wait_for(f, 1);
	assert_string_equal(f->last, "{\"slow\":4711,\"three\":0}");
}

/* Breaks when: the bound is smaller than what is said of it, or a report that
 * comes in several reads is cut. */
static void
test_a_long_report_is_whole(void **state)
{
	struct fixture *f = *state;

	start(f, "rest", f);
	wait_for(f, 1);
	assert_int_equal(f->length, SUP_WITNESS_REPORT_MAX - 100 +
	    strlen("{\"text\":\"\"}"));
}

/* Breaks when: what is no whole JSON object is taken for a report. */
static void
test_nonsense_is_no_report(void **state)
{
	struct fixture *f = *state;

	expect_none(f, "say ");
	expect_none(f, "say {\"what\":");
	expect_none(f, "say [1]");
	expect_none(f, "say \"x\"");
	expect_none(f, "say {\"a\":\"\xff\xfe\"}");
	expect_none(f, "say {\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
	    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
	    "{\"a\":{\"a\":1}}}}}}}}}}}}}}}}}}");
}

/* Breaks when: one that fails, dies or floods is believed or left behind. */
static void
test_a_witness_that_fails(void **state)
{
	struct fixture *f = *state;

	expect_none(f, "die");
	expect_none(f, "fail");
	expect_none(f, "flood");
}

/* Breaks when: more than two run, an order changes, or the 35th waits too. */
static void
test_few_run_and_few_wait(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < MANY; i++)
		start(f, "say {}", f);
	assert_int_equal(f->done, 0);
	start(f, "say {}", f);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->without, 1);
	assert_int_equal(count_children(f), SUP_WITNESSES_RUN);
	wait_for(f, MANY + 1);
	assert_int_equal(f->without, 1);
}

/* Breaks when: one that runs or waits outlives the host, or is not told of. */
static void
test_one_that_hangs_is_ended_with_the_host(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < SUP_WITNESSES_RUN + 3; i++)
		start(f, "hang", f);
	assert_int_equal(f->done, 0);
	sup_witness_stop(&f->sup);
	assert_int_equal(f->done, SUP_WITNESSES_RUN + 3);
	assert_int_equal(f->without, SUP_WITNESSES_RUN + 3);
}

/* The time of every timer of the loop is over. */
static void
end_time(uv_handle_t *handle, void *argument)
{
	uv_timer_t *timer = (uv_timer_t *)handle;

	(void)argument;
	if (handle->type == UV_TIMER && uv_is_active(handle))
		uv_timer_start(timer, timer->timer_cb, 0, 0);
}

/* Breaks when: one that hangs outlives its time, keeps others from theirs, or
 * one that waits does so for ever. */
static void
test_time_is_up(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < SUP_WITNESSES_RUN; i++)
		start(f, "hang", f);
	uv_walk(&f->sup.loop, end_time, NULL);
	start(f, "say {}", f);
	wait_for(f, SUP_WITNESSES_RUN + 1);
	assert_int_equal(f->without, SUP_WITNESSES_RUN);
	for (int i = 0; i < SUP_WITNESSES_RUN + 1; i++)
		start(f, "hang", f);
	uv_walk(&f->sup.loop, end_time, NULL);
	wait_for(f, 2 * (SUP_WITNESSES_RUN + 1));
	assert_int_equal(f->without, 2 * SUP_WITNESSES_RUN + 1);
}

/* Breaks when: `done` comes for one that is forgotten, or its place stays
 * taken. */
static void
test_the_forgotten_leave_their_place(void **state)
{
	struct fixture *f = *state;
	int other;

	for (int i = 0; i < SUP_WITNESSES_RUN + 3; i++)
		start(f, "hang", &other);
	start(f, "say {}", f);
	sup_witness_forget(&f->sup, &other);
	wait_for(f, 1);
	assert_int_equal(f->without, 0);
	while (f->sup.witnesses != NULL)
		uv_run(&f->sup.loop, UV_RUN_ONCE);
	assert_int_equal(f->done, 1);
}

/* Breaks when: a bad descriptor is more than a missing report. */
static void
test_a_record_that_is_not_there(void **state)
{
	struct fixture *f = *state;

	sup_witness_start(&f->sup, SUP_WITNESS_CRASH, -1, on_done, f);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->without, 1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_report_arrives,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_slow_one_is_named,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_long_report_is_whole,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense_is_no_report,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_witness_that_fails,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_few_run_and_few_wait,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_one_that_hangs_is_ended_with_the_host, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_time_is_up,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_the_forgotten_leave_their_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_record_that_is_not_there, setup, teardown),
	};

	if (argc > 1 && strcmp(argv[1], "witness") == 0)
		return play_witness(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
