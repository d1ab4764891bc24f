/*
 * sup_respawn.c - policy: how soon a dead process may be replaced.
 *
 * Runs in: supervisor.
 * Owns: nothing; the state is the caller's.
 * Invariant: pure; one death is forgiven, each further one in a row doubles
 * the wait up to SUP_RESPAWN_MAX_MS.
 */
#include "supervisor/sup_respawn.h"

uint64_t
sup_respawn_delay(struct sup_respawn *respawn, uint64_t lived_ms, bool worked)
{
	uint64_t delay = SUP_RESPAWN_FIRST_MS;

	if (worked || lived_ms >= SUP_RESPAWN_LIVED_MS) {
		respawn->failures = 0;
		return 0;
	}
	if (respawn->failures < UINT32_MAX)
		respawn->failures++;
	if (respawn->failures == 1)
		return 0;
	for (uint32_t i = 2; i < respawn->failures &&
	    delay < SUP_RESPAWN_MAX_MS; i++)
		delay *= 2;
	return delay < SUP_RESPAWN_MAX_MS ? delay : SUP_RESPAWN_MAX_MS;
}
