/*
 * front_link_test.c - the link between two fronts: who dies, and what is wrong.
 *
 * Runs in: make check.
 * Owns: the teams and connections of each test; often one end of the link.
 * Invariant: whatever comes over a link, the front at its end goes on serving.
 */
#include "front_fixture.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"

#define ONE_WORKER	"pool \"default\" { workers = 1 }"

static struct reply reply;

static void
start(void)
{
	start_both(ONE_WORKER, ONE_WORKER);
}

/* ------------------------------------------------------ a new front dies */

#define IDLE	40

/* With everything in its socket, unread. */
static void
test_a_new_front_that_dies_before_it_reads(void **state)
{
	struct team *next;
	int idle[IDLE], first, second;

	(void)state;
	start();
	for (int i = 0; i < IDLE; i++)
		client_ask(idle[i] = client_connect(), "/pid");
	first = client_connect();
	client_send(first, "/deaf?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	second = client_connect();
	client_post(second, "/gate?n=2", 200000);
	WAIT_UNTIL(team_active(old) == 2);
	freeze(new->front);
	hand_over(old, new);
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 1);
	assert_int_equal(team_active(old), 1);
	team_kill_front(new);
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == IDLE + 2);
	WAIT_UNTIL(team_active(old) == 2);
	for (int i = 0; i < IDLE; i++)
		assert_int_equal(client_ask(idle[i], "/pid"), old->front);
	assert_int_equal(spool_files(old->number), 1);
	next = team_start(ONE_WORKER, false, true);
	hand_over(old, next);
	WAIT_UNTIL(atomic_load(&shared->runs[2]) == 1);
	atomic_store(&shared->open, 1);
	client_read(first, &reply);
	assert_int_equal(atol(reply.body), old->workers[0]);
	client_read(second, &reply);
	assert_int_equal(atol(reply.body), next->workers[0]);
	assert_non_null(strstr(reply.body, " 200000 "));
	for (int i = 0; i < IDLE; i++) {
		assert_int_equal(client_ask(idle[i], "/pid"), next->front);
		close(idle[i]);
	}
	assert_int_equal(atomic_load(&shared->runs[2]), 1);
	old_leaves();
	close(first);
	close(second);
}

/* What it had answered for is its own, and dies with it; no other does. */
static void
test_a_new_front_that_dies_in_a_handler(void **state)
{
	struct team *next;
	int crashing, other;

	(void)state;
	start();
	client_ask(other = client_connect(), "/pid");
	crashing = client_connect();
	client_send(crashing, "/gate-sync?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	/* the old front is in a sync handler when it is told */
	hand_over(old, new);
	atomic_store(&shared->open, 1);
	client_read(crashing, &reply);
	assert_int_equal(atol(reply.body), old->front);
	WAIT_UNTIL(atomic_load(&team_stats(new)->connections) == 2);
	old_leaves();
	next = team_start(ONE_WORKER, false, true);
	team_kill_front(new);
	assert_true(client_is_closed(other));
	assert_true(client_is_closed(crashing));
	team_say(next, MESSAGE_SERVE, -1);
	close(crashing);
	close(other);
	other = client_connect();
	assert_int_equal(client_ask(other, "/pid"), next->front);
	close(other);
}

/* Told to retire again while the first link is in use: what is on its way
 * there stays there. */
static void
test_a_second_link_while_the_first_works(void **state)
{
	struct team *next;
	int fds[IDLE], busy;

	(void)state;
	start();
	next = team_start(ONE_WORKER, false, true);
	for (int i = 0; i < IDLE; i++)
		client_ask(fds[i] = client_connect(), "/pid");
	busy = client_connect();
	client_send(busy, "/gate?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	freeze(new->front);
	hand_over(old, new);
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 1);
	hand_over(old, next);
	atomic_store(&shared->open, 1);
	client_read(busy, &reply);
	assert_int_equal(client_ask(busy, "/pid"), next->front);
	thaw(new->front);
	old_leaves();
	for (int i = 0; i < IDLE; i++) {
		assert_int_equal(client_ask(fds[i], "/pid"), new->front);
		close(fds[i]);
	}
	close(busy);
}

/* The old front dies with packets unread at the new one. */
static void
test_an_old_front_that_dies(void **state)
{
	int fds[IDLE], lost;

	(void)state;
	start();
	for (int i = 0; i < IDLE; i++)
		client_ask(fds[i] = client_connect(), "/pid");
	lost = client_connect();
	client_send(lost, "/gate?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	freeze(new->front);
	hand_over(old, new);
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 1);
	team_kill_front(old);
	thaw(new->front);
	for (int i = 0; i < IDLE; i++) {
		assert_int_equal(client_ask(fds[i], "/pid"), new->front);
		close(fds[i]);
	}
	assert_true(client_is_closed(lost));
	close(lost);
}

/* ------------------------------------------------ what a new front refuses */

static int	link_end;

static void
open_link(void)
{
	int ends[2];

	new = team_start(ONE_WORKER, false, true);
	assert_int_equal(channel_pair(ends), 0);
	team_say(new, MESSAGE_TAKE, ends[1]);
	link_end = ends[0];
}

/* These bytes with these descriptors, which stay the caller's. */
static void
send_packet(const void *bytes, size_t length, const int *fds, size_t count)
{
	union {
		char		bytes[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr	align;
	} space = { .bytes = { 0 } };
	struct iovec piece = { (void *)(uintptr_t)bytes, length };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (count > 0) {
		packet.msg_control = space.bytes;
		packet.msg_controllen = CMSG_SPACE(count * sizeof(int));
		space.align.cmsg_level = SOL_SOCKET;
		space.align.cmsg_type = SCM_RIGHTS;
		space.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&space.align), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(link_end, &packet, 0), length);
}

static bool
is_taken(void)
{
	struct pollfd link = { .fd = link_end, .events = POLLIN };
	bool taken = false;

	assert_int_equal(poll(&link, 1, 10000), 1);
	assert_int_equal(handover_hear(link_end, &taken), HANDOVER_GOT);
	return taken;
}

/* A connection by hand: ours[0] is the web server's. */
static void
make_connection(int ours[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    ours), 0);
}

static int
memory_of(size_t length)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)length), 0);
	return fd;
}

static const struct handover bare = { .magic = HANDOVER_MAGIC,
	.version = HANDOVER_VERSION };

/* The new front says no, has closed what came, and goes on. */
static void
expect_no(const void *bytes, size_t length, const int *fds, size_t count)
{
	int ours[2], all[16];

	make_connection(ours);
	for (size_t i = 0; i < count; i++)
		all[i] = fds[i] < 0 ? ours[1] : fds[i];
	send_packet(bytes, length, all, count);
	assert_false(is_taken());
	close(ours[1]);
	if (count > 0 && fds[0] < 0)
		assert_true(client_is_closed(ours[0]));
	close(ours[0]);
}

static void
expect_yes(void)
{
	int ours[2];

	make_connection(ours);
	send_packet(&bare, sizeof(bare), &ours[1], 1);
	close(ours[1]);
	assert_true(is_taken());
	assert_int_equal(client_ask(ours[0], "/pid"), new->front);
	close(ours[0]);
}

#define THE_CONNECTION	(-1)

static void
test_packets_that_are_no_connection(void **state)
{
	const int conn[] = { THE_CONNECTION };
	const int two[] = { THE_CONNECTION, THE_CONNECTION };
	const int many[] = { -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
	struct handover packet = bare;
	char large[400] = { 0 };

	(void)state;
	open_link();
	expect_no("x", 1, conn, 1);
	expect_no("12345678", 8, conn, 1);
	expect_no(&bare, sizeof(bare) - 1, conn, 1);
	memcpy(large, &bare, sizeof(bare));
	expect_no(large, sizeof(bare) + 1, conn, 1);
	expect_no(large, sizeof(large), conn, 1);
	expect_no(&bare, sizeof(bare), conn, 0);
	expect_no(&bare, sizeof(bare), two, 2);
	expect_no(&bare, sizeof(bare), many, 11);
	packet.version = HANDOVER_VERSION + 1;
	expect_no(&packet, sizeof(packet), conn, 1);
	packet = bare;
	packet.flags = 64;
	expect_no(&packet, sizeof(packet), conn, 1);
	expect_yes();
	close(link_end);
}

static void
test_descriptors_that_are_not_what_is_said(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), memory;
	struct handover packet = bare;
	int fds[3];

	(void)state;
	open_link();
	expect_no(&bare, sizeof(bare), &null, 1);
	packet.input_length = 100;
	memory = memory_of(99);
	fds[0] = THE_CONNECTION;
	fds[1] = memory;
	expect_no(&packet, sizeof(packet), fds, 2);
	fds[1] = null;
	expect_no(&packet, sizeof(packet), fds, 2);
	expect_yes();
	close(null);
	close(memory);
	close(link_end);
}

static void
make_request(struct handover *packet)
{
	*packet = bare;
	packet->flags = HANDOVER_REQUEST | HANDOVER_KEEP;
	packet->id = 1;
	packet->arrival_ns = packet->queued_ns = clock_now_ns();
	strcpy(packet->request_id, "a-1");
}

static void
test_a_request_that_is_none(void **state)
{
	struct handover packet;
	int ours[2], fds[2];

	(void)state;
	open_link();
	make_connection(ours);
	make_request(&packet);
	packet.params_length = 100;
	fds[0] = ours[1];
	fds[1] = memory_of(100);
	assert_int_equal(pwrite(fds[1], "\377", 1, 0), 1);
	send_packet(&packet, sizeof(packet), fds, 2);
	close(ours[1]);
	assert_true(is_taken());
	client_read(ours[0], &reply);
	assert_int_equal(reply.status, 400);
	assert_int_equal(client_ask(ours[0], "/pid"), new->front);
	close(fds[1]);
	close(ours[0]);
	close(link_end);
}

static void
limit_descriptors(const struct team *team, rlim_t limit)
{
	const struct rlimit both = { limit, 4096 };

	assert_int_equal(prlimit(team->front, RLIMIT_NOFILE, &both, NULL), 0);
}

/* What it cannot open stays where it is. */
static void
test_a_new_front_out_of_descriptors(void **state)
{
	int fds[IDLE], from_old = 0;

	(void)state;
	start();
	for (int i = 0; i < IDLE; i++)
		client_ask(fds[i] = client_connect(), "/pid");
	limit_descriptors(new, 30);
	hand_over(old, new);
	WAIT_UNTIL(atomic_load(&team_stats(new)->connections) > 5 &&
	    atomic_load(&team_stats(old)->connections) +
	    atomic_load(&team_stats(new)->connections) == IDLE);
	limit_descriptors(new, 4096);
	for (int i = 0; i < IDLE; i++) {
		long from = client_ask(fds[i], "/pid");

		assert_true(from == old->front || from == new->front);
		from_old += from == old->front;
	}
	assert_in_range(from_old, IDLE - 30, IDLE - 5);
	for (int i = 0; i < IDLE; i++)
		close(fds[i]);
	old_leaves();
}

/* A limit below which every number is used, after as many more connections.
 * They have sent nothing: an idle one would be closed for the next. */
static unsigned
use_up_descriptors(const struct team *team, int fds[IDLE])
{
	char path[64];
	unsigned open_now = 0, count = 0;
	uint64_t before = atomic_load(&team_stats(team)->connections);

	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d",
		    (int)team->front, i);
		open_now += access(path, F_OK) == 0;
	}
	limit_descriptors(team, 40);
	while (count < 40 - open_now)
		fds[count++] = client_connect();
	WAIT_UNTIL(atomic_load(&team_stats(team)->connections) ==
	    before + count);
	return count;
}

/* It hears the word all the same, and passes what it can. */
static void
test_an_old_front_out_of_descriptors(void **state)
{
	int fds[IDLE], first, second;
	unsigned count;

	(void)state;
	start();
	client_send(first = client_connect(), "/gate?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	client_send(second = client_connect(), "/gate?n=2");
	WAIT_UNTIL(team_active(old) == 2);
	count = use_up_descriptors(old, fds);
	hand_over(old, new);
	for (unsigned i = 0; i < count; i++) {
		WAIT_UNTIL(client_ask(fds[i], "/pid") == new->front);
		close(fds[i]);
	}
	atomic_store(&shared->open, 1);
	client_read(first, &reply);
	assert_int_equal(atol(reply.body), old->workers[0]);
	client_read(second, &reply);
	assert_int_equal(atomic_load(&shared->runs[2]), 1);
	assert_int_equal(client_ask(second, "/pid"), new->front);
	old_leaves();
	close(first);
	close(second);
}

/* ---------------------------------------------- what an old front is told */

/* The next packet of the old front, which is answered. */
static void
refuse_one(int link)
{
	struct pollfd one = { .fd = link, .events = POLLIN };
	struct handover packet;
	int fds[HANDOVER_FDS];
	struct err err;

	assert_int_equal(poll(&one, 1, 10000), 1);
	assert_int_equal(handover_receive(link, clock_now_ns(), &packet, fds,
	    &err), HANDOVER_GOT);
	handover_close(fds);
	assert_int_equal(handover_answer(link, false), 0);
}

static void
test_a_no_is_final(void **state)
{
	struct pollfd one = { .events = POLLIN };
	int ends[2], fd, waits, blocks;

	(void)state;
	start();
	client_ask(fd = client_connect(), "/pid");
	blocks = client_connect();
	client_send(blocks, "/deaf?n=1");
	WAIT_UNTIL(atomic_load(&shared->runs[1]) == 1);
	client_send(waits = client_connect(), "/gate?n=2");
	WAIT_UNTIL(team_active(old) == 2);
	assert_int_equal(channel_pair(ends), 0);
	team_say(old, MESSAGE_RETIRE, ends[1]);
	refuse_one(ends[0]);
	refuse_one(ends[0]);
	WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 3);
	assert_int_equal(client_ask(fd, "/pid"), old->front);
	one.fd = ends[0];
	assert_int_equal(poll(&one, 1, 0), 0);
	atomic_store(&shared->open, 1);
	client_read(waits, &reply);
	assert_int_equal(atol(reply.body), old->workers[0]);
	client_read(blocks, &reply);
	refuse_one(ends[0]);
	/* another new front is asked again */
	close(ends[0]);
	hand_over(old, new);
	old_leaves();
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	assert_int_equal(client_ask(waits, "/pid"), new->front);
	assert_int_equal(client_ask(blocks, "/pid"), new->front);
	close(fd);
	close(waits);
	close(blocks);
}

static void
test_answers_that_are_none(void **state)
{
	static const char *const words[] = { "x", "12345678", "123456789" };
	const struct handover_answer unasked = { HANDOVER_MAGIC, 1 };
	int ends[2], fd;

	(void)state;
	start();
	client_ask(fd = client_connect(), "/pid");
	for (size_t i = 0; i <= 3; i++) {
		const void *word = i < 3 ? words[i] : (const void *)&unasked;
		size_t length = i < 3 ? strlen(words[i]) : sizeof(unasked);

		assert_int_equal(channel_pair(ends), 0);
		team_say(old, MESSAGE_RETIRE, ends[1]);
		WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 0);
		if (i == 3)
			refuse_one(ends[0]);
		assert_int_equal(send(ends[0], word, length, MSG_NOSIGNAL),
		    length);
		WAIT_UNTIL(atomic_load(&team_stats(old)->connections) == 1);
		assert_int_equal(client_ask(fd, "/pid"), old->front);
		close(ends[0]);
	}
	hand_over(old, new);
	old_leaves();
	assert_int_equal(client_ask(fd, "/pid"), new->front);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(test_a_new_front_that_dies_before_it_reads),
		FRONT_TEST(test_a_new_front_that_dies_in_a_handler),
		FRONT_TEST(test_a_second_link_while_the_first_works),
		FRONT_TEST(test_an_old_front_that_dies),
		FRONT_TEST(test_packets_that_are_no_connection),
		FRONT_TEST(test_descriptors_that_are_not_what_is_said),
		FRONT_TEST(test_a_request_that_is_none),
		FRONT_TEST(test_a_new_front_out_of_descriptors),
		FRONT_TEST(test_an_old_front_out_of_descriptors),
		FRONT_TEST(test_a_no_is_final),
		FRONT_TEST(test_answers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
