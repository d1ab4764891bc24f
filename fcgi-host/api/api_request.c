/*
 * api_request.c - one request: from its input, through its handler, to its end.
 *
 * Runs in: front, workers (one per thread), call, cgi.
 * Owns: struct fh_request.
 * Invariant: what a request was given is gone with its reset, and a usual
 * request allocates nothing on the heap.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "wire/wire_date.h"

#define SPACE_FIRST	((size_t)4 << 10)
#define SPACE_KEPT	((size_t)16 << 10)	/* a larger one goes */

struct fh_request *
api_request_create(struct api_worker *thread)
{
	struct fh_request *rq = calloc(1, sizeof(*rq));

	if (rq == NULL)
		return NULL;
	rq->thread = thread;
	rq->space_size = SPACE_FIRST;
	rq->space = malloc(SPACE_FIRST);
	if (rq->space == NULL || api_arena_init(&rq->arena) != 0) {
		free(rq->space);
		free(rq);
		return NULL;
	}
	return rq;
}

void
api_request_destroy(struct fh_request *rq)
{
	if (rq == NULL)
		return;
	api_request_reset(rq);
	api_arena_finish(&rq->arena);
	free(rq->space);
	free(rq);
}

static void
shrink_space(struct fh_request *rq)
{
	char *space = malloc(SPACE_FIRST);

	if (space == NULL)
		return;
	free(rq->space);
	rq->space = space;
	rq->space_size = SPACE_FIRST;
}

void
api_request_reset(struct fh_request *rq)
{
	if (!rq->used)
		return;
	rq->used = false;
	if (rq->mapping != NULL)
		api_body_release(rq);
	if (rq->json != NULL)
		api_json_release(rq);
	if (rq->file_fds != NULL)
		api_files_release(rq);
	if (rq->space_size > SPACE_KEPT)
		shrink_space(rq);
	api_arena_reset(&rq->arena);
}

static void
begin(struct fh_request *rq, const struct api_input *input)
{
	api_request_reset(rq);
	memset(&rq->input, 0, sizeof(*rq) - offsetof(struct fh_request, input));
	rq->used = true;
	rq->fault[0] = '\0';
	rq->input = input;
	rq->worker = &rq->thread->handlers[input->route->handler->index];
	rq->status = 200;
	rq->declared = -1;
	rq->modified = WIRE_NO_DATE;
}

/* Once per handler and thread; `error` is the errno that it left. */
static void
hint_at_sandbox(struct fh_request *rq, int error)
{
	const char *hint = rq->status < 500 || rq->worker->hinted ? NULL :
	    api_sandbox_hint(error);

	if (hint == NULL)
		return;
	rq->worker->hinted = true;
	api_log(rq, LOG_LEVEL_WARN, "%d: %s", rq->status, hint);
}

enum api_outcome
api_serve(struct fh_request *rq, const struct api_input *input,
    struct api_sink *sink, struct api_result *result_out)
{
	enum api_outcome outcome;
	int value = 0, error;

	begin(rq, input);
	rq->sink = sink;
	rq->result = result_out;
	rq->kept = result_out;
	result_out->kept_length = 0;
	errno = 0;
	api_timing_begin(rq);
	if (rq->worker->failed)
		api_fault(rq, EINVAL, "the handler could not start");
	else if (api_fields_check(rq) == 0 && api_negotiate(rq) == 0 &&
	    api_inputs_take(rq) == 0)
		value = input->route->serve(rq);
	error = errno;
	outcome = api_reply_end(rq, value);
	hint_at_sandbox(rq, error);
	api_log_end(rq);
	result_out->status = rq->status;
	result_out->body_bytes = rq->sent;
	return outcome;
}

void
api_finish(struct fh_request *rq, const struct api_input *input,
    const struct api_result *result)
{
	if (input->route->finish == NULL)
		return;
	begin(rq, input);
	rq->kept = result;
	rq->status = result->status;
	rq->fixed = true;
	input->route->finish(rq);
	api_log_end(rq);
}

/* ------------------------------------------------- for the handler */

const char *
fh_request_id(const struct fh_request *rq)
{
	return rq->input->request_id;
}

bool
fh_cancelled(const struct fh_request *rq)
{
	const struct api_input *input = rq->input;

	if (rq->broken || rq->header_only || api_told(rq))
		return true;
	return input->deadline_ns != 0 && clock_now_ns() > input->deadline_ns;
}

int64_t
fh_deadline_ms(const struct fh_request *rq)
{
	uint64_t deadline = rq->input->deadline_ns, now;

	if (deadline == 0)
		return INT64_MAX;
	now = clock_now_ns();
	return now >= deadline ? 0 :
	    (int64_t)((deadline - now) / CLOCK_NS_PER_MS);
}

int
fh_keep(struct fh_request *rq, const void *bytes, size_t length)
{
	if (length > FH_KEEP_MAX || rq->result == NULL) {
		errno = EMSGSIZE;
		return -1;
	}
	if (length > 0)
		memcpy(rq->result->kept, bytes, length);
	rq->result->kept_length = length;
	return 0;
}

const void *
fh_kept(const struct fh_request *rq, size_t *length_out)
{
	*length_out = rq->kept->kept_length;
	return *length_out == 0 ? NULL : rq->kept->kept;
}
