/*
 * sup_guard.c - an old host that stays for those who know it by its process id.
 *
 * Runs in: supervisor, after it has handed over, where no service manager was
 * told of its successor: it passes signals on, waits, and ends as that does.
 * Owns: nothing but its process id.
 * Invariant: there is at most one such process, however many upgrades follow:
 * the orphans of later ones are its children (PR_SET_CHILD_SUBREAPER).  Signals
 * go to a host that has not ended; one that came too late for a host to pass it
 * on has ended that host, and is sent again.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"

#define NAME_LOOKS	100
#define NAME_LOOK_US	10000

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };

static bool
is_supervisor(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(name, sizeof(name), file) == NULL)
		name[0] = '\0';
	fclose(file);
	return strcmp(name, "fh-supervisor\n") == 0;
}

/* A host that has upgraded itself has left its successor to us; 0: none. */
static pid_t
find_successor(void)
{
	char path[64];
	FILE *file;
	int pid;
	pid_t found = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
	    (int)getpid());
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (fscanf(file, "%d", &pid) == 1)
		if (is_supervisor(pid))
			found = pid;
	fclose(file);
	return found;
}

static int
exit_code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CODE_SYSTEM;
}

void
sup_guard_begin(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		log_warn("prctl(PR_SET_CHILD_SUBREAPER)");
}

static sigset_t
signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	return set;
}

void
sup_guard_hold_signals(void)
{
	sigset_t set = signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

void
sup_guard_leave_signals(void)
{
	sigset_t set = signals();

	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		signal(passed_on[i], SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static bool
is_passed_on(int number)
{
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		if (passed_on[i] == number)
			return true;
	return false;
}

/* Has all that the dead left to us ended, too? */
static bool
nothing_is_left(void)
{
	pid_t dead;

	while ((dead = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	return dead < 0 && errno == ECHILD;
}

/* One that has just been started bears its program's name for a moment. */
static pid_t
await_successor(void)
{
	pid_t host = find_successor();

	for (int i = 0; host == 0 && i < NAME_LOOKS && !nothing_is_left();
	    i++) {
		usleep(NAME_LOOK_US);
		host = find_successor();
	}
	return host;
}

/* The host has ended: its successor, after the signal that it could not pass on
 * itself; or 0.  One that ended in order had told us all. */
static pid_t
follow(int status)
{
	bool in_order = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	pid_t host = in_order ? find_successor() : await_successor();

	if (host != 0 && WIFSIGNALED(status) && is_passed_on(WTERMSIG(status)))
		kill(host, WTERMSIG(status));
	return host;
}

/* Whoever has ended by now; *status_out is the last host's.  False: no host is
 * left. */
static bool
reap(pid_t *host, int *status_out)
{
	int status;
	pid_t dead;

	while ((dead = waitpid(-1, &status, WNOHANG)) > 0) {
		if (dead != *host)
			continue;
		*status_out = status;
		*host = follow(status);
		if (*host == 0)
			return false;
	}
	return dead == 0 || errno != ECHILD;
}

int
sup_guard(pid_t host)
{
	sigset_t set = signals();
	int status = 0, number;

	prctl(PR_SET_NAME, "fh-guard");
	sup_guard_hold_signals();
	while (reap(&host, &status)) {
		number = sigwaitinfo(&set, NULL);
		if (number <= 0 || number == SIGCHLD)
			continue;
		if (!reap(&host, &status))
			break;
		kill(host, number);
	}
	return exit_code_of(status);
}
