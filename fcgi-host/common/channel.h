/*
 * channel.h - a link between two of our processes: whole messages, with
 * descriptors, over a SOCK_SEQPACKET pair.
 */
#ifndef COMMON_CHANNEL_H
#define COMMON_CHANNEL_H

#include <stddef.h>

#include "common/contract.h"

#define CHANNEL_FDS_MAX	8

/* Two connected ends, close-on-exec, blocking.  0 or -1. */
int	channel_pair(int ends_out[2]);

/*
 * Sends one message, with `count` descriptors that stay the caller's.  0, or
 * -1 with errno; EAGAIN when a non-blocking link is full.
 */
int	channel_send(int fd, const struct message *, const int *fds,
	    size_t count);

/*
 * Receives one message.  1: got one, with *count_out descriptors, now the
 * caller's, close-on-exec.  0: the other side is dead.  -1: errno; EAGAIN when
 * a non-blocking link is empty, EPROTO for a message of a wrong length
 * or with more descriptors than we may open.
 */
int	channel_receive(int fd, struct message *message_out,
	    int fds_out[CHANNEL_FDS_MAX], size_t *count_out);

/* The descriptors that came with a packet received with room for at most
 * CHANNEL_FDS_MAX; returns how many. */
struct msghdr;
size_t	channel_take_descriptors(struct msghdr *,
	    int fds_out[CHANNEL_FDS_MAX]);

/* Puts descriptors beside a packet; `space`, aligned as a struct cmsghdr, has
 * room for CMSG_SPACE(count * sizeof(int)) and lives until it is sent. */
void	channel_put_descriptors(struct msghdr *, char *space, const int *fds,
	    size_t count);

#endif
