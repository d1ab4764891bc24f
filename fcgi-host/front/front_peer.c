/*
 * front_peer.c - may this peer connect?
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: nothing is looked up for a connection: the configuration has
 * numbers, and the kernel says who the peer is.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "config/config_peers.h"
#include "front/front.h"

#define WARN_MS		60000	/* the one refused is in the log, not each */

/* Is it time for another line? */
static bool
may_tell(struct front *front)
{
	uint64_t now = clock_now_ms();

	if (front->refused_told_ms != 0 &&
	    now - front->refused_told_ms < WARN_MS)
		return false;
	front->refused_told_ms = now;
	return true;
}

static bool
may_user(struct front *front, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);

	if (front->config->allow_users == NULL)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	    config_peers_user(front->config, peer.uid))
		return true;
	if (may_tell(front))
		log_warnx("connection refused: uid %u (process %d) is not in "
		    "allow_users; to let it in, add \"%u\" to allow_users in "
		    "%s", (unsigned)peer.uid, (int)peer.pid,
		    (unsigned)peer.uid, front->config->file);
	return false;
}

/* An IPv4 address as such, over an IPv6 socket too. */
static const char *
show(const struct sockaddr *peer, char out[INET6_ADDRSTRLEN])
{
	static const char prefix[] = "::ffff:";
	const void *at = peer->sa_family == AF_INET6 ?
	    (const void *)&((const struct sockaddr_in6 *)
	    (const void *)peer)->sin6_addr :
	    (const void *)&((const struct sockaddr_in *)
	    (const void *)peer)->sin_addr;

	if (inet_ntop(peer->sa_family, at, out, INET6_ADDRSTRLEN) == NULL)
		return "?";
	if (strncmp(out, prefix, strlen(prefix)) == 0 &&
	    strchr(out, '.') != NULL)
		return out + strlen(prefix);
	return out;
}

static bool
may_address(struct front *front, const struct sockaddr *peer)
{
	char shown[INET6_ADDRSTRLEN];

	if (config_peers_address(front->config, peer))
		return true;
	if (may_tell(front))
		log_warnx("connection refused: %s is not in allow_addresses; "
		    "to let it in, add \"%s\" to allow_addresses in %s",
		    show(peer, shown), show(peer, shown),
		    front->config->file);
	return false;
}

bool
front_peer_may(struct front *front, int fd, const struct sockaddr *peer)
{
	bool may;

	if (peer->sa_family == AF_INET || peer->sa_family == AF_INET6)
		may = may_address(front, peer);
	else
		may = may_user(front, fd);
	if (!may)
		front_count(&front->stats->refused_peers, 1);
	return may;
}

static bool
is_loopback(const struct sockaddr *address)
{
	static const char *const texts[] = { "127.0.0.0/8", "::1" };
	struct config_network network;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (config_network_parse(texts[i], &network, NULL) == 0 &&
		    config_network_has(&network, address))
			return true;
	return false;
}

/* Is who can reach it sure to be on this machine, with our clock? */
static bool
is_local(int listen_fd)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t length = sizeof(own);

	if (getsockname(listen_fd, (struct sockaddr *)&own, &length) < 0)
		return false;
	return own.ss_family == AF_UNIX ||
	    is_loopback((const struct sockaddr *)&own);
}

void
front_peer_start(struct front *front)
{
	front->local = is_local(front->start->listen_fd);
	if (!front->local && config_peers_are_local(front->config))
		log_warnx("listen is not on a loopback address, but "
		    "allow_addresses lets only this machine in: add the web "
		    "server's address to allow_addresses in %s",
		    front->config->file);
}
