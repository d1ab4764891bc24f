/*
 * cache_memory.c - the cache's memory: who makes it, who maps it, its figures.
 *
 * Runs in: supervisor, zygote, front, workers; call, cgi.
 * Owns: the mapping of each struct cache.
 * Invariant: where shards are follows from the size alone, and the size of the
 * memfd is sealed; all zero is a cache that is empty.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cache_private.h"
#include "common/futex.h"

#define SHARDS_MIN	8
#define SHARD_FULL	(UINT64_C(5) << 20)	/* takes CACHE_VALUE_MAX */
#define SIZE_MIN	(UINT64_C(1) << 20)
#define SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int
cache_create(uint64_t size, struct err *err)
{
	int fd = memfd_create("fcgi-host-cache", MFD_CLOEXEC |
	    MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_sys(err, "memfd_create");
	if (ftruncate(fd, (off_t)size) == 0 &&
	    fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	err_sys(err, "a cache of %llu bytes", (unsigned long long)size);
	close(fd);
	return -1;
}

/* Small ones have eight shards, larger ones more, but none that is too small
 * for the largest value. */
static void
lay_out(struct cache *cache)
{
	uint64_t unit = CACHE_UNIT + sizeof(struct cache_slot);

	cache->shard_count = SHARDS_MIN;
	while (cache->shard_count < CACHE_SHARDS_MAX &&
	    cache->size / cache->shard_count >= 2 * SHARD_FULL)
		cache->shard_count *= 2;
	cache->shard_bytes = cache->size / cache->shard_count /
	    CACHE_PAGE * CACHE_PAGE;
	cache->units = (uint32_t)((cache->shard_bytes - CACHE_PAGE -
	    CACHE_UNIT) / unit) / CACHE_WAYS * CACHE_WAYS;
	cache->buckets = cache->units / CACHE_WAYS;
	cache->log_offset = (CACHE_PAGE + (uint64_t)cache->units *
	    sizeof(struct cache_slot) + CACHE_UNIT - 1) / CACHE_UNIT *
	    CACHE_UNIT;
	cache->entry_max = (uint32_t)(cache->shard_bytes / 4 / CACHE_UNIT);
}

static struct cache *
cache_with(uint64_t size, int fd, int flags, struct err *err)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	void *at;

	if (cache == NULL) {
		err_sys(err, "cache");
		return NULL;
	}
	cache->pid = (uint32_t)getpid();
	if (size < SIZE_MIN)
		return cache;
	cache->size = size;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE,
	    fd, 0);
	if (at == MAP_FAILED) {
		err_sys(err, "mapping the cache");
		free(cache);
		return NULL;
	}
	madvise(at, size, MADV_DONTDUMP);
	cache->memory = at;
	lay_out(cache);
	return cache;
}

struct cache *
cache_map(int fd, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) == 0)
		return cache_with((uint64_t)status.st_size, fd, MAP_SHARED,
		    err);
	err_sys(err, "the cache");
	return NULL;
}

struct cache *
cache_map_private(uint64_t size, struct err *err)
{
	return cache_with(size, -1, MAP_PRIVATE | MAP_ANONYMOUS, err);
}

void
cache_unmap(struct cache *cache)
{
	if (cache == NULL)
		return;
	if (cache->memory != NULL)
		munmap(cache->memory, cache->size);
	free(cache);
}

void
cache_keep_from_children(struct cache *cache)
{
	if (cache->memory != NULL)
		madvise(cache->memory, cache->size, MADV_DONTFORK);
}

void
cache_enter(struct cache *cache, pid_t pid)
{
	cache->pid = (uint32_t)pid & CACHE_LOCK_PID;
}

int
cache_detach(struct cache *cache, struct err *err)
{
	if (cache->memory == NULL)
		return 0;
	if (mmap(cache->memory, cache->size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		return err_sys(err, "a cache of its own");
	madvise(cache->memory, cache->size, MADV_DONTDUMP);
	return 0;
}

static struct cache_shard *
shard_at(const struct cache *cache, uint32_t number)
{
	return (struct cache_shard *)(void *)(cache->memory +
	    cache->shard_bytes * number);
}

/* Who waits for it, or for a change in it, is to look again. */
static void
free_lock(struct cache_shard *shard, uint32_t word)
{
	if (!atomic_compare_exchange_strong(&shard->lock, &word, 0))
		return;
	atomic_fetch_add(&shard->changes, 1);
	futex_wake(&shard->changes, INT_MAX);
	futex_wake(&shard->lock, INT_MAX);
}

void
cache_release(struct cache *cache, pid_t pid)
{
	for (uint32_t i = 0; i < cache->shard_count; i++) {
		struct cache_shard *shard = shard_at(cache, i);
		uint32_t word = atomic_load(&shard->lock);

		if ((word & CACHE_LOCK_PID) == (uint32_t)pid)
			free_lock(shard, word);
	}
}

static uint64_t
load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void
cache_count_all(const struct cache *cache, struct cache_counts *out)
{
	*out = (struct cache_counts){ .size = cache->size,
	    .shards = cache->shard_count };
	for (uint32_t i = 0; i < cache->shard_count; i++) {
		const struct cache_stats *stats = &shard_at(cache, i)->stats;

		out->used += load(&stats->used) * CACHE_UNIT;
		out->entries += load(&stats->entries);
		out->hits += load(&stats->hits);
		out->misses += load(&stats->misses);
		out->writes += load(&stats->writes);
		out->evictions += load(&stats->evictions);
		out->cleared += load(&stats->cleared);
		out->busy += load(&stats->busy);
	}
}
