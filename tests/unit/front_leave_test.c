/*
 * front_leave_test.c - the end of a front whose requests take too long.
 *
 * Runs in: make check.
 * Owns: the teams and connections of each test.
 * Invariant: where a time is waited for, it is the behaviour: drain_timeout and
 * kill_grace are short where they must pass, and long where they must not.
 */
#include "front_fixture.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"

#define WORKERS		"pool \"default\" { workers = 2 }\n"
#define ONE_WORKER	"pool \"default\" { workers = 1 }\n"
#define SOON		"drain_timeout = \"100ms\"\n"
#define LONG_GRACE	"kill_grace = \"20s\"\n"

static struct reply reply;

static void
start(const char *statements)
{
	start_both(statements, statements);
}

/* To nobody: the other end is closed. */
static void
retire_alone(void)
{
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	close(ends[0]);
	team_say(old, MESSAGE_RETIRE, ends[1]);
}

/* A connection with that request running. */
static int
running(const char *uri)
{
	uint32_t before = atomic_load(&shared->entered);
	int fd = client_connect();

	client_send(fd, uri);
	WAIT_UNTIL(atomic_load(&shared->entered) == before + 1);
	return fd;
}

static void
test_a_handler_that_is_told_ends_well(void **state)
{
	int stream, gate;

	(void)state;
	start(SOON LONG_GRACE WORKERS);
	stream = running("/stream?n=1");
	gate = running("/gate?n=2");
	switch_over();
	client_read(stream, &reply);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body, "part\ntold\n");
	client_read(gate, &reply);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body, "told");
	assert_int_equal(atomic_load(&shared->failed_writes), 0);
	assert_int_equal(client_ask(stream, "/pid"), new->front);
	assert_int_equal(client_ask(gate, "/pid"), new->front);
	old_leaves();
	close(stream);
	close(gate);
}

static void
test_a_handler_that_gives_up_is_a_503(void **state)
{
	int fd;

	(void)state;
	start(SOON LONG_GRACE WORKERS);
	fd = running("/give-up?n=1");
	switch_over();
	client_read(fd, &reply);
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.text, "\r\nRetry-After: "));
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	old_leaves();
	close(fd);
}

static void
test_one_that_is_told_at_a_stop(void **state)
{
	int stream;

	(void)state;
	start(SOON LONG_GRACE WORKERS);
	stream = running("/stream?n=1");
	team_say(old, MESSAGE_STOP, -1);
	client_read(stream, &reply);
	assert_string_equal(reply.body, "part\ntold\n");
	assert_true(client_is_closed(stream));
	old_leaves();
	close(stream);
}

/* As the supervisor does. */
static void
send_the_signal(void)
{
	struct message message;

	do {
		assert_int_equal(team_hear(old, &message), 1);
	} while (message.type != MESSAGE_OVERTIME);
	assert_int_equal(kill(old->workers[message.slot], SIGTERM), 0);
}

static void
test_a_system_call_is_broken_half_way(void **state)
{
	int fd;

	(void)state;
	start(SOON "kill_grace = \"4s\"\n" ONE_WORKER);
	fd = running("/block?n=1");
	switch_over();
	send_the_signal();
	client_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body, "told");
	old_leaves();
	close(fd);
}

static void
expect_refused(int fd, const char *why)
{
	client_read(fd, &reply);
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.text, "\r\nRetry-After: "));
	if (strstr(reply.body, why) == NULL)
		fail_msg("%s", reply.body);
}

static void
test_one_that_does_not_listen_is_a_503(void **state)
{
	int deaf, stream;

	(void)state;
	start(SOON WORKERS);
	deaf = running("/deaf?n=1");
	stream = running("/deaf-stream?n=2");
	client_read_part(stream, &reply);
	switch_over();
	expect_refused(deaf, "updated");
	assert_int_equal(client_ask(deaf, "/pid"), new->front);
	assert_true(client_is_closed(stream));
	old_leaves();
	close(deaf);
	close(stream);
}

static void
test_a_503_at_a_stop(void **state)
{
	int deaf;

	(void)state;
	start(SOON WORKERS);
	deaf = running("/deaf?n=1");
	team_say(old, MESSAGE_STOP, -1);
	expect_refused(deaf, "stopping");
	assert_true(client_is_closed(deaf));
	old_leaves();
	close(deaf);
}

/* The time-out of its route is the earlier one. */
static void
test_a_504_is_a_504_still(void **state)
{
	int deaf;

	(void)state;
	start("drain_timeout = \"10ms\"\nkill_grace = \"10s\"\n" WORKERS);
	deaf = running("/deaf-short?n=1");
	switch_over();
	client_read(deaf, &reply);
	assert_int_equal(reply.status, 504);
	assert_int_equal(client_ask(deaf, "/pid"), new->front);
	atomic_store(&shared->open, 1);
	old_leaves();
	close(deaf);
}

/* No new front takes what waits, and no worker comes to it in time. */
static void
test_what_waits_when_time_is_up(void **state)
{
	int first, second, third;

	(void)state;
	start("drain_timeout = \"300ms\"\n" LONG_GRACE ONE_WORKER);
	first = running("/deaf?n=1");
	second = client_connect();
	client_send(second, "/gate?n=2");
	third = client_connect();
	client_send(third, "/gate?n=3");
	WAIT_UNTIL(team_pending(old) == 1 && team_active(old) == 2);
	retire_alone();
	expect_refused(second, "updated");
	expect_refused(third, "updated");
	/* ... and what comes later */
	client_send(third, "/gate?n=3");
	expect_refused(third, "updated");
	client_ask(third, "/pid");
	atomic_store(&shared->open, 1);
	client_read(first, &reply);
	assert_int_equal(reply.status, 200);
	assert_int_equal(atomic_load(&shared->runs[2]), 0);
	assert_int_equal(atomic_load(&shared->runs[3]), 0);
	close(first);
	close(second);
	close(third);
	old_leaves();
}

/* The connections of a front that retires alone are served to its end. */
static void
test_the_end_without_a_new_front(void **state)
{
	int fd;

	(void)state;
	start("drain_timeout = \"500ms\"\n" ONE_WORKER);
	fd = client_connect();
	client_ask(fd, "/pid");
	retire_alone();
	assert_int_equal(client_ask(fd, "/pid"), old->front);
	assert_int_equal(client_ask(fd, "/pid-async"), old->workers[0]);
	old_leaves();
	assert_true(client_is_closed(fd));
	close(fd);
}

static void
test_a_stop_while_retiring(void **state)
{
	int idle, busy;

	(void)state;
	start(ONE_WORKER);
	idle = client_connect();
	client_ask(idle, "/pid");
	busy = running("/gate?n=1");
	retire_alone();
	assert_int_equal(client_ask(idle, "/pid"), old->front);
	team_say(old, MESSAGE_STOP, -1);
	assert_true(client_is_closed(idle));
	atomic_store(&shared->open, 1);
	client_read(busy, &reply);
	assert_int_equal(reply.status, 200);
	assert_true(client_is_closed(busy));
	old_leaves();
	close(idle);
	close(busy);
}

/* A worker dies: what it had not begun has no worker any more, and goes. */
static void
test_a_worker_that_dies_while_retiring(void **state)
{
	struct message died = { .type = MESSAGE_WORKER_DIED, .value = SIGKILL };
	int first, second;
	int ends[2];

	(void)state;
	start(ONE_WORKER);
	first = running("/deaf?n=1");
	second = client_connect();
	retire_alone();
	client_send(second, "/pid-async?n=2");
	WAIT_UNTIL(team_active(old) == 2);
	assert_int_equal(channel_pair(ends), 0);
	kill(old->workers[0], SIGKILL);
	assert_int_equal(waitpid(old->workers[0], NULL, 0), old->workers[0]);
	old->workers[0] = 0;
	assert_int_equal(channel_send(old->link, &died, NULL, 0), 0);
	client_read(first, &reply);
	assert_int_equal(reply.status, 500);
	close(ends[0]);
	close(ends[1]);
	switch_over();
	client_read(second, &reply);
	assert_int_equal(atol(reply.body), new->workers[0]);
	assert_int_equal(client_ask(first, "/pid"), new->front);
	old_leaves();
	close(first);
	close(second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(test_a_handler_that_is_told_ends_well),
		FRONT_TEST(test_a_handler_that_gives_up_is_a_503),
		FRONT_TEST(test_one_that_is_told_at_a_stop),
		FRONT_TEST(test_a_system_call_is_broken_half_way),
		FRONT_TEST(test_one_that_does_not_listen_is_a_503),
		FRONT_TEST(test_a_503_at_a_stop),
		FRONT_TEST(test_a_504_is_a_504_still),
		FRONT_TEST(test_what_waits_when_time_is_up),
		FRONT_TEST(test_the_end_without_a_new_front),
		FRONT_TEST(test_a_stop_while_retiring),
		FRONT_TEST(test_a_worker_that_dies_while_retiring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
