/*
 * api_fcgx_test.c - Debian's libfcgi over a request of ours.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each serve_ function is the inside of an FCGX_Accept_r loop and
 * calls nothing but FCGX_ functions after fh_fcgx().
 */
#include "api_fixture.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fixture	*watched;
static const char	*output;
static int		 value;

/* ------------------------------------------------- a whole program */

static int
serve_program(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	const char *length = FCGX_GetParam("CONTENT_LENGTH", request->envp);
	long left = length == NULL ? 0 : strtol(length, NULL, 10);

	FCGX_FPrintF(request->out, "Content-Type: text/html\r\n"
	    "X-Method: %s\r\n\r\n",
	    FCGX_GetParam("REQUEST_METHOD", request->envp));
	while (left-- > 0) {
		int c = FCGX_GetChar(request->in);

		if (c < 0)
			break;
		FCGX_PutChar(c, request->out);
	}
	FCGX_FPrintF(request->err, "served %d\n", 1);
	return 0;
}

static void
test_program(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "CONTENT_LENGTH", "5");
	fixture_body(f, "hello", 5);
	fixture_serve(f, serve_program);
	wants_head(f, "Status: 200 OK\r\nContent-Type: text/html\r\n"
	    "Content-Length: 5\r\nX-Method: GET\r\n\r\n");
	wants_body(f, "hello");
	assert_int_equal(f->outcome, API_DONE);
	assert_non_null(strstr(fixture_log(f), " warn req=abc123 route=\"GET "
	    "/users/{id}/{rest...}\" handler=tested served 1\n"));
}

static void
test_program_at_a_head_request(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "CONTENT_LENGTH", "5");
	fixture_body(f, "hello", 5);
	f->input.head_only = true;
	fixture_serve(f, serve_program);
	wants_header(f, "Content-Length: 5");
	wants_body(f, "");
}

/* ------------------------------------------------- envp */

static int
serve_envp(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	char **envp = request->envp;
	int count = 0;

	assert_ptr_equal(request, fh_fcgx(rq));
	for (char **at = envp; *at != NULL; at++) {
		assert_non_null(strchr(*at, '='));
		count++;
	}
	assert_int_equal(count, 8);
	assert_string_equal(envp[0], "FCGI_ROLE=RESPONDER");
	assert_string_equal(FCGX_GetParam("FCGI_ROLE", envp), "RESPONDER");
	assert_string_equal(FCGX_GetParam("REQUEST_METHOD", envp), "GET");
	assert_string_equal(FCGX_GetParam("TWICE", envp), "last");
	assert_string_equal(FCGX_GetParam("EMPTY", envp), "");
	assert_string_equal(FCGX_GetParam("EQUALS", envp), "a=b");
	assert_string_equal(FCGX_GetParam("NUL", envp), "x");
	assert_null(FCGX_GetParam("ALIAS", envp));
	assert_null(FCGX_GetParam("HTTP_PROXY", envp));
	assert_null(FCGX_GetParam("NOT", envp));
	FCGX_PutS("\n", request->out);
	return 0;
}

static void
test_envp(void **state)
{
	struct fixture *f = *state;

	fixture_param(f, "TWICE", "first");
	fixture_param(f, "HTTP_PROXY", "evil");
	fixture_param(f, "EMPTY", "");
	fixture_param(f, "EQUALS", "a=b");
	fixture_param(f, "ALIAS=x", "y");
	fixture_param_bytes(f, "NUL", 3, "x\0y", 3);
	fixture_param(f, "TWICE", "last");
	fixture_serve(f, serve_envp);
	wants_head(f, "Status: 200 OK\r\nContent-Length: 0\r\n\r\n");
}

/* ------------------------------------------------- in */

static int
serve_in(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	FCGX_Stream *in = request->in;
	char text[32];

	assert_int_equal(FCGX_HasSeenEOF(in), 0);
	assert_int_equal(FCGX_UnGetChar('?', in), EOF);
	assert_int_equal(FCGX_GetChar(in), 'l');
	assert_int_equal(FCGX_UnGetChar('L', in), 'L');
	assert_ptr_equal(FCGX_GetLine(text, sizeof(text), in), text);
	assert_string_equal(text, "Line one\n");
	assert_int_equal(FCGX_GetStr(text, 4, in), 4);
	assert_memory_equal(text, "two\n", 4);
	assert_ptr_equal(FCGX_GetLine(text, 4, in), text);
	assert_string_equal(text, "thr");
	assert_int_equal(FCGX_GetStr(text, 30, in), 2);
	assert_memory_equal(text, "ee", 2);
	assert_int_equal(FCGX_GetChar(in), EOF);
	assert_int_equal(FCGX_HasSeenEOF(in), EOF);
	assert_null(FCGX_GetLine(text, sizeof(text), in));
	assert_int_equal(FCGX_GetStr(text, 1, in), 0);
	assert_int_equal(FCGX_GetError(in), 0);
	FCGX_PutS("\n", request->out);
	return 0;
}

/* The body is read-only to a worker: a byte put back must not touch it. */
static void
test_in(void **state)
{
	static const char body[] = "line one\ntwo\nthree";
	struct fixture *f = *state;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(page != MAP_FAILED);
	memcpy(page, body, sizeof(body));
	assert_int_equal(mprotect(page, 4096, PROT_READ), 0);
	fixture_body(f, page, sizeof(body) - 1);
	fixture_serve(f, serve_in);
	assert_int_equal(f->result.status, 200);
	munmap(page, 4096);
}

static int
serve_copy(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	char piece[777];
	int n;

	FCGX_PutS("Content-Type: a/b\n\n", request->out);
	while ((n = FCGX_GetStr(piece, sizeof(piece), request->in)) > 0)
		assert_int_equal(FCGX_PutStr(piece, n, request->out), n);
	return 0;
}

static void
test_large_body_in_and_out(void **state)
{
	struct fixture *f = *state;
	size_t length = 500000;
	char *body = malloc(length);

	assert_non_null(body);
	for (size_t i = 0; i < length; i++)
		body[i] = (char)(i * 7 + i / 4096);
	fixture_body(f, body, length);
	fixture_serve(f, serve_copy);
	assert_int_equal(f->body_length, length);
	assert_memory_equal(f->body, body, length);
	assert_true(f->sends > 1);
	assert_int_equal(f->flushes, 0);
	assert_int_equal(f->outcome, API_DONE);
	free(body);
}

/* ------------------------------------------------- the CGI header */

static int
serve_output(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);

	FCGX_PutS(output, request->out);
	return value;
}

static int
serve_output_by_char(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);

	for (const char *c = output; *c != '\0'; c++) {
		FCGX_PutChar(*c, request->out);
		FCGX_FFlush(request->out);
	}
	return value;
}

struct header_case {
	const char	*output;
	const char	*head;
	const char	*body;
};

static void
test_cgi_headers(void **state)
{
	static const struct header_case cases[] = {
		{ "Status: 404 Not Here\r\nContent-Type: a/b\r\n\r\nx",
		    "Status: 404 Not Found\r\nContent-Type: a/b\r\n"
		    "Content-Length: 1\r\n\r\n", "x" },
		{ "Status: 201\ncontent-type:a/b\nX-A:  b \n\n",
		    "Status: 201 Created\r\nContent-Type: a/b\r\n"
		    "Content-Length: 0\r\nX-A: b\r\n\r\n", "" },
		{ "Location: /there\n\n",
		    "Status: 302 Found\r\nContent-Length: 0\r\n"
		    "Location: /there\r\n\r\n", "" },
		{ "Status: 301\nLocation: http://a/\n\n",
		    "Status: 301 Moved Permanently\r\nContent-Length: 0\r\n"
		    "Location: http://a/\r\n\r\n", "" },
		{ "Set-Cookie: a=1\nSet-Cookie: b=2\nContent-Type: a/b\n\nxy",
		    "Status: 200 OK\r\nContent-Type: a/b\r\n"
		    "Content-Length: 2\r\nSet-Cookie: a=1\r\n"
		    "Set-Cookie: b=2\r\n\r\n", "xy" },
		{ "Content-Type: a/b\nContent-Length: 2\n\nxyz",
		    "Status: 200 OK\r\nContent-Type: a/b\r\n"
		    "Content-Length: 2\r\n\r\n", "xy" },
		{ "\nno header",
		    "Status: 200 OK\r\n"
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Length: 9\r\n\r\n", "no header" },
		{ "Status: 204\n\nignored",
		    "Status: 204 No Content\r\n\r\n", "" }
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		output = cases[i].output;
		fixture_serve(f, serve_output);
		wants_head(f, cases[i].head);
		wants_body(f, cases[i].body);
		f->sink.streams = false;
		fixture_serve(f, serve_output_by_char);
		f->sink.streams = true;
		wants_head(f, cases[i].head);
		wants_body(f, cases[i].body);
	}
}

static void
test_bad_cgi_replies(void **state)
{
	static const struct header_case cases[] = {
		{ "Content-Type: a/b\r\n", NULL, "no blank line" },
		{ "just text", NULL, "no blank line" },
		{ "just text\n\n", NULL, "malformed" },
		{ "HTTP/1.1 200 OK\r\n\r\n", NULL, "malformed" },
		{ "<html>\n", NULL, "malformed" },
		{ "A b: c\n\n", NULL, "malformed" },
		{ "X-Nul: a\x01z\n\n", NULL, "malformed" },
		{ "Status: abc\n\n", NULL, "\"Status\" has a value" },
		{ "Connection: close\n\n", NULL, "\"Connection\" belongs" },
		{ "Content-Length: x\n\n", NULL, "\"Content-Length\" has" },
		{ "Content-Length: 9\n\nshort", NULL, "5 bytes of the" },
		{ "", NULL, "the handler replied nothing" }
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		output = cases[i].output;
		fixture_serve(f, serve_output);
		wants_500(f, cases[i].body);
		assert_non_null(strstr(fixture_log(f), "req=abc123"));
	}
}

static int
serve_endless_header(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	int n = 0;

	while (n < 1000000 && FCGX_PutChar('a', request->out) != EOF)
		n++;
	assert_true(n < 100000);
	assert_true(FCGX_GetError(request->out) != 0);
	assert_int_equal(FCGX_PutS("x", request->out), -1);
	assert_int_equal(FCGX_FFlush(request->out), 0);
	return 0;
}

static int
serve_large_header(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	char long_value[101];

	memset(long_value, 'v', 100);
	long_value[100] = '\0';
	for (int i = 0; i < value; i++)
		FCGX_FPrintF(request->out, "X-%d: %s\r\n", i, long_value);
	FCGX_PutS("\r\nbody", request->out);
	return 0;
}

static void
test_header_limit(void **state)
{
	struct fixture *f = *state;

	fixture_serve(f, serve_endless_header);
	wants_500(f, "and has no end");
	value = 100;
	fixture_serve(f, serve_large_header);
	assert_int_equal(f->result.status, 200);
	wants_body(f, "body");
	wants_header(f, "Content-Length: 4");
	value = 1000;
	fixture_serve(f, serve_large_header);
	assert_int_equal(f->result.status, 500);
	value = 0;
}

static void
test_nonzero(void **state)
{
	struct fixture *f = *state;

	output = "Content-Type: a/b\n\nhalf";
	value = 5;
	fixture_serve(f, serve_output);
	wants_500(f, "the handler failed");
	assert_non_null(strstr(fixture_log(f), "serve() returned 5\n"));
	value = 0;
}

/* ------------------------------------------------- flushes */

static int
serve_flush(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	char full[4096];

	FCGX_PutS("Content-Type: a/b\n", request->out);
	FCGX_FFlush(request->out);
	assert_int_equal(watched->flushes, 0);
	FCGX_PutS("\none", request->out);
	assert_int_equal(FCGX_FFlush(request->out), 0);
	assert_int_equal(watched->flushes, 1);
	wants_body(watched, "one");
	memset(full, 'f', sizeof(full));
	FCGX_PutStr(full, sizeof(full), request->out);
	assert_int_equal(FCGX_FFlush(request->out), 0);
	assert_int_equal(watched->flushes, 2);
	assert_int_equal(watched->body_length, 4099);
	FCGX_PutS("end", request->out);
	assert_int_equal(watched->body_length, 4099);
	assert_int_equal(FCGX_FClose(request->out), 0);
	assert_int_equal(FCGX_PutS("after", request->out), -1);
	return 0;
}

static void
test_flush(void **state)
{
	struct fixture *f = watched = *state;

	fixture_serve(f, serve_flush);
	wants_head(f, "Status: 200 OK\r\nContent-Type: a/b\r\n"
	    "X-Accel-Buffering: no\r\n\r\n");
	assert_int_equal(f->body_length, 4102);
	assert_memory_equal(f->body + 4096, "fffend", 6);
	assert_int_equal(f->outcome, API_DONE);
}

static int
serve_until_closed(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	int n = 0;

	FCGX_PutS("Content-Type: a/b\n\n", request->out);
	FCGX_FFlush(request->out);
	while (n < 1000000 && FCGX_PutS("0123456789", request->out) == 10)
		n++;
	assert_true(n < 30000);
	assert_int_equal(FCGX_GetError(request->out), EPIPE);
	assert_int_equal(FCGX_FClose(request->out), -1);
	return 0;
}

static void
test_nobody_reads(void **state)
{
	struct fixture *f = *state;

	for (f->fail_at = 1; f->fail_at < 4; f->fail_at++) {
		fixture_serve(f, serve_until_closed);
		assert_int_equal(f->outcome, API_BROKEN);
		assert_int_equal(f->sends, f->fail_at);
	}
}

/* ------------------------------------------------- err */

static int
serve_err(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);

	FCGX_PutS("\n", request->out);
	FCGX_PutS("one\ntwo\nthr", request->err);
	FCGX_PutS("ee\n", request->err);
	FCGX_FFlush(request->err);
	assert_non_null(strstr(fixture_log(watched), "handler=tested three"));
	FCGX_PutS("half", request->err);
	FCGX_FFlush(request->err);
	assert_non_null(strstr(fixture_log(watched), "handler=tested half\n"));
	for (int i = 0; i < 3000; i++)
		FCGX_PutChar('w', request->err);
	FCGX_PutS("\nunflushed", request->err);
	return 0;
}

static int
count_of(const char *text, const char *part)
{
	int count = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		count++;
	}
	return count;
}

static void
test_err(void **state)
{
	struct fixture *f = watched = *state;
	const char *log;

	fixture_serve(f, serve_err);
	log = fixture_log(f);
	assert_int_equal(count_of(log, "w"), 3000 + 4);
	assert_int_equal(count_of(log, "\n"), 4);
	assert_non_null(strstr(log, "handler=tested unflushed\n"));
	wants_body(f, "");
}

static int
serve_err_flood(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);

	for (int i = 0; i < 100000; i++)
		FCGX_FPrintF(request->err, "flood %d\n", i);
	FCGX_PutS("\nfine", request->out);
	return 0;
}

static void
test_err_flood(void **state)
{
	struct fixture *f = *state;
	const char *log;

	fixture_serve(f, serve_err_flood);
	wants_body(f, "fine");
	log = fixture_log(f);
	assert_int_equal(count_of(log, "\n"), 1001);
	assert_non_null(strstr(log, "99000 more lines ("));
}

/* ------------------------------------------------- finish */

static void
finish(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);

	assert_string_equal(FCGX_GetParam("REQUEST_METHOD", request->envp),
	    "GET");
	assert_int_equal(FCGX_GetChar(request->in), EOF);
	assert_int_equal(FCGX_PutS("late", request->out), -1);
	value++;
}

static void
test_finish(void **state)
{
	struct fixture *f = *state;
	struct api_input late;

	output = "\nx";
	fixture_serve(f, serve_output);
	f->route.finish = finish;
	late = f->input;
	late.params = f->params;
	late.params_length = f->params_length;
	api_finish(f->rq, &late, &f->result);
	api_request_reset(f->rq);
	assert_int_equal(value, 1);
	assert_int_equal(f->sends, 1);
	value = 0;
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_program),
		TEST(test_program_at_a_head_request),
		TEST(test_envp),
		TEST(test_in),
		TEST(test_large_body_in_and_out),
		TEST(test_cgi_headers),
		TEST(test_bad_cgi_replies),
		TEST(test_header_limit),
		TEST(test_nonzero),
		TEST(test_flush),
		TEST(test_nobody_reads),
		TEST(test_err),
		TEST(test_err_flood),
		TEST(test_finish)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
