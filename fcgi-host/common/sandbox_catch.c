/*
 * sandbox_catch.c - what the sandbox has refused, said by who tried it.
 *
 * Runs in: trials of handlers, `call`: processes that serve nobody.
 * Owns: SIGSYS of its process.
 * Invariant: ends the process as SIGSYS would, unless it was told otherwise.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <seccomp.h>

#include "common/crash_registers.h"
#include "common/sandbox.h"

static void	(*tell)(const char *sentence);

static void
tell_call(const siginfo_t *info, const ucontext_t *context)
{
	struct crash_record record = { .magic = 0 };
	char advice[256], sentence[512];
	char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(),
	    info->si_syscall);

	crash_take_registers(&record, context);
	sandbox_advise(info->si_syscall, name, record.syscall_arguments,
	    advice, sizeof(advice));
	snprintf(sentence, sizeof(sentence), "called %s(): %s",
	    name != NULL ? name : "a system call", advice);
	tell(sentence);
	free(name);
}

/* Only ordinary code can have made the call, so this may allocate; and what was
 * only sent was not refused. */
static void
on_refusal(int number, siginfo_t *info, void *context)
{
	if (info->si_code > 0)
		tell_call(info, context);
	signal(number, SIG_DFL);
	raise(number);
}

void
sandbox_catch(void (*told)(const char *sentence))
{
	struct sigaction action = { .sa_sigaction = on_refusal,
	    .sa_flags = SA_SIGINFO };

	tell = told;
	sigaction(SIGSYS, &action, NULL);
}
