/*
 * sup_loader.c - one process per model that has to be loaded.
 *
 * Runs in: supervisor.
 * Owns: the loader process until it is reaped, and the model's descriptor
 * until the callback.
 * Invariant: the callback comes once or, after a cancel, never; the process is
 * reaped in either case, and waiting for it blocks nothing.
 */
#include "supervisor/sup_loader.h"

#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "supervisor/sup_loader_child.h"

/* A killed process that hangs in the kernel (a dead network file system) is
 * not waited for longer than this. */
#define REAP_PATIENCE_MS	2000

enum loader_state {
	LOADER_RUNNING,
	LOADER_LOADED,		/* image and fd are good */
	LOADER_FAILED		/* error says why */
};

enum { HANDLE_TIMER, HANDLE_SOCKET, HANDLE_DEATH, HANDLES };

struct sup_loader {
	uv_timer_t		 timer;
	uv_poll_t		 on_socket;
	uv_poll_t		 on_death;
	unsigned int		 handles;	/* of these, in this order */
	int			 socket;
	int			 death;		/* pidfd */
	pid_t			 pid;
	const struct config_model *model;
	uint64_t		 address;
	sup_loader_done		*done;		/* NULL: called, or cancelled */
	void			*context;
	enum loader_state	 state;
	struct model_image	 image;
	int			 fd;
	struct err		 error;
};

/* ------------------------------------------------------------ the end of it */

static void
handle_closed(uv_handle_t *handle)
{
	struct sup_loader *loader = handle->data;

	if (--loader->handles == 0)
		free(loader);
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The process is gone. */
static void
release(struct sup_loader *loader)
{
	uv_handle_t *handles[HANDLES] = {
		[HANDLE_TIMER] = (uv_handle_t *)&loader->timer,
		[HANDLE_SOCKET] = (uv_handle_t *)&loader->on_socket,
		[HANDLE_DEATH] = (uv_handle_t *)&loader->on_death
	};
	unsigned int count = loader->handles;

	for (unsigned int i = 0; i < count; i++)
		uv_close(handles[i], handle_closed);
	close_if_open(loader->socket);
	close_if_open(loader->death);
	close_if_open(loader->fd);
	if (count == 0)
		free(loader);
}

static void
deliver(struct sup_loader *loader)
{
	sup_loader_done *done = loader->done;
	int fd = loader->fd;

	if (done == NULL)
		return;
	loader->done = NULL;
	loader->fd = -1;
	if (loader->state == LOADER_LOADED)
		done(loader->context, &loader->image, fd, NULL);
	else
		done(loader->context, NULL, -1, loader->error.text);
}

static void
kill_and_reap(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ------------------------------------------------------------- its result */

static void
fail(struct sup_loader *loader, const char *why)
{
	loader->state = LOADER_FAILED;
	err_set(&loader->error, "model \"%s\": %s", loader->model->name, why);
}

/* It may say anything, so only what was asked for is taken. */
static int
check_result(const struct sup_loader *loader, const struct model_image *image,
    const int *fds, size_t count, struct err *err)
{
	const struct config_model *model = loader->model;
	size_t expected = model->kind == CONFIG_MODEL_PRELOAD ? 0 : 1;

	if (count != expected)
		return err_set(err, "%zu descriptors, not %zu", count,
		    expected);
	if (strncmp(image->name, model->name, sizeof(image->name)) != 0 ||
	    image->kind != (uint32_t)model->kind ||
	    image->address != loader->address)
		return err_set(err, "it is not the model asked for");
	return model_verify(image, count > 0 ? fds[0] : -1, err);
}

static void
take_result(struct sup_loader *loader, struct loader_result *result,
    int *fds, size_t count)
{
	struct err why = { "" };

	result->error.text[sizeof(result->error.text) - 1] = '\0';
	if (!result->loaded) {
		loader->state = LOADER_FAILED;
		loader->error = result->error;
		return;
	}
	if (check_result(loader, &result->image, fds, count, &why) != 0) {
		loader->state = LOADER_FAILED;
		err_set(&loader->error, "model \"%s\": what the loader sent "
		    "was refused: %s", loader->model->name, why.text);
		return;
	}
	loader->state = LOADER_LOADED;
	loader->image = result->image;
	if (count > 0) {
		loader->fd = fds[0];
		fds[0] = -1;
	}
}

/* False: nothing there, and nothing will come (or not yet). */
static bool
receive(struct sup_loader *loader, bool *more_out)
{
	struct loader_result result;
	struct iovec piece = { &result, sizeof(result) };
	union {
		char	bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} space;
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = space.bytes, .msg_controllen = sizeof(space) };
	int fds[CHANNEL_FDS_MAX];
	size_t count;
	ssize_t got;

	got = recvmsg(loader->socket, &packet,
	    MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	*more_out = got < 0 && (errno == EAGAIN || errno == EINTR);
	if (got < 0)
		return false;
	count = channel_take_descriptors(&packet, fds);
	if (got == 0 && count == 0)
		return false;
	if (got == (ssize_t)sizeof(result) &&
	    (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		take_result(loader, &result, fds, count);
	else
		fail(loader, "the loader sent something odd");
	for (size_t i = 0; i < count; i++)
		close_if_open(fds[i]);
	return true;
}

/* -------------------------------------------------------------- the events */

static void	time_is_up(uv_timer_t *);

/* Its work is over, one way or the other: only its death is waited for. */
static void
stop_process(struct sup_loader *loader)
{
	uv_poll_stop(&loader->on_socket);
	(void)pidfd_send_signal(loader->death, SIGKILL, NULL, 0);
	uv_timer_start(&loader->timer, time_is_up, REAP_PATIENCE_MS, 0);
}

static void
time_is_up(uv_timer_t *timer)
{
	struct sup_loader *loader = timer->data;

	if (loader->state != LOADER_RUNNING) {
		deliver(loader);	/* without the funeral */
		return;
	}
	loader->state = LOADER_FAILED;
	err_set(&loader->error, "model \"%s\": took longer than load_timeout "
	    "(%" PRIu64 " ms)", loader->model->name,
	    loader->model->load_timeout_ms);
	stop_process(loader);
}

static void
socket_ready(uv_poll_t *poll, int status, int events)
{
	struct sup_loader *loader = poll->data;
	bool more = false;

	(void)status;
	(void)events;
	if (receive(loader, &more))
		stop_process(loader);
	else if (!more)
		uv_poll_stop(poll);	/* end-of-file: its death follows */
}

static void
describe_death(struct sup_loader *loader, bool known, int status)
{
	const char *name = loader->model->name;

	loader->state = LOADER_FAILED;
	if (known && WIFSIGNALED(status))
		err_set(&loader->error, "model \"%s\": loader killed by signal "
		    "%d (%s)", name, WTERMSIG(status),
		    WTERMSIG(status) == SIGKILL ? "out of memory?" :
		    strsignal(WTERMSIG(status)));
	else if (known)
		err_set(&loader->error, "model \"%s\": loader exited with "
		    "status %d and no result", name, WEXITSTATUS(status));
	else
		err_set(&loader->error, "model \"%s\": loader ended with no "
		    "result", name);
}

static void
process_died(uv_poll_t *poll, int poll_status, int events)
{
	struct sup_loader *loader = poll->data;
	int status = 0;
	bool known, more;
	pid_t got;

	(void)poll_status;
	(void)events;
	got = waitpid(loader->pid, &status, WNOHANG);
	if (got == 0)
		return;
	known = got == loader->pid;
	if (loader->done != NULL && loader->state == LOADER_RUNNING &&
	    !receive(loader, &more))
		describe_death(loader, known, status);
	deliver(loader);
	release(loader);
}

/* --------------------------------------------------------------- its start */

static int
fork_loader(struct sup_loader *loader, const struct config *config,
    const struct sup_loader_source *source, struct err *err)
{
	pid_t parent = getpid();
	sigset_t all, before;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_sys(err, "socketpair");
	loader->socket = ends[0];
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	loader->pid = fork();
	if (loader->pid == 0)
		sup_loader_child(config, loader->model, source,
		    loader->address, ends[1], parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (loader->pid < 0)
		return err_sys(err, "fork");
	loader->death = pidfd_open(loader->pid, 0);
	if (loader->death < 0)
		return err_sys(err, "pidfd_open");
	return 0;
}

static int
watch(uv_loop_t *loop, struct sup_loader *loader, uv_poll_t *poll, int fd,
    uv_poll_cb callback, struct err *err)
{
	int rc = uv_poll_init(loop, poll, fd);

	if (rc == 0) {
		poll->data = loader;
		loader->handles++;
		rc = uv_poll_start(poll, UV_READABLE, callback);
	}
	return rc == 0 ? 0 : err_set(err, "uv_poll: %s", uv_strerror(rc));
}

static int
watch_all(uv_loop_t *loop, struct sup_loader *loader, struct err *err)
{
	uv_timer_init(loop, &loader->timer);
	loader->timer.data = loader;
	loader->handles = 1;
	if (watch(loop, loader, &loader->on_socket, loader->socket,
	    socket_ready, err) != 0 ||
	    watch(loop, loader, &loader->on_death, loader->death,
	    process_died, err) != 0)
		return -1;
	if (loader->model->load_timeout_ms != CONFIG_NEVER)
		uv_timer_start(&loader->timer, time_is_up,
		    loader->model->load_timeout_ms, 0);
	return 0;
}

struct sup_loader *
sup_loader_start(uv_loop_t *loop, const struct config *config,
    const struct config_model *model, const struct sup_loader_source *source,
    uint64_t address, sup_loader_done *done, void *context, struct err *err)
{
	struct sup_loader *loader = calloc(1, sizeof(*loader));
	struct err why = { "" };

	if (loader == NULL) {
		err_sys(err, "model \"%s\"", model->name);
		return NULL;
	}
	loader->socket = loader->death = loader->fd = -1;
	loader->model = model;
	loader->address = address;
	loader->done = done;
	loader->context = context;
	uv_update_time(loop);	/* or the timeout starts before the fork */
	if (fork_loader(loader, config, source, &why) == 0 &&
	    watch_all(loop, loader, &why) == 0)
		return loader;
	err_set(err, "model \"%s\": starting a loader: %s", model->name,
	    why.text);
	kill_and_reap(loader->pid);
	release(loader);
	return NULL;
}

void
sup_loader_cancel(struct sup_loader *loader)
{
	if (loader == NULL)
		return;
	loader->done = NULL;
	if (loader->state == LOADER_RUNNING)
		loader->state = LOADER_FAILED;
	stop_process(loader);
}

pid_t
sup_loader_pid(const struct sup_loader *loader)
{
	return loader == NULL ? 0 : loader->pid;
}
