/*
 * shm_test.c - where things are in shared memory, and who may write them.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: what a process may do is asked of the kernel, not of our code.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/shm.h"

#define PAGE		4096u
#define SECTIONS	256

struct section {
	char		name[32];
	uint64_t	from, to;
};

static struct config_pool pools[3] = {
	{ .workers = 3, .threads = 1 },
	{ .workers = 2, .threads = 16 },
	{ .workers = 1, .threads = 5 },
};

static const struct config config = { .pools = pools, .pool_count = 3,
	.params_limit = 65536, .body_memory = 65536, .reply_space = 20000 };

static struct shm_geometry *
geometry_create(void)
{
	struct shm_geometry *geometry = shm_geometry_create(&config, 9);

	assert_non_null(geometry);
	return geometry;
}

static void
add(struct section *sections, size_t *count, const char *name, unsigned number,
    uint64_t from, uint64_t bytes)
{
	assert_true(*count < SECTIONS);
	snprintf(sections[*count].name, sizeof(sections[*count].name),
	    "%s %u", name, number);
	sections[*count].from = from;
	sections[*count].to = from + bytes;
	++*count;
}

/* Everything that some process may write and another may not. */
static size_t
list_sections(const struct shm_geometry *geometry, struct section *sections)
{
	size_t count = 0;

	add(sections, &count, "state", 0, geometry->state_offset,
	    sizeof(struct shm_state));
	add(sections, &count, "stats", 0, geometry->stats_offset,
	    geometry->stats_bytes);
	add(sections, &count, "times", 0, geometry->times_offset,
	    geometry->times_bytes);
	add(sections, &count, "jobs", 0, geometry->jobs_offset,
	    geometry->jobs_bytes);
	for (uint32_t p = 0; p < geometry->pool_count; p++) {
		const struct shm_pool_geometry *pool = &geometry->pools[p];

		add(sections, &count, "queue", p, pool->queue_offset,
		    pool->queue_bytes);
		for (uint32_t w = 0; w < pool->workers; w++)
			add(sections, &count, "window",
			    pool->first_worker + w, pool->windows_offset +
			    w * pool->window_bytes, pool->window_bytes);
	}
	return count;
}

/* ------------------------------------------------------------ geometry */

static void
test_no_section_shares_a_page(void **state)
{
	struct shm_geometry *geometry = geometry_create();
	struct section sections[SECTIONS];
	size_t count = list_sections(geometry, sections);

	(void)state;
	assert_int_equal(count, 4 + 3 + 6);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sections[i].from % PAGE, 0);
		assert_true(sections[i].to <= geometry->total);
		for (size_t k = 0; k < count; k++) {
			uint64_t end = (sections[k].to + PAGE - 1) / PAGE *
			    PAGE;

			if (k != i && sections[i].from >= sections[k].from &&
			    sections[i].from < end)
				fail_msg("%s begins in %s", sections[i].name,
				    sections[k].name);
		}
	}
	shm_geometry_destroy(geometry);
}

static void
test_every_process_computes_the_same(void **state)
{
	struct shm_geometry *one = geometry_create();
	struct shm_geometry *other = geometry_create();

	(void)state;
	assert_memory_equal(one->pools, other->pools,
	    3 * sizeof(*one->pools));
	assert_memory_equal(one, other, offsetof(struct shm_geometry, pools));
	shm_geometry_destroy(one);
	shm_geometry_destroy(other);
	shm_geometry_destroy(NULL);
}

static void
test_numbers_run_on_over_pools(void **state)
{
	struct shm_geometry *geometry = geometry_create();
	static const uint32_t expected[] = { 0, 0, 0, 1, 1, 2 };
	uint32_t jobs = 0;

	(void)state;
	assert_int_equal(geometry->worker_count, 6);
	for (uint32_t w = 0; w < 6; w++)
		assert_int_equal(shm_pool_of_worker(geometry, w), expected[w]);
	for (uint32_t p = 0; p < 3; p++) {
		const struct shm_pool_geometry *pool = &geometry->pools[p];
		uint32_t running = pool->workers * pool->threads;

		assert_int_equal(pool->first_job, jobs);
		jobs += pool->jobs;
		assert_true(pool->jobs >= running + pool->queue_limit);
		assert_true(pool->queue_limit <= running);
		assert_true(pool->ring_size >= pool->jobs);
		assert_int_equal(pool->ring_size & (pool->ring_size - 1), 0);
		assert_true(pool->news_size >= pool->replies);
		assert_int_equal(pool->news_size & (pool->news_size - 1), 0);
		assert_true(pool->replies >= pool->threads);
	}
	assert_int_equal(geometry->job_count, jobs);
	shm_geometry_destroy(geometry);
}

static void
test_a_job_holds_the_largest_request(void **state)
{
	struct shm_geometry *geometry = geometry_create();

	(void)state;
	assert_true(geometry->job_bytes >= offsetof(struct shm_job, data) +
	    config.params_limit + config.body_memory);
	assert_int_equal(geometry->job_bytes % PAGE, 0);
	assert_true(geometry->reply_space >= config.reply_space);
	shm_geometry_destroy(geometry);
}

/* The largest that the configuration allows: nothing goes round. */
static void
test_the_largest_is_no_overflow(void **state)
{
	struct config_pool pool = { .workers = 1024, .threads = 64 };
	struct config large = { .pools = &pool, .pool_count = 1,
	    .params_limit = 1 << 20, .body_memory = 16 << 20,
	    .reply_space = 64 << 20 };
	struct shm_geometry *geometry = shm_geometry_create(&large, 1000);
	const struct shm_pool_geometry *only;
	__uint128_t spaces;

	(void)state;
	assert_non_null(geometry);
	only = &geometry->pools[0];
	spaces = (__uint128_t)1024 * only->replies * (64 << 20);
	assert_true(geometry->total > spaces);
	assert_true(geometry->total > (uint64_t)only->jobs * (17 << 20));
	assert_true(geometry->total < INT64_MAX);
	shm_geometry_destroy(geometry);
}

/* --------------------------------------------------------------- views */

struct mapped {
	struct shm_geometry	*geometry;
	struct shm		*front;
	int			 fd;
};

static int
map_front(void **state)
{
	static struct mapped mapped;
	struct err err;

	mapped.geometry = geometry_create();
	mapped.fd = shm_create(mapped.geometry, &err);
	assert_true(mapped.fd >= 0);
	mapped.front = shm_map(mapped.geometry, mapped.fd, SHM_FRONT, 0, &err);
	assert_non_null(mapped.front);
	*state = &mapped;
	return 0;
}

static int
unmap_front(void **state)
{
	struct mapped *mapped = *state;

	shm_unmap(mapped->front);
	shm_unmap(NULL);
	close(mapped->fd);
	shm_geometry_destroy(mapped->geometry);
	return 0;
}

/* "rw", "r" or "" as the kernel has it; of the first mapping that holds it. */
static const char *
rights(uint64_t offset)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	const char *found = "";
	char line[1024], flags[8];
	uint64_t from, to, at;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "fcgi-host-team") != NULL &&
		    sscanf(line, "%lx-%lx %7s %lx", &from, &to, flags, &at) ==
		    4 && offset >= at && offset < at + (to - from)) {
			found = flags[1] == 'w' ? "rw" : "r";
			break;
		}
	if (maps != NULL)
		fclose(maps);
	return found;
}

/* In a process of its own, with no mapping but the view's; its exit status is
 * the number of sections whose rights are others than expected. */
static int
count_wrong(const struct mapped *mapped, enum shm_view view, uint32_t worker,
    const char *(*expected)(const struct shm_geometry *, const char *name,
    uint32_t worker))
{
	struct section sections[SECTIONS];
	size_t count = list_sections(mapped->geometry, sections);
	int status, wrong = 0;
	pid_t pid = fork();
	struct err err;

	if (pid == 0) {
		shm_unmap(mapped->front);
		if (shm_map(mapped->geometry, mapped->fd, view, worker,
		    &err) == NULL)
			_exit(255);
		for (size_t i = 0; i < count; i++) {
			const char *is = rights(sections[i].from);
			const char *must = expected(mapped->geometry,
			    sections[i].name, worker);

			if (strcmp(is, must) == 0 &&
			    strcmp(rights(sections[i].to - 1), must) == 0)
				continue;
			fprintf(stderr, "%s: \"%s\", not \"%s\"\n",
			    sections[i].name, is, must);
			wrong++;
		}
		_exit(wrong);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *
of_front(const struct shm_geometry *geometry, const char *name,
    uint32_t worker)
{
	(void)geometry;
	(void)name;
	(void)worker;
	return "rw";
}

static const char *
of_supervisor(const struct shm_geometry *geometry, const char *name,
    uint32_t worker)
{
	(void)geometry;
	(void)worker;
	if (strncmp(name, "state", 5) == 0 || strncmp(name, "stats", 5) == 0)
		return "rw";
	return strncmp(name, "window", 6) == 0 ? "r" : "";
}

static const char *
of_worker(const struct shm_geometry *geometry, const char *name,
    uint32_t worker)
{
	char own[32];

	if (strncmp(name, "state", 5) == 0 || strncmp(name, "jobs", 4) == 0)
		return "r";
	snprintf(own, sizeof(own), "window %u", worker);
	if (strcmp(name, own) == 0)
		return "rw";
	snprintf(own, sizeof(own), "queue %u",
	    shm_pool_of_worker(geometry, worker));
	return strcmp(name, own) == 0 ? "rw" : "";
}

static void
test_the_front_writes_everything(void **state)
{
	assert_int_equal(count_wrong(*state, SHM_FRONT, 0, of_front), 0);
}

static void
test_the_supervisor_only_looks_at_windows(void **state)
{
	assert_int_equal(count_wrong(*state, SHM_SUPERVISOR, 0,
	    of_supervisor), 0);
}

static void
test_a_worker_sees_its_own_and_writes_no_request(void **state)
{
	for (uint32_t worker = 0; worker < 6; worker++)
		assert_int_equal(count_wrong(*state, SHM_WORKER, worker,
		    of_worker), 0);
}

static void
write_one(const struct mapped *mapped, int which)
{
	struct err err;
	struct shm *shm = shm_map(mapped->geometry, mapped->fd, SHM_WORKER, 1,
	    &err);
	volatile uint8_t *jobs;

	signal(SIGSEGV, SIG_DFL);
	if (shm == NULL)
		_exit(255);
	jobs = shm->jobs;
	if (which == 0)
		*jobs = 1;
	else if (which == 1)
		atomic_store(&shm->state->drain, 1);
	else
		atomic_store(&shm->windows[1]->busy, 1);
	_exit(0);
}

static void
test_a_stray_write_is_the_worker_s_own_end(void **state)
{
	for (int which = 0; which < 3; which++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			write_one(*state, which);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (which == 2)
			assert_int_equal(status, 0);
		else
			assert_true(WIFSIGNALED(status) &&
			    WTERMSIG(status) == SIGSEGV);
	}
	assert_int_equal(atomic_load(&((struct mapped *)*state)->front->
	    windows[1]->busy), 1);
}

/* ----------------------------------------------------------- addresses */

static void
test_reply_slots_and_spaces_are_apart(void **state)
{
	const struct mapped *mapped = *state;
	const struct shm *shm = mapped->front;

	for (uint32_t w = 0; w < mapped->geometry->worker_count; w++) {
		const struct shm_pool_geometry *pool = &mapped->geometry->
		    pools[shm_pool_of_worker(mapped->geometry, w)];
		uint8_t *window = (uint8_t *)shm->windows[w];
		uint8_t *end = (uint8_t *)&shm->windows[w]->news[
		    pool->news_size];

		for (uint32_t r = 0; r < pool->replies; r++) {
			uint8_t *reply = (uint8_t *)shm_reply(shm, w, r);

			assert_true(reply >= end);
			assert_int_equal((uintptr_t)reply % SHM_LINE, 0);
			end = reply + sizeof(struct shm_reply);
		}
		for (uint32_t r = 0; r < pool->replies; r++) {
			uint8_t *space = shm_reply_space(shm, w, r);

			assert_true(space >= end);
			assert_int_equal((uintptr_t)space % PAGE, 0);
			end = space + mapped->geometry->reply_space;
		}
		assert_true(end <= window + pool->window_bytes);
	}
}

static void
test_jobs_rings_and_counters_are_inside(void **state)
{
	const struct mapped *mapped = *state;
	const struct shm_geometry *geometry = mapped->geometry;
	const struct shm *shm = mapped->front;

	for (uint32_t j = 0; j < geometry->job_count; j++)
		assert_ptr_equal(shm_job(shm, j), shm->jobs +
		    j * geometry->job_bytes);
	for (uint32_t p = 0; p < geometry->pool_count; p++) {
		const struct shm_pool_geometry *pool = &geometry->pools[p];
		uint8_t *queue = (uint8_t *)shm->queues[p];
		uint8_t *ring = (uint8_t *)shm_ring(shm, p);

		assert_true(ring >= (uint8_t *)&shm->queues[p]->claims[
		    pool->jobs]);
		assert_true(ring + pool->ring_size * sizeof(uint32_t) <=
		    queue + pool->queue_bytes);
	}
	assert_true((uint8_t *)shm_pool_stats(shm, 0) >= shm->stats +
	    sizeof(struct shm_front_stats));
	assert_true((uint8_t *)shm_route_stats(shm, 0) >=
	    (uint8_t *)shm_pool_stats(shm, 3));
	assert_true((uint8_t *)shm_route_stats(shm, 9) <= shm->stats +
	    geometry->stats_bytes);
}

static void
test_untouched_pages_cost_nothing(void **state)
{
	struct shm_geometry *geometry = geometry_create();
	struct err err;
	struct stat status;
	int fd = shm_create(geometry, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, geometry->total);
	assert_int_equal(status.st_blocks, 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	shm_geometry_destroy(geometry);
}

static void
test_a_descriptor_that_cannot_be_mapped_is_an_error(void **state)
{
	struct shm_geometry *geometry = geometry_create();
	struct err err = { "" };
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_null(shm_map(geometry, fd, SHM_FRONT, 0, &err));
	assert_non_null(strstr(err.text, "shared memory"));
	close(fd);
	shm_geometry_destroy(geometry);
}

#define MAPPED(function)	\
	cmocka_unit_test_setup_teardown(function, map_front, unmap_front)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_section_shares_a_page),
		cmocka_unit_test(test_every_process_computes_the_same),
		cmocka_unit_test(test_numbers_run_on_over_pools),
		cmocka_unit_test(test_a_job_holds_the_largest_request),
		cmocka_unit_test(test_the_largest_is_no_overflow),
		MAPPED(test_the_front_writes_everything),
		MAPPED(test_the_supervisor_only_looks_at_windows),
		MAPPED(test_a_worker_sees_its_own_and_writes_no_request),
		MAPPED(test_a_stray_write_is_the_worker_s_own_end),
		MAPPED(test_reply_slots_and_spaces_are_apart),
		MAPPED(test_jobs_rings_and_counters_are_inside),
		cmocka_unit_test(test_untouched_pages_cost_nothing),
		cmocka_unit_test(
		    test_a_descriptor_that_cannot_be_mapped_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
