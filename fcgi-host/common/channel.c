/*
 * channel.c - a link between two of our processes.
 *
 * Runs in: supervisor, zygote, front, worker.
 * Owns: nothing; descriptors belong to the callers.
 * Invariant: a descriptor received is either handed out or closed.
 */
#include "common/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

union control_space {
	char		bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	struct cmsghdr	align;
};

int
channel_pair(int ends_out[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_out);
}

void
channel_put_descriptors(struct msghdr *packet, char *space, const int *fds,
    size_t count)
{
	struct cmsghdr *control;

	memset(space, 0, CMSG_SPACE(count * sizeof(int)));
	packet->msg_control = space;
	packet->msg_controllen = CMSG_SPACE(count * sizeof(int));
	control = CMSG_FIRSTHDR(packet);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(control), fds, count * sizeof(int));
}

int
channel_send(int fd, const struct message *message, const int *fds,
    size_t count)
{
	struct iovec piece = { (void *)message, sizeof(*message) };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1 };
	union control_space space;
	ssize_t sent;

	if (count > 0)
		channel_put_descriptors(&packet, space.bytes, fds, count);
	do {
		sent = sendmsg(fd, &packet, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(*message) ? 0 : -1;
}

size_t
channel_take_descriptors(struct msghdr *packet, int fds_out[CHANNEL_FDS_MAX])
{
	struct cmsghdr *control = CMSG_FIRSTHDR(packet);
	size_t count;

	if (control == NULL || control->cmsg_level != SOL_SOCKET ||
	    control->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds_out, CMSG_DATA(control), count * sizeof(int));
	return count;
}

/* Who died with words of ours unread is said once by ECONNRESET; what it had
 * sent before is still there. */
int
channel_receive(int fd, struct message *message_out,
    int fds_out[CHANNEL_FDS_MAX], size_t *count_out)
{
	struct iovec piece = { message_out, sizeof(*message_out) };
	union control_space space;
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = space.bytes, .msg_controllen = sizeof(space) };
	ssize_t got;

	*count_out = 0;
	do {
		got = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
	} while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -1;
	*count_out = channel_take_descriptors(&packet, fds_out);
	if (got == 0 && *count_out == 0)
		return 0;
	if (got == (ssize_t)sizeof(*message_out) &&
	    (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
		message_out->text[MESSAGE_TEXT_MAX - 1] = '\0';
		return 1;
	}
	while (*count_out > 0)
		close(fds_out[--*count_out]);
	errno = EPROTO;
	return -1;
}
