/*
 * sup_post_test.c - a link to a process that dies is read to its end.
 *
 * Runs in: make check.
 * Owns: nothing; each test closes what it has opened.
 * Invariant: the link and the loop are real, the process at the other end is
 * this one.
 */
#include "supervisor/sup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/channel.h"

#define ENOUGH	10	/* turns of the loop */

struct reader {
	struct sup	sup;
	struct sup_post	post;
	int		other;
	unsigned	messages;
	bool		ended;
};

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct reader *reader = poll->data;
	struct message message;

	(void)status;
	switch (sup_post_receive(&reader->post, events, &message)) {
	case SUP_POST_MESSAGE:
		reader->messages++;
		break;
	case SUP_POST_ENDED:
		reader->ended = true;
		sup_post_close(&reader->post);
		break;
	}
}

static void
begin(struct reader *reader)
{
	int ends[2];

	memset(reader, 0, sizeof(*reader));
	assert_int_equal(uv_loop_init(&reader->sup.loop), 0);
	assert_int_equal(channel_pair(ends), 0);
	reader->other = ends[1];
	sup_post_open(&reader->post, &reader->sup, ends[0], on_link, reader);
}

static void
turn(struct reader *reader)
{
	for (int i = 0; i < ENOUGH; i++)
		uv_run(&reader->sup.loop, UV_RUN_NOWAIT);
}

static void
finish(struct reader *reader)
{
	sup_post_close(&reader->post);
	turn(reader);
	assert_int_equal(uv_loop_close(&reader->sup.loop), 0);
}

static void
say(int fd, unsigned count)
{
	const struct message message = { .type = MESSAGE_EXITED };

	while (count-- > 0)
		assert_int_equal(channel_send(fd, &message, NULL, 0), 0);
}

/* Breaks when: the end of a link is not seen. */
static void
test_the_end(void **state)
{
	struct reader reader;

	(void)state;
	begin(&reader);
	say(reader.other, 3);
	close(reader.other);
	turn(&reader);
	assert_int_equal(reader.messages, 3);
	assert_true(reader.ended);
	finish(&reader);
}

/*
 * Breaks when: what a process has said, or its death, goes unseen because it
 * died with something of ours unread: libuv stops a watcher that has an error.
 */
static void
test_the_end_of_one_that_has_not_read(void **state)
{
	const struct message message = { .type = MESSAGE_KILL };
	struct reader reader;

	(void)state;
	begin(&reader);
	assert_int_equal(sup_post_send(&reader.post, &message, NULL, 0), 0);
	say(reader.other, 3);
	close(reader.other);
	turn(&reader);
	assert_int_equal(reader.messages, 3);
	assert_true(reader.ended);
	finish(&reader);
}

/* Breaks when: one whose link is full when it dies is never seen to be dead. */
static void
test_the_end_of_one_that_never_read(void **state)
{
	const struct message message = { .type = MESSAGE_KILL };
	struct reader reader;

	(void)state;
	begin(&reader);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(sup_post_send(&reader.post, &message, NULL,
		    0), 0);
	say(reader.other, 3);
	turn(&reader);
	assert_int_equal(reader.messages, 3);
	say(reader.other, 2);
	close(reader.other);
	turn(&reader);
	assert_int_equal(reader.messages, 5);
	assert_true(reader.ended);
	finish(&reader);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_the_end_of_one_that_has_not_read),
		cmocka_unit_test(test_the_end_of_one_that_never_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
