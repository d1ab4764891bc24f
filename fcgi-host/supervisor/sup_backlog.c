/*
 * sup_backlog.c - what waits in the kernel to be accepted.
 *
 * Runs in: supervisor.
 * Owns: nothing; asks on a netlink socket of its own, or the socket itself.
 * Invariant: never waits: the kernel answers in the call that asks.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/sup_metrics.h"

struct question {
	struct nlmsghdr		header;
	struct unix_diag_req	request;
};

/* Of the attributes behind an answer: the queue's length and its limit. */
static int
find_queue(const struct nlmsghdr *header, uint32_t *length_out,
    uint32_t *limit_out)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const struct rtattr *at = (const void *)(message + 1);
	int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(
	    sizeof(*message));
	struct unix_diag_rqlen queue;

	for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type != UNIX_DIAG_RQLEN ||
		    RTA_PAYLOAD(at) < sizeof(queue))
			continue;
		memcpy(&queue, RTA_DATA(at), sizeof(queue));
		*length_out = queue.udiag_rqueue;
		*limit_out = queue.udiag_wqueue;
		return 0;
	}
	return -1;
}

static int
ask(int netlink, uint32_t inode, uint32_t *length_out, uint32_t *limit_out)
{
	const struct question question = {
		.header = { .nlmsg_len = sizeof(question),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST },
		.request = { .sdiag_family = AF_UNIX,
		    .udiag_states = UINT32_MAX, .udiag_ino = inode,
		    .udiag_show = UDIAG_SHOW_RQLEN,
		    .udiag_cookie = { UINT32_MAX, UINT32_MAX } },
	};
	_Alignas(struct nlmsghdr) char answer[1024];
	const struct nlmsghdr *header = (const void *)answer;
	ssize_t got;

	if (send(netlink, &question, sizeof(question), 0) < 0)
		return -1;
	got = recv(netlink, answer, sizeof(answer), MSG_DONTWAIT);
	if (got < 0 || !NLMSG_OK(header, (size_t)got) ||
	    header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -1;
	return find_queue(header, length_out, limit_out);
}

static int
of_unix(int fd, uint32_t *length_out, uint32_t *limit_out)
{
	struct stat status;
	int netlink, rc;

	if (fstat(fd, &status) < 0)
		return -1;
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return -1;
	rc = ask(netlink, (uint32_t)status.st_ino, length_out, limit_out);
	close(netlink);
	return rc;
}

/* A listening socket has them where others have what is on the way. */
static int
of_tcp(int fd, uint32_t *length_out, uint32_t *limit_out)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return -1;
	*length_out = info.tcpi_unacked;
	*limit_out = info.tcpi_sacked;
	return 0;
}

int
sup_backlog(int fd, uint32_t *length_out, uint32_t *limit_out)
{
	int domain;
	socklen_t size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
		return -1;
	return domain == AF_UNIX ? of_unix(fd, length_out, limit_out) :
	    of_tcp(fd, length_out, limit_out);
}
