/*
 * config_peers.h - who may connect: users and networks.
 *
 * Names of users are looked up once, when the configuration is read; what is
 * asked for each connection are numbers.
 */
#ifndef COMMON_CONFIG_PEERS_H
#define COMMON_CONFIG_PEERS_H

#include <sys/socket.h>
#include <netinet/in.h>

#include "config/config.h"
#include "common/err.h"

/* IPv4 is kept as IPv6 maps it: ::ffff:10.0.0.0/104 is 10.0.0.0/8. */
struct config_network {
	struct in6_addr	address;
	unsigned	bits;		/* of it that count */
};

/* "10.0.0.0/8", "::1".  0, or -1 and why not. */
int	config_network_parse(const char *text, struct config_network *out,
	    struct err *);

/* Is the address of a TCP peer in the network?  ::/0 is every IPv6 address,
 * 0.0.0.0/0 every IPv4 one, those that come over an IPv6 socket included. */
bool	config_network_has(const struct config_network *,
	    const struct sockaddr *);

/* Fills in the numbers of `config`, whose lists are sound. */
void	config_peers_resolve(struct config *);

bool	config_peers_user(const struct config *, uid_t);
bool	config_peers_address(const struct config *, const struct sockaddr *);

/* Does allow_addresses let this machine in and no other? */
bool	config_peers_are_local(const struct config *);

#endif
