/*
 * handover.c - a connection on its way from one front to the next.
 *
 * Runs in: front.
 * Owns: nothing; descriptors belong to the callers.
 * Invariant: what came is checked whole before any of it is used, and a
 * descriptor that came is either handed out or closed.
 */
#include "common/handover.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"

_Static_assert(sizeof(struct handover) == 128, "the layout of version 1");
_Static_assert(HANDOVER_FDS <= CHANNEL_FDS_MAX, "room for descriptors");

union control_space {
	char		bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	struct cmsghdr	align;
};

uint64_t
handover_bytes(const struct handover *packet)
{
	return (uint64_t)packet->params_length + packet->input_length +
	    (packet->spool == 0 ? packet->body_length : 0);
}

static size_t
descriptors_of(const struct handover *packet)
{
	return 1u + (handover_bytes(packet) > 0) + (packet->spool != 0);
}

/* It becomes a header's value, and part of log lines. */
static bool
is_request_id(const char *id, size_t size)
{
	size_t length = strnlen(id, size);

	if (length == 0 || length > HEAD_ID_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = id[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
		    c == '.'))
			return false;
	}
	return true;
}

static int
check_request(const struct handover *packet, uint64_t now_ns, struct err *err)
{
	uint64_t body_max = packet->spool == 0 ? HANDOVER_BODY_MAX :
	    HANDOVER_SPOOL_MAX;

	if (packet->id == 0 || packet->id > UINT16_MAX)
		return err_set(err, "request number %u", packet->id);
	if (packet->params_length > HANDOVER_PARAMS_MAX ||
	    packet->body_length > body_max)
		return err_set(err, "parameters of %u bytes, a body of %llu",
		    packet->params_length,
		    (unsigned long long)packet->body_length);
	if (packet->arrival_ns > packet->queued_ns ||
	    packet->queued_ns > now_ns)
		return err_set(err, "a request of the future");
	if (!is_request_id(packet->request_id, sizeof(packet->request_id)))
		return err_set(err, "an unfit request id");
	return 0;
}

static int
check_bare(const struct handover *packet, struct err *err)
{
	const struct handover bare = { .magic = packet->magic,
	    .version = packet->version, .flags = packet->flags,
	    .input_length = packet->input_length };

	if (memcmp(packet, &bare, sizeof(bare)) != 0 ||
	    (packet->flags & HANDOVER_KEEP) != 0)
		return err_set(err, "parts of a request, and none");
	return 0;
}

static int
check_packet(const struct handover *packet, uint64_t now_ns, struct err *err)
{
	const uint32_t known = HANDOVER_REQUEST | HANDOVER_KEEP |
	    HANDOVER_FRESH;

	if ((packet->flags & ~known) != 0)
		return err_set(err, "flags %#x", packet->flags);
	if (packet->input_length > HANDOVER_INPUT_MAX)
		return err_set(err, "%u bytes of input", packet->input_length);
	if ((packet->flags & HANDOVER_REQUEST) == 0)
		return check_bare(packet, err);
	return check_request(packet, now_ns, err);
}

int
handover_unpack(const void *bytes, size_t length, size_t count,
    uint64_t now_ns, struct handover *packet_out, struct err *err)
{
	uint32_t begin[2];

	if (length < sizeof(begin))
		return err_set(err, "%zu bytes", length);
	memcpy(begin, bytes, sizeof(begin));
	if (begin[0] != HANDOVER_MAGIC)
		return err_set(err, "not a connection");
	if (begin[1] != HANDOVER_VERSION)
		return err_set(err, "version %u, and this is %u", begin[1],
		    HANDOVER_VERSION);
	if (length != sizeof(*packet_out))
		return err_set(err, "%zu bytes", length);
	memcpy(packet_out, bytes, sizeof(*packet_out));
	if (check_packet(packet_out, now_ns, err) < 0)
		return -1;
	if (count != descriptors_of(packet_out))
		return err_set(err, "%zu descriptors and not %zu", count,
		    descriptors_of(packet_out));
	return 0;
}

/* A plain file (a memfd is one) with at least so many bytes. */
static bool
has_bytes(int fd, uint64_t bytes)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    (uint64_t)status.st_size >= bytes;
}

int
handover_check_fds(const struct handover *packet, const int fds[HANDOVER_FDS],
    struct err *err)
{
	struct stat status;

	if (fstat(fds[HANDOVER_FD_CONN], &status) < 0 ||
	    !S_ISSOCK(status.st_mode))
		return err_set(err, "the connection is no socket");
	if (fds[HANDOVER_FD_BYTES] >= 0 && !has_bytes(fds[HANDOVER_FD_BYTES],
	    handover_bytes(packet)))
		return err_set(err, "its bytes are not %llu",
		    (unsigned long long)handover_bytes(packet));
	if (fds[HANDOVER_FD_SPOOL] >= 0 && !has_bytes(fds[HANDOVER_FD_SPOOL],
	    packet->body_length))
		return err_set(err, "its spooled body is not %llu bytes",
		    (unsigned long long)packet->body_length);
	return 0;
}

/* Those present, one after the other, as they are sent. */
static size_t
gather(const int fds[HANDOVER_FDS], int out[HANDOVER_FDS])
{
	size_t count = 0;

	for (size_t i = 0; i < HANDOVER_FDS; i++)
		if (fds[i] >= 0)
			out[count++] = fds[i];
	return count;
}

int
handover_send(int link, const struct handover *packet,
    const int fds[HANDOVER_FDS])
{
	struct iovec piece = { (void *)(uintptr_t)packet, sizeof(*packet) };
	union control_space space = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	int present[HANDOVER_FDS];
	size_t count = gather(fds, present);
	ssize_t sent;

	channel_put_descriptors(&message, space.bytes, present, count);
	do {
		sent = sendmsg(link, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(*packet) ? 0 : -1;
}

/* A side that died with packets unread is said once by ECONNRESET, and what it
 * had sent before is still there. */
static ssize_t
receive(int link, struct msghdr *message)
{
	ssize_t got;

	do {
		got = recvmsg(link, message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	return got;
}

static void
close_all(const int *fds, size_t count)
{
	while (count > 0)
		close(fds[--count]);
}

static void
forget(int fds[HANDOVER_FDS])
{
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		fds[i] = -1;
}

/* To the places that the packet says they have. */
static void
spread(const struct handover *packet, const int *present,
    int fds_out[HANDOVER_FDS])
{
	fds_out[HANDOVER_FD_CONN] = *present++;
	fds_out[HANDOVER_FD_BYTES] = handover_bytes(packet) > 0 ?
	    *present++ : -1;
	fds_out[HANDOVER_FD_SPOOL] = packet->spool != 0 ? *present : -1;
}

enum handover_rc
handover_receive(int link, uint64_t now_ns, struct handover *packet_out,
    int fds_out[HANDOVER_FDS], struct err *err)
{
	uint8_t bytes[2 * sizeof(*packet_out)];
	struct iovec piece = { bytes, sizeof(bytes) };
	union control_space space;
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1,
	    .msg_control = space.bytes, .msg_controllen = sizeof(space) };
	ssize_t got = receive(link, &message);
	int present[CHANNEL_FDS_MAX];
	size_t count;

	forget(fds_out);
	if (got < 0 && errno == EAGAIN)
		return HANDOVER_NONE;
	if (got < 0)
		return HANDOVER_ENDED;
	count = channel_take_descriptors(&message, present);
	if (got == 0 && count == 0)
		return HANDOVER_ENDED;
	if ((message.msg_flags & MSG_CTRUNC) != 0)
		err_set(err, "its descriptors cannot be opened");
	else if (handover_unpack(bytes, (size_t)got, count, now_ns, packet_out,
	    err) == 0) {
		spread(packet_out, present, fds_out);
		if (handover_check_fds(packet_out, fds_out, err) == 0)
			return HANDOVER_GOT;
	}
	close_all(present, count);
	forget(fds_out);
	return HANDOVER_WRONG;
}

int
handover_answer(int link, bool taken)
{
	const struct handover_answer answer = { .magic = HANDOVER_MAGIC,
	    .taken = taken };
	ssize_t sent;

	do {
		sent = send(link, &answer, sizeof(answer),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)sizeof(answer) ? 0 : -1;
}

enum handover_rc
handover_hear(int link, bool *taken_out)
{
	struct handover_answer answer;
	struct iovec piece = { &answer, sizeof(answer) };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	ssize_t got = receive(link, &message);

	if (got < 0 && errno == EAGAIN)
		return HANDOVER_NONE;
	if (got != (ssize_t)sizeof(answer) || answer.magic != HANDOVER_MAGIC)
		return HANDOVER_ENDED;
	*taken_out = answer.taken != 0;
	return HANDOVER_GOT;
}

void
handover_close(int fds[HANDOVER_FDS])
{
	for (size_t i = 0; i < HANDOVER_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}
