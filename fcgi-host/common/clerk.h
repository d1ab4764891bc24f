/*
 * clerk.h - what fronts and the clerk, the process that keeps jobs, say.
 *
 * The clerk listens on the Unix socket CLERK_SOCKET in state_dir/jobs; who may
 * connect is decided by the folder, which is the service user's alone.  Each
 * connection begins with one struct clerk_head.  Both ends are of one host, and
 * yet every length is checked.
 *
 *	CLERK_HELLO	a front that serves, with the routes of it that are
 *			jobs: `count` struct clerk_route follow.  It stays open
 *			as long as the front takes jobs.  For each job that is
 *			to run the clerk sends one byte with a descriptor: a
 *			stream on which it speaks FastCGI to the front, as a web
 *			server would.  Nobody else can make such a connection.
 *	CLERK_ACCEPT	a request for a route that is a job
 *	CLERK_TELL	of the clerk of a host that steps down, to the one that
 *			is in its place and has the same file of jobs: the job
 *			`request_id` has changed
 *	CLERK_ASK	a request for jobs_path, or below it
 *			For both the request's parameters and its body follow,
 *			and then the clerk answers with frames: a uint32_t
 *			length and so many bytes of a CGI reply; a length of 0
 *			is its end.  A front that shuts its side down wants the
 *			answer now, whatever there is to wait for; one that
 *			closes wants none.
 *
 * On the connection of a job that runs, what the handler says of its progress
 * comes as FCGI_STDERR records, each "DONE TOTAL TEXT"; and appStatus of
 * FCGI_END_REQUEST is CLERK_NOT_BEGUN where the host itself answered 503: no
 * handler is to blame.
 */
#ifndef COMMON_CLERK_H
#define COMMON_CLERK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/head.h"
#include "common/shm.h"
#include "config/config.h"

#define CLERK_FOLDER	"jobs"		/* in state_dir */
#define CLERK_SOCKET	"clerk.sock"
#define CLERK_MAGIC	UINT32_C(0x66686a31)
#define CLERK_ROUTES_MAX	4096
#define CLERK_PREFIX_MAX	256
#define CLERK_OWNER_MAX		128
#define CLERK_NOT_BEGUN		1
#define CLERK_SAID_MAX		16384	/* of a status, as JSON */

/*
 * What the clerk holds in its memory at most.  Bodies on their way into the
 * database: CLERK_BODIES of the largest; others wait in their sockets.  Replies
 * to those who ask, and do not take them: CLERK_REPLIES and CLERK_BODIES of the
 * largest results; who asks for a large one then gets a 503.  Each job that
 * runs, with its request until the front has taken it, and its result.  And one
 * result as it comes from the database: as text, as bytes, as a copy.
 */
#define CLERK_BODIES		4
#define CLERK_PARAMS_MAX	(1u << 20)	/* as params_limit at most */
#define CLERK_REPLIES		(UINT64_C(64) << 20)

static inline uint64_t
clerk_replies_most(const struct config *config)
{
	return CLERK_REPLIES + CLERK_BODIES * config->jobs_result_limit;
}

static inline uint64_t
clerk_memory_most(const struct config *config)
{
	return CLERK_BODIES * (config->jobs_body_limit + CLERK_PARAMS_MAX) +
	    clerk_replies_most(config) + CLERK_BODIES *
	    config->jobs_result_limit + config->jobs_concurrency *
	    (config->jobs_body_limit + config->jobs_result_limit);
}

enum clerk_kind { CLERK_HELLO = 1, CLERK_ACCEPT, CLERK_ASK, CLERK_TELL };

struct clerk_route {
	char		label[SHM_LABEL_MAX];	/* ends in NUL */
	uint32_t	concurrency;		/* 0: any */
	uint32_t	priority, attempts;
	uint32_t	unused;
	uint64_t	retry_ms, keep_ms;
};

/* Texts end in NUL. */
struct clerk_head {
	uint32_t	magic;
	uint32_t	kind;
	uint32_t	count;		/* HELLO: routes that follow */
	uint32_t	params_length;	/* else these two */
	uint64_t	body_length;
	char		request_id[HEAD_ID_MAX + 8];
	char		prefix[CLERK_PREFIX_MAX]; /* the mount point */
	char		owner[CLERK_OWNER_MAX];	/* who asks; "": nobody */
	struct clerk_route route;	/* ACCEPT: where to */
};

/* Where the supervisor puts what a clerk begins with. */
enum clerk_fd {
	CLERK_FD_LINK = 3,	/* to the supervisor: texts of JSON, status;
				 * end-of-file: stop */
	CLERK_FD_LISTEN,
	CLERK_FD_CONFIG,	/* the configuration's text */
	CLERK_FD_END
};

#endif
