/*
 * fcgx.c - the body of a libfcgi program, run as a handler.
 *
 * Teaches: moving a program over.  What stood between FCGX_Accept_r() and
 *	FCGX_Finish_r() goes into a function, unchanged; fh_fcgx() gives it
 *	the request.
 * Runs in: the workers.
 * Owns: nothing.
 * Invariant: only FCGX_ functions touch the request after fh_fcgx().
 */
#include <stdlib.h>

#include <fcgiapp.h>

#include <fcgi-host/handler.h>

/* The inside of the loop of a program that counts what it is sent. */
static void
respond(FCGX_Request *request)
{
	const char *method = FCGX_GetParam("REQUEST_METHOD", request->envp);
	const char *query = FCGX_GetParam("QUERY_STRING", request->envp);
	long bytes = 0, lines = 0;
	int c;

	while ((c = FCGX_GetChar(request->in)) != -1) {
		bytes++;
		lines += c == '\n';
	}
	FCGX_FPrintF(request->out,
	    "Content-Type: text/plain\r\n"
	    "X-Lines: %ld\r\n"
	    "\r\n"
	    "method %s\nquery %s\nbody %ld bytes, %ld lines\n",
	    lines, method == NULL ? "" : method, query == NULL ? "" : query,
	    bytes, lines);
	for (char **param = request->envp; *param != NULL; param++)
		FCGX_FPrintF(request->out, "param %s\n", *param);
}

static int
fcgx(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);

	if (request == NULL)
		return fh_problem(rq, 500, "out of memory");
	respond(request);
	return 0;
}

FH_HANDLER(.name = "fcgx", .version = "1", .routes = FH_ROUTES(
	{ "GET POST", "/fcgx", .serve = fcgx, .async = true,
	    .summary = "a libfcgi program's body" }));
