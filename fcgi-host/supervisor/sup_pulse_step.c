/*
 * sup_pulse_step.c - policy: when the front is asked, trusted, and ended.
 *
 * Runs in: supervisor.
 * Owns: nothing; the state is the caller's.
 * Invariant: pure; a front that does not answer is never said to be well.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "supervisor/sup_pulse.h"

static enum sup_pulse_step
ask(struct sup_pulse *pulse)
{
	pulse->asked = true;
	pulse->missed = 0;
	return SUP_PULSE_ASK;
}

/* It was asked a look ago or more. */
static enum sup_pulse_step
miss(struct sup_pulse *pulse)
{
	if (++pulse->missed < SUP_PULSE_MISSED_MAX)
		return SUP_PULSE_WAIT;
	pulse->missed = 0;
	return SUP_PULSE_END;
}

enum sup_pulse_step
sup_pulse_step(struct sup_pulse *pulse, enum sup_pulse_front front,
    bool stopping)
{
	if (stopping)
		return SUP_PULSE_FEED;
	if (front == SUP_PULSE_NONE) {
		pulse->asked = false;
		if (pulse->alone >= SUP_PULSE_ALONE_MAX)
			return SUP_PULSE_WAIT;
		pulse->alone++;
		return SUP_PULSE_FEED;
	}
	pulse->alone = 0;
	if (front == SUP_PULSE_SAME && pulse->asked)
		return miss(pulse);
	return ask(pulse);
}

void
sup_pulse_step_answered(struct sup_pulse *pulse)
{
	pulse->asked = false;
	pulse->missed = 0;
}

static uint64_t
number_of(const char *text)
{
	unsigned long long value;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	value = strtoull(text, &end, 10);
	return *end != '\0' || errno != 0 ? 0 : value;
}

uint64_t
sup_pulse_period_us(const char *usec, const char *pid, int own_pid,
    bool successor)
{
	if (pid != NULL && !successor && number_of(pid) != (uint64_t)own_pid)
		return 0;
	return number_of(usec);
}
