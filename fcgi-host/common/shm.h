/*
 * shm.h - the shared memory of one team: a front and its workers.
 *
 * One sparse memfd, made by the supervisor, laid out by shm_geometry():
 *
 *	section		front	worker	supervisor
 *	state		rw	ro	rw	flags
 *	stats		rw	-	rw	counters; the supervisor writes
 *						before the front is forked
 *	times		rw	-	-	histograms; shm_read_times()
 *						copies: a look makes pages
 *	queue (pool)	rw	rw	-	job indices, claims
 *	jobs		rw	ro	-	requests: parameters and bodies
 *	window (worker)	rw	rw	ro	status, reply slots and spaces
 *
 * A worker maps its own window and its own pool's queue only.  There are no
 * pointers in here, only offsets and indices; whatever a worker can write the
 * front bounds-checks before use.  Sections begin on pages of their own, and
 * pages cost memory only once they are touched.
 */
#ifndef COMMON_SHM_H
#define COMMON_SHM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "common/cached.h"
#include "common/err.h"
#include "common/handler_version.h"
#include "common/head.h"
#include "common/lost.h"
#include "common/times.h"
#include "include/fcgi-host/handler.h"

#define SHM_LINE	64	/* bytes of a cache line */
#define SHM_LABEL_MAX	160
#define SHM_NONE	UINT32_MAX
#define SHM_TOPICS	64	/* of fh_notify(): one bit of a word each */

/* ------------------------------------------------------------------ state */

struct shm_state {
	/* written by the front */
	/* 0: awake; else the number of its present sleep in epoll_wait */
	_Alignas(SHM_LINE) _Atomic uint32_t asleep;

	/* written by the supervisor */
	_Alignas(SHM_LINE) _Atomic uint32_t drain;	/* workers: leave */
	_Atomic uint32_t	watched;	/* the sync handlers are */

	/* written by the front: how often each has rung */
	_Alignas(SHM_LINE) _Atomic uint32_t topics[SHM_TOPICS];

	/* written by the front: not 0, take no more jobs, and leave */
	_Alignas(SHM_LINE) _Atomic uint8_t leave[];	/* by worker */
};

/* ------------------------------------------------------------------ stats */

/* Why a request was answered by the host and not by its handler. */
enum shm_refusal {
	SHM_REFUSED_QUEUE_FULL,		/* the pool's queue */
	SHM_REFUSED_ROUTE_FULL,		/* max_concurrent */
	SHM_REFUSED_QUEUE_TIMEOUT,
	SHM_REFUSED_STOPPING,
	SHM_REFUSED_BREAKER_OPEN,	/* the route fails */
	SHM_REFUSED_POISON,		/* this request ends workers */
	SHM_REFUSED_CLIENT_FULL,	/* max_per_client */
	SHM_REFUSED_ACCESS,		/* 401, 403, 429 */
	SHM_REFUSED_KILLED,		/* an operator ended it */
	SHM_REFUSALS
};

/* As front_breaker_state. */
enum shm_breaker { SHM_BREAKER_CLOSED, SHM_BREAKER_OPEN,
	SHM_BREAKER_HALF_OPEN, SHM_BREAKER_HELD };

/* Of statuses: 2 is 2xx. */
#define SHM_CLASSES	6

/* Written by the front, read by the supervisor: relaxed, each for itself. */
struct shm_route_stats {
	char			label[SHM_LABEL_MAX];
	char			handler[CONFIG_NAME_MAX + 1];
	char			file[HANDLER_FILE_MAX + 1];
	uint32_t		async;
	uint32_t		demoted;
	uint32_t		pool;
	uint32_t		reserve;	/* workers kept for it */
	uint32_t		job;
	_Atomic uint64_t	requests;
	_Atomic uint64_t	status[SHM_CLASSES]; /* [0]: client left */
	_Atomic uint64_t	refused[SHM_REFUSALS];
	_Atomic uint64_t	timeouts;
	_Atomic uint64_t	slow;		/* over sync_warn */
	_Atomic uint64_t	crashes;
	_Atomic uint64_t	cancelled;
	_Atomic uint64_t	in_flight;
	_Atomic uint64_t	queue_ns;	/* sums over requests */
	_Atomic uint64_t	run_ns, write_ns;
	_Atomic uint64_t	cpu_ns;		/* see usage.h */
	_Atomic uint64_t	request_bytes;	/* of bodies */
	_Atomic uint64_t	run_max_ns;
	_Atomic uint64_t	reply_bytes;
	_Atomic uint64_t	cache_hits;	/* replies of the cache */
	_Atomic uint64_t	cache_shared;	/* ... after a wait */
	_Atomic uint32_t	breaker;	/* shm_breaker */
	_Atomic uint64_t	breaker_until_ms; /* SHM_BREAKER_OPEN */
};

struct shm_pool_stats {
	_Atomic uint64_t	pending;	/* in the front */
	_Atomic uint64_t	pending_max;
	_Atomic uint64_t	active;		/* jobs: queued or running */
};

/* What a front is short of.  Times are of clock_now_ms(). */
enum shm_trouble_kind { SHM_TROUBLE_DESCRIPTORS, SHM_TROUBLE_MEMORY,
	SHM_TROUBLE_SPOOL, SHM_TROUBLE_LOG, SHM_TROUBLES };
struct shm_trouble {
	_Atomic uint64_t	since_ms;	/* 0: there is none */
	_Atomic uint64_t	count;		/* of times since then */
};

struct shm_front_stats {
	_Atomic uint64_t	connections;
	_Atomic uint64_t	connections_max;
	_Atomic uint64_t	accepted;
	_Atomic uint64_t	requests;	/* routed or not */
	_Atomic uint64_t	no_route;	/* 404 and 405 */
	_Atomic uint64_t	bad_requests;	/* refused before routing */
	_Atomic uint64_t	protocol_errors;
	_Atomic uint64_t	refused_peers;	/* who may not connect */
	_Atomic uint64_t	turns_ns;	/* of the loop, not asleep */
	_Atomic uint64_t	blocked_ns;	/* ... by sync handlers */
	struct shm_trouble	troubles[SHM_TROUBLES];
	_Atomic uint64_t	private_bytes;	/* of the front */
	_Atomic uint64_t	pss_bytes;
	_Atomic uint64_t	sampled_ms;
	_Atomic uint64_t	sync_slow_ms;	/* from when on; 0: never */
	_Atomic uint64_t	sync_end_ms;	/* it is ended then; 0: never */
	_Atomic uint32_t	sync_route;	/* 1 + the one that runs */
	_Atomic uint32_t	sync_finishing;	/* ... in its finish() */
	_Atomic uint32_t	sync_closed;	/* descriptors of the host's */
	_Atomic uint64_t	sync_begun_ms, sync_arrived_ms;
	char			sync_request_id[HEAD_ID_MAX + 1];
	char			sync_method[LOST_METHOD_MAX];
	char			sync_uri[LOST_URI_MAX];
};

/* ------------------------------------------------------------------ queue */

/*
 * Front to workers, one per pool.  The front pushes job indices at `tail`;
 * workers move `head` on by compare-and-swap and then claim the job, by
 * another, in `claims`.  A worker that dies between the two has lost nothing:
 * the job is still SHM_CLAIM_QUEUED and the front pushes it again.
 *
 * A claim is the low half of the job's sequence number in the upper 32 bits,
 * and below it who has it: nobody yet, withdrawn, or 1 + a reply slot.
 */
#define SHM_CLAIM_QUEUED	UINT32_C(0)
#define SHM_CLAIM_WITHDRAWN	UINT32_MAX

struct shm_queue {
	_Alignas(SHM_LINE) _Atomic uint32_t tail;	/* front */
	_Atomic uint32_t	hungry;	/* front: more waits for room here */
	_Alignas(SHM_LINE) _Atomic uint32_t head;	/* workers */
	_Alignas(SHM_LINE) _Atomic uint32_t bell;	/* futex: new jobs */
	_Alignas(SHM_LINE) _Atomic uint64_t claims[];	/* one per job */
	/* _Atomic uint32_t ring[ring_size] follows */
};

/* ------------------------------------------------------------------- jobs */

/* Why its handler should end: fh_cancelled() is true for each but the first. */
enum shm_cancelled {
	SHM_CANCELLED_NOT,
	SHM_CANCELLED_NOBODY,	/* nobody reads the reply: writes fail */
	SHM_CANCELLED_ENDING	/* drain_timeout is over, or it is a stream's
				 * time to end: they still go */
};

/* A request as a worker sees it; written by the front before the push. */
struct shm_job {
	uint64_t		seq;
	uint64_t		timeout_ns;	/* from the start; 0: none */
	uint64_t		begin_by_ns;	/* else it is not begun; 0 */
	uint64_t		end_by_ns;	/* its deadline; 0: none */
	uint64_t		queued_ns;	/* it was admitted */
	uint32_t		route;
	uint32_t		params_length;
	uint32_t		identity_length;
	uint64_t		body_length;
	uint64_t		spool;		/* number of its file, or 0 */
	uint32_t		head_only;
	uint32_t		cached;		/* `cache_key` is set */
	uint8_t			cache_key[CACHED_KEY];
	_Atomic uint32_t	cancelled;	/* shm_cancelled */
	char			request_id[HEAD_ID_MAX + 1];
	/* parameters, the identity (common/identity.h), the body */
	_Alignas(SHM_LINE) uint8_t data[];
};

/* ---------------------------------------------------------------- windows */

enum shm_worker_state { SHM_WORKER_STARTING, SHM_WORKER_READY };

/* In a window while its worker is sound. */
#define SHM_WINDOW_MAGIC	UINT64_C(0x66682d776f726b72)

/* A reply slot goes FREE -> BUSY (worker claims a job for it) -> DONE, BROKEN,
 * or EXPIRED when it came too late and no handler was called (worker) -> FREE
 * (front, when all of it is read). */
enum shm_reply_state { SHM_REPLY_FREE, SHM_REPLY_BUSY, SHM_REPLY_DONE,
	SHM_REPLY_BROKEN, SHM_REPLY_EXPIRED };

/* What a worker's thread waits for in a slot, on `room` but for the first. */
enum shm_waits { SHM_WAITS_NOT, SHM_WAITS_SLOT, SHM_WAITS_ROOM,
	SHM_WAITS_WORD };
/* How far a job is; written by the worker, which makes `seq` odd meanwhile. */
#define SHM_PROGRESS_TEXT	256
struct shm_progress {
	_Atomic uint32_t	seq;		/* 0: nothing was said */
	_Atomic int64_t		done, total;
	_Atomic char		text[SHM_PROGRESS_TEXT];
};

struct shm_reply {
	/* written by the worker; state also by the front, DONE to FREE */
	_Alignas(SHM_LINE) _Atomic uint32_t state;	/* futex: FREE */
	_Atomic uint32_t	flagged;	/* is in the window's news */
	_Atomic uint64_t	seq;		/* of the job it answers */
	_Atomic uint32_t	job;
	_Atomic uint32_t	route;		/* for the supervisor */
	uint32_t		status;		/* HTTP, for the log */
	_Atomic uint64_t	started_ns;
	uint64_t		ended_ns;
	uint64_t		cpu_ns;		/* or USAGE_UNKNOWN */
	_Atomic uint64_t	written;	/* bytes put in the space */
	char			request_id[HEAD_ID_MAX + 1];
	_Atomic uint32_t	kept_length;
	unsigned char		kept[FH_KEEP_MAX];
	_Atomic uint64_t	topics;		/* it listens to */
	struct shm_progress	progress;

	/* written by the front for the worker, and never read by it; `waits`
	 * by the worker */
	_Alignas(SHM_LINE) _Atomic uint64_t consumed;
	_Atomic uint32_t	room;		/* futex: consumed has grown,
						 * or look again */
	_Atomic uint32_t	waits;		/* shm_waits */
};

struct shm_window {
	/* written by the worker */
	_Alignas(SHM_LINE) _Atomic uint64_t magic;
	_Atomic uint32_t	state;		/* shm_worker_state */
	_Atomic uint32_t	sleepers;	/* threads asleep on the bell */
	_Atomic uint32_t	threads;	/* started */
	_Atomic uint32_t	busy;
	_Atomic uint64_t	requests;
	_Atomic uint64_t	started_ms;
	_Atomic uint64_t	private_bytes;
	_Atomic uint64_t	pss_bytes;
	_Atomic uint64_t	own_bytes;	/* for recycle_memory */
	_Atomic uint64_t	sampled_ms;
	_Atomic uint64_t	notified;	/* topics; zeroed by front */

	/* Slots with news for the front: pushed at tail by any thread, zeroed
	 * and passed by the front.  An entry is 1 + the slot in the window. */
	_Alignas(SHM_LINE) _Atomic uint32_t news_tail;
	_Alignas(SHM_LINE) _Atomic uint32_t news[];	/* news_size */
	/* struct shm_reply replies[] and the reply spaces follow */
};

/* --------------------------------------------------------------- geometry */

struct shm_pool_geometry {
	uint32_t	workers, threads; /* slots, and of each */
	uint32_t	first_worker;	/* slots are numbered over all pools */
	uint32_t	first_job;
	uint32_t	jobs;		/* running and in the shared queue */
	uint32_t	ring_size;	/* a power of 2 */
	uint32_t	queue_limit;	/* unclaimed jobs the front may push */
	uint32_t	depth;		/* reply slots per thread */
	uint32_t	replies;	/* reply slots of one worker */
	uint32_t	news_size;	/* a power of 2 */
	uint64_t	queue_offset, queue_bytes, ring_offset;
	uint64_t	windows_offset, window_bytes;
	uint64_t	replies_offset, spaces_offset;	/* in a window */
};

/* The same in every process: a function of the configuration alone. */
struct shm_geometry {
	uint32_t	pool_count, worker_count, job_count, route_count;
	uint64_t	state_offset, state_bytes, stats_offset, stats_bytes;
	uint64_t	times_offset, times_bytes;
	uint64_t	jobs_offset, job_bytes, jobs_bytes;
	uint64_t	reply_space;
	uint64_t	total;
	struct shm_pool_geometry *pools;
};

/* NULL when memory is out. */
struct shm_geometry	*shm_geometry_create(const struct config *,
			    uint32_t route_count);
void			 shm_geometry_destroy(struct shm_geometry *);

/* The memfd, sized; close-on-exec.  -1 and why. */
int	shm_create(const struct shm_geometry *, struct err *);

/* Who maps decides what may be written: see the table on top. */
enum shm_view { SHM_SUPERVISOR, SHM_FRONT, SHM_WORKER };

struct shm {
	const struct shm_geometry	*geometry;
	struct shm_state		*state;
	uint8_t				*stats;		/* NULL: not mapped */
	int64_t				*times;
	uint8_t				*jobs;
	struct shm_queue		**queues;	/* by pool; or NULL */
	struct shm_window		**windows;	/* by worker; or NULL */
};

/* `worker` counts for SHM_WORKER only.  The caller closes fd. */
struct shm	*shm_map(const struct shm_geometry *, int fd, enum shm_view,
		    uint32_t worker, struct err *);
void		 shm_unmap(struct shm *);

/* -------------------------------------------------------------- addresses */

uint32_t	 shm_pool_of_worker(const struct shm_geometry *,
		    uint32_t worker);
struct shm_job	*shm_job(const struct shm *, uint32_t job);
_Atomic uint32_t	*shm_ring(const struct shm *, uint32_t pool);
struct shm_reply	*shm_reply(const struct shm *, uint32_t worker,
			    uint32_t slot);
uint8_t		*shm_reply_space(const struct shm *, uint32_t worker,
		    uint32_t slot);
struct shm_front_stats	*shm_front_stats(const struct shm *);
struct shm_pool_stats	*shm_pool_stats(const struct shm *, uint32_t pool);
struct shm_route_stats	*shm_route_stats(const struct shm *, uint32_t route);

/* ------------------------------------------------------------------ times */

/* Places of histograms (common/times.h): the first is of the turns of the
 * front's loop, then come those of the routes. */
#define SHM_TIMES_TURNS	0
#define SHM_TIMES_ROUTE(route)	(1 + (route) * TIMES_KINDS)

/* For the front, which has them mapped: the array at a place. */
int64_t		*shm_times(const struct shm *, uint32_t place);

/* For the supervisor: a copy of `count` arrays from a place on, of the memfd.
 * 0 or -1. */
int		 shm_read_times(const struct shm_geometry *, int fd,
		    uint32_t place, uint32_t count, int64_t *out);

#endif
