/*
 * front_spoil_test.c - words a worker overwrites, which the front must doubt.
 *
 * Runs in: make check.
 * Owns: one team of one worker, and a view of what that worker can write.
 * Invariant: the test is the wild pointer; worker and front are real.
 */
#include "front_fixture.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/channel.h"

#define ONE_WORKER	"pool \"default\" { workers = 1 }\n"

static struct reply reply;
static struct shm *spoilt;

static void
start(const char *statements)
{
	struct err err;

	old = team_start(statements, true, true);
	team_say(old, MESSAGE_SERVE, -1);
	spoilt = shm_map(old->geometry, old->shm_fd, SHM_WORKER, 0, &err);
	assert_non_null(spoilt);
}

static void
say_consumed(uint64_t bytes)
{
	for (uint32_t slot = 0; slot < old->geometry->pools[0].replies; slot++)
		atomic_store(&shm_reply(spoilt, 0, slot)->consumed, bytes);
}

static const uint64_t counts[] = { 1, 3, 4096, UINT64_C(1) << 63, UINT64_MAX };

/* Breaks when: the front asks the worker's memory how much of a reply it has
 * read, so that bytes are missing from it. */
static void
test_consumed_is_the_fronts(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		atomic_store(&shared->open, 0);
		atomic_store(&shared->runs[1], 0);
		client_send(fd, "/gate?n=1");
		WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
		say_consumed(counts[i]);
		atomic_store(&shared->open, 1);
		client_read(fd, &reply);
		assert_int_equal(reply.status, 200);
		assert_int_equal(atol(reply.body), old->workers[0]);
	}
	close(fd);
	shm_unmap(spoilt);
}

/* Breaks when: a slot that nobody uses keeps the word, and the worker that
 * takes it next waits for room for ever, or writes over what is not read. */
static void
test_the_next_reply_begins_at_nothing(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		say_consumed(counts[i]);
		for (uint32_t n = 0; n < old->geometry->pools[0].replies; n++)
			assert_int_equal(client_ask(fd, "/pid-async"),
			    old->workers[0]);
		for (uint32_t n = 0; n < old->geometry->pools[0].replies; n++)
			assert_int_equal(atomic_load(&shm_reply(spoilt, 0,
			    n)->consumed), 0);
	}
	close(fd);
	shm_unmap(spoilt);
}

static void
wait_for_runs(uint32_t ticket)
{
	WAIT_UNTIL(atomic_load(&shared->runs[ticket]) == 1);
}

/* Over every claim of a job that is queued. */
static void
overwrite_claims(uint32_t claimant)
{
	struct shm_queue *queue = spoilt->queues[0];

	for (uint32_t job = 0; job < old->geometry->pools[0].jobs; job++) {
		uint64_t word = atomic_load(&queue->claims[job]);

		if (word != 0 && (uint32_t)word == SHM_CLAIM_QUEUED)
			atomic_store(&queue->claims[job], word | claimant);
	}
}

/* Breaks when: a claim that was overwritten leaves a client without an answer,
 * costs the pool a job slot, or ends a worker that it names. */
static void
test_a_claim_that_nobody_has(void **state)
{
	const uint32_t claimants[] = { 2, 5, 99, SHM_CLAIM_WITHDRAWN };
	int first, second;

	(void)state;
	start("pool \"default\" { workers = 1\n"
	    "queue_timeout = \"100ms\"\n}\n"
	    "kill_grace = \"50ms\"");
	first = client_connect();
	second = client_connect();
	for (size_t i = 0; i < sizeof(claimants) / sizeof(claimants[0]); i++) {
		atomic_store(&shared->open, 0);
		atomic_store(&shared->runs[1], 0);
		client_send(first, "/gate?n=1");
		wait_for_runs(1);
		client_send(second, "/gate?n=2");
		WAIT_UNTIL(team_active(old) == 2);
		overwrite_claims(claimants[i]);
		client_read(second, &reply);
		assert_int_equal(reply.status, 503);
		WAIT_UNTIL(team_active(old) == 1);
		atomic_store(&shared->open, 1);
		client_read(first, &reply);
		assert_int_equal(atol(reply.body), old->workers[0]);
		assert_int_equal(client_ask(second, "/pid-async"),
		    old->workers[0]);
	}
	assert_int_equal(atomic_load(&shared->runs[2]), 0);
	close(first);
	close(second);
	shm_unmap(spoilt);
}

/* Breaks when: the claim of a request that runs is believed though its reply
 * slot says more, so that the reply is lost. */
static void
test_a_claim_of_what_runs(void **state)
{
	struct shm_queue *queue;
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_send(fd, "/gate?n=1");
	wait_for_runs(1);
	queue = spoilt->queues[0];
	for (uint32_t job = 0; job < old->geometry->pools[0].jobs; job++) {
		uint64_t word = atomic_load(&queue->claims[job]);

		if (word != 0)
			atomic_store(&queue->claims[job],
			    (word & ~UINT64_C(0xffffffff)) | 7);
	}
	atomic_store(&shared->open, 1);
	client_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	assert_int_equal(atol(reply.body), old->workers[0]);
	close(fd);
	shm_unmap(spoilt);
}

/* As a wild pointer leaves it: nobody has begun anything. */
static void
deny_everything(void)
{
	struct shm_queue *queue = spoilt->queues[0];

	for (uint32_t job = 0; job < old->geometry->pools[0].jobs; job++)
		atomic_fetch_and(&queue->claims[job],
		    ~UINT64_C(0xffffffff));
	for (uint32_t i = 0; i < old->geometry->pools[0].replies; i++) {
		struct shm_reply *slot = shm_reply(spoilt, 0, i);

		atomic_store(&slot->state, SHM_REPLY_FREE);
		atomic_store(&slot->seq, 3);
	}
}

/* Breaks when: a request is run again by the next worker, and perhaps ends it
 * too, because its own worker wrote that it was never begun. */
static void
test_a_worker_that_denies_what_it_ran(void **state)
{
	struct message died = { .type = MESSAGE_WORKER_DIED, .value = SIGKILL };
	int fd;

	(void)state;
	start("pool \"default\" { workers = 2 }");
	freeze(old->workers[1]);
	fd = client_connect();
	client_send(fd, "/gate?n=1");
	wait_for_runs(1);
	deny_everything();
	kill(old->workers[0], SIGKILL);
	assert_int_equal(waitpid(old->workers[0], NULL, 0), old->workers[0]);
	old->workers[0] = 0;
	thaw(old->workers[1]);
	assert_int_equal(channel_send(old->link, &died, NULL, 0), 0);
	client_read(fd, &reply);
	assert_int_equal(reply.status, 503);
	assert_int_equal(client_ask(fd, "/pid-async"), old->workers[1]);
	assert_int_equal(atomic_load(&shared->runs[1]), 1);
	assert_int_equal(team_active(old), 0);
	close(fd);
	shm_unmap(spoilt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(test_consumed_is_the_fronts),
		FRONT_TEST(test_the_next_reply_begins_at_nothing),
		FRONT_TEST(test_a_claim_that_nobody_has),
		FRONT_TEST(test_a_claim_of_what_runs),
		FRONT_TEST(test_a_worker_that_denies_what_it_ran),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
