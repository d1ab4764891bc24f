/*
 * api_answer_test.c - cookies, redirects, downloads, caching and problems:
 * reply.h, sentence by sentence.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each header is compared to the byte.
 */
#include "api_fixture.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#define THEN	"Sun, 06 Nov 1994 08:49:37 GMT"
#define THEN_S	INT64_C(784111777)

static int	status;

/* ------------------------------------------------- cookies */

static const char	*cookie_name, *cookie_value;
static struct fh_cookie_options	options;
static bool		 delete_it;

static int
serve_cookie(struct fh_request *rq)
{
	int rc = delete_it ? fh_delete_cookie(rq, cookie_name, &options) :
	    fh_set_cookie(rq, cookie_name, cookie_value, &options);

	return rc == 0 ? fh_reply_text(rq, 200, "") : 0;
}

static void
bake(struct fixture *f, const char *name, const char *value)
{
	cookie_name = name;
	cookie_value = value;
	fixture_serve(f, serve_cookie);
	options = (struct fh_cookie_options){ 0 };
	delete_it = false;
}

static void
test_cookies(void **state)
{
	struct fixture *f = *state;

	bake(f, "id", "abc");
	wants_header(f, "Set-Cookie: id=abc; Path=/; Secure; HttpOnly; "
	    "SameSite=Lax");
	options = (struct fh_cookie_options){ .max_age = 60,
	    .expires = THEN_S, .domain = "example.org", .path = "/a",
	    .same_site = FH_SAME_SITE_NONE, .scripts = true,
	    .partitioned = true };
	bake(f, "id", "");
	wants_header(f, "Set-Cookie: id=; Path=/a; Domain=example.org; "
	    "Max-Age=60; Expires=" THEN "; Secure; SameSite=None; "
	    "Partitioned");
	options = (struct fh_cookie_options){ .insecure = true,
	    .expires = THEN_S, .same_site = FH_SAME_SITE_UNSAID };
	bake(f, "id", "x");
	wants_header(f, "Set-Cookie: id=x; Path=/; Expires=" THEN
	    "; HttpOnly");
	options.same_site = FH_SAME_SITE_STRICT;
	bake(f, "__Host-id", "x");
	wants_header(f, "Set-Cookie: __Host-id=x; Path=/; Secure; HttpOnly; "
	    "SameSite=Strict");
	delete_it = true;
	options.path = "/a";
	bake(f, "id", "");
	wants_header(f, "Set-Cookie: id=; Path=/a; Max-Age=0; "
	    "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; "
	    "SameSite=Lax");
}

static const struct {
	const char			*name, *value, *why;
	struct fh_cookie_options	 options;
} bad_cookies[] = {
	{ "", "x", "not a token", { 0 } },
	{ "a b", "x", "not a token", { 0 } },
	{ "a=b", "x", "not a token", { 0 } },
	{ "a\r\nX", "x", "not a token", { 0 } },
	{ "a", "x\r\nSet-Cookie: b=c", "no cookie may have", { 0 } },
	{ "a", "x; Domain=evil", "no cookie may have", { 0 } },
	{ "a", "x;Domain=evil", "no cookie may have", { 0 } },
	{ "a", "x\x7f", "no cookie may have", { 0 } },
	{ "a", "x y", "no cookie may have", { 0 } },
	{ "a", "\"x\"", "no cookie may have", { 0 } },
	{ "a", "a,b", "no cookie may have", { 0 } },
	{ "a", "a\\b", "no cookie may have", { 0 } },
	{ "a", "\xc3\xbc", "no cookie may have", { 0 } },
	{ "a", "x", "path", { .path = "a" } },
	{ "a", "x", "path", { .path = "/;x" } },
	{ "a", "x", "path", { .path = "/\r\nX: y" } },
	{ "a", "x", "domain", { .domain = "" } },
	{ "a", "x", "domain", { .domain = "a;b" } },
	{ "a", "x", "domain", { .domain = "a\nb" } },
	{ "a", "x", "max_age", { .max_age = -1 } },
	{ "a", "x", "Secure", { .insecure = true, .partitioned = true } },
	{ "a", "x", "Secure", { .insecure = true,
	    .same_site = FH_SAME_SITE_NONE } },
	{ "__Secure-a", "x", "Secure", { .insecure = true } },
	{ "__secure-a", "x", "Secure", { .insecure = true } },
	{ "__Host-a", "x", "Secure", { .insecure = true } },
	{ "__Host-a", "x", "no Domain", { .domain = "example.org" } },
	{ "__HOST-a", "x", "Path=/", { .path = "/a" } }
};

static void
test_cookies_no_browser_takes(void **state)
{
	struct fixture *f = *state;
	char long_value[4097];

	for (size_t i = 0; i < sizeof(bad_cookies) / sizeof(bad_cookies[0]);
	    i++) {
		options = bad_cookies[i].options;
		bake(f, bad_cookies[i].name, bad_cookies[i].value);
		wants_500(f, bad_cookies[i].why);
	}
	memset(long_value, 'x', 4096);
	long_value[4096] = '\0';
	bake(f, "a", long_value);
	wants_500(f, "4096 bytes");
	bake(f, "a", long_value + 1);
	assert_int_equal(f->result.status, 200);
}

/* ------------------------------------------------- redirects */

static const char	*location;

static int
serve_redirect(struct fh_request *rq)
{
	return fh_redirect(rq, status, location);
}

static void
wants_location(struct fixture *f, const char *from, const char *to)
{
	char line[256];

	location = from;
	fixture_serve(f, serve_redirect);
	snprintf(line, sizeof(line), "Location: %s", to);
	wants_header(f, line);
	wants_body(f, "");
	assert_int_equal(f->result.status, status);
}

static void
test_redirects(void **state)
{
	static const int good[] = { 301, 302, 303, 307, 308 };
	struct fixture *f = *state;

	for (size_t i = 0; i < 5; i++) {
		status = good[i];
		wants_location(f, "/users/7?a=b#c", "/users/7?a=b#c");
	}
	wants_location(f, "/a b\xc3\xbc\"<", "/a%20b%C3%BC%22%3C");
	wants_location(f, "/a%20b", "/a%20b");
	wants_location(f, "https://example.org/x", "https://example.org/x");
	wants_location(f, "?page=2", "?page=2");
	wants_location(f, "7", "7");
	fixture_param(f, "SCRIPT_NAME", "/my app/");
	wants_location(f, "/users/7", "/my%20app/users/7");
	wants_location(f, "https://example.org/x", "https://example.org/x");
	wants_location(f, "7", "7");
	fixture_param(f, "PATH_INFO", "");	/* the path is SCRIPT_NAME */
	wants_location(f, "/users/7", "/users/7");
}

static void
test_redirects_that_are_refused(void **state)
{
	static const char *const bad[] = { "", "/x\r\nSet-Cookie: a=b",
	    "/x\n", "/\tx", "//evil.example", "/\\evil.example" };
	struct fixture *f = *state;

	status = 302;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		location = bad[i];
		fixture_serve(f, serve_redirect);
		wants_500(f, "the location of a redirect");
	}
	location = "/x";
	status = 200;
	fixture_serve(f, serve_redirect);
	wants_500(f, "the status 200 is no redirect");
	status = 304;
	fixture_serve(f, serve_redirect);
	wants_500(f, "the status 304 is no redirect");
}

/* ------------------------------------------------- names, caching */

static const char	*download;

static int
serve_download(struct fh_request *rq)
{
	fh_download(rq, download);
	return fh_reply_text(rq, 200, "");
}

static const struct {
	const char	*name, *header;
} downloads[] = {
	{ "a.pdf", "attachment; filename=\"a.pdf\"" },
	{ "a b;c.pdf", "attachment; filename=\"a b;c.pdf\"" },
	{ "../../etc/passwd", "attachment; filename=\".._.._etc_passwd\"" },
	{ "C:\\x", "attachment; filename=\"C:_x\"" },
	{ "a\r\nX: y", "attachment; filename=\"a__X: y\"" },
	{ "\xc3\xa9t\xc3\xa9.txt", "attachment; filename=\"__t__.txt\"; "
	    "filename*=UTF-8''%C3%A9t%C3%A9.txt" },
	{ "a\xff\xc3.txt", "attachment; filename=\"a__.txt\"" },
	{ "a\"b%41", "attachment; filename=\"a_b_41\"; "
	    "filename*=UTF-8''a%22b%2541" }
};

static void
test_downloads(void **state)
{
	struct fixture *f = *state;
	char line[256];

	for (size_t i = 0; i < sizeof(downloads) / sizeof(downloads[0]); i++) {
		download = downloads[i].name;
		fixture_serve(f, serve_download);
		snprintf(line, sizeof(line), "Content-Disposition: %s",
		    downloads[i].header);
		wants_header(f, line);
	}
	download = "";
	fixture_serve(f, serve_download);
	wants_500(f, "a download needs a name");
}

static int
serve_caching(struct fh_request *rq)
{
	switch (status) {
	case 1:
		fh_fresh_for(rq, 60, true);
		break;
	case 2:
		fh_fresh_for(rq, 0, false);
		break;
	case 3:
		fh_revalidate(rq);
		break;
	case 4:
		fh_no_store(rq);
		break;
	default:
		fh_fresh_for(rq, -1, false);
	}
	fh_vary(rq, "Accept");
	fh_vary(rq, "accept");
	fh_vary(rq, "Accept-Language");
	return fh_reply_text(rq, 200, "");
}

static void
test_caching(void **state)
{
	static const char *const wanted[] = { "public, max-age=60",
	    "private, max-age=0", "no-cache", "no-store" };
	struct fixture *f = *state;
	char line[64];

	for (status = 1; status <= 4; status++) {
		fixture_serve(f, serve_caching);
		snprintf(line, sizeof(line), "Cache-Control: %s",
		    wanted[status - 1]);
		wants_header(f, line);
		wants_header(f, "Vary: Accept, Accept-Language");
	}
	fixture_serve(f, serve_caching);
	wants_500(f, "fh_fresh_for()");
}

/* ------------------------------------------------- problems */

static const char	*members;

static int
serve_problem(struct fh_request *rq)
{
	return fh_problem_with(rq, 403, members == NULL ? NULL :
	    "https://example.org/poor", members == NULL ? NULL :
	    json_tokener_parse(members), "You have %d.", 30);
}

static void
test_problems_with_more(void **state)
{
	struct fixture *f = *state;

	members = NULL;
	fixture_serve(f, serve_problem);
	wants_body(f, "{\"type\":\"about:blank\",\"title\":\"Forbidden\","
	    "\"status\":403,\"detail\":\"You have 30.\","
	    "\"instance\":\"abc123\"}");
	members = "{\"title\":\"Too little\",\"status\":200,\"detail\":\"x\","
	    "\"balance\":30,\"accounts\":[\"/a\"],\"instance\":1,\"type\":2}";
	fixture_serve(f, serve_problem);
	wants_header(f, "Content-Type: application/problem+json");
	wants_body(f, "{\"type\":\"https://example.org/poor\","
	    "\"title\":\"Too little\",\"status\":403,"
	    "\"detail\":\"You have 30.\",\"instance\":\"abc123\","
	    "\"balance\":30,\"accounts\":[\"/a\"]}");
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, \
	    fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cookies),
		TEST(test_cookies_no_browser_takes),
		TEST(test_redirects),
		TEST(test_redirects_that_are_refused),
		TEST(test_downloads),
		TEST(test_caching),
		TEST(test_problems_with_more)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
