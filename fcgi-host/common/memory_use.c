/*
 * memory_use.c - a process's private and proportional memory.
 *
 * Runs in: front and worker (their own), supervisor (the rest).
 * Owns: nothing.
 * Invariant: RSS is never reported: it counts shared pages once per process.
 */
#include "common/memory_use.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static uint64_t
private_of(const char *line)
{
	return kilobytes_of(line, "Private_Clean:") +
	    kilobytes_of(line, "Private_Dirty:") +
	    kilobytes_of(line, "Private_Hugetlb:");
}

static void
add(struct memory_use *use, const char *line)
{
	use->pss_bytes += kilobytes_of(line, "Pss:");
	use->private_bytes += private_of(line);
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
	while (fgets(line, sizeof(line), file) != NULL)
		add(use_out, line);
	fclose(file);
	return 0;
}

/* "7f0c00000000-7f0c00001000 rw-s ...", the head of a mapping; else 0. */
static char
sharing_of(const char *line)
{
	char sharing;

	return sscanf(line, "%*x-%*x %*1[r-]%*1[w-]%*1[x-]%c", &sharing) == 1 ?
	    sharing : '\0';
}

int
memory_use_read_own(struct memory_use *use_out, uint64_t *own_out)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	bool shared = false, begins = true;
	char line[256];

	if (file == NULL)
		return -1;
	memset(use_out, 0, sizeof(*use_out));
	*own_out = 0;
	while (fgets(line, sizeof(line), file) != NULL) {
		char sharing = begins ? sharing_of(line) : '\0';

		begins = strchr(line, '\n') != NULL;
		if (sharing != '\0') {
			shared = sharing == 's';
			continue;
		}
		add(use_out, line);
		*own_out += shared ? 0 : private_of(line);
	}
	fclose(file);
	return 0;
}

int
memory_use_anonymous(uint64_t *bytes_out)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t resident, shared;
	int got;

	if (file == NULL)
		return -1;
	got = fscanf(file, "%*u %" SCNu64 " %" SCNu64, &resident, &shared);
	fclose(file);
	if (got != 2 || shared > resident) {
		errno = EINVAL;
		return -1;
	}
	*bytes_out = (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}
