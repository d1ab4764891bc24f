/*
 * front_poison.c - policy: a request that ends workers again and again.
 *
 * Runs in: front.
 * Owns: nothing; the table is the caller's.
 * Invariant: pure; bounded; a request that never ended a worker is never in it.
 */
#include "front/front_poison.h"

/* `count`: it is not in the table. */
static uint32_t
find(const struct front_poison *poison, uint32_t route, uint64_t hash)
{
	uint32_t i = 0;

	while (i < poison->count && (poison->entries[i].hash != hash ||
	    poison->entries[i].route != route))
		i++;
	return i;
}

static struct front_poison_entry *
take_entry(struct front_poison *poison)
{
	struct front_poison_entry *oldest = &poison->entries[0];

	if (poison->count < FRONT_POISON_MAX)
		return &poison->entries[poison->count++];
	for (uint32_t i = 1; i < poison->count; i++)
		if (poison->entries[i].last_ms < oldest->last_ms)
			oldest = &poison->entries[i];
	return oldest;
}

uint32_t
front_poison_killed(struct front_poison *poison,
    const struct front_poison_policy *policy, uint32_t route, uint64_t hash,
    uint64_t now_ms)
{
	uint32_t at = find(poison, route, hash);
	struct front_poison_entry *entry = &poison->entries[at];

	if (at == poison->count) {
		entry = take_entry(poison);
		*entry = (struct front_poison_entry){ .hash = hash,
		    .route = route };
	} else if (now_ms - entry->last_ms > policy->window_ms)
		entry->kills = 0;
	entry->last_ms = now_ms;
	return ++entry->kills;
}

bool
front_poison_watches(const struct front_poison *poison, uint32_t route)
{
	for (uint32_t i = 0; i < poison->count; i++)
		if (poison->entries[i].route == route)
			return true;
	return false;
}

bool
front_poison_is(const struct front_poison *poison,
    const struct front_poison_policy *policy, uint32_t route, uint64_t hash,
    uint64_t now_ms)
{
	uint32_t at = find(poison, route, hash);
	const struct front_poison_entry *entry = &poison->entries[at];

	return policy->kills != 0 && at < poison->count &&
	    entry->kills >= policy->kills &&
	    now_ms - entry->last_ms <= policy->window_ms;
}
