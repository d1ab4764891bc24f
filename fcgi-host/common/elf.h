/*
 * elf.h - what a shared object's file says before it is opened as code.
 *
 * dlopen() runs constructors, and maps a cut-off file without a word (the
 * first touch of a missing page is a SIGBUS): so the file is read first.
 */
#ifndef COMMON_ELF_H
#define COMMON_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define ELF_BUILD_ID_MAX	20	/* bytes */

/*
 * symbols	the file has a dynamic symbol table that could be read; false
 *		for one stripped of its section headers: ask dlsym()
 * defined	`symbol` is defined in it
 * bytes	the first bytes of what the symbol names, as they lie in the
 *		file (relocations are not applied); `byte_count` of them
 */
struct elf_facts {
	char	build_id[2 * ELF_BUILD_ID_MAX + 1];	/* hex, "" if none */
	bool	symbols;
	bool	defined;
	size_t	byte_count;
	uint8_t	bytes[16];
};

/*
 * Reads a shared object of this machine, whole and unbroken; else -1 and why.
 * Nothing in the file is trusted.
 */
int	elf_read(int fd, const char *symbol, struct elf_facts *facts_out,
	    struct err *);

#endif
