/*
 * kit_run.c - runs one call, in the thread of whoever asks.
 *
 * Runs in: tests of handlers, the test's thread or one of the kit's.
 * Owns: the call while it is KIT_RUNNING.
 * Invariant: of all sync handlers one runs at a time; the call leaves
 * KIT_RUNNING once, under the lock, and then its reply is whole or known not to
 * be.
 */
#include "common/clock.h"
#include "common/log.h"
#include "kit/kit.h"

int
kit_runner_init(struct kit_runner *runner, struct fh_test *test)
{
	runner->test = test;
	runner->worker = api_worker_create(test->set, API_ALL_POOLS);
	if (runner->worker == NULL)
		return -1;
	runner->request = api_request_create(runner->worker);
	return runner->request == NULL ? -1 : 0;
}

void
kit_runner_finish(struct kit_runner *runner)
{
	api_request_destroy(runner->request);
	api_worker_destroy(runner->worker);
}

static struct api_input
input_of(const struct fh_test_call *call)
{
	return (struct api_input){
		.route = call->match.route,
		.params = call->asked.params,
		.params_length = call->asked.length,
		.body = call->body.bytes != NULL ? call->body.bytes : "",
		.body_length = call->body.length,
		.body_fd = -1,
		.request_id = call->asked.id,
		.head_only = call->match.head,
		.cancelled = &call->cancelled,
		.deadline_ns = call->deadline_ns,
		.identity = call->identity,
		.identity_length = call->identity_length,
		.cache_key = call->cached ? call->cache_key : NULL,
	};
}

static void
serve(struct kit_runner *runner, struct fh_test_call *call)
{
	struct api_input input = input_of(call);

	call->outcome = api_serve(runner->request, &input, &call->sink,
	    &call->result);
	input.body = "";
	input.body_length = 0;
	api_finish(runner->request, &input, &call->result);
	api_request_reset(runner->request);
}

void
kit_run(struct kit_runner *runner, struct fh_test_call *call)
{
	struct fh_test *test = runner->test;
	bool async = call->match.route->async;

	if (!async)
		pthread_mutex_lock(&test->sync);
	serve(runner, call);
	if (!async)
		pthread_mutex_unlock(&test->sync);
	pthread_mutex_lock(&test->lock);
	call->state = KIT_ENDED;
	call->ended_ns = clock_now_ns();
	pthread_cond_broadcast(&test->news);
	pthread_mutex_unlock(&test->lock);
}

/* ------------------------------------------------------------ before it */

static void
set_deadline(struct fh_test_call *call)
{
	uint64_t ms = call->has_timeout ? call->timeout_ms :
	    call->match.route->timeout_ms;

	if (ms == 0)
		return;
	call->timeout_ms = ms;
	call->deadline_ns = clock_now_ns() + ms * CLOCK_NS_PER_MS;
}

/* What keys and tokens there are is the configuration's: here it counts who a
 * test says it is. */
static bool
refuse_client(struct fh_test_call *call)
{
	const struct route *route = call->match.route;

	if (route->auths == 0)
		return false;
	if (call->identity_length == 0)
		kit_reply_problem(call, 401, "", "Who sends this is not "
		    "known: it says nothing (fh_test_as).");
	else if (route->scopes != NULL &&
	    !identity_has_scopes(call->scopes, route->scopes))
		kit_reply_problem(call, 403, "", "Access is refused: it "
		    "wants the scopes %s.", route->scopes);
	else
		return false;
	return true;
}

static bool
refuse(struct fh_test_call *call)
{
	struct route_refusal refusal;

	if (request_route(&call->asked, call->test->set, &call->match) < 0)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	if (call->match.route == NULL) {
		route_refuse(&call->match, &refusal);
		kit_reply_problem(call, call->match.status, refusal.extra,
		    "%s", refusal.detail);
		return true;
	}
	if (refuse_client(call))
		return true;
	if (call->body.length <= call->match.route->body_limit)
		return false;
	kit_reply_problem(call, 413, "", "The request body is larger than "
	    "body_limit (%zu bytes).", call->match.route->body_limit);
	return true;
}

bool
kit_run_prepare(struct fh_test_call *call)
{
	struct err err;

	if (call->state != KIT_MADE) {
		kit_fail(call->test->file, call->test->line, "%s: a call is "
		    "sent or started once", call->label);
		return false;
	}
	call->state = KIT_ENDED;
	if (kit_call_finish(call, &err) < 0) {
		kit_reply_problem(call, 400, "", "%s.", err.text);
		return false;
	}
	if (refuse(call) || kit_cached_answers(call))
		return false;
	kit_sink_init(call);
	set_deadline(call);
	call->state = KIT_RUNNING;
	return true;
}

/* ------------------------------------------------------------ for authors */

bool
kit_run_was_late(const struct fh_test_call *call)
{
	return call->deadline_ns != 0 && call->ended_ns > call->deadline_ns;
}

const struct fh_test_reply *
fh_test_send(struct fh_test_call *call)
{
	if (!kit_run_prepare(call))
		return &call->reply;
	if (call->held) {
		kit_fail(call->test->file, call->test->line, "%s: who does "
		    "not read (fh_test_hold) is started, not sent",
		    call->label);
		call->held = false;
	}
	kit_run(&call->test->own, call);
	if (kit_run_was_late(call))
		kit_reply_late(call);
	else
		kit_reply_make(call);
	return &call->reply;
}

const struct fh_test_reply *
fh_test_get(struct fh_test *test, const char *target)
{
	return fh_test_send(fh_test_call(test, "GET", target));
}

const struct fh_test_reply *
fh_test_post(struct fh_test *test, const char *target, const char *json)
{
	return fh_test_send(fh_test_json(fh_test_call(test, "POST", target),
	    json));
}
