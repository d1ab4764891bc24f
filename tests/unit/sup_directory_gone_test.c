/*
 * sup_directory_gone_test.c - a directory that goes and comes, and the limits
 * of inotify.
 *
 * Runs in: make check; as root a file system is mounted, else that test is
 * skipped.
 * Owns: a scratch folder in /tmp, inotify_add_watch() of this program.
 * Invariant: after each test no handle and no descriptor is left.
 */
#include "sup_directory_scratch.h"

#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <sched.h>

static int	watch_error;		/* 0: it works */
static bool	may_mount;

/* Instead of the C library's. */
int
inotify_add_watch(int fd, const char *name, uint32_t mask)
{
	if (watch_error == 0)
		return (int)syscall(SYS_inotify_add_watch, fd, name, mask);
	errno = watch_error;
	return -1;
}

/* --------------------------------------------------- the directory itself */

static void
test_a_directory_that_is_made_again_is_found(void **state)
{
	(void)state;
	copy("a.so");
	watch_path();
	unlink(in(path, "a.so"));
	assert_int_equal(rmdir(path), 0);
	assert_quiet(3 * DELAY);
	assert_true(sup_directory_is_missing(directory));
	assert_int_equal(log_has("handlers cannot be watched: No such file"),
	    1);
	turns = 0;
	assert_quiet(2500);
	assert_in_range(turns, 1, 6);
	assert_int_equal(log_has("cannot be watched"), 1);
	assert_int_equal(mkdir(path, 0755), 0);
	copy("b.so");
	wait_for_change();
	assert_false(sup_directory_is_missing(directory));
	assert_int_equal(log_has("handlers is there again"), 1);
	copy("c.so");
	wait_for_change();
}

static void
test_a_directory_may_come_later(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rmdir(path), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(close(fd), 0);
	watch_path();
	assert_true(sup_directory_is_missing(directory));
	assert_int_equal(log_has("cannot be watched: Not a directory"), 1);
	sup_directory_taken(directory);
	assert_quiet(2 * DELAY);
	assert_int_equal(unlink(path), 0);
	sup_directory_taken(directory);
	assert_quiet(2 * DELAY);
	assert_int_equal(log_has("cannot be watched"), 1);
	assert_int_equal(mkdir(path, 0755), 0);
	wait_for_change();
	copy("a.so");
	wait_for_change();
}

static void
test_a_directory_that_is_exchanged_is_followed(void **state)
{
	(void)state;
	watch_path();
	assert_int_equal(mkdir(in(scratch, "next"), 0755), 0);
	assert_int_equal(rename(path, in(scratch, "old")), 0);
	assert_int_equal(rename(in(scratch, "next"), path), 0);
	wait_for_change();
	close(open(in(scratch, "old/a.so"), O_WRONLY | O_CREAT, 0644));
	assert_quiet(3 * DELAY);
	copy("a.so");
	wait_for_change();
}

/* A shell stands in it, so the kernel does not say that it is removed. */
static void
test_a_directory_that_somebody_holds_is_given_up(void **state)
{
	int held;

	(void)state;
	copy("a.so");
	watch_path();
	held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unlink(in(path, "a.so"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	copy("b.so");
	wait_for_change();
	copy("c.so");
	wait_for_change();
	close(held);
	assert_quiet(3 * DELAY);
}

static void
test_a_link_that_leads_elsewhere_is_seen_at_a_reload(void **state)
{
	(void)state;
	assert_int_equal(rename(path, in(scratch, "one")), 0);
	assert_int_equal(mkdir(in(scratch, "two"), 0755), 0);
	assert_int_equal(symlink("one", path), 0);
	watch_path();
	copy("a.so");
	wait_for_change();
	assert_int_equal(symlink("two", in(scratch, "new")), 0);
	assert_int_equal(rename(in(scratch, "new"), path), 0);
	sup_directory_taken(directory);
	assert_quiet(2 * DELAY);
	copy("a.so");
	wait_for_change();
	assert_int_equal(log_has(""), 0);
}

/* The folder below is empty: that is not to remove every handler. */
static void
test_what_is_unmounted_is_waited_for(void **state)
{
	(void)state;
	if (!may_mount)
		skip();
	assert_int_equal(mount("tiny", path, "tmpfs", 0, "size=64k"), 0);
	copy("a.so");
	watch_path();
	assert_int_equal(umount(path), 0);
	assert_quiet(2500);
	assert_true(sup_directory_is_missing(directory));
	assert_int_equal(log_has("nothing is mounted there any more"), 1);
	assert_int_equal(mount("tiny", path, "tmpfs", 0, "size=64k"), 0);
	wait_for_change();
	assert_false(sup_directory_is_missing(directory));

	/* unless somebody says that it is meant */
	assert_int_equal(umount(path), 0);
	assert_quiet(3 * DELAY);
	assert_true(sup_directory_is_missing(directory));
	sup_directory_taken(directory);
	assert_false(sup_directory_is_missing(directory));
	copy("a.so");
	wait_for_change();
}

/* ----------------------------------------------------------------- limits */

static void
test_the_limit_of_watches_is_named(void **state)
{
	struct err err;

	(void)state;
	watch_error = ENOSPC;
	assert_null(sup_directory_open(&loop, path, DELAY, note_change, &loop,
	    &err));
	watch_error = 0;
	assert_non_null(strstr(err.text, "fs.inotify.max_user_watches"));
	assert_non_null(strstr(err.text, path));
}

static void
test_the_limit_of_instances_is_named(void **state)
{
	static int fds[65536];
	size_t count = 0;
	struct err err;

	(void)state;
	while (count < 65536 && (fds[count] = inotify_init1(IN_CLOEXEC)) >= 0)
		count++;
	directory = sup_directory_open(&loop, path, DELAY, note_change, &loop,
	    &err);
	while (count > 0)
		close(fds[--count]);
	assert_null(directory);
	assert_non_null(strstr(err.text, "fs.inotify.max_user_instances"));
	assert_non_null(strstr(err.text, ": Too many open files"));
}

/* Before any loop: what is mounted is seen by this process alone. */
static int
prepare(void **state)
{
	may_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return open_before(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_unit_test(
		    test_a_directory_that_is_made_again_is_found),
		directory_unit_test(test_a_directory_may_come_later),
		directory_unit_test(
		    test_a_directory_that_is_exchanged_is_followed),
		directory_unit_test(
		    test_a_directory_that_somebody_holds_is_given_up),
		directory_unit_test(
		    test_a_link_that_leads_elsewhere_is_seen_at_a_reload),
		directory_unit_test(test_what_is_unmounted_is_waited_for),
		directory_unit_test(test_the_limit_of_watches_is_named),
		directory_unit_test(test_the_limit_of_instances_is_named),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
