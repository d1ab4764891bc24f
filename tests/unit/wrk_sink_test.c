/*
 * wrk_sink_test.c - a thread that is about to sleep in its sink, and what has
 * happened since it looked.
 *
 * Runs in: make check.
 * Owns: a front with its shared memory, one worker that serves nothing.
 * Invariant: each wait is for LONG, and must end before that or after `ms`: so
 * a wake that is lost shows, whatever the machine does.
 */
#include "front_inside.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/futex.h"
#include "worker/wrk.h"

#define LONG	20000	/* ms */

static struct front		 front;
static struct child_start	 start;
static struct wrk		 wrk;
static struct wrk_sink		 sink;
static struct shm_job		*job;
static struct shm_reply		*reply;
static struct route		*route;

static int
nothing(struct fh_request *rq)
{
	(void)rq;
	return 0;
}

static int
make(void **state)
{
	int link = front_inside_make(&front, "pool \"default\" { workers = 1 }",
	    nothing);

	(void)state;
	if (link < 0)
		return -1;
	start = *front.start;
	start.slot = 0;
	wrk.start = &start;
	wrk.shm = front.shm;
	wrk.window = front.shm->windows[0];
	wrk.pool = front.pools[0].geometry;
	atomic_store(&wrk.window->magic, SHM_WINDOW_MAGIC);
	job = shm_job(front.shm, 0);
	reply = shm_reply(front.shm, 0, 0);
	route = (struct route *)(uintptr_t)&front.set->routes[0];
	api_notify_set(front.shm->state->topics, NULL, NULL);
	return 0;
}

/* As if nothing had happened yet. */
static int
begin(void **state)
{
	(void)state;
	job->route = 0;
	atomic_store(&job->cancelled, SHM_CANCELLED_NOT);
	atomic_store(&front.shm->state->drain, 0);
	atomic_store(&front.shm->state->leave[0], 0);
	atomic_store(&wrk.terminating, false);
	route->stream = true;
	wrk_sink_init(&sink, &wrk, job, 0);
	return 0;
}

/* Milliseconds that it slept. */
static uint64_t
sleeps(uint64_t ms, uint64_t topics, uint32_t heard, int rc)
{
	struct api_wait wait = { .ms = ms, .topics = topics, .heard = heard };
	uint64_t before = clock_now_ms();

	errno = 0;
	assert_int_equal(sink.sink.wait(&sink.sink, &wait), rc);
	assert_int_equal(errno == EPIPE, rc != 0);
	assert_int_equal(atomic_load(&reply->waits), SHM_WAITS_NOT);
	assert_int_equal(atomic_load(&reply->topics), topics);
	return clock_now_ms() - before;
}

static void
test_a_topic_that_rang_since(void **state)
{
	uint64_t topics = UINT64_C(1) << 3 | UINT64_C(1) << 63;

	(void)state;
	atomic_store(&front.shm->state->topics[3], 4);
	atomic_store(&front.shm->state->topics[63], 2);
	atomic_store(&front.shm->state->topics[5], 9);
	assert_true(sleeps(LONG, topics, 5, 0) < LONG);
	assert_true(sleeps(50, topics, 6, 0) >= 50);
	atomic_fetch_add(&front.shm->state->topics[5], 1);
	assert_true(sleeps(50, topics, 6, 0) >= 50);
}

static void
test_told_since(void **state)
{
	(void)state;
	atomic_store(&job->cancelled, SHM_CANCELLED_ENDING);
	assert_true(sleeps(LONG, 0, 0, 0) < LONG);
	atomic_store(&job->cancelled, SHM_CANCELLED_NOBODY);
	assert_true(sleeps(LONG, 0, 0, -1) < LONG);
}

static void
test_a_front_that_is_gone(void **state)
{
	(void)state;
	atomic_store(&front.shm->state->drain, 1);
	assert_true(sleeps(LONG, 0, 0, -1) < LONG);
	assert_true(sink.sink.ending(&sink.sink));
}

/* What is no stream is ended by the worker that leaves. */
static void
test_a_worker_that_leaves(void **state)
{
	(void)state;
	assert_false(sink.sink.ending(&sink.sink));
	atomic_store(&front.shm->state->leave[0], 1);
	assert_true(sink.sink.ending(&sink.sink));
	assert_true(sleeps(LONG, 0, 0, 0) < LONG);
	route->stream = false;
	assert_true(sleeps(50, 0, 0, 0) >= 50);
	atomic_store(&front.shm->state->leave[0], 0);
	atomic_store(&wrk.terminating, true);
	route->stream = true;
	assert_true(sleeps(LONG, 0, 0, 0) < LONG);
}

/* As the front does it, once it sees that somebody waits. */
static void *
wake(void *context)
{
	(void)context;
	while (atomic_load(&reply->waits) != SHM_WAITS_WORD)
		usleep(1000);
	atomic_store(&job->cancelled, SHM_CANCELLED_ENDING);
	atomic_fetch_add(&reply->room, 1);
	futex_wake(&reply->room, 1);
	return NULL;
}

static void
test_woken_from_its_sleep(void **state)
{
	pthread_t other;

	(void)state;
	assert_int_equal(pthread_create(&other, NULL, wake, NULL), 0);
	assert_true(sleeps(LONG, 0, 0, 0) < LONG);
	pthread_join(other, NULL);
}

#define TEST(name)	cmocka_unit_test_setup(name, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_topic_that_rang_since),
		TEST(test_told_since),
		TEST(test_a_front_that_is_gone),
		TEST(test_a_worker_that_leaves),
		TEST(test_woken_from_its_sleep)
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
