/*
 * shm.c - the shared memory of one team: where things are in it.
 *
 * Runs in: supervisor (create, stats), front, worker.
 * Owns: the mapping of each struct shm.
 * Invariant: geometry is a function of the configuration, so every process of
 * a team computes the same one; no section shares a page with another.
 */
#include "common/shm.h"

#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/identity.h"
#include "common/io.h"

#define PAGE		UINT64_C(4096)
#define QUEUE_LIMIT_MAX	64u	/* unclaimed jobs in a shared queue */

static uint64_t
round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static uint32_t
power_of_two(uint32_t at_least)
{
	uint32_t value = 1;

	while (value < at_least)
		value *= 2;
	return value;
}

/* Several reply slots let a thread go on while its last reply is unread; with
 * many threads the others do that. */
static uint32_t
reply_depth(uint32_t threads)
{
	return threads <= 4 ? 8 : 2;
}

static uint64_t
place(uint64_t *end, uint64_t bytes)
{
	uint64_t at = *end;

	*end = round_up(at + bytes, PAGE);
	return at;
}

static void
lay_out_pool(struct shm_geometry *geometry, struct shm_pool_geometry *pool,
    const struct config_pool *config)
{
	uint32_t running = config->workers * config->threads;

	pool->workers = config_pool_slots(config);
	pool->threads = config->threads;
	pool->first_worker = geometry->worker_count;
	pool->first_job = geometry->job_count;
	pool->queue_limit = running < QUEUE_LIMIT_MAX ? running :
	    QUEUE_LIMIT_MAX;
	pool->depth = reply_depth(config->threads);
	pool->replies = pool->depth * config->threads;
	pool->jobs = pool->workers * pool->replies + pool->queue_limit;
	pool->ring_size = power_of_two(pool->jobs);
	pool->news_size = power_of_two(pool->replies);

	pool->ring_offset = round_up(sizeof(struct shm_queue) +
	    (uint64_t)pool->jobs * sizeof(uint64_t), SHM_LINE);
	pool->queue_bytes = pool->ring_offset +
	    (uint64_t)pool->ring_size * sizeof(uint32_t);
	pool->queue_offset = place(&geometry->total, pool->queue_bytes);

	pool->replies_offset = round_up(sizeof(struct shm_window) +
	    (uint64_t)pool->news_size * sizeof(uint32_t), SHM_LINE);
	pool->spaces_offset = round_up(pool->replies_offset +
	    pool->replies * sizeof(struct shm_reply), PAGE);
	pool->window_bytes = round_up(pool->spaces_offset +
	    pool->replies * geometry->reply_space, PAGE);
	pool->windows_offset = place(&geometry->total,
	    pool->window_bytes * pool->workers);

	geometry->worker_count += pool->workers;
	geometry->job_count += pool->jobs;
}

static uint32_t
count_workers(const struct config *config)
{
	uint32_t count = 0;

	for (size_t i = 0; i < config->pool_count; i++)
		count += config_pool_slots(&config->pools[i]);
	return count;
}

struct shm_geometry *
shm_geometry_create(const struct config *config, uint32_t route_count)
{
	struct shm_geometry *geometry = calloc(1, sizeof(*geometry));

	if (geometry == NULL)
		return NULL;
	geometry->pools = calloc(config->pool_count, sizeof(*geometry->pools));
	if (geometry->pools == NULL) {
		free(geometry);
		return NULL;
	}
	geometry->pool_count = (uint32_t)config->pool_count;
	geometry->route_count = route_count;
	geometry->reply_space = round_up(config->reply_space, PAGE);
	geometry->state_bytes = sizeof(struct shm_state) +
	    count_workers(config);
	geometry->state_offset = place(&geometry->total,
	    geometry->state_bytes);
	geometry->stats_bytes = sizeof(struct shm_front_stats) +
	    config->pool_count * sizeof(struct shm_pool_stats) +
	    (uint64_t)route_count * sizeof(struct shm_route_stats);
	geometry->stats_offset = place(&geometry->total,
	    geometry->stats_bytes);
	geometry->times_bytes = ((uint64_t)route_count * TIMES_KINDS + 1) *
	    times_length() * sizeof(int64_t);
	geometry->times_offset = place(&geometry->total,
	    geometry->times_bytes);
	for (uint32_t i = 0; i < geometry->pool_count; i++)
		lay_out_pool(geometry, &geometry->pools[i], &config->pools[i]);
	geometry->job_bytes = round_up(sizeof(struct shm_job) +
	    config->params_limit + config->body_memory +
	    (config->auth_count > 0 ? IDENTITY_MAX : 0), PAGE);
	geometry->jobs_bytes = geometry->job_bytes * geometry->job_count;
	geometry->jobs_offset = place(&geometry->total, geometry->jobs_bytes);
	return geometry;
}

void
shm_geometry_destroy(struct shm_geometry *geometry)
{
	if (geometry == NULL)
		return;
	free(geometry->pools);
	free(geometry);
}

int
shm_create(const struct shm_geometry *geometry, struct err *err)
{
	int fd = memfd_create("fcgi-host-team", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "memfd_create");
	if (ftruncate(fd, (off_t)geometry->total) == 0)
		return fd;
	err_sys(err, "shared memory of %llu bytes",
	    (unsigned long long)geometry->total);
	close(fd);
	return -1;
}

/* Maps one section; NULL on failure. */
static void *
map_section(int fd, uint64_t offset, uint64_t bytes, int protection)
{
	void *at = mmap(NULL, bytes, protection, MAP_SHARED | MAP_NORESERVE,
	    fd, (off_t)offset);

	return at == MAP_FAILED ? NULL : at;
}

static int
map_pools(struct shm *shm, int fd, enum shm_view view, uint32_t worker)
{
	const struct shm_geometry *geometry = shm->geometry;
	int writable = PROT_READ | (view == SHM_SUPERVISOR ? 0 : PROT_WRITE);

	for (uint32_t p = 0; p < geometry->pool_count; p++) {
		const struct shm_pool_geometry *pool = &geometry->pools[p];

		if (view == SHM_FRONT || (view == SHM_WORKER &&
		    shm_pool_of_worker(geometry, worker) == p)) {
			shm->queues[p] = map_section(fd, pool->queue_offset,
			    pool->queue_bytes, writable);
			if (shm->queues[p] == NULL)
				return -1;
		}
		for (uint32_t w = 0; w < pool->workers; w++) {
			uint32_t slot = pool->first_worker + w;

			if (view == SHM_WORKER && slot != worker)
				continue;
			shm->windows[slot] = map_section(fd,
			    pool->windows_offset + w * pool->window_bytes,
			    pool->window_bytes, writable);
			if (shm->windows[slot] == NULL)
				return -1;
		}
	}
	return 0;
}

static int
map_sections(struct shm *shm, int fd, enum shm_view view, uint32_t worker)
{
	const struct shm_geometry *geometry = shm->geometry;
	int state = PROT_READ | (view == SHM_WORKER ? 0 : PROT_WRITE);
	int jobs = PROT_READ | (view == SHM_FRONT ? PROT_WRITE : 0);

	shm->state = map_section(fd, geometry->state_offset,
	    geometry->state_bytes, state);
	if (shm->state == NULL)
		return -1;
	if (view != SHM_WORKER) {
		shm->stats = map_section(fd, geometry->stats_offset,
		    geometry->stats_bytes, PROT_READ | PROT_WRITE);
		if (shm->stats == NULL)
			return -1;
	}
	if (view == SHM_FRONT) {
		shm->times = map_section(fd, geometry->times_offset,
		    geometry->times_bytes, PROT_READ | PROT_WRITE);
		if (shm->times == NULL)
			return -1;
	}
	if (view != SHM_SUPERVISOR) {
		shm->jobs = map_section(fd, geometry->jobs_offset,
		    geometry->jobs_bytes, jobs);
		if (shm->jobs == NULL)
			return -1;
	}
	return map_pools(shm, fd, view, worker);
}

struct shm *
shm_map(const struct shm_geometry *geometry, int fd, enum shm_view view,
    uint32_t worker, struct err *err)
{
	struct shm *shm = calloc(1, sizeof(*shm));

	if (shm == NULL) {
		err_sys(err, "shared memory");
		return NULL;
	}
	shm->geometry = geometry;
	shm->queues = calloc(geometry->pool_count, sizeof(*shm->queues));
	shm->windows = calloc(geometry->worker_count, sizeof(*shm->windows));
	if (shm->queues != NULL && shm->windows != NULL &&
	    map_sections(shm, fd, view, worker) == 0)
		return shm;
	err_sys(err, "mapping shared memory");
	shm_unmap(shm);
	return NULL;
}

static void
unmap_section(void *at, uint64_t bytes)
{
	if (at != NULL)
		munmap(at, bytes);
}

void
shm_unmap(struct shm *shm)
{
	const struct shm_geometry *geometry;

	if (shm == NULL)
		return;
	geometry = shm->geometry;
	unmap_section(shm->state, geometry->state_bytes);
	unmap_section(shm->stats, geometry->stats_bytes);
	unmap_section(shm->times, geometry->times_bytes);
	unmap_section(shm->jobs, geometry->jobs_bytes);
	for (uint32_t p = 0; shm->queues != NULL && p < geometry->pool_count;
	    p++)
		unmap_section(shm->queues[p], geometry->pools[p].queue_bytes);
	for (uint32_t w = 0; shm->windows != NULL &&
	    w < geometry->worker_count; w++)
		unmap_section(shm->windows[w], geometry->pools[
		    shm_pool_of_worker(geometry, w)].window_bytes);
	free(shm->queues);
	free(shm->windows);
	free(shm);
}

uint32_t
shm_pool_of_worker(const struct shm_geometry *geometry, uint32_t worker)
{
	uint32_t pool = geometry->pool_count - 1;

	while (pool > 0 && worker < geometry->pools[pool].first_worker)
		pool--;
	return pool;
}

struct shm_job *
shm_job(const struct shm *shm, uint32_t job)
{
	return (struct shm_job *)(void *)(shm->jobs +
	    shm->geometry->job_bytes * job);
}

_Atomic uint32_t *
shm_ring(const struct shm *shm, uint32_t pool)
{
	return (_Atomic uint32_t *)(void *)((uint8_t *)shm->queues[pool] +
	    shm->geometry->pools[pool].ring_offset);
}

struct shm_reply *
shm_reply(const struct shm *shm, uint32_t worker, uint32_t slot)
{
	const struct shm_pool_geometry *pool = &shm->geometry->pools[
	    shm_pool_of_worker(shm->geometry, worker)];

	return (struct shm_reply *)(void *)((uint8_t *)shm->windows[worker] +
	    pool->replies_offset) + slot;
}

uint8_t *
shm_reply_space(const struct shm *shm, uint32_t worker, uint32_t slot)
{
	const struct shm_pool_geometry *pool = &shm->geometry->pools[
	    shm_pool_of_worker(shm->geometry, worker)];

	return (uint8_t *)shm->windows[worker] + pool->spaces_offset +
	    slot * shm->geometry->reply_space;
}

struct shm_front_stats *
shm_front_stats(const struct shm *shm)
{
	return (struct shm_front_stats *)(void *)shm->stats;
}

struct shm_pool_stats *
shm_pool_stats(const struct shm *shm, uint32_t pool)
{
	return (struct shm_pool_stats *)(void *)(shm->stats +
	    sizeof(struct shm_front_stats)) + pool;
}

struct shm_route_stats *
shm_route_stats(const struct shm *shm, uint32_t route)
{
	return (struct shm_route_stats *)(void *)(shm->stats +
	    sizeof(struct shm_front_stats) +
	    shm->geometry->pool_count * sizeof(struct shm_pool_stats)) + route;
}

/* ------------------------------------------------------------------ times */

int64_t *
shm_times(const struct shm *shm, uint32_t place)
{
	return shm->times + place * times_length();
}

int
shm_read_times(const struct shm_geometry *geometry, int fd, uint32_t place,
    uint32_t count, int64_t *out)
{
	uint64_t bytes = times_length() * sizeof(int64_t);

	return io_read_at(fd, out, count * bytes,
	    geometry->times_offset + place * bytes);
}
