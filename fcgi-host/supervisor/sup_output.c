/*
 * sup_output.c - what handlers print: every line into the log, none too many.
 *
 * Runs in: supervisor.
 * Owns: the read ends of the children's stdout and stderr.
 * Invariant: a pipe is always read, so that printing never blocks a handler;
 * what is over the rate is counted and said, not kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"

#define LINE_BYTES		2048
#define LINES_PER_SECOND	100
#define DRAIN_PIECES		32	/* twice what a pipe holds */

struct sup_output {
	struct sup		*sup;
	struct sup_child	*child;		/* NULL: it is gone */
	char			 who[64];
	int			 fd;
	uv_poll_t		*poll;
	uv_timer_t		*timer;		/* to say what was left out */
	char			 line[LINE_BYTES];
	size_t			 have;
	uint64_t		 second;	/* of `lines` */
	unsigned		 lines;
	uint64_t		 suppressed;	/* bytes */
};

/* The request a single-threaded worker runs now, or "". */
static void
name_request(const struct sup_output *output, char *out, size_t size)
{
	const struct sup_child *child = output->child;
	const struct shm_geometry *geometry;
	const struct shm_pool_geometry *pool;

	out[0] = '\0';
	if (child == NULL || child->slot == SLOT_FRONT)
		return;
	geometry = child->team->generation->geometry;
	pool = &geometry->pools[shm_pool_of_worker(geometry, child->slot)];
	for (uint32_t i = 0; i < pool->replies; i++) {
		const struct shm_reply *reply = shm_reply(child->team->shm,
		    child->slot, i);

		if (atomic_load(&reply->state) != SHM_REPLY_BUSY)
			continue;
		if (out[0] != '\0') {
			out[0] = '\0';	/* several at a time: whose is it? */
			return;
		}
		snprintf(out, size, "req=%.*s ", HEAD_ID_MAX,
		    reply->request_id);
	}
}

static void
say_suppressed(struct sup_output *output)
{
	char request[HEAD_ID_MAX + 8];

	if (output->suppressed == 0)
		return;
	name_request(output, request, sizeof(request));
	log_warnx("%s %sprinted %llu bytes more than %d lines a second; left "
	    "out", output->who, request,
	    (unsigned long long)output->suppressed, LINES_PER_SECOND);
	output->suppressed = 0;
}

static void
on_timer(uv_timer_t *timer)
{
	struct sup_output *output = timer->data;

	say_suppressed(output);
}

static void
emit_line(struct sup_output *output)
{
	uint64_t second = clock_now_ms() / 1000;
	char request[HEAD_ID_MAX + 8];

	if (second != output->second) {
		output->second = second;
		output->lines = 0;
	}
	if (output->lines >= LINES_PER_SECOND) {
		if (output->suppressed == 0)
			uv_timer_start(output->timer, on_timer, 1000, 0);
		output->suppressed += output->have + 1;
	} else if (output->have > 0) {
		output->lines++;
		name_request(output, request, sizeof(request));
		log_info("%s %sprinted: %.*s", output->who, request,
		    (int)output->have, output->line);
	}
	output->have = 0;
}

static void
end_line(struct sup_output *output)
{
	if (output->child != NULL && output->have > 0)
		sup_printed_line(&output->child->printed, output->line,
		    output->have, clock_now_ms());
	emit_line(output);
}

static void
take_text(struct sup_output *output, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' || output->have == sizeof(output->line))
			end_line(output);
		if (text[i] != '\n')
			output->line[output->have++] = text[i];
	}
}

static void
destroy(struct sup_output *output)
{
	end_line(output);
	say_suppressed(output);
	if (output->child != NULL)
		output->child->output = NULL;
	sup_watch_destroy(&output->poll);
	sup_timer_destroy(&output->timer);
	close(output->fd);
	free(output);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct sup_output *output = poll->data;
	char text[65536];
	ssize_t got = read(output->fd, text, sizeof(text));

	(void)status;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		destroy(output);
	else
		take_text(output, text, (size_t)got);
}

/* A process that has been forked may print on, and must not keep us. */
void
sup_output_drain(struct sup_output *output)
{
	char text[4096];
	ssize_t got;

	for (int i = 0; output != NULL && i < DRAIN_PIECES; i++) {
		got = read(output->fd, text, sizeof(text));
		if (got <= 0)
			break;
		take_text(output, text, (size_t)got);
	}
}

struct sup_output *
sup_output_create(struct sup *sup, struct sup_child *child, const char *who,
    int fd)
{
	struct sup_output *output = calloc(1, sizeof(*output));

	if (output == NULL)
		fatal(EXIT_CODE_SYSTEM, "output of a process");
	output->sup = sup;
	output->child = child;
	output->fd = fd;
	snprintf(output->who, sizeof(output->who), "%s", who);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	output->poll = sup_watch_create(sup, fd, on_readable, output);
	output->timer = sup_timer_create(sup, output);
	return output;
}

void
sup_output_detach(struct sup_output **output)
{
	if (*output != NULL)
		(*output)->child = NULL;
	*output = NULL;
}
