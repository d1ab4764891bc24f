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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/sandbox.h"

enum { WELL, FAILED, NO_SANDBOX };

static const struct sandbox closed = { .network = false };
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
ask_for_trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
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

static bool
opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd >= 0 || (errno != EACCES && errno != EXDEV);
}

static bool
open_root(void)
{
	return opens("/", O_RDONLY | O_DIRECTORY);
}

static bool
is_refused_root(void)
{
	return !open_root() && errno == EACCES;
}

static bool
open_usual(void)
{
	return opens("/etc/passwd", O_RDONLY) &&
	    opens("/usr", O_RDONLY | O_DIRECTORY) &&
	    opens("/proc/self/maps", O_RDONLY) &&
	    opens("/dev/null", O_RDWR | O_TRUNC);
}

static bool
make_scratch(void)
{
	char path[] = "/tmp/sandbox-XXXXXX", other[64];
	int fd = mkstemp(path);

	snprintf(other, sizeof(other), "%s.new", path);
	return fd >= 0 && ftruncate(fd, 1) == 0 && rename(path, other) == 0 &&
	    unlink(other) == 0;
}

static bool
is_refused_writing(void)
{
	return !opens("/etc/passwd", O_WRONLY) && errno == EACCES &&
	    mkdir("/etc/sandbox-test", 0700) < 0 && errno == EACCES;
}

/* Breaks when: a handler opens what nobody has named, or writes where it may
 * only read, or what every library needs is refused. */
static void
test_files(void **state)
{
	const char *root[] = { "/" };
	const struct sandbox readable = { .read_paths = { root, 1 } };

	(void)state;
	if (sandbox_files_version() == 0)
		skip();
	assert_allowed(&closed, is_refused_root);
	assert_allowed(&closed, is_refused_writing);
	assert_allowed(&closed, open_usual);
	assert_allowed(&closed, make_scratch);
	assert_allowed(&readable, open_root);
	assert_allowed(&readable, is_refused_writing);
	assert_allowed(&readable, make_scratch);
}

/* Breaks when: the host's own folder is refused to its code, or one that it
 * only reads may be written. */
static void
test_folders(void **state)
{
	const struct sandbox_folder read_only = {
	    open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), false };
	const struct sandbox_folder none = { -1, true };
	const struct sandbox with = { .folders = &read_only,
	    .folder_count = 1 };
	const struct sandbox without = { .folders = &none, .folder_count = 1 };

	(void)state;
	if (sandbox_files_version() == 0)
		skip();
	assert_true(read_only.fd >= 0);
	assert_allowed(&with, open_root);
	assert_allowed(&with, is_refused_writing);
	assert_allowed(&without, is_refused_root);
	close(read_only.fd);
}

static void
test_list(void **state)
{
	char *const one[] = { "a", NULL }, *const two[] = { "b", "c", NULL };
	struct sandbox_list list = { NULL, 0 };

	(void)state;
	assert_int_equal(sandbox_list_add(&list, NULL), 0);
	assert_int_equal(sandbox_list_add(&list, one), 0);
	assert_int_equal(sandbox_list_add(&list, two), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[2], "c");
	sandbox_list_free(&list);
	assert_int_equal(list.count, 0);
}

/* Breaks when: a system call that the configuration names is refused, or one
 * that it does not name is not. */
static void
test_system_calls(void **state)
{
	const char *names[] = { "ptrace", "socket" };
	const struct sandbox sandbox = { .system_calls = { names, 2 } };

	(void)state;
	assert_allowed(&sandbox, ask_for_trace);
	assert_allowed(&sandbox, open_socket);
	assert_refused(&sandbox, set_user);
	assert_refused(&sandbox, fork_one);
	assert_true(sandbox_knows("ptrace"));
	assert_true(sandbox_knows("stime"));	/* of other machines */
	assert_false(sandbox_knows("ptraze"));
	assert_false(sandbox_knows(""));
}

static void
assert_advice(int syscall, const char *name, uint64_t first,
    const char *wanted)
{
	const uint64_t arguments[6] = { first };
	char advice[256];

	sandbox_advise(syscall, name, arguments, advice, sizeof(advice));
	assert_non_null(strstr(advice, wanted));
}

static void
test_advice(void **state)
{
	(void)state;
	assert_advice(SYS_socket, "socket", AF_INET, "network = true");
	assert_advice(SYS_socket, "socket", AF_INET6, "network = true");
	assert_advice(SYS_socket, "socket", AF_PACKET,
	    "syscalls = { \"socket\" }");
	assert_advice(SYS_execve, "execve", 0, "processes = true");
	assert_advice(SYS_clone, "clone", SIGCHLD, "processes = true");
	assert_advice(SYS_clone, "clone", CLONE_NEWUSER,
	    "syscalls = { \"clone\" }");
	assert_advice(SYS_kill, "kill", 1, "processes = true");
	assert_advice(SYS_ptrace, "ptrace", 0,
	    "syscalls = { \"ptrace\" }");
	assert_advice(-1, NULL, 0, "nothing allows it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_refused),
		cmocka_unit_test(test_is_allowed),
		cmocka_unit_test(test_no_rights),
		cmocka_unit_test(test_relaxations),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
