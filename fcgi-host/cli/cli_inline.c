/*
 * cli_inline.c - handlers without a daemon: one request, in this process.
 *
 * Runs in: `call` and `cgi`.
 * Owns: the set, its models and the one serving thread.
 * Invariant: a refusal reads as the front's would.
 */
#include "cli/cli_inline.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cache.h"
#include "common/cached.h"
#include "common/cors.h"
#include "common/log.h"
#include "common/sandbox.h"

static void
report(void *context, const struct handler *about, const char *sentence)
{
	(void)context;
	(void)about;
	log_warnx("%s", sentence);
}

void
cli_limit_threads(const struct config *config)
{
	char threads[16];

	snprintf(threads, sizeof(threads), "%u", config->omp_threads);
	setenv("OMP_NUM_THREADS", threads, 0);
}

static void
report_model(void *context, const struct config_model *model,
    const char *reason)
{
	(void)context;
	log_warnx("model \"%s\" is not there: %s", model->name, reason);
}

int
cli_inline_open(struct cli_inline *in, const struct config *config,
    const struct handler_source *source)
{
	struct err err;

	cli_limit_threads(config);
	in->config = config;
	in->set = handler_set_load(config, source, report, NULL, &err);
	if (in->set == NULL) {
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
		return -1;
	}
	in->models.config = config;
	in->models.set = in->set;
	in->cache = cache_map_private(config->cache_size, &err);
	if (in->cache == NULL)
		log_warnx("%s; it goes on without", err.text);
	handler_set_cache(in->set, in->cache);
	return 0;
}

void
cli_inline_close(struct cli_inline *in)
{
	api_request_destroy(in->request);
	api_worker_destroy(in->worker);
	if (in->view.root != NULL)
		route_tree_destroy(in->view.root);
	handler_set_free(in->set);
	cache_unmap(in->cache);
	model_alone_close(&in->models);
}

/* ------------------------------------------------------------ requests */

void
cli_request_init(struct cli_request *request)
{
	memset(request, 0, sizeof(*request));
	request_init(&request->asked);
	request->body.fd = -1;
}

void
cli_request_free(struct cli_request *request)
{
	request_free(&request->asked);
	cli_body_free(&request->body);
}

/* ------------------------------------------------------------ refusals */

void
cli_inline_problem(const struct cli_request *request, struct cli_sink *sink,
    int status, const char *extra, const char *format, ...)
{
	char text[API_PROBLEM_MAX + CONFIG_CORS_ROOM], detail[512];
	size_t length, head;
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	length = api_problem(text, sizeof(text), status, request->asked.id,
	    head_has_no_body(&request->asked.head), extra, "%s", detail);
	head = api_problem_head(text, length);
	sink->status = status;
	sink->sink.send(&sink->sink, text, head, text + head, length - head);
}

bool
cli_inline_route(struct cli_inline *in, struct cli_request *request,
    struct cli_sink *sink)
{
	struct route_match *match = &request->match;
	struct cors_question question = { .set = in->set, .match = match };
	struct route_refusal refusal;
	char extra[sizeof(refusal.extra) + CONFIG_CORS_ROOM];

	if (request_route(&request->asked, in->set, match) < 0)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	question.path = request->asked.head.path;
	question.params = request->asked.params;
	question.params_length = request->asked.length;
	sink->line_length = cors_lines(&question, sink->lines,
	    sizeof(sink->lines));
	if (match->route != NULL)
		return true;
	route_refuse(match, &refusal);
	snprintf(extra, sizeof(extra), "%s", refusal.extra);
	cors_preflight(&question, extra, sizeof(extra));
	cli_inline_problem(request, sink, match->status, extra, "%s",
	    refusal.detail);
	return false;
}

/* ------------------------------------------------------------- serving */

static void
say_refused(const char *sentence)
{
	log_line(LOG_LEVEL_ERROR, "the handler %s", sentence);
}

/* As in the host, but for what it may because of those that run beside it. */
static void
enter_sandbox(const struct cli_inline *in, const struct handler *handler)
{
	struct err err;
	int rc;

	if (!in->sandbox || !in->config->sandbox)
		return;
	sandbox_catch(say_refused);
	rc = in->all_models ? api_sandbox_enter(in->set, API_ALL_POOLS, NULL,
	    0, &err) : api_sandbox_enter_alone(in->set, handler, &err);
	if (rc < 0)
		log_warnx("sandbox: %s; it goes on without", err.text);
}

/*
 * The view is the set as if it had one route: then only its handler's hooks
 * are run.  While they run it has one handler too, or all of them.
 */
static int
start_handler(struct cli_inline *in, const struct route *route)
{
	const struct handler *handler = route->handler;
	struct handler_set *set = in->set, *view = &in->view;
	bool all = in->all_models;

	if (model_alone_open(&in->models, all ? NULL : handler, report_model,
	    NULL) < 0)
		return -1;
	*view = *set;
	view->root = NULL;
	view->routes = &set->routes[route->index];
	view->route_count = 1;
	if (!all) {
		view->handlers = &set->handlers[handler->index];
		view->handler_count = 1;
	}
	handler_set_preload(view, report, NULL);
	if (handler->own)
		handler_own_prepare(set);
	handler_set_models(set, view->models, view->model_count);
	if (view->route_count == 0)
		return -1;
	view->handlers = set->handlers;
	view->handler_count = set->handler_count;
	enter_sandbox(in, handler);
	in->worker = api_worker_create(view, API_ALL_POOLS);
	if (in->worker != NULL)
		in->request = api_request_create(in->worker);
	return in->request != NULL ? 0 : -1;
}

static void
choose_space(const struct config *config, const struct route *route,
    struct api_sink *sink)
{
	sink->streams = route->async;
	sink->space = route->async ? config->reply_space :
	    handler_sync_limit(config, route);
}

/* Its key, if the reply may be kept: in a cache that ends with this process. */
static const uint8_t *
cache_key(const struct cli_inline *in, const struct cli_request *request,
    uint8_t key[CACHED_KEY])
{
	const struct route *route = request->match.route;
	uint8_t origin[CACHED_KEY];
	const struct cached_request wanted = { .route = route,
	    .origin = origin, .head = &request->asked.head,
	    .params = request->asked.params,
	    .params_length = request->asked.length,
	    .identity = request->who.identity,
	    .identity_length = request->who.length,
	    .body = request->body.bytes,
	    .body_length = request->body.length };

	if (!in->tells_kept || route->cache_ms == 0 || in->cache == NULL ||
	    in->config->cache_size == 0 || request->body.fd >= 0 ||
	    request->match.head)
		return NULL;
	cached_origin(in->set, route, 0, origin);
	return cached_key(&wanted, key) == CACHED_NOT ? NULL : key;
}

int
cli_inline_serve(struct cli_inline *in, struct cli_request *request,
    struct cli_sink *sink)
{
	const struct route *route = request->match.route;
	uint8_t key[CACHED_KEY];
	struct api_input input = {
		.route = route,
		.params = request->asked.params,
		.params_length = request->asked.length,
		.identity = request->who.identity,
		.identity_length = request->who.length,
		.body = request->body.bytes != NULL ? request->body.bytes : "",
		.body_length = request->body.length,
		.body_fd = request->body.fd,
		.request_id = request->asked.id,
		.head_only = request->match.head,
		.deadline_ns = request->deadline_ns,
		.cache_key = cache_key(in, request, key),
	};
	struct api_result result;
	enum api_outcome outcome;

	if (start_handler(in, route) < 0) {
		cli_inline_problem(request, sink, 500, "",
		    "The handler of this route could not start.");
		return 0;
	}
	choose_space(in->config, route, &sink->sink);
	outcome = api_serve(in->request, &input, &sink->sink, &result);
	sink->status = result.status;
	input.body = "";
	input.body_length = 0;
	input.body_fd = -1;
	api_finish(in->request, &input, &result);
	api_request_reset(in->request);
	return outcome == API_DONE ? 0 : -1;
}
