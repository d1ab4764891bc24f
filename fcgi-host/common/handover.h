/*
 * handover.h - a connection on its way from one front to the next.
 *
 * The link is a SOCK_SEQPACKET pair.  The old front sends one packet for each
 * connection: a struct handover, and beside it descriptors in the order of enum
 * handover_fd, those that are absent left out.  A request that no worker has
 * begun goes along.  What is still in the connection's socket needs no word:
 * the new front reads it there.
 *
 * The new front answers each packet with one struct handover_answer, in the
 * same order, before it does anything with the connection.  Until the answer
 * has come the connection is the old front's: it keeps the descriptors, and
 * takes the connection back when the answer is no or the link breaks.  So a new
 * front that dies with packets unread in its socket loses none of them.
 *
 * End-of-file: the old front has left.  Two binaries may meet here (an upgrade
 * of the host), so the layout is fixed by `version`, and an unknown one is
 * answered with no.
 */
#ifndef COMMON_HANDOVER_H
#define COMMON_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/head.h"

#define HANDOVER_MAGIC		UINT32_C(0x66686f76)
#define HANDOVER_VERSION	UINT32_C(1)

/* What the options allow at most (config_table.c), and what one read holds. */
#define HANDOVER_PARAMS_MAX	(UINT32_C(1) << 20)
#define HANDOVER_BODY_MAX	(UINT32_C(16) << 20)	/* in memory */
#define HANDOVER_SPOOL_MAX	(UINT64_C(1) << 40)
#define HANDOVER_INPUT_MAX	(UINT32_C(128) << 10)

enum handover_flag {
	HANDOVER_REQUEST = 1,	/* one goes along */
	HANDOVER_KEEP = 2,	/* ... after which the connection is kept */
	HANDOVER_FRESH = 4	/* nothing was ever read from it */
};

/* Members that are not of a request's are zero without one. */
struct handover {
	uint32_t	magic;
	uint32_t	version;
	uint32_t	flags;
	uint32_t	id;		/* of the FastCGI request */
	uint64_t	arrival_ns;	/* CLOCK_MONOTONIC */
	uint64_t	queued_ns;	/* first admitted to a pool */
	uint64_t	body_length;
	uint64_t	spool;		/* number of its file; 0: in memory */
	uint32_t	params_length;
	uint32_t	input_length;	/* bytes read and not yet used */
	char		request_id[HEAD_ID_MAX + 8];	/* ends in NUL */
};

enum handover_fd {
	HANDOVER_FD_CONN,
	HANDOVER_FD_BYTES,	/* memfd: parameters, body, input; if any */
	HANDOVER_FD_SPOOL,	/* the body's file; if it has one */
	HANDOVER_FDS
};

struct handover_answer {
	uint32_t	magic;
	uint32_t	taken;		/* 0: no */
};

/* How many bytes are in the memfd; 0: there is none. */
uint64_t	handover_bytes(const struct handover *);

/*
 * Is it sound?  `length` bytes came, with `count` descriptors.  Pure.  0 and a
 * copy, or -1 and why.
 */
int	handover_unpack(const void *bytes, size_t length, size_t count,
	    uint64_t now_ns, struct handover *packet_out, struct err *);

/* Are the descriptors what the packet says?  Those absent are -1. */
int	handover_check_fds(const struct handover *,
	    const int fds[HANDOVER_FDS], struct err *);

/* Old front.  0, or -1 with errno; the descriptors stay the caller's. */
int	handover_send(int link, const struct handover *,
	    const int fds[HANDOVER_FDS]);

enum handover_rc {
	HANDOVER_GOT,
	HANDOVER_WRONG,		/* came and is closed; the sentence says why */
	HANDOVER_NONE,		/* nothing for now */
	HANDOVER_ENDED		/* the other side is gone */
};

/* New front: the next packet.  Never waits.  HANDOVER_GOT: the descriptors are
 * the caller's, close-on-exec; else they are -1.  GOT and WRONG want an
 * answer. */
enum handover_rc	handover_receive(int link, uint64_t now_ns,
			    struct handover *packet_out,
			    int fds_out[HANDOVER_FDS], struct err *);

/* New front.  0, or -1 with errno. */
int	handover_answer(int link, bool taken);

/* Old front: the next answer.  Never waits, never HANDOVER_WRONG. */
enum handover_rc	handover_hear(int link, bool *taken_out);

void	handover_close(int fds[HANDOVER_FDS]);

#endif
