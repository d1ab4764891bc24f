/*
 * front_capture.c - the request of a worker that crashed, kept in a file.
 *
 * Runs in: front.
 * Owns: the file while it is being written; then it is its crash report's.
 * Invariant: what cannot be kept costs a line in the log, and the reply comes
 * all the same.
 */
#include <fcntl.h>
#include <unistd.h>

#include "common/capture.h"
#include "common/log.h"
#include "front/front.h"

/* Of a request that may be answered and gone: shared memory has it still. */
static int
write_job(struct front *front, const struct shm_job *memory, int spool_fd,
    char name_out[CAPTURE_NAME_MAX], struct err *err)
{
	const struct capture_part params = { .bytes = memory->data, .fd = -1,
	    .length = memory->params_length };
	const struct capture_part body = {
	    .bytes = spool_fd >= 0 ? NULL : memory->data +
	    memory->params_length,
	    .fd = spool_fd, .length = memory->body_length };

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
