/*
 * memory_use.h - a process's private and proportional memory.
 */
#ifndef COMMON_MEMORY_USE_H
#define COMMON_MEMORY_USE_H

#include <stdint.h>
#include <sys/types.h>

struct memory_use {
	uint64_t	private_bytes;	/* this process's alone */
	uint64_t	pss_bytes;	/* shared pages in equal parts */
};

/*
 * From /proc/PID/smaps_rollup; pid 0 is ourselves.  Takes milliseconds when
 * much is mapped.  0, or -1 with errno.
 */
int	memory_use_read(pid_t pid, struct memory_use *use_out);

/*
 * What this process has taken for itself: private pages of mappings that are
 * not shared.  A page of a model that only one process has read so far is
 * private to the kernel, and so to memory_use_read(), but not to this one.
 * From /proc/self/smaps, which takes longer.  0, or -1 with errno.
 */
int	memory_use_own(uint64_t *bytes_out);

#endif
