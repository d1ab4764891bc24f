/*
 * api_worker_test.c - the log, models, hooks, and requests one after another.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each serve_ function asks one thing; what it saw is checked in it
 * or told through `seen`.
 */
#include "api_fixture.h"

#include <errno.h>
#include <string.h>

static int	 seen;

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
	assert_non_null(strstr(log, "68 more lines (136000 bytes) suppressed"));
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
