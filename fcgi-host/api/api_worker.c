/*
 * api_worker.c - a serving thread: handlers' state in it, settings, models.
 *
 * Runs in: front, workers (each thread), call, cgi.
 * Owns: struct api_worker and its struct fh_worker, one per handler.
 * Invariant: worker_fini is called for exactly those handlers whose
 * worker_init was called and succeeded, or that have none and serve here.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"

#define HEADER_LIMIT	((size_t)16 << 10)	/* without a configuration */

bool
api_worker_serves(const struct handler_set *set,
    const struct handler *handler, uint32_t pool)
{
	for (size_t i = 0; i < set->route_count; i++) {
		const struct route *route = &set->routes[i];

		if (route->handler != handler || handler->error != NULL)
			continue;
		if (pool == API_ALL_POOLS)
			return true;
		if (pool == API_SYNC ? !route->async :
		    route->async && route->pool == pool)
			return true;
	}
	return false;
}

/* A crash in here names the handler. */
static int
call_init(struct fh_worker *worker)
{
	const struct handler *handler = worker->handler;
	int rc;

	if (handler->desc.worker_init == NULL)
		return 0;
	crash_enter_hook(handler->name, "worker_init");
	rc = handler->desc.worker_init(worker);
	crash_leave();
	return rc;
}

static void
call_fini(struct fh_worker *worker)
{
	const struct handler *handler = worker->handler;

	if (handler->desc.worker_fini == NULL)
		return;
	crash_enter_hook(handler->name, "worker_fini");
	handler->desc.worker_fini(worker);
	crash_leave();
}

static void
start_handler(struct fh_worker *worker)
{
	const char *hint;

	errno = 0;
	if (call_init(worker) == 0) {
		worker->serves = true;
		return;
	}
	hint = api_sandbox_hint(errno);
	worker->failed = true;
	log_line(LOG_LEVEL_ERROR, "handler=%s worker_init failed: its routes "
	    "answer 500 in this thread%s%s", worker->handler->name,
	    hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

struct api_worker *
api_worker_allocate(const struct handler_set *set)
{
	struct api_worker *thread = calloc(1, sizeof(*thread));

	if (thread == NULL)
		return NULL;
	thread->set = set;
	thread->header_limit = set->config == NULL ? HEADER_LIMIT :
	    set->config->header_limit - (config_cors_used(set->config) ?
	    CONFIG_CORS_ROOM : 0);
	thread->handlers = calloc(set->handler_count + 1,
	    sizeof(*thread->handlers));
	if (thread->handlers == NULL) {
		free(thread);
		return NULL;
	}
	for (size_t i = 0; i < set->handler_count; i++) {
		struct fh_worker *worker = &thread->handlers[i];

		worker->handler = &set->handlers[i];
		worker->thread = thread;
		api_cache_init(worker);
	}
	return thread;
}

struct api_worker *
api_worker_create(const struct handler_set *set, uint32_t pool)
{
	struct api_worker *thread = api_worker_allocate(set);

	for (size_t i = 0; thread != NULL && i < set->handler_count; i++) {
		struct fh_worker *worker = &thread->handlers[i];

		if (api_worker_serves(set, worker->handler, pool))
			start_handler(worker);
	}
	return thread;
}

void
api_worker_destroy(struct api_worker *thread)
{
	if (thread == NULL)
		return;
	for (size_t i = 0; i < thread->set->handler_count; i++) {
		struct fh_worker *worker = &thread->handlers[i];

		if (worker->serves)
			call_fini(worker);
	}
	schema_matcher_destroy(thread->matcher);
	free(thread->handlers);
	free(thread);
}

struct fh_worker *
fh_worker(struct fh_request *rq)
{
	return rq->worker;
}

void
fh_worker_set_data(struct fh_worker *worker, void *data)
{
	worker->data = data;
}

void *
fh_worker_data(const struct fh_worker *worker)
{
	return worker->data;
}

/* ------------------------------------------------- settings and models */

static const char *
find_setting(const struct handler_set *set, const struct handler *handler,
    const char *key)
{
	return set->config == NULL ? NULL :
	    config_setting(set->config, handler->name, key);
}

static const struct fh_model *
find_model(const struct handler_set *set, const char *name)
{
	for (size_t i = 0; i < set->model_count; i++) {
		if (strcmp(set->models[i].name, name) == 0)
			return &set->models[i];
	}
	return NULL;
}

const char *
fh_setting(struct fh_request *rq, const char *key)
{
	return find_setting(rq->thread->set, rq->worker->handler, key);
}

const char *
fh_host_setting(const struct fh_host *host, const char *key)
{
	return find_setting(host->set, host->handler, key);
}

const char *
fh_worker_setting(const struct fh_worker *worker, const char *key)
{
	return find_setting(worker->thread->set, worker->handler, key);
}

const struct fh_model *
fh_model(struct fh_request *rq, const char *name)
{
	return find_model(rq->thread->set, name);
}

const struct fh_model *
fh_host_model(const struct fh_host *host, const char *name)
{
	return find_model(host->set, name);
}

const struct fh_model *
fh_worker_model(const struct fh_worker *worker, const char *name)
{
	return find_model(worker->thread->set, name);
}
