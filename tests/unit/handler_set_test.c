/*
 * handler_set_test.c - the handlers of a directory, and their routes.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: nothing; the scratch directory is the fixture's.
 * Invariant: each test loads a directory of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "handler_fixture.h"

static const struct route *
route_of(const struct scratch *s, const char *label)
{
	for (size_t i = 0; i < s->set->route_count; i++) {
		if (strcmp(s->set->routes[i].label, label) == 0)
			return &s->set->routes[i];
	}
	fail_msg("no route %s", label);
	return NULL;
}

static void
a_good_handler(void **state)
{
	struct scratch *s = *state;
	const struct handler *handler;
	const struct route *route;
	struct route_match match;

	fixture_put_plain(s, "plain.so");
	fixture_load(s);
	assert_string_equal(s->reports, "");
	assert_int_equal(s->set->handler_count, 1);
	assert_int_equal(s->set->route_count, 4);
	handler = &s->set->handlers[0];
	assert_null(handler->error);
	assert_string_equal(handler->name, "plainly");
	assert_string_equal(handler->desc.version, "1.2");
	assert_int_equal(strlen(handler->build_id), 40);
	assert_ptr_equal(handler->host.handler, handler);
	route = route_of(s, "GET /plain");
	assert_false(route->async);
	assert_string_equal(route->summary, "says plain");
	assert_int_equal(route->timeout_ms, 60000);
	assert_ptr_equal(route->handler, handler);
	route = route_of(s, "POST /plain/{id}");
	assert_true(route->async);
	assert_true(route->async_tag);
	assert_int_equal(route->timeout_ms, 1500);
	assert_int_equal(route->max_concurrent, 3);
	assert_int_equal(route_of(s, "DELETE /pooled/{rest...}")->pool, 1);
	route_find(s->set, "GET", 3, "/plain/8", 8, &match);
	assert_ptr_equal(match.route, route_of(s, "GET /plain/{id}"));
	assert_int_equal(match.route->serve(NULL), 200);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(s->set->routes[i].index, i);
}

static void
the_copy_is_opened(void **state)
{
	const char *const names[] = { "b.so" };
	struct scratch *s = *state;
	const struct handler_source source = { .copies = s->copies,
	    .names = names, .count = 1 };
	char path[256];

	fixture_put_plain(s, "b.so");
	fixture_load(s);
	/* The dropped file overwritten in place: what runs is the copy. */
	fixture_put_file(s, "b.so", "broken", 6);
	assert_int_equal(route_of(s, "GET /plain")->serve(NULL), 200);
	/* Not even its name is looked up again; yet it is what is named. */
	snprintf(path, sizeof(path), "%s/b.so", s->handlers);
	assert_int_equal(unlink(path), 0);
	fixture_load_source(s, &source);
	assert_int_equal(route_of(s, "GET /plain")->serve(NULL), 200);
	assert_string_equal(s->set->handlers[0].file, path);
	/* Tools open it where it lies. */
	fixture_put_plain(s, "b.so");
	fixture_load_source(s, NULL);
	assert_int_equal(s->set->route_count, 4);
}

static void
order_and_other_files(void **state)
{
	struct scratch *s = *state;

	fixture_put_changed(s, "b.so", "plainly", "handlr1");
	fixture_put_plain(s, "a.so");
	fixture_put_file(s, "README", "x", 1);
	fixture_put_file(s, ".c.so.x7Fa", "x", 1);
	fixture_put_file(s, ".d.so", "x", 1);
	fixture_put_file(s, ".so", "x", 1);
	fixture_put_file(s, "e.so~", "x", 1);
	fixture_load_source(s, NULL);
	assert_int_equal(s->set->handler_count, 2);
	assert_string_equal(s->set->handlers[0].name, "plainly");
	assert_null(s->set->handlers[0].error);
	assert_null(s->set->handlers[0].rival);
	assert_string_equal(s->set->handlers[1].name, "handlr1");
	assert_string_equal(s->set->handlers[1].error,
	    "model \"objects\" is made by a.so already");
	assert_ptr_equal(s->set->handlers[1].rival, &s->set->handlers[0]);
}

/* Those that are named first keep what they have; others are not opened. */
static void
a_source_in_its_own_order(void **state)
{
	const char *const names[] = { "c.so", "a.so", "missing.so" };
	struct scratch *s = *state;
	const struct handler_source source = { .copies = s->copies,
	    .names = names, .count = 3 };
	char expected[512];

	fixture_put_plain(s, "a.so");
	fixture_put_file(s, "b.so", "broken", 6);
	fixture_put_changed(s, "c.so", "objects", "objectz");
	fixture_load(s);
	assert_non_null(s->set->handlers[2].error);
	fixture_load_source(s, &source);
	assert_int_equal(s->set->handler_count, 3);
	assert_null(s->set->handlers[0].error);
	assert_string_equal(s->set->handlers[0].host.handler->name, "plainly");
	assert_int_equal(s->set->handlers[1].index, 1);
	assert_string_equal(s->set->handlers[1].error,
	    "its name \"plainly\" is taken by c.so");
	assert_ptr_equal(s->set->handlers[1].rival, &s->set->handlers[0]);
	assert_null(s->set->handlers[2].rival);
	assert_ptr_equal(s->about, &s->set->handlers[2]);
	snprintf(expected, sizeof(expected), "%s/a.so: its name \"plainly\" is "
	    "taken by c.so\n%s/missing.so: cannot be opened: No such file or "
	    "directory\n", s->handlers, s->handlers);
	assert_string_equal(s->reports, expected);
}

/* Tools: a file from elsewhere under a name of the directory. */
static void
a_source_of_paths(void **state)
{
	const char *const names[] = { "a.so", "b.so" };
	struct scratch *s = *state;
	char a[256], b[256];
	const char *const paths[] = { a, b };
	const struct handler_source source = { .names = names, .count = 2,
	    .paths = paths };

	snprintf(a, sizeof(a), "%s/other", s->root);
	snprintf(b, sizeof(b), "%s/b.so", s->handlers);
	fixture_put_file(s, "a.so", "broken", 6);
	fixture_put_plain(s, "../other");
	fixture_put_file(s, "b.so", "broken", 6);
	fixture_load_source(s, &source);
	assert_null(s->set->handlers[0].error);
	assert_string_equal(s->set->handlers[0].file, a);
	assert_string_equal(s->set->handlers[1].file, b);
	assert_memory_equal(s->reports, b, strlen(b));
	assert_int_equal(s->set->route_count, 4);
}

static void
an_empty_directory_and_a_missing_one(void **state)
{
	struct scratch *s = *state;
	struct err err;

	fixture_load(s);
	assert_int_equal(s->set->handler_count, 0);
	assert_int_equal(s->set->route_count, 0);
	handler_set_free(s->set);
	s->config.handlers = (char *)(uintptr_t)"/nowhere/at/all";
	s->set = handler_set_load(&s->config, NULL, fixture_report, s, &err);
	assert_null(s->set);
	assert_string_equal(err.text, "the handler directory /nowhere/at/all "
	    "cannot be read: No such file or directory");
}

static void
a_route_that_is_taken(void **state)
{
	struct scratch *s = *state;
	struct route_match match;

	fixture_put_plain(s, "a.so");
	fixture_put_changed(s, "b.so", "plainly", "handlr1");
	fixture_put_changed(s, "c.so", "objects", "objectz");
	fixture_load(s);
	assert_int_equal(s->set->route_count, 4);
	assert_non_null(s->set->handlers[1].error);
	assert_string_equal(s->set->handlers[2].error,
	    "its name \"plainly\" is taken by a.so");
	assert_ptr_equal(s->set->handlers[2].rival, &s->set->handlers[0]);
	route_find(s->set, "GET", 3, "/plain", 6, &match);
	assert_ptr_equal(match.route->handler, &s->set->handlers[0]);
}

static void
a_conflict_names_the_other_file(void **state)
{
	struct scratch *s = *state;
	char *const models[] = { "objects", "tables" };
	char *kept = malloc(s->plain_size);

	assert_non_null(kept);
	memcpy(kept, s->plain, s->plain_size);
	fixture_put_plain(s, "a.so");
	/* Other name, other models, and another name for {id}. */
	for (size_t i = 0; i < 2; i++) {
		char *at = memmem(s->plain, s->plain_size, models[i],
		    strlen(models[i]) + 1);

		assert_non_null(at);
		*at = 'x';
	}
	memcpy(memmem(s->plain, s->plain_size, "plainly", 8), "handlr1", 7);
	memcpy(memmem(s->plain, s->plain_size, "/plain", 7), "/other", 6);
	fixture_put_changed(s, "b.so", "/plain/{id}", "/plain/{no}");
	memcpy(s->plain, kept, s->plain_size);
	free(kept);
	fixture_load(s);
	assert_string_equal(s->set->handlers[1].error,
	    "route \"GET /plain/{no}\" is taken by a.so (\"GET /plain/{id}\")"
	    );
	assert_ptr_equal(s->set->handlers[1].rival, &s->set->handlers[0]);
	/* Nothing of a refused handler stays, not even what came first. */
	assert_int_equal(s->set->route_count, 4);
}

static void
the_configuration_wins(void **state)
{
	struct scratch *s = *state;
	struct config_route sections[] = {
		{ .method = "GET", .path = "/plain", .async = 1,
		    .pool = "special", .timeout_ms = 250,
		    .max_concurrent = CONFIG_UNSET,
		    .body_limit = CONFIG_UNSET, .line = 3 },
		{ .method = "POST", .path = "/plain/{id}", .async = 0,
		    .timeout_ms = 0, .max_concurrent = 9, .body_limit = 0,
		    .line = 4 },
		{ .method = "GET", .path = "/plain/{id}",
		    .async = CONFIG_UNSET, .timeout_ms = CONFIG_UNSET,
		    .max_concurrent = 0, .body_limit = CONFIG_UNSET,
		    .line = 5 },
	};
	const struct route *route;

	s->config.body_limit = 1000;
	s->config.routes = sections;
	s->config.route_count = 3;
	fixture_put_plain(s, "a.so");
	fixture_load(s);
	assert_string_equal(s->reports, "");
	route = route_of(s, "GET /plain");
	assert_true(route->async);
	assert_false(route->async_tag);
	assert_int_equal(route->pool, 1);
	assert_int_equal(route->timeout_ms, 250);
	assert_int_equal(route->body_limit, 1000);
	route = route_of(s, "POST /plain/{id}");
	assert_false(route->async);
	assert_int_equal(route->timeout_ms, 0);
	assert_int_equal(route->max_concurrent, 9);
	assert_int_equal(route->body_limit, 0);
	route = route_of(s, "GET /plain/{id}");
	assert_true(route->async);
	assert_int_equal(route->timeout_ms, 1500);
	assert_int_equal(route->max_concurrent, 0);
	assert_int_equal(route->body_limit, 4096);
}

static void
sections_without_use_are_reported(void **state)
{
	struct scratch *s = *state;
	struct config_route routes[] = {
		{ .method = "GET", .path = "/plains", .async = 1,
		    .timeout_ms = CONFIG_UNSET,
		    .max_concurrent = CONFIG_UNSET, .line = 3 },
		{ .method = "PATCH", .path = "/quite/something/else",
		    .async = 1, .line = 7 },
	};
	struct config_model models[] = {
		{ .name = "tables", .kind = CONFIG_MODEL_BUILD, .line = 8 },
		{ .name = "tabels", .kind = CONFIG_MODEL_BUILD, .line = 9 },
		{ .name = "tables", .kind = CONFIG_MODEL_PRELOAD, .line = 10 },
		{ .name = "file", .kind = CONFIG_MODEL_FILE, .line = 11 },
	};
	struct config_handler handlers[] = {
		{ .name = "plainly", .line = 12 },
		{ .name = "fancy", .line = 13 },
	};
	char expected[1024];

	s->config.file = "x.conf";
	s->config.routes = routes;
	s->config.route_count = 2;
	s->config.models = models;
	s->config.model_count = 4;
	s->config.handler_sections = handlers;
	s->config.handler_count = 2;
	fixture_put_plain(s, "a.so");
	fixture_load(s);
	snprintf(expected, sizeof(expected),
	    "x.conf:3: route \"GET /plains\": no loaded handler has this "
	    "route; near: \"GET /plain\"\n"
	    "x.conf:7: route \"PATCH /quite/something/else\": no loaded "
	    "handler has a route like it\n"
	    "x.conf:9: model \"tabels\": kind = build, but no loaded handler "
	    "has a build function for it\n"
	    "x.conf:10: model \"tables\": kind = preload, but no loaded "
	    "handler has a preload function for it\n"
	    "x.conf:13: handler \"fancy\": no file in %s is a handler of "
	    "that name\n", s->handlers);
	assert_string_equal(s->reports, expected);
	assert_null(s->about);
}

static void
a_pool_that_is_not_there(void **state)
{
	struct scratch *s = *state;
	struct config_route section = { .method = "DELETE",
	    .path = "/pooled/{rest...}", .async = 1, .timeout_ms = 0,
	    .max_concurrent = 0, .line = 3 };

	s->config.pool_count = 1;
	fixture_put_plain(s, "x.so");
	fixture_load(s);
	assert_null(s->set->handlers[0].error);	/* sync: no pool needed */
	s->config.routes = &section;
	s->config.route_count = 1;
	fixture_expect_refused(s, "x.so",
	    "route \"DELETE /pooled/{rest...}\" wants "
	    "pool \"special\", which the configuration does not have");
}

static void
models_of_a_library(void **state)
{
	struct scratch *s = *state;
	char path[100];
	struct config_model sections[] = {
		{ .name = "objects", .kind = CONFIG_MODEL_PRELOAD,
		    .path = path },
		{ .name = "tables", .kind = CONFIG_MODEL_BUILD },
	};
	struct fh_model models[2] = { { .name = "objects" },
	    { .name = "tables", .root = sections } };
	const struct handler *handler;

	s->config.models = sections;
	s->config.model_count = 2;
	snprintf(path, sizeof(path), "%s/object", s->root);
	fixture_put_plain(s, "a.so");
	fixture_load(s);
	assert_non_null(handler_set_model_def(s->set, "tables", &handler));
	assert_ptr_equal(handler, &s->set->handlers[0]);
	assert_null(handler_set_model_def(s->set, "chairs", NULL));
	handler_set_models(s->set, models, 2);
	fixture_put_file(s, "../object", "knowledge", 9);
	assert_int_equal(handler_set_preload(s->set, fixture_report, s), 0);
	assert_string_equal(models[0].root, "knowledge");
	assert_int_equal(s->set->route_count, 4);

	models[0].root = NULL;
	fixture_put_file(s, "../object", "!", 1);
	assert_int_equal(handler_set_preload(s->set, fixture_report, s), 1);
	assert_string_equal(s->reports, "model \"objects\": its preload "
	    "function left no object\n");
	assert_ptr_equal(s->about, handler);
	assert_null(handler_set_model(s->set, "objects"));
	assert_ptr_equal(handler_set_model(s->set, "tables")->root, sections);
}

static void
a_preload_that_fails(void **state)
{
	struct scratch *s = *state;
	struct route_match match;

	fixture_put_plain(s, "a.so");
	fixture_load(s);
	fixture_setting = "fail";
	assert_int_equal(handler_set_preload(s->set, fixture_report, s), 1);
	assert_string_equal(s->set->handlers[0].error,
	    "its preload returned -7");
	assert_non_null(strstr(s->reports, "a.so: its preload returned -7"));
	assert_int_equal(s->set->route_count, 0);
	route_find(s->set, "GET", 3, "/plain", 6, &match);
	assert_int_equal(match.status, 404);
	assert_null(handler_set_model_def(s->set, "tables", NULL));
}

static bool
watch(void *context, const char *file)
{
	fixture_report(context, NULL, file[0] != '\0' ? strrchr(file, '/') :
	    "end");
	return strstr(file, "skip") == NULL;
}

static void
a_watcher_sees_each_file(void **state)
{
	struct scratch *s = *state;

	fixture_put_plain(s, "a.so");
	fixture_put_plain(s, "skip.so");
	handler_set_watch(watch, s);
	fixture_load(s);
	assert_non_null(strstr(s->reports, "/a.so\n/skip.so\n"));
	assert_non_null(strstr(s->reports, "/skip.so: left out\nend\n"));
	assert_string_equal(s->set->handlers[1].error, "left out");
	s->reports[0] = '\0';
	handler_set_preload(s->set, fixture_report, s);
	assert_string_equal(s->reports, "/a.so\nend\n");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_handler),
		TEST(the_copy_is_opened),
		TEST(order_and_other_files),
		TEST(a_source_in_its_own_order),
		TEST(a_source_of_paths),
		TEST(an_empty_directory_and_a_missing_one),
		TEST(a_route_that_is_taken),
		TEST(a_conflict_names_the_other_file),
		TEST(the_configuration_wins),
		TEST(sections_without_use_are_reported),
		TEST(a_pool_that_is_not_there),
		TEST(models_of_a_library),
		TEST(a_preload_that_fails),
		TEST(a_watcher_sees_each_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
