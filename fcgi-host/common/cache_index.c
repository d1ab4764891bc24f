/*
 * cache_index.c - a shard's index: eight places for a hash, and no chains.
 *
 * Runs in: front, workers; call, cgi.
 * Owns: the slots of a shard that is locked.
 * Invariant: a look-up reads eight slots and no more; keys that collide, by bad
 * luck or somebody's will, evict one another and slow nobody down.
 */
#include <string.h>

#include "common/cache_private.h"

static struct cache_slot *
bucket_of(const struct cache_hold *hold, uint32_t bucket)
{
	return hold->index + ((uint64_t)bucket * hold->cache->buckets >> 32) *
	    CACHE_WAYS;
}

static bool
same_key(const struct cache_hold *hold, const struct cache_item *item,
    const struct cache_key *key)
{
	return item->key_length == key->length &&
	    memcmp(cache_at(hold, item->at) + sizeof(struct cache_entry),
	    key->bytes, key->length) == 0;
}

int
cache_index_find(const struct cache_hold *hold, const struct cache_key *key,
    struct cache_item *out)
{
	uint32_t low = (uint32_t)key->hash, tag = (uint32_t)(key->hash >> 32);
	const struct cache_slot *slots = bucket_of(hold, low);

	for (int i = 0; i < CACHE_WAYS; i++) {
		uint32_t place = atomic_load(&slots[i].place);

		if (place == 0 || atomic_load(&slots[i].tag) != tag)
			continue;
		if (!cache_item_read(hold, place - 1, out) ||
		    out->state != CACHE_LIVE || out->tag != tag)
			return -1;
		if (out->bucket == low && same_key(hold, out, key))
			return 1;
	}
	return 0;
}

static struct cache_slot *
slot_of(const struct cache_hold *hold, const struct cache_item *item)
{
	struct cache_slot *slots = bucket_of(hold, item->bucket);

	for (int i = 0; i < CACHE_WAYS; i++)
		if (atomic_load(&slots[i].place) == item->at + 1)
			return &slots[i];
	return NULL;
}

/* One that is broken goes first, then the oldest that nobody has read. */
static uint64_t
worth(const struct cache_hold *hold, const struct cache_slot *slot,
    struct cache_item *item_out)
{
	uint32_t place = atomic_load(&slot->place);

	if (!cache_item_read(hold, place - 1, item_out) ||
	    item_out->state != CACHE_LIVE)
		return 0;
	return item_out->version >> 1 |
	    (item_out->wanted != 0 ? UINT64_C(1) << 63 : 1);
}

static struct cache_slot *
evict_one(struct cache_hold *hold, struct cache_slot *slots)
{
	struct cache_slot *least = &slots[0];
	struct cache_item item, victim = { 0 };
	uint64_t least_worth = UINT64_MAX;

	for (int i = 0; i < CACHE_WAYS; i++) {
		uint64_t now = worth(hold, &slots[i], &item);

		if (now >= least_worth)
			continue;
		least = &slots[i];
		least_worth = now;
		victim = item;
	}
	if (least_worth > 0) {
		cache_item_drop(hold, &victim);
		cache_count(&hold->shard->stats.evictions, 1);
	}
	return least;
}

void
cache_index_add(struct cache_hold *hold, const struct cache_item *item)
{
	struct cache_slot *slots = bucket_of(hold, item->bucket);
	struct cache_slot *slot = NULL;

	for (int i = 0; i < CACHE_WAYS && slot == NULL; i++)
		if (atomic_load(&slots[i].place) == 0)
			slot = &slots[i];
	if (slot == NULL)
		slot = evict_one(hold, slots);
	atomic_store(&slot->tag, item->tag);
	atomic_store(&slot->place, item->at + 1);
}

void
cache_index_remove(struct cache_hold *hold, const struct cache_item *item)
{
	struct cache_slot *slot = slot_of(hold, item);

	if (slot != NULL)
		atomic_store(&slot->place, 0);
}

void
cache_index_move(struct cache_hold *hold, const struct cache_item *item,
    uint32_t to)
{
	struct cache_slot *slot = slot_of(hold, item);

	if (slot != NULL)
		atomic_store(&slot->place, to + 1);
}
