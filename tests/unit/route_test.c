/*
 * route_test.c - the router: what wins, what is tried next, what is refused.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: each test makes its own set and frees it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/handler_set.h"

struct table {
	struct handler_set	 set;
	struct route		 routes[64];
};

/* "GET /a", "POST /a", NULL */
static struct table *
table_create(const char *const *labels)
{
	struct table *table = calloc(1, sizeof(*table));
	size_t count = 0;

	assert_non_null(table);
	for (; labels[count] != NULL; count++) {
		const char *space = strchr(labels[count], ' ');
		struct err err = { "" };

		if (route_check_pattern(space + 1, &err) < 0)
			fail_msg("%s: %s", labels[count], err.text);
		assert_int_equal(route_init(&table->routes[count],
		    labels[count], (size_t)(space - labels[count]), space + 1),
		    0);
		assert_string_equal(table->routes[count].label, labels[count]);
	}
	table->set.routes = table->routes;
	table->set.route_count = count;
	table->set.root = route_tree_create(table->routes, count);
	assert_non_null(table->set.root);
	return table;
}

static void
table_destroy(struct table *table)
{
	route_tree_destroy(table->set.root);
	for (size_t i = 0; i < table->set.route_count; i++)
		route_finish(&table->routes[i]);
	free(table);
}

static struct route_match
find_bytes(struct table *table, const char *method, const char *path,
    size_t length)
{
	struct route_match match;
	char *exact = malloc(length + 1);	/* so that ASan sees more */

	assert_non_null(exact);
	memcpy(exact, path, length);
	exact = realloc(exact, length > 0 ? length : 1);
	assert_non_null(exact);
	memset(&match, 0xa5, sizeof(match));
	route_find(&table->set, method, strlen(method), exact, length, &match);
	for (size_t i = 0; i < match.capture_count; i++)
		match.captures[i].at = path + (match.captures[i].at - exact);
	free(exact);
	return match;
}

static struct route_match
find(struct table *table, const char *method, const char *path)
{
	return find_bytes(table, method, path, strlen(path));
}

static void
expect(struct table *table, const char *method, const char *path,
    const char *label)
{
	struct route_match match = find(table, method, path);

	if (match.route == NULL)
		fail_msg("%s %s: %d, not %s", method, path, match.status,
		    label);
	if (strcmp(match.route->label, label) != 0)
		fail_msg("%s %s: %s, not %s", method, path,
		    match.route->label, label);
	assert_int_equal(match.status, 200);
}

static void
expect_none(struct table *table, const char *method, const char *path,
    int status, const char *allow)
{
	struct route_match match = find(table, method, path);

	if (match.route != NULL)
		fail_msg("%s %s: %s, not %d", method, path,
		    match.route->label, status);
	assert_int_equal(match.status, status);
	assert_string_equal(match.allow, allow);
}

static void
expect_capture(const struct route_match *match, size_t index,
    const char *name, const char *value)
{
	const struct route_capture *capture = &match->captures[index];

	assert_true(index < match->capture_count);
	assert_string_equal(capture->name, name);
	assert_int_equal(capture->length, strlen(value));
	assert_memory_equal(capture->at, value, capture->length);
}

static void
literal_beats_parameter_beats_rest(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /users/{id}", "GET /users/me", "GET /users/{rest...}",
	    "GET /users", "GET /", NULL });

	(void)state;
	expect(table, "GET", "/users/me", "GET /users/me");
	expect(table, "GET", "/users/you", "GET /users/{id}");
	expect(table, "GET", "/users/you/too", "GET /users/{rest...}");
	expect(table, "GET", "/users/me/too", "GET /users/{rest...}");
	expect(table, "GET", "/users/", "GET /users/{rest...}");
	expect(table, "GET", "/users", "GET /users");
	expect(table, "GET", "/", "GET /");
	expect(table, "GET", "", "GET /");
	expect_none(table, "GET", "/user", 404, "");
	expect_none(table, "GET", "/userss", 404, "");
	expect_none(table, "GET", "users", 404, "");
	expect_none(table, "GET", "*", 404, "");
	table_destroy(table);
}

static void
the_next_way_is_tried(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /a/{x}/c", "GET /a/b/{y}", "GET /a/b/c/d", "GET /a/{r...}",
	    "GET /{p}/{q}/z/{s}", NULL });
	struct route_match match;

	(void)state;
	expect(table, "GET", "/a/b/c", "GET /a/b/{y}");
	expect(table, "GET", "/a/x/c", "GET /a/{x}/c");
	expect(table, "GET", "/a/b/c/d", "GET /a/b/c/d");
	expect(table, "GET", "/a/b/c/e", "GET /a/{r...}");
	expect(table, "GET", "/b/b/z/d", "GET /{p}/{q}/z/{s}");
	match = find(table, "GET", "/a/b/c/e");
	assert_int_equal(match.capture_count, 1);
	expect_capture(&match, 0, "r", "b/c/e");
	table_destroy(table);
}

/* DELETE finds the parameter's route behind a literal one that lacks it. */
static void
the_method_is_part_of_the_search(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /users/me", "DELETE /users/{id}", "GET /users/{id}",
	    "PUT /{all...}", NULL });

	(void)state;
	expect(table, "GET", "/users/me", "GET /users/me");
	expect(table, "DELETE", "/users/me", "DELETE /users/{id}");
	expect(table, "PUT", "/users/me", "PUT /{all...}");
	expect_none(table, "POST", "/users/me", 405,
	    "GET, HEAD, DELETE, PUT, OPTIONS");
	expect_none(table, "POST", "/other", 405, "PUT, OPTIONS");
	table_destroy(table);
}

static void
captures_are_named_in_order(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /u/{user}/posts/{post}", "GET /files/{path...}",
	    "PUT /u/{other}/posts/{name}", NULL });
	struct route_match match = find(table, "GET", "/u/7/posts/a b");

	(void)state;
	assert_int_equal(match.capture_count, 2);
	expect_capture(&match, 0, "user", "7");
	expect_capture(&match, 1, "post", "a b");
	match = find(table, "PUT", "/u/7/posts/8");
	expect_capture(&match, 0, "other", "7");
	expect_capture(&match, 1, "name", "8");
	match = find(table, "GET", "/files/a//b/");
	assert_int_equal(match.capture_count, 1);
	expect_capture(&match, 0, "path", "a//b/");
	match = find(table, "GET", "/files/");
	expect_capture(&match, 0, "path", "");
	expect_none(table, "GET", "/files", 404, "");
	table_destroy(table);
}

static void
slashes_count(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /a", "GET /b/", "GET /c/{id}", "GET /c/{id}/", NULL });

	(void)state;
	expect(table, "GET", "/a", "GET /a");
	expect_none(table, "GET", "/a/", 404, "");
	expect(table, "GET", "/b/", "GET /b/");
	expect_none(table, "GET", "/b", 404, "");
	expect_none(table, "GET", "//a", 404, "");
	expect_none(table, "GET", "/c/", 404, "");
	expect_none(table, "GET", "/c//", 404, "");
	expect(table, "GET", "/c/x", "GET /c/{id}");
	expect(table, "GET", "/c/x/", "GET /c/{id}/");
	table_destroy(table);
}

static void
head_options_and_405(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /a", "POST /a", "HEAD /b", "GET /b", "OPTIONS /b",
	    "POST /c", NULL });
	struct route_match match = find(table, "HEAD", "/a");

	(void)state;
	assert_true(match.head);
	assert_string_equal(match.route->label, "GET /a");
	match = find(table, "HEAD", "/b");
	assert_true(match.head);
	assert_string_equal(match.route->label, "HEAD /b");
	match = find(table, "GET", "/b");
	assert_false(match.head);
	expect(table, "OPTIONS", "/b", "OPTIONS /b");
	expect_none(table, "OPTIONS", "/a", 204, "GET, HEAD, POST, OPTIONS");
	expect_none(table, "OPTIONS", "/c", 204, "POST, OPTIONS");
	expect_none(table, "OPTIONS", "/d", 404, "");
	expect_none(table, "HEAD", "/c", 405, "POST, OPTIONS");
	expect_none(table, "get", "/a", 405, "GET, HEAD, POST, OPTIONS");
	expect_none(table, "", "/a", 405, "GET, HEAD, POST, OPTIONS");
	expect_none(table, "PUT", "/b", 405, "HEAD, GET, OPTIONS");
	table_destroy(table);
}

static void
a_long_allow_is_cut_between_methods(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA /a",
	    "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB /a",
	    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC /a",
	    "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD /a", "GET /a", NULL });

	(void)state;
	expect_none(table, "PUT", "/a", 405,
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, "
	    "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB, "
	    "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC, GET, HEAD, OPTIONS");
	table_destroy(table);
}

static void
bytes_are_bytes(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /gr\xc3\xbc\xc3\x9f" "e", "GET /x/{v}", NULL });
	struct route_match match;

	(void)state;
	expect(table, "GET", "/gr\xc3\xbc\xc3\x9f" "e",
	    "GET /gr\xc3\xbc\xc3\x9f" "e");
	match = find_bytes(table, "GET", "/x/a\0b", 6);
	assert_int_equal(match.capture_count, 1);
	assert_int_equal(match.captures[0].length, 3);
	match = find_bytes(table, "GET", "/x\0/a", 5);
	assert_int_equal(match.status, 404);
	table_destroy(table);
}

/* 2^30 ways if a search went wrong; one visit per node if it is right. */
static void
a_search_is_bounded(void **state)
{
	char path[512] = "", *labels[32];
	struct table *table;
	char hostile[4096];

	(void)state;
	for (int i = 0; i < 30; i++) {
		assert_true(asprintf(&labels[i], "GET %s/{p}/z", path) > 0);
		strcat(path, "/a");
	}
	labels[30] = NULL;
	table = table_create((const char *const *)labels);
	expect_none(table, "GET", path, 404, "");
	memset(hostile, '/', sizeof(hostile));
	for (size_t i = 1; i < sizeof(hostile); i += 2)
		hostile[i] = 'a';
	hostile[sizeof(hostile) - 1] = '\0';
	expect_none(table, "GET", hostile, 404, "");
	table_destroy(table);
	for (int i = 0; i < 30; i++)
		free(labels[i]);
}

static void
many_literals_are_found(void **state)
{
	char *labels[64];
	struct table *table;

	(void)state;
	for (int i = 0; i < 63; i++)
		assert_true(asprintf(&labels[i], "GET /%d", i * 37) > 0);
	labels[63] = NULL;
	table = table_create((const char *const *)labels);
	for (int i = 0; i < 63; i++)
		expect(table, "GET", labels[i] + 4, labels[i]);
	expect_none(table, "GET", "/38", 404, "");
	table_destroy(table);
	for (int i = 0; i < 63; i++)
		free(labels[i]);
}

static void
an_empty_set_answers_404(void **state)
{
	struct table *table = table_create((const char *const[]){ NULL });

	(void)state;
	expect_none(table, "GET", "/", 404, "");
	expect_none(table, "OPTIONS", "/", 404, "");
	table_destroy(table);
}

static void
captures_of_a_found_route(void **state)
{
	struct table *table = table_create((const char *const[]){
	    "GET /a/{b}/{c...}", "GET /{all...}", NULL });
	struct route_capture out[ROUTE_CAPTURES_MAX];

	(void)state;
	assert_int_equal(route_captures(&table->routes[0], "/a/1/2/3", 8,
	    out), 2);
	assert_string_equal(out[1].name, "c");
	assert_int_equal(out[1].length, 3);
	assert_memory_equal(out[1].at, "2/3", 3);
	/* A path that does not fit must not lead out of it. */
	assert_int_equal(route_captures(&table->routes[0], "/a", 2, out), 2);
	assert_int_equal(out[0].length, 0);
	assert_int_equal(out[1].length, 0);
	assert_int_equal(route_captures(&table->routes[1], "", 0, out), 1);
	assert_int_equal(out[0].length, 0);
	table_destroy(table);
}

static void
bad_patterns_are_refused(void **state)
{
	static const struct {
		const char *pattern, *why;
	} cases[] = {
		{ "", "does not start with '/'" },
		{ "users", "does not start with '/'" },
		{ "/a//b", "empty segment" },
		{ "//", "empty segment" },
		{ "/a?b", "'?'" },
		{ "/a#b", "'#'" },
		{ "/a%20b", "'%'" },
		{ "/a\nb", "control character" },
		{ "/a{id}", "braces take a whole segment" },
		{ "/{id}.json", "braces take a whole segment" },
		{ "/{", "braces take a whole segment" },
		{ "/{}", "a name is letters" },
		{ "/{...}", "a name is letters" },
		{ "/{a b}", "a name is letters" },
		{ "/{a}{b}", "a name is letters" },
		{ "/{rest...}/x", "must come last" },
		{ "/{a}/{a}", "twice" },
		{ "/{a}/x/{a...}", "twice" },
		{ "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}"
		    "/{o}/{p}/{q}", "more than 16 parameters" },
		{ "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9"
		    "/0/1/2/3", "more than 32 segments" },
	};
	char huge[2048];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err.text[0] = '\0';
		if (route_check_pattern(cases[i].pattern, &err) == 0)
			fail_msg("accepted: %s", cases[i].pattern);
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].pattern, err.text);
	}
	memset(huge, 'a', sizeof(huge));
	huge[0] = '/';
	huge[sizeof(huge) - 1] = '\0';
	assert_int_equal(route_check_pattern(huge, &err), -1);
	assert_int_equal(route_check_pattern("/", NULL), 0);
	assert_int_equal(route_check_pattern("/a b", NULL), 0);
	assert_int_equal(route_check_pattern("/{a}/{b...}", NULL), 0);
}

static void
patterns_are_the_same_whatever_the_names(void **state)
{
	(void)state;
	assert_true(route_same_pattern("/a/{b}/{c...}", "/a/{x}/{y...}"));
	assert_false(route_same_pattern("/a/{b}", "/a/{b...}"));
	assert_false(route_same_pattern("/a/{b}", "/a/b"));
	assert_false(route_same_pattern("/a", "/a/"));
	assert_false(route_same_pattern("/a", "/b"));
	assert_true(route_same_pattern("/", "/"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literal_beats_parameter_beats_rest),
		cmocka_unit_test(the_next_way_is_tried),
		cmocka_unit_test(the_method_is_part_of_the_search),
		cmocka_unit_test(captures_are_named_in_order),
		cmocka_unit_test(slashes_count),
		cmocka_unit_test(head_options_and_405),
		cmocka_unit_test(a_long_allow_is_cut_between_methods),
		cmocka_unit_test(bytes_are_bytes),
		cmocka_unit_test(a_search_is_bounded),
		cmocka_unit_test(many_literals_are_found),
		cmocka_unit_test(an_empty_set_answers_404),
		cmocka_unit_test(captures_of_a_found_route),
		cmocka_unit_test(bad_patterns_are_refused),
		cmocka_unit_test(patterns_are_the_same_whatever_the_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
