/*
 * api_sse.c - server-sent events.
 *
 * Runs in: workers, call, cgi.
 * Owns: nothing.
 * Invariant: whole events leave, or the connection breaks; nothing of a handler
 * can end a line but a line of its data.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/due.h"
#include "wire/wire_sse.h"

#define PRINTED_FIRST	1024

static void
put_comment_off(struct fh_request *rq)
{
	rq->comment_due_ns = due_after(clock_now_ns(),
	    rq->thread->set->config->stream_keep_alive_ms);
}

static int
sent(struct fh_request *rq)
{
	if (fh_flush(rq) != 0)
		return -1;
	put_comment_off(rq);
	return 0;
}

int
fh_sse_begin(struct fh_request *rq, int retry_ms)
{
	if (api_reply_open(rq) != 0)
		return -1;
	if (!rq->sink->streams)
		return api_fault(rq, EINVAL, "events cannot be sent from a "
		    "sync route: tag it .async = true, .stream = true");
	if (api_header_get(rq, "Cache-Control") == NULL &&
	    fh_set_header(rq, "Cache-Control", "no-cache") != 0)
		return -1;
	if (retry_ms > 0 && fh_printf(rq, "retry: %d\n\n", retry_ms) != 0)
		return -1;
	if (fh_stream_begin(rq, 200, "text/event-stream") != 0)
		return -1;
	rq->events = true;
	put_comment_off(rq);
	return 0;
}

int
api_sse_comment(struct fh_request *rq)
{
	if (api_reply_push(rq, ":\n\n", 3) != 0)
		return -1;
	return sent(rq);
}

/* ------------------------------------------------- an event */

static int
refuse(struct fh_request *rq, const char *what)
{
	if (!rq->event_refused)
		api_log(rq, LOG_LEVEL_WARN, "fh_sse(): the %s; such events "
		    "are not sent", what);
	rq->event_refused = true;
	errno = EINVAL;
	return -1;
}

static int
check(struct fh_request *rq, const char *id, const char *event)
{
	if (rq->sink == NULL || !rq->events)
		return api_fault(rq, EINVAL, "fh_sse() before fh_sse_begin()");
	if (id != NULL && strnlen(id, FH_SSE_ID_MAX + 1) > FH_SSE_ID_MAX)
		return refuse(rq, "id is too long");
	if (id != NULL && !wire_sse_is_value(id, strlen(id)))
		return refuse(rq, "id has a line end");
	if (event != NULL && !wire_sse_is_value(event, strlen(event)))
		return refuse(rq, "event's name has a line end");
	return 0;
}

static int
push_field(struct fh_request *rq, struct wire_span name,
    struct wire_span value)
{
	if (api_reply_push(rq, name.at, name.length) != 0 ||
	    api_reply_push(rq, ": ", 2) != 0 ||
	    api_reply_push(rq, value.at, value.length) != 0)
		return -1;
	return api_reply_push(rq, "\n", 1);
}

static int
send_event(struct fh_request *rq, const char *id, const char *event,
    const char *data, size_t length)
{
	struct wire_sse fields = { .id = id, .event = event, .data = data,
	    .data_length = length };
	struct wire_span name, value;

	if (check(rq, id, event) != 0)
		return -1;
	while (wire_sse_next(&fields, &name, &value) != 0)
		if (push_field(rq, name, value) != 0)
			return -1;
	if (api_reply_push(rq, "\n", 1) != 0)
		return -1;
	return sent(rq);
}

int
fh_sse(struct fh_request *rq, const char *id, const char *event,
    const char *data)
{
	return send_event(rq, id, event, data,
	    data == NULL ? 0 : strlen(data));
}

/* Not in the request's memory: a stream may go on for days. */
static int __attribute__((format(printf, 4, 0)))
print_aside(struct fh_request *rq, const char *id, const char *event,
    const char *format, va_list ap, size_t length)
{
	char *text = malloc(length + 1);
	int rc;

	if (text == NULL)
		return api_fault(rq, ENOMEM, "out of memory for an event");
	vsnprintf(text, length + 1, format, ap);
	rc = send_event(rq, id, event, text, length);
	free(text);
	return rc;
}

int
fh_sse_printf(struct fh_request *rq, const char *id, const char *event,
    const char *format, ...)
{
	char text[PRINTED_FIRST];
	va_list ap, again;
	int length, rc = -1;

	va_start(ap, format);
	va_copy(again, ap);
	length = vsnprintf(text, sizeof(text), format, ap);
	if (length >= 0 && (size_t)length < sizeof(text))
		rc = send_event(rq, id, event, text, (size_t)length);
	else if (length >= 0)
		rc = print_aside(rq, id, event, format, again,
		    (size_t)length);
	va_end(again);
	va_end(ap);
	return rc;
}

const char *
fh_sse_last_id(struct fh_request *rq)
{
	const char *id = fh_header(rq, "Last-Event-ID");

	if (id == NULL || id[0] == '\0' || strnlen(id, FH_SSE_ID_MAX + 1) >
	    FH_SSE_ID_MAX || !wire_sse_is_value(id, strlen(id)))
		return NULL;
	return id;
}
