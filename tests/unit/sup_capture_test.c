/*
 * sup_capture_test.c - a request out of last words that nobody believes.
 *
 * Runs in: make check.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor is left open, and of a capture that
 * failed no file.
 */
#include "sup_store_scratch.h"

#include "common/capture.h"
#include "supervisor/sup_crash.h"

#define WORDS	"....paramsbody-of-it...."

static int
words_of(size_t size)
{
	int fd = memfd_create("words", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, WORDS, strlen(WORDS)),
	    (ssize_t)strlen(WORDS));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static struct crash_record
record_of(uint64_t params_at, uint64_t params_length, uint64_t body_at,
    uint64_t body_length)
{
	return (struct crash_record){ .magic = CRASH_MAGIC, .pid = -7,
	    .params_at = params_at, .params_length = params_length,
	    .body_at = body_at, .body_length = body_length };
}

static int
try(const struct crash_record *record, size_t size,
    char name_out[CAPTURE_NAME_MAX], struct err *err)
{
	int folder = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = words_of(size), rc;

	assert_true(folder >= 0);
	rc = sup_capture_write(folder, 4711, fd, record, name_out, err);
	close(folder);
	close(fd);
	return rc;
}

static void
test_it_is_copied(void **state)
{
	static const uint8_t expected[] =
	    "\1\1\0\1\0\10\0\0" "\0\1\0\0\0\0\0\0"
	    "\1\4\0\1\0\6\0\0" "params" "\1\4\0\1\0\0\0\0"
	    "\1\5\0\1\0\12\0\0" "body-of-it" "\1\5\0\1\0\0\0\0";
	struct crash_record record = record_of(4, 6, 10, 10);
	char name[CAPTURE_NAME_MAX];
	uint8_t text[256];
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(try(&record, strlen(WORDS), name, &err), 0);
	assert_string_equal(name, "4711-1.request");
	fd = open(at("%s", name), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), sizeof(expected) - 1);
	assert_memory_equal(text, expected, sizeof(expected) - 1);
	close(fd);

	assert_int_equal(try(&record, strlen(WORDS), name, &err), 0);
	assert_string_equal(name, "4711-2.request");
}

/* An empty body is where a body would begin, which may be past the end. */
static void
test_without_a_body(void **state)
{
	static const uint8_t expected[] =
	    "\1\1\0\1\0\10\0\0" "\0\1\0\0\0\0\0\0"
	    "\1\4\0\1\0\6\0\0" "params" "\1\4\0\1\0\0\0\0"
	    "\1\5\0\1\0\0\0\0";
	struct crash_record record = record_of(4, 6, 16, 0);
	char name[CAPTURE_NAME_MAX];
	uint8_t text[256];
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(try(&record, 10, name, &err), 0);
	fd = open(at("%s", name), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), sizeof(expected) - 1);
	assert_memory_equal(text, expected, sizeof(expected) - 1);
	close(fd);
}

/* Offsets and lengths of a handler that wrote over them. */
static void
test_what_cannot_be_is_refused(void **state)
{
	static const uint64_t wrong[][4] = {
		{ 4, 6, 10, 15 }, { 4, 6, 25, 1 }, { 4, 21, 10, 10 },
		{ 25, 1, 10, 10 }, { UINT64_MAX, 6, 10, 10 },
		{ 4, UINT64_MAX, 10, 10 }, { UINT64_MAX - 2, 4, 10, 10 },
		{ 4, 6, UINT64_MAX, UINT64_MAX }, { 4, 6, 10, UINT64_MAX - 9 },
		{ 4, 6, INT64_MAX, 1 },
	};
	char name[CAPTURE_NAME_MAX];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct crash_record record = record_of(wrong[i][0],
		    wrong[i][1], wrong[i][2], wrong[i][3]);

		assert_int_equal(try(&record, strlen(WORDS), name, &err), -1);
		assert_says(&err, "its last words are not whole");
		assert_string_equal(name, "");
	}
	assert_false(exists(at("4711-1.request")));
	assert_false(exists(at("4711-1.request.new")));
}

/* A sparse file of any size: within it, and still too much. */
static void
test_too_much_is_refused(void **state)
{
	struct crash_record record = record_of(4, 6, 10, UINT64_C(1) << 40);
	char name[CAPTURE_NAME_MAX];
	struct err err;

	(void)state;
	assert_int_equal(try(&record, (size_t)1 << 41, name, &err), -1);
	assert_says(&err, "its body has 1099511627776 bytes");
	record = record_of(4, UINT64_C(1) << 40, 10, 1);
	assert_int_equal(try(&record, (size_t)1 << 41, name, &err), -1);
	assert_says(&err, "its parameters have 1099511627776 bytes");
	assert_false(exists(at("4711-1.request")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_unit_test(test_it_is_copied),
		store_unit_test(test_without_a_body),
		store_unit_test(test_what_cannot_be_is_refused),
		store_unit_test(test_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
