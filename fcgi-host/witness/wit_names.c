/*
 * wit_names.c - names of registers and system calls.
 *
 * Runs in: witness.
 * Owns: nothing.
 * Invariant: any number has a name or says that it has none.
 */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "witness/wit.h"

#if defined(__x86_64__)
static const char *const registers[] = { "rax", "rdx", "rcx", "rbx", "rsi",
	"rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
	"r15" };
#elif defined(__aarch64__)
static const char *const registers[] = { "x0", "x1", "x2", "x3", "x4", "x5",
	"x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
	"x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
	"x26", "x27", "x28", "x29", "x30", "sp" };
#else
static const char *const registers[] = { NULL };
#endif

const char *
wit_register_name(unsigned number)
{
	return number < sizeof(registers) / sizeof(registers[0]) ?
	    registers[number] : NULL;
}

void
wit_syscall_name(int number, char *out, size_t size)
{
	char *name = number < 0 ? NULL :
	    seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);

	if (name != NULL)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "system call %d", number);
	free(name);
}
