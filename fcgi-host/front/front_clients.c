/*
 * front_clients.c - policy: how many requests of one client are in a pool.
 *
 * Runs in: front.
 * Owns: each struct front_clients.
 * Invariant: pure but for its memory, which is all there from the beginning; a
 * client is in the table exactly while it has requests in.
 */
#include "front/front_clients.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#define NOBODY	0	/* entries are numbered from 1 */

struct entry {
	struct front_client_key	 key;
	uint32_t		 count;		/* of its requests */
	uint32_t		 next;		/* in its bucket or `free` */
};

struct front_clients {
	uint64_t	 seed;
	uint32_t	 capacity;
	uint32_t	 used;		/* entries that ever were */
	uint32_t	 free;		/* the first that is free again */
	uint32_t	 mask;		/* of buckets, less one */
	uint32_t	*buckets;
	struct entry	*entries;	/* [0] is nobody's */
};

struct front_clients *
front_clients_create(uint32_t capacity, uint64_t seed)
{
	struct front_clients *clients = calloc(1, sizeof(*clients));
	uint32_t size = 16;

	if (clients == NULL)
		return NULL;
	while (size < capacity && size < UINT32_C(1) << 31)
		size *= 2;
	clients->seed = seed;
	clients->capacity = capacity;
	clients->mask = size - 1;
	clients->buckets = calloc(size, sizeof(*clients->buckets));
	clients->entries = calloc((size_t)capacity + 1,
	    sizeof(*clients->entries));
	if (clients->buckets == NULL || clients->entries == NULL) {
		front_clients_destroy(clients);
		return NULL;
	}
	return clients;
}

void
front_clients_destroy(struct front_clients *clients)
{
	if (clients == NULL)
		return;
	free(clients->buckets);
	free(clients->entries);
	free(clients);
}

/* -------------------------------------------------------------------- keys */

static uint64_t
first_half(const uint8_t *address)
{
	uint64_t half = 0;

	for (int i = 0; i < 8; i++)
		half = half << 8 | address[i];
	return half;
}

static bool
key_of_address(const char *text, struct front_client_key *key_out)
{
	struct in_addr in;
	struct in6_addr in6;

	if (inet_pton(AF_INET, text, &in) == 1) {
		*key_out = (struct front_client_key){ .low = in.s_addr };
		return true;
	}
	if (inet_pton(AF_INET6, text, &in6) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		memcpy(&in, &in6.s6_addr[12], sizeof(in));
		*key_out = (struct front_client_key){ .low = in.s_addr };
	} else
		*key_out = (struct front_client_key){
		    .high = first_half(in6.s6_addr), .low = UINT64_MAX };
	return true;
}

bool
front_client_key(const char *text, size_t length,
    struct front_client_key *key_out)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	char address[INET6_ADDRSTRLEN];

	if (length == 0)
		return false;
	if (length < sizeof(address)) {
		memcpy(address, text, length);
		address[length] = '\0';
		if (strlen(address) == length &&
		    key_of_address(address, key_out))
			return true;
	}
	EVP_Digest(text, length, digest, NULL, EVP_sha256(), NULL);
	memcpy(key_out, digest, sizeof(*key_out));
	return true;
}

/* ------------------------------------------------------------------- table */

/* The last steps of splitmix64. */
static uint64_t
mix(uint64_t value)
{
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static uint32_t *
bucket_of(const struct front_clients *clients,
    const struct front_client_key *key)
{
	uint64_t hash = mix(mix(clients->seed ^ key->high) ^ key->low);

	return &clients->buckets[hash & clients->mask];
}

static bool
is_key(const struct entry *entry, const struct front_client_key *key)
{
	return entry->key.high == key->high && entry->key.low == key->low;
}

static uint32_t
find(const struct front_clients *clients, uint32_t first,
    const struct front_client_key *key)
{
	uint32_t index = first;

	while (index != NOBODY && !is_key(&clients->entries[index], key))
		index = clients->entries[index].next;
	return index;
}

/* NOBODY: all are taken. */
static uint32_t
take_entry(struct front_clients *clients)
{
	uint32_t index = clients->free;

	if (index != NOBODY)
		clients->free = clients->entries[index].next;
	else if (clients->used < clients->capacity)
		index = ++clients->used;
	return index;
}

static uint32_t
add(struct front_clients *clients, uint32_t *bucket,
    const struct front_client_key *key)
{
	uint32_t index = take_entry(clients);

	if (index == NOBODY)
		return NOBODY;
	clients->entries[index] = (struct entry){ .key = *key,
	    .next = *bucket };
	*bucket = index;
	return index;
}

bool
front_clients_enter(struct front_clients *clients,
    const struct front_client_key *key, uint32_t limit, uint32_t *ticket_out)
{
	uint32_t *bucket = bucket_of(clients, key);
	uint32_t index = find(clients, *bucket, key);

	*ticket_out = NOBODY;
	if (index != NOBODY && clients->entries[index].count >= limit)
		return false;
	if (index == NOBODY)
		index = add(clients, bucket, key);
	if (index != NOBODY)
		clients->entries[index].count++;
	*ticket_out = index;
	return true;
}

void
front_clients_leave(struct front_clients *clients, uint32_t ticket)
{
	struct entry *entry;
	uint32_t *link;

	if (ticket == NOBODY)
		return;
	entry = &clients->entries[ticket];
	if (--entry->count > 0)
		return;
	link = bucket_of(clients, &entry->key);
	while (*link != ticket)
		link = &clients->entries[*link].next;
	*link = entry->next;
	entry->next = clients->free;
	clients->free = ticket;
}
