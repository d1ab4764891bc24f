/*
 * sandbox_advice.c - how to allow what the sandbox has refused.
 *
 * Runs in: witness.
 * Owns: nothing.
 * Invariant: pure.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <sched.h>
#include <stdio.h>

#include "common/sandbox.h"

#define NETWORK	"a network connection needs network = true in the " \
		"handler's section"
#define PROCESS	"processes and signals to others need processes = true in " \
		"the handler's section"

static const int process_calls[] = { SYS_execve, SYS_execveat, SYS_kill,
	SYS_tgkill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_pidfd_send_signal,
#ifdef SYS_fork
	SYS_fork, SYS_vfork,
#endif
};

#define PROCESS_CALLS	(sizeof(process_calls) / sizeof(process_calls[0]))

static bool
is_process_call(int syscall)
{
	for (size_t i = 0; i < PROCESS_CALLS; i++)
		if (process_calls[i] == syscall)
			return true;
	return false;
}

static bool
is_network_family(uint64_t family)
{
	return family == AF_INET || family == AF_INET6 ||
	    family == AF_NETLINK;
}

/* Of those that an option of their own allows; or NULL. */
static const char *
option_advice(int syscall, const uint64_t arguments[6])
{
	const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP |
	    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
	    CLONE_NEWNET;

	if (syscall == SYS_socket)
		return is_network_family(arguments[0]) ? NETWORK : NULL;
	if (syscall == SYS_clone)
		return (arguments[0] & namespaces) != 0 ? NULL : PROCESS;
	return is_process_call(syscall) ? PROCESS : NULL;
}

void
sandbox_advise(int syscall, const char *name, const uint64_t arguments[6],
    char *out, size_t size)
{
	const char *advice = option_advice(syscall, arguments);

	if (advice != NULL)
		snprintf(out, size, "%s", advice);
	else if (name != NULL)
		snprintf(out, size, "handlers do not need it as a rule; "
		    "syscalls = { \"%s\" } in the handler's section allows "
		    "it", name);
	else
		snprintf(out, size, "nothing allows it: it has no name");
}
