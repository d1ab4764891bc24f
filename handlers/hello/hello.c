/*
 * hello.c - the smallest handler: one function, served sync and async.
 *
 * Teaches: a handler is a function and a table.  `.async = true` is all that
 *	sends a route to the pool; the function does not change.
 * Runs in: the front (/hello) and the workers (/hello-async).
 * Owns: nothing.
 * Invariant: every request gets the same reply.
 */
#include <fcgi-host/handler.h>

static int
hello(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, "Hello, world!\n");
}

FH_HANDLER(.name = "hello", .version = "1", .routes = FH_ROUTES(
	{ "GET", "/hello", .serve = hello,
	    .summary = "a greeting, from the front" },
	{ "GET", "/hello-async", .serve = hello, .async = true,
	    .summary = "the same greeting, from a worker" }));
