/*
 * jobq_test.c - the queue of jobs: what is offered, taken, taken back, mended.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: each test has a queue of its own, with room for QUEUE_LIMIT.
 */
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/futex.h"
#include "common/jobq.h"

#define QUEUE_LIMIT	4
#define ANYBODY		7

struct fixture {
	struct config_pool	 pool;
	struct config		 config;
	struct shm_geometry	*geometry;
	struct shm		*shm;
	struct jobq		 jobq;
	uint32_t		 ring_size;
};

static int
set_up(void **state)
{
	static struct fixture fixture;
	struct err err;
	int fd;

	fixture = (struct fixture){ .pool = { .workers = QUEUE_LIMIT,
	    .threads = 1 }, .config = { .pools = &fixture.pool,
	    .pool_count = 1, .params_limit = 4096, .body_memory = 4096,
	    .reply_space = 16384 } };
	fixture.geometry = shm_geometry_create(&fixture.config, 1);
	if (fixture.geometry == NULL ||
	    (fd = shm_create(fixture.geometry, &err)) < 0)
		return -1;
	fixture.shm = shm_map(fixture.geometry, fd, SHM_FRONT, 0, &err);
	close(fd);
	if (fixture.shm == NULL)
		return -1;
	jobq_init(&fixture.jobq, fixture.shm, 0);
	fixture.ring_size = fixture.geometry->pools[0].ring_size;
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	shm_unmap(fixture->shm);
	shm_geometry_destroy(fixture->geometry);
	return 0;
}

static void
test_the_oldest_is_taken_first(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	assert_true(jobq_empty(jobq));
	assert_int_equal(jobq_take(jobq, ANYBODY), SHM_NONE);
	jobq_push(jobq, 5, 1);
	jobq_push(jobq, 3, 2);
	assert_false(jobq_empty(jobq));
	assert_int_equal(jobq_take(jobq, ANYBODY), 5);
	assert_int_equal(jobq_take(jobq, ANYBODY), 3);
	assert_int_equal(jobq_take(jobq, ANYBODY), SHM_NONE);
	assert_true(jobq_empty(jobq));
}

static void
test_the_claimant_is_who_took_it(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	jobq_push(jobq, 0, 1);
	assert_int_equal(jobq_claimant(jobq, 0, 1), SHM_CLAIM_QUEUED);
	assert_int_equal(jobq_take(jobq, 9), 0);
	assert_int_equal(jobq_claimant(jobq, 0, 1), 9);
	assert_int_equal(jobq_claimant(jobq, 0, 2), SHM_CLAIM_WITHDRAWN);
	jobq_push(jobq, 0, 2);
	assert_int_equal(jobq_claimant(jobq, 0, 2), SHM_CLAIM_QUEUED);
	assert_int_equal(jobq_claimant(jobq, 0, 1), SHM_CLAIM_WITHDRAWN);
}

static void
test_there_is_room_for_what_can_be_taken(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	for (uint32_t i = 0; i < QUEUE_LIMIT; i++) {
		assert_int_equal(jobq_room(jobq), QUEUE_LIMIT - i);
		jobq_push(jobq, i, i + 1);
	}
	assert_int_equal(jobq_room(jobq), 0);
	jobq_take(jobq, ANYBODY);
	assert_int_equal(jobq_room(jobq), 1);
}

static void
test_what_is_withdrawn_is_not_taken(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	jobq_push(jobq, 0, 1);
	jobq_push(jobq, 1, 2);
	assert_false(jobq_withdraw(jobq, 0, 7));
	assert_true(jobq_withdraw(jobq, 0, 1));
	assert_false(jobq_withdraw(jobq, 0, 1));
	assert_int_equal(jobq_claimant(jobq, 0, 1), SHM_CLAIM_WITHDRAWN);
	assert_int_equal(jobq_take(jobq, ANYBODY), 1);
	assert_false(jobq_withdraw(jobq, 1, 2));
	assert_int_equal(jobq_claimant(jobq, 1, 2), ANYBODY);
}

static void
test_holes_are_room(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	for (uint32_t i = 0; i < QUEUE_LIMIT; i++)
		jobq_push(jobq, i, i + 1);
	jobq_withdraw(jobq, 1, 2);
	jobq_withdraw(jobq, 2, 3);
	assert_int_equal(jobq_room(jobq), 2);
}

static void
test_a_ring_of_holes_is_full_until_somebody_passes(void **state)
{
	const struct fixture *fixture = *state;
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	for (uint32_t i = 0; i < fixture->ring_size; i++) {
		assert_int_not_equal(jobq_room(jobq), 0);
		jobq_push(jobq, 0, i + 1);
		assert_true(jobq_withdraw(jobq, 0, i + 1));
	}
	assert_int_equal(jobq_room(jobq), 0);
	assert_true(jobq_is_sound(jobq));
	assert_int_equal(jobq_take(jobq, ANYBODY), SHM_NONE);
	assert_int_equal(jobq_room(jobq), QUEUE_LIMIT);
}

static void
test_an_index_stands_twice_and_is_taken_once(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	jobq_push(jobq, 3, 1);
	jobq_withdraw(jobq, 3, 1);
	jobq_push(jobq, 3, 2);
	assert_int_equal(jobq_take(jobq, ANYBODY), 3);
	assert_int_equal(jobq_claimant(jobq, 3, 2), ANYBODY);
	assert_int_equal(jobq_take(jobq, 8), SHM_NONE);
	assert_int_equal(jobq_claimant(jobq, 3, 2), ANYBODY);
}

static void
test_what_a_dead_claimant_had_is_offered_again(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	jobq_push(jobq, 3, 1);
	assert_int_equal(jobq_take(jobq, ANYBODY), 3);
	jobq_push_again(jobq, 3, 1, ANYBODY);
	assert_int_equal(jobq_take(jobq, 8), 3);
	assert_int_equal(jobq_claimant(jobq, 3, 1), 8);
}

/* The front has emptied the ring, and finds the job unclaimed; a worker that
 * lives had it off the ring before, and claims it now. */
static void
test_who_claims_a_job_as_it_is_offered_again_keeps_it(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;
	uint32_t seen;

	jobq_push(jobq, 3, 1);
	seen = jobq_claimant(jobq, 3, 1);
	assert_int_equal(jobq_take(jobq, ANYBODY), 3);
	jobq_push_again(jobq, 3, 1, seen);
	assert_int_equal(jobq_claimant(jobq, 3, 1), ANYBODY);
	assert_int_equal(jobq_take(jobq, 8), SHM_NONE);
}

/* Only the low half of a number stands in a claim, and the ring's counters go
 * round: both are as good after their last value as before. */
static void
test_numbers_go_round(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;
	uint64_t seq = UINT64_C(0x1fffffffe);

	jobq->tail = UINT32_MAX - 2;
	atomic_store(&jobq->queue->tail, jobq->tail);
	atomic_store(&jobq->queue->head, jobq->tail);
	for (uint32_t i = 0; i < 200; i++, seq++) {
		jobq_push(jobq, i % 9, seq);
		assert_true(jobq_is_sound(jobq));
		assert_int_equal(jobq_room(jobq), QUEUE_LIMIT - 1);
		assert_int_equal(jobq_claimant(jobq, i % 9, seq),
		    SHM_CLAIM_QUEUED);
		assert_int_equal(jobq_take(jobq, ANYBODY), i % 9);
		assert_int_equal(jobq_claimant(jobq, i % 9, seq), ANYBODY);
	}
}

static void
test_hungry_is_what_was_said_last(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	assert_false(jobq_hungry(jobq));
	jobq_set_hungry(jobq, true);
	jobq_set_hungry(jobq, true);
	assert_true(jobq_hungry(jobq));
	jobq_set_hungry(jobq, false);
	assert_false(jobq_hungry(jobq));
}

/* -------------------------------------------------------- spoilt words */

static void
test_spoilt_counters_are_noticed_and_mended(void **state)
{
	const struct fixture *fixture = *state;
	struct jobq *jobq = &((struct fixture *)*state)->jobq;
	struct shm_queue *queue = jobq->queue;

	for (int which = 0; which < 4; which++) {
		jobq_push(jobq, 1, 10 + (uint64_t)which);
		assert_true(jobq_is_sound(jobq));
		if (which == 0)		/* before what was */
			atomic_fetch_sub(&queue->head, fixture->ring_size);
		else if (which == 1)	/* past what is */
			atomic_fetch_add(&queue->head, 2);
		else if (which == 2)
			atomic_store(&queue->tail, UINT32_MAX / 2);
		else
			memset(queue, 0xff, sizeof(*queue));
		assert_false(jobq_is_sound(jobq));
		assert_true(jobq_empty(jobq));	/* until then, workers sleep */
		assert_int_equal(jobq_take(jobq, ANYBODY), SHM_NONE);
		jobq_repair(jobq);
		assert_true(jobq_is_sound(jobq));
		assert_true(jobq_empty(jobq));
		jobq_push(jobq, 1, 10 + (uint64_t)which);
		assert_int_equal(jobq_take(jobq, ANYBODY), 1);
	}
}

static void
test_a_spoilt_ring_is_never_an_index_out_of_range(void **state)
{
	const struct fixture *fixture = *state;
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	for (uint32_t i = 0; i < QUEUE_LIMIT; i++)
		jobq_push(jobq, i, i + 1);
	memset((void *)jobq->ring, 0xa5,
	    fixture->ring_size * sizeof(*jobq->ring));
	assert_int_equal(jobq_room(jobq), QUEUE_LIMIT);
	assert_int_equal(jobq_take(jobq, ANYBODY), SHM_NONE);
	jobq_repair(jobq);
	jobq_push(jobq, 2, 3);
	assert_int_equal(jobq_take(jobq, ANYBODY), 2);
}

static void
test_a_spoilt_claim_is_nobodys_and_can_be_set(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	jobq_push(jobq, 2, 3);
	jobq_take(jobq, ANYBODY);
	atomic_store(&jobq->queue->claims[2], UINT64_C(0xa5a5a5a5a5a5a5a5));
	assert_int_equal(jobq_claimant(jobq, 2, 3), SHM_CLAIM_WITHDRAWN);
	assert_false(jobq_withdraw(jobq, 2, 3));
	jobq_set_claim(jobq, 2, 3, ANYBODY);
	assert_int_equal(jobq_claimant(jobq, 2, 3), ANYBODY);
}

/* A queue whose words are all alike, whatever they are: nothing crashes. */
static void
test_any_words_at_all(void **state)
{
	const struct fixture *fixture = *state;
	struct jobq *jobq = &((struct fixture *)*state)->jobq;

	for (int byte = 0; byte < 256; byte++) {
		memset(jobq->queue, byte,
		    fixture->geometry->pools[0].queue_bytes);
		(void)jobq_room(jobq);
		(void)jobq_claimant(jobq, 0, 1);
		(void)jobq_withdraw(jobq, 0, 1);
		if (!jobq_is_sound(jobq))
			jobq_repair(jobq);
		jobq_push(jobq, 1, 99);
		assert_int_equal(jobq_take(jobq, ANYBODY), 1);
	}
}

/* --------------------------------------------------------------- sleep */

static pid_t
sleeper(struct jobq *jobq)
{
	uint32_t seen = atomic_load(&jobq->queue->bell);
	pid_t pid = fork();

	if (pid == 0) {
		alarm(20);
		while (atomic_load(&jobq->queue->bell) == seen)
			futex_wait(&jobq->queue->bell, seen, 0);
		_exit(0);
	}
	return pid;
}

static void
test_the_bell_wakes(void **state)
{
	struct jobq *jobq = &((struct fixture *)*state)->jobq;
	int status;

	for (int all = 0; all < 2; all++) {
		pid_t pid = sleeper(jobq);

		assert_true(pid > 0);
		jobq_wake(jobq, all != 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

#define CASE(function)	\
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_oldest_is_taken_first),
		CASE(test_the_claimant_is_who_took_it),
		CASE(test_there_is_room_for_what_can_be_taken),
		CASE(test_what_is_withdrawn_is_not_taken),
		CASE(test_holes_are_room),
		CASE(test_a_ring_of_holes_is_full_until_somebody_passes),
		CASE(test_an_index_stands_twice_and_is_taken_once),
		CASE(test_what_a_dead_claimant_had_is_offered_again),
		CASE(test_who_claims_a_job_as_it_is_offered_again_keeps_it),
		CASE(test_numbers_go_round),
		CASE(test_hungry_is_what_was_said_last),
		CASE(test_spoilt_counters_are_noticed_and_mended),
		CASE(test_a_spoilt_ring_is_never_an_index_out_of_range),
		CASE(test_a_spoilt_claim_is_nobodys_and_can_be_set),
		CASE(test_any_words_at_all),
		CASE(test_the_bell_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
