/*
 * wit_attach.c - a look at a process that lives and is slow.
 *
 * Runs in: witness.
 * Owns: the stop of the other process, from the seizing to the letting go.
 * Invariant: it goes on as if nothing had been.  It is stopped for a copy of
 * its registers and its stack; what takes time comes before or after.  A system
 * call that a stop would end with EINTR is not stopped at all.
 */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "witness/wit.h"

#define STOP_TRIES	2000	/* of 1 ms: it may be in the kernel */

#if defined(__x86_64__)
#define STACK_POINTER	7

static void
take_registers(const struct user_regs_struct *from, struct crash_record *out)
{
	const uint64_t registers[] = { from->rax, from->rdx, from->rcx,
	    from->rbx, from->rsi, from->rdi, from->rbp, from->rsp, from->r8,
	    from->r9, from->r10, from->r11, from->r12, from->r13, from->r14,
	    from->r15 };

	memcpy(out->registers, registers, sizeof(registers));
	out->register_count = sizeof(registers) / sizeof(registers[0]);
	out->program_counter = from->rip;
}
#elif defined(__aarch64__)
#define STACK_POINTER	31

static void
take_registers(const struct user_regs_struct *from, struct crash_record *out)
{
	memcpy(out->registers, from->regs, 31 * sizeof(uint64_t));
	out->registers[STACK_POINTER] = from->sp;
	out->register_count = 32;
	out->program_counter = from->pc;
}
#else
#define STACK_POINTER	0

static void
take_registers(const struct user_regs_struct *from, struct crash_record *out)
{
	(void)from;
	out->register_count = 0;
}
#endif

/* ------------------------------------------------------------------- maps */

static size_t
read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	size_t have = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (have < size - 1 &&
	    ((got = read(fd, out + have, size - 1 - have)) > 0 ||
	    (got < 0 && errno == EINTR)))
		have += got > 0 ? (size_t)got : 0;
	close(fd);
	out[have] = '\0';
	return have;
}

static int
read_maps(pid_t pid, struct wit_record *out, struct err *err)
{
	size_t length;

	out->maps_text = malloc(CRASH_MAPS_MAX + 1);
	out->stack = malloc(CRASH_STACK_MAX);
	if (out->maps_text == NULL || out->stack == NULL)
		return err_sys(err, "process %d", (int)pid);
	errno = 0;
	length = read_proc(pid, "maps", out->maps_text, CRASH_MAPS_MAX + 1);
	if (length == 0)
		return err_sys(err, "the map of process %d's memory",
		    (int)pid);
	if (wit_maps_parse(out->maps_text, length, &out->maps) < 0)
		return err_sys(err, "process %d", (int)pid);
	return 0;
}

/* ------------------------------------------------------------------- stack */

static void
copy_stack(pid_t pid, struct wit_record *out)
{
	uint64_t sp = out->crash.registers[STACK_POINTER];
	const struct wit_map *map = wit_maps_find(&out->maps, sp);
	struct iovec ours, theirs;
	ssize_t got;

	if (map == NULL)
		return;
	ours = (struct iovec){ out->stack, map->end - sp < CRASH_STACK_MAX ?
	    (size_t)(map->end - sp) : CRASH_STACK_MAX };
	theirs = (struct iovec){ (void *)(uintptr_t)sp, ours.iov_len };
	got = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
	out->stack_length = got > 0 ? (size_t)got : 0;
	out->crash.stack_pointer = sp;
}

/* ---------------------------------------------------- without stopping it */

/*
 * signal(7), "Interruption of system calls by stop signals": these end with
 * EINTR, those on sockets where a time-out is set.
 */
static const long mind_a_stop[] = {
#ifdef SYS_epoll_wait
	SYS_epoll_wait, SYS_pause,
#endif
	SYS_epoll_pwait, SYS_epoll_pwait2, SYS_semtimedop, SYS_semop,
	SYS_io_getevents, SYS_rt_sigtimedwait, SYS_rt_sigsuspend,
	SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_sendto, SYS_sendmsg,
	SYS_sendmmsg, SYS_connect, SYS_accept, SYS_accept4, SYS_read,
	SYS_readv, SYS_write, SYS_writev, SYS_msgrcv, SYS_msgsnd,
	SYS_io_uring_enter
};

static bool
minds_a_stop(long number)
{
	for (size_t i = 0; i < sizeof(mind_a_stop) / sizeof(mind_a_stop[0]);
	    i++)
		if (mind_a_stop[i] == number)
			return true;
	return false;
}

/* "NUMBER ARGUMENTS SP PC" of one that waits in the kernel, "running" else. */
static bool
look_at_syscall(pid_t pid, long *number_out, uint64_t *sp_out,
    uint64_t *pc_out)
{
	char text[256];

	return read_proc(pid, "syscall", text, sizeof(text)) > 0 &&
	    sscanf(text, "%ld %*x %*x %*x %*x %*x %*x %" SCNx64 " %" SCNx64,
	    number_out, sp_out, pc_out) == 3;
}

/* Two registers are enough for the call itself and who made it. */
static bool
took_without_stop(pid_t pid, struct wit_record *out)
{
	uint64_t sp, pc, sp_after, pc_after;
	long number, number_after;

	if (!look_at_syscall(pid, &number, &sp, &pc) ||
	    !minds_a_stop(number))
		return false;
	memset(out->crash.registers, 0, sizeof(out->crash.registers));
	out->crash.registers[STACK_POINTER] = sp;
	out->crash.register_count = CRASH_REGISTERS;
	out->crash.program_counter = pc;
	out->bare = true;
	copy_stack(pid, out);
	return look_at_syscall(pid, &number_after, &sp_after, &pc_after) &&
	    number_after == number && sp_after == sp && pc_after == pc;
}

/* ---------------------------------------------------------- while it stands */

static int
wait_for_stop(pid_t pid, int *status_out, struct err *err)
{
	for (unsigned i = 0; i < STOP_TRIES; i++) {
		pid_t got = waitpid(pid, status_out, __WALL | WNOHANG);

		if (got == pid && WIFSTOPPED(*status_out))
			return 0;
		if (got == pid || (got < 0 && errno != EINTR))
			return err_set(err, "process %d is gone", (int)pid);
		poll(NULL, 0, i < 10 ? 0 : 1);
	}
	return err_set(err, "process %d does not stop: it waits in the kernel",
	    (int)pid);
}

static int
copy_registers(pid_t pid, struct wit_record *out, struct err *err)
{
	struct user_regs_struct registers;
	struct iovec piece = { &registers, sizeof(registers) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &piece) < 0 ||
	    piece.iov_len != sizeof(registers))
		return err_sys(err, "registers of process %d", (int)pid);
	take_registers(&registers, &out->crash);
	return 0;
}

/* A signal that was on its way goes on; what PTRACE_INTERRUPT makes is none. */
static void
let_go(pid_t pid, int status)
{
	uintptr_t number = status >> 16 == 0 ? (uintptr_t)WSTOPSIG(status) : 0;

	ptrace(PTRACE_DETACH, pid, NULL, (void *)number);
}

static int
seize(pid_t pid, struct err *err)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0)
		return 0;
	if (errno == EPERM || errno == EACCES)
		return err_set(err, "process %d may not be looked at "
		    "(kernel.yama.ptrace_scope, or a sandbox)", (int)pid);
	return err_sys(err, "looking at process %d", (int)pid);
}

/* What is still seized when we leave is let go by the kernel. */
static int
take_while_stopped(pid_t pid, struct wit_record *out, struct err *err)
{
	uint64_t begin = clock_now_ns();
	int rc, status;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		return err_sys(err, "stopping process %d", (int)pid);
	if (wait_for_stop(pid, &status, err) < 0)
		return -1;
	rc = copy_registers(pid, out, err);
	if (rc == 0)
		copy_stack(pid, out);
	let_go(pid, status);
	out->stopped_ns = clock_now_ns() - begin;
	return rc;
}

int
wit_attach(pid_t pid, struct wit_record *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->crash.magic = CRASH_MAGIC;
	out->crash.kind = CRASH_SLOW;
	out->crash.pid = out->crash.tid = pid;
	out->crash.syscall = -1;
	if (read_maps(pid, out, err) < 0)
		return -1;
	out->at_ms = clock_now_ms();
	if (took_without_stop(pid, out))
		return 0;
	out->bare = false;
	out->at_ms = clock_now_ms();
	if (seize(pid, err) < 0)
		return -1;
	return take_while_stopped(pid, out, err);
}
