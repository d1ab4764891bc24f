/*
 * cache_log.c - a shard's log: a ring of entries, the oldest leave first.
 *
 * Runs in: front, workers; call, cgi.
 * Owns: head, tail and what is between them, of a shard that is locked.
 * Invariant: no entry lies over the ring's end; what is read from it is within
 * bounds or is not used; making room ends, whatever is there.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#include "common/cache_point.h"
#include "common/cache_private.h"

#define CHANCES		16	/* entries that go round, for one new one */
#define CHANCE_UNITS	2048	/* and their size together */

/* As they are while room is made; loaded and checked once. */
struct ring {
	uint32_t	head, tail, used;
	uint32_t	chances, chance_units;
};

void
cache_count(_Atomic uint64_t *counter, int64_t by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter,
	    memory_order_relaxed) + (uint64_t)by, memory_order_relaxed);
}

uint8_t *
cache_at(const struct cache_hold *hold, uint32_t at)
{
	return hold->log + (size_t)at * CACHE_UNIT;
}

static struct cache_entry *
entry_at(const struct cache_hold *hold, uint32_t at)
{
	return (struct cache_entry *)(void *)cache_at(hold, at);
}

uint64_t
cache_check(const struct cache_item *item, uint64_t hash, const void *value)
{
	const uint64_t about[] = { hash, item->version, item->expires_ms,
	    (uint64_t)item->type << 32 | item->value_length };

	return XXH3_64bits_withSeed(value, item->value_length,
	    XXH3_64bits(about, sizeof(about)));
}

static void
load(const struct cache_entry *entry, struct cache_item *out)
{
	out->state = atomic_load(&entry->state);
	out->units = atomic_load(&entry->units);
	out->bucket = atomic_load(&entry->bucket);
	out->tag = atomic_load(&entry->tag);
	out->key_length = atomic_load(&entry->key_length);
	out->value_length = atomic_load(&entry->value_length);
	out->type = atomic_load(&entry->type);
	out->wanted = atomic_load(&entry->wanted);
	out->expires_ms = atomic_load(&entry->expires_ms);
	out->version = atomic_load(&entry->version);
	out->check = atomic_load(&entry->check);
}

static bool
contents_fit(const struct cache_item *item)
{
	return item->key_length <= sizeof(((struct cache_key *)0)->bytes) &&
	    item->value_length <= CACHE_VALUE_MAX &&
	    item->type <= CACHE_NUMBER && item->version != 0 &&
	    sizeof(struct cache_entry) + item->key_length +
	    item->value_length <= (size_t)item->units * CACHE_UNIT;
}

bool
cache_item_read(const struct cache_hold *hold, uint32_t at,
    struct cache_item *out)
{
	uint32_t total = hold->cache->units;

	if (at >= total)
		return false;
	out->at = at;
	load(entry_at(hold, at), out);
	if (out->units == 0 || out->units > total - at)
		return false;
	return out->state == CACHE_DEAD ||
	    (out->state == CACHE_LIVE && contents_fit(out));
}

void
cache_item_drop(struct cache_hold *hold, const struct cache_item *item)
{
	cache_index_remove(hold, item);
	cache_point(CACHE_POINT_DROPPED);
	atomic_store(&entry_at(hold, item->at)->state, CACHE_DEAD);
	cache_count(&hold->shard->stats.entries, -1);
}

/* ------------------------------------------------------------- the ring */

static bool
ring_load(const struct cache_hold *hold, struct ring *ring)
{
	uint32_t total = hold->cache->units;

	ring->head = atomic_load(&hold->shard->head);
	ring->tail = atomic_load(&hold->shard->tail);
	ring->used = atomic_load(&hold->shard->used);
	ring->chances = CHANCES;
	ring->chance_units = CHANCE_UNITS;
	return ring->head < total && ring->tail < total &&
	    ring->used <= total &&
	    ((uint64_t)ring->tail + ring->used) % total == ring->head;
}

static void
ring_store(const struct cache_hold *hold, const struct ring *ring)
{
	atomic_store(&hold->shard->head, ring->head);
	atomic_store(&hold->shard->tail, ring->tail);
	atomic_store(&hold->shard->used, ring->used);
	atomic_store_explicit(&hold->shard->stats.used, ring->used,
	    memory_order_relaxed);
}

/* What is left before the end, if an entry of this size does not fit there. */
static uint32_t
gap_before(const struct cache_hold *hold, const struct ring *ring,
    uint32_t units)
{
	uint32_t left = hold->cache->units - ring->head;

	return left < units ? left : 0;
}

static void
advance(const struct cache_hold *hold, struct ring *ring, uint32_t units)
{
	ring->head = (ring->head + units) % hold->cache->units;
	ring->used += units;
}

/* The place of a new entry; there is room for it and for the gap. */
static uint32_t
push(const struct cache_hold *hold, struct ring *ring, uint32_t units)
{
	uint32_t gap = gap_before(hold, ring, units), at;

	if (gap > 0) {
		struct cache_entry *filler = entry_at(hold, ring->head);

		atomic_store(&filler->units, gap);
		atomic_store(&filler->state, CACHE_DEAD);
		advance(hold, ring, gap);
	}
	at = ring->head;
	advance(hold, ring, units);
	return at;
}

static void
pop(const struct cache_hold *hold, struct ring *ring, uint32_t units)
{
	ring->tail = (ring->tail + units) % hold->cache->units;
	ring->used -= units;
	if (ring->used == 0)
		ring->head = ring->tail = 0;
}

/*
 * From the tail to the head, which always fits: if it has to go to the ring's
 * beginning, the tail was there, with its own room and what was free before it.
 */
static void
go_round(struct cache_hold *hold, struct ring *ring,
    const struct cache_item *item)
{
	uint32_t to;

	ring->chances--;
	ring->chance_units -= item->units;
	pop(hold, ring, item->units);
	to = push(hold, ring, item->units);
	memmove(cache_at(hold, to), cache_at(hold, item->at),
	    (size_t)item->units * CACHE_UNIT);
	cache_point(CACHE_POINT_MOVED);
	atomic_store(&entry_at(hold, to)->wanted, 0);
	cache_index_move(hold, item, to);
}

static bool
is_over(const struct cache_hold *hold, const struct cache_item *item)
{
	return item->expires_ms != 0 && item->expires_ms <= hold->now_ms;
}

/* The oldest leaves, or goes round.  False: it is none. */
static bool
make_leave(struct cache_hold *hold, struct ring *ring)
{
	struct cache_item item;

	if (ring->used == 0 || !cache_item_read(hold, ring->tail, &item) ||
	    item.units > ring->used)
		return false;
	if (item.state == CACHE_LIVE && item.wanted != 0 &&
	    !is_over(hold, &item) && ring->chances > 0 &&
	    item.units <= ring->chance_units) {
		go_round(hold, ring, &item);
	} else {
		if (item.state == CACHE_LIVE) {
			if (!is_over(hold, &item))
				cache_count(&hold->shard->stats.evictions, 1);
			cache_item_drop(hold, &item);
			cache_point(CACHE_POINT_EVICTED);
		}
		pop(hold, ring, item.units);
	}
	ring_store(hold, ring);
	return true;
}

bool
cache_log_room(struct cache_hold *hold, uint32_t units, uint32_t *at_out)
{
	struct ring ring;

	if (!ring_load(hold, &ring))
		return false;
	while (hold->cache->units - ring.used < units +
	    gap_before(hold, &ring, units))
		if (!make_leave(hold, &ring))
			return false;
	*at_out = push(hold, &ring, units);
	ring_store(hold, &ring);
	cache_point(CACHE_POINT_ROOM);
	return true;
}
