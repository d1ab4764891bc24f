/*
 * sup_stage_test.c - a child that looks at a handler directory in which
 * anything may be: real forks.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: nothing; the scratch directory is the fixture's.
 * Invariant: after each test no process, descriptor or handle is left.
 */
#include "sup_stage_scratch.h"

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
	expect_refused(s, "text.so", "is no ELF file");
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
	};

	return cmocka_run_group_tests(tests, open_once, NULL);
}
