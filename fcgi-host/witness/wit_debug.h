/*
 * wit_debug.h - what wit_unwind.c and wit_symbols.c share: the process that
 * was, as libdw sees it.
 */
#ifndef WITNESS_WIT_DEBUG_H
#define WITNESS_WIT_DEBUG_H

#include <elfutils/libdwfl.h>

#include "witness/wit.h"

struct wit_debug {
	Dwfl			*dwfl;
	const struct wit_record	*record;
	uint64_t		 pc, sp;	/* where the unwinding begins */
};

#endif
