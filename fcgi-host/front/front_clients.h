/*
 * front_clients.h - policy: how many requests of one client are in a pool.
 *
 * A client is known by a key, made from its address or from another parameter
 * the web server sends.  Each request that is in holds a ticket until it
 * leaves.  The table is bounded: a client for whom it has no place is let in
 * and not counted.
 */
#ifndef FRONT_FRONT_CLIENTS_H
#define FRONT_FRONT_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONT_CLIENTS_ANY	UINT32_MAX	/* a limit that is none */

struct front_client_key {
	uint64_t	high, low;
};

struct front_clients;

/* Memory is touched as clients come.  `seed`: what no client can know, so that
 * none can choose its place.  NULL: memory is out. */
struct front_clients	*front_clients_create(uint32_t capacity,
			    uint64_t seed);
void	front_clients_destroy(struct front_clients *);

/* An IPv6 address counts as its /64, one that maps an IPv4 address as that one,
 * and what is no address as the text it is.  False: it is empty. */
bool	front_client_key(const char *text, size_t length,
	    struct front_client_key *key_out);

/* False: `limit` of this client are in.  A ticket of 0 need not leave. */
bool	front_clients_enter(struct front_clients *,
	    const struct front_client_key *, uint32_t limit,
	    uint32_t *ticket_out);
void	front_clients_leave(struct front_clients *, uint32_t ticket);

#endif
