/*
 * sup_stage.c - the child that looks at the handler directory and copies what
 * has changed.
 *
 * Runs in: supervisor.
 * Owns: the child until it is reaped, and the socket to it.
 * Invariant: `done` comes once or, after a cancel, never; a child that says
 * nothing for load_timeout is killed, and left behind if it does not die, so
 * that a directory that hangs is a refused reload and nothing worse.
 */
#include "supervisor/sup_stage.h"

#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/log.h"

struct sup_stage {
	uv_poll_t	 poll;
	uv_timer_t	 timer;
	unsigned	 handles;	/* not yet closed by libuv */
	int		 socket;
	pid_t		 pid;
	uint64_t	 limit_ms;
	sup_stage_found	*found;
	sup_stage_done	*done;
	void		*context;
};

static void
on_closed(uv_handle_t *handle)
{
	struct sup_stage *stage = handle->data;

	if (--stage->handles == 0)
		free(stage);
}

static void
reap(const struct sup_stage *stage)
{
	if (!child_kill(stage->pid, NULL))
		log_warnx("the handler directory: its file system does not "
		    "answer, process %d hangs in it", (int)stage->pid);
}

/* The child is of no use any more. */
static void
release(struct sup_stage *stage)
{
	reap(stage);
	uv_close((uv_handle_t *)&stage->poll, on_closed);
	uv_close((uv_handle_t *)&stage->timer, on_closed);
	close(stage->socket);
}

static void
end(struct sup_stage *stage, const char *error)
{
	sup_stage_done *done = stage->done;
	void *context = stage->context;

	release(stage);
	done(context, error);
}

static void
on_timer(uv_timer_t *timer)
{
	struct sup_stage *stage = timer->data;
	struct err err;

	err_set(&err, "the handler directory: nothing could be read of it "
	    "within load_timeout (%" PRIu64 " ms)", stage->limit_ms);
	end(stage, err.text);
}

/* The child is one of ours, but it reads what others write: texts end. */
static void
take(struct sup_stage *stage, struct sup_stage_packet *packet)
{
	struct sup_stage_file *file = &packet->file;

	packet->error.text[sizeof(packet->error.text) - 1] = '\0';
	file->reason[sizeof(file->reason) - 1] = '\0';
	file->version.name[HANDLER_FILE_MAX] = '\0';
	file->version.sha256[sizeof(file->version.sha256) - 1] = '\0';
	file->version.build_id[sizeof(file->version.build_id) - 1] = '\0';
	if (packet->last) {
		end(stage, packet->error.text[0] != '\0' ?
		    packet->error.text : NULL);
		return;
	}
	stage->found(stage->context, file);
	uv_timer_start(&stage->timer, on_timer, stage->limit_ms, 0);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct sup_stage *stage = poll->data;
	struct sup_stage_packet packet;
	ssize_t got = recv(stage->socket, &packet, sizeof(packet),
	    MSG_DONTWAIT);

	(void)status;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == (ssize_t)sizeof(packet))
		take(stage, &packet);
	else
		end(stage, "the process that copies the handlers was killed");
}

static int
fork_child(struct sup_stage *stage, const struct sup_stage_work *work,
    struct err *err)
{
	pid_t parent = getpid();
	sigset_t all, before;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "socketpair");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	stage->pid = fork();
	if (stage->pid == 0)
		sup_stage_child(work, ends[1], parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	stage->socket = ends[0];
	if (stage->pid > 0)
		return 0;
	err_sys(err, "fork");
	close(ends[0]);
	return -1;
}

static int
watch(struct sup_stage *stage, uv_loop_t *loop, struct err *err)
{
	int rc = uv_poll_init(loop, &stage->poll, stage->socket);

	if (rc < 0)
		return err_set(err, "uv_poll: %s", uv_strerror(rc));
	uv_timer_init(loop, &stage->timer);
	stage->poll.data = stage->timer.data = stage;
	stage->handles = 2;
	uv_update_time(loop);
	uv_timer_start(&stage->timer, on_timer, stage->limit_ms, 0);
	uv_poll_start(&stage->poll, UV_READABLE, on_readable);
	return 0;
}

struct sup_stage *
sup_stage_start(uv_loop_t *loop, const struct sup_stage_work *work,
    sup_stage_found *found, sup_stage_done *done, void *context,
    struct err *err)
{
	struct sup_stage *stage = calloc(1, sizeof(*stage));

	if (stage == NULL) {
		err_sys(err, "memory");
		return NULL;
	}
	stage->limit_ms = work->config->load_timeout_ms;
	stage->found = found;
	stage->done = done;
	stage->context = context;
	if (fork_child(stage, work, err) < 0) {
		free(stage);
		return NULL;
	}
	if (watch(stage, loop, err) == 0)
		return stage;
	reap(stage);
	close(stage->socket);
	free(stage);
	return NULL;
}

void
sup_stage_cancel(struct sup_stage *stage)
{
	if (stage != NULL)
		release(stage);
}

pid_t
sup_stage_pid(const struct sup_stage *stage)
{
	return stage == NULL ? 0 : stage->pid;
}
