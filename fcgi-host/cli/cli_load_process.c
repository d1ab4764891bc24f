/*
 * cli_load_process.c - the children of `fcgi-host load`.
 *
 * Runs in: the tools.
 * Owns: nothing; a pid is its caller's.
 * Invariant: none of them outlives us: each is told to end when we die.
 */
#include "cli/cli_load.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERVER_FOLDERS	":/usr/local/sbin:/usr/sbin:/sbin"
#define STEP_MS		20

static volatile sig_atomic_t interrupted;

static void
note_signal(int number)
{
	(void)number;
	interrupted = 1;
}

bool
cli_load_is_interrupted(void)
{
	return interrupted != 0;
}

/* No SA_RESTART: who waits looks at once. */
void
cli_load_catch_signals(void)
{
	const struct sigaction action = { .sa_handler = note_signal };
	char path[4096];

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	snprintf(path, sizeof(path), "%s" SERVER_FOLDERS,
	    getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin:/bin");
	setenv("PATH", path, 1);
}

uint64_t
cli_load_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void
cli_load_wait_ms(unsigned ms)
{
	const struct timespec wait = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&wait, NULL);
}

bool
cli_load_is_installed(const char *name)
{
	char *paths = strdup(getenv("PATH")), *rest = paths, *folder;
	bool found = false;
	char file[PATH_MAX];

	while (rest != NULL && !found && (folder = strsep(&rest, ":")) !=
	    NULL) {
		snprintf(file, sizeof(file), "%s/%s", folder, name);
		found = access(file, X_OK) == 0;
	}
	free(paths);
	return found;
}

/* ------------------------------------------------------------ to and fro */

/* A generator of a thousand users has several descriptors for each. */
static void
lift_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void
become(char *const argv[], int output, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	lift_limits();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	if (null > STDERR_FILENO)
		close(null);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t
cli_load_spawn(char *const argv[], const char *output, struct err *err)
{
	int fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0644);
	pid_t parent = getpid(), pid;

	if (fd < 0)
		return err_sys(err, "%s", output);
	pid = fork();
	if (pid == 0)
		become(argv, fd, parent);
	close(fd);
	if (pid < 0)
		return err_sys(err, "fork");
	return pid;
}

bool
cli_load_has_ended(pid_t *pid, int *status_out)
{
	if (*pid <= 0)
		return true;
	if (waitpid(*pid, status_out, WNOHANG) != *pid)
		return false;
	*pid = 0;
	return true;
}

void
cli_load_stop(pid_t *pid, int signal, unsigned patience_ms)
{
	int status;

	if (*pid <= 0)
		return;
	kill(*pid, signal);
	for (unsigned waited = 0; waited < patience_ms; waited += STEP_MS) {
		if (cli_load_has_ended(pid, &status))
			return;
		cli_load_wait_ms(STEP_MS);
	}
	kill(-*pid, SIGKILL);
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}

int
cli_load_do(char *const argv[], const char *output, struct err *err)
{
	pid_t pid = cli_load_spawn(argv, output, err);
	int status = 0;

	if (pid < 0)
		return -1;
	while (!cli_load_has_ended(&pid, &status)) {
		if (cli_load_is_interrupted()) {
			cli_load_stop(&pid, SIGTERM, 1000);
			return err_set(err, "interrupted");
		}
		cli_load_wait_ms(STEP_MS);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void
cli_load_last_line(const char *path, char *out, size_t size)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	out[0] = '\0';
	while (in != NULL && getline(&line, &room, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[strspn(line, " \t")] != '\0')
			snprintf(out, size, "%s", line);
	}
	free(line);
	if (in != NULL)
		fclose(in);
}
