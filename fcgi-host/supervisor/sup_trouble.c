/*
 * sup_trouble.c - what the supervisor is short of, and since when.
 *
 * Runs in: supervisor.
 * Owns: nothing; the state is the caller's.
 * Invariant: each beginning and each end is told once.
 */
#include "supervisor/sup_trouble.h"

#include "common/clock.h"

bool
sup_trouble_begins(struct sup_trouble *trouble)
{
	if (trouble->since_ms != 0)
		return false;
	*trouble = (struct sup_trouble){ .since_ms = clock_now_ms() };
	return true;
}

bool
sup_trouble_ends(struct sup_trouble *trouble)
{
	bool was = trouble->since_ms != 0;

	trouble->since_ms = 0;
	return was;
}
