/*
 * futex.h - sleeping on a word of shared memory: futex(2), between processes.
 */
#ifndef COMMON_FUTEX_H
#define COMMON_FUTEX_H

#include <linux/futex.h>
#include <sys/syscall.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/*
 * Sleeps while *word is `seen`; timeout_ms 0 is for ever.  Returns on a wake,
 * a signal, a changed word or the time-out alike: look again.
 */
static inline void
futex_wait(const _Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ms)
{
	struct timespec limit = { (time_t)(timeout_ms / 1000),
	    (long)(timeout_ms % 1000) * 1000000 };

	syscall(SYS_futex, word, FUTEX_WAIT, seen,
	    timeout_ms == 0 ? NULL : &limit, NULL, 0);
}

static inline void
futex_wake(const _Atomic uint32_t *word, int how_many)
{
	syscall(SYS_futex, word, FUTEX_WAKE, how_many, NULL, NULL, 0);
}

#endif
