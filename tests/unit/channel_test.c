/*
 * channel_test.c - whole messages with descriptors, between two processes.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: after each test as many descriptors are open as before it.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/channel.h"
#include "descriptors.h"

struct pair {
	int	ends[2];
	size_t	open;		/* descriptors, before */
};

static int
open_pair(void **state)
{
	static struct pair pair;

	pair.open = open_descriptors();
	*state = &pair;
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

static const struct message example = { .type = MESSAGE_EXITED, .team = 1,
	.slot = 2, .incarnation = 3, .pid = 4, .value = -5, .extra = 6,
	.text = "text" };

static void
test_a_message_arrives_as_it_was(void **state)
{
	const struct pair *pair = *state;
	struct message got;
	int fds[CHANNEL_FDS_MAX];
	size_t count = 99;

	assert_int_equal(channel_send(pair->ends[0], &example, NULL, 0), 0);
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 1);
	assert_int_equal(count, 0);
	assert_memory_equal(&got, &example, sizeof(got));
}

static void
test_messages_keep_their_order_and_limits(void **state)
{
	const struct pair *pair = *state;
	struct message message = example, got;
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	for (int i = 0; i < 50; i++) {
		message.value = i;
		assert_int_equal(channel_send(pair->ends[0], &message, NULL,
		    0), 0);
	}
	for (int i = 0; i < 50; i++) {
		assert_int_equal(channel_receive(pair->ends[1], &got, fds,
		    &count), 1);
		assert_int_equal(got.value, i);
	}
}

static void
test_descriptors_come_along(void **state)
{
	const struct pair *pair = *state;
	int ends[2], sent[CHANNEL_FDS_MAX], fds[CHANNEL_FDS_MAX];
	struct message got;
	size_t count;
	char byte = 0;

	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < CHANNEL_FDS_MAX; i++)
		sent[i] = ends[1];
	assert_int_equal(channel_send(pair->ends[0], &example, sent,
	    CHANNEL_FDS_MAX), 0);
	close(ends[1]);
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 1);
	assert_int_equal(count, CHANNEL_FDS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC,
		    FD_CLOEXEC);
		assert_int_equal(write(fds[i], "x", 1), 1);
		assert_int_equal(read(ends[0], &byte, 1), 1);
		close(fds[i]);
	}
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void
test_both_ends_are_closed_on_exec(void **state)
{
	const struct pair *pair = *state;

	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(pair->ends[i], F_GETFD) & FD_CLOEXEC,
		    FD_CLOEXEC);
}

static void
test_the_end_of_the_other_side(void **state)
{
	struct pair *pair = *state;
	struct message got;
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	assert_int_equal(channel_send(pair->ends[0], &example, NULL, 0), 0);
	close(pair->ends[0]);
	pair->ends[0] = -1;
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 1);
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 0);
	assert_int_equal(channel_send(pair->ends[1], &example, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
}

/* Dead with our words unread: that is an end too, and no error. */
static void
test_the_end_with_words_unread(void **state)
{
	struct pair *pair = *state;
	struct message got;
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	assert_int_equal(channel_send(pair->ends[1], &example, NULL, 0), 0);
	close(pair->ends[0]);
	pair->ends[0] = -1;
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 0);
}

/* ... and what it said before it died is heard. */
static void
test_the_last_words_with_words_unread(void **state)
{
	struct pair *pair = *state;
	struct message got;
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	assert_int_equal(channel_send(pair->ends[1], &example, NULL, 0), 0);
	assert_int_equal(channel_send(pair->ends[0], &example, NULL, 0), 0);
	close(pair->ends[0]);
	pair->ends[0] = -1;
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 1);
	assert_memory_equal(&got, &example, sizeof(got));
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 0);
}

/* Sends `length` bytes with a descriptor, by hand. */
static void
send_raw(int fd, size_t length, int passed)
{
	static char bytes[2 * sizeof(struct message)];
	union {
		char		bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr	align;
	} space;
	struct iovec piece = { bytes, length };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = space.bytes, .msg_controllen = sizeof(space) };
	struct cmsghdr *control;

	memset(&space, 0, sizeof(space));
	control = CMSG_FIRSTHDR(&packet);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(control), &passed, sizeof(int));
	assert_int_equal(sendmsg(fd, &packet, 0), length);
}

static void
test_a_message_of_another_length_is_refused(void **state)
{
	const struct pair *pair = *state;
	static const size_t lengths[] = { 0, 1, sizeof(struct message) - 1,
	    sizeof(struct message) + 1, 2 * sizeof(struct message) };
	struct message got;
	int fds[CHANNEL_FDS_MAX];
	size_t count, before;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		before = open_descriptors();
		send_raw(pair->ends[0], lengths[i], STDERR_FILENO);
		assert_int_equal(channel_receive(pair->ends[1], &got, fds,
		    &count), -1);
		assert_int_equal(errno, EPROTO);
		assert_int_equal(count, 0);
		assert_int_equal(open_descriptors(), before);
	}
	assert_int_equal(channel_send(pair->ends[0], &example, NULL, 0), 0);
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 1);
}

static void
test_a_text_always_ends(void **state)
{
	const struct pair *pair = *state;
	struct message message = example, got;
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	memset(message.text, 'x', sizeof(message.text));
	assert_int_equal(channel_send(pair->ends[0], &message, NULL, 0), 0);
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count), 1);
	assert_int_equal(strlen(got.text), MESSAGE_TEXT_MAX - 1);
}

static void
test_a_link_that_does_not_block_says_so(void **state)
{
	const struct pair *pair = *state;
	struct message got;
	int fds[CHANNEL_FDS_MAX], sent = 0;
	size_t count;

	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(pair->ends[i], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(channel_receive(pair->ends[1], &got, fds, &count),
	    -1);
	assert_int_equal(errno, EAGAIN);
	while (channel_send(pair->ends[0], &example, NULL, 0) == 0)
		sent++;
	assert_int_equal(errno, EAGAIN);
	assert_in_range(sent, 50, 100000);
	while (channel_receive(pair->ends[1], &got, fds, &count) == 1)
		sent--;
	assert_int_equal(sent, 0);
}

#define CASE(function)	\
	cmocka_unit_test_setup_teardown(function, open_pair, close_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_message_arrives_as_it_was),
		CASE(test_messages_keep_their_order_and_limits),
		CASE(test_descriptors_come_along),
		CASE(test_both_ends_are_closed_on_exec),
		CASE(test_the_end_of_the_other_side),
		CASE(test_the_end_with_words_unread),
		CASE(test_the_last_words_with_words_unread),
		CASE(test_a_message_of_another_length_is_refused),
		CASE(test_a_text_always_ends),
		CASE(test_a_link_that_does_not_block_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
