/*
 * cache.h - the host's key-value store in shared memory: small state that all
 * processes of all generations share, and that may vanish at any time.
 *
 * One memfd, made by the supervisor.  A zygote maps it before its first fork;
 * its front and workers inherit the mapping, and each says cache_enter().
 *
 * The memory is cut into shards, by the key's hash.  A shard has a lock, an
 * index and a log: a ring of entries in which a new one goes to the head and
 * the oldest leave at the tail.  One that was read since it was last looked at
 * goes round once more.  Every piece of the ring is used again, whatever the
 * sizes, so nothing can be fragmented; no operation takes more time than a
 * bound that follows from the shard's size.
 *
 * Who dies, stands still, or overwrites:
 *
 *	dies		The supervisor takes the dead process's locks away
 *			(cache_release).  If it was changing the shard, the
 *			next one to come clears it.
 *	stands still	Others wait CACHE_WAIT_MS for a lock, once; then they
 *			get EBUSY at once until it moves, and after
 *			CACHE_STEAL_MS the lock is taken from it.  When it goes
 *			on it sees that, fails with EBUSY, and what it may have
 *			overwritten is cleared.
 *	overwrites	Every offset and length is read once and checked before
 *			use, every walk is bounded, a value is given only if
 *			its checksum is right: what is wrong clears the shard.
 *
 * So a lock is never waited for without bound, in the front neither, and the
 * worst that a handler can do to the others is that what they kept is gone.
 *
 * Errors are -1 with errno:
 *
 *	ENOENT		it is not there, or not any more
 *	EBUSY		its shard is held by somebody who stands still; what
 *			was to be changed may be lost, and is not changed
 *	EEXIST		(add) it is there
 *	ESTALE		(swap) it is there in another version, or is gone
 *	EINVAL		a key that is empty or too long; (count) the value is
 *			no integer
 *	EMSGSIZE	the value is too large for a cache of this size
 *	ERANGE		(count) the sum is no int64_t; it is left as it was
 *	ENOTSUP		the cache is off (size 0)
 */
#ifndef COMMON_CACHE_H
#define COMMON_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "config/config.h"

#define CACHE_KEY_MAX	1024	/* bytes of a key, without its space */
#define CACHE_VALUE_MAX	(UINT32_C(1) << 20)	/* in the largest cache */
#define CACHE_WAIT_MS	100
#define CACHE_STEAL_MS	2000

struct cache;

/* ------------------------------------------------------------- its memory */

/* A memfd of this size, sealed against another one; 0 is a cache that is off.
 * -1 and why. */
int	cache_create(uint64_t size, struct err *);

/* The caller closes the descriptor.  NULL and why. */
struct cache	*cache_map(int fd, struct err *);
void	cache_unmap(struct cache *);

/* Of this process alone, for tools and tests; no others share it. */
struct cache	*cache_map_private(uint64_t size, struct err *);

/* The mapping is not passed on to what this process forks from now on. */
void	cache_keep_from_children(struct cache *);

/* First in a process that was forked with it: locks are held in its name. */
void	cache_enter(struct cache *, pid_t);

/* This process sees an empty cache of its own from now on, of the same size:
 * what a trial does is not to be seen by those that serve. */
int	cache_detach(struct cache *, struct err *);

/* For the supervisor: this process is dead. */
void	cache_release(struct cache *, pid_t);

/* Moments apart; a handler may have overwritten them. */
struct cache_counts {
	uint64_t	size;		/* bytes */
	uint64_t	used;		/* bytes of it, old entries too */
	uint64_t	shards;
	uint64_t	entries;
	uint64_t	hits, misses;
	uint64_t	writes;
	uint64_t	evictions;	/* that had not expired */
	uint64_t	cleared;	/* shards */
	uint64_t	busy;		/* that gave up */
};
void	cache_count_all(const struct cache *, struct cache_counts *out);

/* ------------------------------------------------------------------- keys */

enum cache_space {
	CACHE_SPACE_HANDLER = 1,	/* a handler's own, by its name */
	CACHE_SPACE_SHARED,		/* of all handlers */
	CACHE_SPACE_REPLY		/* the host's: replies of routes */
};

/* Of different spaces, or names, no two keys are equal. */
struct cache_key {
	uint64_t	hash;
	uint32_t	length;
	uint8_t		bytes[1 + CONFIG_NAME_MAX + 1 + CACHE_KEY_MAX];
};

int	cache_key_make(struct cache_key *, enum cache_space, const char *name,
	    const void *key, size_t length);

/* ------------------------------------------------------------- operations */

enum cache_type { CACHE_BYTES, CACHE_INTEGER, CACHE_NUMBER };

/* Where a value is to be copied: memory for `length` bytes, or NULL with errno.
 * Called with the shard locked: it should be quick. */
typedef void	*cache_room(void *context, size_t length);

struct cache_found {
	enum cache_type	 type;
	void		*bytes;		/* what the room was */
	size_t		 length;
	uint64_t	 version;	/* never 0, and never twice for a key */
	uint64_t	 left_ms;	/* until it expires; 0: it does not */
};

/* `room` NULL: without its value, which is not checked then. */
int	cache_get(struct cache *, const struct cache_key *, cache_room *,
	    void *context, struct cache_found *out);

enum cache_put { CACHE_SET, CACHE_ADD, CACHE_SWAP };

struct cache_value {
	enum cache_type	 type;
	const void	*bytes;
	size_t		 length;
	uint64_t	 ttl_ms;	/* 0: until it is evicted */
	uint64_t	 version;	/* of what CACHE_SWAP replaces */
};

int	cache_put(struct cache *, const struct cache_key *, enum cache_put,
	    const struct cache_value *);

/* An integer that is not there begins as `initial`, for ttl_ms; then `by` is
 * added.  One that is there keeps its time. */
int	cache_add_count(struct cache *, const struct cache_key *, int64_t by,
	    int64_t initial, uint64_t ttl_ms, int64_t *value_out);

int	cache_delete(struct cache *, const struct cache_key *);

/*
 * Sleeps until the key's version is not `version` (0: it is not there) any
 * more, ms at most: 0, or -1 and ETIMEDOUT.  That one was evicted is seen at
 * the latest CACHE_LOOK_MS later.  `stop` is asked before each sleep, which a
 * signal ends too: true is -1 and ECANCELED.  It may be NULL.
 */
#define CACHE_LOOK_MS	5000
typedef bool	cache_stop(void *context);
int	cache_wait(struct cache *, const struct cache_key *, uint64_t version,
	    uint64_t ms, cache_stop *, void *context);

#endif
