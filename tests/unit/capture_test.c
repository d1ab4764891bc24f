/*
 * capture_test.c - a request into a file of FastCGI records, and out of it.
 *
 * Runs in: make check; a full disk is a limit on the size of files.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor is left open, and of a write that
 * failed no file.
 */
#include "sup_store_scratch.h"

#include <sys/resource.h>

#include <signal.h>

#include "common/capture.h"
#include "wire/wire_params.h"

#define MOST	(1u << 20)

/* What came out of a file. */
struct found {
	uint8_t		*params, *body;
	size_t		 params_length, body_length;
	int		 error;		/* for the sink's functions */
};

static int
gather(uint8_t **to, size_t *have, const void *bytes, size_t length)
{
	*to = realloc(*to, *have + length + 1);
	assert_non_null(*to);
	memcpy(*to + *have, bytes, length);
	*have += length;
	return 0;
}

static int
on_params(void *context, const void *bytes, size_t length)
{
	struct found *found = context;

	return gather(&found->params, &found->params_length, bytes, length);
}

static int
on_body(void *context, const void *bytes, size_t length)
{
	struct found *found = context;

	errno = found->error;
	return found->error != 0 ? -1 :
	    gather(&found->body, &found->body_length, bytes, length);
}

static struct capture_sink
sink_of(struct found *found, uint64_t params_max, uint64_t body_max)
{
	return (struct capture_sink){ .params = on_params, .body = on_body,
	    .context = found, .params_max = params_max,
	    .body_max = body_max };
}

static void
forget(struct found *found)
{
	free(found->params);
	free(found->body);
	*found = (struct found){ .error = 0 };
}

static int
open_folder(void)
{
	int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int
read_file(const char *name, struct found *found, struct err *err)
{
	struct capture_sink sink = sink_of(found, MOST, CAPTURE_BODY_MAX);
	int fd = open(at("%s", name), O_RDONLY | O_CLOEXEC), rc;

	assert_true(fd >= 0);
	rc = capture_read(fd, name, &sink, err);
	close(fd);
	return rc;
}

static void
fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 253);
}

static struct capture_part
part_of(const void *bytes, size_t length)
{
	return (struct capture_part){ .bytes = bytes, .fd = -1,
	    .length = length };
}

/* ---------------------------------------------------------------- writing */

/* At each length around the border of a record. */
static void
test_what_is_written_is_read(void **state)
{
	static const size_t lengths[] = { 0, 1, 8, WIRE_CONTENT_MAX - 1,
	    WIRE_CONTENT_MAX, WIRE_CONTENT_MAX + 1, 200001 };
	uint8_t *bytes = malloc(200001);
	int folder = open_folder();

	(void)state;
	assert_non_null(bytes);
	fill(bytes, 200001);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t other = lengths[(i + 3) % 7];
		struct capture_part params = part_of(bytes, lengths[i]);
		struct capture_part body = part_of(bytes, other);
		struct found found = { .error = 0 };
		char name[CAPTURE_NAME_MAX];
		struct stat status;
		struct err err;

		capture_name(name, 4711, i);
		if (capture_write(folder, name, &params, &body, &err) < 0 ||
		    read_file(name, &found, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(found.params_length, lengths[i]);
		assert_memory_equal(found.params, bytes, lengths[i]);
		assert_int_equal(found.body_length, other);
		assert_memory_equal(found.body, bytes, other);
		assert_int_equal(stat(at("%s", name), &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
		forget(&found);
	}
	free(bytes);
	close(folder);
}

static void
test_a_body_in_a_file(void **state)
{
	uint8_t bytes[3000];
	int folder = open_folder(), fd = memfd_create("body", MFD_CLOEXEC);
	struct capture_part params = part_of("", 0);
	struct capture_part body = { .fd = fd, .at = 1000, .length = 2000 };
	struct found found = { .error = 0 };
	struct err err;

	(void)state;
	fill(bytes, sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(capture_write(folder, "1-1.request", &params, &body,
	    &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), sizeof(bytes));
	assert_int_equal(read_file("1-1.request", &found, &err), 0);
	assert_int_equal(found.body_length, 2000);
	assert_memory_equal(found.body, bytes + 1000, 2000);
	forget(&found);

	body.length = 2001;		/* more than there is */
	assert_int_equal(capture_write(folder, "1-2.request", &params, &body,
	    &err), -1);
	assert_false(exists(at("1-2.request")));
	assert_false(exists(at("1-2.request.new")));
	body.at = UINT64_MAX - 10;	/* and where no file can be */
	assert_int_equal(capture_write(folder, "1-2.request", &params, &body,
	    &err), -1);
	assert_false(exists(at("1-2.request.new")));
	close(fd);
	close(folder);
}

static void
test_nothing_is_written_over(void **state)
{
	struct capture_part empty = part_of("", 0);
	int folder = open_folder();
	struct err err;

	(void)state;
	write_text(at("1-1.request"), "whole");
	write_text(at("1-2.request.new"), "being written");
	assert_int_equal(symlink("elsewhere", at("1-3.request")), 0);
	assert_int_equal(symlink("elsewhere", at("1-4.request.new")), 0);
	for (uint64_t number = 1; number <= 4; number++) {
		char name[CAPTURE_NAME_MAX];

		capture_name(name, 1, number);
		assert_int_equal(capture_write(folder, name, &empty, &empty,
		    &err), -1);
		assert_int_equal(errno, EEXIST);
		assert_says(&err, "File exists");
	}
	assert_text(at("1-1.request"), "whole");
	assert_text(at("1-2.request.new"), "being written");
	assert_false(exists(at("elsewhere")));
	assert_false(exists(at("1-1.request.new")));
	close(folder);
}

static void
test_what_is_too_large_is_not_begun(void **state)
{
	struct capture_part empty = part_of("", 0);
	struct capture_part params = part_of("", CAPTURE_PARAMS_MAX + 1u);
	struct capture_part body = part_of("", CAPTURE_BODY_MAX + 1u);
	struct err err;
	int folder = open_folder();

	(void)state;
	assert_int_equal(capture_write(folder, "1-1.request", &params, &empty,
	    &err), -1);
	assert_int_equal(errno, EFBIG);
	assert_says(&err, "its parameters have 1048577 bytes");
	assert_int_equal(capture_write(folder, "1-1.request", &empty, &body,
	    &err), -1);
	assert_int_equal(errno, EFBIG);
	assert_says(&err, "its body has 16777217 bytes, at most 16777216");
	close(folder);
}

/* In the middle of a record, so that a short write comes first. */
static void
test_a_full_disk_leaves_nothing(void **state)
{
	const struct rlimit little = { 70000, RLIM_INFINITY };
	struct capture_part empty = part_of("", 0), body;
	struct rlimit usual;
	uint8_t *bytes = calloc(1, 100000);
	int folder = open_folder(), rc;
	struct err err;

	(void)state;
	assert_non_null(bytes);
	body = part_of(bytes, 100000);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	rc = capture_write(folder, "1-1.request", &empty, &body, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
	assert_int_equal(rc, -1);
	assert_says(&err, "File too large");
	assert_false(exists(at("1-1.request")));
	assert_false(exists(at("1-1.request.new")));
	free(bytes);
	close(folder);
}

/* ---------------------------------------------------------------- reading */

#define RECORD(type, id, content) \
	"\1" type "\0" id "\0" content
#define BEGIN	RECORD("\1", "\1", "\10\0\0" "\0\1\0\0\0\0\0\0")
#define PARAMS	RECORD("\4", "\1", "\4\0\0" "\1\1ab")
#define PARAMS_END RECORD("\4", "\1", "\0\0\0")
#define STDIN	RECORD("\5", "\1", "\3\2\0" "xyz" "??")
#define STDIN_END RECORD("\5", "\1", "\0\0\0")

static const struct bad {
	const char	*what;
	const char	*bytes;
	size_t		 length;
	const char	*says;
} bad[] = {
#define BAD(what, bytes, says) { what, bytes, sizeof(bytes) - 1, says }
	BAD("nothing", "", "ends at byte 0, before its BEGIN_REQUEST"),
	BAD("a text", "hello, world", "byte 0: no FastCGI record"),
	BAD("HTTP", "POST / HTTP/1.1\r\n\r\n", "byte 0: no FastCGI record"),
	BAD("half a header", "\1\1\0", "ends at byte 3, before its BEGIN"),
	BAD("version 2", BEGIN "\2\4\0\1\0\0\0\0", "byte 16: no FastCGI"),
	BAD("no beginning", PARAMS, "byte 0: not the BEGIN_REQUEST"),
	BAD("a short beginning", RECORD("\1", "\1", "\2\0\0" "\0\1"),
	    "byte 0: a BEGIN_REQUEST of a wrong length"),
	BAD("an authorizer", RECORD("\1", "\1", "\10\0\0" "\0\2\0\0\0\0\0\0"),
	    "byte 0: the request is not for a responder"),
	BAD("management", RECORD("\11", "\0", "\0\0\0"),
	    "byte 0: a management record"),
	BAD("management between", BEGIN PARAMS RECORD("\11", "\0", "\0\0\0"),
	    "byte 28: a management record"),
	BAD("cut in PARAMS", BEGIN "\1\4\0\1\0\4\0\0" "\1",
	    "ends at byte 25, before the end of PARAMS"),
	BAD("no end of PARAMS", BEGIN PARAMS,
	    "ends at byte 28, before the end of PARAMS"),
	BAD("no STDIN", BEGIN PARAMS PARAMS_END,
	    "ends at byte 36, before the end of STDIN"),
	BAD("cut in padding", BEGIN PARAMS_END "\1\5\0\1\0\0\3\0" "??",
	    "ends at byte 34, before the end of its last record"),
	BAD("STDIN first", BEGIN STDIN, "byte 16: STDIN before the end of"),
	BAD("PARAMS later", BEGIN PARAMS_END PARAMS,
	    "byte 24: PARAMS after their end"),
	BAD("STDIN after all", BEGIN PARAMS_END STDIN STDIN_END STDIN,
	    "byte 45: STDIN after its end"),
	BAD("another request's", BEGIN RECORD("\4", "\2", "\0\0\0"),
	    "byte 16: a record of another request"),
	BAD("two requests", BEGIN PARAMS_END STDIN_END BEGIN,
	    "byte 32: a second request begins"),
	BAD("given up", BEGIN PARAMS_END RECORD("\2", "\1", "\0\0\0"),
	    "byte 24: the web server gave the request up"),
	BAD("a reply", BEGIN RECORD("\6", "\1", "\0\0\0"),
	    "byte 16: a record that a web server does not send"),
	BAD("text behind it", BEGIN PARAMS_END STDIN STDIN_END "and so on",
	    "byte 45: no FastCGI record"),
	BAD("too many parameters", BEGIN PARAMS PARAMS PARAMS,
	    "byte 40: more than params_limit (10 bytes)"),
	BAD("too large a body", BEGIN PARAMS_END STDIN STDIN,
	    "byte 37: more than body_limit (5 bytes)"),
};

/* In pieces of every size: the sentence is always the same. */
static void
test_what_is_no_request_is_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t step = 1; step <= 64; step++) {
			struct found found = { .error = 0 };
			struct capture_sink sink = sink_of(&found, 10, 5);
			struct capture_reader reader;
			struct err err = { "" };
			int rc = 0;

			capture_begin(&reader, &sink, "it");
			for (size_t at = 0; at < bad[i].length && rc == 0;
			    at += step)
				rc = capture_feed(&reader, bad[i].bytes + at,
				    bad[i].length - at < step ?
				    bad[i].length - at : step, &err);
			if (rc == 0)
				rc = capture_end(&reader, &err);
			if (rc == 0 || strncmp(err.text, "it: ", 4) != 0 ||
			    strncmp(err.text + 4, bad[i].says,
			    strlen(bad[i].says)) != 0)
				fail_msg("%s by %zu: \"%s\"", bad[i].what,
				    step, err.text);
			assert_true(found.params_length <= 10);
			assert_true(found.body_length <= 5);
			forget(&found);
		}
}

static void
test_padding_and_small_records(void **state)
{
	static const char bytes[] = BEGIN PARAMS PARAMS PARAMS_END STDIN STDIN
	    STDIN_END;
	struct found found = { .error = 0 };
	struct capture_sink sink = sink_of(&found, 8, 6);
	struct capture_reader reader;
	struct err err;

	(void)state;
	for (size_t step = 1; step < sizeof(bytes); step++) {
		capture_begin(&reader, &sink, "it");
		for (size_t at = 0; at < sizeof(bytes) - 1; at += step)
			assert_int_equal(capture_feed(&reader, bytes + at,
			    sizeof(bytes) - 1 - at < step ?
			    sizeof(bytes) - 1 - at : step, &err), 0);
		assert_int_equal(capture_end(&reader, &err), 0);
		assert_int_equal(found.params_length, 8);
		assert_memory_equal(found.params, "\1\1ab\1\1ab", 8);
		assert_int_equal(found.body_length, 6);
		assert_memory_equal(found.body, "xyzxyz", 6);
		forget(&found);
	}
}

static void
test_a_sink_without_room(void **state)
{
	static const char bytes[] = BEGIN PARAMS_END STDIN STDIN_END;
	struct found found = { .error = ENOSPC };
	struct capture_sink sink = sink_of(&found, 10, 10);
	struct capture_reader reader;
	struct err err;

	(void)state;
	capture_begin(&reader, &sink, "it");
	assert_int_equal(capture_feed(&reader, bytes, sizeof(bytes) - 1,
	    &err), -1);
	assert_string_equal(err.text, "it: No space left on device");
	forget(&found);
}

static void
test_a_folder_is_no_file(void **state)
{
	struct found found = { .error = 0 };
	struct err err;

	(void)state;
	assert_int_equal(read_file(".", &found, &err), -1);
	assert_string_equal(err.text, ".: Is a directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		store_unit_test(test_what_is_written_is_read),
		store_unit_test(test_a_body_in_a_file),
		store_unit_test(test_nothing_is_written_over),
		store_unit_test(test_what_is_too_large_is_not_begun),
		store_unit_test(test_a_full_disk_leaves_nothing),
		store_unit_test(test_what_is_no_request_is_a_sentence),
		store_unit_test(test_padding_and_small_records),
		store_unit_test(test_a_sink_without_room),
		store_unit_test(test_a_folder_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
