/*
 * memory_limit.c - a bound on what this process may take from now on.
 *
 * Runs in: loader, worker, before any code of a handler.
 * Owns: RLIMIT_DATA of its process.
 * Invariant: never RLIMIT_AS, which counts shared models and reservations.
 */
#include "common/memory_limit.h"

#include <sys/resource.h>

#include <stdio.h>
#include <unistd.h>

#include "common/log.h"

/* Stack included: a little more than RLIMIT_DATA counts.  0, or -1. */
static int
read_private(rlim_t *bytes_out)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;
	int got;

	if (file == NULL)
		return -1;
	got = fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages);
	fclose(file);
	*bytes_out = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
	return got == 1 ? 0 : -1;
}

void
memory_limit_private(uint64_t bytes)
{
	struct rlimit limit;
	rlim_t wanted;

	if (read_private(&wanted) != 0 ||
	    getrlimit(RLIMIT_DATA, &limit) != 0) {
		log_warnx("the memory of this process stays unlimited");
		return;
	}
	wanted += bytes;
	if (wanted > limit.rlim_max)
		wanted = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_DATA, &limit) != 0)
		log_warn("setrlimit(RLIMIT_DATA)");
}
