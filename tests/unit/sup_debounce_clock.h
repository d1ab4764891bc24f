/*
 * sup_debounce_clock.h - what the tests of the policy share: a clock that goes
 * only when it is told to, and the reloads that became due.
 */
#ifndef TESTS_UNIT_SUP_DEBOUNCE_CLOCK_H
#define TESTS_UNIT_SUP_DEBOUNCE_CLOCK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/sup_debounce.h"

#define DELAY	500
#define LONGEST	(DELAY * SUP_DEBOUNCE_DELAYS)
#define MINUTE	60000

static struct sup_debounce	 debounce;
static uint64_t			 now;
static unsigned			 reloads;
static uint64_t			 last_reload;

static inline int
set_up(void **state)
{
	(void)state;
	sup_debounce_init(&debounce, DELAY);
	now = 1000000;
	reloads = 0;
	last_reload = 0;
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	sup_debounce_finish(&debounce);
	return 0;
}

/* Lets time pass; the reloads that become due begin. */
static inline void
pass(uint64_t ms)
{
	uint64_t until = now + ms, wait;

	while ((wait = sup_debounce_wait(&debounce, now)) <= until - now) {
		now += wait;
		sup_debounce_reload(&debounce, now);
		reloads++;
		last_reload = now;
	}
	now = until;
}

static inline void
event(enum sup_debounce_event what, const char *name)
{
	sup_debounce_event(&debounce, what, name, now);
}

static inline void
assert_wait(uint64_t ms)
{
	assert_true(sup_debounce_wait(&debounce, now) == ms);
}

static inline void
assert_written(const char *name)
{
	const char *found = sup_debounce_being_written(&debounce, 0);

	if (name == NULL) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	assert_null(sup_debounce_being_written(&debounce, 1));
}

/* cp: made, written, closed, within a millisecond. */
static inline void
copy(const char *name)
{
	event(SUP_DEBOUNCE_CREATED, name);
	event(SUP_DEBOUNCE_WRITTEN, name);
	event(SUP_DEBOUNCE_CLOSED, name);
}

#define debounce_unit_test(f) \
	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
