/*
 * front_poison.h - policy: a request that ends workers again and again.
 *
 * A request is known by a hash of its route, method, URI and body.  One that
 * has ended `kills` workers within `window_ms` is refused until that time has
 * passed since its last.  Pure: the caller passes the time and the hash.
 */
#ifndef FRONT_FRONT_POISON_H
#define FRONT_FRONT_POISON_H

#include <stdbool.h>
#include <stdint.h>

#define FRONT_POISON_MAX	128	/* that are remembered */

struct front_poison_entry {
	uint64_t	hash;
	uint32_t	route;
	uint32_t	kills;		/* 0: not used */
	uint64_t	last_ms;
};

/* Zeroed is empty. */
struct front_poison {
	uint32_t		  count;
	struct front_poison_entry entries[FRONT_POISON_MAX];
};

/* kills 0: none is poison. */
struct front_poison_policy {
	uint32_t	kills;
	uint64_t	window_ms;
};

/* It has ended a worker.  How many times by now; of those that are remembered
 * the longest unseen gives way. */
uint32_t	front_poison_killed(struct front_poison *,
		    const struct front_poison_policy *, uint32_t route,
		    uint64_t hash, uint64_t now_ms);

/* Is a hash worth making? */
bool		front_poison_watches(const struct front_poison *,
		    uint32_t route);

bool		front_poison_is(const struct front_poison *,
		    const struct front_poison_policy *, uint32_t route,
		    uint64_t hash, uint64_t now_ms);

#endif
