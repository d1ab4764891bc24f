/*
 * sup_stage_lost_test.c - a child that looks at a handler directory and dies,
 * hangs or is not wanted any more: real forks.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: nothing; the scratch directory is the fixture's.
 * Invariant: after each test no process, descriptor or handle is left.
 */
#include "sup_stage_scratch.h"

/* ---------------------------------------------------- a child that is lost */

static void
test_a_child_that_is_killed(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, "a.so");
	start();
	assert_int_equal(kill(sup_stage_pid(stage), SIGKILL), 0);
	finish();
	if (found_count == 0 || done_error[0] != '\0')
		assert_string_equal(done_error,
		    "the process that copies the handlers was killed");
}

/* Stopped, as by a file system that does not answer. */
static void
test_a_child_that_hangs(void **state)
{
	struct scratch *s = *state;
	uint64_t begun;

	s->config.load_timeout_ms = 200;
	fixture_put_plain(s, "a.so");
	do {	/* until it is stopped before it is done */
		start();
		begun = uv_now(&loop);
		assert_int_equal(kill(sup_stage_pid(stage), SIGSTOP), 0);
		finish();
	} while (done_error[0] == '\0');
	assert_true(uv_now(&loop) - begun >= 200);
	assert_string_equal(done_error, "the handler directory: nothing could "
	    "be read of it within load_timeout (200 ms)");
}

/* Each file has the time anew. */
static void
test_a_child_that_gets_on_is_not_late(void **state)
{
	struct scratch *s = *state;
	char name[32];

	s->config.load_timeout_ms = FOREVER / 2;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%d.so", i);
		fixture_put_plain(s, name);
	}
	run();
	assert_int_equal(found_count, 20);
}

/* -------------------------------------------------------------- cancelling */

static void
test_nothing_comes_after_a_cancel(void **state)
{
	struct scratch *s = *state;
	pid_t pid;

	fixture_put_plain(s, "a.so");
	start();
	pid = sup_stage_pid(stage);
	sup_stage_cancel(stage);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(found_count, 0);
	assert_int_equal(done_count, 0);
	assert_int_equal(kill(pid, 0), -1);
	sup_stage_cancel(NULL);
	assert_int_equal(sup_stage_pid(NULL), 0);
}

static void
test_a_cancel_from_a_callback(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, "a.so");
	fixture_put_plain(s, "b.so");
	cancel_after = 1;
	start();
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(found_count, 1);
	assert_int_equal(done_count, 0);
}

static void
test_a_cancel_of_a_child_that_hangs(void **state)
{
	(void)state;
	start();
	assert_int_equal(kill(sup_stage_pid(stage), SIGSTOP), 0);
	sup_stage_cancel(stage);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(done_count, 0);
}

/* `known` and `writing` are the caller's again once it has started. */
static void
test_what_it_is_given_may_go(void **state)
{
	struct scratch *s = *state;
	struct handler_version *known = calloc(1, sizeof(*known));
	const char **names = calloc(1, sizeof(*names));

	assert_non_null(known);
	assert_non_null(names);
	names[0] = "b.so";
	fixture_put_plain(s, "a.so");
	fixture_put_plain(s, "b.so");
	work.known = known;
	work.writing = names;
	work.known_count = work.writing_count = 1;
	start();
	free(known);
	free(names);
	finish();
	expect_copied(s, "a.so");
	expect_refused(s, "b.so", "is being written");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		stage_test(test_a_child_that_is_killed),
		stage_test(test_a_child_that_hangs),
		stage_test(test_a_child_that_gets_on_is_not_late),
		stage_test(test_nothing_comes_after_a_cancel),
		stage_test(test_a_cancel_from_a_callback),
		stage_test(test_a_cancel_of_a_child_that_hangs),
		stage_test(test_what_it_is_given_may_go),
	};

	return cmocka_run_group_tests(tests, open_once, NULL);
}
