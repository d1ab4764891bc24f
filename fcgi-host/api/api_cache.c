/*
 * api_cache.c - the host-wide key-value store, as handlers see it.
 *
 * Runs in: front, workers (any thread), probe, call, cgi.
 * Owns: nothing; a space belongs to its struct fh_worker.
 * Invariant: a handler reaches its own space and the shared one, no other.
 */
#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "api/api_private.h"
#include "common/cache.h"

_Static_assert(FH_CACHE_KEY_MAX == CACHE_KEY_MAX, "a key's length");
_Static_assert((int)FH_CACHE_INTEGER == (int)CACHE_INTEGER &&
    (int)FH_CACHE_NUMBER == (int)CACHE_NUMBER, "types of values");

void
api_cache_init(struct fh_worker *worker)
{
	struct cache *cache = worker->thread->set->cache;

	worker->own = (struct fh_cache){ cache, CACHE_SPACE_HANDLER,
	    worker->handler->name };
	worker->shared = (struct fh_cache){ cache, CACHE_SPACE_SHARED, "" };
}

struct fh_cache *
fh_worker_cache(struct fh_worker *worker)
{
	return &worker->own;
}

struct fh_cache *
fh_worker_cache_shared(struct fh_worker *worker)
{
	return &worker->shared;
}

struct fh_cache *
fh_cache(struct fh_request *rq)
{
	return &rq->worker->own;
}

struct fh_cache *
fh_cache_shared(struct fh_request *rq)
{
	return &rq->worker->shared;
}

/* Without a host around it (a test's set) there is none. */
static int
make_key(const struct fh_cache *cache, const void *key, size_t length,
    struct cache_key *out)
{
	if (cache->cache == NULL) {
		errno = ENOTSUP;
		return -1;
	}
	if (length == FH_CACHE_TEXT)
		length = strnlen(key, FH_CACHE_KEY_MAX + 1);
	return cache_key_make(out, cache->space, cache->name, key, length);
}

/* ------------------------------------------------------------------ get */

static void
tell(const struct cache_found *found, struct fh_cache_value *out)
{
	out->type = (enum fh_cache_type)found->type;
	out->bytes = found->bytes;
	out->length = found->length;
	out->version = found->version;
	out->left_ms = found->left_ms == 0 ||
	    found->left_ms > (uint64_t)INT64_MAX ? INT64_MAX :
	    (int64_t)found->left_ms;
}

static void *
room_in_request(void *context, size_t length)
{
	struct fh_request *rq = context;
	char *room = api_arena_alloc(&rq->arena, length + 1);

	if (room != NULL)
		room[length] = '\0';
	return room;
}

int
fh_cache_get(struct fh_request *rq, struct fh_cache *cache, const void *key,
    size_t key_length, struct fh_cache_value *value_out)
{
	struct cache_found found;
	struct cache_key full;

	memset(value_out, 0, sizeof(*value_out));
	if (make_key(cache, key, key_length, &full) < 0 ||
	    cache_get(cache->cache, &full, room_in_request, rq, &found) < 0)
		return -1;
	tell(&found, value_out);
	return 0;
}

struct room {
	char	*bytes;
	size_t	 size;
};

static void *
room_in_buffer(void *context, size_t length)
{
	const struct room *room = context;

	if (length < room->size) {
		room->bytes[length] = '\0';
		return room->bytes;
	}
	errno = ERANGE;
	return NULL;
}

int
fh_cache_read(struct fh_cache *cache, const void *key, size_t key_length,
    void *buffer, size_t size, struct fh_cache_value *value_out)
{
	struct room room = { buffer, size };
	struct cache_found found;
	struct cache_key full;
	int rc;

	memset(value_out, 0, sizeof(*value_out));
	if (make_key(cache, key, key_length, &full) < 0)
		return -1;
	rc = cache_get(cache->cache, &full, room_in_buffer, &room, &found);
	if (rc == 0 || errno == ERANGE)
		tell(&found, value_out);
	return rc;
}

/* Both are eight bytes. */
static int
read_typed(struct fh_cache *cache, const void *key, size_t key_length,
    enum fh_cache_type type, void *value_out)
{
	alignas(int64_t) char bytes[sizeof(int64_t) + 1];
	struct fh_cache_value value;

	if (fh_cache_read(cache, key, key_length, bytes, sizeof(bytes),
	    &value) < 0 && errno != ERANGE)
		return -1;
	if (value.type != type || value.length != sizeof(int64_t)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(value_out, bytes, sizeof(int64_t));
	return 0;
}

int
fh_cache_get_integer(struct fh_cache *cache, const void *key,
    size_t key_length, int64_t *value_out)
{
	return read_typed(cache, key, key_length, FH_CACHE_INTEGER,
	    value_out);
}

int
fh_cache_get_number(struct fh_cache *cache, const void *key,
    size_t key_length, double *value_out)
{
	return read_typed(cache, key, key_length, FH_CACHE_NUMBER, value_out);
}

/* ------------------------------------------------------------------ set */

static int
put(struct fh_cache *cache, const void *key, size_t key_length,
    enum cache_put how, const struct cache_value *value)
{
	struct cache_key full;

	if (make_key(cache, key, key_length, &full) < 0)
		return -1;
	return cache_put(cache->cache, &full, how, value);
}

int
fh_cache_set(struct fh_cache *cache, const void *key, size_t key_length,
    const void *bytes, size_t length, uint64_t ttl_ms)
{
	const struct cache_value value = { CACHE_BYTES, bytes, length, ttl_ms,
	    0 };

	return put(cache, key, key_length, CACHE_SET, &value);
}

int
fh_cache_set_integer(struct fh_cache *cache, const void *key,
    size_t key_length, int64_t number, uint64_t ttl_ms)
{
	const struct cache_value value = { CACHE_INTEGER, &number,
	    sizeof(number), ttl_ms, 0 };

	return put(cache, key, key_length, CACHE_SET, &value);
}

int
fh_cache_set_number(struct fh_cache *cache, const void *key,
    size_t key_length, double number, uint64_t ttl_ms)
{
	const struct cache_value value = { CACHE_NUMBER, &number,
	    sizeof(number), ttl_ms, 0 };

	return put(cache, key, key_length, CACHE_SET, &value);
}

int
fh_cache_add(struct fh_cache *cache, const void *key, size_t key_length,
    const void *bytes, size_t length, uint64_t ttl_ms)
{
	const struct cache_value value = { CACHE_BYTES, bytes, length, ttl_ms,
	    0 };

	return put(cache, key, key_length, CACHE_ADD, &value);
}

int
fh_cache_swap(struct fh_cache *cache, const void *key, size_t key_length,
    uint64_t version, const void *bytes, size_t length, uint64_t ttl_ms)
{
	const struct cache_value value = { CACHE_BYTES, bytes, length, ttl_ms,
	    version };

	return put(cache, key, key_length, CACHE_SWAP, &value);
}

/* --------------------------------------------------------------- others */

int
fh_cache_count(struct fh_cache *cache, const void *key, size_t key_length,
    int64_t by, int64_t initial, uint64_t ttl_ms, int64_t *value_out)
{
	struct cache_key full;
	int64_t value;

	if (make_key(cache, key, key_length, &full) < 0 ||
	    cache_add_count(cache->cache, &full, by, initial, ttl_ms,
	    &value) < 0)
		return -1;
	if (value_out != NULL)
		*value_out = value;
	return 0;
}

int
fh_cache_delete(struct fh_cache *cache, const void *key, size_t key_length)
{
	struct cache_key full;

	if (make_key(cache, key, key_length, &full) < 0)
		return -1;
	return cache_delete(cache->cache, &full);
}

static bool
is_cancelled(void *context)
{
	return context != NULL && fh_cancelled(context);
}

int
fh_cache_wait(struct fh_request *rq, struct fh_cache *cache, const void *key,
    size_t key_length, uint64_t version, uint64_t ms)
{
	struct cache_key full;

	if (make_key(cache, key, key_length, &full) < 0)
		return -1;
	return cache_wait(cache->cache, &full, version, ms, is_cancelled, rq);
}
