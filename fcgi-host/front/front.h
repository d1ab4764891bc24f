/*
 * front.h - what the files of the front share.
 *
 * The way of a request through them:
 *
 *	front_accept -> front_conn (bytes) -> front_record (FastCGI records)
 *	  -> front_request (parameters, body; front_spool) -> front_dispatch
 *	     sync:  front_sync -> front_output -> front_conn
 *	     async: front_pool (pending) -> front_job (shared memory) -> worker
 *	            -> front_news -> front_output -> front_conn
 *	     a job, or a question about one: front_clerk -> clerk
 *	front_answer says what the host itself answers, front_ask what only
 *	the supervisor can; front_deadline when.  A job that is to run comes
 *	from the clerk (front_runner), as a connection like any other.
 *
 * The life of a front, by the supervisor's word (front_link, front_leave):
 *
 *	ready -> SERVE: accepts (front_accept); TAKE: an older front's
 *	  connections come (front_take -> front_adopt -> front_conn)
 *	-> RETIRE: accepts no more, and each connection goes to the newer front
 *	  the moment it is at rest or its request waits (front_pass), over a
 *	  link (front_passing) whose other end may die: then what was not
 *	  answered for comes back (front_adopt)
 *	-> leaves when nothing is left; what runs after drain_timeout is told.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "api/api.h"
#include "common/child.h"
#include "common/handover.h"
#include "common/head.h"
#include "common/jobq.h"
#include "common/shm.h"
#include "front/front_arrival.h"
#include "front/front_breaker.h"
#include "front/front_clients.h"
#include "front/front_lanes.h"
#include "front/front_poison.h"
#include "wire/wire_record.h"

#define FRONT_READ_SIZE		65536
#define FRONT_BUFFER_SIZE	16384	/* an output buffer's first size */
#define FRONT_BACKLOG_MAX	65536	/* above it output waits in workers */
#define FRONT_DISCARD_MAX	(16u << 20) /* of bodies nobody wants */
#define FRONT_UNSENT_MAX	1000	/* answers nobody reads */

struct front;

/* ------------------------------------------------------------ connections */

/* Bytes that are read and not yet used: a BEGIN_REQUEST that came before the
 * last request was answered, and what followed it in the same read.  No more is
 * read until they are taken up. */
struct front_held {
	size_t		 length;
	uint8_t		 bytes[];
};

/* Bytes on their way to the web server. */
struct front_output {
	uint8_t		*bytes;
	size_t		 sent, have, size;
};

struct front_conn {
	TAILQ_ENTRY(front_conn)	 link;		/* front.idle or front.busy */
	struct front		*front;
	int			 fd;
	int			 events;	/* what `poll` waits for */
	bool			 closing;
	bool			 close_after;	/* when the output has left */
	bool			 draining;	/* answered; its body comes */
	bool			 in_busy;	/* which list `link` is in */
	bool			 fresh;		/* nothing was ever read */
	bool			 parsing;	/* in a reader of its bytes */
	bool			 stays;		/* the newer front said no */
	bool			 runner;	/* the clerk's: a job runs */
	enum { FRONT_CONN_UNTIMED, FRONT_CONN_IDLING, FRONT_CONN_READING,
	    FRONT_CONN_SENDING, FRONT_CONN_RESUMING } timing;
	uv_poll_t		 poll;
	uv_timer_t		 timer;		/* reading, idling, sending */
	unsigned		 handles;	/* not yet closed by libuv */
	struct wire_reader	 reader;
	struct front_request	*request;	/* the one in progress */
	struct front_output	 output;
	size_t			 discarded;	/* stream bytes of no request */
	unsigned		 unsent_answers; /* to management records */
	struct front_held	*held;		/* what came early */
};
TAILQ_HEAD(front_conn_list, front_conn);

/* A link to a newer front, and what went over it and is not answered for. */
struct front_passed {
	TAILQ_ENTRY(front_passed) link;
	struct handover		 packet;
	int			 fds[HANDOVER_FDS];
};
struct front_passing {
	TAILQ_ENTRY(front_passing) link;	/* front.passings */
	struct front		*front;
	int			 fd;
	bool			 full;		/* until it is writable */
	bool			 warned;
	uv_poll_t		 poll;
	TAILQ_HEAD(, front_passed) passed;	/* oldest first */
};

/* A link from an older front. */
struct front_taking {
	TAILQ_ENTRY(front_taking) link;		/* front.takings */
	struct front		*front;
	int			 fd;
	bool			 waits;		/* `packet` is to be answered */
	uint32_t		 refused;
	struct handover		 packet;
	int			 fds[HANDOVER_FDS];
	uv_poll_t		 poll;
};

/* --------------------------------------------------------------- requests */

enum front_state {
	FRONT_READING,		/* parameters and body arrive */
	FRONT_CHECKING,		/* its password waits to be hashed */
	FRONT_WAITING,		/* for the reply to an equal one */
	FRONT_PENDING,		/* in its pool's pending list */
	FRONT_RUNNING,		/* its job is with the workers */
	FRONT_CLERK,		/* the clerk answers it */
	FRONT_ASKED,		/* ... the supervisor (front_ask.h) */
	FRONT_REPLYING		/* answered; the reply is being written */
};

/* Whether it is for the clerk: not, to become a job, or about one. */
enum front_clerk_kind { FRONT_CLERK_NOT, FRONT_CLERK_ACCEPT,
	FRONT_CLERK_ASK };

struct front_request {
	TAILQ_ENTRY(front_request) link;	/* pending, waiting, free */
	struct front		*front;
	struct front_conn	*conn;
	enum front_state	 state;
	uint16_t		 id;		/* of the FastCGI request */
	bool			 keep;		/* FCGI_KEEP_CONN */
	bool			 params_done;
	bool			 stdin_done;
	bool			 discard_body;
	bool			 too_large;
	bool			 filed;		/* its body came as a file */
	bool			 counted;	/* in_flight of its route */
	bool			 served;	/* its serve() came to an end */
	bool			 begun_reply;	/* its first line is out */
	bool			 probe;		/* it tries a half-open route */
	bool			 poison;	/* refused as such */
	bool			 killed;	/* an operator ended it */
	bool			 refused;	/* 503, no handler's fault */
	bool			 again, hashed;	/* admitted; by password */
	uint32_t		 tried;		/* see access/access.h */
	struct access_hash	*hash;		/* FRONT_CHECKING */
	enum front_clerk_kind	 clerk;
	struct front_relay	*relay;		/* FRONT_CLERK */
	struct front_asked	*asked;		/* FRONT_ASKED */
	uint32_t		 client;	/* its ticket, or 0 */
	enum head_rc		 head_rc;

	size_t			 params_have, body_have;
	size_t			 identity_length; /* 0: nobody is known */
	int			 spool_fd;	/* -1: body in memory */
	uint64_t		 spool;		/* number of the spool file */
	struct front_copy	*copy;		/* its body is being copied */
	const void		*body_map;	/* sync handlers: of spool_fd */

	struct head		 head;
	struct route_match	 match;
	char			 request_id[HEAD_ID_MAX + 1];
	uint64_t		 arrival_ns;	/* see front_arrival.h */
	uint64_t		 params_ns;	/* the last parameter came */
	uint64_t		 begin_by_ns;	/* from here on stale; 0 */
	uint64_t		 end_by_ns;	/* its deadline; 0: none */
	uint64_t		 queued_ns;	/* admitted to its pool */
	uint64_t		 begun_ns;	/* its handler was called */
	uint64_t		 ended_ns, waits_ns; /* FRONT_WAITING since */
	uint64_t		 cpu_ns;	/* see usage.h */
	struct front_job	*job;		/* FRONT_RUNNING, async */
	bool	cached, leads, conditional;	/* front_cached.c, _flight.c */
	uint8_t			 cache_key[CACHED_KEY];
	struct front_flight	*flight;	/* of equal ones; or NULL */

	/* All above is zero in a fresh request; what follows is used again. */
	struct api_result	 result;	/* `kept` is never cleared */
	uint8_t			*params, *body, *scratch; /* decoded path */
	size_t			 params_size, body_size, scratch_size;
	uint8_t			*identity;
	size_t			 identity_size;
};
TAILQ_HEAD(front_request_list, front_request);

/* ------------------------------------------------------------------- jobs */

/*
 * A job slot of the shared memory.  It outlives its request when that has been
 * answered (time-out, client left) while a worker still runs it.
 */
struct front_job {
	TAILQ_ENTRY(front_job)	 link;		/* pool.free or pool.active */
	struct front_pool	*pool;
	uint32_t		 index;		/* in the pool */
	uint64_t		 seq;		/* 0: free */
	struct front_request	*request;	/* NULL: nobody waits */
	const struct route	*route;
	char			 request_id[HEAD_ID_MAX + 1];
	uint64_t		 pushed_ns;
	uint32_t		 at;		/* in the ring, the last time */
	bool			 passed;	/* a worker came by there */
	uint64_t		 spool;		/* its file, ours to remove */
	uint32_t		 client;	/* ... ticket, ours to leave */
	uint64_t		 begin_by_ns, end_by_ns; /* of its request */
	uint64_t		 consumed;	/* bytes of its reply space */
	uint32_t		 progress;	/* passed on: its number */
	bool			 forwarded;	/* reply bytes have been sent */
	bool			 told;		/* a stream: to end by now */
	bool			 timed_out;	/* told; its worker is next */
	uint64_t		 astray_ns;	/* claimed, in no slot, since */
	uv_timer_t		 timer;
};
TAILQ_HEAD(front_job_list, front_job);

struct front_pool {
	struct front			*front;
	uint32_t			 index;
	const struct config_pool	*config;
	const struct shm_pool_geometry	*geometry;
	struct jobq			 jobq;
	struct front_lanes		 lanes;
	struct front_request_list	*pending;	/* by lane */
	uint32_t			 pending_count;	/* of all lanes */
	uv_timer_t			 pending_timer;	/* of the first ... */
	uint64_t			 pending_due_ns; /* to expire */
	struct front_job		*jobs;
	struct front_job_list		 free, active;
	uint32_t			 active_count;
	struct front_clients		*clients; /* NULL: no limit */
	uint64_t			 asked_ns; /* for workers; or 0 */
	struct shm_pool_stats		*stats;
};

/* What the front knows of a worker slot. */
struct front_worker {
	uint32_t	 incarnation;
	uint32_t	 news_head;
	bool		 seen;		/* its window has been sound */
	bool		 spoilt;	/* ... and is no longer: not read */
	bool		 overtime;	/* we asked for its end */
};

/* -------------------------------------------------------------- the front */

struct front {
	const struct child_start *start;
	const struct config	*config;
	const struct handler_set *set;
	struct shm		*shm;
	struct shm_front_stats	*stats;
	uv_loop_t		 loop;
	uv_poll_t		 listen_poll, event_poll, link_poll;
	bool			 asleep;	/* as the workers see it */
	uint32_t		 sleeps;	/* the number of the last one */
	uv_prepare_t		 before_sleep;
	uv_check_t		 after_sleep;
	uv_idle_t		 awake;		/* active: don't sleep */
	uv_timer_t		 accept_timer, sample_timer, pass_timer;
	uv_timer_t		 drain_timer;
	bool			 serving;	/* accepts, when it has room */
	bool			 accepting;
	uint64_t		 descriptors;	/* that it may have, at start */
	uint64_t		 unaccepted_since_ms; /* for want of them; 0 */
	uv_timer_t		 trouble_timer;
	uint64_t		 trouble_last_ms[SHM_TROUBLES];
	uint64_t		 log_lost;	/* lines, as last seen */
	uint64_t		 refused_told_ms; /* a peer, in the log */
	uint64_t		 busy_told_ns;	/* the supervisor */
	bool			 stopping;	/* what is at rest is closed */
	bool			 retiring;	/* ... goes to a newer front */
	bool			 ending;	/* drain_timeout is over */
	int			 jobs_dir;	/* -1: no route is a job */
	struct front_hello	*hello;		/* to the clerk, or NULL */
	struct front_passing	*passing;	/* the newest, or NULL */
	TAILQ_HEAD(, front_passing) passings;
	TAILQ_HEAD(, front_taking) takings;
	uint32_t		 passed_count, taken_count;
	int			 spare_fd;	/* for what a message brings */
	struct front_conn_list	 idle, busy;	/* idle: oldest first */
	uint32_t		 conn_count;
	struct front_request_list free_requests;
	uint32_t		 free_request_count;
	size_t			 body_bytes;	/* that bodies have */
	void			*reserve;	/* of memory; NULL: given up */
	bool			 reserve_mapped; /* not of the heap */
	uv_poll_t		 table_poll;
	uint8_t			*free_buffers[64];
	uint32_t		 free_buffer_count;
	struct front_pool	*pools;
	struct front_worker	*workers;
	struct front_times	*times;		/* front_times.h */
	struct front_asks	*asks;		/* front_ask.h */
	uint32_t		*route_active;	/* for max_concurrent */
	uint32_t		*route_lane;	/* in its pool */
	struct front_breaker	*breakers;	/* one per route */
	struct front_poison	 poison;
	struct api_worker	*sync_worker;
	struct fh_request	*sync_request;
	const struct route	*sync_ran;	/* in this turn: the last ... */
	bool			 sync_ran_others; /* ... but not only it */
	_Atomic uint64_t	 notified;	/* topics, in this process */
	struct front_wall	 wall;
	bool			 local;		/* so is the web server */
	uint64_t		 looked_ns;	/* for who left, at least */
	uint64_t		 next_seq;
	uint64_t		 next_id;
	pid_t			 pid;		/* ours, in request ids */
	int			 bodies_dir;	/* body_files; or -1 */
	TAILQ_HEAD(, front_copy) copies;	/* the next is first */
	uv_idle_t		 copying;
	uint64_t		 next_spool;
	uint64_t		 spool_told_ms;	/* the supervisor */
	uint64_t		 capture_count;	/* names of files, so far */
	uint8_t			*masked;	/* parameters, for a capture */
	size_t			 masked_size;
	struct front_kept	*kept;		/* front_cached.c */
	struct front_flights	*flights;	/* front_flight.c */
	struct front_passwords	*passwords;	/* front_password.c */
	uint8_t			 read_buffer[FRONT_READ_SIZE];
};

/* front_main.c: called first for whatever epoll_wait returned. */
void	front_awake(struct front *);

/* front_accept.c */
void	front_accept_start(struct front *);
void	front_accept_pause(struct front *);
void	front_accept_stop(struct front *);
void	front_accept_resume(struct front *);	/* if it serves */

/* front_peer.c: who may connect; one who may not is counted.  At the start:
 * is the web server on this machine? */
struct sockaddr;
bool	front_peer_may(struct front *, int fd, const struct sockaddr *);
void	front_peer_start(struct front *);

/* front_conn.c */
void	front_conn_open(struct front *, int fd);
void	front_conn_open_runner(struct front *, int fd);	/* the clerk's */
/* One that another front had.  NULL, and it is closed: no memory. */
struct front_conn	*front_conn_adopt(struct front *, int fd, bool fresh);
void	front_conn_hold(struct front_conn *, struct front_held *);
void	front_conn_watch(struct front_conn *, bool);	/* between requests */
void	front_conn_part(struct front_conn *);	/* its descriptor lives on */
void	front_conn_close(struct front_conn *);	/* cancels its request */
void	front_conn_flush(struct front_conn *);	/* writes what it can */
void	front_conn_reading(struct front_conn *); /* a request has begun */
void	front_conn_rest(struct front_conn *);	/* ... is gone */
void	front_conn_stop(struct front_conn *);	/* the front takes no more */

/* front_record.c: one piece of a record.  May close the connection.  False:
 * it is the next request, to be held until the present one is answered. */
bool	front_record(struct front_conn *, const struct wire_piece *);

/* front_request.c */
struct front_request	*front_request_begin(struct front_conn *, uint16_t id,
			    bool keep);
void	front_request_starve(struct front_request *); /* 503: no memory */
void	front_request_params(struct front_request *, const struct wire_piece *);
void	front_request_stdin(struct front_request *, const struct wire_piece *);
/* The next bytes of parameters or body, in memory or spooled.  0 or -1. */
int	front_request_put_params(struct front_request *, const uint8_t *,
	    size_t);
int	front_request_keep(struct front_request *, const uint8_t *, size_t);
/* All parameters are here: whose are they?  -1: memory is out. */
int	front_request_identify(struct front_request *);
/* How large its body may be. */
size_t	front_request_limit(const struct front_request *);
void	front_request_moved(struct front_request *); /* another front has it */
void	front_request_cancel(struct front_request *); /* nobody waits */
void	front_request_replied(struct front_request *); /* all is buffered */
void	front_request_broken(struct front_request *); /* no more will come */
void	front_request_end(struct front_request *); /* ... and has left */
void	front_request_free(struct front_request *);
void	front_request_forget(struct front *); /* those kept for later */

/* front_spool.c */
int	front_spool_write(struct front_request *, const uint8_t *, size_t);
int	front_spool_map(struct front_request *);
/* Another front's file becomes ours, and so does its descriptor.  0, or -1 and
 * nothing has changed. */
int	front_spool_adopt(struct front_request *, uint64_t number, int fd,
	    uint64_t length);
void	front_spool_release(struct front_request *);
int	front_spool_open(const struct front *, uint64_t number); /* to read */
void	front_spool_remove(struct front *, uint64_t number);

/* front_memory.c: realloc() for what a peer wants; NULL, and even the reserve
 * is used up.  While it is given up nothing new is to be taken on. */
void	front_memory_start(struct front *);
bool	front_memory_is_short(struct front *);
void	front_memory_tidy(struct front *); /* what is kept for later goes */
void	*front_memory(struct front *, void *old, size_t);

/* front_dispatch.c */
void	front_dispatch(struct front_request *);
void	front_dispatch_again(struct front_request *); /* admitted before */
struct api_input	front_input(const struct front_request *);

/* front_sync.c */
/* At the end of a turn: is all that we have still ours? */
void	front_sync_look(struct front *);
void	front_sync_serve(struct front_request *);
/* What its route declares of it, before it becomes a job.  False: it has been
 * answered. */
bool	front_sync_check(struct front_request *);
void	front_finish(struct front_request *);

/* front_output.c: framing into the connection's output buffer.
 * 0, or -1 when memory is out. */
int	front_output_stdout(struct front_conn *, uint16_t id, const void *first,
	    size_t first_length, const void *second, size_t second_length);
int	front_output_end(struct front_conn *, uint16_t id, uint32_t app_status);
/* What a job's handler says of its progress, to the clerk. */
int	front_output_stderr(struct front_conn *, uint16_t id, const char *text);
int	front_output_raw(struct front_conn *, const void *, size_t);
size_t	front_output_left(const struct front_conn *);
void	front_output_cut(struct front_conn *, size_t left);
void	front_output_release(struct front_conn *);
void	front_output_forget(struct front *);	/* buffers kept for later */

/* front_answer.c: replies of the host itself; each ends the request. */
void	front_answer(struct front_request *, int status, const char *extra,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));
void	front_refuse(struct front_request *, enum shm_refusal);

/* front_clerk.c */
enum front_clerk_kind	front_clerk_kind(const struct front_request *);
void	front_clerk_send(struct front_request *);
void	front_clerk_room(struct front_request *); /* the output has shrunk */
void	front_clerk_drop(struct front_request *); /* it waits no more */
void	front_clerk_hurry(struct front *);	/* answer what waits */

/* front_runner.c: open, before the sandbox; start, when it serves. */
void	front_runner_open(struct front *);
void	front_runner_start(struct front *);
void	front_runner_stop(struct front *);
int	front_runner_connect(const struct front *); /* -1: nobody listens */

/* front_pool.c */
int	front_pools_create(struct front *);
uint32_t	front_pool_lane(const struct front_pool *,
		    const struct route *);
bool	front_pool_has_place(const struct front_pool *, const struct route *);
void	front_pool_add(struct front_pool *, struct front_request *);
void	front_pool_put_back(struct front_pool *, struct front_request *);
void	front_pool_remove(struct front_pool *, struct front_request *);
void	front_pool_refill(struct front_pool *);

/* front_demand.c: asks for workers if the pool has fewer than it should.
 * ready: those that take jobs now. */
void	front_demand(struct front_pool *);
uint32_t	front_demand_ready(const struct front_pool *);

/* front_job.c */
bool	front_job_may_push(const struct front_pool *);
bool	front_job_push(struct front_pool *, struct front_request *);
/* Nobody had begun it: `claimant` had it, see jobq_push_again(). */
void	front_job_again(struct front_job *, uint32_t claimant);
void	front_job_abandon(struct front_job *);	/* its request is gone */
bool	front_job_withdraw(struct front_job *);	/* false: it is begun */
/* The same whatever its claim says: who has claimed it will not begin it. */
bool	front_job_take_back(struct front_job *);
void	front_job_tell(struct front_job *, enum shm_cancelled);
void	front_job_wake(const struct front_job *); /* to look, if it is begun */
void	front_job_release(struct front_job *);	/* the slot is free again */
bool	front_job_begun(const struct front_job *, uint32_t *worker_out,
	    uint32_t *slot_out);

/* front_stream.c: those that run end; so would one that is begun now. */
void	front_stream_end_all(struct front *);
bool	front_stream_ends(const struct front *, const struct route *);
void	front_stream_leave(struct front *, uint32_t worker);
/* fh_notify(), here and in workers.  True: it has rung since the last look. */
void	front_notify_start(struct front *);
bool	front_notify_look(struct front *);
void	front_notify(struct front *, uint64_t topics);

/* front_news.c: what workers have written.  True if there was any. */
bool	front_news(struct front *);
void	front_news_of(struct front *, uint32_t worker); /* a dead one */
void	front_news_room(struct front_conn *);	/* the output has shrunk */

/* front_sound.c: what a worker could have overwritten. */
bool	front_window_is_sound(struct front *, uint32_t worker);
void	front_queue_check(struct front_pool *);
/* Of a dead worker: could it have left it so? */
void	front_window_look_through(struct front *, uint32_t worker);
/* Whether it was begun cannot be known: 503, unless a worker that lives has
 * it. */
void	front_queue_give_up(struct front_job *);

/* front_worker.c */
void	front_worker_died(struct front *, const struct message *);
void	front_worker_leave(struct front *, uint32_t worker);

/* front_fault.c: may this request go?  False: it has been answered.  And how
 * those that went came to their end; crashed: before it is answered. */
int	front_fault_start(struct front *);
bool	front_fault_admits(struct front_request *);
void	front_fault_crashed(const struct front_job *);
void	front_fault_timed_out(struct front_request *);
void	front_fault_ended(struct front_request *);

/* front_lost.c: what a crash report says of a job, or of what runs here. */
void	front_lost_describe(const struct front_job *, struct lost_request *out);
void	front_lost_running(const struct front_request *, bool finishing);

/* front_deadline.c */
void	front_deadline_waits(struct front_request *);	/* pending */
void	front_deadline_pushed(struct front_job *);
void	front_deadline_stop(struct front_job *);
/* An ended reply: did its handler take longer than it may? */
bool	front_deadline_passed(const struct front_job *,
	    const struct shm_reply *);
void	front_deadline_answer(struct front_request *, /* 504 */
	    uint64_t started_ns);

/* front_link.c: the supervisor. */
int	front_link_start(struct front *);
void	front_link_overtime(struct front *, uint32_t worker,
	    const struct front_job *);
void	front_link_busy(struct front *);
void	front_link_spoilt(struct front *, uint32_t worker);
void	front_link_lost(struct front *, uint32_t worker, uint32_t incarnation,
	    const struct lost_request *);
void	front_link_cleaned(struct front *, uint32_t worker);
void	front_link_demand(struct front *, uint32_t pool);
void	front_link_notify(struct front *, uint64_t topics);
void	front_link_spool(struct front *, int error);

/* front_leave.c: stop, retire, and what drain_timeout means. */
void	front_stop(struct front *);
void	front_retire(struct front *, int fd);	/* a link to a newer front */
void	front_leave_if_done(struct front *);

/* front_pass.c: connections to a newer front. */
bool	front_pass_is_open(const struct front *);
/* It is at rest, and may go with the bytes that are left of a read. */
bool	front_pass_may(const struct front_conn *);
/* True: it has gone, and `closing` is true. */
bool	front_pass(struct front_conn *);
/* The same at the end of what a read has caused. */
void	front_pass_settle(struct front_conn *);
void	front_pass_all(struct front *);

/* front_passing.c: the link to a newer front. */
void	front_passing_open(struct front *, int fd);
/* 0: sent, and `passed` is the link's; -1: not now. */
int	front_passing_send(struct front *, struct front_passed *);
void	front_passing_warn(struct front_passing *);	/* with errno */

/* front_take.c: a link from an older front. */
void	front_take(struct front *, int fd);

/* front_adopt.c: the descriptors are its own from then on. */
void	front_adopt(struct front *, const struct handover *,
	    int fds[HANDOVER_FDS], bool stays);

/* front_trouble.c: it is short of something, with errno.  The peer concerned
 * is told by the caller. */
void	front_trouble(struct front *, enum shm_trouble_kind);
enum shm_trouble_kind	front_trouble_of(int error,
			    enum shm_trouble_kind otherwise);
void	front_trouble_log(struct front *);	/* are lines lost? */
void	front_trouble_look(uv_timer_t *);
void	front_trouble_start(struct front *);

/* front_stats.c */
struct shm_route_stats	*front_route_stats(const struct front_request *);
void	front_count_admitted(struct front_request *);
void	front_count_replied(struct front_request *);
void	front_count_moved(struct front_request *);
void	front_count(_Atomic uint64_t *, uint64_t);
void	front_gauge(_Atomic uint64_t *value, _Atomic uint64_t *max,
	    uint64_t now);
int	front_stats_start(struct front *);

#endif
