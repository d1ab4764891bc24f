/*
 * front_job.c - jobs: requests in shared memory, from push to release.
 *
 * Runs in: front.
 * Owns: the jobs section of shared memory, each struct front_job.
 * Invariant: a job slot is free, or its sequence number is in exactly one
 * claim; it is released only when no worker can still read it: withdrawn,
 * ended, or its worker is dead.
 */
#include <sys/mman.h>

#include <string.h>

#include "common/clock.h"
#include "common/futex.h"
#include "front/front.h"
#include "front/front_client.h"

static struct shm_job *
memory_of(const struct front_job *job)
{
	return shm_job(job->pool->front->shm, job->pool->geometry->first_job +
	    job->index);
}

/* The request as the worker will see it. */
static void
write_job(struct front_job *job, const struct front_request *request)
{
	struct shm_job *memory = memory_of(job);
	const struct route *route = request->match.route;
	uint8_t *at = memory->data;

	memory->seq = job->seq;
	memory->timeout_ns = route->timeout_ms * CLOCK_NS_PER_MS;
	memory->begin_by_ns = job->begin_by_ns;
	memory->end_by_ns = job->end_by_ns;
	memory->queued_ns = request->queued_ns;
	memory->route = route->index;
	memory->params_length = (uint32_t)request->params_have;
	memory->identity_length = (uint32_t)request->identity_length;
	memory->body_length = request->body_have;
	memory->spool = request->spool;
	memory->head_only = request->match.head;
	memory->cached = request->cached;
	memcpy(memory->cache_key, request->cache_key,
	    sizeof(memory->cache_key));
	atomic_store_explicit(&memory->cancelled,
	    front_stream_ends(job->pool->front, route) ?
	    SHM_CANCELLED_ENDING : SHM_CANCELLED_NOT, memory_order_relaxed);
	memcpy(memory->request_id, request->request_id,
	    sizeof(memory->request_id));
	memcpy(at, request->params, request->params_have);
	at += request->params_have;
	if (request->identity_length > 0)
		memcpy(at, request->identity, request->identity_length);
	at += request->identity_length;
	if (request->spool == 0)
		memcpy(at,
		    request->body != NULL ? request->body :
		    (const uint8_t *)"", request->body_have);
}

static bool
somebody_sleeps(const struct front_pool *pool)
{
	struct shm_window **windows = pool->front->shm->windows;
	uint32_t first = pool->geometry->first_worker;

	for (uint32_t i = 0; i < pool->geometry->workers; i++)
		if (atomic_load(&windows[first + i]->sleepers) != 0)
			return true;
	return false;
}

/* One more is woken for each job while anybody sleeps: who was woken for the
 * last one may be awake and not have taken it yet, so that neither sleepers nor
 * queued jobs say how many are on their way. */
static void
wake_one(struct front_pool *pool)
{
	if (somebody_sleeps(pool))
		jobq_wake(&pool->jobq, false);
}

static void
count_active(struct front_pool *pool)
{
	atomic_store_explicit(&pool->stats->active, pool->active_count,
	    memory_order_relaxed);
}

bool
front_job_may_push(const struct front_pool *pool)
{
	return !TAILQ_EMPTY(&pool->free) && jobq_room(&pool->jobq) > 0;
}

/* False: there is no room; the request is as before. */
bool
front_job_push(struct front_pool *pool, struct front_request *request)
{
	struct front_job *job = TAILQ_FIRST(&pool->free);

	if (!front_job_may_push(pool))
		return false;
	TAILQ_REMOVE(&pool->free, job, link);
	TAILQ_INSERT_TAIL(&pool->active, job, link);
	pool->active_count++;
	count_active(pool);
	front_lanes_begun(&pool->lanes, front_pool_lane(pool,
	    request->match.route));
	job->seq = pool->front->next_seq++;
	job->request = request;
	job->route = request->match.route;
	memcpy(job->request_id, request->request_id, sizeof(job->request_id));
	job->pushed_ns = clock_now_ns();
	job->spool = 0;
	job->begin_by_ns = request->begin_by_ns;
	job->end_by_ns = request->end_by_ns;
	job->consumed = 0;
	job->progress = 0;
	job->forwarded = false;
	job->timed_out = false;
	job->told = false;
	job->astray_ns = 0;
	request->job = job;
	request->state = FRONT_RUNNING;
	write_job(job, request);
	job->at = jobq_push(&pool->jobq, job->index, job->seq);
	wake_one(pool);
	front_deadline_pushed(job);
	front_demand(pool);
	return true;
}

void
front_job_again(struct front_job *job, uint32_t claimant)
{
	job->at = jobq_push_again(&job->pool->jobq, job->index, job->seq,
	    claimant);
	wake_one(job->pool);
}

/* Is it this job that reply slot `claim` - 1 of the pool answers? */
static bool
is_in_slot(const struct front_job *job, uint32_t claim, uint32_t *worker_out,
    uint32_t *slot_out)
{
	const struct shm_pool_geometry *geometry = job->pool->geometry;
	const struct shm_reply *reply;

	*worker_out = geometry->first_worker + (claim - 1) / geometry->replies;
	*slot_out = (claim - 1) % geometry->replies;
	reply = shm_reply(job->pool->front->shm, *worker_out, *slot_out);
	return atomic_load(&reply->seq) == job->seq;
}

/*
 * Has a worker begun it?  The claim says where, and the reply slot there must
 * say the same.  If it doesn't, the claim is fresh or was overwritten: then
 * every slot is looked at.
 */
bool
front_job_begun(const struct front_job *job, uint32_t *worker_out,
    uint32_t *slot_out)
{
	const struct shm_pool_geometry *geometry = job->pool->geometry;
	uint32_t slots = geometry->workers * geometry->replies;
	uint32_t claim = jobq_claimant(&job->pool->jobq, job->index, job->seq);

	if (claim == SHM_CLAIM_QUEUED)
		return false;
	if (claim <= slots && is_in_slot(job, claim, worker_out, slot_out))
		return true;
	for (claim = 1; claim <= slots; claim++)
		if (is_in_slot(job, claim, worker_out, slot_out))
			return true;
	return false;
}

void
front_job_wake(const struct front_job *job)
{
	struct shm_reply *reply;
	uint32_t worker, slot;

	if (!front_job_begun(job, &worker, &slot))
		return;
	reply = shm_reply(job->pool->front->shm, worker, slot);
	atomic_fetch_add(&reply->room, 1);
	if (atomic_load(&reply->waits) != SHM_WAITS_NOT)
		futex_wake(&reply->room, 1);
}

/* Tells the worker that has it, if one does. */
void
front_job_tell(struct front_job *job, enum shm_cancelled why)
{
	atomic_store(&memory_of(job)->cancelled, why);
	front_job_wake(job);
}

/* True: no worker has it or will, its slot is free, and the request is nowhere
 * until the caller puts it somewhere. */
bool
front_job_withdraw(struct front_job *job)
{
	if (!jobq_withdraw(&job->pool->jobq, job->index, job->seq))
		return false;
	front_job_release(job);
	return true;
}

/* The worker looks at the claim after it has written its slot, and we at the
 * slots after the claim: one of the two sees the other. */
bool
front_job_take_back(struct front_job *job)
{
	uint32_t worker, slot;

	jobq_set_claim(&job->pool->jobq, job->index, job->seq,
	    SHM_CLAIM_WITHDRAWN);
	if (front_job_begun(job, &worker, &slot))
		return false;
	front_job_release(job);
	return true;
}

/* The request is answered or its client gone: take the job back, or tell the
 * worker that nobody waits. */
void
front_job_abandon(struct front_job *job)
{
	struct front_request *request = job->request;

	job->request = NULL;
	request->job = NULL;
	if (front_job_withdraw(job))
		return;
	job->client = request->client;
	request->client = 0;
	/* The worker may still be about to open the spool file. */
	job->spool = request->spool;
	request->spool = 0;
	front_job_tell(job, SHM_CANCELLED_NOBODY);
}

/* Gives pages back that only a large request had touched. */
static void
trim(const struct front_job *job)
{
	uint64_t bytes = job->pool->front->start->geometry->job_bytes;
	struct shm_job *memory = memory_of(job);
	uint64_t used = sizeof(*memory) + memory->params_length +
	    memory->identity_length +
	    (memory->spool == 0 ? memory->body_length : 0);

	if (used > FRONT_BUFFER_SIZE)
		madvise((uint8_t *)memory + FRONT_BUFFER_SIZE,
		    bytes - FRONT_BUFFER_SIZE, MADV_REMOVE);
}

void
front_job_release(struct front_job *job)
{
	struct front_pool *pool = job->pool;

	front_deadline_stop(job);
	front_spool_remove(pool->front, job->spool);
	front_client_leave(pool, &job->client);
	trim(job);
	if (job->request != NULL)
		job->request->job = NULL;
	job->request = NULL;
	job->spool = 0;
	job->seq = 0;
	TAILQ_REMOVE(&pool->active, job, link);
	TAILQ_INSERT_HEAD(&pool->free, job, link);
	pool->active_count--;
	count_active(pool);
	front_lanes_ended(&pool->lanes, front_pool_lane(pool, job->route));
	front_leave_if_done(pool->front);
}
