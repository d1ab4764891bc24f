/*
 * front_capture.c - the request of a worker that crashed, kept in a file.
 *
 * Runs in: front.
 * Owns: the file while it is being written; then it is its crash report's.
 * Invariant: what cannot be kept costs a line in the log, and the reply comes
 * all the same.  No credential is kept (access_is_secret).
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "access/access.h"
#include "common/capture.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_capture.h"
#include "wire/wire_params.h"

/* The length stays, since it may be what crashes. */
void
front_capture_hide(const struct config *config, uint8_t *params,
    size_t length)
{
	const uint8_t *at = params, *end = params + length;
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1)
		if (access_is_secret(config, pair.name, pair.name_length))
			memset(params + (pair.value - params), 'x',
			    pair.value_length);
}

const uint8_t *
front_capture_mask(struct front *front, const uint8_t *params, size_t length)
{
	if (!front->config->capture_crashed)
		return params;
	if (length > front->masked_size) {
		uint8_t *grown = front_memory(front, front->masked, length);

		if (grown == NULL)
			return NULL;
		front->masked = grown;
		front->masked_size = length;
	}
	memcpy(front->masked, params, length);
	front_capture_hide(front->config, front->masked, length);
	return front->masked;
}

/* Of a request that may be answered and gone: shared memory has it still. */
static int
write_job(struct front *front, const struct shm_job *memory, int spool_fd,
    char name_out[CAPTURE_NAME_MAX], struct err *err)
{
	const struct capture_part params = {
	    .bytes = front_capture_mask(front, memory->data,
	    memory->params_length),
	    .fd = -1, .length = memory->params_length };
	const struct capture_part body = {
	    .bytes = spool_fd >= 0 ? NULL : memory->data +
	    memory->params_length + memory->identity_length,
	    .fd = spool_fd, .length = memory->body_length };

	if (params.bytes == NULL)
		return err_sys(err, "its parameters");
	return capture_write_next(front->start->crash_dir, front->pid,
	    &front->capture_count, &params, &body, name_out, err);
}

void
front_capture(const struct front_job *job, char name_out[CAPTURE_NAME_MAX])
{
	struct front *front = job->pool->front;
	const struct shm_job *memory = shm_job(front->shm,
	    job->pool->geometry->first_job + job->index);
	struct err err = { "its spooled body" };
	int fd = -1, rc = -1;

	name_out[0] = '\0';
	if (!front->config->capture_crashed || front->start->crash_dir < 0)
		return;
	if (memory->spool != 0)
		fd = front_spool_open(front, memory->spool);
	if (memory->spool == 0 || fd >= 0)
		rc = write_job(front, memory, fd, name_out, &err);
	if (rc < 0)
		log_warnx("req=%s is not captured: %s", job->request_id,
		    err.text);
	if (fd >= 0)
		close(fd);
}
