/*
 * head_test.c - what decides about a request, from all kinds of web servers.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: blocks and scratch space lie in memory of exactly their size.
 */
#include "common/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire_params.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define PAIRS_MAX	12

struct pair {
	const char	*name;
	const char	*value;
	size_t		 length;	/* 0: up to the NUL */
};

struct block {
	uint8_t	*bytes;
	size_t	 length;
	char	*scratch;
};

/* ---------------------------------------------------------------- helpers */

static size_t
value_length(const struct pair *pair)
{
	return pair->length > 0 ? pair->length : strlen(pair->value);
}

static void
block_init(struct block *block, const struct pair *pairs)
{
	size_t size = 0;
	uint8_t *at;

	for (const struct pair *p = pairs; p->name != NULL; p++)
		size += 8 + strlen(p->name) + value_length(p);
	at = block->bytes = malloc(size + 1);
	assert_non_null(at);
	for (const struct pair *p = pairs; p->name != NULL; p++) {
		at = wire_params_put(at, block->bytes + size, p->name,
		    strlen(p->name), p->value, value_length(p));
		assert_non_null(at);
	}
	block->length = (size_t)(at - block->bytes);
	block->bytes = realloc(block->bytes,
	    block->length + (block->length == 0));
	block->scratch = malloc(block->length + (block->length == 0));
	assert_non_null(block->scratch);
}

static void
block_finish(struct block *block)
{
	free(block->bytes);
	free(block->scratch);
}

static enum head_rc
scan(const struct block *block, struct head *head_out)
{
	memset(head_out, 0xa5, sizeof(*head_out));
	return head_scan(block->bytes, block->length, block->scratch,
	    block->length, head_out);
}

static void
assert_span(struct wire_span span, const char *want)
{
	assert_non_null(span.at);
	if (span.length != strlen(want) ||
	    memcmp(span.at, want, span.length) != 0)
		fail_msg("\"%.*s\" instead of \"%s\"", (int)span.length,
		    span.at, want);
}

/* ------------------------------------------------------------------ paths */

struct path_case {
	const char	*what;
	struct pair	 pairs[PAIRS_MAX];
	const char	*path;		/* NULL: HEAD_BAD_PATH */
};

#define GET	{ "REQUEST_METHOD", "GET", 0 }

static const struct path_case path_cases[] = {
	{ "PATH_INFO", { GET, { "PATH_INFO", "/users/7", 0 } }, "/users/7" },
	{ "PATH_INFO before SCRIPT_NAME and REQUEST_URI", { GET,
	    { "SCRIPT_NAME", "/app", 0 }, { "PATH_INFO", "/x", 0 },
	    { "REQUEST_URI", "/app/x?q", 0 } }, "/x" },
	{ "PATH_INFO is decoded already", { GET,
	    { "PATH_INFO", "/a%20b+c", 0 } }, "/a%20b+c" },
	{ "the last PATH_INFO wins", { GET, { "PATH_INFO", "/a", 0 },
	    { "PATH_INFO", "/b", 0 } }, "/b" },
	{ "an empty last PATH_INFO wins too", { GET,
	    { "PATH_INFO", "/a", 0 }, { "SCRIPT_NAME", "/b", 0 },
	    { "PATH_INFO", "", 0 } }, "/b" },
	{ "SCRIPT_NAME alone", { GET, { "SCRIPT_NAME", "/hello", 0 },
	    { "REQUEST_URI", "/other", 0 } }, "/hello" },
	{ "empty PATH_INFO", { GET, { "PATH_INFO", "", 0 },
	    { "SCRIPT_NAME", "/hello", 0 } }, "/hello" },
	{ "REQUEST_URI alone", { GET,
	    { "REQUEST_URI", "/a%20b/%C3%BC?q=%zz", 0 } },
	    "/a b/\xc3\xbc" },
	{ "REQUEST_URI keeps '+'", { GET, { "REQUEST_URI", "/a+b", 0 } },
	    "/a+b" },
	{ "both empty", { GET, { "PATH_INFO", "", 0 },
	    { "SCRIPT_NAME", "", 0 }, { "REQUEST_URI", "/x", 0 } }, "/x" },
	{ "absolute REQUEST_URI", { GET,
	    { "REQUEST_URI", "http://host:80/a/b?c=/d", 0 } }, "/a/b" },
	{ "absolute REQUEST_URI without a path", { GET,
	    { "REQUEST_URI", "https://host", 0 } }, "/" },
	{ "absolute REQUEST_URI, query only", { GET,
	    { "REQUEST_URI", "https://host?a=/b", 0 } }, "/" },
	{ "scheme alone", { GET, { "REQUEST_URI", "http://", 0 } }, "/" },
	{ "cut scheme", { GET, { "REQUEST_URI", "http:/", 0 } }, "http:/" },
	{ "two slashes are a path", { GET, { "REQUEST_URI", "//a/b", 0 } },
	    "//a/b" },
	{ "OPTIONS *", { { "REQUEST_METHOD", "OPTIONS", 0 },
	    { "REQUEST_URI", "*", 0 } }, "*" },
	{ "query only", { GET, { "REQUEST_URI", "?a=b", 0 } }, "/" },
	{ "no path at all", { GET }, "/" },

	{ "mount taken off", { GET, { "SCRIPT_NAME", "/app", 0 },
	    { "PATH_INFO", "/app/x", 0 }, { "DOCUMENT_URI", "/app/x", 0 } },
	    "/x" },
	{ "in any order", { { "DOCUMENT_URI", "/app/x", 0 },
	    { "PATH_INFO", "/app/x", 0 }, { "SCRIPT_NAME", "/app", 0 }, GET },
	    "/x" },
	{ "mount at a segment's end only", { GET,
	    { "SCRIPT_NAME", "/app", 0 }, { "PATH_INFO", "/apple", 0 },
	    { "DOCUMENT_URI", "/apple", 0 } }, "/apple" },
	{ "mount with a slash at its end", { GET,
	    { "SCRIPT_NAME", "/app/", 0 }, { "PATH_INFO", "/app/x", 0 },
	    { "DOCUMENT_URI", "/app/x", 0 } }, "/x" },
	{ "mount is /", { GET, { "SCRIPT_NAME", "/", 0 },
	    { "PATH_INFO", "/x", 0 }, { "DOCUMENT_URI", "/x", 0 } }, "/x" },
	{ "mount is empty", { GET, { "SCRIPT_NAME", "", 0 },
	    { "PATH_INFO", "/x", 0 }, { "DOCUMENT_URI", "/x", 0 } }, "/x" },
	{ "the mount itself", { GET, { "SCRIPT_NAME", "/app", 0 },
	    { "PATH_INFO", "/app", 0 }, { "DOCUMENT_URI", "/app", 0 } },
	    "/" },
	{ "the mount itself with a slash", { GET,
	    { "SCRIPT_NAME", "/app", 0 }, { "PATH_INFO", "/app/", 0 },
	    { "DOCUMENT_URI", "/app/", 0 } }, "/" },
	{ "mount elsewhere", { GET, { "SCRIPT_NAME", "/other", 0 },
	    { "PATH_INFO", "/app/x", 0 }, { "DOCUMENT_URI", "/app/x", 0 } },
	    "/app/x" },
	{ "mount longer than the path", { GET,
	    { "SCRIPT_NAME", "/app/x/y", 0 }, { "PATH_INFO", "/app/x", 0 },
	    { "DOCUMENT_URI", "/app/x", 0 } }, "/app/x" },
	{ "mount longer than the path, at the block's end", { GET,
	    { "SCRIPT_NAME", "/app/x/y", 0 }, { "DOCUMENT_URI", "/app/x", 0 },
	    { "PATH_INFO", "/app/x", 0 } }, "/app/x" },
	{ "PATH_INFO isn't the URI: nothing taken off", { GET,
	    { "SCRIPT_NAME", "/app", 0 }, { "PATH_INFO", "/app/x", 0 },
	    { "DOCUMENT_URI", "/app/app/x", 0 } }, "/app/x" },
	{ "two slashes below the mount", { GET,
	    { "SCRIPT_NAME", "/app", 0 }, { "PATH_INFO", "/app//x", 0 },
	    { "DOCUMENT_URI", "/app//x", 0 } }, "//x" },

	{ "NUL in PATH_INFO", { GET, { "PATH_INFO", "/a\0b", 4 } }, NULL },
	{ "NUL in SCRIPT_NAME", { GET, { "SCRIPT_NAME", "/a\0", 3 } }, NULL },
	{ "NUL in REQUEST_URI", { GET, { "REQUEST_URI", "/a\0b", 4 } },
	    NULL },
	{ "%00 in REQUEST_URI", { GET, { "REQUEST_URI", "/a%00b", 0 } },
	    NULL },
	{ "malformed escape", { GET, { "REQUEST_URI", "/a%zz", 0 } }, NULL },
	{ "cut escape", { GET, { "REQUEST_URI", "/a%2", 0 } }, NULL },
	{ "cut escape before the query", { GET,
	    { "REQUEST_URI", "/a%2?f", 0 } }, NULL },
	{ "bad REQUEST_URI doesn't matter beside PATH_INFO", { GET,
	    { "REQUEST_URI", "/a%zz", 0 }, { "PATH_INFO", "/a", 0 } }, "/a" }
};

static void
test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(path_cases); i++) {
		const struct path_case *c = &path_cases[i];
		struct block block;
		struct head head;
		enum head_rc rc;

		block_init(&block, c->pairs);
		rc = scan(&block, &head);
		if (rc != (c->path == NULL ? HEAD_BAD_PATH : HEAD_OK))
			fail_msg("%s: %s", c->what, head_strerror(rc));
		if (c->path != NULL && (head.path.length != strlen(c->path) ||
		    memcmp(head.path.at, c->path, head.path.length) != 0))
			fail_msg("%s: \"%.*s\"", c->what,
			    (int)head.path.length, head.path.at);
		block_finish(&block);
	}
}

static void
test_scratch_is_not_overrun(void **state)
{
	static const struct pair pairs[] = { GET,
		{ "REQUEST_URI", "/abcdef?long-query", 0 }, { NULL, NULL, 0 } };
	struct block block;
	struct head head;

	(void)state;
	block_init(&block, pairs);
	for (size_t size = 0; size <= 7; size++) {
		char *scratch = malloc(size + (size == 0));

		assert_int_equal(head_scan(block.bytes, block.length, scratch,
		    size, &head), size < 7 ? HEAD_BAD_PATH : HEAD_OK);
		free(scratch);
	}
	block_finish(&block);
}

/* ---------------------------------------------------------- whole requests */

static void
test_what_nginx_sends(void **state)
{
	static const struct pair pairs[] = {
		{ "QUERY_STRING", "text=a%20b", 0 },
		{ "REQUEST_METHOD", "POST", 0 },
		{ "CONTENT_TYPE", "application/json", 0 },
		{ "CONTENT_LENGTH", "1048576", 0 },
		{ "SCRIPT_NAME", "/app", 0 },
		{ "PATH_INFO", "/app/sentiment", 0 },
		{ "REQUEST_URI", "/app/sentiment?text=a%20b", 0 },
		{ "DOCUMENT_URI", "/app/sentiment", 0 },
		{ "REMOTE_ADDR", "192.0.2.7", 0 },
		{ "REQUEST_ID", "6f2c0bd7e1e84a1a9a0f6e4d9d3c7b21", 0 },
		{ "REQUEST_START", "1795000000.123", 0 },
		{ "HTTP_COOKIE", "a=1; b=2", 0 },
		{ "HTTP_REQUEST_BODY_FILE", "/x", 0 },
		{ "REQUEST_BODY_FILE", "/b/1", 0 },
		{ NULL, NULL, 0 }
	};
	struct block block;
	struct head head;

	(void)state;
	block_init(&block, pairs);
	assert_int_equal(scan(&block, &head), HEAD_OK);
	assert_span(head.body_file, "/b/1");
	assert_span(head.method, "POST");
	assert_span(head.path, "/sentiment");
	assert_span(head.query, "text=a%20b");
	assert_span(head.uri, "/app/sentiment?text=a%20b");
	assert_span(head.content_type, "application/json");
	assert_span(head.request_id, "6f2c0bd7e1e84a1a9a0f6e4d9d3c7b21");
	assert_span(head.cookie, "a=1; b=2");
	assert_span(head.remote_addr, "192.0.2.7");
	assert_int_equal(head.content_length, 1048576);
	assert_int_equal(head.start_ms, INT64_C(1795000000123));
	block_finish(&block);
}

static void
test_what_is_absent_is_empty(void **state)
{
	static const struct pair pairs[] = { GET, { NULL, NULL, 0 } };
	struct block block;
	struct head head;

	(void)state;
	block_init(&block, pairs);
	assert_int_equal(scan(&block, &head), HEAD_OK);
	assert_span(head.query, "");
	assert_span(head.uri, "");
	assert_span(head.content_type, "");
	assert_span(head.request_id, "");
	assert_span(head.cookie, "");
	assert_span(head.remote_addr, "");
	assert_span(head.body_file, "");
	assert_int_equal(head.content_length, HEAD_NO_LENGTH);
	assert_int_equal(head.start_ms, 0);
	block_finish(&block);
}

/* Names that are near to ours, of each length we look at, change nothing. */
static void
test_other_names_are_ignored(void **state)
{
	static const struct pair pairs[] = {
		GET, { "PATH_INFO", "/x", 0 },
		{ "PATH_INF0", "/y", 0 }, { "path_info", "/y", 0 },
		{ "REQUEST_IP", "y", 0 }, { "SCRIPT_NAMF", "/y", 0 },
		{ "QUERY_STRINH", "y", 0 }, { "REQUEST_STARS", "9", 0 },
		{ "CONTENT_LENGTI", "9", 0 }, { "REQUEST_METHOE", "PUT", 0 },
		{ "", "", 0 }, { NULL, NULL, 0 }
	};
	struct block block;
	struct head head;

	(void)state;
	block_init(&block, pairs);
	assert_int_equal(scan(&block, &head), HEAD_OK);
	assert_span(head.method, "GET");
	assert_span(head.path, "/x");
	assert_span(head.query, "");
	assert_int_equal(head.content_length, HEAD_NO_LENGTH);
	assert_int_equal(head.start_ms, 0);
	block_finish(&block);
}

/* ------------------------------------------------------------ single values */

struct value_case {
	const char	*name;
	const char	*value;
	size_t		 length;
	enum head_rc	 rc;
	int64_t		 number;
};

static const struct value_case value_cases[] = {
	{ "CONTENT_LENGTH", "0", 0, HEAD_OK, 0 },
	{ "CONTENT_LENGTH", "", 0, HEAD_OK, HEAD_NO_LENGTH },
	{ "CONTENT_LENGTH", "9223372036854775807", 0, HEAD_OK, INT64_MAX },
	{ "CONTENT_LENGTH", "9223372036854775808", 0, HEAD_BAD_LENGTH, 0 },
	{ "CONTENT_LENGTH", "-1", 0, HEAD_BAD_LENGTH, 0 },
	{ "CONTENT_LENGTH", "+1", 0, HEAD_BAD_LENGTH, 0 },
	{ "CONTENT_LENGTH", "1, 1", 0, HEAD_BAD_LENGTH, 0 },
	{ "CONTENT_LENGTH", "0x10", 0, HEAD_BAD_LENGTH, 0 },
	{ "CONTENT_LENGTH", "1\0", 2, HEAD_BAD_LENGTH, 0 },
	{ "CONTENT_LENGTH", " ", 0, HEAD_BAD_LENGTH, 0 },
	{ "REQUEST_START", "1795000000", 0, HEAD_OK, 1795000000000 },
	{ "REQUEST_START", "1795000000.", 0, HEAD_OK, 1795000000000 },
	{ "REQUEST_START", "1795000000.5", 0, HEAD_OK, 1795000000500 },
	{ "REQUEST_START", "1795000000.05", 0, HEAD_OK, 1795000000050 },
	{ "REQUEST_START", "1795000000.123456", 0, HEAD_OK, 1795000000123 },
	{ "REQUEST_START", "", 0, HEAD_OK, 0 },
	{ "REQUEST_START", ".5", 0, HEAD_OK, 0 },
	{ "REQUEST_START", "soon", 0, HEAD_OK, 0 },
	{ "REQUEST_START", "-1.5", 0, HEAD_OK, 0 },
	{ "REQUEST_START", "1.x", 0, HEAD_OK, 0 },
	{ "REQUEST_START", "9223372036854775", 0, HEAD_OK, 0 },
	{ "REQUEST_START", "9223372036854775807.999", 0, HEAD_OK, 0 }
};

static void
test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(value_cases); i++) {
		const struct value_case *c = &value_cases[i];
		const struct pair pairs[] = { GET,
			{ c->name, c->value, c->length }, { NULL, NULL, 0 } };
		struct block block;
		struct head head;

		block_init(&block, pairs);
		if (scan(&block, &head) != c->rc)
			fail_msg("%s=%s", c->name, c->value);
		if (c->rc == HEAD_OK)
			assert_int_equal(c->number,
			    strcmp(c->name, "CONTENT_LENGTH") == 0 ?
			    head.content_length : head.start_ms);
		block_finish(&block);
	}
}

static void
test_request_ids(void **state)
{
	static const char long_id[] = "0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789ABCDE.";
	static const struct { const char *sent, *want; } cases[] = {
		{ "", "" },
		{ "a", "a" },
		{ "A-z_0.9", "A-z_0.9" },
		{ long_id, long_id },
		{ "0123456789abcdef0123456789abcdef"
		    "0123456789abcdef0123456789abcdef0", "" },
		{ "a b", "" },
		{ "a\nb", "" },
		{ "a/b", "" },
		{ "a\"", "" },
		{ "\xc3\xbc", "" }
	};

	(void)state;
	assert_int_equal(strlen(long_id), HEAD_ID_MAX);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct pair pairs[] = { GET,
			{ "REQUEST_ID", cases[i].sent, 0 },
			{ NULL, NULL, 0 } };
		struct block block;
		struct head head;

		block_init(&block, pairs);
		assert_int_equal(scan(&block, &head), HEAD_OK);
		assert_span(head.request_id, cases[i].want);
		block_finish(&block);
	}
}

static void
test_methods(void **state)
{
	static const struct { const char *sent; size_t length; bool good; }
	    cases[] = {
		{ "GET", 0, true }, { "M-SEARCH", 0, true },
		{ "get", 0, true }, { "", 0, false }, { "GET ", 0, false },
		{ "G\0T", 3, false }, { "G\r\n", 0, false },
		{ "G\"T", 0, false }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct pair pairs[] = {
			{ "REQUEST_METHOD", cases[i].sent, cases[i].length },
			{ NULL, NULL, 0 } };
		struct block block;
		struct head head;

		block_init(&block, pairs);
		assert_int_equal(scan(&block, &head),
		    cases[i].good ? HEAD_OK : HEAD_NO_METHOD);
		block_finish(&block);
	}
	assert_int_equal(head_scan((const uint8_t *)"", 0, NULL, 0,
	    &(struct head){ 0 }), HEAD_NO_METHOD);
}

/* A block cut at any byte is refused or is a shorter list, and the members
 * before the cut are there for the log. */
static void
test_cut_at_each_byte(void **state)
{
	static const struct pair pairs[] = {
		{ "REQUEST_ID", "id-1", 0 }, GET,
		{ "REQUEST_URI", "/a%20b", 0 },
		{ "CONTENT_LENGTH", "12", 0 }, { NULL, NULL, 0 }
	};
	static const size_t ends[] = { 0, 16, 35, 54, 72 };
	struct block block;
	size_t next = 0;

	(void)state;
	block_init(&block, pairs);
	assert_int_equal(block.length, ends[COUNT(ends) - 1]);
	for (size_t length = 0; length <= block.length; length++) {
		uint8_t *cut = malloc(length + (length == 0));
		struct head head;
		enum head_rc rc, want = HEAD_BAD_PARAMS;

		memcpy(cut, block.bytes, length);
		rc = head_scan(cut, length, block.scratch, block.length,
		    &head);
		if (length == ends[next]) {
			want = next < 2 ? HEAD_NO_METHOD : HEAD_OK;
			next++;
		}
		assert_int_equal(rc, want);
		assert_span(head.request_id, length < ends[1] ? "" : "id-1");
		free(cut);
	}
	block_finish(&block);
}

static void
test_each_result_has_a_sentence(void **state)
{
	(void)state;
	for (int rc = HEAD_OK; rc <= HEAD_BAD_PATH; rc++) {
		assert_non_null(head_strerror((enum head_rc)rc));
		for (int other = HEAD_OK; other < rc; other++)
			assert_string_not_equal(
			    head_strerror((enum head_rc)rc),
			    head_strerror((enum head_rc)other));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_scratch_is_not_overrun),
		cmocka_unit_test(test_what_nginx_sends),
		cmocka_unit_test(test_what_is_absent_is_empty),
		cmocka_unit_test(test_other_names_are_ignored),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_request_ids),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_cut_at_each_byte),
		cmocka_unit_test(test_each_result_has_a_sentence)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
