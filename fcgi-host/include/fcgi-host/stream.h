/*
 * stream.h - replies that go on: chunks, JSON lines, server-sent events.
 *
 * handler.h includes this.  A stream is a reply whose pieces are read while
 * later ones are made, for seconds or for days:
 *
 *	static int
 *	events(struct fh_request *rq)
 *	{
 *		if (fh_sse_begin(rq, 2000) != 0 || fh_listen(rq, "orders") != 0)
 *			return 0;
 *		do {
 *			if (fh_sse_printf(rq, NULL, "count", "%u", orders()))
 *				return 0;
 *		} while (fh_wait(rq, 60000) >= 0);
 *		return 0;
 *	}
 *
 *	FH_HANDLER(.name = "events", .routes = FH_ROUTES(
 *	    { "GET", "/events", .serve = events, .async = true,
 *		.stream = true, .pool = "events" }));
 *
 * Where it runs.  In a worker, whose thread it has until it ends: give streams
 * a pool of their own, with `threads` for as many as there may be, and a
 * `max_concurrent`.  A thread that waits in fh_wait() costs no processor time.
 *
 * `.stream = true` on a route says that its replies go on as long as they may:
 * neither `timeout` nor `deadline` outside of the route's own section holds
 * for it.  With a `timeout` of its own it is told to end by then, and has
 * `kill_grace` for that.  It is told at once, too, when the host stops or has
 * newer handlers, and when its worker is to be replaced: the client comes back,
 * and is served by what is new.  Told means: fh_wait() gives ECANCELED,
 * fh_cancelled() is true, and what is still written is sent.  Only an async
 * route can be a stream.
 *
 * Back-pressure.  Each call that sends waits until there is room: for a client
 * that reads slowly a handler runs slowly, and what lies between them is about
 * `reply_space` and 64 KiB.  One that reads nothing is given up after
 * `send_timeout`.
 *
 * What ends a stream: serve() returns (0; the client sees a whole reply), or
 * the client leaves (-1/EPIPE from every call here, at once, also from one that
 * waits).  A worker that dies closes the connection in the middle of the reply,
 * and an EventSource comes back.
 *
 * HEAD.  A stream begun for a HEAD request sends its header; every call after
 * that gives -1/EPIPE, so that serve() returns.
 *
 * Memory.  fh_alloc() and its kin free nothing before serve() returns: in a
 * loop without an end use buffers of your own.
 */
#ifndef FCGI_HOST_STREAM_H
#define FCGI_HOST_STREAM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;
struct json_object;

/* ------------------------------------------------------------------ chunks */

/*
 * Begins a stream: the header leaves, and nginx is told to buffer nothing.
 * Then each fh_write(), fh_printf() and fh_flush() sends a chunk.  `type` is
 * the Content-Type; NULL leaves it as it was set.  In a sync route nothing can
 * leave before the end: there it all becomes one reply, as after fh_flush().
 * 0, or -1: EPIPE, EALREADY (a header has left), or what fh_set_header() says.
 */
int	 fh_stream_begin(struct fh_request *, int status, const char *type);

/*
 * Sleeps for `ms` milliseconds, or until there is a reason not to.  What has
 * been written is sent first, if the header has left.  In an event stream (see
 * fh_sse_begin) a comment is sent every `stream_keep_alive`, so that nobody on
 * the way takes it for dead.  A reply need not have begun: a request may wait
 * for an event and then be answered ("long polling").
 *
 * 0		the time is over
 * 1		somebody has called fh_notify() for a topic this request
 *		listens to, since it listens or since the last 1
 * -1		end now.  errno says why: EPIPE, nobody reads; ECANCELED, the
 *		host asks for it, and what is written is sent; ETIMEDOUT, the
 *		time is up
 *
 * In a sync route it must not be called: a 500 that says so.
 */
int	 fh_wait(struct fh_request *, int64_t ms);

/* -------------------------------------------------------------- JSON lines */

/*
 * One JSON value per line (jsonlines.org), each sent at once:
 *
 *	fh_stream_begin(rq, 200, FH_JSON_LINES);
 *	... fh_json_line(rq, value) ...
 *
 * fh_json_line		the value, which it takes, as fh_reply_json() does
 * fh_json_line_text	JSON that is text already: line ends in it, which can
 *			only be blanks between its parts, become blanks
 * fh_json_line_begin	a value from the calls of json.h, which come between it
 *			and fh_json_line_end
 *
 * The first one of a reply begins it, with a 200 unless another status has been
 * set.  A value that JSON cannot say breaks the reply off, as in json.h.
 */
#define FH_JSON_LINES	"application/jsonl"

int	 fh_json_line(struct fh_request *, struct json_object *);
int	 fh_json_line_text(struct fh_request *, const char *text,
	    size_t length);
int	 fh_json_line_begin(struct fh_request *);
int	 fh_json_line_end(struct fh_request *);

/* ------------------------------------------------------ server-sent events */

/*
 * Begins an event stream (WHATWG HTML, 9.2, "Server-sent events"): a 200 of
 * type text/event-stream, with Cache-Control: no-cache unless you have set
 * another.  retry_ms is how long a client should wait before it comes back
 * after the end; 0 leaves that to the client (a browser's own is some seconds).
 * In a sync route: a 500 that says how to tag it.
 */
int	 fh_sse_begin(struct fh_request *, int retry_ms);

/*
 * Sends one event.
 *
 * id		what the client names when it comes back; NULL: none
 * event	its type; NULL: "message"
 * data		a text, UTF-8, with any line ends: CR, LF and CRLF arrive as LF.
 *		NULL: only the id is set, and the client sees no event
 *
 * fh_sse_printf	the same, the data formatted
 *
 * -1/EINVAL for an id or event with CR or LF, and for an id over FH_SSE_ID_MAX
 * bytes: nothing is sent, and the log says so once.
 */
#define FH_SSE_ID_MAX	1024

int	 fh_sse(struct fh_request *, const char *id, const char *event,
	    const char *data);
int	 fh_sse_printf(struct fh_request *, const char *id, const char *event,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * The id of the last event that the client has seen, when it comes back
 * (Last-Event-ID); NULL: it is new, or says something that fh_sse() would not
 * have sent.  It is the client's word: check it.
 */
const char	*fh_sse_last_id(struct fh_request *);

/* ------------------------------------------------------------------ topics */

/*
 * A bell between the handlers of one host, whichever process they run in.  It
 * carries nothing but that it rang: what has changed is looked up where it is
 * kept.  Listen first and look then, and nothing is missed:
 *
 *	fh_listen(rq, "orders");
 *	do {
 *		... send what is new since the last look ...
 *	} while (fh_wait(rq, 60000) >= 0);
 *
 * and who changes something calls fh_notify("orders") after it has.  Many calls
 * may become one wake, and a wake may be for nothing (topics that look alike):
 * look each time.  A topic is any text; it needs no registration.
 *
 * fh_listen	from now on; a request may listen to several
 * fh_notify	may be called in any thread, for a sync and an async route, in
 *		hooks and without a request.  Costs a system call at most
 *
 * Who rings in a generation that ends is heard in the new one, and not the
 * other way round.  Nobody is heard beyond an `upgrade`, a restart of the front
 * or this machine: a limit on fh_wait() and a second look bound what that may
 * cost.
 */
int	 fh_listen(struct fh_request *, const char *topic);
void	 fh_notify(const char *topic);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_STREAM_H */
