/*
 * sup_store_hostile_test.c - what the service's user may plant, a full disk,
 * and file systems without hard links.
 *
 * Runs in: make check; as root handlers' files belong to another user, and a
 * small file system is mounted: without that, those tests are skipped.
 * Owns: a scratch folder in /tmp, linkat() of this program.
 * Invariant: nothing outside of generations/ changes; no descriptor is left.
 */
#include "sup_store_scratch.h"

#include <sys/mount.h>
#include <sys/syscall.h>

#include <sched.h>

/* ------------------------------------------------------ links that fail */

static int	linkat_error;		/* 0: it works */
static const char *planted_target;	/* of a link that is made just then */

/* Instead of the C library's. */
int
linkat(int from, const char *name, int to, const char *new_name, int flags)
{
	if (planted_target != NULL)
		assert_int_equal(symlinkat(planted_target, to, new_name), 0);
	if (linkat_error == 0)
		return (int)syscall(SYS_linkat, from, name, to, new_name,
		    flags);
	errno = linkat_error;
	return -1;
}

static void
test_where_links_are_refused_it_is_copied(void **state)
{
	static const int errors[] = { EMLINK, EPERM, EXDEV, EOPNOTSUPP };
	struct sup_store *store = open_store();
	struct stat from, to;
	struct err err;

	(void)state;
	make(store, 1);
	assert_int_equal(chmod(at("generations/1/handlers/hello.so"), 0500), 0);
	assert_int_equal(stat(at("generations/1/handlers/hello.so"), &from), 0);
	begin(store, 2);
	put_file(2, "hello.so", "something longer");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		linkat_error = errors[i];
		if (sup_store_link(store, 1, 2, "hello.so", &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(stat(at("generations/2/handlers/hello.so"),
		    &to), 0);
		assert_int_not_equal(from.st_ino, to.st_ino);
		assert_int_equal(to.st_mode, from.st_mode);
		assert_int_equal(to.st_uid, service_user());
		assert_text(at("generations/2/handlers/hello.so"), "code");
	}
	linkat_error = EIO;
	assert_int_equal(sup_store_link(store, 1, 2, "hello.so", &err), -1);
	assert_says(&err, "linking it: Input/output error");
	linkat_error = 0;
	sup_store_close(store);
}

/* -------------------------------------------------------- planted things */

static void
test_generations_may_not_be_a_link(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
	assert_int_equal(symlink("elsewhere", at("generations")), 0);
	assert_null(sup_store_open(scratch, SERVICE, SERVICE, &err));
	assert_says(&err, "has to be a folder and no link");
}

static void
test_generations_of_somebody_else_are_refused(void **state)
{
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(at("generations"), 0700), 0);
	assert_int_equal(chown(at("generations"), SERVICE, SERVICE), 0);
	assert_null(sup_store_open(scratch, SERVICE, SERVICE, &err));
	assert_says(&err, "belongs to user 65534 and not to us");
}

static void
test_one_generation_of_somebody_else_is_left_alone(void **state)
{
	struct sup_store *store;
	struct sup_manifest manifest;
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	store = open_store();
	make(store, 1);
	begin(store, 2);
	make(store, 3);
	sup_store_close(store);
	assert_int_equal(chown(at("generations/1"), SERVICE, SERVICE), 0);
	assert_int_equal(chown(at("generations/2"), SERVICE, SERVICE), 0);
	assert_int_equal(chown(at("generations/3/manifest.json"), SERVICE,
	    SERVICE), 0);
	store = open_store();
	assert_listed(store, LISTED());
	assert_int_equal(sup_store_read(store, 1, &manifest, &err), -1);
	assert_says(&err, "generations/1 belongs to user 65534, not to us");
	assert_int_equal(sup_store_link(store, 1, 2, "hello.so", &err), -1);
	sup_store_drop(store, 1);
	assert_true(exists(at("generations/1/handlers/hello.so")));
	assert_true(exists(at("generations/2")));
	assert_int_equal(log_has("manifest.json belongs to user 65534"), 1);
	assert_int_equal(log_has("generation 2 is skipped"), 1);
	sup_store_close(store);
}

static void
test_a_folder_that_is_a_link_is_not_followed(void **state)
{
	struct sup_store *store = open_store();
	struct err err;
	char *text;
	size_t length;

	(void)state;
	make(store, 1);
	begin(store, 3);
	assert_int_equal(symlink("1", at("generations/2")), 0);
	assert_int_equal(rename(at("generations/3/handlers"),
	    at("generations/3/moved")), 0);
	assert_int_equal(symlink("../1/handlers",
	    at("generations/3/handlers")), 0);
	text = sup_store_config(store, 2, &length, &err);
	assert_null(text);
	assert_int_equal(sup_store_link(store, 1, 3, "hello.so", &err), -1);
	assert_int_equal(sup_store_unlink(store, 3, "hello.so"), -1);
	sup_store_drop(store, 2);
	sup_store_drop(store, 3);
	assert_false(exists(at("generations/3")));
	assert_true(exists(at("generations/1/handlers/hello.so")));
	sup_store_close(store);
}

static void
test_a_planted_link_is_not_passed_on(void **state)
{
	struct sup_store *store = open_store();
	const char *planted = "generations/1/handlers/%s";
	struct sup_file file = file_of("fifo.so", "", 1);
	struct err err;

	(void)state;
	write_text(at("secret"), "secret");
	if (geteuid() == 0)
		assert_int_equal(chown(at("secret"), SERVICE, SERVICE), 0);
	make(store, 1);
	begin(store, 2);
	assert_int_equal(symlink(at("secret"), at(planted, "link.so")), 0);
	assert_int_equal(mkfifo(at(planted, "fifo.so"), 0666), 0);
	assert_int_equal(mkdir(at(planted, "folder.so"), 0777), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sup_store_link(store, 1, 2, "link.so", &err),
		    -1);
		assert_int_equal(sup_store_link(store, 1, 2, "fifo.so", &err),
		    -1);
		assert_says(&err, "fifo.so for generation 2: it is no regular");
		assert_int_equal(sup_store_link(store, 1, 2, "folder.so",
		    &err), -1);
		linkat_error = EXDEV;
	}
	linkat_error = 0;
	assert_false(exists(at("generations/2/handlers/link.so")));
	assert_int_equal(finish_with(store, 1, &file, 1, &err), -1);
	assert_says(&err, "fifo.so is no regular file");
	file = file_of("link.so", "secret", 1);
	assert_int_equal(finish_with(store, 1, &file, 1, &err), -1);
	assert_says(&err, "opening link.so: Too many levels of symbolic links");
	sup_store_close(store);
}

/* Where fs.protected_hardlinks is 0 anybody may link to root's files. */
static void
test_a_hard_link_to_a_file_of_root_is_not_copied(void **state)
{
	struct sup_store *store;
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	store = open_store();
	write_text(at("secret"), "of root");
	make(store, 1);
	begin(store, 2);
	assert_int_equal(link(at("secret"),
	    at("generations/1/handlers/hard.so")), 0);
	linkat_error = EXDEV;
	assert_int_equal(sup_store_link(store, 1, 2, "hard.so", &err), -1);
	linkat_error = 0;
	assert_says(&err, "it belongs to user 0, not to user 65534");
	assert_false(exists(at("generations/2/handlers/hard.so")));
	sup_store_close(store);
}

static void
test_nothing_is_written_through_a_planted_link(void **state)
{
	struct sup_store *store = open_store();
	struct err err;

	(void)state;
	write_text(at("precious"), "untouched");
	make(store, 1);
	begin(store, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(symlink(at("precious"),
		    at("generations/2/handlers/hello.so")), 0);
		linkat_error = i == 0 ? 0 : EXDEV;
		assert_int_equal(sup_store_link(store, 1, 2, "hello.so",
		    &err), 0);
		linkat_error = 0;
		assert_text(at("generations/2/handlers/hello.so"), "code");
		assert_int_equal(sup_store_unlink(store, 2, "hello.so"), 0);
	}
	planted_target = at("precious");
	linkat_error = EXDEV;
	assert_int_equal(sup_store_link(store, 1, 2, "hello.so", &err), -1);
	assert_says(&err, "creating its copy: File exists");
	planted_target = NULL;
	linkat_error = 0;
	assert_text(at("precious"), "untouched");
	sup_store_close(store);
}

static void
test_dropping_follows_no_link(void **state)
{
	struct sup_store *store = open_store();

	(void)state;
	assert_int_equal(mkdir(at("precious"), 0700), 0);
	write_text(at("precious/file"), "untouched");
	make(store, 1);
	assert_int_equal(symlink(at("precious"),
	    at("generations/1/handlers/link")), 0);
	assert_int_equal(symlink(at("precious/file"),
	    at("generations/1/handlers/link.so")), 0);
	assert_int_equal(symlink(at("precious"), at("generations/1/link")), 0);
	sup_store_drop(store, 1);
	assert_false(exists(at("generations/1")));
	assert_text(at("precious/file"), "untouched");
	sup_store_drop(store, 1);
	assert_int_equal(log_has("warn"), 0);
	sup_store_close(store);
}

/* Deeper than any path, with files, fifos and closed folders in it. */
static void
test_dropping_goes_to_any_depth(void **state)
{
	struct sup_store *store = open_store();
	int at_fd, next;

	(void)state;
	begin(store, 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(mkdir(at("generations/1/moved.%d", i), 0700),
		    0);
		write_text(at("generations/1/moved.%d/file", i),
		    "of an earlier removal");
	}
	at_fd = open(at("generations/1/handlers"), O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 1000; i++) {
		assert_true(at_fd >= 0);
		assert_int_equal(mkdirat(at_fd, "deep", 0700), 0);
		if (i % 50 == 0) {
			assert_int_equal(mkfifoat(at_fd, "fifo", 0), 0);
			assert_int_equal(mkdirat(at_fd, "closed", 0), 0);
		}
		next = openat(at_fd, "deep", O_RDONLY | O_DIRECTORY);
		close(at_fd);
		at_fd = next;
	}
	close(at_fd);
	sup_store_drop(store, 1);
	assert_false(exists(at("generations/1")));
	assert_int_equal(log_has("warn"), 0);
	sup_store_close(store);
}

/* ------------------------------------------------------------ a full disk */

static bool	may_mount;

/* Before any descriptor: one of before does not see what is mounted later. */
static int
prepare_mounts(void **state)
{
	(void)state;
	may_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return 0;
}

static void
mount_tiny(const char *where, const char *options)
{
	if (mount("tiny", where, "tmpfs", 0, options) < 0)
		fail_msg("mounting on %s: %s", where, strerror(errno));
}

/* Leaves so many blocks of 4 KiB. */
static void
fill_disk(const char *path, unsigned left)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	off_t size = 0;

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		size += (off_t)sizeof(block);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(ftruncate(fd, size - (off_t)left *
	    (off_t)sizeof(block)), 0);
	close(fd);
}

static void
test_a_full_disk_is_an_error_and_leaves_nothing(void **state)
{
	struct sup_store *store;
	struct sup_file file = file_of("hello.so", "code", 2);
	struct err err;

	(void)state;
	if (!may_mount)
		skip();
	mount_tiny(scratch, "size=256k,mode=755");
	store = open_store();
	make(store, 1);
	begin(store, 2);
	put_file(2, "hello.so", "code");
	put_file(2, "other.so", "code");

	/* for the configuration, then for it but not for the manifest */
	for (unsigned left = 0; left < 2; left++) {
		fill_disk(at("filling"), left);
		assert_int_equal(finish_with(store, 2, &file, 1, &err), -1);
		assert_says(&err, "generations/2: No space left on device");
		assert_false(exists(at("generations/2/fcgi-host.conf")));
		assert_false(exists(at("generations/2/fcgi-host.conf.new")));
		assert_false(exists(at("generations/2/manifest.json")));
		assert_false(exists(at("generations/2/manifest.json.new")));
		assert_listed(store, LISTED(1));
	}
	fill_disk(at("filling"), 0);
	assert_int_equal(sup_store_begin(store, 3, &err), -1);
	assert_says(&err, "generations/last: No space left on device");
	assert_false(exists(at("generations/3")));
	linkat_error = EMLINK;
	assert_int_equal(sup_store_link(store, 2, 1, "other.so", &err), -1);
	linkat_error = 0;
	assert_says(&err, "copying it: No space left on device");
	assert_int_equal(unlink(at("filling")), 0);
	assert_int_equal(finish_with(store, 2, &file, 1, &err), 0);
	assert_listed(store, LISTED(2, 1));
	begin(store, 4);
	sup_store_close(store);
	assert_int_equal(umount(scratch), 0);
}

/* Room for N/ and not for N/handlers/. */
static void
test_without_inodes_no_half_folder_is_left(void **state)
{
	struct sup_store *store;
	struct err err;
	unsigned made = 0;
	uint32_t number = 0;
	int fd;

	(void)state;
	if (!may_mount)
		skip();
	mount_tiny(scratch, "nr_inodes=20,mode=755");
	store = open_store();
	while ((fd = sup_store_begin(store, ++number, &err)) >= 0) {
		close(fd);
		made++;
	}
	assert_says(&err, ": No space left on device");
	assert_says(&err, "/generations/");
	assert_true(made > 5);
	assert_false(exists(at("generations/%u", number)));
	assert_int_equal(sup_store_last(store), number);
	sup_store_drop(store, 1);
	begin(store, number + 1);
	sup_store_close(store);
	assert_int_equal(umount(scratch), 0);
}

static void
test_another_file_system_is_copied_to(void **state)
{
	struct sup_store *store;
	struct err err;

	(void)state;
	if (!may_mount)
		skip();
	store = open_store();
	make(store, 1);
	begin(store, 2);
	mount_tiny(at("generations/2/handlers"), "size=64k,mode=700");
	if (sup_store_link(store, 1, 2, "hello.so", &err) < 0)
		fail_msg("%s", err.text);
	assert_text(at("generations/2/handlers/hello.so"), "code");

	/* somebody's mount stays, and is told of */
	sup_store_drop(store, 2);
	assert_int_equal(log_has("generations/2: something is left"), 1);
	assert_int_equal(umount(at("generations/2/handlers")), 0);
	sup_store_drop(store, 2);
	assert_false(exists(at("generations/2")));
	sup_store_close(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_unit_test(test_where_links_are_refused_it_is_copied),
		store_unit_test(test_generations_may_not_be_a_link),
		store_unit_test(test_generations_of_somebody_else_are_refused),
		store_unit_test(
		    test_one_generation_of_somebody_else_is_left_alone),
		store_unit_test(test_a_folder_that_is_a_link_is_not_followed),
		store_unit_test(test_a_planted_link_is_not_passed_on),
		store_unit_test(
		    test_a_hard_link_to_a_file_of_root_is_not_copied),
		store_unit_test(
		    test_nothing_is_written_through_a_planted_link),
		store_unit_test(test_dropping_follows_no_link),
		store_unit_test(test_dropping_goes_to_any_depth),
		store_unit_test(
		    test_a_full_disk_is_an_error_and_leaves_nothing),
		store_unit_test(test_without_inodes_no_half_folder_is_left),
		store_unit_test(test_another_file_system_is_copied_to),
	};

	return cmocka_run_group_tests(tests, prepare_mounts, NULL);
}
