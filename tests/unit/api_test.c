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

#include <stdio.h>
#include <string.h>

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
serve_many(struct fh_request *rq)
{
	size_t queries, cookies;

	fh_query_fields(rq, &queries);
	fh_cookies(rq, &cookies);
	return fh_printf(rq, "%zu %zu", queries, cookies);
}

/* "a&a&a", with so many letters. */
static const char *
letters(size_t count, char between)
{
	static char text[40001];

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = 'a';
		text[2 * i + 1] = between;
	}
	text[2 * count - 1] = '\0';
	return text;
}

/* Breaks when: a field is left out and nobody is told, or the bound of what is
 * refused is not that of what is taken. */
static void
test_too_many_fields(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "QUERY_STRING", letters(16384, '&'));
	fixture_param(f, "HTTP_COOKIE", letters(16384, ';'));
	fixture_serve(f, serve_many);
	assert_int_equal(f->result.status, 200);
	wants_body(f, "16384 16384");
	fixture_no_params(f);
	fixture_param(f, "REQUEST_METHOD", "GET");
	fixture_param(f, "HTTP_COOKIE", letters(16385, ';'));
	fixture_serve(f, serve_many);
	assert_int_equal(f->result.status, 400);
	fixture_param(f, "QUERY_STRING", letters(16385, '&'));
	fixture_serve(f, serve_many);
	assert_int_equal(f->result.status, 400);
	assert_non_null(strstr(f->body,
	    "The query has more than 16384 fields."));
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
		TEST(test_cancelled),
		TEST(test_deadline)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
