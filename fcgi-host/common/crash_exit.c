/*
 * crash_exit.c - _exit(), called by a handler, leaves a record too.
 *
 * Runs in: front, worker.
 * Owns: the names _exit and _Exit, as handlers see them: the binary exports
 * them, and so stands before the C library (fcgi-host.exports).
 * Invariant: outside of a request it is the system call and nothing else.
 */
#include <sys/syscall.h>

#include <stdlib.h>
#include <unistd.h>

#include "common/crash.h"

void
_exit(int status)
{
	crash_exits(status, "_exit");
	for (;;)
		syscall(SYS_exit_group, status);
}

void
_Exit(int status)
{
	_exit(status);
}
