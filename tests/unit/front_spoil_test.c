/*
 * front_spoil_test.c - words a worker overwrites, which the front must doubt.
 *
 * Runs in: make check.
 * Owns: one team of one worker, and a view of what that worker can write.
 * Invariant: the test is the wild pointer; worker and front are real.
 */
#include "front_fixture.h"

#include <stdlib.h>
#include <unistd.h>

static struct reply reply;
static struct shm *spoilt;

static void
start(void)
{
	struct err err;

	old = team_start("pool \"default\" { workers = 1 }", true, true);
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
	start();
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
	start();
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(test_consumed_is_the_fronts),
		FRONT_TEST(test_the_next_reply_begins_at_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
