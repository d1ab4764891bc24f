/*
 * cache_fixture.h - short names for the tests of the cache.
 */
#ifndef TESTS_UNIT_CACHE_FIXTURE_H
#define TESTS_UNIT_CACHE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cache.h"
#include "common/clock.h"

#define MIB	(UINT64_C(1) << 20)

/* -1, and errno. */
#define FAILS(call, error) do {						\
	errno = 0;							\
	assert_int_equal(call, -1);					\
	assert_int_equal(errno, error);					\
} while (0)

static inline struct cache *
cache_of(uint64_t size)
{
	struct err err;
	int fd = cache_create(size, &err);
	struct cache *cache = fd < 0 ? NULL : cache_map(fd, &err);

	if (cache == NULL)
		fail_msg("%s", err.text);
	close(fd);
	return cache;
}

static inline struct cache_key
key_of(const char *text)
{
	struct cache_key key;

	assert_int_equal(cache_key_make(&key, CACHE_SPACE_HANDLER, "test",
	    text, strlen(text)), 0);
	return key;
}

static inline struct cache_key
key_number(const char *kind, unsigned number)
{
	char text[64];

	snprintf(text, sizeof(text), "%s-%u", kind, number);
	return key_of(text);
}

static inline int
put_text(struct cache *cache, const struct cache_key *key, enum cache_put how,
    const char *text, uint64_t ttl_ms, uint64_t version)
{
	const struct cache_value value = { CACHE_BYTES, text, strlen(text),
	    ttl_ms, version };

	return cache_put(cache, key, how, &value);
}

/* A value's copy. */
struct copy {
	char			 bytes[1 << 20];
	struct cache_found	 found;
};

static inline void *
copy_room(void *context, size_t length)
{
	struct copy *copy = context;

	return length <= sizeof(copy->bytes) ? copy->bytes : NULL;
}

static inline int
get_copy(struct cache *cache, const struct cache_key *key, struct copy *copy)
{
	return cache_get(cache, key, copy_room, copy, &copy->found);
}

/* It is there, with this value. */
static inline void
wants_text(struct cache *cache, const struct cache_key *key, const char *text)
{
	static struct copy copy;

	assert_int_equal(get_copy(cache, key, &copy), 0);
	assert_int_equal(copy.found.length, strlen(text));
	assert_memory_equal(copy.bytes, text, strlen(text));
}

#endif
