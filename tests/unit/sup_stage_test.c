/*
 * sup_stage_test.c - a child that looks at a handler directory in which
 * anything may be, and that dies or hangs: real forks.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: nothing; the scratch directory is the fixture's.
 * Invariant: after each test no process, descriptor or handle is left.
 */
#include "supervisor/sup_stage.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/hash.h"
#include "handler_fixture.h"

#define FOUND_MAX	64
#define SERVICE		65534		/* "nobody", if we are root */
#define FOREVER		60000

static uv_loop_t		 loop;
static struct sup_stage_work	 work;
static struct sup_stage		*stage;
static size_t			 descriptors_before;

/* What the callbacks were told. */
static struct sup_stage_file	 found[FOUND_MAX];
static size_t			 found_count;
static unsigned			 done_count;
static char			 done_error[512];
static size_t			 cancel_after;	/* so many files; 0: never */

static void
on_found(void *context, const struct sup_stage_file *file)
{
	assert_ptr_equal(context, &loop);
	assert_int_equal(done_count, 0);
	assert_true(found_count < FOUND_MAX);
	found[found_count++] = *file;
	if (found_count == cancel_after)
		sup_stage_cancel(stage);
}

static void
on_done(void *context, const char *error)
{
	assert_ptr_equal(context, &loop);
	done_count++;
	snprintf(done_error, sizeof(done_error), "%s",
	    error == NULL ? "" : error);
}

/* ----------------------------------------------------------- before, after */

static size_t
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* What libuv opens once and never closes. */
static int
open_once(void **state)
{
	(void)state;
	return uv_loop_init(&loop) + uv_loop_close(&loop);
}

/* A handler directory, and a folder for copies that the service may use. */
static int
begin(void **state)
{
	struct scratch *s;

	if (fixture_setup(state) != 0)
		return -1;
	s = *state;
	s->config.load_timeout_ms = FOREVER;
	snprintf(s->copies, sizeof(s->copies), "%s/copies", s->root);
	assert_int_equal(mkdir(s->copies, 0700), 0);
	assert_int_equal(chmod(s->root, 0755), 0);
	descriptors_before = open_descriptors();
	work = (struct sup_stage_work){ .config = &s->config, .to_dir =
	    open(s->copies, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	assert_true(work.to_dir >= 0);
	found_count = cancel_after = done_count = 0;
	done_error[0] = '\0';
	return uv_loop_init(&loop);
}

static int
end(void **state)
{
	close(work.to_dir);
	if (uv_loop_close(&loop) != 0) {
		print_error("handles left open\n");
		return -1;
	}
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		print_error("a child was not reaped\n");
		return -1;
	}
	if (open_descriptors() != descriptors_before) {
		print_error("descriptors left open\n");
		return -1;
	}
	return fixture_teardown(state);
}

#define stage_test(f) \
	cmocka_unit_test_setup_teardown(f, begin, end)

/* ----------------------------------------------------------------- helpers */

static void
start(void)
{
	struct err err;

	found_count = 0;
	stage = sup_stage_start(&loop, &work, on_found, on_done, &loop, &err);
	if (stage == NULL)
		fail_msg("%s", err.text);
	assert_true(sup_stage_pid(stage) > 0);
	assert_int_equal(done_count + found_count, 0);
}

static void
finish(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(done_count, 1);
	done_count = 0;
}

static void
run(void)
{
	start();
	finish();
	assert_string_equal(done_error, "");
}

static const struct sup_stage_file *
file_of(const char *name)
{
	for (size_t i = 0; i < found_count; i++)
		if (strcmp(found[i].version.name, name) == 0)
			return &found[i];
	fail_msg("%s was not found", name);
	return NULL;
}

static const char *
path_of(const char *folder, const char *name)
{
	static char paths[2][512];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static bool
has_copy(const struct scratch *s, const char *name)
{
	return access(path_of(s->copies, name), F_OK) == 0;
}

static void
expect_refused(const struct scratch *s, const char *name, const char *why)
{
	const struct sup_stage_file *file = file_of(name);

	if (strstr(file->reason, why) == NULL)
		fail_msg("%s: \"%s\", not \"%s\"", name, file->reason, why);
	assert_string_equal(file->version.sha256, "");
	assert_false(file->known);
	assert_false(has_copy(s, name));
}

static void
hash_of(const char *path, char out[HASH_TEXT])
{
	char bytes[4096];
	struct hash hash;
	struct err err;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(hash_begin(&hash, &err), 0);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		hash_add(&hash, bytes, (size_t)got);
	close(fd);
	assert_int_equal(hash_finish(&hash, out, &err), 0);
}

static void
expect_copied(const struct scratch *s, const char *name)
{
	const struct sup_stage_file *file = file_of(name);
	char sha256[HASH_TEXT];

	assert_string_equal(file->reason, "");
	assert_false(file->known);
	hash_of(path_of(s->copies, name), sha256);
	assert_string_equal(file->version.sha256, sha256);
	assert_int_equal(strlen(file->version.build_id), 40);
	assert_int_equal(file->version.size, s->plain_size);
}

/* -------------------------------------------------------------- good files */

static void
test_an_empty_directory(void **state)
{
	(void)state;
	run();
	assert_int_equal(found_count, 0);
}

static void
test_good_files_are_copied_in_the_order_of_their_names(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, "b.so");
	fixture_put_plain(s, "a.so");
	fixture_put_changed(s, "c.so", "plain", "plane");
	run();
	assert_int_equal(found_count, 3);
	assert_string_equal(found[0].version.name, "a.so");
	assert_string_equal(found[1].version.name, "b.so");
	assert_string_equal(found[2].version.name, "c.so");
	for (size_t i = 0; i < found_count; i++)
		expect_copied(s, found[i].version.name);
	assert_string_equal(found[0].version.sha256,
	    found[1].version.sha256);
	assert_string_not_equal(found[0].version.sha256,
	    found[2].version.sha256);
}

static void
test_other_names_are_not_looked_at(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, ".hidden.so");
	fixture_put_plain(s, "a.so.tmp");
	fixture_put_plain(s, "a.so~");
	fixture_put_plain(s, ".so");
	fixture_put_plain(s, "README");
	run();
	assert_int_equal(found_count, 0);
}

/* 252 letters and ".so". */
static void
test_names_of_255_bytes(void **state)
{
	struct scratch *s = *state;
	char name[HANDLER_FILE_MAX + 1];

	for (char letter = 'a'; letter <= 'b'; letter++) {
		memset(name, letter, HANDLER_FILE_MAX);
		strcpy(name + HANDLER_FILE_MAX - 3, ".so");
		fixture_put_plain(s, "x.so");
		if (letter == 'b')
			assert_int_equal(truncate(path_of(s->handlers,
			    "x.so"), 0), 0);
		assert_int_equal(rename(path_of(s->handlers, "x.so"),
		    path_of(s->handlers, name)), 0);
	}
	run();
	assert_int_equal(found_count, 2);
	expect_refused(s, name, "is empty");
	memset(name, 'a', HANDLER_FILE_MAX - 3);
	expect_copied(s, name);
}

static void
test_a_name_of_any_bytes(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, "a b\n%s\xff.so");
	run();
	assert_int_equal(found_count, 1);
	expect_copied(s, "a b\n%s\xff.so");
}

/* ----------------------------------------------------------- what is known */

static void
test_an_unchanged_file_is_not_copied(void **state)
{
	struct scratch *s = *state;
	struct handler_version known[2] = { { .name = "other.so" } };

	fixture_put_plain(s, "a.so");
	fixture_put_plain(s, "b.so");
	run();
	known[1] = file_of("a.so")->version;
	strcpy(known[1].build_id, "as it was");
	assert_int_equal(unlink(path_of(s->copies, "a.so")), 0);
	assert_int_equal(unlink(path_of(s->copies, "b.so")), 0);
	work.known = known;
	work.known_count = 2;
	run();
	assert_true(file_of("a.so")->known);
	assert_memory_equal(&file_of("a.so")->version, &known[1],
	    sizeof(known[1]));
	assert_false(has_copy(s, "a.so"));
	expect_copied(s, "b.so");
}

static void
test_a_file_that_has_changed_is_copied(void **state)
{
	struct scratch *s = *state;
	struct handler_version known;

	fixture_put_plain(s, "a.so");
	run();
	known = file_of("a.so")->version;
	assert_int_equal(unlink(path_of(s->copies, "a.so")), 0);
	work.known = &known;
	work.known_count = 1;

	/* the same bytes in another file */
	fixture_put_plain(s, "new");
	assert_int_equal(rename(path_of(s->handlers, "new"),
	    path_of(s->handlers, "a.so")), 0);
	run();
	expect_copied(s, "a.so");
	assert_string_equal(file_of("a.so")->version.sha256, known.sha256);

	/* one whose copy never was complete: known by name, with no bytes */
	assert_int_equal(unlink(path_of(s->copies, "a.so")), 0);
	known = file_of("a.so")->version;
	known.sha256[0] = '\0';
	run();
	expect_copied(s, "a.so");

	/* one that is known, and must not be used any more */
	known = file_of("a.so")->version;
	assert_int_equal(chmod(path_of(s->handlers, "a.so"), 0666), 0);
	assert_int_equal(unlink(path_of(s->copies, "a.so")), 0);
	run();
	expect_refused(s, "a.so", "is writable by");
}

/* --------------------------------------------------------------- bad files */

/* One of each kind, and none of them holds up or harms the others. */
static void
test_what_is_no_handler_is_refused(void **state)
{
	struct scratch *s = *state;
	const char *hole;

	fixture_put_plain(s, "a.so");
	fixture_put_file(s, "empty.so", "", 0);
	assert_int_equal(mkfifo(path_of(s->handlers, "fifo.so"), 0600), 0);
	assert_int_equal(symlink("loop.so", path_of(s->handlers, "loop.so")),
	    0);
	assert_int_equal(symlink("/nowhere", path_of(s->handlers,
	    "dangling.so")), 0);
	assert_int_equal(symlink("/dev/zero", path_of(s->handlers,
	    "endless.so")), 0);
	assert_int_equal(mkdir(path_of(s->handlers, "folder.so"), 0755), 0);
	fixture_put_file(s, "hole.so", "x", 1);
	hole = path_of(s->handlers, "hole.so");
	assert_int_equal(truncate(hole, (off_t)4 << 30), 0);
	fixture_put_plain(s, "open.so");
	assert_int_equal(chmod(path_of(s->handlers, "open.so"), 0664), 0);
	fixture_put_file(s, "short.so", s->plain, s->plain_size / 2);
	fixture_put_file(s, "text.so", "#!/bin/sh\n", 10);
	fixture_put_plain(s, "z.so");
	run();
	assert_int_equal(found_count, 12);
	expect_copied(s, "a.so");
	expect_refused(s, "empty.so", "is empty");
	expect_refused(s, "fifo.so", "is a FIFO");
	expect_refused(s, "loop.so", "is a link that leads to itself");
	expect_refused(s, "dangling.so", "is a link to a file that is not");
	expect_refused(s, "endless.so", "is no regular file");
	expect_refused(s, "folder.so", "is a directory");
	expect_refused(s, "hole.so", "has 4294967296 bytes");
	expect_refused(s, "open.so", "is writable by its group");
	expect_refused(s, "short.so", "is cut off");
	expect_refused(s, "text.so", "is no shared object");
	expect_copied(s, "z.so");
}

static void
test_a_file_that_is_being_written(void **state)
{
	struct scratch *s = *state;
	static const char *const names[] = { "other.so", "a.so" };

	fixture_put_plain(s, "a.so");
	fixture_put_plain(s, "b.so");
	work.writing = names;
	work.writing_count = 2;
	run();
	assert_int_equal(found_count, 2);
	expect_refused(s, "a.so", "is being written");
	expect_copied(s, "b.so");
}

/* The folder has one of that name: whoever put it there, it stays. */
static void
test_a_copy_replaces_nothing(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, "a.so");
	assert_int_equal(symlink("/dev/null", path_of(s->copies, "a.so")), 0);
	run();
	assert_non_null(strstr(file_of("a.so")->reason, "File exists"));
}

/* As the service's user, whoever we are. */
static void
test_the_rights_are_the_services(void **state)
{
	struct scratch *s = *state;

	if (geteuid() != 0)
		skip();
	s->config.user = (char *)"nobody";
	assert_int_equal(chown(s->copies, SERVICE, SERVICE), 0);
	fixture_put_plain(s, "a.so");
	fixture_put_plain(s, "b.so");
	assert_int_equal(chmod(path_of(s->handlers, "b.so"), 0600), 0);
	run();
	expect_copied(s, "a.so");
	expect_refused(s, "b.so", "cannot be opened: Permission denied");
	assert_int_equal(chmod(s->handlers, 0700), 0);
	start();
	finish();
	assert_int_equal(found_count, 0);
	assert_non_null(strstr(done_error, "the handler directory"));
	assert_non_null(strstr(done_error, "Permission denied"));
	s->config.user = NULL;
}

static void
test_a_user_that_does_not_exist(void **state)
{
	struct scratch *s = *state;

	if (geteuid() != 0)
		skip();
	s->config.user = (char *)"no-such-user";
	start();
	finish();
	s->config.user = NULL;
	assert_string_equal(done_error, "user: no user \"no-such-user\"");
}

/* ------------------------------------------------------------ bad folders */

static void
test_a_directory_that_cannot_be_read(void **state)
{
	struct scratch *s = *state;
	char folder[sizeof(s->handlers) + 8];

	snprintf(folder, sizeof(folder), "%s/none", s->handlers);
	s->config.handlers = folder;
	start();
	finish();
	assert_int_equal(found_count, 0);
	assert_non_null(strstr(done_error, folder));
	assert_non_null(strstr(done_error, "No such file"));
	fixture_put_file(s, "none", "", 0);
	start();
	finish();
	assert_non_null(strstr(done_error, "Not a directory"));
	s->config.handlers = s->handlers;
}

static void
test_too_many_files(void **state)
{
	struct scratch *s = *state;
	char name[32];

	for (int i = 0; i <= 4096; i++) {
		snprintf(name, sizeof(name), "%d.so", i);
		fixture_put_file(s, name, "", 0);
	}
	start();
	finish();
	assert_int_equal(found_count, 0);
	assert_non_null(strstr(done_error, "has 4097 files; 4096 may be in"));
}

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
	start();
	assert_int_equal(kill(sup_stage_pid(stage), SIGSTOP), 0);
	begun = uv_now(&loop);
	finish();
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
		stage_test(test_an_empty_directory),
		stage_test(
		    test_good_files_are_copied_in_the_order_of_their_names),
		stage_test(test_other_names_are_not_looked_at),
		stage_test(test_names_of_255_bytes),
		stage_test(test_a_name_of_any_bytes),
		stage_test(test_an_unchanged_file_is_not_copied),
		stage_test(test_a_file_that_has_changed_is_copied),
		stage_test(test_what_is_no_handler_is_refused),
		stage_test(test_a_file_that_is_being_written),
		stage_test(test_a_copy_replaces_nothing),
		stage_test(test_the_rights_are_the_services),
		stage_test(test_a_user_that_does_not_exist),
		stage_test(test_a_directory_that_cannot_be_read),
		stage_test(test_too_many_files),
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
