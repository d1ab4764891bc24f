/*
 * api_log.c - log lines that say which request, route and handler they are of.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: what a handler logs for one request is bounded; what was
 * suppressed is counted and said once.
 */
#include "api/api_private.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX	3072

static enum log_level
level_of(enum fh_log_level level)
{
	if ((int)level <= (int)FH_LOG_ERROR)
		return LOG_LEVEL_ERROR;
	if ((int)level >= (int)FH_LOG_DEBUG)
		return LOG_LEVEL_DEBUG;
	return (enum log_level)level;
}

static void
emit(const struct fh_request *rq, enum log_level level, const char *text)
{
	const struct route *route = rq->input->route;

	log_line(level, "req=%s route=\"%s\" handler=%s %s",
	    rq->input->request_id, route->label, route->handler->name, text);
}

void
api_log(const struct fh_request *rq, enum log_level level, const char *format,
    ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	emit(rq, level, text);
}

/* May this handler log `length` bytes more?  Counts them either way. */
static bool
may_log(struct fh_request *rq, size_t length)
{
	if (rq->log_lines < API_LOG_LINES &&
	    rq->log_bytes + length <= API_LOG_BYTES) {
		rq->log_lines++;
		rq->log_bytes += (uint32_t)length;
		return true;
	}
	rq->log_lines = API_LOG_LINES;
	rq->lost_lines++;
	rq->lost_bytes += length;
	return false;
}

void
api_log_text(struct fh_request *rq, enum log_level level, const char *text,
    size_t length)
{
	char line[TEXT_MAX];

	while (length > 0 && text[length - 1] == '\n')
		length--;
	if (!log_enabled(level) || !may_log(rq, length))
		return;
	snprintf(line, sizeof(line), "%.*s",
	    (int)(length < sizeof(line) ? length : sizeof(line)), text);
	emit(rq, level, line);
}

void
api_log_end(struct fh_request *rq)
{
	if (rq->lost_lines == 0)
		return;
	api_log(rq, LOG_LEVEL_WARN, "%llu more lines (%llu bytes) "
	    "suppressed", (unsigned long long)rq->lost_lines,
	    (unsigned long long)rq->lost_bytes);
	rq->lost_lines = 0;
	rq->lost_bytes = 0;
}

void
fh_log(struct fh_request *rq, enum fh_log_level wanted, const char *format, ...)
{
	enum log_level level = level_of(wanted);
	char text[TEXT_MAX];
	size_t length;
	va_list ap;
	int need;

	if (!log_enabled(level))
		return;
	va_start(ap, format);
	need = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (need < 0)
		return;
	length = (size_t)need < sizeof(text) ? (size_t)need :
	    sizeof(text) - 1;
	api_log_text(rq, level, text, length);
}

static void __attribute__((format(printf, 3, 0)))
log_outside(const struct handler *handler, enum fh_log_level wanted,
    const char *format, va_list ap)
{
	char text[TEXT_MAX];
	size_t length;

	if (!log_enabled(level_of(wanted)))
		return;
	vsnprintf(text, sizeof(text), format, ap);
	length = strlen(text);
	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	if (handler == NULL || handler->name == NULL)
		log_line(level_of(wanted), "%s", text);
	else
		log_line(level_of(wanted), "handler=%s %s", handler->name,
		    text);
}

void
fh_host_log(const struct fh_host *host, enum fh_log_level level,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_outside(host == NULL ? NULL : host->handler, level, format, ap);
	va_end(ap);
}

void
fh_worker_log(const struct fh_worker *worker, enum fh_log_level level,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_outside(worker == NULL ? NULL : worker->handler, level, format,
	    ap);
	va_end(ap);
}
