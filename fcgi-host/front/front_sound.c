/*
 * front_sound.c - has a worker overwritten what it shares with us?
 *
 * Runs in: front, at every turn of its loop.
 * Owns: nothing.
 * Invariant: a window that was overwritten is not read again, and its worker is
 * ended; a queue that was overwritten is made anew from what only the front can
 * write, and from the windows of the other workers.
 */
#include "common/log.h"
#include "front/front.h"

/* False also for a worker that has not said it is ready: nothing to read. */
bool
front_window_is_sound(struct front *front, uint32_t worker)
{
	struct front_worker *state = &front->workers[worker];
	uint64_t magic = atomic_load(&front->shm->windows[worker]->magic);

	if (magic == SHM_WINDOW_MAGIC && !state->spoilt) {
		state->seen = true;
		return true;
	}
	if (state->seen && !state->spoilt) {
		state->spoilt = true;
		log_warnx("worker %u overwrote the memory it shares with the "
		    "front; it is ended", worker);
		front_link_spoilt(front, worker);
	}
	return false;
}

static bool
slot_is_likely(const struct shm_pool_geometry *pool,
    const struct shm_reply *reply)
{
	uint32_t state = atomic_load(&reply->state);

	if (state == SHM_REPLY_FREE)
		return atomic_load(&reply->seq) == 0 &&
		    atomic_load(&reply->consumed) == 0;
	return state <= SHM_REPLY_EXPIRED &&
	    atomic_load(&reply->job) < pool->jobs &&
	    atomic_load(&reply->kept_length) <= FH_KEEP_MAX;
}

void
front_window_look_through(struct front *front, uint32_t worker)
{
	const struct shm_pool_geometry *pool = &front->start->geometry->pools[
	    shm_pool_of_worker(front->start->geometry, worker)];
	uint32_t slot = 0;

	while (slot < pool->replies && slot_is_likely(pool,
	    shm_reply(front->shm, worker, slot)))
		slot++;
	if (slot == pool->replies || front->workers[worker].spoilt)
		return;
	front->workers[worker].spoilt = true;
	log_warnx("worker %u overwrote the memory it shares with the front "
	    "before it ended", worker);
}

void
front_queue_give_up(struct front_job *job)
{
	struct front_request *request = job->request;

	if (!front_job_take_back(job))
		return;
	if (request != NULL)
		front_answer(request, 503, "Retry-After: 1\r\n", "A worker "
		    "overwrote the queue this request was in.");
}

static void
mend(struct front_pool *pool)
{
	struct front_job *job, *next;
	uint32_t worker, slot;

	jobq_repair(&pool->jobq);
	for (job = TAILQ_FIRST(&pool->active); job != NULL; job = next) {
		uint32_t claim = jobq_claimant(&pool->jobq, job->index,
		    job->seq);

		next = TAILQ_NEXT(job, link);
		if (front_job_begun(job, &worker, &slot))
			jobq_set_claim(&pool->jobq, job->index, job->seq,
			    1 + (worker - pool->geometry->first_worker) *
			    pool->geometry->replies + slot);
		else if (claim == SHM_CLAIM_QUEUED)
			front_job_again(job, claim);
		else
			front_queue_give_up(job);
	}
}

void
front_queue_check(struct front_pool *pool)
{
	if (jobq_is_sound(&pool->jobq))
		return;
	log_warnx("pool %s: a worker overwrote the queue; made anew",
	    pool->config->name);
	/* Those who did it are known first: their windows don't count. */
	for (uint32_t i = 0; i < pool->geometry->workers; i++)
		front_window_is_sound(pool->front,
		    pool->geometry->first_worker + i);
	mend(pool);
	jobq_wake(&pool->jobq, true);
}
