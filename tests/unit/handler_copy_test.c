/*
 * handler_copy_test.c - a dropped file, looked at and copied.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: nothing; the scratch directory is the fixture's.
 * Invariant: a refusal leaves nothing behind in the folder of copies.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/handler_copy.h"
#include "common/hash.h"
#include "handler_fixture.h"

static int
open_copies(struct scratch *s)
{
	int fd;

	snprintf(s->copies, sizeof(s->copies), "%s/copies", s->root);
	if (mkdir(s->copies, 0700) < 0)
		assert_int_equal(access(s->copies, W_OK), 0);
	fd = open(s->copies, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static unsigned
count_copies(const struct scratch *s)
{
	DIR *folder = opendir(s->copies);
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static const char *
path_of(const struct scratch *s, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", s->handlers, name);
	return path;
}

/* x.so is refused for `why`, by a look and by a copy alike, and removed. */
static void
expect_refused(struct scratch *s, const char *why)
{
	struct handler_version version;
	struct err looked = { "" }, copied = { "" };
	int to = open_copies(s);

	assert_int_equal(handler_look(s->handlers, "x.so", geteuid(),
	    &version, &looked), -1);
	assert_int_equal(handler_copy(s->handlers, "x.so", geteuid(), to,
	    &version, &copied), -1);
	close(to);
	if (strstr(copied.text, why) == NULL)
		fail_msg("%s, not %s", copied.text, why);
	assert_string_equal(looked.text, copied.text);
	assert_null(strstr(copied.text, "x.so"));
	assert_int_equal(count_copies(s), 0);
	if (unlink(path_of(s, "x.so")) < 0)
		rmdir(path_of(s, "x.so"));
}

static void
a_good_copy(void **state)
{
	struct scratch *s = *state;
	struct handler_version version, looked;
	struct stat status, source;
	char path[256], sha256[HASH_TEXT];
	int to = open_copies(s);
	struct hash hash;
	struct err err;

	fixture_put_plain(s, "b.so");
	assert_int_equal(stat(path_of(s, "b.so"), &source), 0);
	assert_int_equal(handler_copy(s->handlers, "b.so", geteuid(), to,
	    &version, &err), 0);
	snprintf(path, sizeof(path), "%s/b.so", s->copies);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0500);
	assert_int_equal(status.st_size, s->plain_size);
	assert_int_equal(hash_begin(&hash, &err), 0);
	hash_add(&hash, s->plain, s->plain_size);
	assert_int_equal(hash_finish(&hash, sha256, &err), 0);
	assert_string_equal(version.name, "b.so");
	assert_string_equal(version.sha256, sha256);
	assert_int_equal(strlen(version.build_id), 40);
	assert_int_equal(version.size, s->plain_size);
	assert_int_equal(version.inode, source.st_ino);
	assert_int_equal(version.device, source.st_dev);
	assert_int_equal(version.mtime_ns % 1000000000,
	    source.st_mtim.tv_nsec);
	assert_int_equal(version.ctime_ns / 1000000000, source.st_ctim.tv_sec);
	/* A look says the same, but for what only reading it all can say. */
	assert_int_equal(handler_look(s->handlers, "b.so", geteuid(), &looked,
	    &err), 0);
	assert_string_equal(looked.sha256, "");
	memcpy(looked.sha256, version.sha256, sizeof(looked.sha256));
	assert_memory_equal(&looked, &version, sizeof(version));
	close(to);
}

static void
a_copy_that_is_there_already(void **state)
{
	struct scratch *s = *state;
	struct handler_version version;
	struct stat before, after;
	int to = open_copies(s);
	char path[256];
	struct err err;

	fixture_put_plain(s, "b.so");
	assert_int_equal(handler_copy(s->handlers, "b.so", geteuid(), to,
	    &version, &err), 0);
	snprintf(path, sizeof(path), "%s/b.so", s->copies);
	assert_int_equal(stat(path, &before), 0);
	/* It may be mapped: neither written to nor taken away. */
	assert_int_equal(handler_copy(s->handlers, "b.so", geteuid(), to,
	    &version, &err), -1);
	assert_string_equal(err.text, "cannot be copied: File exists");
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	close(to);
}

static void
files_that_are_no_handlers(void **state)
{
	struct scratch *s = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s", path_of(s, "x.so"));
	expect_refused(s, "cannot be opened: No such file");
	fixture_put_file(s, "x.so", "", 0);
	expect_refused(s, "is empty");
	fixture_put_file(s, "x.so", "#!/bin/sh\n", 10);
	expect_refused(s, "is no ELF file (10 bytes)");
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	expect_refused(s, "is a link to a file that is not there");
	assert_int_equal(symlink("x.so", path), 0);
	expect_refused(s, "is a link that leads to itself");
	assert_int_equal(symlink("/dev/null", path), 0);
	expect_refused(s, "is no regular file");
	assert_int_equal(mkdir(path, 0755), 0);
	expect_refused(s, "is a directory, not a file");
	fixture_put_file(s, "x.so", "x", 1);
	assert_int_equal(truncate(path, (256 << 20) + 1), 0);
	expect_refused(s, "has 268435457 bytes, a handler may have 268435456");
	fixture_put_file(s, "x.so", "x", 1);
	assert_int_equal(truncate(path, (off_t)4 << 30), 0);
	expect_refused(s, "has 4294967296 bytes");
	fixture_put_changed(s, "x.so", "fh_handler_descriptor",
	    "xx_handler_descriptor");
	expect_refused(s, "has no symbol fh_handler_descriptor");
	fixture_put_descriptor(s, "x.so", 0, FH_ABI_MAJOR + 1, 2);
	expect_refused(s, "is built for ABI 2.");
	fixture_put_file(s, "x.so", s->plain, s->plain_size - 1);
	expect_refused(s, "is cut off");
}

/* An alarm ends the test if anything waits for the other end. */
static void
nothing_is_waited_for(void **state)
{
	struct scratch *s = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	alarm(10);
	assert_int_equal(mkfifo(path_of(s, "x.so"), 0600), 0);
	expect_refused(s, "is a FIFO, not a file");
	assert_true(fd >= 0);
	strcpy(address.sun_path, path_of(s, "x.so"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	expect_refused(s, "is no regular file");
	close(fd);
	alarm(0);
}

static void
files_that_others_can_change(void **state)
{
	struct scratch *s = *state;
	struct handler_version version;
	char outside[256];
	struct err err;

	fixture_put_plain(s, "x.so");
	assert_int_equal(chmod(path_of(s, "x.so"), 0664), 0);
	expect_refused(s, "is writable by its group: chmod g-w");
	fixture_put_plain(s, "x.so");
	assert_int_equal(chmod(path_of(s, "x.so"), 0646), 0);
	expect_refused(s, "is writable by others: chmod o-w");
	fixture_put_plain(s, "x.so");
	assert_int_equal(chmod(path_of(s, "x.so"), 0666), 0);
	expect_refused(s, "is writable by its group and by others: "
	    "chmod go-w");
	/* Of a link it is the file that counts. */
	fixture_put_plain(s, "../outside");
	snprintf(outside, sizeof(outside), "%s/outside", s->root);
	assert_int_equal(symlink("../outside", path_of(s, "x.so")), 0);
	assert_int_equal(handler_look(s->handlers, "x.so", geteuid(),
	    &version, &err), 0);
	assert_int_equal(chmod(outside, 0620), 0);
	expect_refused(s, "is writable by its group");
}

/* Another user's file, where we can make one; else our own, seen by another
 * service. */
static void
files_of_another_user(void **state)
{
	struct scratch *s = *state;
	struct handler_version version;
	char expected[80];
	struct err err;

	fixture_put_plain(s, "x.so");
	if (geteuid() == 0)
		assert_int_equal(chown(path_of(s, "x.so"), 54321, 0), 0);
	assert_int_equal(handler_look(s->handlers, "x.so", 54322, &version,
	    &err), -1);
	snprintf(expected, sizeof(expected), "user %u",
	    geteuid() == 0 ? 54321 : geteuid());
	assert_non_null(strstr(err.text, expected));
	assert_non_null(strstr(err.text,
	    ", neither to root nor to user 54322, who runs the service"));
	assert_int_equal(handler_look(s->handlers, "x.so", 0, &version, &err),
	    -1);
	assert_non_null(strstr(err.text, ", not to root: chown root"));
	assert_int_equal(handler_look(s->handlers, "x.so",
	    geteuid() == 0 ? 54321 : geteuid(), &version, &err), 0);
}

/* As a full disk: a file may not grow beyond so many bytes. */
static void
a_copy_that_does_not_fit(void **state)
{
	const struct rlimit little = { 4096, RLIM_INFINITY };
	struct scratch *s = *state;
	struct handler_version version;
	struct rlimit before;
	int to = open_copies(s), rc;
	struct err err;

	fixture_put_plain(s, "x.so");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	rc = handler_copy(s->handlers, "x.so", geteuid(), to, &version, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, -1);
	assert_string_equal(err.text, "cannot be copied: File too large");
	assert_int_equal(count_copies(s), 0);
	close(to);
}

/* Touches the file over and over, at the same size. */
static pid_t
start_writer(const char *path, char byte)
{
	pid_t child = fork();
	int fd;

	assert_true(child >= 0);
	if (child > 0)
		return child;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (;;) {
		if (fd < 0 || pwrite(fd, &byte, 1, 0) != 1)
			_exit(1);
	}
}

/* A large file, so that it is still being copied when it is written to. */
static void
a_file_that_changes_meanwhile(void **state)
{
	struct scratch *s = *state;
	struct handler_version version;
	int to = open_copies(s), rc;
	struct err err = { "" };
	pid_t writer;

	fixture_put_plain(s, "x.so");
	assert_int_equal(truncate(path_of(s, "x.so"), 64 << 20), 0);
	writer = start_writer(path_of(s, "x.so"), s->plain[0]);
	usleep(100000);
	rc = handler_copy(s->handlers, "x.so", geteuid(), to, &version, &err);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	assert_int_equal(rc, -1);
	assert_string_equal(err.text, "changed while it was copied");
	assert_int_equal(count_copies(s), 0);
	close(to);
}

static void
names(void **state)
{
	struct scratch *s = *state;
	struct handler_version version;
	char name[300];
	struct err err;

	assert_true(handler_is_file_name("a.so"));
	assert_true(handler_is_file_name("a.b.so"));
	assert_false(handler_is_file_name(".so"));
	assert_false(handler_is_file_name(".a.so"));
	assert_false(handler_is_file_name("a.so~"));
	assert_false(handler_is_file_name("a.so.new"));
	assert_false(handler_is_file_name("a/b.so"));
	assert_false(handler_is_file_name(""));
	memset(name, 'n', sizeof(name));
	strcpy(name + sizeof(name) - 4, ".so");
	assert_false(handler_is_file_name(name));
	assert_int_equal(handler_look(s->handlers, name, 0, &version, &err),
	    -1);
	assert_string_equal(err.text, "has too long a name");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_copy),
		TEST(a_copy_that_is_there_already),
		TEST(files_that_are_no_handlers),
		TEST(nothing_is_waited_for),
		TEST(files_that_others_can_change),
		TEST(files_of_another_user),
		TEST(a_copy_that_does_not_fit),
		TEST(a_file_that_changes_meanwhile),
		TEST(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
