/*
 * front_handover_test.c - connections go from an old front to a new one.
 *
 * Runs in: make check.
 * Owns: the teams and connections of each test.
 * Invariant: whoever answers says its process, so that it is known which front
 * a connection is with.
 */
#include "front_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/wire_record.h"

#define ONE_WORKER	"pool \"default\" { workers = 1 }"

static struct reply reply;

static void
start(const char *statements)
{
	start_both(statements, statements);
}

/* ... and the old one has been told: an idle connection says so. */
static void
switch_over_seen(void)
{
	int marker = client_connect();

	client_ask(marker, "/pid");
	switch_over();
	while (client_ask(marker, "/pid") == old->front)
		;
	close(marker);
}

static void
test_a_front_accepts_when_it_is_told_to_serve(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	freeze(old->front);
	fd = client_connect();
	client_send(fd, "/pid");
	/* the new one has not been told, and has turned round since */
	team_say(new, MESSAGE_STOP, -1);
	team_wait(new);
	thaw(old->front);
	client_read(fd, &reply);
	assert_int_equal(atol(reply.body), old->front);
	close(fd);
}

static void
test_an_idle_connection_is_passed_and_usable(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	assert_int_equal(client_ask(fd, "/pid"), old->front);
	switch_over();
	old_leaves();
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	assert_int_equal(client_ask(fd, "/pid-async"), new->workers[0]);
	WAIT_UNTIL(atomic_load(&team_stats(new)->connections) == 1);
	assert_int_equal(atomic_load(&team_stats(new)->accepted), 0);
	close(fd);
}

static void
test_one_that_has_sent_nothing_is_passed(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	WAIT_UNTIL(atomic_load(&team_stats(old)->accepted) == 1);
	switch_over();
	old_leaves();
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	close(fd);
}

/* A request that was sent while nobody looked: it is in the socket. */
static void
test_bytes_sent_during_the_handover(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_ask(fd, "/pid");
	freeze(new->front);
	switch_over();
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 0);
	client_send(fd, "/pid");
	thaw(new->front);
	client_read(fd, &reply);
	assert_int_equal(atol(reply.body), new->front);
	old_leaves();
	close(fd);
}

/* What was passed and is not answered for is not watched either. */
static void
test_a_passed_connection_is_not_watched(void **state)
{
	unsigned before;
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_ask(fd, "/pid");
	before = team_watched(old);
	freeze(new->front);
	switch_over();
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 0);
	/* the link has come, connection and listening socket are gone */
	WAIT_UNTIL(team_watched(old) == before - 1);
	thaw(new->front);
	old_leaves();
	close(fd);
}

static void
test_a_busy_one_is_passed_after_its_reply(void **state)
{
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_send(fd, "/gate?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	switch_over_seen();
	atomic_store(&shared->open, 1);
	client_read(fd, &reply);
	assert_int_equal(atol(reply.body), old->workers[0]);
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	assert_int_equal(atomic_load(&shared->runs[1]), 1);
	old_leaves();
	close(fd);
}

/* The rest of the request, and the whole next one, in one write. */
static void
test_a_request_half_read_is_served_and_then_passed(void **state)
{
	uint8_t *bytes;
	size_t size = client_request(&bytes, "/pid", 0, true);
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_write(fd, bytes, 43);
	switch_over_seen();
	client_write(fd, bytes + 43, size - 43);
	client_read(fd, &reply);
	assert_int_equal(atol(reply.body), old->front);
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	old_leaves();
	free(bytes);
	close(fd);
}

static void
test_an_early_request_goes_along(void **state)
{
	uint8_t *bytes;
	size_t size = client_request(&bytes, "/gate?n=2", 0, true);
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_send(fd, "/gate?n=1");
	/* all of the next one but its last byte */
	client_write(fd, bytes, size - 1);
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	switch_over();
	atomic_store(&shared->open, 1);
	client_read(fd, &reply);
	assert_int_equal(atol(reply.body), old->workers[0]);
	old_leaves();
	client_write(fd, bytes + size - 1, 1);
	client_read(fd, &reply);
	assert_int_equal(atol(reply.body), new->workers[0]);
	assert_int_equal(atomic_load(&shared->runs[2]), 1);
	free(bytes);
	close(fd);
}

/* Three requests in one write, to a front that is told to retire before it has
 * read them: it reads the first, and the others go along. */
static void
test_requests_behind_each_other(void **state)
{
	uint8_t *bytes, *three;
	size_t size = client_request(&bytes, "/gate-sync?n=3", 0, true);
	int fd, blocker;

	(void)state;
	start(ONE_WORKER);
	three = malloc(3 * size);
	assert_non_null(three);
	for (int i = 0; i < 3; i++)
		memcpy(three + (size_t)i * size, bytes, size);
	fd = client_connect();
	blocker = client_connect();
	client_write(fd, three, 5);
	client_ask(blocker, "/pid");
	client_send(blocker, "/gate-sync?n=4");
	WAIT_UNTIL(atomic_load(&shared->runs[4]) == 1);
	switch_over();
	client_write(fd, three + 5, 3 * size - 5);
	atomic_store(&shared->open, 1);
	client_read(blocker, &reply);
	assert_int_equal(atol(reply.body), old->front);
	for (int i = 0; i < 3; i++) {
		client_read(fd, &reply);
		assert_int_equal(atol(reply.body), i == 0 ? old->front :
		    new->front);
	}
	assert_int_equal(atomic_load(&shared->runs[3]), 3);
	old_leaves();
	free(bytes);
	free(three);
	close(fd);
	close(blocker);
}

static void
test_one_that_is_not_kept_is_closed(void **state)
{
	uint8_t *bytes;
	size_t size = client_request(&bytes, "/gate?n=1", 0, false);
	int fd;

	(void)state;
	start(ONE_WORKER);
	fd = client_connect();
	client_write(fd, bytes, size);
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	switch_over();
	atomic_store(&shared->open, 1);
	client_read(fd, &reply);
	assert_true(client_is_closed(fd));
	old_leaves();
	free(bytes);
	close(fd);
}

#define MANY	2000

/* Through a link that holds a handful at a time, some used meanwhile. */
static void
test_many_through_a_narrow_link(void **state)
{
	static int fds[MANY];

	(void)state;
	start("connections = 2100\n" ONE_WORKER);
	for (int i = 0; i < MANY; i++) {
		fds[i] = client_connect();
		if (i % 3 == 0)
			client_ask(fds[i], "/pid");
	}
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == MANY);
	freeze(new->front);
	team_say(new, MESSAGE_SERVE, -1);
	hand_over_narrowly(old, new);
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) < MANY);
	/* what has not gone is served on */
	assert_int_equal(client_ask(fds[MANY - 2], "/pid"), old->front);
	assert_true(atomic_load(&team_stats(old)->connections) > MANY / 2);
	thaw(new->front);
	old_leaves();
	WAIT_UNTIL(atomic_load(&team_stats(new)->connections) == MANY);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(client_ask(fds[i], "/pid"), new->front);
		close(fds[i]);
	}
}

/* They are taken over the limit, and those idle for longest give way. */
static void
test_the_limit_of_connections(void **state)
{
	int fds[8], closed = 0;

	(void)state;
	old = team_start("connections = 8\n" ONE_WORKER, true, true);
	new = team_start("connections = 5\n" ONE_WORKER, false, true);
	team_say(old, MESSAGE_SERVE, -1);
	for (int i = 0; i < 8; i++) {
		fds[i] = client_connect();
		client_ask(fds[i], "/pid");
	}
	switch_over();
	old_leaves();
	for (int i = 0; i < 8; i++) {
		if (i >= 3)
			assert_int_equal(client_ask(fds[i], "/pid"),
			    new->front);
		else
			closed += client_is_closed(fds[i]);
		close(fds[i]);
	}
	assert_int_equal(closed, 3);
}

/* An idle one, after it has been passed, has the new front's idle_timeout. */
static void
test_idle_timeout_goes_on(void **state)
{
	int fd;

	(void)state;
	old = team_start(ONE_WORKER, true, true);
	new = team_start("idle_timeout = \"50ms\"\n" ONE_WORKER, false, true);
	team_say(old, MESSAGE_SERVE, -1);
	fd = client_connect();
	client_ask(fd, "/pid");
	switch_over();
	old_leaves();
	assert_true(client_is_closed(fd));
	close(fd);
}

/* A reload on the heels of the last: the front in the middle passes on. */
static void
test_a_chain_of_three(void **state)
{
	struct team *last;
	int fd, busy;

	(void)state;
	start(ONE_WORKER);
	last = team_start(ONE_WORKER, false, true);
	fd = client_connect();
	client_ask(fd, "/pid");
	busy = client_connect();
	client_send(busy, "/gate?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	freeze(new->front);
	switch_over();
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 1);
	hand_over(new, last);
	team_say(last, MESSAGE_SERVE, -1);
	thaw(new->front);
	WAIT_UNTIL(atomic_load(&team_stats(last)->connections) == 1);
	assert_int_equal(client_ask(fd, "/pid"), last->front);
	atomic_store(&shared->open, 1);
	client_read(busy, &reply);
	assert_int_equal(atol(reply.body), old->workers[0]);
	assert_int_equal(client_ask(busy, "/pid"), last->front);
	old_leaves();
	assert_int_equal(team_wait(new), 0);
	close(fd);
	close(busy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(
		    test_a_front_accepts_when_it_is_told_to_serve),
		FRONT_TEST(test_an_idle_connection_is_passed_and_usable),
		FRONT_TEST(test_one_that_has_sent_nothing_is_passed),
		FRONT_TEST(test_bytes_sent_during_the_handover),
		FRONT_TEST(test_a_passed_connection_is_not_watched),
		FRONT_TEST(test_a_busy_one_is_passed_after_its_reply),
		FRONT_TEST(
		    test_a_request_half_read_is_served_and_then_passed),
		FRONT_TEST(test_an_early_request_goes_along),
		FRONT_TEST(test_requests_behind_each_other),
		FRONT_TEST(test_one_that_is_not_kept_is_closed),
		FRONT_TEST(test_many_through_a_narrow_link),
		FRONT_TEST(test_the_limit_of_connections),
		FRONT_TEST(test_idle_timeout_goes_on),
		FRONT_TEST(test_a_chain_of_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
