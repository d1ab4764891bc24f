/*
 * sup_handoff_test.c - packets between an old host and a new one, of which
 * either may be of another version.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: after each test as many descriptors are open as before it.
 */
#include "supervisor/sup_handoff.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "descriptors.h"
#include "common/channel.h"

struct pair {
	int	ends[2];
	size_t	open;		/* descriptors, before */
};

static struct sup_handoff	sent, got;
static int			fds[SUP_HANDOFF_FDS];
static size_t			count;

static int
open_pair(void **state)
{
	static struct pair pair;

	pair.open = open_descriptors();
	*state = &pair;
	memset(&got, 0, sizeof(got));
	memset(&sent, 0, sizeof(sent));
	sent.type = SUP_HANDOFF_HELLO;
	sent.version = SUP_HANDOFF_VERSION;
	sent.team_count = 12;
	strcpy(sent.hello.listen, "unix:/run/x");
	count = 99;
	return channel_pair(pair.ends);
}

static int
close_pair(void **state)
{
	struct pair *pair = *state;

	for (int i = 0; i < 2; i++)
		if (pair->ends[i] >= 0)
			close(pair->ends[i]);
	return open_descriptors() == pair->open ? 0 : -1;
}

#define handoff_test(f) \
	cmocka_unit_test_setup_teardown(f, open_pair, close_pair)

static int
receive(const struct pair *pair)
{
	return sup_handoff_receive(pair->ends[1], &got, fds, &count);
}

/* What comes with the packet is closed, and the link goes on. */
static void
expect_refused(const struct pair *pair)
{
	errno = 0;
	assert_int_equal(receive(pair), -1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(count, 0);
	sent.version = SUP_HANDOFF_VERSION;
	assert_int_equal(sup_handoff_send(pair->ends[0], &sent, NULL, 0), 0);
	assert_int_equal(receive(pair), 1);
}

/* `length` bytes of what is to be sent, with as many descriptors. */
static void
send_raw(const struct pair *pair, const void *bytes, size_t length,
    size_t descriptors)
{
	struct iovec piece = { (void *)(uintptr_t)bytes, length };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1 };
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(64 * sizeof(int))];
	int own[64];

	assert_true(descriptors <= 64);
	for (size_t i = 0; i < descriptors; i++)
		own[i] = pair->ends[0];
	if (descriptors > 0)
		channel_put_descriptors(&packet, space, own, descriptors);
	assert_int_equal(sendmsg(pair->ends[0], &packet, 0), length);
}

/* ----------------------------------------------------------- what is right */

static void
test_a_packet_arrives_as_it_was(void **state)
{
	const struct pair *pair = *state;

	for (uint32_t type = SUP_HANDOFF_HELLO; type <= SUP_HANDOFF_YOURS;
	    type++) {
		sent.type = type;
		assert_int_equal(sup_handoff_send(pair->ends[0], &sent, NULL,
		    0), 0);
		assert_int_equal(receive(pair), 1);
		assert_int_equal(count, 0);
		assert_memory_equal(&got, &sent, sizeof(got));
	}
}

static void
test_descriptors_come_along_in_their_order(void **state)
{
	const struct pair *pair = *state;
	int own[SUP_HANDOFF_FDS];
	struct stat here, there;

	own[SUP_HANDOFF_FD_LISTEN] = open("/dev/null", O_RDWR | O_CLOEXEC);
	own[SUP_HANDOFF_FD_CONTROL] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	own[SUP_HANDOFF_FD_LOCK] = open("/", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sup_handoff_send(pair->ends[0], &sent, own,
	    SUP_HANDOFF_FDS), 0);
	assert_int_equal(receive(pair), 1);
	assert_int_equal(count, SUP_HANDOFF_FDS);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fstat(own[i], &here), 0);
		assert_int_equal(fstat(fds[i], &there), 0);
		assert_int_equal(here.st_rdev, there.st_rdev);
		assert_int_equal(here.st_ino, there.st_ino);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		close(own[i]);		/* it stayed ours */
		close(fds[i]);
	}
}

/* One packet stays one, however many wait. */
static void
test_packets_keep_their_order(void **state)
{
	const struct pair *pair = *state;

	for (uint32_t i = 0; i < 10; i++) {
		sent.team_count = i;
		assert_int_equal(sup_handoff_send(pair->ends[0], &sent, NULL,
		    0), 0);
	}
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(receive(pair), 1);
		assert_int_equal(got.team_count, i);
	}
}

static void
test_nothing_there_yet(void **state)
{
	const struct pair *pair = *state;

	assert_int_equal(fcntl(pair->ends[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(receive(pair), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(count, 0);
}

/* What was on the way still comes; then the end, again and again. */
static void
test_the_other_side_is_gone(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(sup_handoff_send(pair->ends[0], &sent, NULL, 0), 0);
	close(pair->ends[0]);
	pair->ends[0] = -1;
	assert_int_equal(receive(pair), 1);
	assert_int_equal(receive(pair), 0);
	assert_int_equal(receive(pair), 0);
	assert_int_equal(count, 0);
}

/* ... without having read all of ours: why it gave up is still heard. */
static void
test_the_other_side_gave_up(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(sup_handoff_send(pair->ends[1], &sent, NULL, 0), 0);
	sent.type = SUP_HANDOFF_FAILED;
	strcpy(sent.failed.text, "another version");
	assert_int_equal(sup_handoff_send(pair->ends[0], &sent, NULL, 0), 0);
	close(pair->ends[0]);
	pair->ends[0] = -1;
	assert_int_equal(receive(pair), 1);
	assert_string_equal(got.failed.text, "another version");
	assert_int_equal(receive(pair), 0);
}

/* No SIGPIPE: the test would be dead. */
static void
test_nobody_is_there_to_send_to(void **state)
{
	struct pair *pair = *state;
	int own = open("/dev/null", O_RDWR | O_CLOEXEC);

	close(pair->ends[1]);
	pair->ends[1] = -1;
	assert_int_equal(sup_handoff_send(pair->ends[0], &sent, &own, 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(close(own), 0);
}

/* ----------------------------------------------------------- what is wrong */

static void
test_another_version(void **state)
{
	const struct pair *pair = *state;
	static const uint32_t versions[] = { 0, SUP_HANDOFF_VERSION + 1,
	    UINT32_MAX, SUP_HANDOFF_VERSION << 8 };

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		sent.version = versions[i];
		send_raw(pair, &sent, sizeof(sent), 3);
		expect_refused(pair);
	}
}

static void
test_another_length(void **state)
{
	const struct pair *pair = *state;
	static const size_t lengths[] = { 1, 4, 8, sizeof(sent) / 2,
	    sizeof(sent) - 1, sizeof(sent) + 1, 2 * sizeof(sent) };
	char bytes[2 * sizeof(sent)];

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &sent, sizeof(sent));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		send_raw(pair, bytes, lengths[i], 0);
		expect_refused(pair);
		send_raw(pair, bytes, lengths[i], 3);
		expect_refused(pair);
	}
}

/* Looks like the end: but what came with it must not stay open. */
static void
test_an_empty_packet_with_descriptors(void **state)
{
	const struct pair *pair = *state;

	send_raw(pair, "", 0, 3);
	expect_refused(pair);
}

static void
test_too_many_descriptors(void **state)
{
	const struct pair *pair = *state;

	for (size_t many = SUP_HANDOFF_FDS + 1; many <= 64; many++) {
		send_raw(pair, &sent, sizeof(sent), many);
		expect_refused(pair);
	}
}

/* The layout is what two versions have to agree on: a change of it needs
 * another SUP_HANDOFF_VERSION, and then another number here. */
static void
test_the_layout_is_that_of_its_version(void **state)
{
	(void)state;
	assert_int_equal(SUP_HANDOFF_VERSION, 1);
	assert_int_equal(offsetof(struct sup_handoff, version), 4);
	assert_int_equal(offsetof(struct sup_handoff, hello), 16);
	assert_int_equal(sizeof(struct sup_handoff), 4496);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		handoff_test(test_a_packet_arrives_as_it_was),
		handoff_test(test_descriptors_come_along_in_their_order),
		handoff_test(test_packets_keep_their_order),
		handoff_test(test_nothing_there_yet),
		handoff_test(test_the_other_side_is_gone),
		handoff_test(test_the_other_side_gave_up),
		handoff_test(test_nobody_is_there_to_send_to),
		handoff_test(test_another_version),
		handoff_test(test_another_length),
		handoff_test(test_an_empty_packet_with_descriptors),
		handoff_test(test_too_many_descriptors),
		handoff_test(test_the_layout_is_that_of_its_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
