/*
 * sandbox.h - what code of handlers may ask the kernel for.
 *
 * A front, a worker and a probe enter it once, after they have what they need
 * and before any code of a handler runs in them; nothing leads out again.
 * No new privileges, no capabilities, and a filter of system calls: what is
 * refused is a SIGSYS, so that it is a crash report with the handler's name,
 * and not an errno that somebody overlooks.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* What is allowed beyond the usual. */
struct sandbox {
	bool	network;	/* sockets that are not Unix ones */
	bool	processes;	/* fork, exec, signals to others */
};

/*
 * For a process that has one thread.  0, or -1 and why: the kernel lacks
 * something, and what it has is in force.
 */
int	sandbox_enter(const struct sandbox *, struct err *);

/*
 * What to put into the configuration so that a refused system call (its number
 * on this machine) is allowed, or that nothing allows it.  Never "".  Pure.
 */
const char	*sandbox_advice(int syscall, const uint64_t arguments[6]);

#endif
