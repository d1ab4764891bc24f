/*
 * api_body_test.c - bodies, JSON and the memory of a request.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each serve_ function asks one thing; what it saw is checked in it
 * or told through `seen`.
 */
#include "api_fixture.h"

#include <sys/mman.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int	 seen;

/* ------------------------------------------------- body */

static int
serve_body(struct fh_request *rq)
{
	char piece[4];
	size_t length;
	const char *body = fh_body(rq, &length);

	assert_int_equal(length, 10);
	assert_memory_equal(body, "0123456789", 10);
	assert_ptr_equal(body, fh_body(rq, &length));
	assert_int_equal(fh_read(rq, piece, 4), 4);
	assert_memory_equal(piece, "0123", 4);
	assert_int_equal(fh_read(rq, piece, 0), 0);
	assert_int_equal(fh_read(rq, piece, 4), 4);
	assert_memory_equal(piece, "4567", 4);
	assert_int_equal(fh_read(rq, piece, 4), 2);
	assert_memory_equal(piece, "89", 2);
	assert_int_equal(fh_read(rq, piece, 4), 0);
	seen = fh_body_fd(rq);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_body(void **state)
{
	struct fixture *f = *state;
	char *body = malloc(10);

	assert_non_null(body);
	memcpy(body, "0123456789", 10);
	fixture_body(f, body, 10);
	fixture_serve(f, serve_body);
	free(body);
	assert_int_equal(f->result.status, 200);
	assert_int_equal(seen, -1);
}

static int
serve_no_body(struct fh_request *rq)
{
	char byte;
	size_t length = 1;

	assert_non_null(fh_body(rq, &length));
	assert_int_equal(length, 0);
	assert_int_equal(fh_read(rq, &byte, 1), 0);
	assert_int_equal(fh_body_fd(rq), -1);
	assert_null(fh_json(rq));
	assert_string_equal(fh_json_error(rq), "the body is empty");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_no_body(void **state)
{
	fixture_serve(*state, serve_no_body);
	assert_int_equal(((struct fixture *)*state)->result.status, 200);
}

/* How many mappings of the file does this process have? */
static int
count_mappings(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		count += strstr(line, name) != NULL;
	fclose(maps);
	return count;
}

static void
test_spooled_body(void **state)
{
	struct fixture *f = *state;
	int fd = memfd_create("spooled", MFD_CLOEXEC);

	assert_int_equal(write(fd, "0123456789", 10), 10);
	fixture_body(f, "", 10);
	f->input.body_fd = fd;
	fixture_serve(f, serve_body);
	assert_int_equal(f->result.status, 200);
	assert_int_equal(seen, fd);
	assert_int_equal(count_mappings("spooled"), 0);
	close(fd);
}

static int
serve_map(struct fh_request *rq)
{
	size_t length;

	fh_body(rq, &length);
	seen = count_mappings("spooled");
	return fh_reply_text(rq, 200, "ok");
}

static int
serve_nothing_mapped(struct fh_request *rq)
{
	assert_true(fh_body_fd(rq) >= 0);
	seen = count_mappings("spooled");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_spooled_body_is_mapped_when_asked_for(void **state)
{
	struct fixture *f = *state;
	int fd = memfd_create("spooled", MFD_CLOEXEC);

	assert_int_equal(write(fd, "0123456789", 10), 10);
	fixture_body(f, NULL, 10);
	f->input.body_fd = fd;
	fixture_serve(f, serve_nothing_mapped);
	assert_int_equal(seen, 0);
	fixture_serve(f, serve_map);
	assert_int_equal(seen, 1);
	fixture_body(f, NULL, 11);
	fixture_serve(f, serve_map);
	wants_500(f, "the body cannot be mapped");
	close(fd);
}

/* ------------------------------------------------- JSON */

static const char	*json_text, *json_error;

static int
serve_json(struct fh_request *rq)
{
	struct json_object *json = fh_json(rq);

	json_text = json_error = NULL;
	assert_ptr_equal(json, fh_json(rq));
	if (json != NULL) {
		static char copy[256];

		snprintf(copy, sizeof(copy), "%s",
		    json_object_to_json_string_ext(json, 0));
		json_text = copy;
	}
	if (fh_json_error(rq) != NULL) {
		static char copy[256];

		snprintf(copy, sizeof(copy), "%s", fh_json_error(rq));
		json_error = copy;
	}
	return fh_reply_text(rq, 200, "ok");
}

struct json_case {
	const char	*body;
	const char	*text;		/* NULL: not JSON, and `where` */
	const char	*where;
};

static void
test_json(void **state)
{
	static const struct json_case cases[] = {
		{ "{\"a\": [1, 2.5, null]}", "{\"a\":[1,2.5,null]}", NULL },
		{ "123", "123", NULL },
		{ " \"x\" \r\n\t", "\"x\"", NULL },
		{ "true", "true", NULL },
		{ "[1] x", NULL, "at byte 4" },
		{ "{}{}", NULL, "at byte 2" },
		{ "{\"a\": }", NULL, "at byte 6" },
		{ "{\"a\": 1", NULL, "at byte 7" },
		{ "[1,]", NULL, "at byte 3" },
		{ "[\"it's NaN\", \"\\\"'\"]",
		    "[\"it's NaN\",\"\\\"'\"]", NULL },
		{ "{'a': 1}", NULL, "at byte 1" },
		{ "[NaN]", NULL, "at byte 1" },
		{ "[-Infinity]", NULL, "at byte 2" },
		{ "[\"a\nb\"]", NULL, "at byte 3" },
		{ "nonsense", NULL, "at byte" },
		{ "\"\xff\"", NULL, "at byte" },
		{ "  ", NULL, "at byte 2" },
		{ "1 2", NULL, "at byte 2" }
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].body);
		char *body = malloc(length);

		assert_non_null(body);
		memcpy(body, cases[i].body, length);
		fixture_body(f, body, length);
		fixture_serve(f, serve_json);
		free(body);
		if (cases[i].text != NULL) {
			if (json_text == NULL)
				fail_msg("%s: %s", cases[i].body, json_error);
			assert_string_equal(json_text, cases[i].text);
			assert_null(json_error);
			continue;
		}
		assert_null(json_text);
		assert_non_null(json_error);
		if (strstr(json_error, cases[i].where) == NULL)
			fail_msg("%s: %s", cases[i].body, json_error);
	}
}

static void
test_json_null_and_nul(void **state)
{
	struct fixture *f = *state;

	fixture_body(f, "null", 4);
	fixture_serve(f, serve_json);
	assert_null(json_text);
	assert_null(json_error);
	fixture_body(f, "[1]\0[2]", 7);
	fixture_serve(f, serve_json);
	assert_null(json_text);
	assert_non_null(strstr(json_error, "at byte 3"));
}

static void
test_json_depth(void **state)
{
	struct fixture *f = *state;
	char deep[202];

	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	fixture_body(f, deep, 200);
	fixture_serve(f, serve_json);
	assert_non_null(strstr(json_error, "too deep"));
	fixture_body(f, deep + 40, 120);
	fixture_serve(f, serve_json);
	assert_null(json_error);
}

/* ------------------------------------------------- memory */

static void	*first;

/* There only where AddressSanitizer is. */
int	__asan_address_is_poisoned(const volatile void *)
	    __attribute__((weak));

static int
serve_memory(struct fh_request *rq)
{
	char *large, *text;

	first = fh_alloc(rq, 1);
	for (size_t size = 0; size < 3000; size += 7) {
		char *piece = fh_alloc(rq, size);

		assert_non_null(piece);
		assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
		memset(piece, 0x55, size);
	}
	large = fh_alloc(rq, 5000000);
	assert_non_null(large);
	memset(large, 1, 5000000);
	errno = 0;
	assert_null(fh_alloc(rq, SIZE_MAX - 3));
	assert_int_equal(errno, ENOMEM);
	assert_string_equal(fh_strdup(rq, "copied"), "copied");
	assert_string_equal(fh_sprintf(rq, "%d-%s", 7, "x"), "7-x");
	text = fh_sprintf(rq, "%2000d", 7);
	assert_int_equal(strlen(text), 2000);
	return fh_reply_text(rq, 200, text + 1990);
}

static void
test_memory(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		fixture_serve(f, serve_memory);
		wants_body(f, "         7");
		if (__asan_address_is_poisoned != NULL)
			assert_true(__asan_address_is_poisoned(first));
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_body),
		TEST(test_no_body),
		TEST(test_spooled_body),
		TEST(test_spooled_body_is_mapped_when_asked_for),
		TEST(test_json),
		TEST(test_json_null_and_nul),
		TEST(test_json_depth),
		TEST(test_memory)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
