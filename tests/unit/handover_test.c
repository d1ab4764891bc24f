/*
 * handover_test.c - a connection on its way: packets, descriptors, answers.
 *
 * Runs in: make check.
 * Owns: a link for each test.
 * Invariant: each sound packet is spoilt in one point at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/handover.h"

#define NOW	1000

static const struct handover bare = { .magic = HANDOVER_MAGIC,
	.version = HANDOVER_VERSION };
static const struct handover sound = { .magic = HANDOVER_MAGIC,
	.version = HANDOVER_VERSION,
	.flags = HANDOVER_REQUEST | HANDOVER_KEEP, .id = 1, .arrival_ns = 10,
	.queued_ns = 20, .params_length = 3, .body_length = 5,
	.input_length = 7, .request_id = "Az09-_." };

/* The descriptors that belong to it. */
static size_t
count_of(const struct handover *packet)
{
	return 1u + (handover_bytes(packet) > 0) + (packet->spool != 0);
}

static int
unpack(const struct handover *packet)
{
	struct handover out;
	struct err err;

	return handover_unpack(packet, sizeof(*packet), count_of(packet), NOW,
	    &out, &err);
}

static void
test_sound_ones(void **state)
{
	struct handover packet = sound, out;
	struct err err;

	(void)state;
	assert_int_equal(unpack(&bare), 0);
	assert_int_equal(handover_unpack(&sound, sizeof(sound), 2, NOW, &out,
	    &err), 0);
	assert_memory_equal(&out, &sound, sizeof(out));
	assert_int_equal(handover_bytes(&sound), 15);
	packet.spool = 9;
	assert_int_equal(unpack(&packet), 0);
	assert_int_equal(handover_bytes(&packet), 10);
	packet.params_length = packet.input_length = 0;
	assert_int_equal(count_of(&packet), 2);
	assert_int_equal(unpack(&packet), 0);
	packet = bare;
	packet.flags = HANDOVER_FRESH;
	packet.input_length = HANDOVER_INPUT_MAX;
	assert_int_equal(unpack(&packet), 0);
}

static void
test_lengths_and_counts(void **state)
{
	struct handover out;
	struct err err;
	uint8_t bytes[256] = { 0 };

	(void)state;
	memcpy(bytes, &sound, sizeof(sound));
	for (size_t length = 0; length <= sizeof(bytes); length++)
		assert_int_equal(handover_unpack(bytes, length, 2, NOW, &out,
		    &err), length == sizeof(sound) ? 0 : -1);
	for (size_t count = 0; count < CHANNEL_FDS_MAX; count++)
		assert_int_equal(handover_unpack(bytes, sizeof(sound), count,
		    NOW, &out, &err), count == 2 ? 0 : -1);
}

/* One member of a sound request with another value. */
#define REFUSED(member, value) \
	do { \
		struct handover packet = sound; \
		packet.member = (value); \
		assert_int_equal(unpack(&packet), -1); \
	} while (0)

static void
test_requests_spoilt(void **state)
{
	(void)state;
	REFUSED(magic, 0);
	REFUSED(version, 0);
	REFUSED(version, HANDOVER_VERSION + 1);
	REFUSED(flags, HANDOVER_REQUEST | 8);
	REFUSED(flags, HANDOVER_KEEP);
	REFUSED(flags, 0);
	REFUSED(id, 0);
	REFUSED(id, 65536);
	REFUSED(arrival_ns, 21);
	REFUSED(queued_ns, NOW + 1);
	REFUSED(params_length, HANDOVER_PARAMS_MAX + 1);
	REFUSED(params_length, UINT32_MAX);
	REFUSED(body_length, HANDOVER_BODY_MAX + 1);
	REFUSED(body_length, UINT64_MAX);
	REFUSED(input_length, HANDOVER_INPUT_MAX + 1);
	REFUSED(input_length, UINT32_MAX);
	REFUSED(request_id[0], '\0');
	REFUSED(request_id[2], '\n');
	REFUSED(request_id[2], ' ');
	REFUSED(request_id[2], '"');
}

static void
test_more_requests_spoilt(void **state)
{
	struct handover packet = sound;

	(void)state;
	memset(packet.request_id, 'a', HEAD_ID_MAX);
	assert_int_equal(unpack(&packet), 0);
	packet.request_id[HEAD_ID_MAX] = 'a';
	assert_int_equal(unpack(&packet), -1);
	memset(packet.request_id, 'a', sizeof(packet.request_id));
	assert_int_equal(unpack(&packet), -1);
	packet = sound;
	packet.spool = 1;
	packet.body_length = HANDOVER_SPOOL_MAX;
	assert_int_equal(unpack(&packet), 0);
	packet.body_length++;
	assert_int_equal(unpack(&packet), -1);
	packet = bare;
	packet.spool = 1;
	assert_int_equal(unpack(&packet), -1);
	packet = bare;
	packet.request_id[70] = 1;
	assert_int_equal(unpack(&packet), -1);
}

/* ------------------------------------------------------------- over a link */

static int	ends[2];

static int
open_link(void **state)
{
	(void)state;
	return channel_pair(ends);
}

static int
close_link(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	return 0;
}

static int
memory_of(size_t length)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)length), 0);
	return fd;
}

static enum handover_rc
receive(struct handover *packet, int fds[HANDOVER_FDS])
{
	struct err err;

	return handover_receive(ends[1], NOW, packet, fds, &err);
}

static void
test_what_is_sent_arrives(void **state)
{
	struct handover packet = sound, got;
	int sent[HANDOVER_FDS], fds[HANDOVER_FDS], pair[2];

	(void)state;
	assert_int_equal(receive(&got, fds), HANDOVER_NONE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	packet.spool = 3;
	packet.params_length = packet.input_length = 0;
	sent[HANDOVER_FD_CONN] = pair[0];
	sent[HANDOVER_FD_BYTES] = -1;
	sent[HANDOVER_FD_SPOOL] = memory_of(5);
	assert_int_equal(handover_send(ends[0], &packet, sent), 0);
	assert_int_equal(receive(&got, fds), HANDOVER_GOT);
	assert_memory_equal(&got, &packet, sizeof(got));
	assert_int_equal(fds[HANDOVER_FD_BYTES], -1);
	assert_int_equal(lseek(fds[HANDOVER_FD_SPOOL], 0, SEEK_END), 5);
	assert_int_equal(fcntl(fds[HANDOVER_FD_CONN], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fds[HANDOVER_FD_CONN], "x", 1), 1);
	handover_close(fds);
	assert_int_equal(fds[HANDOVER_FD_CONN], -1);
	handover_close(sent);
	close(pair[1]);
}

/* Says no to it, and has closed what came. */
static void
expect_wrong(const struct handover *packet, const int fds[HANDOVER_FDS])
{
	struct handover got;
	int none[HANDOVER_FDS];

	assert_int_equal(handover_send(ends[0], packet, fds), 0);
	assert_int_equal(receive(&got, none), HANDOVER_WRONG);
	for (int i = 0; i < HANDOVER_FDS; i++)
		assert_int_equal(none[i], -1);
}

static void
test_descriptors_are_looked_at(void **state)
{
	struct handover packet = sound;
	int fds[HANDOVER_FDS] = { -1, -1, -1 }, pair[2], null;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	null = open("/dev/null", O_RDWR);
	packet.spool = 3;
	fds[0] = pair[0];
	fds[1] = memory_of(9);
	fds[2] = memory_of(5);
	expect_wrong(&packet, fds);
	assert_int_equal(ftruncate(fds[1], 10), 0);
	assert_int_equal(ftruncate(fds[2], 4), 0);
	expect_wrong(&packet, fds);
	assert_int_equal(ftruncate(fds[2], 5), 0);
	fds[0] = null;
	expect_wrong(&packet, fds);
	fds[0] = pair[0];
	assert_int_equal(dup2(null, fds[2]), fds[2]);
	expect_wrong(&packet, fds);
	assert_int_equal(dup2(pair[0], fds[1]), fds[1]);
	expect_wrong(&packet, fds);
	handover_close(fds);
	/* the last one to hold it was this */
	assert_int_equal(read(pair[1], &packet, 1), 0);
	close(pair[1]);
	close(null);
}

static void
test_answers_keep_their_order(void **state)
{
	bool taken = false;

	(void)state;
	assert_int_equal(handover_hear(ends[0], &taken), HANDOVER_NONE);
	for (int i = 0; i < 10; i++)
		assert_int_equal(handover_answer(ends[1], i % 3 == 0), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(handover_hear(ends[0], &taken),
		    HANDOVER_GOT);
		assert_int_equal(taken, i % 3 == 0);
	}
	assert_int_equal(send(ends[1], "12345678", 8, 0), 8);
	assert_int_equal(handover_hear(ends[0], &taken), HANDOVER_ENDED);
}

/* A full link says so, and what it holds is all there. */
static void
test_a_full_link(void **state)
{
	struct handover got;
	int fds[HANDOVER_FDS] = { -1, -1, -1 }, pair[2];
	unsigned sent = 0, received = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fds[0] = pair[0];
	while (handover_send(ends[0], &bare, fds) == 0)
		sent++;
	assert_int_equal(errno, EAGAIN);
	handover_close(fds);
	while (receive(&got, fds) == HANDOVER_GOT) {
		received++;
		handover_close(fds);
	}
	assert_true(sent > 10);
	assert_int_equal(received, sent);
	close(pair[1]);
}

/* Dead with our words unread, and its own last words still to be heard. */
static void
test_the_other_side_dies(void **state)
{
	struct handover got;
	int fds[HANDOVER_FDS] = { -1, -1, -1 }, pair[2];
	bool taken = false;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fds[0] = pair[0];
	for (int i = 0; i < 3; i++)
		assert_int_equal(handover_send(ends[0], &bare, fds), 0);
	assert_int_equal(receive(&got, fds), HANDOVER_GOT);
	handover_close(fds);
	assert_int_equal(handover_answer(ends[1], true), 0);
	close(ends[1]);
	ends[1] = -1;
	assert_int_equal(handover_hear(ends[0], &taken), HANDOVER_GOT);
	assert_true(taken);
	assert_int_equal(handover_hear(ends[0], &taken), HANDOVER_ENDED);
	fds[0] = pair[0];
	assert_int_equal(handover_send(ends[0], &bare, fds), -1);
	assert_int_equal(errno, EPIPE);
	handover_close(fds);
	close(pair[1]);
}

#define LINK_TEST(function) \
	cmocka_unit_test_setup_teardown(function, open_link, close_link)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_ones),
		cmocka_unit_test(test_lengths_and_counts),
		cmocka_unit_test(test_requests_spoilt),
		cmocka_unit_test(test_more_requests_spoilt),
		LINK_TEST(test_what_is_sent_arrives),
		LINK_TEST(test_descriptors_are_looked_at),
		LINK_TEST(test_answers_keep_their_order),
		LINK_TEST(test_a_full_link),
		LINK_TEST(test_the_other_side_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
