/*
 * memory_use.c - a process's private and proportional memory.
 *
 * Runs in: front and worker (their own), supervisor (the rest).
 * Owns: nothing.
 * Invariant: RSS is never reported: it counts shared pages once per process.
 */
#include "common/memory_use.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t
kilobytes_of(const char *line, const char *name)
{
	uint64_t value;
	size_t length = strlen(name);

	if (strncmp(line, name, length) != 0 ||
	    sscanf(line + length, "%" SCNu64, &value) != 1)
		return 0;
	return value * 1024;
}

int
memory_use_read(pid_t pid, struct memory_use *use_out)
{
	char path[64], line[256];
	FILE *file;

	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/self/smaps_rollup");
	else
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	memset(use_out, 0, sizeof(*use_out));
	while (fgets(line, sizeof(line), file) != NULL) {
		use_out->pss_bytes += kilobytes_of(line, "Pss:");
		use_out->private_bytes += kilobytes_of(line, "Private_Clean:");
		use_out->private_bytes += kilobytes_of(line, "Private_Dirty:");
		use_out->private_bytes += kilobytes_of(line,
		    "Private_Hugetlb:");
	}
	fclose(file);
	return 0;
}
