/*
 * cli_dev_process.c - the children of `fcgi-host dev`.
 *
 * Runs in: the tools.
 * Owns: struct cli_dev_process from cli_dev_spawn() to `ended`.
 * Invariant: a child has a process group of its own, so that a Ctrl-C reaches
 * it by us alone, in order.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_dev.h"

#define SERVER_FOLDERS	":/usr/local/sbin:/usr/sbin:/sbin"

void
cli_dev_say(const char *format, ...)
{
	va_list ap;

	printf("-- ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

static void
forget(uv_handle_t *handle)
{
	struct cli_dev_process *process = handle->data;

	process->runs = false;
}

/* Only now may another be started in its place. */
static void
closed(uv_handle_t *handle)
{
	struct cli_dev_process *process = handle->data;

	process->runs = false;
	process->ended(process->dev, process->status);
	if (process->dev->ending)
		cli_dev_stop(process->dev);
}

static void
exited(uv_process_t *handle, int64_t status, int signal)
{
	struct cli_dev_process *process = handle->data;

	process->status = signal != 0 ? -1 : (int)status;
	process->over = true;
	uv_close((uv_handle_t *)handle, closed);
}

/* Servers lie where a user's PATH does not lead. */
static char **
environment(char path[4096])
{
	const char *given = getenv("PATH");

	snprintf(path, 4096, "%s" SERVER_FOLDERS, given != NULL ? given :
	    "/usr/local/bin:/usr/bin:/bin");
	setenv("PATH", path, 1);
	return environ;
}

int
cli_dev_spawn(struct cli_dev_process *process, char **argv,
    uv_alloc_cb allocate, uv_read_cb read_output)
{
	struct cli_dev *dev = process->dev;
	char path[4096];
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	const uv_process_options_t options = { .exit_cb = exited,
	    .file = argv[0], .args = argv, .env = environment(path),
	    .flags = UV_PROCESS_DETACHED, .stdio_count = 3, .stdio = stdio };
	int rc;

	if (process->error_fd > 0)
		stdio[2].data.fd = process->error_fd;
	if (read_output != NULL) {
		uv_pipe_init(&dev->loop, &process->output, 0);
		process->output.data = dev;
		stdio[2].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
		stdio[2].data.stream = (uv_stream_t *)&process->output;
	}
	process->handle.data = process;
	rc = uv_spawn(&dev->loop, &process->handle, &options);
	if (rc != 0) {
		uv_close((uv_handle_t *)&process->handle, forget);
		cli_dev_say("%s: %s", argv[0], uv_strerror(rc));
		return -1;
	}
	process->runs = true;
	process->over = false;
	if (read_output != NULL)
		uv_read_start((uv_stream_t *)&process->output, allocate,
		    read_output);
	return 0;
}

void
cli_dev_kill(struct cli_dev_process *process, int signal)
{
	if (process->runs && !process->over)
		kill(-process->handle.pid, signal);
}
