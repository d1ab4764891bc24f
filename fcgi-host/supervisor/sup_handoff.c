/*
 * sup_handoff.c - one packet between an old host and a new one.
 *
 * Runs in: supervisor, the old and the new.
 * Owns: nothing; descriptors belong to the callers.
 * Invariant: a packet of another version is never taken for one of ours.
 */
#include "supervisor/sup_handoff.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"

union control_space {
	char		bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	struct cmsghdr	align;
};

int
sup_handoff_send(int link, const struct sup_handoff *handoff, const int *fds,
    size_t count)
{
	struct iovec piece = { (void *)(uintptr_t)handoff, sizeof(*handoff) };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1 };
	union control_space space;

	if (count > 0)
		channel_put_descriptors(&packet, space.bytes, fds, count);
	while (sendmsg(link, &packet, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

static bool
is_sound(const struct sup_handoff *handoff, ssize_t got,
    const struct msghdr *packet, size_t count)
{
	return got == (ssize_t)sizeof(*handoff) &&
	    (packet->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
	    count <= SUP_HANDOFF_FDS &&
	    handoff->version == SUP_HANDOFF_VERSION;
}

/* Who gave up with packets of ours unread is said once by ECONNRESET; why, it
 * had sent before, and that is still there. */
int
sup_handoff_receive(int link, struct sup_handoff *out,
    int fds_out[SUP_HANDOFF_FDS], size_t *count_out)
{
	struct iovec piece = { out, sizeof(*out) };
	union control_space space;
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = space.bytes, .msg_controllen = sizeof(space) };
	int fds[CHANNEL_FDS_MAX];
	ssize_t got;

	*count_out = 0;
	do {
		got = recvmsg(link, &packet, MSG_CMSG_CLOEXEC);
	} while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -1;
	*count_out = channel_take_descriptors(&packet, fds);
	if (got == 0 && *count_out == 0)
		return 0;
	if (is_sound(out, got, &packet, *count_out)) {
		memcpy(fds_out, fds, *count_out * sizeof(int));
		return 1;
	}
	while (*count_out > 0)
		close(fds[--*count_out]);
	errno = EPROTO;
	return -1;
}
