/*
 * front_sync.c - runs sync handlers, and every route's finish().
 *
 * Runs in: front.
 * Owns: the one struct fh_request that sync handlers are given.
 * Invariant: nothing else happens in the front while a handler runs; its reply
 * is framed in one piece after it has returned.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/capture.h"
#include "common/clock.h"
#include "common/crash.h"
#include "common/due.h"
#include "common/log.h"
#include "common/usage.h"
#include "front/front.h"
#include "front/front_capture.h"
#include "front/front_times.h"

#define TOLD_MS	500	/* half of what sup_hang.c looks on for nothing */

struct sync_sink {
	struct api_sink		 sink;
	struct front_request	*request;
	size_t			 bytes;		/* of the reply, so far */
	bool			 failed;	/* no memory for the reply */
};

/* Buffered here, sent when serve() has returned. */
static int
sync_send(struct api_sink *base, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct sync_sink *sink = (struct sync_sink *)base;
	struct front_request *request = sink->request;

	crash_end_copy();
	if (head == NULL)
		head_length = 0;
	if (front_output_stdout(request->conn, request->id, head, head_length,
	    body, length) == 0) {
		sink->bytes += head_length + length;
		return 0;
	}
	sink->failed = true;
	errno = EPIPE;
	return -1;
}

/* A sync handler can't wait for a reader: flushing changes nothing. */
static int
sync_flush(struct api_sink *base)
{
	(void)base;
	return 0;
}

/* The supervisor may be slow to look, and does not look away within TOLD_MS. */
static void
ask_to_watch(struct front *front, uint64_t now_ns)
{
	if (front->busy_told_ns != 0 &&
	    now_ns < front->busy_told_ns + TOLD_MS * CLOCK_NS_PER_MS)
		return;
	front->busy_told_ns = now_ns;
	front_link_busy(front);
}

/* When the supervisor ends this process, should the handler not return. */
static uint64_t
end_of(const struct config *config, uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t end_ns = deadline_ns == 0 ? 0 :
	    deadline_ns + config->kill_grace_ms * CLOCK_NS_PER_MS;

	return due_first(end_ns, due_after(now_ns, config->sync_max_ms));
}

/*
 * Our last words, should the handler take the front along or never return.  The
 * order is that of sup_hang.c: it says that it looks away and then looks again.
 */
static void
say_running(const struct front_request *request, uint64_t now_ns,
    uint64_t deadline_ns, bool finishing)
{
	struct front *front = request->front;
	struct shm_front_stats *stats = front->stats;
	uint64_t slow_ns = due_after(now_ns,
	    request->match.route->sync_warn_ms);
	uint64_t end_ns = end_of(front->config, now_ns, deadline_ns);

	atomic_store_explicit(&stats->sync_end_ms, end_ns / CLOCK_NS_PER_MS,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->sync_begun_ms, now_ns / CLOCK_NS_PER_MS,
	    memory_order_relaxed);
	atomic_store_explicit(&stats->sync_slow_ms, slow_ns / CLOCK_NS_PER_MS,
	    memory_order_relaxed);
	front_lost_running(request, finishing);
	atomic_store(&stats->sync_route, request->match.route->index + 1);
	if ((end_ns != 0 || slow_ns != 0) &&
	    atomic_load(&front->shm->state->watched) == 0)
		ask_to_watch(front, now_ns);
}

static void
say_done(const struct front_request *request, uint64_t begun_ns,
    uint64_t ended_ns)
{
	struct front *front = request->front;
	uint64_t slow_ns = due_after(begun_ns,
	    request->match.route->sync_warn_ms);

	atomic_store_explicit(&front->stats->sync_route, 0,
	    memory_order_relaxed);
	front->sync_ran_others |= front->sync_ran != NULL &&
	    front->sync_ran != request->match.route;
	front->sync_ran = request->match.route;
	uv_update_time(&front->loop);	/* or timers would count it as theirs */
	front_count(&front->stats->blocked_ns, ended_ns - begun_ns);
	if (due_is_over(slow_ns, uv_now(&front->loop) * CLOCK_NS_PER_MS))
		front_count(&front_route_stats(request)->slow, 1);
}

/* When the route's handler must have returned; 0: any time. */
static uint64_t
deadline_of(const struct front_request *request, uint64_t now_ns)
{
	return due_after(now_ns, request->match.route->timeout_ms);
}

/* In a finish() its body is gone, and half a request is none. */
static struct crash_request
crash_request_of(struct front *front, const struct api_input *input,
    bool finishing)
{
	struct crash_request crash = { .finishing = finishing,
	    .request_id = input->request_id };

	if (finishing || input->body_length > CAPTURE_BODY_MAX)
		return crash;
	crash.params = front_capture_mask(front, input->params,
	    input->params_length);
	if (crash.params == NULL)
		return crash;
	crash.params_length = input->params_length;
	crash.body = input->body;
	crash.body_length = input->body_length;
	return crash;
}

/* Runs the handler, and measures it. */
static enum api_outcome
run(struct front_request *request, const struct api_input *input,
    struct sync_sink *sink)
{
	struct front *front = request->front;
	struct usage_turn *turn = front_times_turn(front,
	    request->match.route);
	struct crash_request crash = crash_request_of(front, input, false);
	bool measured = usage_is_due(turn);
	uint64_t cpu_ns = usage_now_ns(measured);
	enum api_outcome outcome;

	crash_enter(&crash);
	outcome = api_serve(front->sync_request, input, &sink->sink,
	    &request->result);
	crash_leave();
	request->cpu_ns = usage_between(cpu_ns, usage_now_ns(measured));
	request->ended_ns = clock_now_ns();
	usage_ran(turn, request->ended_ns - request->begun_ns);
	return outcome;
}

void
front_sync_serve(struct front_request *request)
{
	struct front *front = request->front;
	struct sync_sink sink = { .request = request, .sink = {
	    .space = handler_sync_limit(front->config,
	    request->match.route), .streams = false,
	    .send = sync_send, .flush = sync_flush } };
	struct api_input input;
	enum api_outcome outcome;
	size_t left = front_output_left(request->conn);

	if (request->spool_fd >= 0 && front_spool_map(request) < 0) {
		log_warn("req=%s spooled body", request->request_id);
		front_answer(request, 503, "Retry-After: 5\r\n",
		    "The request body could not be read.");
		return;
	}
	input = front_input(request);
	request->begun_ns = clock_now_ns();
	request->queued_ns = request->begun_ns;
	input.queued_ns = request->begun_ns;
	input.deadline_ns = due_first(request->end_by_ns,
	    deadline_of(request, request->begun_ns));
	say_running(request, request->begun_ns, input.deadline_ns, false);
	outcome = run(request, &input, &sink);
	say_done(request, request->begun_ns, request->ended_ns);
	api_request_reset(front->sync_request);
	request->served = true;
	if (sink.failed) {
		front_output_cut(request->conn, left);
		front_request_starve(request);
		return;
	}
	front_count(&front_route_stats(request)->reply_bytes, sink.bytes);
	if (outcome == API_DONE)
		front_request_replied(request);
	else
		front_conn_close(request->conn);
}

/* In place of the handler of a job: what is declared holds. */
static int
accept_job(struct fh_request *rq)
{
	fh_status(rq, 202);
	return fh_keep(rq, "", 1);
}

/* A refusal goes the way of any reply; of one that is accepted, nothing. */
static int
check_send(struct api_sink *base, const char *head, size_t head_length,
    const void *body, size_t length)
{
	const struct sync_sink *sink = (const struct sync_sink *)base;

	if (sink->request->result.kept_length > 0)
		return 0;
	return sync_send(base, head, head_length, body, length);
}

bool
front_sync_check(struct front_request *request)
{
	struct front *front = request->front;
	struct route route = *request->match.route;
	struct sync_sink sink = { .request = request, .sink = {
	    .space = front->config->sync_reply_limit, .streams = false,
	    .send = check_send, .flush = sync_flush } };
	struct api_input input;
	bool accepted;

	if (route.inputs == NULL)
		return true;
	if (request->spool_fd >= 0 && front_spool_map(request) < 0) {
		front_answer(request, 503, "Retry-After: 5\r\n",
		    "The request body could not be read.");
		return false;
	}
	route.serve = accept_job;
	input = front_input(request);
	input.route = &route;
	api_serve(front->sync_request, &input, &sink.sink, &request->result);
	accepted = request->result.kept_length > 0;
	request->result.kept_length = 0;
	api_request_reset(front->sync_request);
	if (!accepted && sink.failed)
		front_request_starve(request);
	else if (!accepted)
		front_request_replied(request);
	return accepted;
}

void
front_finish(struct front_request *request)
{
	struct front *front = request->front;
	uint64_t now = clock_now_ns();
	struct crash_request crash;
	struct api_input input;

	if (request->match.route->finish == NULL)
		return;
	input = front_input(request);
	input.body = "";
	input.body_length = 0;
	input.body_fd = -1;
	say_running(request, now, deadline_of(request, now), true);
	crash = crash_request_of(front, &input, true);
	crash_enter(&crash);
	api_finish(front->sync_request, &input, &request->result);
	crash_leave();
	say_done(request, now, clock_now_ns());
	api_request_reset(front->sync_request);
}

/* libuv would find it out, and abort, and nobody would know who it was. */
static void
give_up(struct front *front)
{
	log_warnx("a sync handler closed descriptors that are the host's.  A "
	    "handler is to close only what it has opened");
	if (!front->sync_ran_others)
		atomic_store(&front->stats->sync_route,
		    front->sync_ran->index + 1);
	atomic_store(&front->stats->sync_closed, 1);
	_exit(EXIT_CODE_SYSTEM);
}

void
front_sync_look(struct front *front)
{
	if (front->sync_ran != NULL &&
	    fcntl(uv_backend_fd(&front->loop), F_GETFD) < 0)
		give_up(front);
	front->sync_ran = NULL;
	front->sync_ran_others = false;
}
