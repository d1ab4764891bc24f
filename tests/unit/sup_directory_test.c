/*
 * sup_directory_test.c - a real directory, watched from a real loop.
 *
 * Runs in: make check.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no handle and no descriptor is left.
 */
#include "sup_directory_scratch.h"

#include <sys/wait.h>

/* ---------------------------------------------------------------- changes */

static void
test_idle_costs_nothing(void **state)
{
	(void)state;
	copy("there.so");
	watch_path();
	run(500);
	assert_int_equal(changes, 0);
	assert_in_range(turns, 1, 3);
	assert_false(sup_directory_is_missing(directory));
	assert_null(sup_directory_being_written(directory, 0));
	assert_int_equal(log_has(""), 0);
}

static void
test_each_kind_of_change_is_one_call(void **state)
{
	(void)state;
	copy("old.so");
	copy("other");
	watch_path();
	copy("new.so");
	wait_for_change();
	watch_again();
	copy("new.so");
	wait_for_change();
	watch_again();
	assert_int_equal(rename(in(path, "other"), in(path, "moved.so")), 0);
	wait_for_change();
	watch_again();
	assert_int_equal(link(in(path, "moved.so"), in(path, "linked.so")), 0);
	wait_for_change();
	watch_again();
	assert_int_equal(symlink("old.so", in(path, "symbolic.so")), 0);
	wait_for_change();
	watch_again();
	assert_int_equal(chmod(in(path, "old.so"), 0600), 0);
	wait_for_change();
	watch_again();
	assert_int_equal(rename(in(path, "moved.so"), in(scratch, "out")), 0);
	wait_for_change();
	watch_again();
	assert_int_equal(unlink(in(path, "old.so")), 0);
	wait_for_change();
	watch_again();
	assert_quiet(3 * DELAY);
	assert_int_equal(changes, 8);
	assert_string_equal(written, "");
}

static void
test_names_of_no_handler_are_ignored(void **state)
{
	(void)state;
	watch_path();
	copy(".new.so.Xf3a");
	copy("README");
	copy("new.so.part");
	assert_quiet(4 * DELAY);
	assert_int_equal(rename(in(path, ".new.so.Xf3a"), in(path, "new.so")),
	    0);
	wait_for_change();
}

static void
test_a_write_in_pieces_is_taken_when_it_is_closed(void **state)
{
	int fd;

	(void)state;
	copy("slow.so");
	watch_path();
	fd = open_to_write("slow.so", O_TRUNC);
	for (int i = 0; i < 4; i++) {
		assert_quiet(2 * DELAY);
		assert_string_equal(sup_directory_being_written(directory, 0),
		    "slow.so");
		put_piece(fd);
	}

	/* the others don't wait for it */
	copy("quick.so");
	wait_for_change();
	assert_string_equal(written, "slow.so ");
	assert_quiet(2 * DELAY);
	close(fd);
	wait_for_change();
	assert_string_equal(written, "");
}

/* A linker may think for long between the two. */
static void
test_a_file_that_was_made_and_is_empty_is_being_written(void **state)
{
	int fd;

	(void)state;
	watch_path();
	fd = open_to_write("new.so", O_CREAT | O_EXCL);
	assert_quiet(4 * DELAY);
	assert_string_equal(sup_directory_being_written(directory, 0),
	    "new.so");
	put_piece(fd);
	assert_quiet(2 * DELAY);
	close(fd);
	wait_for_change();
	assert_string_equal(written, "");
}

static void
test_a_file_that_is_replaced_while_it_is_written_is_whole(void **state)
{
	int fd;

	(void)state;
	copy("a.so");
	copy(".next");
	watch_path();
	fd = open_to_write("a.so", O_TRUNC);
	put_piece(fd);
	assert_quiet(2 * DELAY);
	assert_int_equal(rename(in(path, ".next"), in(path, "a.so")), 0);
	put_piece(fd);
	wait_for_change();
	assert_string_equal(written, "");
	put_piece(fd);
	close(fd);
	assert_quiet(3 * DELAY);
}

static void
test_many_files_are_few_calls(void **state)
{
	char name[32];

	(void)state;
	watch_path();
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "handler-%d.so", i);
		copy(name);
		if (i % 10 == 0)
			uv_run(&loop, UV_RUN_NOWAIT);
	}
	run(LONG);
	assert_in_range(changes, 1, 5);
	pass(20 * DELAY);
	assert_in_range(changes, 1, 5);
	assert_string_equal(written, "");
}

/* Another process: a file that comes and goes, for a second. */
static pid_t
start_flapping(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (int i = 0; i < 500; i++) {
		copy("busy.so");
		unlink(in(path, "busy.so"));
		usleep(2000);
	}
	_exit(0);
}

/* A rest is 15 ms here, so there are 70 in a second, for 2000 events. */
static void
test_a_busy_directory_costs_little(void **state)
{
	pid_t pid;

	(void)state;
	watch_path();
	pid = start_flapping();
	assert_true(pid > 0);
	pass(1200);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_in_range(turns, 20, 200);
	assert_in_range(changes, 0, 3);
	assert_string_equal(written, "");
}

static void
test_lost_events_are_a_change(void **state)
{
	int fd;

	(void)state;
	watch_path();
	fd = open_to_write("slow.so", O_CREAT);
	put_piece(fd);
	assert_quiet(2 * DELAY);
	assert_non_null(sup_directory_being_written(directory, 0));
	for (int i = 0; i < 20000; i++)
		assert_int_equal(chmod(in(path, "slow.so"), i % 2 ? 0600 :
		    0644) | chmod(path, i % 2 ? 0700 : 0755), 0);
	wait_for_change();
	assert_string_equal(written, "");
	close(fd);
	wait_for_change();
}

static void
test_a_reload_for_another_reason_takes_what_waits(void **state)
{
	int fd;

	(void)state;
	watch_path();
	fd = open_to_write("slow.so", O_CREAT);
	put_piece(fd);
	copy("a.so");
	sup_directory_taken(directory);
	assert_string_equal(sup_directory_being_written(directory, 0),
	    "slow.so");
	assert_quiet(4 * DELAY);
	close(fd);
	wait_for_change();
}

static void
close_at_change(void *context)
{
	(void)context;
	sup_directory_close(directory);
	directory = NULL;
	changes++;
	uv_stop(&loop);
}

static void
test_it_may_be_closed_in_the_call(void **state)
{
	struct err err;

	(void)state;
	directory = sup_directory_open(&loop, path, 10, close_at_change, &loop,
	    &err);
	assert_non_null(directory);
	sup_directory_set_delay(directory, 20);
	copy("a.so");
	run(LONG);
	assert_int_equal(changes, 1);
	copy("a.so");
	assert_quiet(3 * DELAY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_unit_test(test_idle_costs_nothing),
		directory_unit_test(test_each_kind_of_change_is_one_call),
		directory_unit_test(test_names_of_no_handler_are_ignored),
		directory_unit_test(
		    test_a_write_in_pieces_is_taken_when_it_is_closed),
		directory_unit_test(
		    test_a_file_that_was_made_and_is_empty_is_being_written),
		directory_unit_test(
		    test_a_file_that_is_replaced_while_it_is_written_is_whole),
		directory_unit_test(test_many_files_are_few_calls),
		directory_unit_test(test_a_busy_directory_costs_little),
		directory_unit_test(test_lost_events_are_a_change),
		directory_unit_test(
		    test_a_reload_for_another_reason_takes_what_waits),
		directory_unit_test(test_it_may_be_closed_in_the_call),
	};

	return cmocka_run_group_tests(tests, open_before, NULL);
}
