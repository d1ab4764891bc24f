/*
 * sup_listen.c - the listening socket, open over the death of everyone else.
 *
 * Runs in: supervisor.
 * Owns: the socket, and its file unless a service manager gave it to us.
 * Invariant: never takes over a socket that another process still serves.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"

#define UNIX_PREFIX	"unix:"
#define TCP_PREFIX	"tcp:"

static const char *
unix_path(const struct config *config)
{
	size_t length = strlen(UNIX_PREFIX);

	return strncmp(config->listen, UNIX_PREFIX, length) == 0 ?
	    config->listen + length : NULL;
}

static int
fill_address(const char *option, const char *path,
    struct sockaddr_un *address_out, struct err *err)
{
	memset(address_out, 0, sizeof(*address_out));
	address_out->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address_out->sun_path))
		return err_set(err, "%s: the path %s is longer than the %zu "
		    "bytes a socket's may have", option, path,
		    sizeof(address_out->sun_path) - 1);
	memcpy(address_out->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Does anybody answer there?  -1 when that cannot be found out. */
static int
is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	int result;

	if (fd < 0)
		return -1;
	result = connect(fd, (const struct sockaddr *)address,
	    sizeof(*address));
	if (result < 0)
		result = errno == ECONNREFUSED ? 0 : errno == EAGAIN ? 1 : -1;
	else
		result = 1;
	close(fd);
	return result;
}

int
sup_listen_remove_stale(const char *option, const char *path, struct err *err)
{
	struct sockaddr_un address;
	struct stat status;

	if (fill_address(option, path, &address, err) < 0)
		return -1;
	if (lstat(path, &status) < 0)
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return err_set(err, "%s: %s exists and is no socket; remove it "
		    "or choose another path", option, path);
	switch (is_served(&address)) {
	case 1:
		return err_set(err, "%s: %s is in use: another process serves "
		    "it; stop that one or choose another path", option, path);
	case 0:
		if (unlink(path) == 0)
			return 0;
		/* FALLTHROUGH */
	default:
		return err_sys(err, "%s: the socket %s of another process",
		    option, path);
	}
}

static int
set_owner(const struct config *config, const char *path, struct err *err)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	if (chmod(path, config->listen_mode) < 0)
		return err_sys(err, "listen_mode: %s", path);
	if (config->listen_owner != NULL &&
	    (user = getpwnam(config->listen_owner)) == NULL)
		return err_set(err, "listen_owner: no user \"%s\"",
		    config->listen_owner);
	if (config->listen_group != NULL &&
	    (group = getgrnam(config->listen_group)) == NULL)
		return err_set(err, "listen_group: no group \"%s\"",
		    config->listen_group);
	if ((user != NULL || group != NULL) &&
	    chown(path, user != NULL ? user->pw_uid : (uid_t)-1,
	    group != NULL ? group->gr_gid : (gid_t)-1) < 0)
		return err_sys(err, "listen_owner, listen_group: %s", path);
	return 0;
}

int
sup_listen_unix(const char *option, const char *path, mode_t mask, int backlog,
    struct err *err)
{
	struct sockaddr_un address;
	mode_t before;
	int fd, bound;

	if (sup_listen_remove_stale(option, path, err) < 0 ||
	    fill_address(option, path, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "socket");
	before = umask(mask);
	bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(before);
	if (bound == 0 && listen(fd, backlog) == 0)
		return fd;
	err_sys(err, "%s: %s", option, path);
	close(fd);
	return -1;
}

/* Nobody gets in before set_owner. */
static int
open_unix(const struct config *config, const char *path, struct err *err)
{
	int fd = sup_listen_unix("listen", path, 0777,
	    (int)config->listen_backlog, err);

	if (fd < 0 || set_owner(config, path, err) == 0)
		return fd;
	unlink(path);
	close(fd);
	return -1;
}

/* "host:port" or "[v6]:port" into two strings in `copy`. */
static int
split_host(char *copy, char **host_out, char **port_out)
{
	char *colon = strrchr(copy, ':');

	if (colon == NULL)
		return -1;
	*colon = '\0';
	*port_out = colon + 1;
	*host_out = copy;
	if (copy[0] == '[' && colon > copy && colon[-1] == ']') {
		colon[-1] = '\0';
		*host_out = copy + 1;
	}
	return 0;
}

static int
bind_tcp(const struct config *config, const struct addrinfo *address,
    struct err *err)
{
	const int on = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
	    listen(fd, (int)config->listen_backlog) == 0)
		return fd;
	if (errno == EADDRINUSE)
		err_set(err, "listen: %s is in use: another process serves it; "
		    "stop that one or choose another port", config->listen);
	else
		err_sys(err, "listen: %s", config->listen);
	close(fd);
	return -1;
}

static int
open_tcp(const struct config *config, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *addresses;
	char *copy = strdup(config->listen + strlen(TCP_PREFIX));
	char *host, *port;
	int error, fd;

	if (copy == NULL || split_host(copy, &host, &port) < 0) {
		free(copy);
		return err_set(err, "listen: \"%s\" has no port",
		    config->listen);
	}
	error = getaddrinfo(host, port, &hints, &addresses);
	free(copy);
	if (error != 0)
		return err_set(err, "listen: %s: %s", config->listen,
		    gai_strerror(error));
	fd = bind_tcp(config, addresses, err);
	freeaddrinfo(addresses);
	return fd;
}

/* Socket activation, sd_listen_fds(3): the first stream socket is ours. */
static int
inherited_socket(struct err *err)
{
	int count = sd_listen_fds(1);

	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count;
	    fd++)
		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0) {
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
			return fd;
		}
	if (count > 0)
		err_set(err, "LISTEN_FDS: none of the %d descriptors is a "
		    "listening stream socket", count);
	return count > 0 ? -1 : -2;
}

int
sup_listen_open(struct sup *sup, struct err *err)
{
	const char *path = unix_path(sup->config);

	err->text[0] = '\0';
	sup->listen_fd = inherited_socket(err);
	if (sup->listen_fd != -2) {
		sup->listen_inherited = true;
		return sup->listen_fd < 0 ? -1 : 0;
	}
	sup->listen_fd = path != NULL ? open_unix(sup->config, path, err) :
	    open_tcp(sup->config, err);
	return sup->listen_fd < 0 ? -1 : 0;
}

void
sup_listen_close(struct sup *sup)
{
	const char *path = unix_path(sup->config);

	if (sup->listen_fd < 0)
		return;
	close(sup->listen_fd);
	sup->listen_fd = -1;
	if (path != NULL && !sup->listen_inherited && sup_owns_files(sup) &&
	    unlink(path) < 0)
		log_warn("removing %s", path);
}
