/*
 * load.c - many connections that ask without a pause, or nearly, and a strict
 * look at every reply.
 *
 *	load [option...] fastcgi|http ADDRESS
 *
 * ADDRESS is the path of a Unix socket, or a port of this machine.  Ends when
 * standard input does: requests that run are waited for, then one line of
 * JSON is printed.  A fault is a line on standard error when it happens.
 *
 *	-c N	connections (64)
 *	-f N	of them, how many take a new connection each time (0)
 *	-p MS	the most between two requests (20); some clients never pause
 *	-l MS	how long a reply may take (20000)
 *	-s N	seed of the clients' dice (1)
 *
 * The clients differ, so that a connection can be met in every state: some
 * send a request in two parts with a pause between, some read slowly.
 *
 * Runs in: a process of its own, started by tests/lib/load.py.
 * Owns: the connections; one struct client for each.
 * Invariant: a client has at most one request under way, and anything else
 * that comes is a fault.
 */
#include <sys/un.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define CLIENTS_MAX	1000
#define LINGER_MS	100	/* after the last reply, for one too many */

enum state {
	RESTING,	/* until wake_ms: no request */
	SENDING,
	HALF,		/* until wake_ms: a part of the request is sent */
	SLOW,		/* until wake_ms: nothing is read */
	READING
};

struct client {
	unsigned	 number;
	unsigned	 asked;
	unsigned	 dice;
	bool		 fresh, halves, slow, hasty;
	int		 fd;		/* -1: none */
	enum state	 state;
	uint64_t	 wake_ms, begun_ms;
	size_t		 stop_at;	/* of `out`: where HALF begins */
	size_t		 sent;
	struct bytes	 out, in;
	struct ask	 ask;
	struct reply	 reply;
	struct version	 last;
};

static struct options	 options = { .connections = 64, .pause_ms = 20,
    .limit_ms = 20000, .seed = 1 };
static struct client	 clients[CLIENTS_MAX];
static bool		 ending;

static uint64_t
now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned
roll(struct client *client, unsigned below)
{
	return (unsigned)rand_r(&client->dice) % below;
}

/* ------------------------------------------------------ the connection */

static void
disconnect(struct client *client)
{
	if (client->fd != -1)
		close(client->fd);
	client->fd = -1;
	client->in.length = 0;
	client->last = (struct version){ 0 };
}

static int
reach(struct client *client)
{
	int family = options.address.ss_family;

	client->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd == -1)
		err(1, "socket");
	/* With room in the listen queue this does not wait. */
	if (connect(client->fd, (struct sockaddr *)&options.address,
	    options.address_length) == -1 ||
	    fcntl(client->fd, F_SETFL, O_NONBLOCK) == -1) {
		disconnect(client);
		return -1;
	}
	return 0;
}

/* ----------------------------------------------------------- a request */

static void
rest(struct client *client, unsigned least)
{
	client->state = RESTING;
	client->wake_ms = now_ms() + least;
	if (!client->hasty)
		client->wake_ms += roll(client, options.pause_ms + 1);
}

/* Counts it, and begins anew: after a fault with a new connection. */
static void
end_request(struct client *client, enum outcome outcome, const char *fault)
{
	count(outcome, client->number, &client->ask, fault);
	if (outcome != FINE && outcome != ERROR)
		disconnect(client);
	rest(client, outcome == FINE ? 0 : 20);
}

static void
end_errno(struct client *client, enum outcome outcome, const char *what)
{
	char text[100];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	end_request(client, outcome, text);
}

static void
forget_reply(struct client *client)
{
	struct bytes content = client->reply.content;

	content.length = 0;
	client->reply = (struct reply){ .content = content };
}

static void
begin(struct client *client)
{
	void (*write_request)(const struct ask *, bool, struct bytes *) =
	    options.http ? http_write : fastcgi_write;

	ask_make(&client->ask, client->number, client->asked++,
	    &client->dice);
	client->out.length = client->sent = 0;
	write_request(&client->ask, !client->fresh, &client->out);
	client->stop_at = client->halves && roll(client, 4) == 0 ?
	    1 + roll(client, (unsigned)client->out.length - 1) : 0;
	forget_reply(client);
	client->begun_ms = now_ms();
	client->state = SENDING;
	if (client->fd == -1 && reach(client) == -1)
		end_errno(client, REFUSED, "connect");
}

static void
begin_reading(struct client *client)
{
	client->state = READING;
	if (client->slow && roll(client, 4) == 0) {
		client->state = SLOW;
		client->wake_ms = now_ms() + roll(client, 50);
	}
}

static void
send_more(struct client *client)
{
	size_t end = client->sent < client->stop_at ? client->stop_at :
	    client->out.length;
	ssize_t n = send(client->fd, client->out.data + client->sent,
	    end - client->sent, MSG_NOSIGNAL);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n == -1) {
		end_errno(client, CLOSED, "send");
		return;
	}
	client->sent += (size_t)n;
	if (client->sent == client->out.length) {
		begin_reading(client);
	} else if (client->sent == client->stop_at) {
		client->state = HALF;
		client->wake_ms = now_ms() + roll(client, 30);
	}
}

/* ------------------------------------------------------------- a reply */

static bool
is_backwards(const struct version *version, const struct version *last)
{
	for (int i = 0; i < 3; i++)
		if (version->part[i] < last->part[i])
			return true;
	return false;
}

static void
end_fine(struct client *client)
{
	struct version *version = &client->reply.version;
	char text[120];

	count_version(version);
	if (!options.http && is_backwards(version, &client->last)) {
		snprintf(text, sizeof(text), "%u.%u.%u after %u.%u.%u",
		    version->part[0], version->part[1], version->part[2],
		    client->last.part[0], client->last.part[1],
		    client->last.part[2]);
		end_request(client, BACKWARDS, text);
		return;
	}
	client->last = *version;
	end_request(client, FINE, "");
	if (client->fresh || client->reply.closes)
		disconnect(client);
}

static void
end_reply(struct client *client)
{
	char text[120];

	if (client->in.length > 0) {
		snprintf(text, sizeof(text), "%zu bytes more",
		    client->in.length);
		end_request(client, TWICE, text);
	} else if (client->reply.status != 200) {
		snprintf(text, sizeof(text), "status %d: %.*s",
		    client->reply.status,
		    (int)(client->reply.content.length < 90 ?
		    client->reply.content.length : 90),
		    client->reply.content.data);
		end_request(client, ERROR, text);
		if (client->fresh || client->reply.closes ||
		    client->sent < client->out.length)
			disconnect(client);
	} else if (client->sent < client->out.length) {
		end_request(client, WRONG, "a reply before the request");
	} else {
		end_fine(client);
	}
}

static void
take(struct client *client)
{
	int (*read_reply)(const struct ask *, struct bytes *, struct reply *) =
	    options.http ? http_read : fastcgi_read;

	if (client->state == RESTING)
		end_request(client, TWICE, "bytes without a request");
	else if (read_reply(&client->ask, &client->in, &client->reply) < 0)
		end_request(client, WRONG, client->reply.fault);
	else if (client->reply.whole)
		end_reply(client);
}

static void
receive(struct client *client)
{
	static unsigned char data[1 << 18];
	ssize_t n = recv(client->fd, data, sizeof(data), 0);
	char text[80];

	if (n == -1 && errno == EAGAIN)
		return;
	if (n > 0) {
		bytes_add(&client->in, data, (size_t)n);
		take(client);
		return;
	}
	snprintf(text, sizeof(text), "%s, after %zu of %zu sent, %zu come: %s",
	    client->state == RESTING ? "idle" : "busy", client->sent,
	    client->out.length, client->reply.content.length +
	    client->in.length, n == 0 ? "end" : strerror(errno));
	end_request(client, CLOSED, text);
}

/* ------------------------------------------------------------ all of them */

static bool
is_busy(const struct client *client)
{
	return client->state != RESTING;
}

static void
wake(struct client *client, uint64_t now)
{
	if (is_busy(client) && now - client->begun_ms > options.limit_ms) {
		end_request(client, SILENT, "no reply in time");
		return;
	}
	if (client->state >= SENDING && client->state != HALF &&
	    client->state != SLOW)
		return;
	if (now < client->wake_ms)
		return;
	if (client->state == HALF)
		client->state = SENDING;
	else if (client->state == SLOW)
		client->state = READING;
	else if (!ending)
		begin(client);
}

static short
events_of(const struct client *client)
{
	switch (client->state) {
	case SENDING:
		return POLLIN | POLLOUT;
	case SLOW:
		return 0;
	default:
		return POLLIN;
	}
}

static void
handle(struct client *client, short events)
{
	if (events & POLLOUT)
		send_more(client);
	if (client->fd != -1 && client->state != SLOW &&
	    (events & (POLLIN | POLLHUP | POLLERR)) != 0)
		receive(client);
}

static bool
is_any_busy(void)
{
	for (unsigned i = 0; i < options.connections; i++)
		if (is_busy(&clients[i]))
			return true;
	return false;
}

static void
turn(void)
{
	struct pollfd polled[CLIENTS_MAX + 1];
	uint64_t now = now_ms();
	unsigned count = options.connections;

	for (unsigned i = 0; i < count; i++) {
		wake(&clients[i], now);
		polled[i] = (struct pollfd){ .fd = clients[i].fd,
		    .events = events_of(&clients[i]) };
	}
	polled[count] = (struct pollfd){ .fd = ending ? -1 : STDIN_FILENO,
	    .events = POLLIN };
	if (poll(polled, count + 1, 1) == -1 && errno != EINTR)
		err(1, "poll");
	for (unsigned i = 0; i < count; i++)
		if (polled[i].revents != 0 && clients[i].fd != -1)
			handle(&clients[i], polled[i].revents);
	if (polled[count].revents != 0)
		ending = true;
}

static void
run(void)
{
	uint64_t end;

	while (!ending || is_any_busy())
		turn();
	end = now_ms() + LINGER_MS;
	while (now_ms() < end)
		turn();
}

/* ----------------------------------------------------------- beginning */

static void
make_clients(void)
{
	for (unsigned i = 0; i < options.connections; i++) {
		clients[i].number = i;
		clients[i].dice = options.seed * 1000 + i;
		clients[i].fd = -1;
		clients[i].fresh = i < options.fresh;
		clients[i].halves = i % 3 == 0;
		clients[i].slow = i % 5 == 0;
		clients[i].hasty = i % 4 == 0;
		rest(&clients[i], 0);
	}
}

static void
set_address(const char *text)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&options.address;
	struct sockaddr_in *port = (struct sockaddr_in *)&options.address;

	if (text[0] == '/') {
		if (strlen(text) >= sizeof(local->sun_path))
			errx(100, "%s: too long", text);
		local->sun_family = AF_UNIX;
		strcpy(local->sun_path, text);
		options.address_length = sizeof(*local);
		return;
	}
	port->sin_family = AF_INET;
	port->sin_port = htons((uint16_t)atoi(text));
	port->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	options.address_length = sizeof(*port);
}

static void
set_option(int letter, unsigned value)
{
	switch (letter) {
	case 'c': options.connections = value; break;
	case 'f': options.fresh = value; break;
	case 'p': options.pause_ms = value; break;
	case 'l': options.limit_ms = value; break;
	case 's': options.seed = value; break;
	default: errx(100, "usage: load [-cfpls N] fastcgi|http ADDRESS");
	}
}

int
main(int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "c:f:p:l:s:")) != -1)
		set_option(letter, optarg == NULL ? 0 :
		    (unsigned)atoi(optarg));
	if (argc - optind != 2 || options.connections > CLIENTS_MAX)
		set_option('?', 0);
	options.http = strcmp(argv[optind], "http") == 0;
	set_address(argv[optind + 1]);
	signal(SIGPIPE, SIG_IGN);
	make_clients();
	run();
	count_print();
	return 0;
}
