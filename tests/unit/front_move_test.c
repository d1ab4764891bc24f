/*
 * front_move_test.c - requests that no worker has begun go to the new front.
 *
 * Runs in: make check.
 * Owns: the teams and connections of each test.
 * Invariant: every request has a number, and runs once, wherever it does.
 */
#include "front_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define ONE_WORKER	"pool \"default\" { workers = 1 }"

static struct reply reply;

/* The old one's only worker is at the gate with number 1, of this connection,
 * which is returned. */
static int
start(const char *old_statements, const char *new_statements)
{
	int fd;

	start_both(old_statements, new_statements);
	fd = client_connect();
	client_send(fd, "/gate?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	return fd;
}

/* A 200 from that process. */
static void
expect_from(int fd, pid_t pid)
{
	client_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	assert_int_equal(atol(reply.body), pid);
}

static void
open_gate(void)
{
	atomic_store(&shared->open, 1);
}

#define WAITING	6

/* One of them is in the shared queue, the others are pending. */
static void
test_what_waits_moves_and_runs_once(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), fds[WAITING];
	char uri[32];

	(void)state;
	for (int i = 0; i < WAITING; i++) {
		snprintf(uri, sizeof(uri), "/gate?n=%d", 2 + i);
		fds[i] = client_connect();
		client_send(fds[i], uri);
	}
	WAIT_UNTIL(team_pending(old) == WAITING - 1 && team_active(old) == 2);
	switch_over();
	WAIT_UNTIL(team_active(old) == 1 && team_pending(old) == 0);
	WAIT_UNTIL(atomic_load(&shared->runs[2]) == 1);
	WAIT_UNTIL(team_pending(new) == WAITING - 2);
	open_gate();
	expect_from(first, old->workers[0]);
	for (int i = 0; i < WAITING; i++) {
		expect_from(fds[i], new->workers[0]);
		assert_int_equal(atomic_load(&shared->runs[2 + i]), 1);
		assert_int_equal(client_ask(fds[i], "/pid"), new->front);
		close(fds[i]);
	}
	old_leaves();
	close(first);
}

/* Each is counted where it came and where it was answered. */
static void
test_a_moved_request_is_counted_once(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), second = client_connect();

	(void)state;
	client_send(second, "/gate?n=2");
	WAIT_UNTIL(team_active(old) == 2);
	switch_over();
	WAIT_UNTIL(atomic_load(&shared->runs[2]) == 1);
	assert_int_equal(atomic_load(&team_route(old, "GET /gate")->in_flight),
	    1);
	assert_int_equal(atomic_load(&team_route(new, "GET /gate")->in_flight),
	    1);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_from(second, new->workers[0]);
	old_leaves();
	WAIT_UNTIL(atomic_load(&team_route(new, "GET /gate")->requests) == 1);
	assert_int_equal(atomic_load(&team_route(old, "GET /gate")->requests),
	    1);
	assert_int_equal(atomic_load(&team_route(old, "GET /gate")->cancelled),
	    0);
	assert_int_equal(atomic_load(&team_stats(old)->requests), 2);
	assert_int_equal(atomic_load(&team_stats(new)->requests), 0);
	close(first);
	close(second);
}

/* The number at the end of "PID LENGTH SUM". */
static void
expect_body(int fd, pid_t pid, size_t length)
{
	char wanted[96];

	expect_from(fd, pid);
	snprintf(wanted, sizeof(wanted), "%d %zu %zu", (int)pid, length,
	    length * 'x');
	assert_string_equal(reply.body, wanted);
}

static void
move_a_body(const char *old_statements, const char *new_statements,
    size_t length, unsigned files, unsigned new_files)
{
	int first = start(old_statements, new_statements);
	int second = client_connect();

	client_post(second, "/gate?n=2", length);
	WAIT_UNTIL(team_active(old) == 2);
	assert_int_equal(spool_files(old->number), files);
	switch_over();
	WAIT_UNTIL(atomic_load(&shared->runs[2]) == 1);
	assert_int_equal(spool_files(old->number), 0);
	assert_int_equal(spool_files(new->number), new_files);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_body(second, new->workers[0], length);
	old_leaves();
	assert_int_equal(client_ask(second, "/pid"), new->front);
	assert_int_equal(spool_files(new->number), 0);
	close(first);
	close(second);
}

static void
test_a_body_in_memory_moves(void **state)
{
	(void)state;
	move_a_body(ONE_WORKER, ONE_WORKER, 60000, 0, 0);
}

static void
test_a_spooled_body_moves(void **state)
{
	(void)state;
	move_a_body(ONE_WORKER, ONE_WORKER, 200000, 1, 1);
}

/* A job of the new front has no room for it. */
static void
test_a_body_over_the_new_limit_is_spooled(void **state)
{
	(void)state;
	move_a_body("body_memory = \"256 KiB\"\n" ONE_WORKER,
	    "body_memory = \"1 KiB\"\nbody_limit = \"2 KiB\"\n" ONE_WORKER,
	    200000, 0, 1);
}

static void
test_a_spooled_body_below_the_new_limit(void **state)
{
	(void)state;
	move_a_body("body_memory = \"1 KiB\"\n" ONE_WORKER,
	    "body_memory = \"1 MiB\"\n" ONE_WORKER, 200000, 1, 1);
}

/* The old team was cleaned up too early: its descriptor is enough. */
static void
test_a_spooled_body_without_a_name(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), second = client_connect();

	(void)state;
	client_post(second, "/gate?n=2", 200000);
	WAIT_UNTIL(team_active(old) == 2);
	freeze(new->front);
	switch_over();
	WAIT_UNTIL(team_active(old) == 1);
	spool_clean(old->number);
	thaw(new->front);
	WAIT_UNTIL(atomic_load(&shared->runs[2]) == 1);
	assert_int_equal(spool_files(new->number), 1);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_body(second, new->workers[0], 200000);
	old_leaves();
	WAIT_UNTIL(spool_files(new->number) == 0);
	close(first);
	close(second);
}

/* Larger than any job of the new front: where it is, it can run. */
static void
test_parameters_over_the_new_limit_stay(void **state)
{
	static char uri[CLIENT_URI_MAX];
	int first = start(ONE_WORKER, "params_limit = \"4 KiB\"\n" ONE_WORKER);
	int second = client_connect(), third = client_connect();

	(void)state;
	snprintf(uri, sizeof(uri), "/gate?n=2&pad=%0*d", 8000, 7);
	client_send(second, uri);
	WAIT_UNTIL(team_active(old) == 2);
	client_send(third, "/gate?n=3");
	WAIT_UNTIL(team_pending(old) == 1);
	switch_over();
	WAIT_UNTIL(atomic_load(&shared->runs[3]) == 1);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_from(second, old->workers[0]);
	expect_from(third, new->workers[0]);
	assert_int_equal(client_ask(second, "/pid"), old->front);
	assert_int_equal(atomic_load(&shared->runs[2]), 1);
	close(first);
	close(second);
	old_leaves();
	close(third);
}

static void
test_the_new_routes_count(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER);
	int gone = client_connect(), changed = client_connect();

	(void)state;
	client_send(gone, "/gone?n=2");
	WAIT_UNTIL(team_active(old) == 2);
	client_send(changed, "/changed?n=3");
	WAIT_UNTIL(team_pending(old) == 1);
	switch_over();
	client_read(gone, &reply);
	assert_int_equal(reply.status, 404);
	expect_from(changed, new->front);
	assert_int_equal(atomic_load(&shared->runs[3]), 1);
	open_gate();
	expect_from(first, old->workers[0]);
	assert_int_equal(client_ask(gone, "/pid"), new->front);
	old_leaves();
	close(first);
	close(gone);
	close(changed);
}

/* They were admitted, so neither queue nor max_concurrent refuses them. */
static void
test_no_limit_refuses_what_was_admitted(void **state)
{
	int first = start(ONE_WORKER,
	    "pool \"default\" { workers = 1 queue = 1 }"), fds[5];

	(void)state;
	for (int i = 0; i < 5; i++) {
		fds[i] = client_connect();
		client_send(fds[i], i < 2 ? "/gate-two?n=2" : "/gate?n=3");
	}
	WAIT_UNTIL(team_pending(old) == 4);
	switch_over();
	WAIT_UNTIL(team_active(old) == 1);
	open_gate();
	expect_from(first, old->workers[0]);
	for (int i = 0; i < 5; i++) {
		expect_from(fds[i], new->workers[0]);
		close(fds[i]);
	}
	assert_int_equal(atomic_load(&shared->runs[2]), 2);
	assert_int_equal(atomic_load(&shared->runs[3]), 3);
	old_leaves();
	close(first);
}

/* A second's wait for a worker, 0.9 of it at the old front. */
static void
test_the_queue_time_goes_on(void **state)
{
	int first = start(ONE_WORKER, "pool \"default\" { workers = 1 "
	    "queue_timeout = \"1s\" }"), second, third;
	uint64_t begin = clock_now_ms(), moved;

	(void)state;
	second = client_connect();
	client_send(second, "/gate?n=2");
	WAIT_UNTIL(team_active(old) == 2);
	third = client_connect();
	client_send(third, "/gate?n=3");
	WAIT_UNTIL(team_pending(old) == 1 && clock_now_ms() > begin + 900);
	moved = clock_now_ms();
	switch_over();
	client_read(third, &reply);
	assert_int_equal(reply.status, 503);
	assert_true(clock_now_ms() < moved + 900);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_from(second, new->workers[0]);
	old_leaves();
	close(first);
	close(second);
	close(third);
}

static void
test_a_request_and_an_early_one_move(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), second = client_connect();

	(void)state;
	client_send(second, "/gate?n=2");
	client_send(second, "/gate?n=3");
	WAIT_UNTIL(team_active(old) == 2);
	switch_over();
	WAIT_UNTIL(atomic_load(&shared->runs[2]) == 1);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_from(second, new->workers[0]);
	expect_from(second, new->workers[0]);
	assert_int_equal(atomic_load(&shared->runs[2]), 1);
	assert_int_equal(atomic_load(&shared->runs[3]), 1);
	old_leaves();
	close(first);
	close(second);
}

/* A part of a record behind it cannot go along: it is served where it is. */
static void
test_half_a_record_keeps_a_request_where_it_is(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), second = client_connect();
	int third = client_connect();
	uint8_t *bytes;
	size_t size = client_request(&bytes, "/pid", 0, true);

	(void)state;
	client_send(second, "/gate?n=2");
	client_write(second, bytes, 5);
	WAIT_UNTIL(team_active(old) == 2);
	client_send(third, "/gate?n=3");
	WAIT_UNTIL(team_pending(old) == 1);
	switch_over();
	WAIT_UNTIL(atomic_load(&shared->runs[3]) == 1);
	open_gate();
	expect_from(first, old->workers[0]);
	expect_from(second, old->workers[0]);
	expect_from(third, new->workers[0]);
	client_write(second, bytes + 5, size - 5);
	client_read(second, &reply);
	assert_int_equal(client_ask(second, "/pid"), new->front);
	old_leaves();
	free(bytes);
	close(first);
	close(second);
	close(third);
}

/* It arrives whole when the old front retires already: it does not wait there
 * for a worker that may be busy for long. */
static void
test_a_request_completed_later_moves(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), second = client_connect();
	int marker = client_connect();
	uint8_t *bytes;
	size_t size = client_request(&bytes, "/pid-async?n=2", 0, true);

	(void)state;
	client_write(second, bytes, size - 1);
	client_ask(marker, "/pid");
	switch_over();
	while (client_ask(marker, "/pid") == old->front)
		;
	client_write(second, bytes + size - 1, 1);
	expect_from(second, new->workers[0]);
	assert_int_equal(atomic_load(&shared->runs[2]), 1);
	open_gate();
	expect_from(first, old->workers[0]);
	old_leaves();
	free(bytes);
	close(marker);
	close(first);
	close(second);
}

/* Nobody reads the reply of what was moved: nothing is left of it. */
static void
test_a_client_that_leaves_on_the_way(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), fds[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fds[i] = client_connect();
		client_post(fds[i], "/gate?n=2", 100000);
	}
	WAIT_UNTIL(team_pending(old) == 3);
	freeze(new->front);
	switch_over();
	WAIT_UNTIL(team_active(old) == 1 && team_pending(old) == 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	thaw(new->front);
	open_gate();
	expect_from(first, old->workers[0]);
	old_leaves();
	WAIT_UNTIL(atomic_load(&team_stats(new)->connections) == 1);
	WAIT_UNTIL(team_active(new) == 0);
	assert_int_equal(atomic_load(&team_route(new, "POST /gate")->
	    in_flight), 0);
	assert_int_equal(spool_files(new->number), 0);
	assert_int_equal(client_ask(first, "/pid"), new->front);
	close(first);
}

#define CROWD	60

/* What does not go, because the link is full, is for the old workers: a job
 * that was withdrawn in vain as well. */
static void
test_a_full_link_keeps_requests_at_work(void **state)
{
	int first = start(ONE_WORKER, ONE_WORKER), fds[CROWD];
	int from_old = 0, from_new = 0;
	char uri[32];

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		snprintf(uri, sizeof(uri), "/pid-async?n=%d", 2 + i);
		client_send(fds[i] = client_connect(), uri);
	}
	WAIT_UNTIL(team_pending(old) == CROWD - 1);
	freeze(new->front);
	hand_over_narrowly(old, new);
	WAIT_UNTIL(team_pending(old) < CROWD - 1 && team_active(old) == 2);
	assert_true(team_pending(old) > CROWD / 2);
	open_gate();
	expect_from(first, old->workers[0]);
	WAIT_UNTIL(team_pending(old) == 0 && team_active(old) == 0);
	thaw(new->front);
	for (int i = 0; i < CROWD; i++) {
		client_read(fds[i], &reply);
		assert_int_equal(reply.status, 200);
		from_old += atol(reply.body) == old->workers[0];
		from_new += atol(reply.body) == new->workers[0];
		assert_int_equal(atomic_load(&shared->runs[2 + i]), 1);
		assert_int_equal(client_ask(fds[i], "/pid"), new->front);
		close(fds[i]);
	}
	assert_int_equal(from_old + from_new, CROWD);
	assert_true(from_old > CROWD / 2 && from_new > 0);
	close(first);
	old_leaves();
}

/* ---------------------------------------------------- a claim at the moment */

#define CLIENTS		48
#define GENERATIONS	12
#define PER_GENERATION	300

static unsigned	next_ticket, answered;

static void
ask_next(int fd)
{
	char uri[32];

	snprintf(uri, sizeof(uri), "/pid-async?n=%u", ++next_ticket);
	client_send(fd, uri);
}

/* Every reply is followed by that connection's next request. */
static void
serve_some(int fds[CLIENTS], unsigned until)
{
	struct pollfd polled[CLIENTS];

	while (answered < until) {
		for (int i = 0; i < CLIENTS; i++)
			polled[i] = (struct pollfd){ .fd = fds[i],
			    .events = POLLIN };
		assert_true(poll(polled, CLIENTS, 10000) > 0);
		for (int i = 0; i < CLIENTS; i++) {
			if (polled[i].revents == 0)
				continue;
			client_read(fds[i], &reply);
			assert_int_equal(reply.status, 200);
			answered++;
			ask_next(fds[i]);
		}
	}
}

/* Workers take jobs while they are withdrawn, again and again. */
static void
test_many_generations_under_load(void **state)
{
	const char *two = "pool \"default\" { workers = 2 threads = 2 }";
	int fds[CLIENTS];

	(void)state;
	next_ticket = answered = 0;
	old = team_start(two, false, true);
	team_say(old, MESSAGE_SERVE, -1);
	for (int i = 0; i < CLIENTS; i++)
		ask_next(fds[i] = client_connect());
	for (unsigned i = 1; i <= GENERATIONS; i++) {
		serve_some(fds, i * PER_GENERATION);
		new = team_start(two, false, true);
		switch_over();
		serve_some(fds, i * PER_GENERATION + CLIENTS);
		old_leaves();
		team_forget(old);
		old = new;
	}
	for (int i = 0; i < CLIENTS; i++) {
		client_read(fds[i], &reply);
		assert_int_equal(reply.status, 200);
		close(fds[i]);
	}
	assert_true(next_ticket < TICKETS);
	for (unsigned i = 1; i <= next_ticket; i++)
		assert_int_equal(atomic_load(&shared->runs[i]), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(test_what_waits_moves_and_runs_once),
		FRONT_TEST(test_a_moved_request_is_counted_once),
		FRONT_TEST(test_a_body_in_memory_moves),
		FRONT_TEST(test_a_spooled_body_moves),
		FRONT_TEST(test_a_body_over_the_new_limit_is_spooled),
		FRONT_TEST(test_a_spooled_body_below_the_new_limit),
		FRONT_TEST(test_a_spooled_body_without_a_name),
		FRONT_TEST(test_parameters_over_the_new_limit_stay),
		FRONT_TEST(test_the_new_routes_count),
		FRONT_TEST(test_no_limit_refuses_what_was_admitted),
		FRONT_TEST(test_the_queue_time_goes_on),
		FRONT_TEST(test_a_request_and_an_early_one_move),
		FRONT_TEST(test_half_a_record_keeps_a_request_where_it_is),
		FRONT_TEST(test_a_request_completed_later_moves),
		FRONT_TEST(test_a_client_that_leaves_on_the_way),
		FRONT_TEST(test_a_full_link_keeps_requests_at_work),
		FRONT_TEST(test_many_generations_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
