/*
 * cli_inline.h - handlers without a daemon: one request, in this process.
 *
 *	cli_inline_open(&in, config);
 *	request_put(&request.asked, ...); request_scan(&request.asked);
 *	if (cli_inline_route(&in, &request, &sink))
 *		cli_inline_serve(&in, &request, &sink);
 *	cli_inline_close(&in);
 *
 * Sync and async routes run alike, in the calling thread.  Of all handlers
 * only the one asked for is started (preload, worker_init), and of the models
 * that handlers make only its own: a request should not pay for the others.
 * `all_models` makes the others too.
 */
#ifndef CLI_CLI_INLINE_H
#define CLI_CLI_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/access.h"
#include "api/api.h"
#include "config/config.h"
#include "common/handler_set.h"
#include "common/request.h"
#include "model/model_alone.h"

struct cli_inline {
	const struct config	*config;
	struct handler_set	*set;
	struct access		*access; /* `cgi` alone; the caller's */
	struct handler_set	 view;	/* with one route: what is started */
	bool			 all_models;
	bool			 sandbox;	/* where it is configured */
	struct cache		*cache;	/* of this process; or NULL */
	bool			 tells_kept;	/* whether a reply would be */
	struct model_alone	 models;	/* `none`: not its own either */
	struct api_worker	*worker;
	struct fh_request	*request;
};

/* A reply on its way to a descriptor. */
struct cli_sink {
	struct api_sink	 sink;		/* first: given to api_serve */
	int		 fd;
	bool		 with_head;
	bool		 with_body;
	bool		 left;		/* something has been written */
	int		 status;	/* as sent */
	size_t		 line_length;
	char		 lines[CONFIG_CORS_ROOM]; /* behind the status */
};

void	cli_sink_init(struct cli_sink *, int fd, bool with_head,
	    bool with_body);

/* A body: in memory, or in a file without a name when it is large. */
struct cli_body {
	char	*bytes;		/* NULL if spooled or empty */
	size_t	 length;
	int	 fd;		/* -1: in memory */
};

/*
 * Reads `announced` bytes, or to the end for HEAD_NO_LENGTH.  0; or the status
 * to answer with and why: 413 over `limit`, 400 when fewer came, 500.
 */
int	cli_body_read(struct cli_body *body_out, int fd, int64_t announced,
	    size_t limit, const struct config *, struct err *);
void	cli_body_free(struct cli_body *);

/* The next bytes of a body that is gathered in pieces; then it is read from
 * its start.  0, or -1 and why. */
int	cli_body_add(struct cli_body *, const void *bytes, size_t length,
	    const struct config *, struct err *);
int	cli_body_rewind(struct cli_body *, struct err *);

/* What is asked for. */
struct cli_request {
	struct request	 asked;
	struct route_match match;
	struct cli_body	 body;
	uint64_t	 deadline_ns;	/* 0: none */
	struct access_answer who;	/* length 0: nobody in particular */
};

void	cli_request_init(struct cli_request *);
void	cli_request_free(struct cli_request *);

/* Parameters and body of a capture (common/capture.h), into a fresh request.
 * 0, or -1 and why. */
int	cli_request_read(struct cli_request *, const char *file,
	    const struct config *, struct err *);

/* Loads the handlers; NULL: those of the directory.  -1: said why on stderr. */
int	cli_inline_open(struct cli_inline *, const struct config *,
	    const struct handler_source *);
void	cli_inline_close(struct cli_inline *);

/*
 * Finds the route.  False: there is none, and the refusal (404, 405, 204) has
 * gone to the sink.
 */
bool	cli_inline_route(struct cli_inline *, struct cli_request *,
	    struct cli_sink *);

/* May its client ask its route (cli_access.c)?  False: it may not, and the
 * refusal has gone to the sink. */
bool	cli_inline_admits(struct cli_inline *, struct cli_request *,
	    struct cli_sink *);

/* As if it came from somebody of that name; `scopes` may be NULL.  -1: the
 * texts are too long. */
int	cli_request_as(struct cli_request *, const char *name,
	    const char *scopes);

/*
 * Starts what the route needs, runs it, and its finish().  0; or -1: the reply
 * is not whole.
 */
int	cli_inline_serve(struct cli_inline *, struct cli_request *,
	    struct cli_sink *);

/* Answers with a problem document. */
void	cli_inline_problem(const struct cli_request *, struct cli_sink *,
	    int status, const char *extra, const char *format, ...)
	    __attribute__((format(printf, 5, 6)));

/* omp_threads of the configuration, for the libraries of handlers. */
void	cli_limit_threads(const struct config *);

/*
 * Makes stdout a copy of stderr, so that what a handler prints cannot get into
 * the reply, and returns a descriptor of what stdout was.  -1 with errno.
 */
int	cli_take_stdout(void);

#endif
