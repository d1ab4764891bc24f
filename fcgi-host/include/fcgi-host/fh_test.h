/*
 * fh_test.h - tests of a handler: its routes called in the test's process.
 *
 *	#include <cmocka.h> and what it wants before it
 *	#include <fcgi-host/fh_test.h>
 *
 *	static void
 *	greets_by_name(void **state)
 *	{
 *		struct fh_test *test = fh_test_open("./hello.so", NULL);
 *		struct fh_test_call *call = fh_test_call(test, "GET",
 *		    "/hello?name=you");
 *		const struct fh_test_reply *reply = fh_test_send(call);
 *
 *		fh_test_expect_status(reply, 200);
 *		fh_test_expect_body(reply, "Hello, you!\n");
 *		fh_test_close(test);
 *	}
 *
 *	cc -o hello_test hello_test.c \
 *	    $(pkg-config --cflags --libs fcgi-host-test cmocka)
 *
 * The .so is loaded as the host loads it: the same checks of its tables, its
 * preload, models, worker_init and self_test, the same code around serve().
 * What is not there is everything between processes: no front, no workers, no
 * sandbox; a job's route is called as it is when the job runs, for the first
 * time unless fh_test_param() gives another JOB_ATTEMPT.  So a crash is
 * the test's crash, and a debugger, valgrind and the sanitizers see it at once.
 * A reply that its route does not declare (FH_RESPONSES) is the 500 that
 * check_responses makes of it.
 * Sync and async routes are called alike; sync ones never two at a time, as in
 * the host.  A route's `cache` is without effect unless the test says so
 * (fh_test_keep()): each call runs its handler.
 *
 * A failure says what, with the file and line of the test, on stderr.  In a
 * program linked with cmocka the test then fails; in any other the program
 * ends with exit code 1.  fh_test_on_failure() says otherwise.
 *
 * Ownership.  A struct fh_test owns its calls, and a call its reply: all are
 * good until fh_test_close().  Texts and bytes given to a function are copied.
 *
 * Threads.  Use one struct fh_test from one thread.  fh_test_start() runs the
 * handler in a thread of the kit's own.
 */
#ifndef FCGI_HOST_FH_TEST_H
#define FCGI_HOST_FH_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_test;			/* a handler that is loaded */
struct fh_test_call;		/* one request, from its making to its reply */

/*
 * What came back.  `body` ends in NUL, which `length` does not count.
 *
 * type		Content-Type; "" for none
 * whole	false: the handler broke off after the header had left, which a
 *		client of the host sees as a connection that is cut
 * timed_out	the answer is the host's 504, and the handler may still run
 * done, total	what it said last with fh_progress(); 0 if nothing
 */
struct fh_test_reply {
	int			 status;
	const char		*type;
	const char		*body;
	size_t			 length;
	bool			 whole;
	bool			 timed_out;
	int64_t			 done, total;
	struct fh_test_call	*call;
};

/* ----------------------------------------------------------------- loading */

/*
 * Loads the .so at `path`.  `config` is the text of a configuration (models,
 * settings, routes; see fcgi-host.conf(5)), NULL or "" for the defaults;
 * "@FILE" takes the file.  What the host would refuse is a failure, with its
 * sentence: the file, a table, a model that is not there, a worker_init or a
 * self_test that fails.
 *
 * fh_test_open_all	several files, as if they lay in one directory
 * fh_test_close	runs worker_fini and unloads.  A handler that still runs
 *			is cancelled, and must end within 5 seconds: else it is
 *			a failure that names its route.  NULL is fine
 */
#define fh_test_open(path, config) \
	fh_test_open_at(path, config, __FILE__, __LINE__)
#define fh_test_open_all(paths, count, config) \
	fh_test_open_all_at(paths, count, config, __FILE__, __LINE__)

struct fh_test	*fh_test_open_at(const char *path, const char *config,
		    const char *file, int line);
struct fh_test	*fh_test_open_all_at(const char *const *paths, size_t count,
		    const char *config, const char *file, int line);
void		 fh_test_close(struct fh_test *);

/*
 * Keeps replies of routes with `cache` from now on, as the host does, or no
 * more.  What was kept before is forgotten.
 *
 *	fh_test_keep(test, true);
 *	reply = fh_test_get(test, "/rates?of=EUR");
 *	fh_test_expect_header(reply, "Cache-Status",
 *	    "fcgi-host; fwd=miss; stored");
 *	reply = fh_test_get(test, "/rates?of=EUR&utm_source=mail");
 *	fh_test_expect_header(reply, "Age", "0");
 *
 * The first call runs its handler.  An equal one, for as long as `cache` says,
 * gets the same reply, with Age and "Cache-Status: fcgi-host; hit; ttl=...",
 * and serve() and finish() are not called; it may be a HEAD, or have conditions
 * (handler.h).  Which calls are equal, and what is not kept ("fwd=miss" without
 * "stored"), is the host's own judgement.  A shorter time can be said in the
 * test's configuration: route "GET /rates" { cache = "50ms" }.  That equal
 * requests wait for one another is not played: those that overlap all run.
 */
void		 fh_test_keep(struct fh_test *, bool on);

/* Called in place of the failure; if it returns, the test goes on. */
typedef void	(*fh_test_failure)(void *context, const char *file, int line,
		    const char *sentence);
void		 fh_test_on_failure(fh_test_failure, void *context);

/* -------------------------------------------------------------- a request */

/*
 * A request to be: `target` is "/path?query" as in a URL, percent-encoded.
 * What is added later goes along.  They return the call, so that they nest.
 *
 * fh_test_header	a request header
 * fh_test_cookie	a cookie; several are joined
 * fh_test_param	a FastCGI parameter, "REMOTE_ADDR"
 * fh_test_body		the whole body and its Content-Type (NULL for none)
 * fh_test_json		a body of JSON text
 * fh_test_field	a form field; the body is urlencoded, or multipart once
 *			there is a file
 * fh_test_file		a file of a multipart form; type may be NULL
 * fh_test_as		who sends it, as fh_identity() gives it: a name, the
 *			scopes with a blank between them (NULL: none), and
 *			claims, a JSON object (NULL: "{}").  A route that wants
 *			to know gives a 401 to a call without, and a 403 where
 *			a scope lacks
 * fh_test_timeout	milliseconds that serve() may take, in place of the
 *			route's `timeout`; 0: for ever
 */
struct fh_test_call	*fh_test_call(struct fh_test *, const char *method,
			    const char *target);
struct fh_test_call	*fh_test_header(struct fh_test_call *,
			    const char *name, const char *value);
struct fh_test_call	*fh_test_cookie(struct fh_test_call *,
			    const char *name, const char *value);
struct fh_test_call	*fh_test_param(struct fh_test_call *,
			    const char *name, const char *value);
struct fh_test_call	*fh_test_body(struct fh_test_call *, const char *type,
			    const void *bytes, size_t length);
struct fh_test_call	*fh_test_json(struct fh_test_call *, const char *text);
struct fh_test_call	*fh_test_field(struct fh_test_call *,
			    const char *name, const char *value);
struct fh_test_call	*fh_test_file(struct fh_test_call *, const char *name,
			    const char *filename, const char *type,
			    const void *bytes, size_t length);
struct fh_test_call	*fh_test_as(struct fh_test_call *, const char *name,
			    const char *scopes, const char *claims);
struct fh_test_call	*fh_test_timeout(struct fh_test_call *, uint64_t ms);

/* ----------------------------------------------------------------- calling */

/*
 * Runs it to its end, finish() included, and gives the reply.  A call is sent
 * or started once.
 *
 * fh_test_get		fh_test_send(fh_test_call(test, "GET", target))
 * fh_test_post		the same with a body of JSON text
 */
const struct fh_test_reply	*fh_test_send(struct fh_test_call *);
const struct fh_test_reply	*fh_test_get(struct fh_test *,
				    const char *target);
const struct fh_test_reply	*fh_test_post(struct fh_test *,
				    const char *target, const char *json);

/*
 * Overlapping requests: a started call runs in a thread of its own, with a
 * worker state of its own (worker_init has run there).
 *
 * fh_test_start	begins it
 * fh_test_wait		its reply, once it has ended; its 504 at once when its
 *			time is up, as a client of the host has it.  NULL after
 *			`ms` milliseconds without either
 * fh_test_wait_for	waits until `text` stands in the part of the body that
 *			the handler has flushed; false after `ms` without
 * fh_test_cancel	the client leaves: fh_cancelled() is true from now on,
 *			writes fail.  There is no reply: fh_test_wait() gives
 *			one of status 0 when the handler has ended
 * fh_test_end		the host wants it to end, as in a reload: fh_cancelled()
 *			is true, and writes still go
 * fh_test_hold		the client stops to read (or reads on): what the handler
 *			writes waits once `reply_space` of it is not taken
 */
void				 fh_test_start(struct fh_test_call *);
const struct fh_test_reply	*fh_test_wait(struct fh_test_call *,
				    uint64_t ms);
bool				 fh_test_wait_for(struct fh_test_call *,
				    const char *text, uint64_t ms);
void				 fh_test_cancel(struct fh_test_call *);
void				 fh_test_end(struct fh_test_call *);
void				 fh_test_hold(struct fh_test_call *, bool);

/* --------------------------------------------------------------- the reply */

/* The first header of that name, in any case of letters; NULL for none. */
const char	*fh_test_reply_header(const struct fh_test_reply *,
		    const char *name);

/*
 * What is expected; anything else is a failure that shows the reply.
 *
 * status	the status
 * header	a header's whole value; NULL: that there is none
 * body		the whole body
 * text		a text somewhere in the body
 * string, integer, number, boolean, null
 *		a value in a JSON body.  `at` is a JSON pointer (RFC 6901):
 *		"/items/0/name"; "" is the whole document.  A number may be off
 *		by `margin`
 * count	how many elements an array, or members an object has
 * problem	a problem document with this status, and with `text` in its
 *		detail (NULL: any)
 * invalid	a 422 that names this input, "query.top" or "body.user.age",
 *		and the `type` of the error (NULL: any)
 */
#define fh_test_expect_status(reply, status) \
	fh_test_expect_status_at(reply, status, __FILE__, __LINE__)
#define fh_test_expect_header(reply, name, value) \
	fh_test_expect_header_at(reply, name, value, __FILE__, __LINE__)
#define fh_test_expect_body(reply, text) \
	fh_test_expect_body_at(reply, text, __FILE__, __LINE__)
#define fh_test_expect_text(reply, text) \
	fh_test_expect_text_at(reply, text, __FILE__, __LINE__)
#define fh_test_expect_string(reply, at, value) \
	fh_test_expect_string_at(reply, at, value, __FILE__, __LINE__)
#define fh_test_expect_integer(reply, at, value) \
	fh_test_expect_integer_at(reply, at, value, __FILE__, __LINE__)
#define fh_test_expect_number(reply, at, value, margin) \
	fh_test_expect_number_at(reply, at, value, margin, __FILE__, __LINE__)
#define fh_test_expect_boolean(reply, at, value) \
	fh_test_expect_boolean_at(reply, at, value, __FILE__, __LINE__)
#define fh_test_expect_null(reply, at) \
	fh_test_expect_null_at(reply, at, __FILE__, __LINE__)
#define fh_test_expect_count(reply, at, count) \
	fh_test_expect_count_at(reply, at, count, __FILE__, __LINE__)
#define fh_test_expect_problem(reply, status, text) \
	fh_test_expect_problem_at(reply, status, text, __FILE__, __LINE__)
#define fh_test_expect_invalid(reply, input, type) \
	fh_test_expect_invalid_at(reply, input, type, __FILE__, __LINE__)

/* What these stand for. */
void	fh_test_expect_status_at(const struct fh_test_reply *, int status,
	    const char *file, int line);
void	fh_test_expect_header_at(const struct fh_test_reply *,
	    const char *name, const char *value, const char *file, int line);
void	fh_test_expect_body_at(const struct fh_test_reply *, const char *text,
	    const char *file, int line);
void	fh_test_expect_text_at(const struct fh_test_reply *, const char *text,
	    const char *file, int line);
void	fh_test_expect_string_at(const struct fh_test_reply *, const char *at,
	    const char *value, const char *file, int line);
void	fh_test_expect_integer_at(const struct fh_test_reply *,
	    const char *at, int64_t value, const char *file, int line);
void	fh_test_expect_number_at(const struct fh_test_reply *, const char *at,
	    double value, double margin, const char *file, int line);
void	fh_test_expect_boolean_at(const struct fh_test_reply *,
	    const char *at, bool value, const char *file, int line);
void	fh_test_expect_null_at(const struct fh_test_reply *, const char *at,
	    const char *file, int line);
void	fh_test_expect_count_at(const struct fh_test_reply *, const char *at,
	    size_t count, const char *file, int line);
void	fh_test_expect_problem_at(const struct fh_test_reply *, int status,
	    const char *text, const char *file, int line);
void	fh_test_expect_invalid_at(const struct fh_test_reply *,
	    const char *input, const char *type, const char *file, int line);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_FH_TEST_H */
