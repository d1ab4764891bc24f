/*
 * wrk.h - one worker process: what its files share.
 */
#ifndef WORKER_WRK_H
#define WORKER_WRK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "common/child.h"
#include "common/jobq.h"
#include "common/shm.h"
#include "common/usage.h"

struct wrk;

/* One serving thread.  Thread 0 is the process's first. */
struct wrk_thread {
	struct wrk		*wrk;
	uint32_t		 index;
	uint32_t		 next_reply;	/* the slot to use next */
	pthread_t		 id;
	struct api_worker	*worker;
	struct fh_request	*request;
	struct usage_turn	*turns;		/* by route */
	/* read by the SIGTERM handler */
	_Atomic(const struct shm_job *) running;
};

struct wrk {
	const struct child_start *start;
	const struct shm_pool_geometry *pool;
	struct shm		*shm;
	struct shm_window	*window;
	struct jobq		 jobq;
	uint32_t		 pool_index;
	uint32_t		 first_claimant; /* 1 + our first reply slot */

	/* any thread */
	_Atomic bool		 terminating;
	_Atomic uint32_t	 rung;		/* for that sleep */
	_Atomic uint32_t	 idle;		/* threads without a job */
	_Atomic uint32_t	 thread_count;	/* whose `id` is set */
	pthread_mutex_t		 starting;	/* held over one's start */
	_Atomic uint64_t	 next_sample_ms;
	_Atomic uint64_t	 looked_ms;	/* at its memory */
	_Atomic uint64_t	 anonymous_bytes; /* when last measured */
	struct wrk_thread	*threads;
};

/* wrk_main.c: true once this process should take no more jobs. */
bool	wrk_leaving(const struct wrk *);

/* wrk_thread.c: the life of one thread; for thread 0 until the worker ends. */
void	wrk_thread_run(struct wrk_thread *);
int	wrk_thread_prepare(struct wrk_thread *);
void	wrk_thread_release(struct wrk_thread *);

/* wrk_serve.c: runs one job whose claim this thread holds. */
void	wrk_serve(struct wrk_thread *, uint32_t job, uint32_t reply_slot);

/* wrk_sink.c: the reply space as a sink, and the front's attention. */
struct wrk_sink {
	struct api_sink		 sink;
	struct wrk		*wrk;
	const struct shm_job	*job;
	struct shm_reply	*reply;
	uint8_t			*space;
	uint32_t		 slot;
	uint64_t		 written;
	uint64_t		 told_ms;	/* of its progress */
};
void	wrk_sink_init(struct wrk_sink *, struct wrk *, const struct shm_job *,
	    uint32_t slot);
void	wrk_sink_publish(struct wrk_sink *);
void	wrk_tell_front(struct wrk *, uint32_t slot);
void	wrk_wake_front(struct wrk *);

/* wrk_sample.c: this process's memory, into its window. */
void	wrk_sample_at_start(struct wrk *);
void	wrk_sample_if_due(struct wrk *, uint64_t now_ms);
void	wrk_sample_after_job(struct wrk *, uint64_t now_ms);

#endif
