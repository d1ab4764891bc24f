/*
 * fuzz_elf.c - any bytes as a handler's file.
 *
 * Runs in: make check, libFuzzer.
 * Owns: a nameless file in memory.
 * Invariant: whatever the headers say, reading stays inside the file, and what
 * is found is consistent.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include <string.h>
#include <unistd.h>

#include "common/elf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct elf_facts facts;
	struct err err = { "" };
	int rc;

	if (fd < 0)
		fd = memfd_create("fuzz_elf", MFD_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)size) == 0);
	CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	rc = elf_read(fd, "fh_handler_descriptor", &facts, &err);
	CHECK((rc < 0) == (err.text[0] != '\0'));
	CHECK(facts.byte_count <= sizeof(facts.bytes));
	CHECK(strlen(facts.build_id) <= 2 * ELF_BUILD_ID_MAX);
	CHECK(rc < 0 || facts.symbols || !facts.defined);
	CHECK(rc < 0 || facts.defined || facts.byte_count == 0);
	return 0;
}
