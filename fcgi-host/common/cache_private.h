/*
 * cache_private.h - a shard, as the files of common/cache* see it.
 *
 * Any process may have written anything into a shard.  What is read from it to
 * be used is loaded once, into a local variable, and checked there.
 */
#ifndef COMMON_CACHE_PRIVATE_H
#define COMMON_CACHE_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cache.h"

#define CACHE_PAGE	4096
#define CACHE_UNIT	64	/* bytes; positions and sizes count these */
#define CACHE_WAYS	8	/* places in the index for a hash */
#define CACHE_SHARDS_MAX 64

/*
 * The lock's word: 0, or who holds it: his process, a number that changes with
 * each time he takes it, and whether others wait.
 */
#define CACHE_LOCK_PID		UINT32_C(0x003fffff) /* a pid */
#define CACHE_LOCK_TURN		22
#define CACHE_LOCK_WAITERS	UINT32_C(0x80000000)

/* Counters have one writer at a time, the one that holds the lock. */
struct cache_stats {
	_Atomic uint64_t	entries, used;	/* used: units */
	_Atomic uint64_t	hits, misses, writes, evictions, cleared;
	_Atomic uint64_t	busy;		/* without the lock */
};

/* All zero is an empty shard. */
struct cache_shard {
	_Atomic uint32_t	lock;
	_Atomic uint32_t	writing;	/* its holder changes it */
	_Atomic uint32_t	poisoned;	/* one wrote without the lock */
	_Atomic uint32_t	changes;	/* cache_wait() sleeps on it */
	_Atomic uint32_t	waited_for;	/* somebody sleeps */
	_Atomic uint32_t	head, tail, used; /* of the log; units */
	_Atomic uint64_t	version;	/* the last one given */
	struct cache_stats	stats;
};

/* Of the index: where an entry is, and 32 bits of its hash. */
struct cache_slot {
	_Atomic uint32_t	place;		/* its unit + 1; 0: free */
	_Atomic uint32_t	tag;
};

#define CACHE_LIVE	UINT32_C(0x6c697665)
#define CACHE_DEAD	UINT32_C(0x64656164)

/* Of the log; key and value follow.  In whole units. */
struct cache_entry {
	_Atomic uint32_t	state;		/* CACHE_LIVE, CACHE_DEAD */
	_Atomic uint32_t	units;
	_Atomic uint32_t	bucket, tag;	/* the two halves of the hash */
	_Atomic uint32_t	key_length, value_length;
	_Atomic uint32_t	type;
	_Atomic uint32_t	wanted;		/* read since last looked at */
	_Atomic uint64_t	expires_ms;	/* CLOCK_MONOTONIC; 0: never */
	_Atomic uint64_t	version;
	_Atomic uint64_t	check;		/* of what it says and holds */
};

/* An entry as it was read and found to be within bounds. */
struct cache_item {
	uint32_t	 at;		/* its unit */
	uint32_t	 state, units, bucket, tag;
	uint32_t	 key_length, value_length, type, wanted;
	uint64_t	 expires_ms, version, check;
};

/* What a process saw of a lock that did not move. */
struct cache_stuck {
	_Atomic uint32_t	holder;		/* 0: it moves */
	_Atomic uint64_t	since_ms;
};

struct cache {
	uint8_t		*memory;	/* NULL: off */
	uint64_t	 size;
	uint32_t	 shard_count;	/* a power of two */
	uint64_t	 shard_bytes;
	uint32_t	 units;		/* of a shard's log */
	uint32_t	 buckets;	/* of its index, CACHE_WAYS each */
	uint64_t	 log_offset;
	uint32_t	 entry_max;	/* units */
	uint32_t	 pid;		/* of this process */
	_Atomic uint32_t turns;
	struct cache_stuck stuck[CACHE_SHARDS_MAX];
};

/* A shard that is locked; what an operation passes on. */
struct cache_hold {
	struct cache		*cache;
	struct cache_shard	*shard;
	uint8_t			*log;
	struct cache_slot	*index;
	uint32_t		 number;
	uint32_t		 word;		/* what we put into the lock */
	bool			 written;	/* we began to change it */
	uint64_t		 now_ms;
};

/* ------------------------------------------------ the lock (cache_lock.c) */

/* 0, or -1 and EBUSY.  One that was left in the middle has been cleared. */
int	cache_lock(struct cache *, const struct cache_key *,
	    struct cache_hold *hold_out);

/* -1 and EBUSY: it was taken from us; what was read or done may be nothing. */
int	cache_unlock(struct cache_hold *);

/* Before the first change; ends with the unlock. */
void	cache_write_begin(struct cache_hold *);

/* Empties the shard, which is locked. */
void	cache_clear(struct cache_hold *);

/* ------------------------------------------------- the log (cache_log.c) */

/* Reads the entry at a unit; false: there is none that could be one. */
bool	cache_item_read(const struct cache_hold *, uint32_t at,
	    struct cache_item *out);

/* For good, and out of the index. */
void	cache_item_drop(struct cache_hold *, const struct cache_item *);

/* Room for so many units at the head, and the entry's place there: the oldest
 * leave.  False: the log is broken; clear it. */
bool	cache_log_room(struct cache_hold *, uint32_t units,
	    uint32_t *at_out);

uint8_t	*cache_at(const struct cache_hold *, uint32_t at);
uint64_t	cache_check(const struct cache_item *, uint64_t hash,
	    const void *value);
void	cache_count(_Atomic uint64_t *, int64_t by);

/* --------------------------------------------- the index (cache_index.c) */

/* 1: found; 0: it is not there; -1: the shard is broken. */
int	cache_index_find(const struct cache_hold *, const struct cache_key *,
	    struct cache_item *out);

/* Where a new entry is to be named; an older one may have to leave for it. */
void	cache_index_add(struct cache_hold *, const struct cache_item *);
void	cache_index_remove(struct cache_hold *, const struct cache_item *);
void	cache_index_move(struct cache_hold *, const struct cache_item *,
	    uint32_t to);

#endif
