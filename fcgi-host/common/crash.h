/*
 * crash.h - what a process that crashes leaves behind.
 *
 * Each front and worker holds a memfd that the supervisor made and keeps.  In
 * the moment of a crash the dying thread writes a struct crash_record into it,
 * and behind it its stack, the map of its address space and, where that is
 * wanted, its request: with write(2) alone, on a stack of its own, so that
 * nothing it has broken is needed once more.  Then it dies of its signal.
 *
 * Nobody believes it: a handler's code may have written any of this.  It is
 * read by the witness (fcgi-host/witness), a process without rights, which
 * says in words what happened.
 */
#ifndef COMMON_CRASH_H
#define COMMON_CRASH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_MAGIC		UINT64_C(0x66682d6372617368)
#define CRASH_STACK_MAX		(256u << 10)	/* from the stack pointer */
#define CRASH_MAPS_MAX		(512u << 10)	/* of /proc/self/maps */
#define CRASH_MESSAGE_MAX	512
#define CRASH_REGISTERS		32
#define CRASH_HANDLER_MAX	72
#define CRASH_HOOK_MAX		16

/* In place of a reply slot: no request's code runs. */
#define CRASH_NO_REPLY		UINT32_MAX

/* fault_flags: what the processor says of a SIGSEGV (x86-64: REG_ERR & 2). */
#define CRASH_FAULT_WRITE	1u	/* it was a write */
#define CRASH_FAULT_KNOWN	2u	/* else the flag above says nothing */

enum crash_kind {
	CRASH_NONE,
	CRASH_SIGNAL,		/* it dies of `signal` */
	CRASH_EXIT,		/* its code called exit() or its like */
	CRASH_END,		/* its code left it useless: its own exit */
	CRASH_SLOW		/* it lives: looked at from outside */
};

/*
 * At offset 0.  Sections follow at the offsets named; a length of 0: it is
 * not there.  `magic` is written last: without it the rest may be half.
 *
 * signal, code, address  of siginfo; syscall: of SIGSYS, else -1
 * registers	general ones in the order of their DWARF numbers (x86-64: rax
 *		rdx rcx rbx rsi rdi rbp rsp r8-r15; AArch64: x0-x30, sp), the
 *		program counter apart
 * stack_low, stack_high  bounds of the thread's stack, without its guard; 0:
 *		not known
 * stack_pointer  the address of the first byte of the section `stack`: after a
 *		stack overflow that is the first page above which there is one
 * reply	1 + the worker's reply slot that this thread answers; 0: not
 *		known; or CRASH_NO_REPLY
 * finishing	a front in a finish(), not in a serve()
 * message	of abort(), assert() or the allocator's own checks; or "".  Of
 *		CRASH_EXIT: the function that was called, of CRASH_END a
 *		sentence
 */
struct crash_record {
	uint64_t	magic;
	uint32_t	kind;			/* crash_kind */
	int32_t		pid, tid;
	int32_t		signal, code;
	int32_t		syscall;
	int32_t		exit_status;
	uint32_t	reply;
	uint32_t	finishing;
	uint32_t	fault_flags;
	uint32_t	register_count;
	uint64_t	address;
	uint64_t	registers[CRASH_REGISTERS];
	uint64_t	program_counter;
	uint64_t	syscall_arguments[6];
	uint64_t	stack_low, stack_high;
	uint64_t	stack_pointer;
	uint64_t	stack_at, stack_length;
	uint64_t	maps_at, maps_length;
	uint64_t	params_at, params_length;	/* FastCGI pairs */
	uint64_t	body_at, body_length;
	char		request_id[72];
	char		handler[CRASH_HANDLER_MAX]; /* whose hook runs, or "" */
	char		hook[CRASH_HOOK_MAX];
	char		message[CRASH_MESSAGE_MAX];
};

/* What a thread does for a request, while it does it. */
struct crash_request {
	uint32_t	 reply;			/* as in the record */
	bool		 finishing;
	const char	*request_id;
	const char	*handler, *hook;	/* or a hook, for no request */
	const void	*params, *body;		/* kept if that is wanted */
	size_t		 params_length, body_length;
};

/*
 * From now on this process leaves a record in `fd`: of signals that mean a
 * crash, and of an exit() or _exit() between crash_enter and crash_leave.
 * `keep_request`: the request goes in there as well.  The calling thread is
 * the first.
 */
void	crash_begin(int fd, bool keep_request);

/* Each further thread, first and last: a stack to crash on. */
void	crash_thread_begin(void);
void	crash_thread_end(void);

/*
 * Around a handler's code.  The request is copied, since a handler that runs
 * over its stack runs over its callers'; what it points to lives until
 * crash_leave.
 */
void	crash_enter(const struct crash_request *);
void	crash_leave(void);

/* The same around a hook, "worker_init", of a handler. */
void	crash_enter_hook(const char *handler, const char *hook);

/* A process that a handler forked ends here, or it would serve beside the one
 * it is a copy of.  Part of crash_leave; to be called before a handler's reply
 * goes into memory that is shared, too. */
void	crash_end_copy(void);

/* The record of exit() or its like, if this thread is in a request. */
void	crash_exits(int status, const char *name);

/* The record of an end that is ours, for what handlers have done before. */
void	crash_gives_up(const char *sentence);

/* For pthread_cleanup_push() in a thread that runs handlers: pthread_exit()
 * ends the process, or the thread's request would wait for ever. */
void	crash_thread_left(void *);

#endif
