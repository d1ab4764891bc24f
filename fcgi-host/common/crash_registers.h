/*
 * crash_registers.h - a signal's context as a crash record has it.
 *
 * The numbers are those of DWARF: System V ABI, AMD64 supplement, figure 3.36,
 * and DWARF for the Arm 64-bit architecture, 4.1.
 */
#ifndef COMMON_CRASH_REGISTERS_H
#define COMMON_CRASH_REGISTERS_H

#include <ucontext.h>

#include "common/crash.h"

#if defined(__x86_64__)

#define CRASH_TRAP_PAGE_FAULT	14

static inline void
crash_take_registers(struct crash_record *record, const ucontext_t *context)
{
	static const int order[] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX,
	    REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8, REG_R9, REG_R10,
	    REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
	const greg_t *registers = context->uc_mcontext.gregs;

	record->register_count = sizeof(order) / sizeof(order[0]);
	for (uint32_t i = 0; i < record->register_count; i++)
		record->registers[i] = (uint64_t)registers[order[i]];
	record->program_counter = (uint64_t)registers[REG_RIP];
	record->stack_pointer = (uint64_t)registers[REG_RSP];
	if (registers[REG_TRAPNO] == CRASH_TRAP_PAGE_FAULT)
		record->fault_flags = CRASH_FAULT_KNOWN |
		    ((registers[REG_ERR] & 2) != 0 ? CRASH_FAULT_WRITE : 0);
	record->syscall_arguments[0] = (uint64_t)registers[REG_RDI];
	record->syscall_arguments[1] = (uint64_t)registers[REG_RSI];
	record->syscall_arguments[2] = (uint64_t)registers[REG_RDX];
	record->syscall_arguments[3] = (uint64_t)registers[REG_R10];
	record->syscall_arguments[4] = (uint64_t)registers[REG_R8];
	record->syscall_arguments[5] = (uint64_t)registers[REG_R9];
}

#elif defined(__aarch64__)

static inline void
crash_take_registers(struct crash_record *record, const ucontext_t *context)
{
	const mcontext_t *machine = &context->uc_mcontext;

	record->register_count = 32;
	for (uint32_t i = 0; i < 31; i++)
		record->registers[i] = machine->regs[i];
	record->registers[31] = machine->sp;
	record->program_counter = machine->pc;
	record->stack_pointer = machine->sp;
	for (uint32_t i = 0; i < 6; i++)
		record->syscall_arguments[i] = machine->regs[i];
}

#else

/* Another machine: the signal and its address are all there is. */
static inline void
crash_take_registers(struct crash_record *record, const ucontext_t *context)
{
	(void)record;
	(void)context;
}

#endif

#endif
