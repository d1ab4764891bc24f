/*
 * sup_guard.c - an old host that stays for those who know it by its process id.
 *
 * Runs in: supervisor, after it has handed over, where no service manager was
 * told of its successor: it passes signals on, waits, and ends as that does.
 * Owns: nothing but its process id.
 * Invariant: there is at most one such process, however many upgrades follow:
 * the orphans of later ones are its children (PR_SET_CHILD_SUBREAPER).
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

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };

/* For the signal handler alone. */
static volatile sig_atomic_t the_host;

static void
on_signal(int number)
{
	int saved = errno;

	kill((pid_t)the_host, number);
	errno = saved;
}

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

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal,
	    .sa_flags = SA_RESTART };
	sigset_t set = signals();

	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaction(passed_on[i], &action, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int
sup_guard(pid_t host)
{
	int status = 0;
	pid_t dead;

	prctl(PR_SET_NAME, "fh-guard");
	the_host = host;
	catch_signals();
	for (;;) {
		dead = waitpid(-1, &status, 0);
		if (dead < 0 && errno == EINTR)
			continue;
		if (dead < 0)
			return exit_code_of(status);
		if (dead != host)
			continue;
		if ((host = find_successor()) == 0)
			return exit_code_of(status);
		the_host = host;
	}
}
