/*
 * sup_manifest_test.c - manifests, good and bad.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure: no file in here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/sup_manifest.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One of each, so that a word of it can be replaced. */
static const char good[] =
    "{\"format\": 1, \"generation\": 8, \"made_at\": 1700000000,"
    " \"trigger\": \"reload\", \"rolled_back_to\": 0, \"files\": ["
    "{\"name\": \"hello.so\", \"sha256\": \"" SHA "\","
    " \"build_id\": \"12ab\", \"size\": 5, \"device\": 18446744073709551615,"
    " \"inode\": 7, \"mtime_ns\": -1, \"ctime_ns\": 2, \"since\": 3,"
    " \"since_at\": 4, \"held\": \"\"}], \"models\": ["
    "{\"name\": \"words\", \"sha256\": \"" SHA "\", \"bytes\": 9,"
    " \"kind\": \"build\"}]}";

static void
assert_bad(const char *text, size_t length, const char *what)
{
	struct sup_manifest manifest, empty = { 0 };
	struct err err = { "" };

	if (sup_manifest_parse(text, length, &manifest, &err) == 0)
		fail_msg("accepted: %.*s", (int)length, text);
	assert_memory_equal(&manifest, &empty, sizeof(empty));
	if (strstr(err.text, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, what);
}

/* The good one with `from`, which is in it, replaced. */
static char *
replaced(const char *from, const char *to)
{
	const char *found = strstr(good, from);
	char *text = NULL;

	assert_non_null(found);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(found - good), good, to,
	    found + strlen(from)) > 0);
	return text;
}

static void
assert_bad_with(const char *from, const char *to, const char *what)
{
	char *text = replaced(from, to);

	assert_bad(text, strlen(text), what);
	free(text);
}

static void
test_every_field_is_read(void **state)
{
	struct sup_manifest manifest;
	struct err err;

	(void)state;
	assert_int_equal(sup_manifest_parse(good, strlen(good), &manifest,
	    &err), 0);
	assert_int_equal(manifest.number, 8);
	assert_int_equal(manifest.made_at, 1700000000);
	assert_string_equal(manifest.trigger, "reload");
	assert_int_equal(manifest.rolled_back_to, 0);
	assert_int_equal(manifest.file_count, 1);
	assert_string_equal(manifest.files[0].version.name, "hello.so");
	assert_string_equal(manifest.files[0].version.sha256, SHA);
	assert_string_equal(manifest.files[0].version.build_id, "12ab");
	assert_int_equal(manifest.files[0].version.size, 5);
	assert_true(manifest.files[0].version.device == UINT64_MAX);
	assert_int_equal(manifest.files[0].version.inode, 7);
	assert_int_equal(manifest.files[0].version.mtime_ns, -1);
	assert_int_equal(manifest.files[0].version.ctime_ns, 2);
	assert_int_equal(manifest.files[0].since, 3);
	assert_int_equal(manifest.files[0].since_at, 4);
	assert_string_equal(manifest.files[0].held, "");
	assert_int_equal(manifest.model_count, 1);
	assert_string_equal(manifest.models[0].name, "words");
	assert_string_equal(manifest.models[0].sha256, SHA);
	assert_int_equal(manifest.models[0].bytes, 9);
	assert_int_equal(manifest.models[0].kind, CONFIG_MODEL_BUILD);
	sup_manifest_finish(&manifest);
}

static void
test_what_is_written_is_read_again(void **state)
{
	struct sup_manifest manifest, again;
	struct err err;
	size_t length, length_again;
	char *text, *text_again;

	(void)state;
	assert_int_equal(sup_manifest_parse(good, strlen(good), &manifest,
	    &err), 0);
	text = sup_manifest_format(&manifest, &length, &err);
	assert_non_null(text);
	assert_int_equal(length, strlen(text));
	assert_int_equal(text[length - 1], '\n');
	assert_int_equal(sup_manifest_parse(text, length, &again, &err), 0);
	assert_memory_equal(&again.files[0], &manifest.files[0],
	    sizeof(again.files[0]));
	assert_memory_equal(&again.models[0], &manifest.models[0],
	    sizeof(again.models[0]));
	text_again = sup_manifest_format(&again, &length_again, &err);
	assert_string_equal(text_again, text);
	free(text);
	free(text_again);
	sup_manifest_finish(&manifest);
	sup_manifest_finish(&again);
	assert_null(manifest.files);
}

/* Any bytes but '/' may be in a file's name, also those that are no UTF-8. */
static void
test_odd_names_stay_as_they_are(void **state)
{
	static const char *const names[] = { "a\"b\\c.so", "\xff\xfe.so",
	    "new\nline.so", "\xe2\x82\xac.so", " .so" };
	struct sup_file file = { .version = { .sha256 = SHA } };
	struct sup_manifest manifest = { .number = 1, .trigger = "start",
	    .files = &file, .file_count = 1 }, again;
	struct err err;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text;

		strcpy(file.version.name, names[i]);
		text = sup_manifest_format(&manifest, &length, &err);
		if (text == NULL)
			fail_msg("%s", err.text);
		assert_int_equal(sup_manifest_parse(text, length, &again,
		    &err), 0);
		assert_string_equal(again.files[0].version.name, names[i]);
		sup_manifest_finish(&again);
		free(text);
	}
}

static void
test_what_could_not_be_read_again_is_not_written(void **state)
{
	struct sup_file files[2] = { { .version = { .name = "a.so",
	    .sha256 = SHA } } };
	struct sup_kept_model model = { .name = "m", .kind = 9 };
	struct sup_manifest manifest = { .number = 1, .trigger = "start",
	    .files = files, .file_count = 1, .models = &model };
	struct err err;
	size_t length;

	(void)state;
	manifest.model_count = 1;
	assert_null(sup_manifest_format(&manifest, &length, &err));
	assert_non_null(strstr(err.text, "models[0].kind"));
	manifest.model_count = 0;
	files[1] = files[0];
	manifest.file_count = 2;
	assert_null(sup_manifest_format(&manifest, &length, &err));
	assert_non_null(strstr(err.text, "files[1].name: is there twice"));
	manifest.file_count = 1;
	manifest.trigger[0] = '\0';
	assert_null(sup_manifest_format(&manifest, &length, &err));
	assert_non_null(strstr(err.text, "trigger"));
}

static void
test_a_manifest_may_be_cut_off_anywhere(void **state)
{
	(void)state;
	assert_bad("", 0, "has 0 bytes");
	for (size_t length = 1; length < strlen(good); length++)
		assert_bad(good, length, "it ends too early");
}

static void
test_what_is_not_json_is_refused(void **state)
{
	static const char *const texts[] = { "garbage", "\177ELF\1\1\1",
	    "{]", "{\"format\": '1'}", "nul", "{\"a\": 01x}", "{} {}", "\xff" };
	char *deep = malloc(100001);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_bad(texts[i], strlen(texts[i]), "is not JSON");
	assert_bad("{}\0{}", 5, "a NUL");
	assert_bad("[]", 2, "is not an object");
	assert_bad("7", 1, "");
	assert_bad("null", 4, "");
	memset(deep, '[', 100000);
	assert_bad(deep, 100000, "is not JSON");
	free(deep);
}

static void
test_a_huge_text_is_not_read(void **state)
{
	size_t length = SUP_MANIFEST_MAX + 1;
	char *text = malloc(length);

	(void)state;
	memset(text, ' ', length);
	memcpy(text, good, strlen(good));
	assert_bad(text, length, "a manifest has 1 to");
	free(text);
}

static void
test_every_field_is_checked(void **state)
{
	(void)state;
	assert_bad_with("\"format\": 1", "\"format\": 2", "format");
	assert_bad_with("\"generation\": 8", "\"generation\": 0", "generation");
	assert_bad_with("\"generation\": 8", "\"generation\": 4294967296",
	    "generation: is out of range");
	assert_bad_with("\"generation\": 8", "\"generation\": \"8\"",
	    "generation: is not a whole number");
	assert_bad_with("\"generation\": 8", "\"generation\": 8.5",
	    "generation");
	assert_bad_with("\"generation\": 8", "\"generation\": 2",
	    "files[0].since: is out of range");
	assert_bad_with("\"made_at\": 1", "\"made_at\": -1", "made_at");
	assert_bad_with("\"reload\"", "\"\"", "trigger: is empty");
	assert_bad_with("\"reload\"", "7", "trigger: is not a string");
	assert_bad_with("\"reload\"", "\"a\\nb\"", "trigger: has a control");
	assert_bad_with("\"reload\"", "\"a\\u0000b\"", "trigger: has a NUL");
	assert_bad_with("\"reload\"", "\"" SHA "\"", "trigger: is too long");
	assert_bad_with("\"rolled_back_to\": 0", "\"rolled_back_to\": 8",
	    "rolled_back_to");
	assert_bad_with("\"rolled_back_to\": 0", "\"rolled_back_to\": null",
	    "rolled_back_to");
	assert_bad_with("\"models\"", "\"modules\"", "models: is missing");
	assert_bad_with("\"files\": [", "\"files\": [7,",
	    "files[0]: is not an object");
	assert_bad_with("\"files\": [", "\"files\": {}, \"other\": [",
	    "files: is not an array");
}

static void
test_every_field_of_a_file_is_checked(void **state)
{
	static const char *const names[] = { "", ".so", ".hello.so", "../a.so",
	    "a/b.so", "hello.o", "hello.so.1", "a.so\\u0000" };
	char name[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "\"%s\"", names[i]);
		assert_bad_with("\"hello.so\"", name, "files[0].name: ");
	}
	assert_bad_with("\"" SHA "\"", "\"\"", "nothing is held");
	assert_bad_with("\"" SHA "\"", "\"0\"", "files[0].sha256: ");
	assert_bad_with("\"" SHA "\"", "\"" SHA "0\"", "files[0].sha256: ");
	assert_bad_with("\"0123456789ab", "\"0123456789AB",
	    "files[0].sha256: ");
	assert_bad_with("\"12ab\"", "\"12a\"", "files[0].build_id: ");
	assert_bad_with("\"12ab\"", "\"12ag\"", "files[0].build_id: ");
	assert_bad_with("\"12ab\"", "\"" SHA "\"", "files[0].build_id: ");
	assert_bad_with("\"size\": 5", "\"size\": -5", "files[0].size: ");
	assert_bad_with("\"inode\": 7", "\"inode\": -7", "files[0].inode: ");
	assert_bad_with("\"inode\": 7", "\"inode\": true", "files[0].inode: ");
	assert_bad_with("\"mtime_ns\": -1", "\"mtime\": 1",
	    "files[0].mtime_ns: is missing");
	assert_bad_with("\"ctime_ns\": 2", "\"ctime_ns\": {}",
	    "files[0].ctime_ns: ");
	assert_bad_with("\"since_at\": 4", "\"since_at\": -4",
	    "files[0].since_at: ");
	assert_bad_with("\"held\": \"\"", "\"held\": \"no\"",
	    "files[0].held: ");
}

static void
test_every_field_of_a_model_is_checked(void **state)
{
	(void)state;
	assert_bad_with("\"words\"", "\"\"", "models[0].name: is empty");
	assert_bad_with("\"words\"", "\"" SHA "\"", "models[0].name: ");
	assert_bad_with("\"bytes\": 9", "\"bytes\": -9", "models[0].bytes: ");
	assert_bad_with("\"build\"", "\"built\"", "models[0].kind: ");
	assert_bad_with("\"build\"", "\"\"", "models[0].kind: ");
	assert_bad_with("\"models\": [", "\"models\": [{\"name\": \"words\", "
	    "\"sha256\": \"\", \"bytes\": 1, \"kind\": \"file\"},",
	    "models[1].name: is there twice");
}

static void
test_a_file_that_is_only_held_is_fine(void **state)
{
	struct sup_file file = { .version = { .name = "new.so" },
	    .held = SHA };
	struct sup_manifest manifest = { .number = 9, .trigger = "rollback",
	    .rolled_back_to = 7, .files = &file, .file_count = 1 }, again;
	struct err err;
	size_t length;
	char *text;

	(void)state;
	text = sup_manifest_format(&manifest, &length, &err);
	assert_non_null(text);
	assert_int_equal(sup_manifest_parse(text, length, &again, &err), 0);
	assert_string_equal(again.files[0].held, SHA);
	assert_string_equal(again.files[0].version.sha256, "");
	assert_int_equal(again.rolled_back_to, 7);
	sup_manifest_finish(&again);
	free(text);
}

static void
test_fields_of_a_newer_host_are_left_alone(void **state)
{
	struct sup_manifest manifest;
	struct err err;
	char *text = replaced("\"format\": 1", "\"format\": 1, \"new\": [{}]");

	(void)state;
	assert_int_equal(sup_manifest_parse(text, strlen(text), &manifest,
	    &err), 0);
	sup_manifest_finish(&manifest);
	free(text);
}

static void
test_there_is_a_most_of_files(void **state)
{
	struct sup_file *files = calloc(SUP_MANIFEST_FILES + 1,
	    sizeof(*files));
	struct sup_manifest manifest = { .number = 1, .trigger = "start",
	    .files = files, .file_count = SUP_MANIFEST_FILES };
	struct err err;
	size_t length;
	char *text;

	(void)state;
	for (size_t i = 0; i <= SUP_MANIFEST_FILES; i++) {
		snprintf(files[i].version.name, sizeof(files[i].version.name),
		    "handler-%zu.so", i);
		strcpy(files[i].version.sha256, SHA);
	}
	text = sup_manifest_format(&manifest, &length, &err);
	if (text == NULL)
		fail_msg("%s", err.text);
	free(text);
	manifest.file_count++;
	assert_null(sup_manifest_format(&manifest, &length, &err));
	assert_non_null(strstr(err.text, "files: has too many elements"));
	free(files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_is_read),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_odd_names_stay_as_they_are),
		cmocka_unit_test(
		    test_what_could_not_be_read_again_is_not_written),
		cmocka_unit_test(test_a_manifest_may_be_cut_off_anywhere),
		cmocka_unit_test(test_what_is_not_json_is_refused),
		cmocka_unit_test(test_a_huge_text_is_not_read),
		cmocka_unit_test(test_every_field_is_checked),
		cmocka_unit_test(test_every_field_of_a_file_is_checked),
		cmocka_unit_test(test_every_field_of_a_model_is_checked),
		cmocka_unit_test(test_a_file_that_is_only_held_is_fine),
		cmocka_unit_test(test_fields_of_a_newer_host_are_left_alone),
		cmocka_unit_test(test_there_is_a_most_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
