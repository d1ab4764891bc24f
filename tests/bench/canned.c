/*
 * canned.c - the yardstick: a FastCGI responder that does nothing.
 *
 *	canned SOCKET FILE
 *
 * Answers every request with the bytes of FILE (what STDOUT shall hold) on
 * kept connections.  It does not look at a request but for its last eight
 * bytes: a request with no body ends in an empty STDIN record.  So it is about
 * what nginx and the kernel cost, and no host can be much quicker.
 *
 * Runs in: a process of its own, started by tests/bench/run.
 * Owns: the socket file; one struct peer for each connection.
 * Invariant: one reply for each end of a request, in order, until killed.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX	64
#define BACKLOG		4096
#define CONTENT_MAX	32000

struct peer {
	int		 fd;
	unsigned char	 tail[8];	/* the last bytes that came */
};

/* Type 5 (STDIN), request id 1, no content, no padding. */
static const unsigned char request_end[8] = { 1, 5, 0, 1 };

static unsigned char	 reply[CONTENT_MAX + 32];
static size_t		 reply_length;

static void
put_header(int type, size_t length)
{
	const unsigned char header[8] = { 1, (unsigned char)type, 0, 1,
	    (unsigned char)(length >> 8), (unsigned char)length };

	memcpy(reply + reply_length, header, sizeof(header));
	reply_length += sizeof(header);
}

/* STDOUT with the file's bytes, STDOUT's end, END_REQUEST. */
static void
make_reply(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	if (file == NULL)
		err(1, "%s", path);
	length = fread(reply + 8, 1, CONTENT_MAX, file);
	if (length == 0 || !feof(file))
		errx(1, "%s: 1 to %d bytes are needed", path, CONTENT_MAX - 1);
	fclose(file);
	put_header(6, length);
	reply_length += length;
	put_header(6, 0);
	put_header(3, 8);
	memset(reply + reply_length, 0, 8);
	reply_length += 8;
}

static int
open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		err(1, "socket");
	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long", path);
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		err(1, "%s", path);
	return fd;
}

static void
watch(int epoll, int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		err(1, "epoll_ctl");
}

static void
accept_peer(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct peer *peer;

	if (fd == -1) {
		if (errno != EAGAIN && errno != ECONNABORTED)
			err(1, "accept4");
		return;
	}
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		err(1, "calloc");
	peer->fd = fd;
	watch(epoll, fd, peer);
}

/* Was that the end of a request?  It may have come in pieces. */
static int
at_request_end(struct peer *peer, const unsigned char *data, size_t length)
{
	if (length >= sizeof(peer->tail)) {
		memcpy(peer->tail, data + length - sizeof(peer->tail),
		    sizeof(peer->tail));
	} else {
		memmove(peer->tail, peer->tail + length,
		    sizeof(peer->tail) - length);
		memcpy(peer->tail + sizeof(peer->tail) - length, data, length);
	}
	return memcmp(peer->tail, request_end, sizeof(request_end)) == 0;
}

static void
serve_peer(struct peer *peer)
{
	unsigned char data[65536];
	ssize_t length = read(peer->fd, data, sizeof(data));

	if (length == -1 && errno == EAGAIN)
		return;
	if (length > 0 && !at_request_end(peer, data, (size_t)length))
		return;
	/* A reply is far smaller than the socket's buffer. */
	if (length <= 0 || write(peer->fd, reply, reply_length) !=
	    (ssize_t)reply_length) {
		close(peer->fd);
		free(peer);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX];
	int listener, epoll, count;

	if (argc != 3)
		errx(100, "usage: canned SOCKET FILE");
	signal(SIGPIPE, SIG_IGN);
	make_reply(argv[2]);
	listener = open_socket(argv[1]);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll == -1)
		err(1, "epoll_create1");
	watch(epoll, listener, NULL);
	for (;;) {
		count = epoll_wait(epoll, events, EVENTS_MAX, -1);
		if (count == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				accept_peer(epoll, listener);
			else
				serve_peer(events[i].data.ptr);
		}
	}
}
