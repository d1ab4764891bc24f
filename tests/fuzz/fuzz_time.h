/*
 * fuzz_time.h - time that a target makes itself, for files compiled with it:
 * the compiler includes this first (tests.am).
 */
#ifndef TESTS_FUZZ_TIME_H
#define TESTS_FUZZ_TIME_H

#include "common/clock.h"
#include "common/futex.h"

uint64_t	fuzz_clock_ns(void);
void		fuzz_sleep(uint64_t ms);

/* Nobody else would wake it. */
#define clock_now_ns()			fuzz_clock_ns()
#define clock_now_ms()			(fuzz_clock_ns() / CLOCK_NS_PER_MS)
#define futex_wait(word, seen, ms)	fuzz_sleep(ms)
#define futex_wake(word, how_many)	((void)0)

#endif
