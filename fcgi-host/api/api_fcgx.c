/*
 * api_fcgx.c - a request as libfcgi shows it: in, out, err and envp.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: the streams, in the request's arena; libfcgi never frees them.
 * Invariant: nothing of libfcgi is called, and it never sees a descriptor.  A
 * byte put back by FCGX_UnGetChar lands in our copy, not in the body.
 *
 * libfcgi's streams call fillBuffProc at an empty buffer and emptyBuffProc at
 * a full one, at a flush and at the close.  A flush of a buffer that is full
 * to the byte looks like a full buffer; it takes effect with the next byte,
 * or at once when the reply was flushed before.
 */
#include "api/api_private.h"

#include <errno.h>
#include <fcgiapp.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_text.h"

#define IN_SIZE		4096
#define OUT_SIZE	4096
#define ERR_SIZE	1024

struct api_fcgx {
	FCGX_Request	 request;
	FCGX_Stream	 in;
	FCGX_Stream	 out;
	FCGX_Stream	 err;
	unsigned char	*out_space;	/* grows until the header is in it */
	size_t		 out_size;
	size_t		 taken;		/* of out_space: header lines */
	bool		 header_done;
	bool		 has_status;
	bool		 has_location;
	unsigned char	 in_space[IN_SIZE];
	unsigned char	 err_space[ERR_SIZE];
};

/* ------------------------------------------------- in */

static void
fill_in(FCGX_Stream *stream)
{
	struct fh_request *rq = stream->data;
	struct api_fcgx *fcgx = rq->fcgx;
	size_t length = fh_read(rq, fcgx->in_space, IN_SIZE);

	if (length == 0) {
		stream->isClosed = 1;
		return;
	}
	stream->rdNext = stream->stopUnget = fcgx->in_space;
	stream->stop = stream->wrNext = fcgx->in_space + length;
}

/* ------------------------------------------------- out */

static void
close_out(FCGX_Stream *stream, int error)
{
	if (stream->FCGI_errno == 0)
		stream->FCGI_errno = error;
	stream->isClosed = 1;
	stream->stop = stream->rdNext = stream->wrNext;
}

static void
empty_space(struct api_fcgx *fcgx)
{
	fcgx->taken = 0;
	fcgx->out.wrNext = fcgx->out_space;
	fcgx->out.stop = fcgx->out.rdNext = fcgx->out_space + fcgx->out_size;
}

static int
take_line(struct fh_request *rq, struct wire_span name, struct wire_span value)
{
	struct api_fcgx *fcgx = rq->fcgx;

	if (name.length == 6 && strncasecmp(name.at, "Status", 6) == 0)
		fcgx->has_status = true;
	if (name.length == 8 && strncasecmp(name.at, "Location", 8) == 0)
		fcgx->has_location = true;
	return api_header_put(rq, name, value, false);
}

/* 1: the header is done; 0: more is needed; -1: a fault. */
static int
take_header(struct fh_request *rq)
{
	struct api_fcgx *fcgx = rq->fcgx;
	const char *start = (const char *)fcgx->out_space;
	const char *end = (const char *)fcgx->out.wrNext;
	const char *at = start + fcgx->taken;
	struct wire_span name, value;
	int rc;

	while ((rc = wire_cgi_header_next(&at, end, &name, &value)) == 1) {
		if (take_line(rq, name, value) != 0)
			return -1;
	}
	if (rc == -1)
		return api_fault(rq, EINVAL,
		    "the header of the CGI reply is malformed");
	fcgx->taken = (size_t)(at - start);
	if (rc == 2)
		return 0;
	fcgx->header_done = true;
	rq->replied = true;
	if (fcgx->has_location && !fcgx->has_status)
		return fh_status(rq, 302);
	return 1;
}

/* The header does not fit yet: a larger space, up to the limit. */
static int
grow_space(struct fh_request *rq)
{
	struct api_fcgx *fcgx = rq->fcgx;
	size_t used = (size_t)(fcgx->out.wrNext - fcgx->out_space);
	size_t size = fcgx->out_size * 2;
	unsigned char *space;

	if (used >= rq->thread->header_limit)
		return api_fault(rq, EMSGSIZE, "the header of the CGI reply is "
		    "over %zu bytes and has no end", used);
	if ((space = api_arena_alloc(&rq->arena, size)) == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	memcpy(space, fcgx->out_space, used);
	fcgx->out_space = space;
	fcgx->out_size = size;
	fcgx->out.wrNext = space + used;
	fcgx->out.stop = fcgx->out.rdNext = space + size;
	return 0;
}

static int
push_body(struct fh_request *rq)
{
	struct api_fcgx *fcgx = rq->fcgx;
	const unsigned char *at = fcgx->out_space + fcgx->taken;
	size_t length = (size_t)(fcgx->out.wrNext - at);

	return length == 0 ? 0 : api_reply_push(rq, at, length);
}

static void
empty_out(FCGX_Stream *stream, int closes)
{
	struct fh_request *rq = stream->data;
	struct api_fcgx *fcgx = rq->fcgx;
	bool full = stream->wrNext == stream->stop;
	bool flushes = !closes && (!full || rq->flushed);
	int rc = 0;

	if (!fcgx->header_done && (rc = take_header(rq)) == 0) {
		if (full && !closes && grow_space(rq) != 0)
			close_out(stream, errno);
		return;
	}
	if (rc < 0 || push_body(rq) != 0 || (flushes && fh_flush(rq) != 0))
		close_out(stream, errno);
	else
		empty_space(fcgx);
}

/* ------------------------------------------------- err */

static void
log_lines(struct fh_request *rq, bool all)
{
	FCGX_Stream *stream = &rq->fcgx->err;
	char *start = (char *)rq->fcgx->err_space;
	char *at = start, *end = (char *)stream->wrNext, *stop;

	while ((stop = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		api_log_text(rq, LOG_LEVEL_WARN, at, (size_t)(stop - at));
		at = stop + 1;
	}
	if (at < end && (all || (at == start &&
	    end == start + ERR_SIZE))) {
		api_log_text(rq, LOG_LEVEL_WARN, at, (size_t)(end - at));
		at = end;
	}
	memmove(start, at, (size_t)(end - at));
	stream->wrNext = (unsigned char *)start + (end - at);
}

static void
empty_err(FCGX_Stream *stream, int closes)
{
	bool full = stream->wrNext == stream->stop;

	log_lines(stream->data, closes || !full);
}

/* ------------------------------------------------- envp */

static char *
put_pair(char *to, const struct fh_field *param)
{
	to = stpcpy(to, param->name);
	*to++ = '=';
	return stpcpy(to, param->value) + 1;
}

/*
 * FCGX_GetParam and getenv() take the first of a name, and the last one sent
 * counts: so they stand in reverse.
 */
static char **
make_envp(struct fh_request *rq)
{
	static const char role[] = "FCGI_ROLE=RESPONDER";
	size_t count, n = 0, size = sizeof(role);
	const struct fh_field *params = fh_params(rq, &count);
	char **envp, *to;

	for (size_t i = 0; i < count; i++)
		size += strlen(params[i].name) + params[i].length + 2;
	envp = api_arena_alloc(&rq->arena, (count + 2) * sizeof(*envp));
	to = api_arena_alloc(&rq->arena, size);
	if (envp == NULL || to == NULL)
		return NULL;
	envp[n++] = memcpy(to, role, sizeof(role));
	to += sizeof(role);
	for (size_t i = count; i-- > 0;) {
		if (strchr(params[i].name, '=') != NULL)
			continue;
		envp[n++] = to;
		to = put_pair(to, &params[i]);
	}
	envp[n] = NULL;
	return envp;
}

/* ------------------------------------------------- all of it */

static void
open_writer(FCGX_Stream *stream, struct fh_request *rq, unsigned char *space,
    size_t size, void (*empty)(FCGX_Stream *, int))
{
	stream->wrNext = space;
	stream->rdNext = stream->stop = space + size;
	stream->emptyBuffProc = empty;
	stream->data = rq;
}

static void
open_streams(struct fh_request *rq, struct api_fcgx *fcgx)
{
	fcgx->in.isReader = 1;
	fcgx->in.rdNext = fcgx->in.wrNext = fcgx->in.stop =
	    fcgx->in.stopUnget = fcgx->in_space;
	fcgx->in.fillBuffProc = fill_in;
	fcgx->in.data = rq;
	open_writer(&fcgx->out, rq, fcgx->out_space, OUT_SIZE, empty_out);
	open_writer(&fcgx->err, rq, fcgx->err_space, ERR_SIZE, empty_err);
	if (rq->sink == NULL)
		close_out(&fcgx->out, EPIPE);
}

struct FCGX_Request *
fh_fcgx(struct fh_request *rq)
{
	struct api_fcgx *fcgx = rq->fcgx;

	if (fcgx != NULL)
		return &fcgx->request;
	fcgx = api_arena_alloc(&rq->arena, sizeof(*fcgx));
	if (fcgx == NULL)
		return NULL;
	memset(fcgx, 0, offsetof(struct api_fcgx, in_space));
	fcgx->out_space = api_arena_alloc(&rq->arena, OUT_SIZE);
	fcgx->out_size = OUT_SIZE;
	fcgx->request.envp = make_envp(rq);
	if (fcgx->out_space == NULL || fcgx->request.envp == NULL)
		return NULL;
	open_streams(rq, fcgx);
	fcgx->request.requestId = 1;
	fcgx->request.role = 1;		/* FCGI_RESPONDER */
	fcgx->request.in = &fcgx->in;
	fcgx->request.out = &fcgx->out;
	fcgx->request.err = &fcgx->err;
	fcgx->request.ipcFd = -1;
	fcgx->request.listen_sock = -1;
	rq->fcgx = fcgx;
	return &fcgx->request;
}

void
api_fcgx_end(struct fh_request *rq)
{
	struct api_fcgx *fcgx = rq->fcgx;

	log_lines(rq, true);
	if (!fcgx->out.isClosed)
		empty_out(&fcgx->out, 1);
	if (fcgx->header_done || rq->fault[0] != '\0' || rq->broken)
		return;
	if (fcgx->out.wrNext > fcgx->out_space)
		api_fault(rq, EINVAL, "the CGI reply has no blank line after "
		    "its header");
}
