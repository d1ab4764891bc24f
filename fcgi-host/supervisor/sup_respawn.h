/*
 * sup_respawn.h - policy: how soon a dead process may be replaced.
 *
 * Pure: the clock is passed in.  After Postfix's master: a process that did
 * some work before it died is replaced at once; one that dies before its first
 * work, again and again, is held back, so that a crash loop stays cheap.
 */
#ifndef SUPERVISOR_SUP_RESPAWN_H
#define SUPERVISOR_SUP_RESPAWN_H

#include <stdbool.h>
#include <stdint.h>

#define SUP_RESPAWN_FIRST_MS	100
#define SUP_RESPAWN_MAX_MS	30000
#define SUP_RESPAWN_LIVED_MS	10000	/* counts as having worked */
#define SUP_RESPAWN_SERVED_MS	500	/* so does this, if its front serves */

struct sup_respawn {		/* zeroed is fresh */
	uint32_t	failures;	/* in a row */
};

/*
 * A process died that had lived for `lived_ms` and had done work or not.
 * Returns how many milliseconds to wait before the next is started.
 */
uint64_t	sup_respawn_delay(struct sup_respawn *, uint64_t lived_ms,
		    bool worked);

#endif
