/*
 * cache.c - what can be done with a key.
 *
 * Runs in: front, workers; call, cgi.
 * Owns: nothing beyond each call.
 * Invariant: nothing of a shard is changed before cache_write_begin(), and what
 * is found to be broken is cleared and answered as if it had not been there.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/cache.h"

#include <errno.h>
#include <string.h>

#include "common/cache_point.h"
#include "common/cache_private.h"
#include "common/clock.h"
#include "common/futex.h"

#define BUSY_MS	50	/* until a waiter looks again at a shard that is held */

int
cache_key_make(struct cache_key *out, enum cache_space space, const char *name,
    const void *key, size_t length)
{
	size_t name_length = strlen(name);
	uint8_t *at = out->bytes;

	if (length == 0 || length > CACHE_KEY_MAX ||
	    name_length > CONFIG_NAME_MAX) {
		errno = EINVAL;
		return -1;
	}
	*at++ = (uint8_t)space;
	memcpy(at, name, name_length + 1);
	at += name_length + 1;
	memcpy(at, key, length);
	out->length = (uint32_t)(at + length - out->bytes);
	out->hash = XXH3_64bits(out->bytes, out->length);
	return 0;
}

/* ------------------------------------------------------------ one entry */

static struct cache_entry *
entry_of(const struct cache_hold *hold, const struct cache_item *item)
{
	return (struct cache_entry *)(void *)cache_at(hold, item->at);
}

static uint8_t *
value_of(const struct cache_hold *hold, const struct cache_item *item)
{
	return cache_at(hold, item->at) + sizeof(struct cache_entry) +
	    item->key_length;
}

static bool
is_over(const struct cache_hold *hold, const struct cache_item *item)
{
	return item->expires_ms != 0 && item->expires_ms <= hold->now_ms;
}

/* True: it is there.  What has expired or is broken is not, from now on. */
static bool
find(struct cache_hold *hold, const struct cache_key *key,
    struct cache_item *out)
{
	int found = cache_index_find(hold, key, out);

	if (found < 0) {
		cache_clear(hold);
		return false;
	}
	if (found == 0 || !is_over(hold, out))
		return found != 0;
	cache_write_begin(hold);
	cache_item_drop(hold, out);
	return false;
}

static uint64_t
expiry(const struct cache_hold *hold, uint64_t ttl_ms)
{
	uint64_t end_ms;

	if (ttl_ms == 0 ||
	    __builtin_add_overflow(hold->now_ms, ttl_ms, &end_ms))
		return 0;
	return end_ms;
}

/* Never 0, which means that there is none: also where one was written over. */
static uint64_t
next_version(const struct cache_hold *hold)
{
	uint64_t last = atomic_load(&hold->shard->version);

	if (last == 0 || last == UINT64_MAX)
		last = clock_now_ns();
	atomic_store(&hold->shard->version, last + 1);
	return last + 1;
}

/* All of the entry but its key and its place in the index. */
static void
write_entry(const struct cache_hold *hold, const struct cache_item *item,
    const void *value)
{
	struct cache_entry *entry = entry_of(hold, item);

	atomic_store(&entry->units, item->units);
	atomic_store(&entry->bucket, item->bucket);
	atomic_store(&entry->tag, item->tag);
	atomic_store(&entry->key_length, item->key_length);
	atomic_store(&entry->value_length, item->value_length);
	atomic_store(&entry->type, item->type);
	atomic_store(&entry->wanted, item->wanted);
	atomic_store(&entry->expires_ms, item->expires_ms);
	atomic_store(&entry->version, item->version);
	atomic_store(&entry->check, item->check);
	if (item->value_length > 0)
		memcpy(value_of(hold, item), value, item->value_length);
	atomic_store(&entry->state, CACHE_LIVE);
}

/* ------------------------------------------------------------------ get */

/* The copy is what is checked: the original may change under us. */
static int
copy(const struct cache_hold *hold, const struct cache_key *key,
    const struct cache_item *item, cache_room *room, void *context,
    void **bytes_out)
{
	*bytes_out = room(context, item->value_length);
	if (*bytes_out == NULL)
		return -1;
	if (item->value_length > 0)
		memcpy(*bytes_out, value_of(hold, item), item->value_length);
	cache_point(CACHE_POINT_READ);
	return cache_check(item, key->hash, *bytes_out) == item->check;
}

static int
get(struct cache_hold *hold, const struct cache_key *key, cache_room *room,
    void *context, struct cache_found *out)
{
	struct cache_stats *stats = &hold->shard->stats;
	struct cache_item item;
	int sound;

	if (!find(hold, key, &item)) {
		cache_count(&stats->misses, 1);
		return ENOENT;
	}
	out->type = (enum cache_type)item.type;
	out->length = item.value_length;
	out->version = item.version;
	out->left_ms = item.expires_ms == 0 ? 0 :
	    item.expires_ms - hold->now_ms;
	sound = room == NULL ? 1 : copy(hold, key, &item, room, context,
	    &out->bytes);
	if (sound < 0)
		return errno;
	if (sound == 0) {
		cache_clear(hold);
		cache_count(&stats->misses, 1);
		return ENOENT;
	}
	atomic_store_explicit(&entry_of(hold, &item)->wanted, 1,
	    memory_order_relaxed);
	cache_count(&stats->hits, 1);
	return 0;
}

/* An operation's end: its error, unless the lock was taken from it. */
static int
finish(struct cache_hold *hold, int error)
{
	if (cache_unlock(hold) < 0)
		return -1;
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

int
cache_get(struct cache *cache, const struct cache_key *key, cache_room *room,
    void *context, struct cache_found *out)
{
	struct cache_hold hold;

	memset(out, 0, sizeof(*out));
	if (cache_lock(cache, key, &hold) < 0)
		return -1;
	return finish(&hold, get(&hold, key, room, context, out));
}

/* ------------------------------------------------------------------ put */

static uint32_t
units_for(const struct cache_key *key, size_t length)
{
	return (uint32_t)((sizeof(struct cache_entry) + key->length + length +
	    CACHE_UNIT - 1) / CACHE_UNIT);
}

/* At the log's head, and in the index. */
static void
enter(struct cache_hold *hold, const struct cache_key *key,
    struct cache_item *item, const void *value)
{
	uint32_t at = 0;

	if (!cache_log_room(hold, item->units, &at)) {
		cache_clear(hold);
		cache_log_room(hold, item->units, &at);
	}
	item->at = at;
	write_entry(hold, item, value);
	cache_point(CACHE_POINT_HALF);
	memcpy(cache_at(hold, at) + sizeof(struct cache_entry), key->bytes,
	    key->length);
	cache_point(CACHE_POINT_ENTERED);
	cache_index_add(hold, item);
	cache_count(&hold->shard->stats.entries, 1);
}

/* In place of `old`, or NULL; where the size is the same, at its place. */
static void
replace(struct cache_hold *hold, const struct cache_key *key,
    const struct cache_item *old, const struct cache_value *value,
    uint64_t expires_ms)
{
	struct cache_item item = {
		.units = units_for(key, value->length),
		.bucket = (uint32_t)key->hash,
		.tag = (uint32_t)(key->hash >> 32),
		.key_length = key->length,
		.value_length = (uint32_t)value->length,
		.type = value->type,
		.expires_ms = expires_ms,
		.version = next_version(hold),
	};

	item.check = cache_check(&item, key->hash, value->bytes);
	cache_write_begin(hold);
	cache_count(&hold->shard->stats.writes, 1);
	if (old != NULL && old->units == item.units) {
		item.at = old->at;
		item.wanted = old->wanted;
		write_entry(hold, &item, value->bytes);
		cache_point(CACHE_POINT_ENTERED);
		return;
	}
	if (old != NULL)
		cache_item_drop(hold, old);
	enter(hold, key, &item, value->bytes);
}

static int
put(struct cache_hold *hold, const struct cache_key *key, enum cache_put how,
    const struct cache_value *value)
{
	struct cache_item old;
	bool there = find(hold, key, &old);

	if (how == CACHE_ADD && there)
		return EEXIST;
	if (how == CACHE_SWAP && (there ? old.version : 0) != value->version)
		return ESTALE;
	replace(hold, key, there ? &old : NULL, value,
	    expiry(hold, value->ttl_ms));
	return 0;
}

int
cache_put(struct cache *cache, const struct cache_key *key, enum cache_put how,
    const struct cache_value *value)
{
	struct cache_hold hold;

	if (cache->memory != NULL && (value->length > CACHE_VALUE_MAX ||
	    units_for(key, value->length) > cache->entry_max)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (cache_lock(cache, key, &hold) < 0)
		return -1;
	return finish(&hold, put(&hold, key, how, value));
}

/* -------------------------------------------------------------- counters */

static int
read_integer(const struct cache_hold *hold, const struct cache_key *key,
    const struct cache_item *item, int64_t *out)
{
	if (item->type != CACHE_INTEGER || item->value_length != sizeof(*out))
		return EINVAL;
	memcpy(out, value_of(hold, item), sizeof(*out));
	return cache_check(item, key->hash, out) == item->check ? 0 : ESTALE;
}

static int
count(struct cache_hold *hold, const struct cache_key *key, int64_t by,
    int64_t initial, uint64_t ttl_ms, int64_t *value_out)
{
	struct cache_value value = { .type = CACHE_INTEGER,
	    .bytes = value_out, .length = sizeof(*value_out) };
	struct cache_item old;
	bool there = find(hold, key, &old);
	int error = there ? read_integer(hold, key, &old, value_out) : 0;

	if (error == EINVAL)
		return error;
	if (error != 0) {
		cache_clear(hold);
		there = false;
	}
	if (!there)
		*value_out = initial;
	if (__builtin_add_overflow(*value_out, by, value_out))
		return ERANGE;
	replace(hold, key, there ? &old : NULL, &value, there ?
	    old.expires_ms : expiry(hold, ttl_ms));
	return 0;
}

int
cache_add_count(struct cache *cache, const struct cache_key *key, int64_t by,
    int64_t initial, uint64_t ttl_ms, int64_t *value_out)
{
	struct cache_hold hold;

	if (cache_lock(cache, key, &hold) < 0)
		return -1;
	return finish(&hold, count(&hold, key, by, initial, ttl_ms,
	    value_out));
}

/* ---------------------------------------------------------------- others */

static int
delete(struct cache_hold *hold, const struct cache_key *key)
{
	struct cache_item item;

	if (!find(hold, key, &item))
		return ENOENT;
	cache_write_begin(hold);
	cache_item_drop(hold, &item);
	cache_count(&hold->shard->stats.writes, 1);
	return 0;
}

int
cache_delete(struct cache *cache, const struct cache_key *key)
{
	struct cache_hold hold;

	if (cache_lock(cache, key, &hold) < 0)
		return -1;
	return finish(&hold, delete(&hold, key));
}

/* True: it is another version.  Else *seen_out is what to sleep on, and *ms the
 * longest that it may be. */
static bool
has_changed(struct cache_hold *hold, const struct cache_key *key,
    uint64_t version, uint32_t *seen_out, uint64_t *ms)
{
	struct cache_item item = { .version = 0 };
	bool there = find(hold, key, &item);

	if ((there ? item.version : 0) != version)
		return true;
	*seen_out = atomic_load(&hold->shard->changes);
	atomic_store(&hold->shard->waited_for, 1);
	if (there && item.expires_ms != 0 &&
	    item.expires_ms - hold->now_ms < *ms)
		*ms = item.expires_ms - hold->now_ms;
	return false;
}

int
cache_wait(struct cache *cache, const struct cache_key *key, uint64_t version,
    uint64_t ms, cache_stop *stop, void *context)
{
	uint64_t begun_ms = clock_now_ms(), gone_ms;
	struct cache_hold hold;

	while ((gone_ms = clock_now_ms() - begun_ms) <= ms) {
		uint64_t nap_ms = CACHE_LOOK_MS;
		uint32_t seen = 0;
		bool changed;

		if (stop != NULL && stop(context)) {
			errno = ECANCELED;
			return -1;
		}
		if (cache_lock(cache, key, &hold) == 0) {
			changed = has_changed(&hold, key, version, &seen,
			    &nap_ms);
			if (cache_unlock(&hold) == 0 && changed)
				return 0;
		} else if (errno != EBUSY) {
			return -1;
		} else {
			seen = atomic_load(&hold.shard->changes);
			nap_ms = BUSY_MS;
		}
		if (nap_ms > ms - gone_ms)
			nap_ms = ms - gone_ms;
		futex_wait(&hold.shard->changes, seen, nap_ms + 1);
	}
	errno = ETIMEDOUT;
	return -1;
}
