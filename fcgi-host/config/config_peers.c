/*
 * config_peers.c - who may connect: users and networks.
 *
 * Runs in: whoever reads a configuration, before anything is forked; asked in
 * the front.
 * Owns: nothing; the numbers belong to the struct config.
 * Invariant: an item that cannot be resolved lets nobody in.
 */
#include "config/config_peers.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_fault.h"
#include "config/config_list.h"
#include "config/config_units.h"
#include "config/config_value.h"

#define MAPPED_BITS	96	/* of ::ffff:0:0 */
#define NETWORK_TEXT	64	/* more than any has */

/* ------------------------------------------------------------------ users */

/* A number is a uid, whether or not somebody has it. */
static int
find_user(const char *text, uid_t *uid_out, struct err *err)
{
	const struct passwd *user;
	char shown[CONFIG_EXCERPT];
	uint64_t number;

	if (strspn(text, "0123456789") == strlen(text)) {
		if (config_units_count(text, &number, err) < 0)
			return -1;
		if (number >= UINT32_MAX)
			return err_set(err, "%s is no uid: they end at %u",
			    text, UINT32_MAX - 1);
		*uid_out = (uid_t)number;
		return 0;
	}
	user = getpwnam(text);
	if (user == NULL)
		return err_set(err, "there is no user \"%s\" on this system: "
		    "write a name or a uid", config_excerpt(text, strlen(text),
		    shown));
	*uid_out = user->pw_uid;
	return 0;
}

int
config_account_check(const char *text, struct err *err)
{
	uid_t uid;

	return find_user(text, &uid, err);
}

/* --------------------------------------------------------------- networks */

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_mapped(const struct in6_addr *address)
{
	return memcmp(address->s6_addr, mapped, sizeof(mapped)) == 0;
}

static void
map(const struct in_addr *address, struct in6_addr *out)
{
	memcpy(out->s6_addr, mapped, sizeof(mapped));
	memcpy(out->s6_addr + sizeof(mapped), address, sizeof(*address));
}

/* The address in front of the '/': 32 or 128, its bits, or 0. */
static unsigned
parse_address(const char *text, size_t length, struct in6_addr *out)
{
	char address[NETWORK_TEXT] = "";
	struct in_addr old;

	if (length >= sizeof(address))
		return 0;
	memcpy(address, text, length);
	if (inet_pton(AF_INET6, address, out) == 1)
		return 128;
	if (inet_pton(AF_INET, address, &old) != 1)
		return 0;
	map(&old, out);
	return 32;
}

/* Are the first `bits` the same in both? */
static bool
same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned bits)
{
	unsigned bytes = bits / 8, left = bits % 8;

	return memcmp(a->s6_addr, b->s6_addr, bytes) == 0 && (left == 0 ||
	    ((a->s6_addr[bytes] ^ b->s6_addr[bytes]) >> (8 - left)) == 0);
}

static void
cut(struct in6_addr *address, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = bits <= i * 8 ? 0 : bits - i * 8;

		if (kept < 8)
			address->s6_addr[i] &= (uint8_t)(0xff00 >> kept);
	}
}

/* What the network would be called with the bits behind it cleared. */
static int
refuse_host_bits(const char *text, const struct config_network *network,
    unsigned most, struct err *err)
{
	struct in6_addr first = network->address;
	char shown[INET6_ADDRSTRLEN] = "";

	cut(&first, network->bits);
	if (most == 32)
		inet_ntop(AF_INET, first.s6_addr + sizeof(mapped), shown,
		    sizeof(shown));
	else
		inet_ntop(AF_INET6, &first, shown, sizeof(shown));
	return err_set(err, "\"%s\" has bits behind its prefix: the network "
	    "is %s/%u", text, shown, network->bits - (128 - most));
}

static int
parse_bits(const char *text, const char *bits, unsigned most,
    unsigned *bits_out, struct err *err)
{
	uint64_t number;

	if (strspn(bits, "0123456789") != strlen(bits) ||
	    config_units_count(bits, &number, NULL) < 0 || number > most)
		return err_set(err, "\"%s\": a number from 0 to %u stands "
		    "behind the '/'", text, most);
	*bits_out = (unsigned)number + 128 - most;
	return 0;
}

int
config_network_parse(const char *text, struct config_network *out,
    struct err *err)
{
	size_t length = strcspn(text, "/");
	struct config_network network = { .bits = 128 };
	struct in6_addr first;
	char shown[CONFIG_EXCERPT];
	unsigned most;

	config_excerpt(text, strlen(text), shown);
	most = parse_address(text, length, &network.address);
	if (most == 0)
		return err_set(err, "\"%s\" is not an address or a network: "
		    "write 192.0.2.1, 10.0.0.0/8, ::1 or fd00::/8", shown);
	if (text[length] == '/' && parse_bits(shown, text + length + 1, most,
	    &network.bits, err) < 0)
		return -1;
	first = network.address;
	cut(&first, network.bits);
	if (memcmp(&first, &network.address, sizeof(first)) != 0)
		return refuse_host_bits(shown, &network, most, err);
	*out = network;
	return 0;
}

int
config_network_check(const char *text, struct err *err)
{
	struct config_network network;

	return config_network_parse(text, &network, err);
}

static bool
is_old(const struct config_network *network)
{
	return network->bits >= MAPPED_BITS && is_mapped(&network->address);
}

bool
config_network_has(const struct config_network *network,
    const struct sockaddr *peer)
{
	struct in6_addr address;

	if (peer->sa_family == AF_INET6)
		address = ((const struct sockaddr_in6 *)
		    (const void *)peer)->sin6_addr;
	else if (peer->sa_family == AF_INET)
		map(&((const struct sockaddr_in *)
		    (const void *)peer)->sin_addr, &address);
	else
		return false;
	return is_mapped(&address) == is_old(network) &&
	    same_bits(&address, &network->address, network->bits);
}

/* -------------------------------------------------------------- the lists */

void
config_peers_resolve(struct config *config)
{
	size_t users = config_list_count(config->allow_users);
	size_t networks = config_list_count(config->allow_addresses);

	config->allow_uids = config_allocate(users + 1, sizeof(uid_t));
	for (size_t i = 0; i < users; i++)
		if (find_user(config->allow_users[i],
		    &config->allow_uids[config->allow_uid_count], NULL) == 0)
			config->allow_uid_count++;
	config->allow_networks = config_allocate(networks + 1,
	    sizeof(struct config_network));
	for (size_t i = 0; i < networks; i++)
		if (config_network_parse(config->allow_addresses[i],
		    &config->allow_networks[config->allow_network_count],
		    NULL) == 0)
			config->allow_network_count++;
}

bool
config_peers_user(const struct config *config, uid_t uid)
{
	for (size_t i = 0; i < config->allow_uid_count; i++)
		if (config->allow_uids[i] == uid)
			return true;
	return config->allow_users == NULL;
}

bool
config_peers_address(const struct config *config, const struct sockaddr *peer)
{
	for (size_t i = 0; i < config->allow_network_count; i++)
		if (config_network_has(&config->allow_networks[i], peer))
			return true;
	return false;
}

bool
config_peers_are_local(const struct config *config)
{
	static const struct in6_addr new = IN6ADDR_LOOPBACK_INIT;
	struct in6_addr old;
	struct in_addr net = { .s_addr = htonl(INADDR_LOOPBACK) };

	map(&net, &old);
	for (size_t i = 0; i < config->allow_network_count; i++) {
		const struct config_network *one = &config->allow_networks[i];

		if (!(one->bits == 128 && same_bits(&one->address, &new, 128))
		    && !(one->bits >= MAPPED_BITS + 8 &&
		    same_bits(&one->address, &old, MAPPED_BITS + 8)))
			return false;
	}
	return true;
}
