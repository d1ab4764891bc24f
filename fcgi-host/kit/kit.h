/*
 * kit.h - a test of a handler, as the files of the kit see it.
 *
 * The other side of <fcgi-host/fh_test.h>.  It becomes libfh-test, which is
 * linked into somebody's test program: only fh_ names are seen outside of it.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <sys/queue.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "common/cached.h"
#include "common/identity.h"
#include "common/request.h"
#include "include/fcgi-host/fh_test.h"
#include "model/model_alone.h"

/* How long a handler that was cancelled may still run when all is closed. */
#define KIT_PATIENCE_MS	5000

struct json_object;

/* Bytes that grow; `bytes` ends in NUL. */
struct kit_bytes {
	char	*bytes;		/* NULL: none yet */
	size_t	 length;
	size_t	 room;
};

/* A serving thread, or what the test's own thread serves with. */
struct kit_runner {
	TAILQ_ENTRY(kit_runner)	 link;		/* test.runners */
	struct fh_test		*test;
	pthread_t		 thread;
	struct api_worker	*worker;
	struct fh_request	*request;
	struct fh_test_call	*call;		/* that it is to run, or NULL */
};

enum kit_state { KIT_MADE, KIT_RUNNING, KIT_ENDED };

struct fh_test_call {
	TAILQ_ENTRY(fh_test_call) link;		/* test.calls */
	struct fh_test		*test;

	/* the request */
	struct request		 asked;
	struct route_match	 match;
	char			*label;		/* "GET /x?y" */
	char			*type;		/* Content-Type, or NULL */
	struct kit_bytes	 body, cookies;
	bool			 formed;	/* the body is a form */
	char			*boundary;	/* ... with files, or NULL */
	struct kit_bytes	 fields;	/* "name\0value\0" ... */
	size_t			 identity_length;	/* 0: nobody */
	uint8_t			 identity[IDENTITY_MAX];
	const char		*scopes;	/* in it */
	bool			 has_timeout;
	uint64_t		 timeout_ms;
	uint64_t		 deadline_ns;	/* 0: none */
	bool			 cached;	/* its reply may be kept */
	uint8_t			 cache_key[CACHED_KEY];

	/* from here on under test.lock while it runs */
	enum kit_state		 state;
	struct api_sink		 sink;
	_Atomic uint32_t	 cancelled;
	bool			 left;		/* the client has */
	bool			 held;		/* ... does not read */
	size_t			 taken;		/* what it has read */
	struct kit_bytes	 head, output;
	uint64_t		 head_ns;	/* when it left */
	size_t			 flushed;	/* of the output */
	uint64_t		 ended_ns;
	enum api_outcome	 outcome;
	struct api_result	 result;

	/* the reply */
	struct fh_test_reply	 reply;
	struct kit_bytes	 headers;	/* "name\0value\0" ... */
	struct json_object	*json;		/* of the body, once wanted */
};

struct fh_test {
	struct config		*config;
	struct handler_set	*set;
	struct model_alone	 models;
	struct cache		*cache;
	bool			 keeps;		/* replies of routes */
	uint32_t		 kept_from;	/* that were kept since then */
	const char		*file;		/* where it was opened */
	int			 line;
	struct kit_runner	 own;		/* of the test's thread */
	pthread_mutex_t		 lock;
	pthread_cond_t		 news;		/* something has changed */
	pthread_mutex_t		 sync;		/* who runs a sync handler */
	bool			 closing;
	TAILQ_HEAD(, kit_runner) runners;
	TAILQ_HEAD(, fh_test_call) calls;
};

/* kit_fail.c: fails the test; may return. */
void	kit_fail(const char *file, int line, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));

/* kit_bytes.c: out of memory is the end of the test program. */
void	*kit_alloc(size_t size);		/* zeroed */
char	*kit_text(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
void	kit_bytes_add(struct kit_bytes *, const void *bytes, size_t length);
void	kit_bytes_print(struct kit_bytes *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
void	kit_bytes_free(struct kit_bytes *);

/* kit_call.c: the parameters that follow from all that was said.  -1 and why:
 * it is no request. */
int	kit_call_finish(struct fh_test_call *, struct err *);
void	kit_call_free(struct fh_test_call *);

/* kit_run.c */
int	kit_runner_init(struct kit_runner *, struct fh_test *);
void	kit_runner_finish(struct kit_runner *);
/* Makes it KIT_RUNNING; false: it has its reply already. */
bool	kit_run_prepare(struct fh_test_call *);
/* Of one that has ended: only when its time was up. */
bool	kit_run_was_late(const struct fh_test_call *);
void	kit_run(struct kit_runner *, struct fh_test_call *);

/* kit_cached.c: true, and it has the reply that was kept of an equal one. */
bool	kit_cached_answers(struct fh_test_call *);

/* kit_start.c: ends every thread.  False: a handler does not end. */
bool	kit_start_stop(struct fh_test *);

/* Under test.lock: until there is news; false when that time has passed. */
bool	kit_start_wait(struct fh_test *, uint64_t until_ns);

/* kit_sink.c */
void	kit_sink_init(struct fh_test_call *);

/* kit_reply.c: what was sent becomes the reply; or the host's answer does, to
 * one that cannot be run, or is late. */
void	kit_reply_make(struct fh_test_call *);
void	kit_reply_problem(struct fh_test_call *, int status,
	    const char *extra, const char *format, ...)
	    __attribute__((format(printf, 4, 5)));
void	kit_reply_late(struct fh_test_call *);

/* The body, parsed when first asked for; NULL: it is none, or null.  The
 * call's own. */
struct json_object *kit_reply_json(const struct fh_test_reply *);

/* kit_expect.c: fails with what was called and what came. */
void	kit_expect_fail(const struct fh_test_reply *, const char *file,
	    int line, const char *format, ...)
	    __attribute__((format(printf, 4, 5)));

#endif
