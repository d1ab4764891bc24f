/*
 * sup_store_test.c - generations that are made, kept, read and removed.
 *
 * Runs in: make check; as root handlers' files belong to another user.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor is left open.
 */
#include "sup_store_scratch.h"

static void
test_a_new_store_is_empty(void **state)
{
	struct sup_store *store = open_store();
	struct stat status;

	(void)state;
	assert_int_equal(stat(at("generations"), &status), 0);
	assert_int_equal(status.st_mode, S_IFDIR | 0710);
	assert_int_equal(status.st_uid, geteuid());
	assert_int_equal(sup_store_last(store), 0);
	assert_listed(store, LISTED());
	sup_store_close(store);
	sup_store_close(NULL);
}

static void
test_a_folder_that_cannot_be_made_is_named(void **state)
{
	struct err err;

	(void)state;
	assert_null(sup_store_open("/nowhere/state", SERVICE, SERVICE, &err));
	assert_says(&err, "state_dir: creating /nowhere/state/generations: ");
	write_text(at("generations"), "a file");
	assert_null(sup_store_open(scratch, SERVICE, SERVICE, &err));
	assert_says(&err, "/generations");
}

static void
test_begin_makes_the_folders(void **state)
{
	struct sup_store *store = open_store();
	struct stat folder, handlers, opened;
	char path[512], tiny[16];
	struct err err;
	mode_t before = umask(077);
	int fd = sup_store_begin(store, 5, &err);

	(void)state;
	umask(before);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(sup_store_path(store, 5, path, sizeof(path)), 0);
	assert_string_equal(path, at("generations/5/handlers"));
	assert_int_equal(sup_store_path(store, 5, tiny, sizeof(tiny)), -1);
	assert_int_equal(stat(at("generations/5"), &folder), 0);
	assert_int_equal(folder.st_mode, S_IFDIR | 0710);
	assert_int_equal(folder.st_uid, geteuid());
	assert_int_equal(stat(path, &handlers), 0);
	assert_int_equal(handlers.st_mode, S_IFDIR | 0700);
	assert_int_equal(handlers.st_uid, service_user());
	assert_int_equal(fstat(fd, &opened), 0);
	assert_int_equal(opened.st_ino, handlers.st_ino);
	close(fd);
	sup_store_close(store);
}

static void
test_numbers_are_used_once(void **state)
{
	struct sup_store *store = open_store();
	struct err err;

	(void)state;
	begin(store, 3);
	assert_int_equal(sup_store_last(store), 3);
	assert_int_equal(sup_store_begin(store, 3, &err), -1);
	assert_says(&err, "has had a generation 3: the next is 4");
	assert_int_equal(sup_store_begin(store, 0, &err), -1);
	sup_store_drop(store, 3);
	assert_false(exists(at("generations/3")));
	assert_int_equal(sup_store_begin(store, 3, &err), -1);
	sup_store_close(store);

	/* also over a restart, when its folder is gone */
	store = open_store();
	assert_int_equal(sup_store_last(store), 3);
	assert_int_equal(sup_store_begin(store, 2, &err), -1);
	begin(store, UINT32_MAX);
	assert_int_equal(sup_store_begin(store, UINT32_MAX, &err), -1);
	sup_store_close(store);
}

/* A store that was copied without it, or where somebody tidied up. */
static void
test_without_its_last_number_the_greatest_folder_counts(void **state)
{
	struct sup_store *store = open_store();

	(void)state;
	make(store, 41);
	sup_store_close(store);
	assert_int_equal(unlink(at("generations/last")), 0);
	store = open_store();
	assert_int_equal(sup_store_last(store), 41);
	assert_int_equal(log_has("warn"), 0);
	sup_store_close(store);
	write_text(at("generations/last"), "many\n");
	store = open_store();
	assert_int_equal(sup_store_last(store), 41);
	assert_int_equal(log_has("generations/last is not a number"), 1);
	sup_store_close(store);
}

static void
test_a_finished_one_can_be_read(void **state)
{
	struct sup_store *store = open_store();
	struct sup_manifest manifest;
	struct stat status;
	struct err err;
	size_t length;
	char *text;

	(void)state;
	make(store, 7);
	assert_listed(store, LISTED(7));
	assert_int_equal(sup_store_read(store, 7, &manifest, &err), 0);
	assert_int_equal(manifest.number, 7);
	assert_string_equal(manifest.trigger, "watch");
	assert_string_equal(manifest.files[0].version.name, "hello.so");
	assert_true(manifest.files[0].version.device == UINT64_MAX);
	assert_int_equal(manifest.files[0].since, 7);
	sup_manifest_finish(&manifest);
	text = sup_store_config(store, 7, &length, &err);
	assert_non_null(text);
	assert_string_equal(text, CONFIG_TEXT);
	assert_int_equal(length, strlen(CONFIG_TEXT));
	free(text);
	assert_int_equal(stat(at("generations/7/fcgi-host.conf"), &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0600);
	assert_int_equal(stat(at("generations/7/manifest.json"), &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0600);
	assert_false(exists(at("generations/7/manifest.json.new")));
	sup_store_close(store);
}

static void
test_an_empty_configuration_is_one(void **state)
{
	struct sup_store *store = open_store();
	struct sup_manifest manifest = { .number = 1, .trigger = "start" };
	struct err err;
	size_t length = 9;
	char *text;

	(void)state;
	begin(store, 1);
	assert_int_equal(sup_store_finish(store, &manifest, "", 0, &err), 0);
	text = sup_store_config(store, 1, &length, &err);
	assert_non_null(text);
	assert_int_equal(length, 0);
	assert_string_equal(text, "");
	free(text);
	sup_store_close(store);
}

static void
test_what_is_not_there_cannot_be_finished(void **state)
{
	struct sup_store *store = open_store();
	struct sup_file files[2] = { file_of("hello.so", "code", 1),
	    file_of("other.so", "code", 1) };
	struct err err;

	(void)state;
	assert_int_equal(finish_with(store, 1, files, 2, &err), -1);
	assert_says(&err, "generations/1: No such file");
	begin(store, 1);
	put_file(1, "hello.so", "code");
	assert_int_equal(finish_with(store, 1, files, 2, &err), -1);
	assert_says(&err, "generations/1/handlers: opening other.so: No such");
	put_file(1, "other.so", "cod");
	assert_int_equal(finish_with(store, 1, files, 2, &err), -1);
	assert_says(&err, "other.so has 3 bytes and not 4");
	files[1].version.sha256[0] = 'x';
	assert_int_equal(finish_with(store, 1, files, 2, &err), -1);
	assert_says(&err, "generations/1/manifest.json: files[1].sha256");
	assert_false(exists(at("generations/1/manifest.json")));
	assert_false(exists(at("generations/1/fcgi-host.conf")));
	assert_true(exists(at("generations/1/handlers/hello.so")));
	assert_listed(store, LISTED());

	/* one that is held is not expected there */
	files[1] = file_of("held.so", "", 0);
	files[1].version.sha256[0] = '\0';
	strcpy(files[1].held, SHA_B);
	assert_int_equal(finish_with(store, 1, files, 2, &err), 0);
	assert_listed(store, LISTED(1));
	sup_store_close(store);
}

static void
test_finishing_again_replaces(void **state)
{
	struct sup_store *store = open_store();
	struct sup_manifest manifest = { .number = 1, .trigger = "reload" };
	struct err err;

	(void)state;
	make(store, 1);
	assert_int_equal(sup_store_finish(store, &manifest, "x", 1, &err), 0);
	assert_text(at("generations/1/fcgi-host.conf"), "x");
	assert_int_equal(sup_store_read(store, 1, &manifest, &err), 0);
	assert_string_equal(manifest.trigger, "reload");
	sup_manifest_finish(&manifest);
	sup_store_close(store);
}

static void
test_opening_removes_what_is_incomplete(void **state)
{
	struct sup_store *store = open_store();

	(void)state;
	make(store, 1);
	begin(store, 2);
	put_file(2, "hello.so", "code");
	make(store, 3);
	begin(store, 4);
	sup_store_close(store);
	write_text(at("generations/README"), "not ours to judge");
	store = open_store();
	assert_listed(store, LISTED(3, 1));
	assert_false(exists(at("generations/2")));
	assert_false(exists(at("generations/4")));
	assert_true(exists(at("generations/README")));
	assert_int_equal(log_has("which was not completed"), 2);
	assert_int_equal(sup_store_last(store), 4);
	sup_store_close(store);
}

static void
test_a_broken_manifest_is_skipped_and_said_once(void **state)
{
	struct sup_store *store = open_store();
	struct sup_manifest manifest;
	struct err err;

	(void)state;
	for (uint32_t i = 1; i <= 5; i++)
		make(store, i);
	sup_store_close(store);
	write_text(at("generations/1/manifest.json"), "{\"format\": 1");
	write_text(at("generations/3/manifest.json"), "");
	assert_int_equal(rename(at("generations/4/manifest.json"),
	    at("generations/5/manifest.json")), 0);
	assert_int_equal(mkdir(at("generations/4/manifest.json"), 0700), 0);
	store = open_store();
	for (int i = 0; i < 3; i++)
		assert_listed(store, LISTED(2));
	assert_int_equal(log_has("generations/1/manifest.json: is not JSON, at "
	    "byte 12: it ends too early; generation 1 is skipped"), 1);
	assert_int_equal(log_has("generations/3/manifest.json"), 1);
	assert_int_equal(log_has("4/manifest.json is no regular file"), 1);
	assert_int_equal(log_has("5/manifest.json: is of generation 4"), 1);
	assert_int_equal(sup_store_read(store, 5, &manifest, &err), -1);
	assert_says(&err, "state_dir: ");
	assert_says(&err, "generations/5/manifest.json: is of generation 4");
	assert_null(manifest.files);

	/* nobody removes it: a newer host may be able to read it */
	sup_store_prune(store, 0, NULL, 0);
	assert_true(exists(at("generations/1/handlers/hello.so")));
	assert_false(exists(at("generations/2")));
	sup_store_close(store);
}

static void
test_a_huge_manifest_is_not_read(void **state)
{
	struct sup_store *store = open_store();
	struct sup_manifest manifest;
	struct err err;

	(void)state;
	make(store, 1);
	assert_int_equal(truncate(at("generations/1/manifest.json"),
	    (off_t)1 << 40), 0);
	assert_int_equal(sup_store_read(store, 1, &manifest, &err), -1);
	assert_says(&err, "manifest.json has 1099511627776 bytes");
	sup_store_close(store);
}

static void
test_pruning_keeps_the_newest_and_those_in_use(void **state)
{
	struct sup_store *store = open_store();
	const uint32_t in_use[] = { 2, 99, 7 };

	(void)state;
	for (uint32_t i = 1; i <= 8; i++)
		make(store, i);
	begin(store, 9);
	sup_store_prune(store, 3, in_use, 3);
	assert_listed(store, LISTED(8, 7, 6, 2));
	assert_true(exists(at("generations/9/handlers")));
	sup_store_prune(store, 100, NULL, 0);
	assert_listed(store, LISTED(8, 7, 6, 2));
	sup_store_prune(store, 0, in_use, 3);
	assert_listed(store, LISTED(7, 2));
	assert_int_equal(log_has("warn"), 0);
	sup_store_close(store);
}

static void
test_a_file_is_passed_on_by_a_link(void **state)
{
	struct sup_store *store = open_store();
	struct stat from, to;
	struct err err;

	(void)state;
	make(store, 1);
	begin(store, 2);
	assert_int_equal(sup_store_link(store, 1, 2, "hello.so", &err), 0);
	assert_int_equal(stat(at("generations/1/handlers/hello.so"), &from), 0);
	assert_int_equal(stat(at("generations/2/handlers/hello.so"), &to), 0);
	assert_int_equal(from.st_ino, to.st_ino);

	/* again, and over another file */
	assert_int_equal(sup_store_link(store, 1, 2, "hello.so", &err), 0);
	put_file(1, "other.so", "old");
	put_file(2, "other.so", "refused");
	assert_int_equal(sup_store_link(store, 1, 2, "other.so", &err), 0);
	assert_text(at("generations/2/handlers/other.so"), "old");

	/* the one may go, the other stays */
	sup_store_drop(store, 1);
	assert_text(at("generations/2/handlers/hello.so"), "code");
	sup_store_close(store);
}

static void
test_a_link_that_cannot_be_is_an_error(void **state)
{
	static const char *const names[] = { "", ".", "..", "../x.so", "/x.so",
	    ".x.so", "handlers" };
	struct sup_store *store = open_store();
	struct err err;

	(void)state;
	make(store, 1);
	begin(store, 2);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(sup_store_link(store, 1, 2, names[i], &err),
		    -1);
		assert_says(&err, "is not the name of a handler's file");
		assert_int_equal(sup_store_unlink(store, 2, names[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(sup_store_link(store, 1, 2, "none.so", &err), -1);
	assert_says(&err, "generations/1/handlers/none.so for generation 2");
	assert_int_equal(sup_store_link(store, 1, 3, "hello.so", &err), -1);
	assert_says(&err, "generations/3: No such file");
	assert_int_equal(mkdir(at("generations/2/handlers/hello.so"), 0700),
	    0);
	assert_int_equal(sup_store_link(store, 1, 2, "hello.so", &err), -1);
	assert_says(&err, "replacing what is there");
	sup_store_close(store);
}

static void
test_a_file_is_taken_out(void **state)
{
	struct sup_store *store = open_store();

	(void)state;
	begin(store, 1);
	put_file(1, "hello.so", "code");
	assert_int_equal(sup_store_unlink(store, 1, "hello.so"), 0);
	assert_false(exists(at("generations/1/handlers/hello.so")));
	assert_int_equal(sup_store_unlink(store, 1, "hello.so"), 0);
	assert_int_equal(sup_store_unlink(store, 2, "hello.so"), -1);
	assert_int_equal(errno, ENOENT);
	sup_store_close(store);
}

static void
test_a_file_is_put_aside_and_back(void **state)
{
	struct sup_store *store = open_store();

	(void)state;
	begin(store, 1);
	put_file(1, "hello.so", "code");
	assert_int_equal(sup_store_put_aside(store, 1, "hello.so", 4095), 0);
	assert_false(exists(at("generations/1/handlers/hello.so")));
	assert_int_equal(sup_store_put_aside(store, 1, "hello.so", 4095), -1);
	assert_int_equal(errno, ENOENT);
	put_file(1, "hello.so", "other");
	assert_int_equal(sup_store_put_back(store, 1, "hello.so", 4095), 0);
	assert_text(at("generations/1/handlers/hello.so"), "code");
	assert_int_equal(sup_store_put_back(store, 1, "hello.so", 4095), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(sup_store_put_aside(store, 1, "../last", 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(sup_store_put_back(store, 1, "../last", 1), -1);
	assert_int_equal(errno, EINVAL);

	assert_int_equal(sup_store_put_aside(store, 1, "hello.so", 0), 0);
	assert_int_equal(sup_store_unlink_aside(store, 1, 1), 0);
	assert_true(exists(at("generations/1/handlers/.0")));
	assert_int_equal(sup_store_unlink_aside(store, 1, 0), 0);
	assert_false(exists(at("generations/1/handlers/.0")));
	assert_int_equal(sup_store_unlink_aside(store, 2, 0), -1);
	sup_store_close(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_unit_test(test_a_new_store_is_empty),
		store_unit_test(test_a_folder_that_cannot_be_made_is_named),
		store_unit_test(test_begin_makes_the_folders),
		store_unit_test(test_numbers_are_used_once),
		store_unit_test(
		    test_without_its_last_number_the_greatest_folder_counts),
		store_unit_test(test_a_finished_one_can_be_read),
		store_unit_test(test_an_empty_configuration_is_one),
		store_unit_test(test_what_is_not_there_cannot_be_finished),
		store_unit_test(test_finishing_again_replaces),
		store_unit_test(test_opening_removes_what_is_incomplete),
		store_unit_test(
		    test_a_broken_manifest_is_skipped_and_said_once),
		store_unit_test(test_a_huge_manifest_is_not_read),
		store_unit_test(
		    test_pruning_keeps_the_newest_and_those_in_use),
		store_unit_test(test_a_file_is_passed_on_by_a_link),
		store_unit_test(test_a_link_that_cannot_be_is_an_error),
		store_unit_test(test_a_file_is_taken_out),
		store_unit_test(test_a_file_is_put_aside_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
