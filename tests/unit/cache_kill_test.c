/*
 * cache_kill_test.c - processes that die, or stand still, at each named point
 * of an operation of the cache: the others go on, and see nothing wrong.
 *
 * Runs in: make check.
 * Owns: the processes it forks.
 * Invariant: an alarm ends a test that would wait for ever.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdlib.h>

#include "cache_fixture.h"
#include "common/cache_point.h"
#include "common/cache_private.h"

#define LONGEST	60	/* seconds, in all */
#define KEPT	40	/* keys that must not be spoilt */
#define TRIES	100000	/* operations until every point has come */
#define ANSWER_MS 1500	/* the longest that anything may take, in here */

/* What the process is to do to itself, and where. */
static enum cache_point	 chosen;
static int		 signal_there;

void
cache_point(enum cache_point here)
{
	if (here != chosen)
		return;
	chosen = CACHE_POINT_NONE;
	raise(signal_there);
}

/* Of the cache's first shard only, so that its lock is the one in question. */
static struct cache_key
first_shard_key(const char *kind, unsigned number)
{
	struct cache_key key;
	char text[64];
	unsigned salt = 0;

	do {
		snprintf(text, sizeof(text), "%s-%u-%u", kind, number,
		    salt++);
		key = key_of(text);
	} while ((key.hash >> 40 & 7) != 0);
	return key;
}

static struct cache_key
kept_key(unsigned number)
{
	return first_shard_key("kept", number);
}

static void
set_kept(struct cache *cache)
{
	for (unsigned i = 0; i < KEPT; i++) {
		struct cache_key key = kept_key(i);
		char text[32];

		snprintf(text, sizeof(text), "value %u", i);
		assert_int_equal(put_text(cache, &key, CACHE_SET, text, 0, 0),
		    0);
	}
}

/* Each is what it was, or gone; returns how many are left. */
static unsigned
check_kept(struct cache *cache)
{
	static struct copy copy;
	unsigned left = 0;

	for (unsigned i = 0; i < KEPT; i++) {
		struct cache_key key = kept_key(i);
		char text[32];

		snprintf(text, sizeof(text), "value %u", i);
		if (get_copy(cache, &key, &copy) < 0) {
			assert_int_equal(errno, ENOENT);
			continue;
		}
		assert_int_equal(copy.found.length, strlen(text));
		assert_memory_equal(copy.bytes, text, strlen(text));
		left++;
	}
	return left;
}

/* Everything that can be done, in one shard that is full, until the point has
 * come.  Returns what the operation it came in did, with its errno. */
static int
work_until_point(struct cache *cache, enum cache_point point)
{
	static char filler[6000];
	static struct copy copy;
	struct cache_key read = first_shard_key("read", 0);
	struct cache_hold hold;
	int64_t sum;
	int rc = 0;

	memset(filler, 'x', sizeof(filler));
	put_text(cache, &read, CACHE_SET, "read", 0, 0);
	chosen = point;
	for (unsigned i = 0; i < TRIES; i++) {
		struct cache_key key = first_shard_key("work", i % 200);
		struct cache_value value = { CACHE_BYTES, filler,
		    (i * 331) % sizeof(filler), 0, 0 };

		if (point == CACHE_POINT_CLEARING) {
			cache_lock(cache, &key, &hold);
			cache_clear(&hold);
			rc = cache_unlock(&hold);
		} else if (i % 8 == 7)
			rc = get_copy(cache, &read, &copy);
		else if (i % 16 == 6)
			rc = cache_add_count(cache, &key, 1, 0, 0, &sum);
		else
			rc = cache_put(cache, &key, CACHE_SET, &value);
		if (chosen == CACHE_POINT_NONE)
			return rc;
	}
	_exit(77);	/* it did not come */
}

/* Exits with the errno of the operation in which it was stopped. */
static pid_t
start_worker(struct cache *cache, enum cache_point point, int number)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	cache_enter(cache, getpid());
	signal_there = number;
	errno = 0;
	_exit(work_until_point(cache, point) < 0 ? errno : 0);
}

static int
wait_for(pid_t pid, int options)
{
	int status;

	assert_int_equal(waitpid(pid, &status, options), pid);
	return status;
}

static struct cache *
begin(void)
{
	struct cache *cache = cache_of(MIB);

	alarm(LONGEST);
	chosen = CACHE_POINT_NONE;
	return cache;
}

static bool
usable(struct cache *cache)
{
	struct cache_key key = first_shard_key("probe", 1);

	if (put_text(cache, &key, CACHE_SET, "probe", 0, 0) < 0)
		return false;
	wants_text(cache, &key, "probe");
	return true;
}

static uint64_t
cleared(const struct cache *cache)
{
	struct cache_counts counts;

	cache_count_all(cache, &counts);
	return counts.cleared;
}

/* Before and after these nothing of the shard is half done. */
static bool
leaves_it_whole(enum cache_point point)
{
	return point == CACHE_POINT_LOCKED || point == CACHE_POINT_READ ||
	    point == CACHE_POINT_UNLOCKED;
}

/* Breaks when: a process that is killed in an operation leaves a lock behind,
 * or what it has half done is seen. */
static void
the_dead_hold_nothing(void **state)
{
	(void)state;
	for (int point = 1; point < CACHE_POINTS; point++) {
		struct cache *cache = begin();
		uint64_t begun_ms;
		pid_t pid;
		int status;

		set_kept(cache);
		pid = start_worker(cache, (enum cache_point)point, SIGKILL);
		status = wait_for(pid, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail_msg("point %d did not come: %x", point, status);
		cache_release(cache, pid);
		begun_ms = clock_now_ms();
		if (!usable(cache))
			fail_msg("point %d: %s", point, strerror(errno));
		if (leaves_it_whole((enum cache_point)point))
			assert_int_equal(cleared(cache), 0);
		else
			assert_true(cleared(cache) > 0 || point ==
			    CACHE_POINT_WRITTEN);
		check_kept(cache);
		assert_in_range(clock_now_ms() - begun_ms, 0, ANSWER_MS);
		cache_unmap(cache);
	}
}

/* One that is stopped at a point, in a cache of its own. */
struct stopped {
	enum cache_point	 point;
	struct cache		*cache;
	pid_t			 pid;
};

static void
stop_one(struct stopped *stopped)
{
	struct cache_key key = kept_key(0);
	struct copy *copy = calloc(1, sizeof(*copy));
	uint64_t begun_ms;

	stopped->cache = begin();
	set_kept(stopped->cache);
	stopped->pid = start_worker(stopped->cache, stopped->point, SIGSTOP);
	assert_true(WIFSTOPPED(wait_for(stopped->pid, WUNTRACED)));
	begun_ms = clock_now_ms();
	FAILS(get_copy(stopped->cache, &key, copy), EBUSY);
	FAILS(put_text(stopped->cache, &key, CACHE_SET, "x", 0, 0), EBUSY);
	for (int i = 0; i < 100; i++)	/* at once, from now on */
		FAILS(get_copy(stopped->cache, &key, copy), EBUSY);
	assert_in_range(clock_now_ms() - begun_ms, CACHE_WAIT_MS, ANSWER_MS);
	free(copy);
}

/* It comes back to a shard that is others' by now. */
static void
let_go_on(const struct stopped *stopped)
{
	struct cache *cache = stopped->cache;
	uint64_t begun_ms = clock_now_ms();
	unsigned left;
	int status;

	assert_true(usable(cache));
	check_kept(cache);
	set_kept(cache);
	assert_in_range(clock_now_ms() - begun_ms, 0, ANSWER_MS);
	kill(stopped->pid, SIGCONT);
	status = wait_for(stopped->pid, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EBUSY);
	assert_true(usable(cache));
	left = check_kept(cache);
	if (stopped->point == CACHE_POINT_READ)
		assert_int_equal(left, KEPT);
	cache_unmap(cache);
}

/* Breaks when: somebody waits for a process that stands still, or what it does
 * when it goes on is taken for good. */
static void
nobody_waits_for_who_stands_still(void **state)
{
	struct stopped list[] = { { .point = CACHE_POINT_READ },
	    { .point = CACHE_POINT_HALF }, { .point = CACHE_POINT_MOVED },
	    { .point = CACHE_POINT_CLEARING } };

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		stop_one(&list[i]);
	usleep((CACHE_STEAL_MS + 50) * 1000);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		let_go_on(&list[i]);
}

/* Breaks when: a process that stood still for a moment only is robbed, or those
 * who waited are not let in. */
static void
a_short_pause_is_waited_for(void **state)
{
	struct cache *cache = begin();
	struct cache_key key = kept_key(0);
	pid_t pid, waker;
	int status;

	(void)state;
	set_kept(cache);
	pid = start_worker(cache, CACHE_POINT_READ, SIGSTOP);
	assert_true(WIFSTOPPED(wait_for(pid, WUNTRACED)));
	waker = fork();
	if (waker == 0) {
		usleep(20000);
		kill(pid, SIGCONT);
		_exit(0);
	}
	/* EBUSY only if this machine stood still too */
	if (put_text(cache, &key, CACHE_SET, "value 0", 0, 0) < 0)
		assert_int_equal(errno, EBUSY);
	wait_for(waker, 0);
	status = wait_for(pid, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(check_kept(cache), KEPT);
	assert_int_equal(cleared(cache), 0);
	cache_unmap(cache);
}

/* Breaks when: a lock that nobody will ever give back (its holder is not known,
 * or the word was written over) closes its shard for good. */
static void
a_lock_of_nobody_is_taken(void **state)
{
	static const uint32_t words[] = { UINT32_MAX, CACHE_LOCK_WAITERS,
	    1u << CACHE_LOCK_TURN, 1 };
	struct cache *caches[sizeof(words) / sizeof(words[0])];
	const size_t count = sizeof(words) / sizeof(words[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct cache_key key = kept_key(0);
		struct cache_hold hold;

		caches[i] = begin();
		set_kept(caches[i]);
		assert_int_equal(cache_lock(caches[i], &key, &hold), 0);
		assert_int_equal(cache_unlock(&hold), 0);
		atomic_store(&hold.shard->lock, words[i]);
		if (!usable(caches[i]))
			assert_int_equal(errno, EBUSY);
	}
	usleep((CACHE_STEAL_MS + 50) * 1000);
	for (size_t i = 0; i < count; i++) {
		assert_true(usable(caches[i]));
		assert_int_equal(check_kept(caches[i]), KEPT);
		cache_unmap(caches[i]);
	}
}

/* Breaks when: one who waits for a change is not woken by it, or a waiter that
 * dies takes the wake of another along. */
static void
who_waits_is_woken(void **state)
{
	struct cache *cache = begin();
	struct cache_key key = first_shard_key("waited", 0);
	uint64_t begun_ms = clock_now_ms();
	pid_t pids[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] > 0)
			continue;
		cache_enter(cache, getpid());
		_exit(cache_wait(cache, &key, 0, 50000, NULL, NULL) < 0);
	}
	usleep(100000);
	kill(pids[0], SIGKILL);
	assert_true(WIFSIGNALED(wait_for(pids[0], 0)));
	cache_release(cache, pids[0]);
	put_text(cache, &key, CACHE_SET, "now", 0, 0);
	for (int i = 1; i < 3; i++)
		assert_int_equal(wait_for(pids[i], 0), 0);
	assert_in_range(clock_now_ms() - begun_ms, 100, CACHE_LOOK_MS - 500);
	cache_unmap(cache);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dead_hold_nothing),
		cmocka_unit_test(nobody_waits_for_who_stands_still),
		cmocka_unit_test(a_short_pause_is_waited_for),
		cmocka_unit_test(a_lock_of_nobody_is_taken),
		cmocka_unit_test(who_waits_is_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
