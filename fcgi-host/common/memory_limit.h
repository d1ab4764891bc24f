/*
 * memory_limit.h - a bound on what this process may take from now on.
 */
#ifndef COMMON_MEMORY_LIMIT_H
#define COMMON_MEMORY_LIMIT_H

#include <stdint.h>

/*
 * Private memory: `bytes` more than there is now, by RLIMIT_DATA; an allocation
 * beyond it fails in this process alone.  What was inherited does not count,
 * and neither does shared memory, such as a model's.  Only ever lowers the
 * limit.  Where it cannot be set the log says so.
 */
void	memory_limit_private(uint64_t bytes);

#endif
