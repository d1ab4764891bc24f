/*
 * handler.h - everything a handler author needs.
 *
 * A handler is a shared object that holds one FH_HANDLER(...) descriptor: its
 * routes, and the hooks around them.  Drop the .so into the handler directory
 * and its routes are served.
 *
 *	#include <fcgi-host/handler.h>
 *
 *	static int
 *	hello(struct fh_request *rq)
 *	{
 *		return fh_reply_text(rq, 200, "Hello, world!\n");
 *	}
 *
 *	FH_HANDLER(.name = "hello", .routes = FH_ROUTES(
 *		{ "GET", "/hello",       .serve = hello },
 *		{ "GET", "/hello-async", .serve = hello, .async = true }));
 *
 *	cc -shared -fPIC $(pkg-config --cflags fcgi-host) -o hello.so hello.c
 *
 * Sync or async.  A sync route runs in the front, the process that speaks to
 * the web server: nothing is faster, and while it runs nothing else does.  An
 * async route (`.async = true`) runs in a worker of the pool and may take its
 * time.  Use sync for work well under a millisecond, async for anything that
 * waits or computes.  `route "GET /x" { async = true }` in the configuration
 * changes the tag without a rebuild.
 *
 * Lifetime.  Unless a function says otherwise, every pointer it returns for a
 * request belongs to that request and is good until serve() returns.  Don't
 * free it, don't keep it.
 *
 * Threads.  A request belongs to the thread its serve() was called in; its
 * functions may be called from that thread only.  With `threads` above 1 in
 * the pool, serve() runs in several threads of one process at a time, each
 * with a request and a worker state (fh_worker_data) of its own: guard your
 * own globals.
 *
 * C++.  In a table members stand in the order of their declaration here, and
 * standard C++ wants all of them named: { .methods = "GET", .path = "/x", ...
 * Exceptions must not leave serve().
 *
 * Sandbox.  From worker_init on, code that opens a network connection, starts
 * a process or signals another one ends like a crash, unless the handler's
 * section in the configuration says `network = true` or `processes = true`.
 * A process made by fork() calls exec() or _exit(): it may not come back.
 * open() gives EACCES but for system files (/usr, /etc, /proc, ...), which can
 * be read, /tmp, /var/tmp and /dev/shm, and what `read_paths` and `write_paths`
 * of the configuration name.  preload() and the models' hooks run outside of
 * it: what is opened there stays open.  getenv() knows what `environment` of
 * the configuration names, PATH, LANG, TZ and their like by default.
 *
 * Errors.  Functions that return int give 0, or -1 with errno set.  The reply
 * functions return the value serve() should return, so that a handler can end
 * with `return fh_reply_text(...)`.
 */
#ifndef FCGI_HOST_HANDLER_H
#define FCGI_HOST_HANDLER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "form.h"
#include "cache.h"
#include "identity.h"
#include "input.h"
#include "job.h"
#include "json.h"
#include "reply.h"
#include "stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The ABI.  A host loads a handler whose major number equals its own and whose
 * minor number is not newer.  Something added: minor + 1.  Something removed
 * or changed: major + 1, minor 0.
 *
 * 1.0	first version
 * 1.1	struct fh_handler: self_test
 * 1.2	struct fh_route: inputs, responses, tags, description, deprecated,
 *	hidden, stream, body_limit, job, auth, scopes, cache; json.h,
 *	form.h, stream.h, cache.h, reply.h, job.h, identity.h
 */
#define FH_ABI_MAJOR	1
#define FH_ABI_MINOR	2

struct FCGX_Request;		/* <fcgiapp.h> of libfcgi */
struct json_object;		/* <json-c/json.h> */

struct fh_request;		/* one request, from its arrival to its reply */
struct fh_worker;		/* one serving thread */
struct fh_host;			/* what a handler sees before any request */
struct fh_arena;		/* where a `build` model puts its memory */

/* ------------------------------------------------------------------ routes */

/*
 * One route.  Members may be added at the end in later minor versions.
 *
 * methods	"GET", or several: "GET POST".  GET answers HEAD by itself, and
 *		OPTIONS is answered for every path.  (RFC 9110, section 9.)
 * path		"/users/{id}" takes one segment into the path parameter "id";
 *		"/files/{rest...}", last in a path, takes all that is left,
 *		slashes included, and may be empty.  A literal segment wins
 *		over a parameter, a parameter over a rest.
 * serve	called once per request.  0: the reply is as you left it.
 *		Anything else: what has not been sent is thrown away, the
 *		client gets a 500 and the log names the value.
 * finish	called in the front after the reply to this request has been
 *		sent, for async and sync routes alike; NULL for none.  It sees
 *		the request's parameters (not its body), fh_reply_status() and
 *		what serve() left with fh_keep(); it cannot reply.  It runs
 *		where the sync handlers run: be quick.
 * async	true: runs in a worker.
 * pool		the pool whose workers run it; NULL is "default".
 * timeout_ms	how long serve() may run before the client gets a 504;
 *		0 takes `timeout` of the configuration.
 * max_concurrent  how many requests of this route may run or wait at a time;
 *		more get a 503.  0: no limit but the pool's.
 * summary	one line for `fcgi-host routes` and the OpenAPI document
 * inputs	FH_INPUTS(...), what it takes; NULL: whatever comes (input.h)
 * responses	FH_RESPONSES(...), what it may answer; NULL: anything
 * tags		what the OpenAPI document groups it under, with commas between
 *		several: "users, admin"; NULL: the handler's name
 * description	longer than the summary, for the same document; Markdown
 * deprecated	the document says that clients should leave it
 * hidden	the document leaves it out; it is served all the same
 * stream	true: its replies go on as long as they may, and are told to end
 *		when the host wants them to (stream.h)
 * body_limit	the most bytes that a body may have; more get a 413 as soon as
 *		that is known.  It may be less or more than `body_limit` of the
 *		configuration, which 0 takes; `body_limit` in the route's
 *		section there is over both.  The web server has a limit too
 * job		true: long work.  The request is checked, stored, and answered
 *		202 with Location: /jobs/ID at once; serve() runs later, in a
 *		worker, and perhaps more than once: when the worker or the
 *		machine dies, and after a status of 500 or more.  Implies async
 *		(job.h).
 * auth		"key", "bearer" or the name of a section auth of the
 *		configuration, or several with blanks between: only clients
 *		that have shown who they are (identity.h).  "none": whoever,
 *		also where the configuration has an auth for all.  NULL: what
 *		the configuration says
 * scopes	what they must be allowed, all of it: "orders.read admin"
 * cache	"60s", "10m": a reply with status 200 is kept for so long and
 *		given to equal requests, without a worker; of several that come
 *		at the same time one runs.  Equal are those with the same path,
 *		inputs, body, Accept, host and credentials (Authorization,
 *		REMOTE_USER and the like): declare all headers, cookies and
 *		query fields that the reply depends on.  A client's address
 *		does not count.  Without `inputs` the whole query and all
 *		cookies count.  Not kept: a reply with Set-Cookie, with a
 *		Cache-Control of private, no-store or no-cache, with a Vary on
 *		more than Accept, one that does not fit into the reply space.
 *		Its own kinds of reply: Age and Cache-Status (RFC 9211), and a
 *		304 where a kept one has an ETag or Last-Modified; finish() is
 *		not called for it.  For GET (and HEAD by it), and
 *		for a POST that only computes.  NULL: none
 */
struct fh_route {
	const char	*methods;
	const char	*path;
	int		(*serve)(struct fh_request *);
	void		(*finish)(struct fh_request *);
	bool		 async;
	const char	*pool;
	uint32_t	 timeout_ms;
	uint32_t	 max_concurrent;
	const char	*summary;
	const struct fh_inputs		*inputs;
	const struct fh_response	*responses;
	const char	*tags;
	const char	*description;
	bool		 deprecated;
	bool		 hidden;
	bool		 stream;
	uint64_t	 body_limit;
	bool		 job;
	const char	*auth;
	const char	*scopes;
	const char	*cache;
};

/*
 * What a model is made from, given to build() and preload().
 *
 * path		the `path` of the model's section in the configuration
 * data, length	the file's bytes, mapped read-only until the call returns
 */
struct fh_source {
	const char	*name;
	const char	*path;
	const void	*data;
	size_t		 length;
};

/*
 * A model this handler makes; its `model "name"` section in the configuration
 * gives the path and the kind.  A model of kind "file" needs no entry here.
 *
 * build	kind = "build".  Runs in a process of its own.  Puts everything
 *		into memory from fh_arena_alloc(); sets *root_out.  The arena
 *		is then sealed and mapped read-only, at the same address, in
 *		every process: pointers inside it stay good.  No pointer to
 *		malloc memory, functions or globals may be left in it.
 *		Returns 0, or -1 after fh_host_log of a reason.
 * preload	kind = "preload".  Runs once per generation, before the front
 *		and the workers are forked: what it allocates is shared
 *		copy-on-write.  For objects of a library.  Sets *object_out.
 * max_bytes	the most build() may allocate; 0: 64 GiB of address space (it
 *		costs only what is touched).  The memory plan counts it until
 *		the real size is known.
 */
struct fh_model_def {
	const char	*name;
	int		(*build)(struct fh_arena *, const struct fh_source *,
			    void **root_out);
	int		(*preload)(const struct fh_source *, void **object_out);
	size_t		 max_bytes;
};

/*
 * The descriptor, one per .so, written with FH_HANDLER().  The first members
 * are checked before anything else in it is looked at.
 *
 * name		for logs and status; letters, digits, '-', '_', '.'
 * version	yours, in `fcgi-host routes --json`; NULL for none
 * routes	FH_ROUTES(...), ended by an entry without a path
 * models	FH_MODELS(...), or NULL
 * preload	once per generation, before the forks, single-threaded.  Must
 *		not start threads or leave descriptors open that a forked
 *		process must not share.  0, or -1: the handler is refused.
 * worker_init	in every thread that will serve this handler's routes (front,
 *		workers, replacements), before its first request there: open
 *		the connection to the database here, and keep it with
 *		fh_worker_set_data().  0, or -1: that thread does not serve.
 *		It is tried first where self_test is: -1 there refuses the
 *		file.
 * worker_fini	when such a thread ends in order.  Not after a crash.
 * self_test	once per generation, before anything of it is served, in a
 *		process that is thrown away: after worker_init, with the
 *		models there.  Ask a model something whose answer is known,
 *		send a query to the database; nothing that is done here is
 *		seen by a request.  0, or anything else: the file is refused,
 *		and the version that serves now serves on.  So is a file whose
 *		self_test crashes, or takes longer than `load_timeout`.  NULL
 *		for none.  Since ABI 1.1.
 */
struct fh_handler {
	uint16_t			 abi_major;
	uint16_t			 abi_minor;
	uint32_t			 size;
	uint32_t			 route_size;
	uint32_t			 model_size;
	const char			*name;
	const char			*version;
	const struct fh_route		*routes;
	const struct fh_model_def	*models;
	int				(*preload)(struct fh_host *);
	int				(*worker_init)(struct fh_worker *);
	void				(*worker_fini)(struct fh_worker *);
	int				(*self_test)(struct fh_worker *);
	uint32_t			 inputs_size;
	uint32_t			 property_size;
	uint32_t			 response_size;
};

#define FH_HANDLER(...)							\
	__attribute__((visibility("default")))				\
	extern const struct fh_handler fh_handler_descriptor;		\
	const struct fh_handler fh_handler_descriptor = {		\
		.abi_major = FH_ABI_MAJOR,				\
		.abi_minor = FH_ABI_MINOR,				\
		.size = sizeof(struct fh_handler),			\
		.route_size = sizeof(struct fh_route),			\
		.model_size = sizeof(struct fh_model_def),		\
		__VA_ARGS__,						\
		.inputs_size = sizeof(struct fh_inputs),		\
		.property_size = sizeof(struct fh_property),		\
		.response_size = sizeof(struct fh_response)		\
	}
#define FH_ROUTES(...)	((const struct fh_route[]){ __VA_ARGS__, { 0 } })
#define FH_MODELS(...)	((const struct fh_model_def[]){ __VA_ARGS__, { 0 } })

/* ------------------------------------------------------------- the request */

/* A name and its value.  Both end in NUL; length is the value's. */
struct fh_field {
	const char	*name;
	const char	*value;
	size_t		 length;
};

/* "GET", "POST", ...; for a HEAD request "HEAD". */
const char	*fh_method(const struct fh_request *);

/* The path below the mount point, decoded: "/users/7". */
const char	*fh_path(const struct fh_request *);

/* The query string as it came, without '?'; "" if there is none. */
const char	*fh_query_string(const struct fh_request *);

/*
 * The request's id: REQUEST_ID of the web server where it sends one that is
 * 1 to 64 letters, digits, '-', '_' or '.', else one of ours.  In the log,
 * and in every problem document.
 */
const char	*fh_request_id(const struct fh_request *);

/*
 * Single values; NULL if there is none.  Of several with one name the last
 * CGI parameter, and the first header, cookie, query or form field is given.
 *
 * fh_param		a CGI/FastCGI parameter: "REMOTE_ADDR" (RFC 3875, 4.1)
 * fh_header		a request header by its HTTP name, in any case
 * fh_cookie		a cookie's value (RFC 6265, section 5.4)
 * fh_path_param	what {name} of the route's path took
 * fh_query		a query field, percent-decoded
 * fh_form		a field of a body of application/x-www-form-urlencoded
 *			or multipart/form-data (form.h: and its files)
 */
const char	*fh_param(const struct fh_request *, const char *name);
const char	*fh_header(const struct fh_request *, const char *name);
const char	*fh_cookie(struct fh_request *, const char *name);
const char	*fh_path_param(const struct fh_request *, const char *name);
const char	*fh_query(struct fh_request *, const char *name);
const char	*fh_form(struct fh_request *, const char *name);

/*
 * All of them, in the order they came; *count_out may be 0.  A query or cookies
 * with more than 16384 fields are a 400 before serve() is called, and of a form
 * with more than `form_fields` there is nothing: fh_form_error().
 */
const struct fh_field	*fh_params(const struct fh_request *,
			    size_t *count_out);
const struct fh_field	*fh_query_fields(struct fh_request *,
			    size_t *count_out);
const struct fh_field	*fh_form_fields(struct fh_request *,
			    size_t *count_out);
const struct fh_field	*fh_cookies(struct fh_request *, size_t *count_out);

/*
 * The body, complete before serve() is called.
 *
 * fh_body	its bytes, in memory or, for one over `body_memory`, a read-only
 *		mapping of its spool file.  Never NULL; not NUL-terminated.
 * fh_body_fd	a descriptor open for reading on the spool file, or -1 for a
 *		body in memory.  It is closed after serve(): dup() to keep it.
 * fh_read	the same bytes as a stream: copies up to `size` and moves on;
 *		0 at the end.
 * fh_json	the body parsed as JSON, owned by the request (json_object_get
 *		to keep it longer).  NULL if it is not JSON, and then
 *		fh_json_error() says what and where.  For a body of `null`
 *		both give NULL.
 */
const void	*fh_body(struct fh_request *, size_t *length_out);
int		 fh_body_fd(struct fh_request *);
size_t		 fh_read(struct fh_request *, void *buffer, size_t size);
struct json_object	*fh_json(struct fh_request *);
const char	*fh_json_error(const struct fh_request *);

/*
 * True once the handler should end: nobody waits for the reply (the client
 * left, or the time is up), or the host stops or has newer handlers and has
 * waited for `drain_timeout` (it does not wait for a stream: stream.h).  The
 * time is up `timeout` after serve() began or `deadline` after the request
 * arrived, whichever is first; a request that is over its deadline already is
 * never begun.  Cheap enough for an inner loop.  A handler that sees it should
 * clean up and return.  If the host asks for it, what it still writes is sent,
 * so that it may end its reply well, within `kill_grace`; nonzero is a 503
 * then.  In a worker, one that is still running
 * `kill_grace` after its time is up is sent SIGTERM, which breaks its system
 * calls, and `kill_grace` later SIGKILL.  That the client left ends no worker
 * before its time is up.
 */
bool		 fh_cancelled(const struct fh_request *);

/* Milliseconds until the time is up, never below 0; INT64_MAX: no limit. */
int64_t		 fh_deadline_ms(const struct fh_request *);

/* --------------------------------------------------------------- the reply */

/*
 * A reply is a status, headers and a body.  It leaves when serve() returns;
 * until then everything may still be changed, and Content-Length is computed.
 * A body larger than the reply space, or fh_flush(), sends what there is: from
 * then on status and headers are fixed.  After that a large body waits for
 * the client to read (async), so its size is not limited by memory; in a sync
 * route nothing can wait, and a reply over `sync_reply_limit` becomes a 500.
 *
 * HEAD, 204 and 304 get no body, whatever is written.  A body longer than a
 * Content-Length that you set is cut and logged; a shorter one is a 500, or,
 * if the header has left, a closed connection.
 *
 * fh_status		sets the status, 200 by default; 100..599
 * fh_set_header	replaces all headers of that name; NULL removes them
 * fh_add_header	adds one (Set-Cookie)
 *			Both copy.  -1/EINVAL for a name that is not a token
 *			(RFC 9110, 5.6.2) or a value with CR, LF or NUL, and
 *			the reply becomes a 500 that names the header;
 *			-1/EALREADY when the header has left.  The same 500
 *			for Connection, Transfer-Encoding and their like: they
 *			are the web server's.  Access-Control-... is left out
 *			where the configuration names origins for the route
 *			(cors_origins): there the host says it, once.
 * fh_write		appends to the body
 * fh_printf		the same, formatted
 * fh_flush		sends what has been written.  -1/EPIPE: nobody reads it.
 *			fh_write and fh_printf give that too, once it is known.
 */
int	 fh_status(struct fh_request *, int status);
int	 fh_set_header(struct fh_request *, const char *name,
	    const char *value);
int	 fh_add_header(struct fh_request *, const char *name,
	    const char *value);
int	 fh_write(struct fh_request *, const void *bytes, size_t length);
int	 fh_printf(struct fh_request *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
int	 fh_vprintf(struct fh_request *, const char *format, va_list);
int	 fh_flush(struct fh_request *);

/*
 * Whole replies.  Each throws away a body written before, keeps headers set
 * before (Content-Length excepted), and sets status, Content-Type and body.
 *
 * fh_reply_text	text/plain; charset=utf-8
 * fh_reply_json	application/json, of a json-c object; the object is
 *			released (json_object_put), so a new one can be given
 *			straight in.  For large replies there is json.h
 * fh_reply_bytes	any type
 * fh_reply_file	the web server sends the file: X-Accel-Redirect to a
 *			path in one of its internal locations, as it is called,
 *			not percent-encoded.  The type is the web server's
 *			choice unless Content-Type is set.
 * fh_problem		an RFC 9457 problem document with the status's title,
 *			your sentence as detail and the request id as instance
 */
int	 fh_reply_text(struct fh_request *, int status, const char *text);
int	 fh_reply_json(struct fh_request *, int status, struct json_object *);
int	 fh_reply_bytes(struct fh_request *, int status, const char *type,
	    const void *bytes, size_t length);
int	 fh_reply_file(struct fh_request *, const char *internal_path);
int	 fh_problem(struct fh_request *, int status, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));

/* The status as it stands now; in finish(), as it was sent. */
int	 fh_reply_status(const struct fh_request *);

/*
 * Up to FH_KEEP_MAX bytes from serve() to this request's finish(), copied.
 * -1/EMSGSIZE for more.  fh_kept gives NULL and 0 if nothing was kept.
 */
#define FH_KEEP_MAX	512
int		 fh_keep(struct fh_request *, const void *bytes, size_t length);
const void	*fh_kept(const struct fh_request *, size_t *length_out);

/*
 * The classic libfcgi view of this request: in, out, err and envp over the
 * same buffers, so that the inside of an FCGX_Accept_r loop runs unchanged.
 * What is printed to `out` is a CGI reply (header, blank line, body: RFC 3875,
 * 6.2).  `err` goes to the log.  Don't mix with fh_write on one request.
 * FCGX_SetExitStatus, FCGX_StartFilterData, FCGX_Accept_r and FCGX_Finish_r
 * must not be called on it.  Include <fcgiapp.h> and link with -lfcgi.
 */
struct FCGX_Request	*fh_fcgx(struct fh_request *);

/* ---------------------------------------------------------------- memory */

/*
 * Memory of the request, aligned for any type, not zeroed; gone when serve()
 * returns.  NULL when there is none (errno ENOMEM).
 */
void	*fh_alloc(struct fh_request *, size_t size);
char	*fh_strdup(struct fh_request *, const char *);
char	*fh_sprintf(struct fh_request *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* -------------------------------------------------------------------- log */

enum fh_log_level {
	FH_LOG_ERROR,
	FH_LOG_WARN,
	FH_LOG_INFO,
	FH_LOG_DEBUG
};

/* One line, with the request's id, route and handler.  No newline needed. */
void	 fh_log(struct fh_request *, enum fh_log_level, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));

/* ----------------------------------------------------------------- models */

/*
 * A model: loaded once, shared by every process, read-only.  Writing to it is
 * a SIGSEGV in this process; to change it, copy it.
 *
 * data, length	the bytes (kinds file and build)
 * root		what build() or preload() left; for a file the same as data
 * sha256	of the source file, 64 hex digits
 * version	a number that grows with every change of this model
 */
struct fh_model {
	const char	*name;
	const void	*data;
	size_t		 length;
	void		*root;
	const char	*sha256;
	uint64_t	 version;
};

/* The model of that name, the same for all of a request; NULL if not loaded. */
const struct fh_model	*fh_model(struct fh_request *, const char *name);

/*
 * For build(): `size` bytes, zeroed, aligned to `align`, a power of two, or 0
 * for any type.  NULL when max_bytes are used up.
 */
void	*fh_arena_alloc(struct fh_arena *, size_t size, size_t align);

/* ------------------------------------------------------- host and worker */

/* What the configuration says in `handler "name" { set = { "key=value" } }`. */
const char	*fh_setting(struct fh_request *, const char *key);
const char	*fh_host_setting(const struct fh_host *, const char *key);
const char	*fh_worker_setting(const struct fh_worker *, const char *key);

/* A model in preload() and worker_init(); good as long as the process is. */
const struct fh_model	*fh_host_model(const struct fh_host *,
			    const char *name);
const struct fh_model	*fh_worker_model(const struct fh_worker *,
			    const char *name);

/* A log line outside a request; host and worker may be NULL. */
void	 fh_host_log(const struct fh_host *, enum fh_log_level,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
void	 fh_worker_log(const struct fh_worker *, enum fh_log_level,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* This handler's own pointer for this serving thread; NULL until set. */
void	 fh_worker_set_data(struct fh_worker *, void *data);
void	*fh_worker_data(const struct fh_worker *);

/* The serving thread this request runs in. */
struct fh_worker	*fh_worker(struct fh_request *);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_HANDLER_H */
