/*
 * wit_words_test.c - what happened, in words.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: the map of the memory is text, as the kernel writes it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "witness/wit.h"

#define WRITE	(CRASH_FAULT_WRITE | CRASH_FAULT_KNOWN)
#define READ	CRASH_FAULT_KNOWN
#define CODE	UINT64_C(0x400100)	/* in the program's text */
#define SP	UINT64_C(0x7ffc00010000)
#if defined(__aarch64__)
#define SP_REGISTER	31
#else
#define SP_REGISTER	7
#endif

static const char memory[] =
    "00400000-00500000 r-xp 00000000 08:01 77         /usr/bin/fcgi-host\n"
    "00600000-00601000 r--p 00100000 08:01 78         /srv/a b.so\n"
    "00602000-00603000 rw-p 00000000 00:00 0 \n"
    "00700000-00701000 ---p 00000000 00:00 0 \n"
    "00800000-00810000 rw-p 00000000 00:00 0          [heap]\n"
    "10000000000-10000010000 r--s 00000000 00:01 9    "
    "/memfd:model:sentiment (deleted)\n"
    "20000000000-20000001000 r--s 00002000 08:01 79   /srv/data\n"
    "7fe000000000-7fe000001000 ---p 00000000 00:00 0 \n"
    "7fe000001000-7fe000041000 rw-p 00000000 00:00 0 \n"
    "7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0  [stack]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

static char	words[WIT_WORDS_MAX];

static struct crash_record
signal_of(int number, int code, uint64_t address)
{
	struct crash_record crash = { .magic = CRASH_MAGIC,
	    .kind = CRASH_SIGNAL, .signal = number, .code = code,
	    .address = address, .syscall = -1, .register_count = 32,
	    .program_counter = CODE };

	crash.registers[SP_REGISTER] = SP;
	return crash;
}

static const char *
words_of(const struct crash_record *crash)
{
	char text[sizeof(memory)];
	struct wit_maps maps;

	memcpy(text, memory, sizeof(memory));
	assert_int_equal(wit_maps_parse(text, sizeof(memory) - 1, &maps), 0);
	assert_int_equal(maps.count, 11);
	wit_words(crash, &maps, "socket", NULL, words, sizeof(words));
	wit_maps_finish(&maps);
	return words;
}

static const char *
segv(int code, uint64_t address, uint32_t flags)
{
	struct crash_record crash = signal_of(SIGSEGV, code, address);

	crash.fault_flags = flags;
	return words_of(&crash);
}

/* Breaks when: a null pointer is not told from any other. */
static void
test_null(void **state)
{
	(void)state;
	assert_string_equal(segv(SEGV_MAPERR, 0, WRITE), "wrote to NULL");
	assert_string_equal(segv(SEGV_MAPERR, 16, READ), "read from NULL + 16");
	assert_string_equal(segv(SEGV_MAPERR, 0xffff, 0),
	    "touched NULL + 65535");
	assert_string_equal(segv(SEGV_MAPERR, 0x10000, 0),
	    "address not mapped");
}

/* Breaks when: an address of which the processor says nothing is NULL. */
static void
test_non_canonical(void **state)
{
	(void)state;
	assert_non_null(strstr(segv(SI_KERNEL, 0, 0),
	    "non-canonical address"));
	assert_null(strstr(words, "NULL"));
}

/* Breaks when: a model is not named, or the offset is not the file's. */
static void
test_models(void **state)
{
	(void)state;
	assert_string_equal(segv(SEGV_ACCERR, 0x10000000000 + 1234, WRITE),
	    "wrote to read-only model \"sentiment\" at offset 1234");
	assert_string_equal(segv(SEGV_ACCERR, 0x10000000000, 0),
	    "wrote to read-only model \"sentiment\" at offset 0");
	assert_string_equal(segv(SEGV_MAPERR, 0x10000010000, READ),
	    "read past the end of model \"sentiment\"");
	assert_string_equal(segv(SEGV_MAPERR, 0x1000001ffff, WRITE),
	    "wrote past the end of model \"sentiment\"");
	assert_string_equal(segv(SEGV_MAPERR, 0x10000020000, READ),
	    "address not mapped");
	assert_string_equal(segv(SEGV_MAPERR, 0x20000001000, READ),
	    "address not mapped");
}

/* Breaks when: what was written to has no name. */
static void
test_memory_that_may_not_be_written(void **state)
{
	(void)state;
	assert_string_equal(segv(SEGV_ACCERR, 0x600010, WRITE),
	    "wrote to read-only memory of /srv/a b.so");
	assert_string_equal(segv(SEGV_ACCERR, CODE, 0),
	    "wrote to read-only memory of /usr/bin/fcgi-host");
	assert_string_equal(segv(SEGV_ACCERR, 0x700000, WRITE),
	    "wrote to memory that may not be accessed");
	assert_string_equal(segv(SEGV_ACCERR, 0x700000, 0),
	    "touched memory that may not be accessed");
}

/* Breaks when: the end of a thread's or of the first thread's stack is an
 * address like any other, or any address is one. */
static void
test_stack_overflow(void **state)
{
	struct crash_record crash = signal_of(SIGSEGV, SEGV_ACCERR,
	    0x7fe000000ff8);

	(void)state;
	crash.registers[SP_REGISTER] = 0x7fe000001000;
	assert_string_equal(words_of(&crash), "stack overflow");
	crash.stack_low = 0x7fe000001000;
	assert_string_equal(words_of(&crash), "stack overflow");

	/* the pointer is in the guard already */
	crash.registers[SP_REGISTER] = 0x7fe000000f00;
	crash.stack_low = 0;
	assert_string_equal(words_of(&crash), "stack overflow");

	/* the first one, which grows; an array of 1 MiB on it */
	crash = signal_of(SIGSEGV, SEGV_MAPERR, 0x7ffbffffeff8);
	crash.registers[SP_REGISTER] = 0x7ffbfffff000;
	assert_string_equal(words_of(&crash), "stack overflow");
	crash.registers[SP_REGISTER] = 0x7ffbfff01000;
	crash.address = 0x7ffbfff02000;
	crash.stack_low = 0x7ffc00000000;
	assert_string_equal(words_of(&crash), "stack overflow");

	/* a pointer that was overwritten */
	crash.registers[SP_REGISTER] = 16;
	crash.address = 8;
	assert_string_equal(words_of(&crash), "touched NULL + 8");

	/* a pointer that has nothing to do with it */
	crash.registers[SP_REGISTER] = SP;
	crash.address = 0x500010;
	assert_string_equal(words_of(&crash), "address not mapped");
	crash.registers[SP_REGISTER] = 0;
	crash.stack_low = 0;
	assert_string_equal(words_of(&crash), "address not mapped");
}

/* Breaks when: a call of a bad pointer reads like a bad read. */
static void
test_jumps(void **state)
{
	struct crash_record crash = signal_of(SIGSEGV, SEGV_MAPERR, 0);

	(void)state;
	crash.program_counter = 0;
	assert_string_equal(words_of(&crash), "jumped to NULL");
	crash.program_counter = crash.address = 24;
	assert_string_equal(words_of(&crash), "jumped to NULL + 24");
	crash.program_counter = crash.address = 0x900000;
	assert_string_equal(words_of(&crash),
	    "jumped to 0x900000, where nothing is mapped");
	crash.program_counter = crash.address = 0x800010;
	crash.code = SEGV_ACCERR;
	assert_string_equal(words_of(&crash),
	    "executed data at 0x800010 of [heap]");
	crash.program_counter = crash.address = 0x10000000010;
	assert_string_equal(words_of(&crash),
	    "executed data at 0x10000000010 of model \"sentiment\"");
}

static const char *
other(int number, int code, uint64_t address)
{
	struct crash_record crash = signal_of(number, code, address);

	return words_of(&crash);
}

/* Breaks when: a signal's code is lost. */
static void
test_other_signals(void **state)
{
	(void)state;
	assert_string_equal(other(SIGBUS, BUS_ADRERR, 0x20000000010),
	    "file /srv/data was truncated while mapped");
	assert_string_equal(other(SIGBUS, BUS_ADRALN, 0x20000000011),
	    "address not aligned");
	assert_string_equal(other(SIGFPE, FPE_INTDIV, CODE),
	    "integer division by zero");
	assert_string_equal(other(SIGFPE, FPE_FLTINV, CODE),
	    "invalid floating-point operation");
	assert_string_equal(other(SIGFPE, 99, CODE), "");
	assert_string_equal(other(SIGILL, ILL_ILLOPN, CODE),
	    "illegal instruction (__builtin_trap?)");
	assert_string_equal(other(SIGSEGV, SI_USER, 4711),
	    "sent by process 4711");
	assert_string_equal(other(SIGSEGV, SI_TKILL, 4711),
	    "sent by raise() or pthread_kill()");
	assert_string_equal(other(SIGXFSZ, SI_KERNEL, 0), "");
}

/* Breaks when: what abort() was told, or a forbidden call, is not said. */
static void
test_what_the_code_said(void **state)
{
	struct crash_record crash = signal_of(SIGABRT, SI_TKILL, 0);

	(void)state;
	assert_string_equal(words_of(&crash), "abort");
	strcpy(crash.message, "double free or corruption (fasttop)\nmore");
	assert_string_equal(words_of(&crash),
	    "abort: double free or corruption (fasttop)");
	crash = signal_of(SIGSYS, 1, 0);
	crash.syscall = 41;
	assert_string_equal(words_of(&crash),
	    "called socket(), which is not allowed");
	wit_words(&crash, &(struct wit_maps){ NULL, 0 }, "socket",
	    "network = true allows it", words, sizeof(words));
	assert_string_equal(words, "called socket(): network = true allows it");
}

/* Breaks when: the end of a process by its own code reads like a crash. */
static void
test_exits(void **state)
{
	struct crash_record crash = { .kind = CRASH_EXIT, .exit_status = 3 };

	(void)state;
	assert_string_equal(words_of(&crash), "called exit(3)");
	strcpy(crash.message, "_exit");
	assert_string_equal(words_of(&crash), "called _exit(3)");
	crash.kind = CRASH_SLOW;
	assert_string_equal(words_of(&crash), "");
	crash.kind = 12345;
	assert_string_equal(words_of(&crash), "");
}

/* Breaks when: without a map of the memory something is said of it. */
static void
test_without_a_map(void **state)
{
	struct crash_record crash = signal_of(SIGSEGV, SEGV_MAPERR, 0x900000);
	const struct wit_maps none = { NULL, 0 };

	(void)state;
	wit_words(&crash, &none, "", NULL, words, sizeof(words));
	assert_string_equal(words, "address not mapped");
	crash.code = SEGV_ACCERR;
	wit_words(&crash, &none, "", NULL, words, sizeof(words));
	assert_string_equal(words, "memory that may not be accessed so");
	crash.address = 8;
	wit_words(&crash, &none, "", NULL, words, sizeof(words));
	assert_string_equal(words, "touched NULL + 8");
}

static size_t
parsed(const char *text)
{
	char copy[512];
	struct wit_maps maps;
	size_t count;

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(wit_maps_parse(copy, strlen(copy), &maps), 0);
	count = maps.count;
	wit_maps_finish(&maps);
	return count;
}

/* Breaks when: a map that is cut off, or that overlaps itself, is believed. */
static void
test_maps_that_are_none(void **state)
{
	(void)state;
	assert_int_equal(parsed(""), 0);
	assert_int_equal(parsed("\n\n\n"), 0);
	assert_int_equal(parsed("1000-2000 r--p 0 0:0 0 \n"), 1);
	assert_int_equal(parsed("1000-2000 r--p 0 0:0 0\n"), 1);
	assert_int_equal(parsed("1000-2000 r--p 0 0:0 0"), 0);
	assert_int_equal(parsed("2000-1000 r--p 0 0:0 0 \n"), 0);
	assert_int_equal(parsed("1000-1000 r--p 0 0:0 0 \n"), 0);
	assert_int_equal(parsed("1000-2000 r--p 0 0:0 0 \n"
	    "1fff-3000 r--p 0 0:0 0 \n"), 1);
	assert_int_equal(parsed("11111111111111111-2 r--p 0 0:0 0 \n"), 0);
	assert_int_equal(parsed("1000-2000 r-"), 0);
	assert_int_equal(parsed("1000-2000 r-\n"), 0);
	assert_int_equal(parsed("1000-2000\n"), 0);
	assert_int_equal(parsed("1000-2000 r--p 0 0:0 x /a\n"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_non_canonical),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_memory_that_may_not_be_written),
		cmocka_unit_test(test_stack_overflow),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_other_signals),
		cmocka_unit_test(test_what_the_code_said),
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_without_a_map),
		cmocka_unit_test(test_maps_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
