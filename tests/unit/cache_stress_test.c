/*
 * cache_stress_test.c - several processes and threads on one cache: sums are
 * right, swaps have one winner, values are whole; and none of them crashes,
 * hangs or is lied to when another overwrites the memory at random.
 *
 * Runs in: make check.
 * Owns: the processes it forks.
 * Invariant: an alarm ends a test that would wait for ever.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cache_fixture.h"
#include "common/cache_private.h"

#define LONGEST		60	/* seconds, in all */
#define PROCESSES	3
#define THREADS		2
#define ROUNDS		4000
#define COUNTERS	5
#define SWAPPED		3
#define RACES		500	/* keys that each wants to be the first at */
#define VALUES		3000
#define WILD_MS		700
#define ANSWER_MS	5000	/* for one operation, on a slow machine */

/* What each process has done, for the sum of all. */
struct tally {
	_Atomic int64_t		counted[COUNTERS];
	_Atomic int64_t		swapped[SWAPPED];
	_Atomic uint32_t	firsts[RACES];
	_Atomic uint64_t	got, wrong, slow, deaths;
};

struct stress {
	struct cache	*sure;	/* nothing is evicted from it */
	struct cache	*small;
	struct tally	*tally;
};

static struct stress	 stress;

static void
begin(void)
{
	alarm(LONGEST);
	stress.sure = cache_of(32 * MIB);
	stress.small = cache_of(MIB);
	stress.tally = mmap(NULL, sizeof(struct tally),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(stress.tally != MAP_FAILED);
}

static void
end(void)
{
	cache_unmap(stress.sure);
	cache_unmap(stress.small);
	munmap(stress.tally, sizeof(struct tally));
}

/* One that gives up, where everything is slow, is not counted. */
static void
add_to_counter(unsigned *seed)
{
	unsigned which = (unsigned)rand_r(seed) % COUNTERS;
	struct cache_key key = key_number("counter", which);
	int64_t by = rand_r(seed) % 100, sum;

	if (cache_add_count(stress.sure, &key, by, 0, 0, &sum) == 0)
		atomic_fetch_add(&stress.tally->counted[which], by);
}

static void
swap_one(unsigned *seed)
{
	unsigned which = (unsigned)rand_r(seed) % SWAPPED;
	struct cache_key key = key_number("swapped", which);
	struct copy *copy = malloc(sizeof(*copy));
	int64_t now = 0;
	struct cache_value next = { CACHE_BYTES, &now, sizeof(now), 0, 0 };

	do {
		now = 0;
		next.version = 0;
		if (get_copy(stress.sure, &key, copy) == 0) {
			memcpy(&now, copy->bytes, sizeof(now));
			next.version = copy->found.version;
		}
		now++;
	} while (cache_put(stress.sure, &key, CACHE_SWAP, &next) < 0 &&
	    errno == ESTALE);
	atomic_fetch_add(&stress.tally->swapped[which], 1);
	free(copy);
}

static void
race_for(unsigned which)
{
	struct cache_key key = key_number("race", which);

	if (put_text(stress.sure, &key, CACHE_ADD, "mine", 0, 0) == 0)
		atomic_fetch_add(&stress.tally->firsts[which], 1);
}

/* A value says whose it is, in every byte. */
static void
make_value(char *text, unsigned which, unsigned length)
{
	memset(text, 'a' + (int)(which % 26), length);
	text[length] = '\0';
}

static void
use_values(unsigned *seed, struct copy *copy)
{
	unsigned which = (unsigned)rand_r(seed) % VALUES;
	struct cache_key key = key_number("value", which);
	uint64_t begun_ms = clock_now_ms();
	char text[3000];

	if (get_copy(stress.small, &key, copy) == 0) {
		atomic_fetch_add(&stress.tally->got, 1);
		for (size_t i = 0; i < copy->found.length; i++)
			if (copy->bytes[i] != 'a' + (char)(which % 26)) {
				atomic_fetch_add(&stress.tally->wrong, 1);
				break;
			}
	} else {
		make_value(text, which, (unsigned)rand_r(seed) % 2900);
		put_text(stress.small, &key, CACHE_SET, text, rand_r(seed) %
		    50 == 0 ? 1 : 0, 0);
	}
	if (clock_now_ms() - begun_ms > ANSWER_MS)
		atomic_fetch_add(&stress.tally->slow, 1);
}

static void *
run(void *context)
{
	unsigned seed = (unsigned)(uintptr_t)context;
	struct copy *copy = malloc(sizeof(*copy));

	for (unsigned i = 0; i < ROUNDS; i++) {
		add_to_counter(&seed);
		if (i % 4 == 0)
			swap_one(&seed);
		race_for(i % RACES);
		use_values(&seed, copy);
	}
	free(copy);
	return NULL;
}

static void
run_process(unsigned number)
{
	pthread_t threads[THREADS];

	cache_enter(stress.sure, getpid());
	cache_enter(stress.small, getpid());
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)
		    (number * THREADS + i + 1)) != 0)
			_exit(1);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static void
wait_for_all(const pid_t *pids, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static void
check_sums(void)
{
	struct copy *copy = calloc(1, sizeof(*copy));
	int64_t sum;

	for (unsigned i = 0; i < COUNTERS; i++) {
		struct cache_key key = key_number("counter", i);

		assert_int_equal(cache_add_count(stress.sure, &key, 0, 0, 0,
		    &sum), 0);
		assert_int_equal(sum, atomic_load(
		    &stress.tally->counted[i]));
	}
	for (unsigned i = 0; i < SWAPPED; i++) {
		struct cache_key key = key_number("swapped", i);

		assert_int_equal(get_copy(stress.sure, &key, copy), 0);
		memcpy(&sum, copy->bytes, sizeof(sum));
		assert_int_equal(sum, atomic_load(
		    &stress.tally->swapped[i]));
	}
	for (unsigned i = 0; i < RACES; i++)
		assert_int_equal(atomic_load(&stress.tally->firsts[i]), 1);
	free(copy);
}

/* Breaks when: two are in a shard at once. */
static void
sums_are_right(void **state)
{
	struct cache_counts counts;
	pid_t pids[PROCESSES];

	(void)state;
	begin();
	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			run_process(i);
	}
	wait_for_all(pids, PROCESSES);
	check_sums();
	assert_int_equal(atomic_load(&stress.tally->wrong), 0);
	assert_true(atomic_load(&stress.tally->got) > 0);
	cache_count_all(stress.sure, &counts);
	assert_int_equal(counts.cleared, 0);
	cache_count_all(stress.small, &counts);
	assert_int_equal(counts.cleared, 0);
	assert_true(counts.evictions > 0);
	end();
}

/* ------------------------------------------------------------- wild ones */

static void
use_until(unsigned number, uint64_t end_ms)
{
	unsigned seed = number + 100;
	struct copy *copy = malloc(sizeof(*copy));

	cache_enter(stress.small, getpid());
	while (clock_now_ms() < end_ms)
		use_values(&seed, copy);
	free(copy);
	_exit(0);
}

/* Any byte of it: locks, counters, index, lengths, keys, values. */
static void
overwrite_until(uint64_t end_ms)
{
	unsigned seed = 4711;
	uint8_t *memory = stress.small->memory;

	while (clock_now_ms() < end_ms) {
		size_t shard = (size_t)rand_r(&seed) %
		    stress.small->shard_count * stress.small->shard_bytes;
		size_t within = (size_t)rand_r(&seed) % (rand_r(&seed) % 4 ==
		    0 ? sizeof(struct cache_shard) :
		    stress.small->shard_bytes - 8);
		uint64_t random = (uint64_t)rand_r(&seed) << 33 ^
		    (uint64_t)rand_r(&seed);

		memcpy(memory + shard + within, &random,
		    1 + (size_t)rand_r(&seed) % 8);
		if (rand_r(&seed) % 64 == 0)
			usleep(100);
	}
	_exit(0);
}

static bool
all_usable(void)
{
	bool usable = true;

	for (unsigned i = 0; i < 200; i++) {
		struct cache_key key = key_number("after", i);

		usable &= put_text(stress.small, &key, CACHE_SET, "x", 0,
		    0) == 0;
	}
	return usable;
}

/*
 * Breaks when: something that is read from the memory is used unchecked, a walk
 * has no end, a lock that was overwritten is waited for, or a value is given
 * whose bytes are not those that were set.
 */
static void
a_wild_pointer_hurts_nobody(void **state)
{
	uint64_t end_ms;
	pid_t pids[PROCESSES + 1];

	(void)state;
	begin();
	end_ms = clock_now_ms() + WILD_MS;
	for (unsigned i = 0; i <= PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0 && i < PROCESSES)
			use_until(i, end_ms);
		if (pids[i] == 0)
			overwrite_until(end_ms);
	}
	wait_for_all(pids, PROCESSES + 1);
	assert_int_equal(atomic_load(&stress.tally->wrong), 0);
	assert_int_equal(atomic_load(&stress.tally->slow), 0);
	assert_true(atomic_load(&stress.tally->got) > 0);
	/* it is a cache again, once what cannot be a holder has been seen to
	 * stand still for as long as that takes */
	for (int i = 0; i < 2 && !all_usable(); i++)
		usleep((CACHE_STEAL_MS + 50) * 1000);
	assert_true(all_usable());
	end();
}

/* ------------------------------------------------------------ deaths */

/* Breaks when: a process that is killed at any moment leaves a lock behind, or
 * something that is given as a value and is none. */
static void
deaths_are_survived(void **state)
{
	uint64_t end_ms;
	pid_t user, victim;
	int status;

	(void)state;
	begin();
	end_ms = clock_now_ms() + WILD_MS;
	user = fork();
	if (user == 0)
		use_until(0, end_ms);
	while (clock_now_ms() < end_ms) {
		victim = fork();
		if (victim == 0)
			use_until((unsigned)getpid(), UINT64_MAX);
		usleep(3000);
		kill(victim, SIGKILL);
		waitpid(victim, &status, 0);
		cache_release(stress.small, victim);
		atomic_fetch_add(&stress.tally->deaths, 1);
	}
	wait_for_all(&user, 1);
	assert_true(all_usable());
	assert_int_equal(atomic_load(&stress.tally->wrong), 0);
	assert_true(atomic_load(&stress.tally->deaths) > 10);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_right),
		cmocka_unit_test(a_wild_pointer_hurts_nobody),
		cmocka_unit_test(deaths_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
