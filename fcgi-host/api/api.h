/*
 * api.h - the host's side of <fcgi-host/handler.h>.
 *
 * Front, workers, `call` and `cgi` all run a handler the same way: an input
 * (the raw parameters and the body) and a sink (where reply bytes go).  What
 * differs between them is the sink.
 *
 *	worker = api_worker_create(set, pool or API_ALL_POOLS);
 *	rq = api_request_create(worker);
 *	for each request:
 *		outcome = api_serve(rq, &input, &sink, &reply);
 *		... api_reply tells status and kept bytes ...
 *		api_request_reset(rq);
 */
#ifndef API_API_H
#define API_API_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/handler_set.h"
#include "common/head.h"
#include "common/shm.h"
#include "include/fcgi-host/handler.h"

/* ------------------------------------------------- serving threads */

#define API_ALL_POOLS	UINT32_MAX
#define API_SYNC	(UINT32_MAX - 1)	/* the front */

/*
 * Runs worker_init of every handler that this thread will serve: those with an
 * async route in `pool`, with a sync route (API_SYNC), or all.  One whose hook
 * fails is logged, and its routes answer 500 here.  NULL: out of memory.
 */
struct api_worker	*api_worker_create(const struct handler_set *,
			    uint32_t pool);
void	api_worker_destroy(struct api_worker *);	/* runs worker_fini */

/*
 * Before it: the sandbox, if the configuration wants one, with what the
 * handlers may that will run here; those whose finish() runs in the front are
 * there too.  The folders are the host's own, for its code in this process.
 * Once per process, from its only thread.  0, or -1 and why: the kernel lacks a
 * part.
 */
struct sandbox_folder;		/* common/sandbox.h */
int	api_sandbox_enter(const struct handler_set *, uint32_t pool,
	    const struct sandbox_folder *, size_t folder_count, struct err *);

/* The same for a process in which this handler alone will run. */
int	api_sandbox_enter_alone(const struct handler_set *,
	    const struct handler *, struct err *);

/* ------------------------------------------------- requests */

struct api_input {
	const struct route	*route;
	const uint8_t		*params;	/* raw name-value block */
	size_t			 params_length;
	const uint8_t		*identity;	/* common/identity.h */
	size_t			 identity_length; /* 0: none */
	const void		*body;		/* may be NULL for none */
	size_t			 body_length;
	int			 body_fd;	/* -1: the body is in memory */
	const char		*request_id;	/* ends in NUL */
	bool			 head_only;	/* HEAD: no body in the reply */
	const _Atomic uint32_t	*cancelled;	/* shm_cancelled; or NULL */
	uint64_t		 deadline_ns;	/* CLOCK_MONOTONIC; 0: none */
	uint64_t		 queued_ns;	/* admitted; 0: unknown */
	const uint8_t		*cache_key;	/* common/cached.h; NULL: the
						 * reply is not to be kept */
};

/* What a thread sleeps for in its sink. */
struct api_wait {
	uint64_t	 ms;		/* at most, and at least 1 */
	uint64_t	 topics;	/* a bit for each it listens to */
	uint32_t	 heard;		/* api_notify_count() of them */
};

/*
 * Where reply bytes go.  `head` is the complete CGI header, blank line
 * included; it is given with the first call and NULL later.  After a call that
 * failed there is no further one.
 *
 * space	how many body bytes are collected before they must be sent
 * streams	false: nothing can be sent before the end; a body over `space`
 *		is a 500
 * send		0, or -1 with errno EPIPE when nobody reads (it may block)
 * flush	makes what was sent visible to the reader at once
 * wait		sleeps until there may be something to look at: `cancelled`,
 *		`ending`, a topic, the time, or nothing.  0, or -1 with errno
 *		EPIPE when nobody reads.  NULL: nothing can wake it, and it is
 *		looked every 10 ms
 * ending	true: this process wants its streams to end.  NULL: never
 * progress	of a job; `text` is the handler's.  NULL: nobody wants to know
 */
struct api_sink {
	size_t	 space;
	bool	 streams;
	int	(*send)(struct api_sink *, const char *head, size_t head_length,
		    const void *body, size_t length);
	int	(*flush)(struct api_sink *);
	int	(*wait)(struct api_sink *, const struct api_wait *);
	bool	(*ending)(const struct api_sink *);
	void	(*progress)(struct api_sink *, int64_t done, int64_t total,
		    const char *text);
};

enum api_outcome {
	API_DONE,	/* the reply is whole */
	API_BROKEN	/* the header left and the body is short, or EPIPE:
			 * the connection must be closed to say so */
};

struct api_result {
	int		 status;	/* as sent */
	uint64_t	 body_bytes;
	size_t		 kept_length;	/* fh_keep */
	unsigned char	 kept[FH_KEEP_MAX];
};

struct fh_request	*api_request_create(struct api_worker *);
void	api_request_destroy(struct fh_request *);

/* Runs the route's serve() and sends the whole reply. */
enum api_outcome	api_serve(struct fh_request *,
			    const struct api_input *, struct api_sink *,
			    struct api_result *result_out);

/* Runs the route's finish() with what serve() left.  `input` has no body. */
void	api_finish(struct fh_request *, const struct api_input *,
	    const struct api_result *);

/* Replies are checked against what their routes declare, whatever
 * `check_responses` says: for tests of handlers.  For all threads. */
void	api_responses_always(bool);

/* Frees what the request was given; ready for the next. */
void	api_request_reset(struct fh_request *);

/* ------------------------------------------------- topics */

/*
 * Where fh_notify() of this process rings, and which counters tell what has
 * rung, each by a bit of `topics`: once, before a handler runs.  Without it the
 * threads of this process hear each other alone.  The bell may be rung by any
 * thread.
 */
#define API_TOPICS	SHM_TOPICS
typedef void	api_bell(void *context, uint64_t topics);
void		api_notify_set(const _Atomic uint32_t heard[API_TOPICS],
		    api_bell *, void *context);
uint32_t	api_notify_count(uint64_t topics);	/* their sum */

/* ------------------------------------------------- before anything serves */

/*
 * In a process that is thrown away: worker_init, then self_test, of each loaded
 * handler that has routes, as in a thread that serves them all; at the end
 * worker_fini of those that were initialised.  The models are in the set.  What
 * fails is reported ("FILE: its self_test returned 3"); returns how many did.
 * A handler that crashes or hangs takes the process along: handler_set_watch()
 * says which.
 */
size_t	api_probe(const struct handler_set *, handler_report *, void *context);

/*
 * Serves a request ("GET /x?y") and throws the reply away; the route's handler
 * is started and ended for it, and its finish() is not run.  0; or -1 and why,
 * a sentence that begins with the request, when there is no such route, the
 * status is 400 or more, or the reply is not whole.
 */
int	api_check_request(const struct handler_set *, const char *request,
	    char *why, size_t size);

/* The handler of its route, or NULL: there is none. */
const struct handler	*api_check_handler(const struct handler_set *,
			    const char *request);

/*
 * Both again, but in forked processes, and in the sandbox with what a handler's
 * own section allows: what it is refused is a failure that names the system
 * call and what would allow it.  One that crashes or exits makes us end the
 * same way; a hang is for whoever watches us.
 */
void	api_trial_hooks(const struct handler_set *, handler_report *,
	    void *context);
int	api_trial_request(const struct handler_set *, const char *request,
	    char *why, size_t size);

/* ------------------------------------------------- problem documents */

/*
 * A whole reply, header and problem document (RFC 9457), for what the host
 * itself answers.  `extra` is complete header lines ("Allow: GET\r\n") or "".
 * Without a body if head_only, and without document and type for a 204.  A
 * sentence that is too long for `size` is cut.  Returns the length, at most
 * `size`, which must have room for the header and 200 bytes more.
 */
#define API_PROBLEM_MAX	2048
size_t	api_problem(char *out, size_t size, int status, const char *request_id,
	    bool head_only, const char *extra, const char *format, ...)
	    __attribute__((format(printf, 7, 8)));

/* How much of such a reply is the header, its blank line included. */
size_t	api_problem_head(const char *reply, size_t length);

#endif
