/*
 * child.c - what every process of ours does when it begins.
 *
 * Runs in: loader, zygote, front, worker, each right after its fork.
 * Owns: nothing.
 * Invariant: after child_begin the process dies with its parent, has default
 * signal actions and an empty signal mask.
 */
#include "common/child.h"

#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static void
reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a file that is too large fails */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
child_begin(const char *role, pid_t parent)
{
	char name[16];

	reset_signals();
	snprintf(name, sizeof(name), "fh-%s", role);
	prctl(PR_SET_NAME, name);
	log_init(role);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fatal(EXIT_CODE_SYSTEM, "prctl(PR_SET_PDEATHSIG)");
	if (getppid() != parent)
		_exit(EXIT_CODE_SYSTEM);
}

static int
compare_ints(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return (left > right) - (left < right);
}

void
child_close_others(const int *keep, size_t count)
{
	int *sorted = calloc(count + 1, sizeof(*sorted));
	size_t kept = 0;
	unsigned first = STDERR_FILENO + 1;

	if (sorted == NULL)
		fatal(EXIT_CODE_SYSTEM, "closing descriptors");
	for (size_t i = 0; i < count; i++)
		if (keep[i] >= (int)first)
			sorted[kept++] = keep[i];
	qsort(sorted, kept, sizeof(sorted[0]), compare_ints);
	for (size_t i = 0; i < kept; i++) {
		if ((unsigned)sorted[i] > first)
			close_range(first, (unsigned)sorted[i] - 1, 0);
		first = (unsigned)sorted[i] + 1;
	}
	close_range(first, ~0U, 0);
	free(sorted);
}

void
child_redirect(int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		fatal(EXIT_CODE_SYSTEM, "redirecting stdin, stdout and stderr");
	close(null);
}

/* Where this cannot be watched, it is waited for. */
static bool
dies(pid_t pid)
{
	struct pollfd death = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int rc;

	if (death.fd < 0)
		return true;
	do {
		rc = poll(&death, 1, CHILD_DEATH_MS);
	} while (rc < 0 && errno == EINTR);
	close(death.fd);
	return rc != 0;
}

bool
child_kill(pid_t pid, int *status_out)
{
	kill(pid, SIGKILL);
	if (!dies(pid))
		return false;
	while (waitpid(pid, status_out, 0) < 0 && errno == EINTR)
		;
	return true;
}

void
child_signal_name(int number, char *out, size_t size)
{
	const char *name = sigabbrev_np(number);

	if (name != NULL)
		snprintf(out, size, "SIG%s", name);
	else
		snprintf(out, size, "signal %d", number);
}

void
child_describe_end(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "exited with status %d",
		    WEXITSTATUS(status));
}

/* Where it is forbidden there is no harm done. */
void
child_volunteer_for_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1000", 4) != 4)
		log_debug("oom_score_adj stays as it is: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

int
child_drop_privileges(const struct config *config, struct err *err)
{
	const struct passwd *user;
	const struct group *group;
	gid_t gid;

	if (config->user == NULL || geteuid() != 0)
		return 0;
	errno = 0;
	if ((user = getpwnam(config->user)) == NULL)
		return err_set(err, "user: no user \"%s\"", config->user);
	gid = user->pw_gid;
	if (config->group != NULL) {
		if ((group = getgrnam(config->group)) == NULL)
			return err_set(err, "group: no group \"%s\"",
			    config->group);
		gid = group->gr_gid;
	}
	if (initgroups(user->pw_name, gid) < 0 ||
	    setresgid(gid, gid, gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return err_sys(err, "becoming user \"%s\"", config->user);
	return 0;
}
