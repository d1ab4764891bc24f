/*
 * wit_words.c - what happened to a process, in words.
 *
 * Runs in: witness.
 * Owns: nothing.
 * Invariant: pure: a record and a map in, a sentence out, whatever they say.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "witness/wit.h"

#define NULL_PAGES	UINT64_C(0x10000)	/* a member of a NULL struct */
#define NEAR		UINT64_C(0x10000)	/* of a stack, of an end */
#define LEAP		(UINT64_C(1) << 30)	/* one frame over the guard */
#define MODEL_PREFIX	"/memfd:model:"
#define DELETED		" (deleted)"
#define PLACE_MAX	512
#define FORBIDDEN	"memory that may not be accessed so"

struct words {
	const struct crash_record	*crash;
	const struct wit_maps		*maps;
	const struct wit_map		*map;	/* of crash->address, or NULL */
	char				*out;
	size_t				 size;
};

/* What a code of a signal means; the last one has no words. */
struct code_words {
	int		 code;
	const char	*words;
};

static const struct code_words of_sigfpe[] = {
	{ FPE_INTDIV, "integer division by zero" },
	{ FPE_INTOVF, "integer overflow" },
	{ FPE_FLTDIV, "floating-point division by zero" },
	{ FPE_FLTOVF, "floating-point overflow" },
	{ FPE_FLTUND, "floating-point underflow" },
	{ FPE_FLTRES, "inexact floating-point result" },
	{ FPE_FLTINV, "invalid floating-point operation" },
	{ FPE_FLTSUB, "subscript out of range" },
	{ 0, NULL }
};

static const struct code_words of_sigill[] = {
	{ ILL_ILLOPC, "illegal instruction" },
	{ ILL_ILLOPN, "illegal instruction (__builtin_trap?)" },
	{ ILL_ILLADR, "illegal addressing mode" },
	{ ILL_ILLTRP, "illegal trap" },
	{ ILL_PRVOPC, "privileged instruction" },
	{ ILL_PRVREG, "privileged register" },
	{ ILL_COPROC, "error of a coprocessor" },
	{ ILL_BADSTK, "internal stack error" },
	{ 0, NULL }
};

static const struct code_words of_sigbus[] = {
	{ BUS_ADRALN, "address not aligned" },
	{ BUS_OBJERR, "the device of a mapped file failed" },
	{ BUS_MCEERR_AR, "broken memory (hardware)" },
	{ BUS_MCEERR_AO, "broken memory (hardware)" },
	{ SI_KERNEL, "a stack pointer or base that is no address" },
	{ 0, NULL }
};

static const char *
look_up(const struct code_words *list, int code)
{
	while (list->words != NULL && list->code != code)
		list++;
	return list->words;
}

static void	say(const struct words *, const char *, ...)
		    __attribute__((format(printf, 2, 3)));

static void
say(const struct words *words, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words->out, words->size, format, arguments);
	va_end(arguments);
}

/* ----------------------------------------------------------------- places */

static bool
ends_in(const char *text, size_t length, const char *end)
{
	size_t other = strlen(end);

	return length >= other &&
	    memcmp(text + length - other, end, other) == 0;
}

/* `before` and `model "sentiment"`, "/path/x.so" or "[heap]"; "" if it has no
 * name. */
static void
name_map(const struct wit_map *map, const char *before, char *out, size_t size)
{
	const char *path = map->path;
	size_t length = strlen(path), prefix = strlen(MODEL_PREFIX);

	if (ends_in(path, length, DELETED))
		length -= strlen(DELETED);
	out[0] = '\0';
	if (length > prefix && strncmp(path, MODEL_PREFIX, prefix) == 0)
		snprintf(out, size, "%smodel \"%.*s\"", before,
		    (int)(length - prefix), path + prefix);
	else if (length > 0)
		snprintf(out, size, "%s%.*s", before, (int)length, path);
}

static bool
is_model(const struct wit_map *map)
{
	return strncmp(map->path, MODEL_PREFIX, strlen(MODEL_PREFIX)) == 0;
}

static bool
is_forbidden(const struct wit_map *map)
{
	return map == NULL ||
	    (!map->readable && !map->writable && !map->executable);
}

/* The lowest address of the stack that sp is in or just below; 0: none. */
static uint64_t
stack_bottom(const struct words *words)
{
	uint64_t low = words->crash->stack_low;
	uint64_t sp = wit_record_stack_pointer(words->crash);
	const struct wit_maps *maps = words->maps;

	if (low != 0)
		return low;
	for (size_t i = 0; i < maps->count; i++)
		if (maps->list[i].end > sp && maps->list[i].writable)
			return maps->list[i].start;
	return 0;
}

/* It is at the bottom of its stack, and has touched what lies below. */
static bool
is_stack_overflow(const struct words *words)
{
	uint64_t address = words->crash->address;
	uint64_t sp = wit_record_stack_pointer(words->crash);
	uint64_t bottom = stack_bottom(words);
	uint64_t lowest = sp < bottom ? sp : bottom;

	if (sp == 0 || bottom == 0 || !is_forbidden(words->map) ||
	    bottom - lowest > LEAP)
		return false;
	if (sp >= bottom ? sp - bottom > NEAR : address < sp &&
	    sp - address > NEAR)
		return false;
	return address < bottom &&
	    (address >= lowest || lowest - address <= NEAR);
}

/* ---------------------------------------------------------------- SIGSEGV */

/* "... NULL", "... NULL + 16", "... NULL - 8"; false: it is far from it. */
static bool
say_null(const struct words *words, const char *before)
{
	uint64_t address = words->crash->address;

	if (address == 0)
		say(words, "%sNULL", before);
	else if (address < NULL_PAGES)
		say(words, "%sNULL + %" PRIu64, before, address);
	else if (-address < NULL_PAGES)
		say(words, "%sNULL - %" PRIu64, before, -address);
	else
		return false;
	return true;
}

/* The program counter is where no code is. */
static bool
is_jump(const struct words *words)
{
	return words->crash->address == words->crash->program_counter &&
	    (words->map == NULL || !words->map->executable);
}

static void
say_jump(const struct words *words)
{
	uint64_t address = words->crash->address;
	char place[PLACE_MAX];

	if (say_null(words, "jumped to "))
		return;
	if (words->map == NULL) {
		say(words, "jumped to 0x%" PRIx64 ", where nothing is mapped",
		    address);
		return;
	}
	name_map(words->map, " of ", place, sizeof(place));
	say(words, "executed data at 0x%" PRIx64 "%s", address, place);
}

static const char *
choose(const struct words *words, const char *wrote, const char *read,
    const char *unknown)
{
	uint32_t flags = words->crash->fault_flags;

	if ((flags & CRASH_FAULT_KNOWN) == 0)
		return unknown;
	return (flags & CRASH_FAULT_WRITE) != 0 ? wrote : read;
}

/* What may be read and was not executed was written to. */
static void
say_mapped(const struct words *words)
{
	const struct wit_map *map = words->map;
	char place[PLACE_MAX];

	name_map(map, " of ", place, sizeof(place));
	if (is_forbidden(map))
		say(words, "%s memory that may not be accessed%s",
		    choose(words, "wrote to", "read", "touched"), place);
	else if (map->writable || !map->readable)
		say(words, FORBIDDEN "%s", place);
	else if (is_model(map)) {
		name_map(map, "", place, sizeof(place));
		say(words, "wrote to read-only %s at offset %" PRIu64, place,
		    words->crash->address - map->start + map->offset);
	} else
		say(words, "wrote to read-only memory%s", place);
}

/* A loop over a model that goes on too long. */
static void
say_unmapped(const struct words *words)
{
	uint64_t address = words->crash->address;
	const struct wit_map *before = wit_maps_before(words->maps, address);
	char place[PLACE_MAX];

	if (words->crash->code == SEGV_ACCERR)
		say(words, FORBIDDEN);
	else if (before == NULL || !is_model(before) ||
	    address - before->end >= NEAR)
		say(words, "address not mapped");
	else {
		name_map(before, "", place, sizeof(place));
		say(words, "%s past the end of %s",
		    choose(words, "wrote", "read", "went"), place);
	}
}

static void
say_segv(const struct words *words)
{
	const struct crash_record *crash = words->crash;

	if (crash->code == SI_KERNEL && crash->address == 0)
		say(words, "general protection: a non-canonical address, or "
		    "a privileged instruction");
	else if (is_jump(words))
		say_jump(words);
	else if (is_stack_overflow(words))
		say(words, "stack overflow");
	else if (say_null(words, choose(words, "wrote to ", "read from ",
	    "touched ")))
		return;
	else if (words->map != NULL)
		say_mapped(words);
	else
		say_unmapped(words);
}

/* ------------------------------------------------------------ other signals */

static void
say_code(const struct words *words, const struct code_words *list)
{
	const char *known = look_up(list, words->crash->code);

	if (known != NULL)
		say(words, "%s", known);
}

static void
say_bus(const struct words *words)
{
	char place[PLACE_MAX] = "";

	if (words->crash->code != BUS_ADRERR) {
		say_code(words, of_sigbus);
		return;
	}
	if (words->map != NULL)
		name_map(words->map, " ", place, sizeof(place));
	say(words, "file%s was truncated while mapped", place);
}

/* Its first line. */
static void
say_abort(const struct words *words)
{
	const char *message = words->crash->message;
	size_t length = strcspn(message, "\n");

	say(words, "abort%s%.*s", length > 0 ? ": " : "", (int)length,
	    message);
}

static void
say_exit(const struct words *words)
{
	const char *name = words->crash->message;

	if (strcmp(name, "pthread_exit") == 0)
		say(words, "called pthread_exit(), or its thread was "
		    "cancelled");
	else
		say(words, "called %s(%d)", strcmp(name, "_exit") == 0 ?
		    "_exit" : "exit", (int)words->crash->exit_status);
}

/* Nothing has failed: somebody wanted it.  In siginfo the sender's number lies
 * where a fault has its address. */
static bool
say_sender(const struct words *words)
{
	const struct crash_record *crash = words->crash;

	if (crash->code == SI_USER || crash->code == SI_QUEUE)
		say(words, "sent by process %" PRIu32,
		    (uint32_t)crash->address);
	else if (crash->code == SI_TKILL && crash->signal != SIGABRT)
		say(words, "sent by raise() or pthread_kill()");
	else
		return false;
	return true;
}

static void
say_signal(const struct words *words, const char *syscall, const char *advice)
{
	if (say_sender(words))
		return;
	switch (words->crash->signal) {
	case SIGSEGV:
		say_segv(words);
		break;
	case SIGBUS:
		say_bus(words);
		break;
	case SIGTRAP:
		say(words, "a breakpoint in the code");
		break;
	case SIGFPE:
		say_code(words, of_sigfpe);
		break;
	case SIGILL:
		say_code(words, of_sigill);
		break;
	case SIGABRT:
		say_abort(words);
		break;
	case SIGSYS:
		say(words, "called %s()%s%s", syscall,
		    advice != NULL ? ": " : ", which is not allowed",
		    advice != NULL ? advice : "");
		break;
	}
}

void
wit_words(const struct crash_record *crash, const struct wit_maps *maps,
    const char *syscall, const char *advice, char *out, size_t size)
{
	const struct words words = { crash, maps,
	    wit_maps_find(maps, crash->address), out, size };

	out[0] = '\0';
	if (crash->kind == CRASH_EXIT)
		say_exit(&words);
	else if (crash->kind == CRASH_END)
		say(&words, "%s", crash->message);
	else if (crash->kind == CRASH_SIGNAL)
		say_signal(&words, syscall, advice);
}
