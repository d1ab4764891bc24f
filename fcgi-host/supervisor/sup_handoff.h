/*
 * sup_handoff.h - what an old host gives to a new one: sockets and models.
 *
 * One SOCK_SEQPACKET link, its number in the environment of the new process.
 * The two are of different versions, so nothing here may change its layout
 * without a new SUP_HANDOFF_VERSION; an unexpected length is a refusal.
 *
 *	old -> new	HELLO, then MODEL..., then END
 *	new -> old	FAILED: why; or READY, with a link for connections
 *	old -> new	YOURS: the sockets' files, and the service, are the new
 *			one's.  End-of-file: the old one has left.
 */
#ifndef SUPERVISOR_SUP_HANDOFF_H
#define SUPERVISOR_SUP_HANDOFF_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "model/model.h"

#define SUP_HANDOFF_VERSION	UINT32_C(1)
#define SUP_HANDOFF_VARIABLE	"FCGI_HOST_HANDOFF"	/* the link */
#define SUP_HANDOFF_GUARDED	"FCGI_HOST_GUARDED"	/* by an older host */

enum sup_handoff_type {
	SUP_HANDOFF_HELLO = 1,
	SUP_HANDOFF_MODEL,
	SUP_HANDOFF_END,
	SUP_HANDOFF_FAILED,
	SUP_HANDOFF_READY,
	SUP_HANDOFF_YOURS
};

enum sup_handoff_fd {		/* with HELLO */
	SUP_HANDOFF_FD_LISTEN,
	SUP_HANDOFF_FD_CONTROL,
	SUP_HANDOFF_FD_LOCK,	/* of state_dir */
	SUP_HANDOFF_FDS
};

/* What a model was made from and how; its descriptor comes along, if any. */
struct sup_handoff_model {
	struct model_image	image;
	uint32_t		hugepages, lock;
	uint64_t		max_bytes;
	int64_t			loaded_at;
	char			maker[65];
	char			path[PATH_MAX];
};

struct sup_handoff {
	uint32_t	type;
	uint32_t	version;
	uint32_t	team_count;	/* numbers below are in use */
	uint32_t	listen_inherited;
	union {
		struct {
			char	listen[256];
			char	control[128];
			char	state_dir[PATH_MAX];
		} hello;
		struct sup_handoff_model model;
		struct err failed;
	};
};

/* 0, or -1 with errno; the descriptors stay the caller's. */
int	sup_handoff_send(int link, const struct sup_handoff *, const int *fds,
	    size_t count);

/* 1: got one, with *count_out descriptors; 0: the other side is gone; -1 with
 * errno: EAGAIN, or EPROTO for what is not of this version. */
int	sup_handoff_receive(int link, struct sup_handoff *out,
	    int fds_out[SUP_HANDOFF_FDS], size_t *count_out);

/* sup_successor.c: was this host started by an older one? */
bool	sup_successor_is_us(void);

#endif
