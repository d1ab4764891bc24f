/*
 * api_probe_test.c - hooks and requests that are tried before anything serves.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: every hook adds a word to `story`, so that a test sees the order.
 */
#include "api_fixture.h"

#include <stdio.h>
#include <string.h>

#define HANDLERS	3

/* Three handlers, one route each; the fixture's own route is not used. */
struct scene {
	struct handler		 handlers[HANDLERS];
	struct route		 routes[HANDLERS];
	struct handler_set	 set;
	const struct handler	*about;		/* of the last report */
};

static struct scene	 scene;
static char		 story[1024];
static int		 init_value, test_value;

static void
tell(const char *format, const char *what)
{
	size_t length = strlen(story);

	snprintf(story + length, sizeof(story) - length, format, what);
}

static int
hook_init(struct fh_worker *worker)
{
	tell(" init", "");
	assert_non_null(fh_worker_model(worker, "words"));
	fh_worker_set_data(worker, story);
	return init_value;
}

static int
hook_test(struct fh_worker *worker)
{
	tell(" test", "");
	assert_ptr_equal(fh_worker_data(worker), story);
	return test_value;
}

static void
hook_fini(struct fh_worker *worker)
{
	tell(" fini", "");
	assert_ptr_equal(fh_worker_data(worker), story);
}

static bool
watch(void *context, const char *file)
{
	(void)context;
	tell(" %s:", file);
	return true;
}

static void
report(void *context, const struct handler *about, const char *sentence)
{
	struct scene *s = context;

	s->about = about;
	tell(" [%s]", sentence);
}

/* ------------------------------------------------- what the routes do */

static int
serve_well(struct fh_request *rq)
{
	tell(" serve(%s", fh_method(rq));
	tell(" %s", fh_path(rq));
	tell(" %s)", fh_query_string(rq));
	return fh_reply_text(rq, 200, "well\n");
}

static int
serve_problem(struct fh_request *rq)
{
	return fh_problem(rq, 422, "The model\nknows no \"%s\".",
	    fh_query(rq, "word"));
}

static int
serve_fault(struct fh_request *rq)
{
	fh_status(rq, 503);
	return fh_printf(rq, "%70000d", 1);
}

static int
serve_half(struct fh_request *rq)
{
	fh_set_header(rq, "Content-Length", "10");
	fh_write(rq, "half", 4);
	fh_flush(rq);
	return 0;
}

static int
serve_minus(struct fh_request *rq)
{
	(void)rq;
	return -3;
}

static void
finish(struct fh_request *rq)
{
	(void)rq;
	fail_msg("a request that is only tried was finished");
}

static int
setup(void **state)
{
	static char *const files[HANDLERS] = { "/d/a.so", "/d/b.so",
	    "/d/c.so" };
	static char *const paths[HANDLERS] = { "/a/{id}", "/b", "/c" };
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	memset(&scene, 0, sizeof(scene));
	story[0] = '\0';
	init_value = test_value = 0;
	for (uint32_t i = 0; i < HANDLERS; i++) {
		struct handler *handler = &scene.handlers[i];

		handler->index = i;
		handler->name = handler->file = files[i];
		handler->desc.worker_init = hook_init;
		handler->desc.self_test = hook_test;
		handler->desc.worker_fini = hook_fini;
		assert_int_equal(route_init(&scene.routes[i], "GET", 3,
		    paths[i]), 0);
		scene.routes[i].index = i;
		scene.routes[i].handler = handler;
		scene.routes[i].serve = serve_well;
		scene.routes[i].finish = finish;
	}
	f->config.reply_space = f->config.sync_reply_limit = 65536;
	scene.set = (struct handler_set){
		.handlers = scene.handlers, .handler_count = HANDLERS,
		.routes = scene.routes, .route_count = HANDLERS,
		.root = route_tree_create(scene.routes, HANDLERS),
		.config = &f->config, .models = &f->model, .model_count = 1,
	};
	handler_set_watch(watch, NULL);
	return 0;
}

static int
teardown(void **state)
{
	handler_set_watch(NULL, NULL);
	route_tree_destroy(scene.set.root);
	for (uint32_t i = 0; i < HANDLERS; i++)
		route_finish(&scene.routes[i]);
	return fixture_teardown(state);
}

/* ------------------------------------------------- hooks */

static void
test_every_hook_in_order(void **state)
{
	(void)state;
	scene.routes[1].async = true;
	assert_int_equal(api_probe(&scene.set, report, &scene), 0);
	assert_string_equal(story, " /d/a.so: init test /d/b.so: init test"
	    " /d/c.so: init test /d/a.so: fini /d/b.so: fini /d/c.so: fini :");
	assert_null(scene.about);
}

static void
test_a_self_test_that_fails(void **state)
{
	(void)state;
	test_value = 3;
	scene.set.handler_count = scene.set.route_count = 1;
	assert_int_equal(api_probe(&scene.set, report, &scene), 1);
	assert_string_equal(story, " /d/a.so: init test [/d/a.so: its "
	    "self_test returned 3] /d/a.so: fini :");
	assert_ptr_equal(scene.about, &scene.handlers[0]);
}

static void
test_a_worker_init_that_fails(void **state)
{
	(void)state;
	init_value = -1;
	scene.handlers[1].desc.worker_init = NULL;
	scene.handlers[1].desc.self_test = NULL;
	scene.handlers[1].desc.worker_fini = NULL;
	assert_int_equal(api_probe(&scene.set, report, &scene), 2);
	assert_string_equal(story, " /d/a.so: init [/d/a.so: its worker_init "
	    "returned -1] /d/b.so: /d/c.so: init [/d/c.so: its worker_init "
	    "returned -1] :");
	assert_ptr_equal(scene.about, &scene.handlers[2]);
}

/* Refused, or a maker of models only: nothing of it would run in a thread. */
static void
test_who_is_not_tried(void **state)
{
	(void)state;
	scene.handlers[0].error = (char *)"refused";
	scene.set.route_count = 2;
	assert_int_equal(api_probe(&scene.set, report, &scene), 0);
	assert_string_equal(story, " /d/b.so: init test /d/b.so: fini :");
}

/* ------------------------------------------------- requests */

static void
expect(const char *request, const char *wanted)
{
	char why[512] = "";
	int rc = api_check_request(&scene.set, request, why, sizeof(why));

	assert_string_equal(why, wanted);
	assert_int_equal(rc, wanted[0] == '\0' ? 0 : -1);
}

static void
test_a_good_request(void **state)
{
	(void)state;
	expect("GET /a/%37?x=y&z", "");
	assert_string_equal(story, " /d/a.so: init serve(GET /a/7 x=y&z)"
	    " fini :");
	story[0] = '\0';
	expect("HEAD /b", "");
	assert_string_equal(story, " /d/b.so: init serve(HEAD /b ) fini :");
}

static void
test_what_is_no_request(void **state)
{
	(void)state;
	expect("GET", "GET is no request: write \"GET /path\"");
	expect("", " is no request: write \"GET /path\"");
	expect("/a", "/a is no request: write \"GET /path\"");
	expect("GET a", "GET a is no request: write \"GET /path\"");
	expect("GET /%zz", "GET /%zz has a malformed escape");
	expect("G(T /a", "G(T /a is no request: REQUEST_METHOD is "
	    "missing or no token");
	assert_string_equal(story, "");
}

static void
test_no_such_route(void **state)
{
	(void)state;
	expect("GET /nothing", "GET /nothing has no route");
	expect("POST /b", "POST /b has no route: its path allows GET, HEAD, "
	    "OPTIONS");
	assert_string_equal(story, "");
}

static void
test_a_bad_reply(void **state)
{
	(void)state;
	scene.routes[1].serve = serve_problem;
	expect("GET /b?word=cat", "GET /b?word=cat answered 422: The model "
	    "knows no \"cat\".");
	scene.routes[1].serve = serve_minus;
	expect("GET /b", "GET /b answered 500: the handler failed");
	/* Over the space of a sync route; sent as it comes in an async one. */
	scene.routes[2].serve = serve_fault;
	expect("GET /c", "GET /c answered 500: the reply is longer than the "
	    "65536 bytes that a sync route may send (sync_reply_limit)");
	scene.routes[2].async = true;
	expect("GET /c", "GET /c answered 503");
	scene.routes[2].serve = serve_half;
	expect("GET /c", "GET /c was not answered to the end");
}

static void
test_a_handler_that_cannot_start(void **state)
{
	(void)state;
	init_value = -1;
	expect("GET /b", "GET /b answered 500: the handler could not start");
	assert_string_equal(story, " /d/b.so: init :");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_hook_in_order),
		TEST(test_a_self_test_that_fails),
		TEST(test_a_worker_init_that_fails),
		TEST(test_who_is_not_tried),
		TEST(test_a_good_request),
		TEST(test_what_is_no_request),
		TEST(test_no_such_route),
		TEST(test_a_bad_reply),
		TEST(test_a_handler_that_cannot_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
