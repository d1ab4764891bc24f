/*
 * config_listen.c - paths and addresses in a configuration.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: pure; nothing is looked up in the file system or the network.
 */
#include "config/config_value.h"

#include <arpa/inet.h>
#include <string.h>

#include "config/config_fault.h"
#include "config/config_units.h"

#define HOST_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
#define HOST_MAX	253

int
config_path_check(const char *text, const char *what, size_t most,
    struct err *err)
{
	char shown[CONFIG_EXCERPT];

	if (text[0] == '\0')
		return err_set(err, "is empty: write %s", what);
	if (text[0] == '~')
		return err_set(err, "'~' is not replaced: write the path in "
		    "full, from '/' on");
	if (text[0] != '/')
		return err_set(err, "\"%s\" is not absolute: write the path "
		    "from '/' on", config_excerpt(text, strlen(text), shown));
	if (strlen(text) > most)
		return err_set(err, "the path has %zu bytes; at most %zu are "
		    "possible: use a shorter one", strlen(text), most);
	return 0;
}

/* "[::1]:9000" after "tcp:"; *port_out is what stands behind the ']'. */
static int
check_ipv6(const char *host, const char **port_out, struct err *err)
{
	const char *end = strchr(host, ']');
	size_t length = end == NULL ? 0 : (size_t)(end - host - 1);
	char address[INET6_ADDRSTRLEN] = "";
	struct in6_addr binary;

	if (length > 0 && length < sizeof(address))
		memcpy(address, host + 1, length);
	if (length == 0 || inet_pton(AF_INET6, address, &binary) != 1)
		return err_set(err, "what stands in brackets is an IPv6 "
		    "address, such as tcp:[::1]:9000");
	*port_out = end + 1;
	return 0;
}

static int
check_host(const char *host, const char **port_out, struct err *err)
{
	char address[HOST_MAX + 1] = "";
	size_t length = strcspn(host, ":");
	struct in_addr binary;

	if (host[0] == '[')
		return check_ipv6(host, port_out, err);
	if (length == 0)
		return err_set(err, "the host is missing: write "
		    "tcp:127.0.0.1:9000, or tcp:0.0.0.0:9000 for every "
		    "interface");
	if (length > HOST_MAX || strspn(host, HOST_CHARACTERS) < length)
		return err_set(err, "the host is not a name or an address: "
		    "write tcp:127.0.0.1:9000");
	memcpy(address, host, length);
	if (strspn(address, "0123456789.") == length &&
	    inet_pton(AF_INET, address, &binary) != 1)
		return err_set(err, "\"%s\" is not an IPv4 address", address);
	*port_out = host + length;
	if (strchr(*port_out + (**port_out == ':'), ':') != NULL)
		return err_set(err, "an IPv6 address stands in brackets: "
		    "write tcp:[::1]:9000");
	return 0;
}

static int
check_tcp(const char *host, struct err *err)
{
	const char *port = "";
	uint64_t number;

	if (check_host(host, &port, err) < 0)
		return -1;
	if (port[0] != ':' || strspn(port + 1, "0123456789") == 0 ||
	    config_units_count(port + 1, &number, NULL) < 0 ||
	    number < 1 || number > 65535)
		return err_set(err, "a port from 1 to 65535 stands behind the "
		    "host: write tcp:127.0.0.1:9000");
	return 0;
}

int
config_listen_check(const char *text, struct err *err)
{
	char shown[CONFIG_EXCERPT];

	if (strncmp(text, "unix:", 5) == 0)
		return config_path_check(text + 5, "unix:/PATH",
		    CONFIG_SOCKET_MAX, err);
	if (strncmp(text, "tcp:", 4) == 0)
		return check_tcp(text + 4, err);
	return err_set(err, "\"%s\" is neither unix:/PATH nor tcp:HOST:PORT",
	    config_excerpt(text, strlen(text), shown));
}
