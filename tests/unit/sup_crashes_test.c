/*
 * sup_crashes_test.c - crash reports over restarts, among files that are none.
 *
 * Runs in: make check; a full disk is a limit on the size of files.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor is left open.
 */
#include "sup_store_scratch.h"

#include <sys/resource.h>

#include <json-c/json.h>
#include <signal.h>

#include "common/crash_file.h"
#include "supervisor/sup.h"
#include "supervisor/sup_crashes.h"

static struct config	config;
static struct sup	host, other;

static void
start(struct sup *sup, bool alone)
{
	config.state_dir = scratch;
	*sup = (struct sup){ .config = &config,
	    .successor_link = alone ? -1 : 0 };
	sup_crashes_open(sup);
}

static void
add(struct sup *sup, const char *text)
{
	struct json_object *report = json_tokener_parse(text);

	assert_non_null(report);
	sup_crashes_add(sup, report);
}

static struct json_object *
list(struct sup *sup)
{
	char *text = sup_crashes_json(sup);
	struct json_object *root = json_tokener_parse(text), *array;

	assert_non_null(root);
	array = json_object_get(json_object_object_get(root, "crashes"));
	assert_true(json_object_is_type(array, json_type_array));
	json_object_put(root);
	free(text);
	return array;
}

/* Are these its numbers, newest first?  0 ends them. */
static void
assert_numbers(struct sup *sup, const uint32_t *expected)
{
	struct json_object *array = list(sup);
	size_t i;

	for (i = 0; expected[i] != 0; i++) {
		assert_true(i < json_object_array_length(array));
		assert_int_equal(json_object_get_int64(json_object_object_get(
		    json_object_array_get_idx(array, i), "number")),
		    expected[i]);
	}
	assert_int_equal(json_object_array_length(array), i);
	json_object_put(array);
}

static bool
is_troubled(const struct sup *sup)
{
	return sup_crashes_trouble(sup)->since_ms != 0;
}

/* ------------------------------------------------------------------- order */

static void
test_newest_first_and_over_a_restart(void **state)
{
	struct json_object *array;
	struct stat status;

	(void)state;
	start(&host, true);
	assert_numbers(&host, LISTED());
	add(&host, "{\"what\": \"first\"}");
	add(&host, "{\"what\": \"s\u00e9cond\", \"number\": 77}");
	assert_numbers(&host, LISTED(2, 1));
	sup_crashes_close(&host);
	assert_int_equal(stat(at("crashes"), &status), 0);
	assert_int_equal(status.st_mode, S_IFDIR | 0700);
	assert_int_equal(stat(at("crashes/2.json"), &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0600);
	start(&host, true);
	assert_numbers(&host, LISTED(2, 1));
	add(&host, "{}");
	array = list(&host);
	assert_string_equal(json_object_get_string(json_object_object_get(
	    json_object_array_get_idx(array, 1), "what")), "s\u00e9cond");
	json_object_put(array);
	assert_numbers(&host, LISTED(3, 2, 1));
	assert_int_equal(log_has("warn"), 0);
	sup_crashes_close(&host);
}

static void
test_the_oldest_goes_with_its_capture_and_no_other(void **state)
{
	(void)state;
	start(&host, true);
	write_text(at("crashes/7-1.request"), "a request");
	write_text(at("crashes/7-2.request"), "a request");
	write_text(at("8-1.request"), "not there");
	add(&host, "{\"capture\": \"7-1.request\"}");
	add(&host, "{\"capture\": \"../8-1.request\"}");
	add(&host, "{\"capture\": \"3.json\"}");
	add(&host, "{\"capture\": \"7-2.request\"}");
	for (int i = 4; i < CRASHES_KEPT; i++)
		add(&host, "{}");
	assert_true(exists(at("crashes/7-1.request")));
	add(&host, "{}");
	assert_false(exists(at("crashes/1.json")));
	assert_false(exists(at("crashes/7-1.request")));
	add(&host, "{}");
	add(&host, "{}");
	assert_true(exists(at("8-1.request")));
	assert_false(exists(at("crashes/3.json")));
	assert_true(exists(at("crashes/4.json")));
	assert_true(exists(at("crashes/7-2.request")));
	sup_crashes_close(&host);
	start(&host, true);
	assert_true(exists(at("crashes/7-2.request")));
	add(&host, "{}");
	assert_false(exists(at("crashes/4.json")));
	assert_false(exists(at("crashes/7-2.request")));
	assert_true(exists(at("crashes/5.json")));
	assert_true(exists(at("crashes/104.json")));
	sup_crashes_close(&host);
}

static void
test_the_path_of_a_capture_is_given(void **state)
{
	struct json_object *array;

	(void)state;
	start(&host, true);
	add(&host, "{\"capture\": \"7-1.request\"}");
	add(&host, "{\"capture\": \"\"}");
	array = list(&host);
	assert_null(json_object_object_get(json_object_array_get_idx(array,
	    0), "capture"));
	assert_string_equal(json_object_get_string(json_object_object_get(
	    json_object_array_get_idx(array, 1), "capture")),
	    at("crashes/7-1.request"));
	json_object_put(array);
	sup_crashes_close(&host);
}

/* ------------------------------------------------------------- two of them */

static void
test_two_hosts_take_no_number_twice(void **state)
{
	(void)state;
	start(&host, true);
	add(&host, "{\"what\": \"old\"}");
	start(&other, false);
	add(&host, "{\"what\": \"old\"}");
	add(&other, "{\"what\": \"new\"}");
	add(&host, "{\"what\": \"old\"}");
	assert_numbers(&other, LISTED(4, 3, 2, 1));
	assert_numbers(&host, LISTED(4, 3, 2, 1));
	sup_crashes_close(&host);
	sup_crashes_close(&other);
	assert_int_equal(log_has("warn"), 0);
}

/* A successor does not tidy what the host before it may be at. */
static void
test_a_start_removes_what_nobody_names(void **state)
{
	(void)state;
	start(&host, true);
	add(&host, "{\"capture\": \"7-1.request\"}");
	write_text(at("crashes/7-1.request"), "a request");
	write_text(at("crashes/7-2.request"), "a request");
	write_text(at("crashes/12.new"), "{");
	write_text(at("crashes/7-3.request.new"), "half");
	start(&other, false);
	assert_true(exists(at("crashes/7-2.request")));
	assert_true(exists(at("crashes/12.new")));
	sup_crashes_close(&other);
	sup_crashes_close(&host);
	start(&host, true);
	assert_true(exists(at("crashes/7-1.request")));
	assert_false(exists(at("crashes/7-2.request")));
	assert_false(exists(at("crashes/12.new")));
	assert_false(exists(at("crashes/7-3.request.new")));
	sup_crashes_close(&host);
}

/* ------------------------------------------------------------------ hostile */

static void
write_large(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, CRASH_FILE_MAX + 1), 0);
	close(fd);
}

static const struct {
	const char	*name, *text, *why;
} bad_files[] = {
	{ "2.json", "", "it is empty" },
	{ "3.json", "{\"what\": \"cut o", "it is no JSON: " },
	{ "4.json", "[1, 2]", "it is not one JSON object" },
	{ "5.json", "{} {}", "it is not one JSON object" },
	{ "6.json", "{\"what\": \"\xff\xfe\"}", "it is no JSON: " },
	{ "7.json", "{'what': 'x'}", "it is no JSON: " },
	{ "8.json", "\x7f" "ELF\x01\x02", "it is no JSON: " },
};
#define BAD_FILES (sizeof(bad_files) / sizeof(bad_files[0]))

/* Each is named once, left as it is, and counts as a number that was used. */
static void
test_bad_files_are_named_once_and_left(void **state)
{
	char line[256];

	(void)state;
	start(&host, true);
	add(&host, "{}");
	for (size_t i = 0; i < BAD_FILES; i++)
		write_text(at("crashes/%s", bad_files[i].name),
		    bad_files[i].text);
	write_large(at("crashes/9.json"));
	assert_int_equal(symlink("1.json", at("crashes/10.json")), 0);
	assert_int_equal(mkdir(at("crashes/11.json"), 0700), 0);
	assert_int_equal(mkfifo(at("crashes/12.json"), 0600), 0);
	sup_crashes_close(&host);
	start(&host, true);
	assert_numbers(&host, LISTED(1));
	add(&host, "{}");
	assert_numbers(&host, LISTED(13, 1));
	for (size_t i = 0; i < BAD_FILES; i++) {
		snprintf(line, sizeof(line), "crashes/%s is no crash report "
		    "and is left out: %s", bad_files[i].name,
		    bad_files[i].why);
		assert_int_equal(log_has(line), 1);
		assert_text(at("crashes/%s", bad_files[i].name),
		    bad_files[i].text);
	}
	assert_int_equal(log_has("9.json is no crash report and is left out: "
	    "it has 1048577 bytes, and a report at most 1048576"), 1);
	assert_int_equal(log_has("10.json is no crash report and is left out: "
	    "it is a symbolic link"), 1);
	assert_int_equal(log_has("11.json is no crash report and is left out: "
	    "it is no regular file"), 1);
	assert_int_equal(log_has("12.json is no crash report and is left out: "
	    "it is no regular file"), 1);
	assert_true(exists(at("crashes/12.json")));
	sup_crashes_close(&host);
}

static void
test_a_file_of_another_user_is_left(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	start(&host, true);
	write_text(at("crashes/1.json"), "{}");
	assert_int_equal(chown(at("crashes/1.json"), SERVICE, SERVICE), 0);
	assert_numbers(&host, LISTED());
	assert_int_equal(log_has("it belongs to user 65534"), 1);
	sup_crashes_close(&host);
}

static void
test_foreign_names_are_said_and_left(void **state)
{
	(void)state;
	start(&host, true);
	write_text(at("crashes/notes.txt"), "mine");
	write_text(at("crashes/0.json"), "{}");
	write_text(at("crashes/01.json"), "{}");
	write_text(at("crashes/99999999999999999999999.json"), "{}");
	sup_crashes_close(&host);
	start(&host, true);
	assert_int_equal(log_has("is not the host's: remove it"), 4);
	add(&host, "{}");
	assert_numbers(&host, LISTED(1));
	assert_true(exists(at("crashes/notes.txt")));
	sup_crashes_close(&host);
}

/* Somebody has put the highest number there. */
static void
test_without_numbers_reports_are_in_memory(void **state)
{
	(void)state;
	start(&host, true);
	write_text(at("crashes/999999999.json"), "{}");
	add(&host, "{}");
	assert_true(is_troubled(&host));
	assert_numbers(&host, LISTED(1000000000, 999999999));
	sup_crashes_close(&host);
}

/* ---------------------------------------------------------------- no folder */

static void
test_a_file_in_the_folders_place(void **state)
{
	(void)state;
	write_text(at("crashes"), "a file");
	start(&host, true);
	assert_true(is_troubled(&host));
	add(&host, "{}");
	add(&host, "{}");
	assert_true(is_troubled(&host));
	assert_int_equal(sup_crashes_trouble(&host)->count, 2);
	assert_numbers(&host, LISTED(2, 1));
	assert_text(at("crashes"), "a file");
	assert_int_equal(log_has("degraded: "), 1);
	assert_int_equal(unlink(at("crashes")), 0);
	add(&host, "{}");
	assert_false(is_troubled(&host));
	assert_int_equal(log_has("no longer degraded: "), 1);
	sup_crashes_close(&host);
	start(&host, true);
	assert_numbers(&host, LISTED(3, 2, 1));
	sup_crashes_close(&host);
}

static void
test_a_folder_that_is_removed_is_made_again(void **state)
{
	(void)state;
	start(&host, true);
	assert_int_equal(rmdir(at("crashes")), 0);
	add(&host, "{}");
	assert_false(is_troubled(&host));
	assert_true(exists(at("crashes/1.json")));
	sup_crashes_close(&host);
}

/* No file may be longer than nothing: the write fails as on a full disk. */
static void
test_a_full_disk_costs_the_file_for_as_long(void **state)
{
	struct rlimit before, none;

	(void)state;
	start(&host, true);
	add(&host, "{}");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	log_set_fd(STDERR_FILENO);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	add(&host, "{}");
	add(&host, "{}");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	log_set_fd(scratch_log);
	assert_true(is_troubled(&host));
	assert_numbers(&host, LISTED(3, 2, 1));
	assert_false(exists(at("crashes/2.json")));
	add(&host, "{}");
	assert_false(is_troubled(&host));
	assert_int_equal(log_has("written to state_dir again; 2 came"), 1);
	assert_true(exists(at("crashes/2.json")));
	assert_true(exists(at("crashes/3.json")));
	sup_crashes_close(&host);
	start(&host, true);
	assert_numbers(&host, LISTED(4, 3, 2, 1));
	sup_crashes_close(&host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_unit_test(test_newest_first_and_over_a_restart),
		store_unit_test(
		    test_the_oldest_goes_with_its_capture_and_no_other),
		store_unit_test(test_the_path_of_a_capture_is_given),
		store_unit_test(test_two_hosts_take_no_number_twice),
		store_unit_test(test_a_start_removes_what_nobody_names),
		store_unit_test(test_bad_files_are_named_once_and_left),
		store_unit_test(test_a_file_of_another_user_is_left),
		store_unit_test(test_foreign_names_are_said_and_left),
		store_unit_test(test_without_numbers_reports_are_in_memory),
		store_unit_test(test_a_file_in_the_folders_place),
		store_unit_test(test_a_folder_that_is_removed_is_made_again),
		store_unit_test(test_a_full_disk_costs_the_file_for_as_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
