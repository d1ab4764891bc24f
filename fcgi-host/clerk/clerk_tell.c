/*
 * clerk_tell.c - the clerk of the next host hears of our last jobs.
 *
 * Runs in: clerk, of a host that steps down (an upgrade).
 * Owns: nothing.
 * Invariant: a word that is lost costs who waits the rest of his time, and
 * nothing else; PostgreSQL tells by itself.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <stdio.h>
#include <unistd.h>

#include "clerk/clerk.h"
#include "common/log.h"

/* The name of the socket is the next host's as soon as there is one; until then
 * we tell ourselves. */
void
clerk_tell(const struct clerk *clerk, const char *id)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX,
	    .sun_path = CLERK_SOCKET };	/* we are in its folder */
	struct clerk_head head = { .magic = CLERK_MAGIC,
	    .kind = CLERK_TELL };
	int fd;

	if (clerk->front != NULL || clerk->hearing != NULL)
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	snprintf(head.request_id, sizeof(head.request_id), "%s", id);
	if (connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0 && send(fd, &head, sizeof(head),
	    MSG_NOSIGNAL) < 0)
		log_debug("job %s: nobody hears of it", id);
	close(fd);
}
