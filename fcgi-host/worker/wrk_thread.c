/*
 * wrk_thread.c - a serving thread: take a job, run it, take the next, sleep.
 *
 * Runs in: worker, every serving thread.
 * Owns: its struct wrk_thread and its reply slots.
 * Invariant: a thread takes a job only when it can run it at once; one without
 * a job is counted in `idle`, and one asleep in the window's `sleepers`.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/futex.h"
#include "common/log.h"
#include "worker/wrk.h"

int
wrk_thread_prepare(struct wrk_thread *thread)
{
	const struct wrk *wrk = thread->wrk;

	thread->next_reply = thread->index * wrk->pool->depth;
	thread->worker = api_worker_create(wrk->start->set, wrk->pool_index);
	if (thread->worker == NULL)
		return -1;
	thread->request = api_request_create(thread->worker);
	thread->turns = calloc(wrk->start->set->route_count + 1,
	    sizeof(*thread->turns));
	return thread->request == NULL || thread->turns == NULL ? -1 : 0;
}

void
wrk_thread_release(struct wrk_thread *thread)
{
	api_request_destroy(thread->request);
	api_worker_destroy(thread->worker);
	free(thread->turns);
}

static void *
further_thread(void *context)
{
	struct wrk_thread *thread = context;

	crash_thread_begin();
	pthread_cleanup_push(crash_thread_left, NULL);
	if (wrk_thread_prepare(thread) == 0)
		wrk_thread_run(thread);
	else {
		log_warnx("no memory for thread %u", thread->index);
		atomic_fetch_sub(&thread->wrk->idle, 1);
	}
	wrk_thread_release(thread);
	pthread_cleanup_pop(0);
	crash_thread_end();
	return NULL;
}

static int
create(struct wrk_thread *thread)
{
	const struct wrk *wrk = thread->wrk;
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes,
	    wrk->start->config->pools[wrk->pool_index].stack);
	error = pthread_create(&thread->id, &attributes, further_thread,
	    thread);
	pthread_attr_destroy(&attributes);
	return error;
}

/* Called by the thread that is about to be busy, when no other is idle. */
static void
start_another(struct wrk *wrk)
{
	struct wrk_thread *thread;
	uint32_t index;
	int error;

	pthread_mutex_lock(&wrk->starting);
	index = atomic_load(&wrk->thread_count);
	if (index < wrk->pool->threads && !wrk_leaving(wrk)) {
		thread = &wrk->threads[index];
		thread->wrk = wrk;
		thread->index = index;
		atomic_fetch_add(&wrk->idle, 1);
		error = create(thread);
		if (error == 0) {
			atomic_store(&wrk->thread_count, index + 1);
			atomic_fetch_add(&wrk->window->threads, 1);
		} else {
			atomic_fetch_sub(&wrk->idle, 1);
			log_warnx("thread %u of worker %u: error %d; going on "
			    "with fewer", index, wrk->start->slot, error);
		}
	}
	pthread_mutex_unlock(&wrk->starting);
}

/* Asleep until the bell rings; the front counts sleepers to know whether to. */
static void
sleep_for_work(struct wrk *wrk, bool sampler)
{
	uint32_t seen = atomic_load(&wrk->jobq.queue->bell);
	uint64_t now = clock_now_ms();
	uint64_t due = atomic_load(&wrk->next_sample_ms);
	uint64_t timeout = 0;

	if (sampler && due != 0) {
		wrk_sample_if_due(wrk, now);
		due = atomic_load(&wrk->next_sample_ms);
		if (due != 0)
			timeout = due > now ? due - now : 1;
	}
	atomic_fetch_add(&wrk->window->sleepers, 1);
	if (jobq_empty(&wrk->jobq) && !wrk_leaving(wrk)) {
		if (jobq_hungry(&wrk->jobq))
			wrk_wake_front(wrk);
		futex_wait(&wrk->jobq.queue->bell, seen, timeout);
	}
	atomic_fetch_sub(&wrk->window->sleepers, 1);
}

/* The front has not read the last reply in this slot yet: wait until it has. */
static bool
reply_slot_is_free(struct wrk *wrk, uint32_t slot)
{
	struct shm_reply *reply = shm_reply(wrk->shm, wrk->start->slot, slot);
	uint32_t state = atomic_load(&reply->state);

	if (state == SHM_REPLY_FREE)
		return true;
	wrk_tell_front(wrk, slot);
	atomic_store(&reply->waits, SHM_WAITS_SLOT);
	futex_wait(&reply->state, state, 1000);
	atomic_store(&reply->waits, SHM_WAITS_NOT);
	return atomic_load(&reply->state) == SHM_REPLY_FREE;
}

static void
advance_reply_slot(struct wrk_thread *thread)
{
	uint32_t depth = thread->wrk->pool->depth;
	uint32_t first = thread->index * depth;

	thread->next_reply = first + (thread->next_reply - first + 1) % depth;
}

static void
run_job(struct wrk_thread *thread, uint32_t job)
{
	struct wrk *wrk = thread->wrk;

	if (atomic_fetch_sub(&wrk->idle, 1) == 1 && wrk->pool->threads > 1)
		start_another(wrk);
	atomic_fetch_add(&wrk->window->busy, 1);
	wrk_serve(thread, job, thread->next_reply);
	advance_reply_slot(thread);
	atomic_fetch_sub(&wrk->window->busy, 1);
	atomic_fetch_add(&wrk->idle, 1);
}

void
wrk_thread_run(struct wrk_thread *thread)
{
	struct wrk *wrk = thread->wrk;
	uint32_t job;

	if (thread->index == 0)
		atomic_fetch_add(&wrk->idle, 1);
	while (!wrk_leaving(wrk)) {
		if (!reply_slot_is_free(wrk, thread->next_reply))
			continue;
		job = jobq_take(&wrk->jobq, wrk->first_claimant +
		    thread->next_reply);
		if (job != SHM_NONE)
			run_job(thread, job);
		else
			sleep_for_work(wrk, thread->index == 0);
	}
	atomic_fetch_sub(&wrk->idle, 1);
}
