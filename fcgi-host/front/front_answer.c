/*
 * front_answer.c - what the host itself answers: whole, well-formed replies.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: a refusal is an ordinary reply with Status, so that the web server
 * passes it on: FCGI_OVERLOADED or a closed connection would become a 502.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "front/front.h"

#define URI_SHOWN	2048	/* bytes of one in the log */

/* Overload, wrong paths and wrong keys come in floods; they are counted, not
 * told. */
static enum log_level
level_of(int status)
{
	return status < 400 || status == 401 || status == 403 ||
	    status == 404 || status == 405 || status == 429 ||
	    status == 503 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
}

static size_t
no_content(char *out, size_t size, int status, const char *extra)
{
	return (size_t)snprintf(out, size, "Status: %d %s\r\n%s\r\n", status,
	    wire_status_title(status), extra);
}

static void
log_answer(const struct front_request *request, int status,
    const char *detail)
{
	char uri[URI_SHOWN];

	wire_show_uri(uri, sizeof(uri), request->head.uri,
	    request->front->config->log_query);
	log_line(level_of(status), "req=%s uri=\"%s\" %d %s",
	    request->request_id, uri, status, detail);
}

void
front_answer(struct front_request *request, int status, const char *extra,
    const char *format, ...)
{
	struct front_conn *conn = request->conn;
	char text[API_PROBLEM_MAX + CONFIG_CORS_ROOM], detail[512];
	size_t length;
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	request->result.status = status;
	request->refused = (status == 503 || request->front->ending) &&
	    !request->poison && !request->killed;
	if (!wire_status_has_body(status))
		length = no_content(text, sizeof(text), status, extra);
	else
		length = api_problem(text, sizeof(text), status,
		    request->request_id, head_has_no_body(&request->head),
		    extra, "%s", detail);
	if (log_enabled(level_of(status)))
		log_answer(request, status, detail);
	if (front_output_stdout(conn, request->id, text, length, NULL, 0) < 0)
		front_conn_close(conn);
	else
		front_request_replied(request);
}

/* The client is told to come back when the queue should have moved on. */
static unsigned
retry_after(const struct front_request *request)
{
	const struct front_pool *pool = &request->front->pools[
	    request->match.route->pool];
	uint64_t seconds = pool->config->queue_timeout_ms / 1000;

	return seconds < 1 ? 1 : seconds > 60 ? 60 : (unsigned)seconds;
}

void
front_refuse(struct front_request *request, enum shm_refusal refusal)
{
	static const char *const reasons[SHM_REFUSALS] = {
		[SHM_REFUSED_QUEUE_FULL] = "The queue of its pool is full.",
		[SHM_REFUSED_ROUTE_FULL] =
		    "As many requests of this route run as may.",
		[SHM_REFUSED_QUEUE_TIMEOUT] =
		    "It was not begun within queue_timeout and its deadline.",
		[SHM_REFUSED_STOPPING] = "The service is stopping.",
		[SHM_REFUSED_CLIENT_FULL] =
		    "As many requests of this client run or wait as may.",
	};
	bool updated = refusal == SHM_REFUSED_STOPPING &&
	    !request->front->stopping;
	char extra[64];

	front_count(&front_route_stats(request)->refused[refusal], 1);
	snprintf(extra, sizeof(extra), "Retry-After: %u\r\n",
	    retry_after(request));
	front_answer(request, 503, extra, "%s", updated ? "The service was "
	    "updated, and did not wait for this request any longer." :
	    reasons[refusal]);
}
