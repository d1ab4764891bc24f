/*
 * api_reply.c - the status, whole replies, and the end of a reply.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: whatever a handler does, the client gets a whole reply, or a
 * connection that says by closing that it did not.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>

#include "wire/wire_text.h"

int
api_reply_open(const struct fh_request *rq)
{
	if (rq->sink != NULL && !rq->fixed)
		return 0;
	errno = EALREADY;
	return -1;
}

int
fh_status(struct fh_request *rq, int status)
{
	if (api_reply_open(rq) != 0)
		return -1;
	if (status < 100 || status > 599)
		return api_fault(rq, EINVAL, "the status %d is not in "
		    "100..599", status);
	rq->status = status;
	rq->replied = true;
	return 0;
}

int
fh_reply_status(const struct fh_request *rq)
{
	return rq->status;
}

/* ------------------------------------------------- whole replies */

int
api_reply_begin(struct fh_request *rq, int status, const char *type)
{
	if (fh_status(rq, status) != 0)
		return -1;
	rq->content_type = type;
	rq->json_out.state = API_JSON_NONE;
	rq->rows.format = API_ROWS_NONE;
	rq->collected = 0;
	rq->written = 0;
	rq->declared = -1;
	return 0;
}

/* The length is known even if not all of it fits into the space. */
int
api_reply_whole(struct fh_request *rq, int status, const char *type,
    const void *bytes, size_t length)
{
	if (api_reply_open(rq) == 0 && api_condition_is_due(rq, status) &&
	    fh_precondition(rq) != 0)
		return api_reply_state(rq);
	if (api_reply_begin(rq, status, type) != 0)
		return -1;
	if (length > rq->sink->space)
		rq->declared = (int64_t)length;
	return api_reply_push(rq, bytes, length);
}

int
fh_reply_text(struct fh_request *rq, int status, const char *text)
{
	return api_reply_whole(rq, status, "text/plain; charset=utf-8", text,
	    strlen(text));
}

int
fh_reply_bytes(struct fh_request *rq, int status, const char *type,
    const void *bytes, size_t length)
{
	if (type != NULL) {
		if (fh_set_header(rq, "Content-Type", type) != 0)
			return -1;
		type = rq->content_type;
	}
	return api_reply_whole(rq, status, type, bytes, length);
}

/* nginx decodes the path it is given. */
static char *
encode_path(struct fh_request *rq, const char *path)
{
	size_t length = strlen(path);
	char *out = api_arena_alloc(&rq->arena, 3 * length + 1);

	if (out != NULL)
		out[wire_percent_encode(out, path, length,
		    "!\"$&'()*+,-./:;<=>@[\\]^_`{|}~")] = '\0';
	return out;
}

int
fh_reply_file(struct fh_request *rq, const char *internal_path)
{
	const char *type = rq->content_type;
	char *path;

	if (api_reply_open(rq) != 0)
		return -1;
	if (api_condition_is_due(rq, 200) && fh_precondition(rq) != 0)
		return api_reply_state(rq);
	if (internal_path[0] != '/')
		return api_fault(rq, EINVAL, "the file's path \"%.128s\" does "
		    "not begin with '/'", internal_path);
	if ((path = encode_path(rq, internal_path)) == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	if (fh_set_header(rq, "X-Accel-Redirect", path) != 0)
		return -1;
	return api_reply_whole(rq, 200, type, "", 0);
}

/* ------------------------------------------------- the end */

/* A handler that gives up because it was to has done nothing wrong, and
 * somebody may read the reply: a host that ends waits for it. */
static void
returned(struct fh_request *rq, int value)
{
	bool alone = fh_cancelled(rq);

	api_log(rq, alone ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    "serve() returned %d%s", value, alone ? ", cancelled" : "");
	if (rq->fault[0] == '\0')
		strcpy(rq->fault, api_told(rq) ? "the handler was stopped" :
		    "the handler failed");
}

static bool
is_short(const struct fh_request *rq)
{
	return rq->declared >= 0 && wire_status_has_body(rq->status) &&
	    !rq->input->head_only && rq->written < (uint64_t)rq->declared;
}

static void
check_whole(struct fh_request *rq)
{
	if (!rq->replied)
		api_fault(rq, EINVAL, "the handler replied nothing");
	else if (rq->rows.format != API_ROWS_NONE && !rq->broken)
		api_json_misuse(rq, "fh_rows_begin",
		    "fh_rows_end() has not been called");
	else if (rq->json_out.state == API_JSON_OPEN && !rq->broken)
		api_json_misuse(rq, "fh_json_begin",
		    "fh_json_end() has not been called");
	else if (!rq->broken && is_short(rq))
		api_fault(rq, EINVAL, "the body has %llu bytes of the "
		    "Content-Length of %lld",
		    (unsigned long long)rq->written,
		    (long long)rq->declared);
}

static void
send_rest(struct fh_request *rq)
{
	size_t collected = rq->collected;

	rq->collected = 0;
	if (rq->left && collected == 0)
		return;
	api_send(rq, rq->space, collected, true);
}

enum api_outcome
api_reply_end(struct fh_request *rq, int value)
{
	bool stopped = value != 0 && api_told(rq);

	if (rq->fcgx != NULL)
		api_fcgx_end(rq);
	if (value != 0)
		returned(rq, value);
	else if (rq->fault[0] == '\0')
		check_whole(rq);
	if (rq->fault[0] == '\0' && !rq->broken)
		api_responses_check(rq);
	if (rq->fault[0] == '\0' || (rq->left && value == 0))
		send_rest(rq);
	if (rq->fault[0] != '\0' && !rq->left) {
		api_reply_problem(rq, stopped ? 503 : 500);
		send_rest(rq);
	}
	return rq->broken || rq->fault[0] != '\0' ? API_BROKEN : API_DONE;
}
