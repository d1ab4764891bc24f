/*
 * wrk_serve.c - runs one job: from the request in shared memory to its reply.
 *
 * Runs in: worker, the thread that holds the job's claim.
 * Owns: the reply slot while it is SHM_REPLY_BUSY.
 * Invariant: `seq` is stored before any of the handler's code runs, so that the
 * front can tell a job that was begun from one that was only taken; the slot
 * leaves BUSY exactly once; none of the handler's code runs for a job that is
 * too late or that nobody waits for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/due.h"
#include "common/log.h"
#include "worker/wrk.h"

static int
open_spool(const struct wrk *wrk, const struct shm_job *job)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%016llx", (unsigned long long)job->spool);
	fd = openat(wrk->start->spool_dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		log_warn("req=%s spooled body %s", job->request_id, name);
	return fd;
}

static void
begin_reply(struct shm_reply *reply, const struct shm_job *job, uint32_t index)
{
	atomic_store_explicit(&reply->job, index, memory_order_relaxed);
	atomic_store_explicit(&reply->route, job->route,
	    memory_order_relaxed);
	reply->status = 0;
	reply->cpu_ns = USAGE_UNKNOWN;
	atomic_store_explicit(&reply->kept_length, 0, memory_order_relaxed);
	atomic_store_explicit(&reply->topics, 0, memory_order_relaxed);
	memcpy(reply->request_id, job->request_id,
	    sizeof(reply->request_id));
	atomic_store(&reply->progress.seq, 0);
	atomic_store(&reply->started_ns, clock_now_ns());
	atomic_store(&reply->written, 0);
	if (atomic_load(&reply->consumed) != 0)	/* a wild pointer's */
		atomic_store(&reply->consumed, 0);
	atomic_store(&reply->state, SHM_REPLY_BUSY);
	atomic_store(&reply->seq, job->seq);
}

static void
end_reply(struct wrk_sink *sink, enum api_outcome outcome,
    const struct api_result *result)
{
	struct shm_reply *reply = sink->reply;

	reply->status = (uint32_t)result->status;
	atomic_store_explicit(&reply->kept_length,
	    (uint32_t)result->kept_length, memory_order_relaxed);
	memcpy(reply->kept, result->kept, result->kept_length);
	reply->ended_ns = clock_now_ns();
	wrk_sink_publish(sink);
	atomic_fetch_add(&sink->wrk->window->requests, 1);
	atomic_store(&reply->state, outcome == API_DONE ? SHM_REPLY_DONE :
	    SHM_REPLY_BROKEN);
	wrk_tell_front(sink->wrk, sink->slot);
	wrk_sample_after_job(sink->wrk, reply->ended_ns / CLOCK_NS_PER_MS);
}

static void
send_problem(struct wrk_sink *sink, const struct shm_job *job,
    struct api_result *result_out)
{
	char text[API_PROBLEM_MAX];
	size_t length = api_problem(text, sizeof(text), 500, job->request_id,
	    job->head_only != 0, "", "The request body could not be read.");

	memset(result_out, 0, sizeof(*result_out));
	result_out->status = 500;
	sink->sink.send(&sink->sink, text, length, "", 0);
}

static struct api_input
input_of(const struct wrk *wrk, const struct shm_job *job, uint64_t started_ns)
{
	return (struct api_input){
		.route = &wrk->start->set->routes[job->route],
		.params = job->data,
		.params_length = job->params_length,
		.identity = job->data + job->params_length,
		.identity_length = job->identity_length,
		.body = job->data + job->params_length + job->identity_length,
		.body_length = job->body_length,
		.body_fd = -1,
		.request_id = job->request_id,
		.head_only = job->head_only != 0,
		.cancelled = &job->cancelled,
		.queued_ns = job->queued_ns,
		.cache_key = job->cached != 0 ? job->cache_key : NULL,
		.deadline_ns = due_first(job->end_by_ns,
		    job->timeout_ns == 0 ? 0 : started_ns + job->timeout_ns),
	};
}

/* We may have stood still since it was pushed, and the front with us. */
static bool
is_stale(const struct shm_job *job, uint64_t now_ns)
{
	return due_is_over(job->begin_by_ns, now_ns) ||
	    atomic_load(&job->cancelled) == SHM_CANCELLED_NOBODY;
}

static void
give_back(struct wrk_sink *sink)
{
	struct shm_reply *reply = sink->reply;

	reply->ended_ns = atomic_load(&reply->started_ns);
	atomic_store(&reply->state, SHM_REPLY_EXPIRED);
	wrk_tell_front(sink->wrk, sink->slot);
}

/* The front may have taken it back since we claimed it, if a claim was
 * overwritten or we stood still: then our slot is none of any job's. */
static bool
is_ours(struct wrk_sink *sink, uint32_t index)
{
	struct shm_reply *reply = sink->reply;

	if (jobq_has(&sink->wrk->jobq, index, atomic_load(&reply->seq),
	    sink->wrk->first_claimant + sink->slot))
		return true;
	atomic_store(&reply->seq, 0);
	return false;
}

/* Runs the handler, and measures it. */
static enum api_outcome
run(struct wrk_thread *thread, const struct shm_job *job,
    const struct api_input *input, struct wrk_sink *sink,
    struct api_result *result_out)
{
	const struct crash_request crash = { .reply = sink->slot + 1,
	    .request_id = job->request_id };
	bool measured = usage_is_due(&thread->turns[input->route->index]);
	uint64_t cpu_ns = usage_now_ns(measured);
	enum api_outcome outcome;

	crash_enter(&crash);
	outcome = api_serve(thread->request, input, &sink->sink, result_out);
	crash_leave();
	sink->reply->cpu_ns = usage_between(cpu_ns, usage_now_ns(measured));
	return outcome;
}

void
wrk_serve(struct wrk_thread *thread, uint32_t index, uint32_t slot)
{
	struct wrk *wrk = thread->wrk;
	const struct shm_job *job = shm_job(wrk->shm,
	    wrk->pool->first_job + index);
	struct api_input input;
	struct api_result result;
	enum api_outcome outcome = API_DONE;
	struct wrk_sink sink;

	wrk_sink_init(&sink, wrk, job, slot);
	begin_reply(sink.reply, job, index);
	if (!is_ours(&sink, index) ||
	    is_stale(job, atomic_load(&sink.reply->started_ns))) {
		give_back(&sink);
		return;
	}
	input = input_of(wrk, job, atomic_load(&sink.reply->started_ns));
	atomic_store(&thread->running, job);
	if (job->spool != 0 && (input.body_fd = open_spool(wrk, job)) < 0)
		send_problem(&sink, job, &result);
	else
		outcome = run(thread, job, &input, &sink, &result);
	atomic_store(&thread->running, NULL);
	end_reply(&sink, outcome, &result);
	usage_ran(&thread->turns[input.route->index], sink.reply->ended_ns -
	    atomic_load(&sink.reply->started_ns));
	api_request_reset(thread->request);
	if (input.body_fd >= 0)
		close(input.body_fd);
}
