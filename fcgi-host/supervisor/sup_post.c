/*
 * sup_post.c - what the supervisor says on its links, in order, not waiting.
 *
 * Runs in: supervisor.
 * Owns: the messages a link had no room for, with copies of their descriptors.
 * Invariant: the supervisor never waits for a process it watches, and no
 * message to one that lives is lost: a link holds some 160 of them, and a team
 * may have more workers than that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "supervisor/sup.h"

struct sup_letter {
	STAILQ_ENTRY(sup_letter) link;
	struct message		 message;
	int			 fds[CHANNEL_FDS_MAX];
	size_t			 count;
};

static void
letter_free(struct sup_letter *letter)
{
	while (letter->count > 0)
		close(letter->fds[--letter->count]);
	free(letter);
}

static struct sup_letter *
letter_create(const struct message *message, const int *fds, size_t count)
{
	struct sup_letter *letter = calloc(1, sizeof(*letter));

	if (letter == NULL)
		return NULL;
	letter->message = *message;
	while (letter->count < count) {
		int copy = fcntl(fds[letter->count], F_DUPFD_CLOEXEC, 3);

		if (copy < 0) {
			letter_free(letter);
			return NULL;
		}
		letter->fds[letter->count++] = copy;
	}
	return letter;
}

void
sup_post_open(struct sup_post *post, struct sup *sup, int fd,
    uv_poll_cb on_readable, void *data)
{
	STAILQ_INIT(&post->letters);
	post->fd = fd;
	post->callback = on_readable;
	post->poll = sup_watch_create(sup, fd, on_readable, data);
}

void
sup_post_close(struct sup_post *post)
{
	struct sup_letter *letter;

	if (post->poll == NULL)
		return;
	while ((letter = STAILQ_FIRST(&post->letters)) != NULL) {
		STAILQ_REMOVE_HEAD(&post->letters, link);
		letter_free(letter);
	}
	sup_watch_destroy(&post->poll);
	close(post->fd);
	post->fd = -1;
}

int
sup_post_send(struct sup_post *post, const struct message *message,
    const int *fds, size_t count)
{
	struct sup_letter *letter;

	if (post->poll == NULL) {
		errno = EPIPE;
		return -1;
	}
	if (STAILQ_EMPTY(&post->letters)) {
		if (channel_send(post->fd, message, fds, count) == 0)
			return 0;
		if (errno != EAGAIN)
			return -1;
	}
	letter = letter_create(message, fds, count);
	if (letter == NULL)
		return -1;
	STAILQ_INSERT_TAIL(&post->letters, letter, link);
	uv_poll_start(post->poll, UV_READABLE | UV_WRITABLE, post->callback);
	return 0;
}

/* A link that is broken is seen by who reads it. */
static void
send_letters(struct sup_post *post)
{
	struct sup_letter *letter;

	while ((letter = STAILQ_FIRST(&post->letters)) != NULL) {
		if (channel_send(post->fd, &letter->message, letter->fds,
		    letter->count) < 0) {
			if (errno == EAGAIN)
				return;
			log_warn("a message that had waited");
		}
		STAILQ_REMOVE_HEAD(&post->letters, link);
		letter_free(letter);
	}
	uv_poll_start(post->poll, UV_READABLE, post->callback);
}

/* libuv stops watching where there is an error: the other side has died, and
 * has not read all of ours.  What it has said, and its end, are yet to come. */
static void
watch_on(struct sup_post *post)
{
	uv_poll_start(post->poll, UV_READABLE, post->callback);
}

int
sup_post_receive(struct sup_post *post, int events, struct message *message_out)
{
	int fds[CHANNEL_FDS_MAX], got;
	size_t count;

	if (events & UV_WRITABLE)
		send_letters(post);
	if (!uv_is_active((uv_handle_t *)post->poll))
		watch_on(post);
	if (events != 0 && (events & UV_READABLE) == 0)
		return SUP_POST_NONE;
	got = channel_receive(post->fd, message_out, fds, &count);
	if (got < 0 && errno == EAGAIN)
		return SUP_POST_NONE;
	if (got <= 0)
		return SUP_POST_ENDED;
	while (count > 0)
		close(fds[--count]);
	return SUP_POST_MESSAGE;
}
