/*
 * front_worker.c - a worker is dead: what becomes of its requests.
 *
 * Runs in: front, when the supervisor has said so.
 * Owns: the dead worker's window until it is told to be clean.
 * Invariant: replies that were complete are delivered; requests that were not
 * begun go to another worker; each other one is answered here, once.
 */
#include <stdio.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_capture.h"

/* A worker's end, and whose fault it is: a reply slot, or nobody known. */
struct death {
	uint32_t	worker;
	uint32_t	incarnation;
	int		status;
	bool		stopped;	/* by us, for a request over its time */
	uint32_t	culprit;	/* 1 + its reply slot; 0: unknown; or
					 * CRASH_NO_REPLY: no request */
	unsigned	lost;		/* requests that had begun */
};

static bool
runs_in(const struct front_job *job, uint32_t reply)
{
	uint32_t worker, slot;

	return front_job_begun(job, &worker, &slot) && slot == reply - 1;
}

/* Where the process could not say whose thread it was, and nothing else ran,
 * it was this one's. */
static bool
is_culprit(const struct death *death, const struct front_job *job)
{
	if (death->stopped)
		return false;
	if (death->culprit == 0)
		return death->lost == 1;
	return runs_in(job, death->culprit);
}

static void
tell_lost(const struct front_job *job, const struct death *death,
    bool culprit)
{
	struct lost_request lost;

	front_lost_describe(job, &lost);
	lost.culprit = culprit;
	if (culprit)
		front_capture(job, lost.capture);
	front_link_lost(job->pool->front, death->worker, death->incarnation,
	    &lost);
}

static const char *
why_lost(const struct death *death)
{
	if (death->stopped)
		return "Its worker was stopped because of another request.";
	if (death->culprit == CRASH_NO_REPLY)
		return "Its worker ended in a hook of a handler.";
	if (death->culprit != 0)
		return "Its worker ended because of another request.";
	return "Its worker ended while several requests ran in it.";
}

/* The request a dead worker had begun. */
static void
answer_lost(struct front_job *job, const struct death *death)
{
	struct front_request *request = job->request;
	bool culprit = is_culprit(death, job);
	char how[96];

	child_describe_end(death->status, how, sizeof(how));
	log_warnx("req=%s route=\"%s\" handler=%s worker %u %s while it ran",
	    job->request_id, job->route->label, job->route->handler->name,
	    death->worker, how);
	tell_lost(job, death, culprit);
	if (culprit) {
		front_count(&shm_route_stats(job->pool->front->shm,
		    job->route->index)->crashes, 1);
		front_fault_crashed(job);
	}
	if (request == NULL)
		return;
	request->job = NULL;
	job->request = NULL;
	if (job->forwarded)
		front_request_broken(request);
	else if (culprit)
		front_answer(request, 500, "", "The handler ended without a "
		    "reply.");
	else
		front_answer(request, 503, "Retry-After: 1\r\n", "%s",
		    why_lost(death));
}

enum lot {
	LOT_OTHERS,	/* another worker runs it */
	LOT_UNBEGUN,
	LOT_UNSURE,	/* the dead one may have overwritten the claim */
	LOT_LOST
};

/* What the dead worker had to do with a job.  A claim nobody can have is of
 * nobody who lives: those who run a job are known by their reply slots. */
static enum lot
lot_of(const struct front_job *job, uint32_t worker, uint32_t claim)
{
	const struct front_pool *pool = job->pool;
	uint32_t replies = pool->geometry->replies, its_worker, slot;

	if (claim == SHM_CLAIM_QUEUED)
		return pool->front->workers[worker].spoilt && job->passed ?
		    LOT_UNSURE : LOT_UNBEGUN;
	if (front_job_begun(job, &its_worker, &slot))
		return its_worker == worker ? LOT_LOST : LOT_OTHERS;
	if (claim > pool->geometry->workers * replies)
		return LOT_LOST;
	if (pool->geometry->first_worker + (claim - 1) / replies != worker)
		return LOT_OTHERS;
	return pool->front->workers[worker].spoilt ? LOT_LOST : LOT_UNBEGUN;
}

static enum lot
lot_now(const struct front_job *job, uint32_t worker, uint32_t *claim_out)
{
	*claim_out = jobq_claimant(&job->pool->jobq, job->index, job->seq);
	return lot_of(job, worker, *claim_out);
}

/* To be asked of the queue while it is as the dead one left it. */
static void
note_passed(struct front_pool *pool)
{
	struct front_job *job;

	TAILQ_FOREACH(job, &pool->active, link)
		job->passed = jobq_passed(&pool->jobq, job->at);
}

/* What the dead process said of itself it may have overwritten: a slot in which
 * nothing ran is nobody's. */
static void
count_lost(const struct front_pool *pool, struct death *death)
{
	const struct front_job *job;
	uint32_t claim, culprit = 0;

	TAILQ_FOREACH(job, &pool->active, link) {
		if (lot_now(job, death->worker, &claim) != LOT_LOST)
			continue;
		death->lost++;
		if (runs_in(job, death->culprit))
			culprit = death->culprit;
	}
	if (death->culprit != CRASH_NO_REPLY)
		death->culprit = culprit;
}

/* What is not begun is pushed again into an empty queue, whether or not it was
 * still in there: twice each, they could be more than the ring holds. */
static void
settle_jobs(struct front_pool *pool, struct death *death)
{
	struct front_job *job, *next;
	uint32_t claim;

	note_passed(pool);
	count_lost(pool, death);
	jobq_repair(&pool->jobq);
	for (job = TAILQ_FIRST(&pool->active); job != NULL; job = next) {
		enum lot lot = lot_now(job, death->worker, &claim);

		next = TAILQ_NEXT(job, link);
		if (lot == LOT_OTHERS)
			continue;
		if (lot == LOT_UNSURE) {
			front_queue_give_up(job);
			continue;
		}
		if (lot == LOT_UNBEGUN && job->request != NULL) {
			front_job_again(job, claim);
			continue;
		}
		if (lot == LOT_LOST)
			answer_lost(job, death);
		front_job_release(job);
	}
}

/* As if fresh: the next process of this slot finds all of it zero. */
static void
clean_window(struct front *front, struct front_pool *pool, uint32_t worker)
{
	struct shm_window *window = front->shm->windows[worker];

	memset(window, 0, pool->geometry->spaces_offset);
	atomic_store(&front->shm->state->leave[worker], 0);
	front->workers[worker].news_head = 0;
	front->workers[worker].seen = false;
	front->workers[worker].spoilt = false;
	front->workers[worker].overtime = false;
}

void
front_worker_died(struct front *front, const struct message *message)
{
	uint32_t worker = message->slot;
	struct front_pool *pool;
	struct death death = { .worker = worker,
	    .incarnation = message->incarnation, .status = message->value,
	    .culprit = message->extra };

	FH_BUG(worker >= front->start->geometry->worker_count);
	death.stopped = front->workers[worker].overtime;
	pool = &front->pools[shm_pool_of_worker(front->start->geometry,
	    worker)];
	front->workers[worker].incarnation = message->incarnation + 1;
	front_queue_check(pool);
	front_window_look_through(front, worker);
	front_news_of(front, worker);
	settle_jobs(pool, &death);
	clean_window(front, pool, worker);
	jobq_wake(&pool->jobq, true);
	front_pass_all(front);
	front_pool_refill(pool);
	front_link_cleaned(front, worker);
	front_demand(pool);
}

/* All are woken, and find that it may have been the one that was for a job; so
 * none of its threads sleeps from here on. */
void
front_worker_leave(struct front *front, uint32_t worker)
{
	FH_BUG(worker >= front->start->geometry->worker_count);
	atomic_store(&front->shm->state->leave[worker], 1);
	jobq_wake(&front->pools[shm_pool_of_worker(front->start->geometry,
	    worker)].jobq, true);
	front_stream_leave(front, worker);
}
