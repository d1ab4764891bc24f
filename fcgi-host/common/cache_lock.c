/*
 * cache_lock.c - a shard's lock, which is never waited for without bound.
 *
 * Runs in: front, workers; call, cgi.
 * Owns: the shard from lock to unlock.
 * Invariant: who finds `writing` set after he took the lock clears the shard:
 * its last holder did not come to his end.  A pthread mutex would not do: one
 * that somebody wrote over leads glibc's list of robust mutexes anywhere.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/cache_point.h"
#include "common/cache_private.h"
#include "common/clock.h"
#include "common/futex.h"

#define SPINS	200
#define NAP_MS	10

static uint32_t
without_waiters(uint32_t word)
{
	return word & ~CACHE_LOCK_WAITERS;
}

static uint32_t
new_word(struct cache *cache)
{
	uint32_t turn = atomic_fetch_add_explicit(&cache->turns, 1,
	    memory_order_relaxed);

	return without_waiters(turn << CACHE_LOCK_TURN) | cache->pid;
}

static bool
take(struct cache_hold *hold, uint32_t seen, uint32_t word)
{
	if (!atomic_compare_exchange_strong(&hold->shard->lock, &seen, word))
		return false;
	hold->word = word;
	return true;
}

static bool
spin(struct cache_hold *hold, uint32_t word)
{
	for (int i = 0; i < SPINS; i++)
		if (atomic_load_explicit(&hold->shard->lock,
		    memory_order_relaxed) == 0 && take(hold, 0, word))
			return true;
	return false;
}

/* Since when have we seen this holder stand still?  0: not yet. */
static uint64_t
stuck_since(const struct cache_stuck *stuck, uint32_t holder)
{
	return atomic_load(&stuck->holder) == holder ?
	    atomic_load(&stuck->since_ms) : 0;
}

static void
note_stuck(struct cache_stuck *stuck, uint32_t holder, uint64_t since_ms)
{
	if (atomic_load(&stuck->holder) == holder)
		return;
	atomic_store(&stuck->since_ms, since_ms);
	atomic_store(&stuck->holder, holder);
}

/* It is free, in other hands, or has not moved for all this time. */
enum moved { FREE, MOVED, STILL };

static enum moved
sleep_until(struct cache_shard *shard, uint32_t holder, uint64_t end_ms)
{
	for (;;) {
		uint32_t seen = atomic_load(&shard->lock);
		uint32_t marked = seen | CACHE_LOCK_WAITERS;

		if (seen == 0)
			return FREE;
		if (without_waiters(seen) != holder)
			return MOVED;
		if (clock_now_ms() >= end_ms)
			return STILL;
		if (seen == marked || atomic_compare_exchange_strong(
		    &shard->lock, &seen, marked))
			futex_wait(&shard->lock, marked, NAP_MS);
	}
}

static int
give_up(struct cache_hold *hold)
{
	atomic_fetch_add_explicit(&hold->shard->stats.busy, 1,
	    memory_order_relaxed);
	errno = EBUSY;
	return -1;
}

/*
 * One that has stood still for CACHE_STEAL_MS, and for all of this wait too,
 * loses it: it may be dead in a process that nobody reports, or a word that
 * somebody wrote over.
 */
static int
wait_for(struct cache_hold *hold, uint32_t word)
{
	struct cache_stuck *stuck = &hold->cache->stuck[hold->number];
	uint64_t begun_ms = clock_now_ms(), since_ms = 0;
	uint32_t first = 0, holder = 0;
	enum moved moved = FREE;

	do {
		uint32_t seen = atomic_load(&hold->shard->lock);

		holder = without_waiters(seen);
		if (holder == 0) {
			if (take(hold, seen, word | CACHE_LOCK_WAITERS))
				return 0;
			continue;
		}
		if (first == 0)
			first = holder;
		since_ms = stuck_since(stuck, holder);
		if (since_ms != 0 && begun_ms < since_ms + CACHE_STEAL_MS)
			return give_up(hold);
		moved = sleep_until(hold->shard, holder,
		    begun_ms + CACHE_WAIT_MS);
	} while (moved != STILL && clock_now_ms() < begun_ms + CACHE_WAIT_MS);
	if (moved != STILL || holder != first)
		return give_up(hold);
	if (since_ms != 0 && take(hold, holder | CACHE_LOCK_WAITERS,
	    word | CACHE_LOCK_WAITERS))
		return 0;
	note_stuck(stuck, holder, begun_ms);
	return give_up(hold);
}

/* Where things are; the shard's own words are not asked. */
static void
hold_init(struct cache_hold *hold, struct cache *cache, uint64_t hash)
{
	uint8_t *at;

	hold->cache = cache;
	hold->number = (uint32_t)(hash >> 40) & (cache->shard_count - 1);
	at = cache->memory + cache->shard_bytes * hold->number;
	hold->shard = (struct cache_shard *)(void *)at;
	hold->index = (struct cache_slot *)(void *)(at + CACHE_PAGE);
	hold->log = at + cache->log_offset;
	hold->written = false;
}

static bool
was_left(const struct cache_hold *hold)
{
	return atomic_load(&hold->shard->writing) != 0 ||
	    atomic_load(&hold->shard->poisoned) != 0;
}

int
cache_lock(struct cache *cache, const struct cache_key *key,
    struct cache_hold *hold)
{
	uint32_t word = new_word(cache);

	if (cache->memory == NULL) {
		errno = ENOTSUP;
		return -1;
	}
	hold_init(hold, cache, key->hash);
	if (!take(hold, 0, word) && !spin(hold, word) &&
	    wait_for(hold, word) < 0)
		return -1;
	atomic_store_explicit(&cache->stuck[hold->number].holder, 0,
	    memory_order_relaxed);
	hold->now_ms = clock_now_ms();
	cache_point(CACHE_POINT_LOCKED);
	if (was_left(hold))
		cache_clear(hold);
	return 0;
}

void
cache_write_begin(struct cache_hold *hold)
{
	if (hold->written)
		return;
	hold->written = true;
	atomic_store(&hold->shard->writing, 1);
	cache_point(CACHE_POINT_WRITING);
}

/* Sleepers in cache_wait() set the flag anew each time. */
static bool
note_change(const struct cache_hold *hold)
{
	if (!hold->written ||
	    atomic_exchange(&hold->shard->waited_for, 0) == 0)
		return false;
	atomic_fetch_add(&hold->shard->changes, 1);
	return true;
}

static bool
is_ours(const struct cache_hold *hold, uint32_t seen)
{
	return without_waiters(seen) == without_waiters(hold->word);
}

/* The next one may have begun: our last words, and he clears. */
static int
was_taken(struct cache_hold *hold)
{
	if (hold->written)
		atomic_store(&hold->shard->poisoned, 1);
	errno = EBUSY;
	return -1;
}

int
cache_unlock(struct cache_hold *hold)
{
	struct cache_shard *shard = hold->shard;
	uint32_t seen = atomic_load(&shard->lock);
	bool changed;

	cache_point(CACHE_POINT_WRITTEN);
	if (!is_ours(hold, seen))
		return was_taken(hold);
	changed = note_change(hold);
	if (hold->written)
		atomic_store(&shard->writing, 0);
	do {
		if (!is_ours(hold, seen))
			return was_taken(hold);
	} while (!atomic_compare_exchange_weak(&shard->lock, &seen, 0));
	cache_point(CACHE_POINT_UNLOCKED);
	if ((seen & CACHE_LOCK_WAITERS) != 0)
		futex_wake(&shard->lock, 1);
	if (changed)
		futex_wake(&shard->changes, INT_MAX);
	return 0;
}

/* Never a version that was given before; but for one that was written over,
 * they grow from the clock. */
static uint64_t
version_after(uint64_t last)
{
	uint64_t now_ns = clock_now_ns();

	return last > now_ns && last - now_ns < UINT64_C(1) << 50 ? last :
	    now_ns;
}

void
cache_clear(struct cache_hold *hold)
{
	struct cache_shard *shard = hold->shard;

	cache_write_begin(hold);
	atomic_store(&shard->poisoned, 0);
	memset(hold->index, 0, (size_t)hold->cache->units *
	    sizeof(*hold->index));
	cache_point(CACHE_POINT_CLEARING);
	atomic_store(&shard->head, 0);
	atomic_store(&shard->tail, 0);
	atomic_store(&shard->used, 0);
	atomic_store(&shard->version,
	    version_after(atomic_load(&shard->version)));
	atomic_store(&shard->stats.entries, 0);
	atomic_store(&shard->stats.used, 0);
	cache_count(&shard->stats.cleared, 1);
}
