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
 * The same of ourselves, and beside it what this process has taken for itself:
 * private pages of mappings that are not shared.  A page of a model that only
 * one process has read so far is private to the kernel, but not here.  From
 * /proc/self/smaps, which takes as long and is more to read.
 */
int	memory_use_read_own(struct memory_use *use_out, uint64_t *own_out);

/* All anonymous memory of this process, inherited pages included: a few
 * microseconds, from /proc/self/statm.  0, or -1 with errno. */
int	memory_use_anonymous(uint64_t *bytes_out);

#endif
