/*
 * sandbox_test.c - what the sandbox refuses, what it allows, and its advice.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: each attempt is made in a process of its own, which ends of it.
 */
#include <netinet/in.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/sandbox.h"

enum { WELL, FAILED, NO_SANDBOX };

static const struct sandbox closed = { false, false };
static const struct sandbox network = { .network = true };
static const struct sandbox processes = { .processes = true };

/* A wait status: WELL, FAILED, or the signal it ended of. */
static int
try(const struct sandbox *sandbox, bool (*attempt)(void))
{
	struct err err;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGSYS, SIG_DFL);
		if (sandbox_enter(sandbox, &err) < 0)
			_exit(NO_SANDBOX);
		_exit(attempt() ? WELL : FAILED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_refused(const struct sandbox *sandbox, bool (*attempt)(void))
{
	int status = try(sandbox, attempt);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void
assert_allowed(const struct sandbox *sandbox, bool (*attempt)(void))
{
	int status = try(sandbox, attempt);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), WELL);
}

static bool
open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool
open_socket_6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	return fd >= 0 || errno == EAFNOSUPPORT;
}

static bool
open_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static bool
open_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool
open_unix(void)
{
	int ends[2];

	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
	    socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
}

static bool
fork_one(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid;
}

static bool
run_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return false;
}

static bool
kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool
raise_own(void)
{
	signal(SIGUSR1, SIG_IGN);
	return raise(SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0;
}

static void *
return_argument(void *argument)
{
	return argument;
}

static bool
run_thread(void)
{
	pthread_t thread;
	void *result = NULL;

	return pthread_create(&thread, NULL, return_argument, &result) == 0 &&
	    pthread_join(thread, &result) == 0 && result == (void *)&result;
}

static bool
trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool
set_user(void)
{
	return syscall(SYS_setuid, 65534) == 0;
}

static bool
leave_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool
clone_namespace(void)
{
	return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0;
}

static bool
has_no_rights(void)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "r");
	int found = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		found += strcmp(line, "CapPrm:\t0000000000000000\n") == 0;
		found += strcmp(line, "CapEff:\t0000000000000000\n") == 0;
		found += strcmp(line, "CapInh:\t0000000000000000\n") == 0;
		found += strcmp(line, "CapAmb:\t0000000000000000\n") == 0;
		found += strcmp(line, "NoNewPrivs:\t1\n") == 0;
		found += strcmp(line, "Seccomp:\t2\n") == 0;
	}
	return found == 6;
}

/* Breaks when: a handler without leave reaches the network, another process,
 * or is another user. */
static void
test_is_refused(void **state)
{
	bool (*const attempts[])(void) = { open_socket, open_socket_6,
	    open_netlink, open_packet, fork_one, run_program, kill_parent,
	    trace_parent, set_user, leave_namespace, clone_namespace };

	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		assert_refused(&closed, attempts[i]);
}

/* Breaks when: what every handler needs is refused. */
static void
test_is_allowed(void **state)
{
	(void)state;
	assert_allowed(&closed, open_unix);
	assert_allowed(&closed, run_thread);
	assert_allowed(&closed, raise_own);
}

/* Breaks when: a capability or a new privilege is left. */
static void
test_no_rights(void **state)
{
	(void)state;
	assert_allowed(&closed, has_no_rights);
	assert_allowed(&network, has_no_rights);
	assert_allowed(&processes, has_no_rights);
}

/* Breaks when: one relaxation does nothing, or gives what is another's. */
static void
test_relaxations(void **state)
{
	(void)state;
	assert_allowed(&network, open_socket);
	assert_allowed(&network, open_socket_6);
	assert_allowed(&network, open_netlink);
	assert_allowed(&network, open_unix);
	assert_refused(&network, open_packet);
	assert_refused(&network, fork_one);
	assert_refused(&network, run_program);
	assert_allowed(&processes, fork_one);
	assert_allowed(&processes, run_program);
	assert_allowed(&processes, kill_parent);
	assert_refused(&processes, open_socket);
	assert_refused(&processes, trace_parent);
	assert_refused(&processes, clone_namespace);
	assert_refused(&processes, set_user);
}

static void
assert_advice(int syscall, uint64_t first, const char *wanted)
{
	const uint64_t arguments[6] = { first };

	assert_non_null(strstr(sandbox_advice(syscall, arguments), wanted));
}

static void
test_advice(void **state)
{
	(void)state;
	assert_advice(SYS_socket, AF_INET, "network = true");
	assert_advice(SYS_socket, AF_INET6, "network = true");
	assert_advice(SYS_socket, AF_PACKET, "no handler");
	assert_advice(SYS_execve, 0, "processes = true");
	assert_advice(SYS_clone, SIGCHLD, "processes = true");
	assert_advice(SYS_clone, CLONE_NEWUSER, "no handler");
	assert_advice(SYS_kill, 1, "processes = true");
	assert_advice(SYS_ptrace, 0, "no handler");
	assert_advice(-1, 0, "no handler");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_refused),
		cmocka_unit_test(test_is_allowed),
		cmocka_unit_test(test_no_rights),
		cmocka_unit_test(test_relaxations),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
