/*
 * front_worker.c - a worker is dead: what becomes of its requests.
 *
 * Runs in: front, when the supervisor has said so.
 * Owns: the dead worker's window until it is told to be clean.
 * Invariant: replies that were complete are delivered; requests that were not
 * begun go to another worker; each other one is answered here, once.
 */
#include <sys/wait.h>

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "front/front.h"

static void
describe(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "exited with status %d",
		    WEXITSTATUS(status));
}

/* The request a dead worker had begun. */
static void
answer_lost(struct front_job *job, uint32_t worker, int status)
{
	struct front_request *request = job->request;
	bool stopped = job->pool->front->workers[worker].overtime;
	char how[96];

	describe(status, how, sizeof(how));
	log_warnx("req=%s route=\"%s\" handler=%s worker %u %s while it ran",
	    job->request_id, job->route->label, job->route->handler->name,
	    worker, how);
	if (request == NULL)
		return;
	request->job = NULL;
	job->request = NULL;
	if (!stopped)
		front_count(&front_route_stats(request)->crashes, 1);
	if (job->forwarded)
		front_conn_close(request->conn);
	else if (stopped)
		front_answer(request, 503, "Retry-After: 1\r\n", "Its worker "
		    "was stopped because of another request.");
	else
		front_answer(request, 500, "", "The handler ended without a "
		    "reply.");
}

enum lot {
	LOT_OTHERS,	/* another worker runs it */
	LOT_UNBEGUN,
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
		return LOT_UNBEGUN;
	if (front_job_begun(job, &its_worker, &slot))
		return its_worker == worker ? LOT_LOST : LOT_OTHERS;
	if (claim > pool->geometry->workers * replies)
		return LOT_LOST;
	if (pool->geometry->first_worker + (claim - 1) / replies != worker)
		return LOT_OTHERS;
	return pool->front->workers[worker].spoilt ? LOT_LOST : LOT_UNBEGUN;
}

/* What is not begun is pushed again into an empty queue, whether or not it was
 * still in there: twice each, they could be more than the ring holds. */
static void
settle_jobs(struct front_pool *pool, uint32_t worker, int status)
{
	struct front_job *job, *next;

	jobq_repair(&pool->jobq);
	for (job = TAILQ_FIRST(&pool->active); job != NULL; job = next) {
		uint32_t claim = jobq_claimant(&pool->jobq, job->index,
		    job->seq);
		enum lot lot = lot_of(job, worker, claim);

		next = TAILQ_NEXT(job, link);
		if (lot == LOT_OTHERS)
			continue;
		if (lot == LOT_UNBEGUN && job->request != NULL) {
			front_job_again(job, claim);
			continue;
		}
		if (lot == LOT_LOST)
			answer_lost(job, worker, status);
		front_job_release(job);
	}
}

/* As if fresh: the next process of this slot finds all of it zero. */
static void
clean_window(struct front *front, struct front_pool *pool, uint32_t worker)
{
	struct shm_window *window = front->shm->windows[worker];

	memset(window, 0, pool->geometry->spaces_offset);
	front->workers[worker].news_head = 0;
	front->workers[worker].seen = false;
	front->workers[worker].spoilt = false;
	front->workers[worker].overtime = false;
}

void
front_worker_died(struct front *front, uint32_t worker, uint32_t incarnation,
    int status)
{
	struct front_pool *pool;

	FH_BUG(worker >= front->start->geometry->worker_count);
	pool = &front->pools[shm_pool_of_worker(front->start->geometry,
	    worker)];
	front->workers[worker].incarnation = incarnation + 1;
	front_queue_check(pool);
	front_news_of(front, worker);
	settle_jobs(pool, worker, status);
	clean_window(front, pool, worker);
	jobq_wake(&pool->jobq, true);
	front_pass_all(front);
	front_pool_refill(pool);
	front_link_cleaned(front, worker);
}
