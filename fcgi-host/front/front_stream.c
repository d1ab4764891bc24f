/*
 * front_stream.c - streams: who is told to end, and who is woken by a topic.
 *
 * Runs in: front.
 * Owns: the topics of the shared state.
 * Invariant: a stream is told before it is waited for: when the front is to
 * stop or to retire, and when its worker is to leave.  A topic is counted
 * before anybody is woken for it: whoever is about to sleep sees the count.
 */
#include <unistd.h>

#include "front/front.h"

bool
front_stream_ends(const struct front *front, const struct route *route)
{
	return route->stream && (front->stopping || front->retiring);
}

void
front_stream_end_all(struct front *front)
{
	struct front_job *job;

	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++)
		TAILQ_FOREACH(job, &front->pools[p].active, link)
			if (job->request != NULL && job->route->stream)
				front_job_tell(job, SHM_CANCELLED_ENDING);
}

/* It sees in `leave` that they are to end; those that sleep look now. */
void
front_stream_leave(struct front *front, uint32_t worker)
{
	struct front_pool *pool = &front->pools[shm_pool_of_worker(
	    front->start->geometry, worker)];
	struct front_job *job;
	uint32_t its_worker, slot;

	TAILQ_FOREACH(job, &pool->active, link)
		if (job->route->stream &&
		    front_job_begun(job, &its_worker, &slot) &&
		    its_worker == worker)
			front_job_wake(job);
}

/* ------------------------------------------------------------------ topics */

static void
wake_listeners(struct front_pool *pool, uint64_t topics)
{
	struct shm *shm = pool->front->shm;
	struct front_job *job;
	uint32_t worker, slot;

	TAILQ_FOREACH(job, &pool->active, link)
		if (front_job_begun(job, &worker, &slot) &&
		    (atomic_load(&shm_reply(shm, worker, slot)->topics) &
		    topics) != 0)
			front_job_wake(job);
}

void
front_notify(struct front *front, uint64_t topics)
{
	for (uint32_t i = 0; i < SHM_TOPICS; i++)
		if (topics >> i & 1)
			atomic_fetch_add(&front->shm->state->topics[i], 1);
	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++)
		wake_listeners(&front->pools[p], topics);
}

/* What rang since the last look, in any worker or here. */
bool
front_notify_look(struct front *front)
{
	uint64_t topics = 0;

	for (uint32_t i = 0; i < front->start->geometry->worker_count; i++) {
		_Atomic uint64_t *rung =
		    &front->shm->windows[i]->notified;

		if (atomic_load(rung) != 0)
			topics |= atomic_exchange(rung, 0);
	}
	if (atomic_load(&front->notified) != 0)
		topics |= atomic_exchange(&front->notified, 0);
	if (topics == 0)
		return false;
	front_notify(front, topics);
	if (front->retiring)		/* who listens is there by now */
		front_link_notify(front, topics);
	return true;
}

/* In any thread of this process: a library's, too. */
static void
ring(void *context, uint64_t topics)
{
	struct front *front = context;
	const uint64_t one = 1;

	atomic_fetch_or(&front->notified, topics);
	if (atomic_load(&front->shm->state->asleep) != 0 &&
	    write(front->start->fds[SPAWN_FD_EVENT], &one, sizeof(one)) < 0)
		return;		/* full: it is awake by then */
}

void
front_notify_start(struct front *front)
{
	api_notify_set(front->shm->state->topics, ring, front);
}
