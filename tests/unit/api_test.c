/*
 * api_test.c - what a handler is told of a request: handler.h, sentence by
 * sentence.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each serve_ function asks one thing; what it saw is checked in it
 * or told through `seen`.
 */
#include "api_fixture.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"

static int	 seen;

static void
check_field(const struct fh_field *field, const char *name, const char *value)
{
	assert_string_equal(field->name, name);
	assert_string_equal(field->value, value);
	assert_int_equal(field->length, strlen(value));
}

/* ------------------------------------------------- the first words */

static int
serve_words(struct fh_request *rq)
{
	assert_string_equal(fh_method(rq), "GET");
	assert_ptr_equal(fh_method(rq), fh_method(rq));
	assert_string_equal(fh_path(rq), "/users/7/a/b c");
	assert_string_equal(fh_query_string(rq), "");
	assert_string_equal(fh_request_id(rq), "abc123");
	assert_non_null(fh_worker(rq));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_words(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_words);
	assert_int_equal(f->outcome, API_DONE);
	wants_body(f, "ok");
}

static int
serve_head(struct fh_request *rq)
{
	assert_string_equal(fh_method(rq), "HEAD");
	assert_string_equal(fh_query_string(rq), "a=1&b");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_head_method(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "REQUEST_METHOD", "HEAD");
	fixture_param(f, "QUERY_STRING", "a=1&b");
	f->input.head_only = true;
	fixture_serve(f, serve_head);
	wants_body(f, "");
}

/* ------------------------------------------------- parameters */

static int
serve_params(struct fh_request *rq)
{
	const struct fh_field *params;
	size_t count;

	params = fh_params(rq, &count);
	assert_int_equal(count, 6);
	check_field(&params[2], "A", "1");
	check_field(&params[3], "EMPTY", "");
	check_field(&params[4], "A", "2");
	assert_string_equal(params[5].name, "NUL");
	assert_int_equal(params[5].length, 3);
	assert_memory_equal(params[5].value, "x\0y", 4);
	assert_string_equal(fh_param(rq, "A"), "2");
	assert_string_equal(fh_param(rq, "EMPTY"), "");
	assert_string_equal(fh_param(rq, "NUL"), "x");
	assert_null(fh_param(rq, "a"));
	assert_null(fh_param(rq, "ABSENT"));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_params(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "A", "1");
	fixture_param(f, "EMPTY", "");
	fixture_param(f, "A", "2");
	fixture_param_bytes(f, "NUL", 3, "x\0y", 3);
	fixture_serve(f, serve_params);
	assert_int_equal(f->result.status, 200);
}

static int
serve_no_proxy(struct fh_request *rq)
{
	size_t count;

	fh_params(rq, &count);
	assert_int_equal(count, 2);
	assert_null(fh_param(rq, "HTTP_PROXY"));
	assert_null(fh_header(rq, "Proxy"));
	assert_null(fh_param(rq, "REMOTE_USER"));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_proxy_and_nul_names_are_dropped(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_PROXY", "evil:80");
	fixture_param(f, "http_proxy", "evil:80");
	fixture_param_bytes(f, "HTTP_PROXY\0", 11, "evil:80", 7);
	fixture_param_bytes(f, "REMOTE_USER\0x", 13, "root", 4);
	fixture_param(f, "", "nameless");
	fixture_serve(f, serve_no_proxy);
	assert_int_equal(f->result.status, 200);
}

static int
serve_no_params(struct fh_request *rq)
{
	size_t count = 9;

	fh_params(rq, &count);
	assert_int_equal(count, 0);
	fh_query_fields(rq, &count);
	assert_int_equal(count, 0);
	fh_cookies(rq, &count);
	assert_int_equal(count, 0);
	fh_form_fields(rq, &count);
	assert_int_equal(count, 0);
	assert_null(fh_param(rq, "A"));
	assert_string_equal(fh_method(rq), "");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_unreadable_head_is_a_500(void **state)
{
	struct fixture *f = *state;

	fixture_no_params(f);
	fixture_serve(f, serve_no_params);
	wants_500(f, "REQUEST_METHOD is missing");
}

static int
serve_method(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, fh_method(rq));
}

static void
test_params_cut_off(void **state)
{
	struct fixture *f = *state;

	f->params_length -= 3;
	fixture_serve(f, serve_method);
	wants_500(f, "runs over the end");
}

static int
serve_many_params(struct fh_request *rq)
{
	size_t count;

	fh_params(rq, &count);
	assert_int_equal(count, 10002);
	assert_string_equal(fh_param(rq, "P9"), "9");
	assert_string_equal(fh_param(rq, "LONG") + 69990, "xxxxxxxxxx");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_many_params(void **state)
{
	static char text[70001];
	struct fixture *f = *state;

	memset(text, 'x', 70000);
	for (int i = 0; i < 9998; i++)
		fixture_param(f, i == 4321 ? "P9" : "Q", i == 4321 ? "9" : "");
	fixture_param(f, "LONG", "short");
	fixture_param(f, "LONG", text);
	fixture_serve(f, serve_many_params);
	assert_int_equal(f->result.status, 200);
}

/* ------------------------------------------------- headers */

static int
serve_headers(struct fh_request *rq)
{
	assert_string_equal(fh_header(rq, "Accept-Language"), "de");
	assert_string_equal(fh_header(rq, "accept-LANGUAGE"), "de");
	assert_string_equal(fh_header(rq, "X-Twice"), "first");
	assert_string_equal(fh_header(rq, "X-Empty"), "");
	assert_string_equal(fh_header(rq, "content-type"), "text/x");
	assert_string_equal(fh_header(rq, "Cookies-Not"), "1");
	assert_null(fh_header(rq, "Content-Length"));
	assert_null(fh_header(rq, "Accept"));
	assert_null(fh_header(rq, "Accept-Language-Not"));
	assert_null(fh_header(rq, ""));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_headers(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_ACCEPT_LANGUAGE", "de");
	fixture_param(f, "HTTP_X_TWICE", "first");
	fixture_param(f, "HTTP_X_TWICE", "second");
	fixture_param(f, "HTTP_X_EMPTY", "");
	fixture_param(f, "HTTP_COOKIES_NOT", "1");
	fixture_param(f, "CONTENT_TYPE", "text/x");
	fixture_param(f, "CONTENT_LENGTH", "");
	fixture_serve(f, serve_headers);
	assert_int_equal(f->result.status, 200);
}

/* ------------------------------------------------- path parameters */

static int
serve_path(struct fh_request *rq)
{
	assert_string_equal(fh_path_param(rq, "id"), "7");
	assert_string_equal(fh_path_param(rq, "rest"), "a/b c");
	assert_null(fh_path_param(rq, "ID"));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_path_params(void **state)
{
	fixture_serve(*state, serve_path);
	assert_int_equal(((struct fixture *)*state)->result.status, 200);
}

/* ------------------------------------------------- query */

static int
serve_query(struct fh_request *rq)
{
	const struct fh_field *fields;
	size_t count;

	fields = fh_query_fields(rq, &count);
	assert_int_equal(count, 9);
	check_field(&fields[0], "a", "1 2");
	check_field(&fields[1], "a", "second");
	check_field(&fields[2], "k e", "\xc3\xa4");
	check_field(&fields[3], "alone", "");
	check_field(&fields[4], "bad", "%zz%4");
	assert_int_equal(fields[5].length, 3);
	assert_memory_equal(fields[5].value, "x\0y", 4);
	check_field(&fields[6], "", "noname");
	check_field(&fields[7], "e", "=1=");
	check_field(&fields[8], "last", "%");
	assert_string_equal(fh_query(rq, "a"), "1 2");
	assert_string_equal(fh_query(rq, "alone"), "");
	assert_null(fh_query(rq, "absent"));
	assert_ptr_equal(fields, fh_query_fields(rq, &count));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_query(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "QUERY_STRING", "a=1+2&a=second&&k%20e=%c3%A4&alone"
	    "&bad=%zz%4&nul=x%00y&=noname&e==1=&last=%");
	fixture_serve(f, serve_query);
	assert_int_equal(f->result.status, 200);
}

static int
serve_too_many(struct fh_request *rq)
{
	size_t count;

	fh_query_fields(rq, &count);
	assert_int_equal(count, 16384);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_too_many_fields(void **state)
{
	struct fixture *f = *state;
	static char text[40001];

	for (int i = 0; i < 20000; i++)
		memcpy(text + 2 * i, "a&", 2);
	fixture_param(f, "QUERY_STRING", text);
	fixture_serve(f, serve_too_many);
	assert_int_equal(f->result.status, 200);
	assert_non_null(strstr(fixture_log(f), "more than 16384 fields"));
}

/* ------------------------------------------------- form */

static int
serve_form(struct fh_request *rq)
{
	size_t count;
	const struct fh_field *fields = fh_form_fields(rq, &count);

	seen = (int)count;
	if (count == 2) {
		check_field(&fields[0], "name", "J\xc3\xb6rg & Co");
		check_field(&fields[1], "x", "");
		assert_string_equal(fh_form(rq, "x"), "");
		assert_null(fh_form(rq, "y"));
	}
	return fh_reply_text(rq, 200, "ok");
}

static void
check_form(struct fixture *f, const char *type, int count)
{
	fixture_param(f, "CONTENT_TYPE", type);
	fixture_serve(f, serve_form);
	assert_int_equal(f->result.status, 200);
	assert_int_equal(seen, count);
}

static void
test_form(void **state)
{
	static const char body[] = "name=J%C3%B6rg+%26+Co&x=";
	struct fixture *f = *state;

	fixture_body(f, body, sizeof(body) - 1);
	check_form(f, "application/x-www-form-urlencoded", 2);
	check_form(f, "Application/X-WWW-form-urlencoded; charset=utf-8", 2);
	check_form(f, "application/x-www-form-urlencoded2", 0);
	check_form(f, "text/plain", 0);
	check_form(f, "", 0);
}

/* ------------------------------------------------- cookies */

static int
serve_cookies(struct fh_request *rq)
{
	const struct fh_field *cookies;
	size_t count;

	cookies = fh_cookies(rq, &count);
	assert_int_equal(count, 4);
	check_field(&cookies[0], "a", "1");
	check_field(&cookies[1], "q", "x y");
	check_field(&cookies[2], "a", "%41");
	check_field(&cookies[3], "late", "z=z");
	assert_string_equal(fh_cookie(rq, "a"), "1");
	assert_null(fh_cookie(rq, "A"));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_cookies(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "HTTP_COOKIE", "a=1; q=\"x y\";a=%41");
	fixture_param(f, "HTTP_COOKIE", "late=z=z");
	fixture_serve(f, serve_cookies);
	assert_int_equal(f->result.status, 200);
}

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
		{ "[\"it's NaN\", \"\\\"'\"]", "[\"it's NaN\",\"\\\"'\"]", NULL },
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

/* ------------------------------------------------- time and cancel */

static int
serve_cancelled(struct fh_request *rq)
{
	seen = fh_cancelled(rq);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_cancelled(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_cancelled);
	assert_int_equal(seen, 0);
	f->cancelled = 1;
	fixture_serve(f, serve_cancelled);
	assert_int_equal(seen, 1);
	f->cancelled = 0;
	f->input.deadline_ns = clock_now_ns() + 60 * UINT64_C(1000000000);
	fixture_serve(f, serve_cancelled);
	assert_int_equal(seen, 0);
	f->input.deadline_ns = clock_now_ns() - 1;
	fixture_serve(f, serve_cancelled);
	assert_int_equal(seen, 1);
	f->input.deadline_ns = 0;
	f->input.cancelled = NULL;
	fixture_serve(f, serve_cancelled);
	assert_int_equal(seen, 0);
}

static int64_t	left_ms;

static int
serve_deadline(struct fh_request *rq)
{
	left_ms = fh_deadline_ms(rq);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_deadline(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_deadline);
	assert_true(left_ms == INT64_MAX);
	f->input.deadline_ns = clock_now_ns() + 60 * UINT64_C(1000000000);
	fixture_serve(f, serve_deadline);
	assert_true(left_ms > 50000 && left_ms <= 60000);
	f->input.deadline_ns = clock_now_ns() - 5;
	fixture_serve(f, serve_deadline);
	assert_int_equal(left_ms, 0);
}

/* ------------------------------------------------- memory */

static int
serve_memory(struct fh_request *rq)
{
	char *large, *text;

	for (size_t size = 0; size < 3000; size += 7) {
		char *piece = fh_alloc(rq, size);

		assert_non_null(piece);
		assert_int_equal((uintptr_t)piece % sizeof(max_align_t) % 16,
		    0);
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
	}
}

/* ------------------------------------------------- log */

static int
serve_log(struct fh_request *rq)
{
	fh_log(rq, FH_LOG_WARN, "a %s\n", "line");
	fh_log(rq, FH_LOG_ERROR, "b\nforged");
	fh_log(rq, (enum fh_log_level)99, "c");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_log(void **state)
{
	struct fixture *f = *state;
	const char *log;

	fixture_serve(f, serve_log);
	log = fixture_log(f);
	assert_non_null(strstr(log, " warn req=abc123 route=\"GET /users/{id}/"
	    "{rest...}\" handler=tested a line\n"));
	assert_non_null(strstr(log, " error req=abc123 route=\"GET /users/{id}"
	    "/{rest...}\" handler=tested b?forged\n"));
	assert_non_null(strstr(log, " debug req=abc123"));
}

static int
serve_flood(struct fh_request *rq)
{
	for (int i = 0; i < 5000; i++)
		fh_log(rq, FH_LOG_INFO, "line %d", i);
	return fh_reply_text(rq, 200, "ok");
}

static int
serve_wide_flood(struct fh_request *rq)
{
	for (int i = 0; i < 100; i++)
		fh_log(rq, FH_LOG_INFO, "%2000d", i);
	return fh_reply_text(rq, 200, "ok");
}

static int
count_lines(const char *text)
{
	int count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void
test_log_flood(void **state)
{
	struct fixture *f = *state;
	const char *log;

	fixture_serve(f, serve_flood);
	log = fixture_log(f);
	assert_int_equal(count_lines(log), 1001);
	assert_non_null(strstr(log, "4000 more lines ("));
	fixture_serve(f, serve_wide_flood);
	log = fixture_log(f);
	assert_int_equal(count_lines(log), 33);
	assert_non_null(strstr(log, "68 more lines (136000 bytes)"));
	log_set_level(LOG_LEVEL_ERROR);
	fixture_serve(f, serve_flood);
	assert_string_equal(fixture_log(f), "");
}

static void
test_log_outside(void **state)
{
	struct fixture *f = *state;
	struct fh_worker *none = NULL;

	fh_host_log(NULL, FH_LOG_WARN, "nobody\n");
	fh_worker_log(none, FH_LOG_WARN, "nobody either");
	fh_host_log(&f->handler.host, FH_LOG_WARN, "host");
	assert_non_null(strstr(fixture_log(f), " warn handler=tested host\n"));
}

/* ------------------------------------------------- models and settings */

static int
serve_lookups(struct fh_request *rq)
{
	assert_string_equal(fh_setting(rq, "colour"), "green");
	assert_null(fh_setting(rq, "size"));
	assert_int_equal(fh_model(rq, "words")->length, 3);
	assert_null(fh_model(rq, "unheard"));
	assert_ptr_equal(fh_worker_model(fh_worker(rq), "words"),
	    fh_model(rq, "words"));
	assert_string_equal(fh_worker_setting(fh_worker(rq), "colour"),
	    "green");
	return fh_reply_text(rq, 200, "ok");
}

static void
test_models_and_settings(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_lookups);
	assert_int_equal(f->result.status, 200);
	assert_string_equal(fh_host_setting(&f->handler.host, "colour"),
	    "green");
	assert_non_null(fh_host_model(&f->handler.host, "words"));
	assert_null(fh_host_model(&f->handler.host, "unheard"));
}

/* ------------------------------------------------- worker hooks */

static int	inits, finis, init_value;

static int
hook_init(struct fh_worker *worker)
{
	inits++;
	assert_null(fh_worker_data(worker));
	assert_non_null(fh_worker_model(worker, "words"));
	fh_worker_log(worker, FH_LOG_INFO, "starting");
	fh_worker_set_data(worker, &inits);
	return init_value;
}

static void
hook_fini(struct fh_worker *worker)
{
	assert_ptr_equal(fh_worker_data(worker), &inits);
	finis++;
}

static int
serve_data(struct fh_request *rq)
{
	assert_ptr_equal(fh_worker_data(fh_worker(rq)), &inits);
	return fh_reply_text(rq, 200, "ok");
}

static void
set_hooks(struct fixture *f, int value)
{
	inits = finis = 0;
	init_value = value;
	f->handler.desc.worker_init = hook_init;
	f->handler.desc.worker_fini = hook_fini;
}

static void
test_worker_hooks(void **state)
{
	struct fixture *f = *state;

	set_hooks(f, 0);
	fixture_serve(f, serve_data);
	fixture_serve(f, serve_data);
	wants_body(f, "ok");
	assert_int_equal(inits, 1);
	assert_int_equal(finis, 0);
	api_worker_destroy(f->thread);
	f->thread = NULL;
	assert_int_equal(finis, 1);
	assert_non_null(strstr(fixture_log(f), "handler=tested starting\n"));
}

static void
test_worker_init_fails(void **state)
{
	struct fixture *f = *state;

	set_hooks(f, -1);
	fixture_serve(f, serve_data);
	wants_500(f, "the handler could not start");
	assert_non_null(strstr(fixture_log(f), "error handler=tested "
	    "worker_init failed"));
	api_worker_destroy(f->thread);
	f->thread = NULL;
	assert_int_equal(finis, 0);
}

static int
inits_for(struct fixture *f, bool async, uint32_t pool)
{
	struct api_worker *thread;

	inits = finis = 0;
	f->route.async = async;
	f->route.pool = 3;
	thread = api_worker_create(&f->set, pool);
	assert_non_null(thread);
	api_worker_destroy(thread);
	assert_int_equal(inits, finis);
	return inits;
}

static void
test_worker_init_where_it_serves(void **state)
{
	struct fixture *f = *state;

	set_hooks(f, 0);
	assert_int_equal(inits_for(f, true, 3), 1);
	assert_int_equal(inits_for(f, true, 2), 0);
	assert_int_equal(inits_for(f, true, API_SYNC), 0);
	assert_int_equal(inits_for(f, true, API_ALL_POOLS), 1);
	assert_int_equal(inits_for(f, false, 3), 0);
	assert_int_equal(inits_for(f, false, API_SYNC), 1);
	assert_int_equal(inits_for(f, false, API_ALL_POOLS), 1);
	f->handler.error = (char *)"refused";
	assert_int_equal(inits_for(f, false, API_ALL_POOLS), 0);
}

/* ------------------------------------------------- keep and finish */

static int
serve_keep(struct fh_request *rq)
{
	static const char large[FH_KEEP_MAX + 1];
	size_t length;

	assert_null(fh_kept(rq, &length));
	assert_int_equal(length, 0);
	assert_int_equal(fh_keep(rq, large, FH_KEEP_MAX), 0);
	assert_int_equal(fh_keep(rq, "kept", 4), 0);
	errno = 0;
	assert_int_equal(fh_keep(rq, large, sizeof(large)), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_memory_equal(fh_kept(rq, &length), "kept", 4);
	return fh_reply_text(rq, 201, "ok");
}

static void
finish(struct fh_request *rq)
{
	size_t length;

	seen++;
	assert_string_equal(fh_param(rq, "REQUEST_METHOD"), "GET");
	assert_string_equal(fh_path_param(rq, "id"), "7");
	assert_int_equal(fh_reply_status(rq), 201);
	assert_memory_equal(fh_kept(rq, &length), "kept", 4);
	assert_int_equal(length, 4);
	fh_body(rq, &length);
	assert_int_equal(length, 0);
	assert_int_equal(fh_write(rq, "x", 1), -1);
	assert_int_equal(fh_printf(rq, "%d", 1), -1);
	assert_int_equal(fh_flush(rq), -1);
	assert_int_equal(fh_status(rq, 200), -1);
	assert_int_equal(fh_set_header(rq, "A", "b"), -1);
	assert_int_equal(fh_reply_text(rq, 200, "x"), -1);
	assert_int_equal(fh_problem(rq, 400, "x"), -1);
	assert_int_equal(fh_reply_file(rq, "/x"), -1);
	assert_int_equal(fh_keep(rq, "x", 1), -1);
	assert_int_equal(fh_reply_status(rq), 201);
	fh_log(rq, FH_LOG_INFO, "finished");
}

static void
test_finish(void **state)
{
	struct fixture *f = *state;
	struct api_input late;

	seen = 0;
	fixture_serve(f, serve_keep);
	assert_int_equal(f->result.kept_length, 4);
	late = f->input;
	late.params = f->params;
	late.body = NULL;
	late.cancelled = NULL;
	api_finish(f->rq, &late, &f->result);
	assert_int_equal(seen, 0);
	f->route.finish = finish;
	api_finish(f->rq, &late, &f->result);
	api_request_reset(f->rq);
	assert_int_equal(seen, 1);
	assert_int_equal(f->sends, 1);
	assert_non_null(strstr(fixture_log(f), "req=abc123"));
}

/* ------------------------------------------------- one after another */

static int
serve_use_all(struct fh_request *rq)
{
	size_t count, length;

	fh_params(rq, &count);
	fh_query_fields(rq, &count);
	assert_int_equal(count, 1);
	fh_cookies(rq, &count);
	fh_form_fields(rq, &count);
	fh_body(rq, &length);
	fh_set_header(rq, "X-Left", "over");
	fh_keep(rq, "left", 4);
	assert_non_null(fh_json(rq));
	fh_status(rq, 503);
	return fh_printf(rq, "%60000d", 1);
}

static int
serve_sees_nothing(struct fh_request *rq)
{
	size_t length;

	assert_null(fh_query(rq, "a"));
	assert_null(fh_json(rq));
	assert_null(fh_kept(rq, &length));
	assert_int_equal(fh_reply_status(rq), 200);
	assert_false(fh_cancelled(rq));
	return fh_write(rq, "clean", 5);
}

/* Nothing of a request may be seen in the next; reset may be left out. */
static void
test_requests_do_not_mix(void **state)
{
	struct fixture *f = *state;
	size_t length = f->params_length;

	for (int i = 0; i < 3; i++) {
		f->params_length = length;
		fixture_param(f, "QUERY_STRING", "a=1");
		fixture_body(f, "[1]", 3);
		fixture_serve(f, serve_use_all);
		assert_int_equal(f->result.status, 503);
		assert_int_equal(f->result.body_bytes, 60000);
		f->params_length = length;
		fixture_body(f, "", 0);
		fixture_serve(f, serve_sees_nothing);
		wants_head(f, "Status: 200 OK\r\nContent-Type: text/plain; "
		    "charset=utf-8\r\nContent-Length: 5\r\n\r\n");
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words),
		TEST(test_head_method),
		TEST(test_params),
		TEST(test_proxy_and_nul_names_are_dropped),
		TEST(test_unreadable_head_is_a_500),
		TEST(test_params_cut_off),
		TEST(test_many_params),
		TEST(test_headers),
		TEST(test_path_params),
		TEST(test_query),
		TEST(test_too_many_fields),
		TEST(test_form),
		TEST(test_cookies),
		TEST(test_body),
		TEST(test_no_body),
		TEST(test_spooled_body),
		TEST(test_spooled_body_is_mapped_when_asked_for),
		TEST(test_json),
		TEST(test_json_null_and_nul),
		TEST(test_json_depth),
		TEST(test_cancelled),
		TEST(test_deadline),
		TEST(test_memory),
		TEST(test_log),
		TEST(test_log_flood),
		TEST(test_log_outside),
		TEST(test_models_and_settings),
		TEST(test_worker_hooks),
		TEST(test_worker_init_fails),
		TEST(test_worker_init_where_it_serves),
		TEST(test_finish),
		TEST(test_requests_do_not_mix)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
