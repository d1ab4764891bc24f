/*
 * api_private.h - one request, as the files of api/ see it.
 *
 * Nobody outside of api/ includes this.
 */
#ifndef API_API_PRIVATE_H
#define API_API_PRIVATE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "common/cache.h"
#include "common/head.h"
#include "common/log.h"
#include "schema/schema.h"

/*
 * How many fields a query or the cookies may have: the index of them must not
 * outgrow the bytes a peer sent by much.  A form's are bounded by form_fields.
 */
#define API_FIELDS_MAX	16384

/* What handlers may log for one request, stderr of a libfcgi body included. */
#define API_LOG_LINES	1000
#define API_LOG_BYTES	(64 * 1024)

/* ------------------------------------------------- memory (api_memory.c) */

struct api_chunk;

/* A bump allocator.  The first chunk stays over a reset. */
struct api_arena {
	struct api_chunk	*first;
	struct api_chunk	*last;
	char			*at;	/* in `last` */
	char			*end;
};

int	api_arena_init(struct api_arena *);
void	api_arena_finish(struct api_arena *);
void	api_arena_reset(struct api_arena *);

/* Aligned for any type, not zeroed; NULL and ENOMEM. */
void	*api_arena_alloc(struct api_arena *, size_t size);

/* A copy that ends in NUL; NULL and ENOMEM. */
char	*api_copy(struct fh_request *, const char *text, size_t length);

/* ------------------------------------------------- the structs */

/* Of the cache, the keys that a handler reaches by it. */
struct fh_cache {
	struct cache		*cache;		/* NULL: none */
	enum cache_space	 space;
	const char		*name;
};

/* One handler in one serving thread. */
struct fh_worker {
	const struct handler	*handler;
	struct api_worker	*thread;
	void			*data;
	bool			 serves;	/* worker_init has succeeded */
	bool			 failed;	/* worker_init has failed */
	bool			 hinted;	/* at the sandbox; once */
	struct fh_cache		 own, shared;
};

struct api_worker {
	const struct handler_set	*set;
	size_t				 header_limit;
	struct fh_worker		*handlers;	/* as in the set */
	struct schema_matcher		*matcher;	/* NULL until needed */
};

/* Gives it its spaces of the set's cache (api_cache.c). */
void	api_cache_init(struct fh_worker *);

/* A thread in which no handler has been started; NULL: out of memory. */
struct api_worker	*api_worker_allocate(const struct handler_set *);

/* Is the handler loaded, and does a thread of `pool` serve a route of its? */
bool	api_worker_serves(const struct handler_set *, const struct handler *,
	    uint32_t pool);

/* api_trial.c, told by api_probe.c: whose hook is run next. */
void	api_trial_running(const struct handler *);

/* Why a handler that failed may have failed, by the errno it left; or NULL. */
const char	*api_sandbox_hint(int error);

struct api_fields {
	const struct fh_field	*at;
	size_t			 count;
	bool			 ready;
};

struct api_header {
	const char	*name;
	const char	*value;
	size_t		 name_length;
	size_t		 value_length;
};

struct api_fcgx;

/* JSON that is being written (api_json_out.c); all zero: none is. */
enum api_json_state {
	API_JSON_NONE,
	API_JSON_OPEN,
	API_JSON_ENDED
};

struct api_json {
	enum api_json_state	 state;
	bool			 comma;		/* a value stands before */
	bool			 named;		/* a name does */
	unsigned int		 depth;
	uint64_t		 objects;	/* a bit for each level */
};

/* A table that is being written (api_rows.c). */
enum api_rows_format {
	API_ROWS_NONE,
	API_ROWS_JSON,
	API_ROWS_LINES,
	API_ROWS_CSV
};

struct api_rows {
	enum api_rows_format		 format;
	const struct fh_property	*columns;
};

struct fh_request {
	/* kept from request to request */
	struct api_worker	*thread;
	struct api_arena	 arena;
	char			*space;		/* where a body is collected */
	size_t			 space_size;
	char			 fault[256];	/* why it is a 500, or "" */
	bool			 used;		/* reset is due */

	/* zeroed for each request, from `input` to the end */
	const struct api_input	*input;
	struct fh_worker	*worker;
	struct api_sink		*sink;		/* NULL in finish() */
	struct api_result	*result;
	const struct api_result	*kept;

	/* read when first asked for */
	struct head		 head;
	bool			 head_ready;
	const char		*method;
	const char		*path;
	const char		*query_string;
	struct fh_identity	 identity;
	bool			 identified;	/* `identity` is filled */
	struct api_fields	 params;
	struct api_fields	 captures;
	struct api_fields	 query;
	struct api_fields	 form;
	struct api_fields	 cookies;
	int			 form_status;	/* of its fault, or 0 */
	const char		*form_error;	/* a sentence, or NULL */
	const struct fh_file	*files;		/* of the form */
	size_t			 file_count;
	int			*file_fds;	/* private files, or NULL */
	void			*mapping;	/* of a spooled body, or NULL */
	size_t			 mapping_length;
	size_t			 read_offset;	/* of fh_read() */
	struct json_object	*json;
	const char		*json_error;
	bool			 json_ready;

	/* what the route declares, looked at before serve() */
	const void		*values;	/* the struct; or NULL */
	const bool		*given;		/* by input */

	/* the reply */
	int			 status;
	bool			 replied;	/* something was said */
	bool			 fixed;		/* status and headers are */
	bool			 left;		/* the header has been sent */
	bool			 flushed;	/* a reader wants each piece */
	bool			 broken;	/* nobody reads any more */
	bool			 header_only;	/* a stream's, for a HEAD */
	bool			 events;	/* fh_sse_begin() */
	bool			 event_refused;	/* and it was said */
	uint64_t		 comment_due_ns; /* of events; 0: never */
	uint64_t		 topics;	/* it listens to */
	uint32_t		 heard;		/* of them */
	bool			 cut;		/* a body over its length */
	int64_t			 declared;	/* Content-Length, or -1 */
	const char		*etag;		/* quoted; or NULL */
	int64_t			 modified;	/* or WIRE_NO_DATE */
	bool			 judged;	/* by its conditions */
	bool			 muted;		/* a body is not wanted */
	const char		*content_type;	/* or NULL */
	struct api_header	*headers;
	size_t			 header_count;
	size_t			 header_size;
	size_t			 collected;	/* bytes in `space` */
	uint64_t		 written;	/* by the handler */
	uint64_t		 sent;		/* of the body, to the sink */
	struct api_fcgx		*fcgx;
	struct api_json		 json_out;
	struct api_rows		 rows;
	const char		*accepted;	/* negotiated; or NULL */
	const char		*accepted_type;	/* the same, for a header */
	bool			 timed;		/* for Server-Timing */
	uint64_t		 begun_ns;	/* if it is: serve(), */
	uint64_t		 first_ns;	/* the first byte of a body */

	/* what the handler has logged */
	uint32_t		 log_lines;
	uint32_t		 log_bytes;
	uint64_t		 lost_lines;
	uint64_t		 lost_bytes;
};

/* ------------------------------------------------- the request */

/* Reads the head once (api_input.c). */
const struct head	*api_head(const struct fh_request *);

/* What the path's parameters took (api_input.c). */
const struct api_fields	*api_captures(const struct fh_request *);

/*
 * A header whole: what came in several lines has ", " between (RFC 9110, 5.3),
 * which web servers may hand on as they came.  *lines_out: how many; NULL and 0
 * for none.
 */
const char	*api_header(struct fh_request *, const char *name,
		    size_t *lines_out);

/*
 * Looks at all that the route declares of its inputs (api_inputs.c): 0 when it
 * is sound, or it declares none; -1 when the reply is there, a 400, 415 or 422,
 * or there is a fault.
 */
int	api_inputs_take(struct fh_request *);

/* The faults of one request, as they are found (api_inputs_wrong.c); all zero
 * but `rq`: none.  `report` is schema_run's. */
struct api_wrong {
	struct fh_request	*rq;
	char			*text;		/* JSON, with commas between */
	size_t			 length;
	size_t			 size;
	size_t			 told;		/* stand in it */
	size_t			 count;		/* all of them */
	bool			 failed;	/* out of memory */
};
void	api_wrong_report(struct api_wrong *, const struct schema_fault *);

/* The 422 with all of them. */
int	api_wrong_reply(struct api_wrong *);

/* For patterns; NULL: out of memory. */
struct schema_matcher	*api_matcher(struct api_worker *);

/* Is the reply, as it stands, what the route declares, if that is asked for
 * (api_responses.c)?  0, or -1 after api_fault(). */
int	api_responses_check(struct fh_request *);

/* JSON from a text (api_json.c): *why_out is NULL, or what is wrong with it,
 * and *offset_out where. */
struct json_object	*api_json_parse(const char *text, size_t length,
			    size_t *offset_out, const char **why_out);
void	api_json_fails(struct fh_request *, const char *why, size_t offset);

/*
 * fh_json() for what is to be checked (api_json_strict.c): 0, or -1 with a
 * json_error.  What json-c passes over is an error here: bad UTF-8, a name
 * twice in an object or with a NUL, "1." and "-01" for a number.  An integer
 * over 64 bits, which it would cut, is a double.
 */
int	api_json_strict(struct fh_request *);

void	api_json_release(struct fh_request *);
void	api_body_release(struct fh_request *);
void	api_files_release(struct fh_request *);

/* The status and the sentence of what is wrong with the form (400, 413, 500),
 * or 0 and NULL (api_form.c). */
int	api_form_error(struct fh_request *, const char **error_out);

/* api_fields.c: an urlencoded body into rq->form (false: it has more than so
 * many, and nothing is there); a 400 and -1 for a query or cookies with too
 * many; the first of that name. */
bool	api_fields_form(struct fh_request *, size_t most);
int	api_fields_check(struct fh_request *);
const char	*api_fields_first(const struct fh_field *, size_t count,
		    const char *name);

/* ------------------------------------------------- the reply */

/*
 * The reply must become a 500 (or, once its header has left, a broken
 * connection).  The sentence is logged and is the problem's detail; of several
 * faults the first counts.  Returns -1 with errno as given.
 */
int	api_fault(struct fh_request *, int error, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));

/* 0 while status and headers can be changed, else -1 and EALREADY. */
int	api_reply_open(const struct fh_request *);

/* Appends to the body: fh_write() for one that is known to be allowed. */
int	api_reply_push(struct fh_request *, const void *bytes, size_t length);

/* What api_reply_push() of nothing would give. */
int	api_reply_state(const struct fh_request *);

/*
 * The way past it for what is made in place: up to api_reply_room() bytes may
 * be put at api_reply_at(), and api_reply_took() says how many were.  No room
 * where each piece has to be looked at; api_reply_push() always goes.
 */
size_t	api_reply_room(const struct fh_request *);
char	*api_reply_at(struct fh_request *);
void	api_reply_took(struct fh_request *, size_t length);

/* Begins one: what was written is thrown away, and no length is known. */
int	api_reply_begin(struct fh_request *, int status, const char *type);

/* A whole reply; `type` must live on. */
int	api_reply_whole(struct fh_request *, int status, const char *type,
	    const void *bytes, size_t length);

/* After serve(), which returned `value`: sends what is left. */
enum api_outcome	api_reply_end(struct fh_request *, int value);

/* A 500 with the fault's sentence in place of all that has not been sent. */
void	api_reply_problem(struct fh_request *, int status);

/* Sets (replace) or adds a header (api_header.c). */
int	api_header_put(struct fh_request *, struct wire_span name,
	    struct wire_span value, bool replace);

/* The value of the first header of that name that was set, or NULL. */
const char	*api_header_get(const struct fh_request *, const char *name);

/*
 * Sends bytes of the body, the header in front of them when that has not left
 * (api_send.c).  `whole`: this is all of the body.
 */
int	api_send(struct fh_request *, const void *bytes, size_t length,
	    bool whole);

/*
 * The header block for a body of `length` bytes that is `whole`, in `fast` or
 * in the arena (api_block.c).  NULL after api_fault().
 */
const char	*api_header_block(struct fh_request *, bool whole,
		    size_t length, char *fast, size_t fast_size,
		    size_t *length_out);

/*
 * Keeps a reply that may be kept, if its route has `cache` (api_cached.c).
 * Returns the header with a line that says so.
 */
const char	*api_cached(struct fh_request *, bool whole, const char *head,
		    size_t *head_length, const void *body, size_t length);

/* The document alone; -1 if `size` is too small (api_problem.c). */
#define API_PROBLEM_TYPE	"application/problem+json"
ptrdiff_t	api_problem_document(char *out, size_t size, int status,
		    const char *request_id, const char *detail,
		    size_t detail_length);

/* ------------------------------------------------- JSON (api_json_out.c) */

/* The longest piece of JSON that api_json_put() takes, and a comma. */
#define API_JSON_SCALAR	40

/* A value that is `text`, shorter than API_JSON_SCALAR, as it stands. */
int	api_json_put(struct fh_request *, const char *call, const char *text,
	    size_t length);

/* A value is to follow, after a comma or not.  -1: none may stand here. */
int	api_json_value(struct fh_request *, const char *call, bool *comma_out);

/* The fault of a `call` in the wrong place; returns -1. */
int	api_json_misuse(struct fh_request *, const char *call,
	    const char *why);

/* ------------------------------------------------- streams */

/* It is to end, or nobody reads it: somebody said so. */
bool	api_told(const struct fh_request *);

/* Status and headers are set: the header leaves.  0 or -1. */
int	api_stream_start(struct fh_request *);

/* Of events: says that there is still somebody here (api_sse.c). */
int	api_sse_comment(struct fh_request *);

/* Does fh_notify() of another process reach this one? */
bool	api_notify_is_shared(void);
/* ------------------------------------------------- negotiation
 * (api_negotiate.c) */

/* Before serve(): 0, or -1 when the reply has become a 406. */
int	api_negotiate(struct fh_request *);

/* The Content-Type of a body that was given none, or NULL. */
const char	*api_negotiated(const struct fh_request *);

/* ------------------------------------------------- Server-Timing
 * (api_timing.c) */

#define API_TIMING_ROOM	144

/* serve() is called; the first byte is written; the line of a header that is
 * about to leave, of a request that is timed: its length. */
void	api_timing_begin(struct fh_request *);
void	api_timing_first(struct fh_request *);
size_t	api_timing_line(const struct fh_request *, char out[API_TIMING_ROOM]);

/* ------------------------------------------------- conditions
 * (api_condition.c) */

bool	api_has_validators(const struct fh_request *);

/* Is a reply of that status to be judged, and has it not been? */
bool	api_condition_is_due(const struct fh_request *, int status);

/* Judges one whose header is about to leave: 304 or 412, and mute, or as it
 * is. */
void	api_condition_at_last(struct fh_request *);

/* False: If-Range says that all of it is wanted. */
bool	api_range_stands(const struct fh_request *);

/* ------------------------------------------------- the libfcgi view */

/* After serve(): what was printed and not yet taken. */
void	api_fcgx_end(struct fh_request *);

/* ------------------------------------------------- log (api_log.c) */

/* A line of the host about this request, not counted. */
void	api_log(const struct fh_request *, enum log_level,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A line of the handler, counted. */
void	api_log_text(struct fh_request *, enum log_level, const char *text,
	    size_t length);

/* Says what was suppressed, if anything was. */
void	api_log_end(struct fh_request *);

#endif
