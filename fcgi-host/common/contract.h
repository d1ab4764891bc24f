/*
 * contract.h - what the processes of one host say to each other.
 *
 * Every link is a SOCK_SEQPACKET socket pair that carries one struct message
 * per packet, descriptors beside it (common/channel.h).  End-of-file means the
 * other side is dead.  Messages go only between processes of one binary, yet
 * their length is checked.
 *
 *	supervisor -- zygote		files, models, spawn, kill, demote;
 *					loaded, spawned, exited
 *	supervisor -- probe		what it tries; what failed
 *	supervisor -- front		serve, take, retire, stop, worker died,
 *					leave; overtime, lost, cleaned, demand,
 *					spool, ask and its answer; an order and
 *					what came of it; both: notify, alive
 *	supervisor -- worker		ready, and end-of-file
 *
 * A *team* is a front, its workers and their shared memory (common/shm.h).  A
 * *generation* is one set of handlers, configuration and models.  It has one
 * zygote and, when its front had to be replaced, several teams one after the
 * other.  A reload makes a new one beside it.
 */
#ifndef COMMON_CONTRACT_H
#define COMMON_CONTRACT_H

#include <stdint.h>
#include <sys/types.h>

enum message_type {
	/* supervisor -> zygote */
	MESSAGE_START = 1,		/* team = generation, value = closed,
					 * text = config's name; START_FDS */
	MESSAGE_FILES,			/* value = how many, text = the folder
					 * they are in; struct start_file */
	MESSAGE_MODELS,			/* value = images; the images */
	MESSAGE_MODEL,			/* slot = image; its descriptor */
	MESSAGE_SPAWN_FRONT,		/* team; fds: SPAWN_FDS */
	MESSAGE_SPAWN_WORKER,		/* team, slot, incarnation; SPAWN_FDS */
	MESSAGE_SPAWN_PROBE,		/* team 0; SPAWN_FDS, of the first two
					 * only copies of the others */
	MESSAGE_DEMOTE,			/* text = a handler: its sync routes
					 * are async; or, value not 0, its
					 * finish() is not called */
	MESSAGE_KILL,			/* pid, value = signal */

	/* zygote -> supervisor */
	MESSAGE_FILE,			/* text = what is loaded next, or "" */
	MESSAGE_HANDLER,		/* text = why file `slot` is refused;
					 * extra = 1 + the one in its way, or 0;
					 * SLOT_NONE: on the configuration */
	MESSAGE_MAKER,			/* slot = file, text = its model */
	MESSAGE_LOADED,			/* all files: models may come */
	MESSAGE_PRELOADED,		/* value = routes, extra = handlers,
					 * slot = routes that are jobs */
	MESSAGE_FAILED,			/* text = why nothing can be served */
	MESSAGE_SPAWNED,		/* team, slot, incarnation, pid */
	MESSAGE_EXITED,			/* pid, value = wait status */

	/* probe -> supervisor; also FILE, HANDLER and READY: all is tried */
	MESSAGE_CHECK,			/* text = which model's check failed */

	/* front or worker -> supervisor */
	MESSAGE_READY,
	MESSAGE_BUSY,			/* sync handlers run: watch the front */
	MESSAGE_OVERTIME,		/* slot, incarnation, text = whom */
	MESSAGE_SPOILT,			/* slot, incarnation: end it now */
	MESSAGE_LOST,			/* slot, incarnation; text = a struct
					 * lost_request that ended with it */
	MESSAGE_CLEANED,		/* slot: its window may be used again */
	MESSAGE_DEMAND,			/* slot = a pool with fewer workers
					 * than it should have */
	MESSAGE_SPOOL,			/* value = errno: no file can be made
					 * in the folder of spooled bodies */
	MESSAGE_NOTIFY,			/* text = topics, an uint64_t: rung in
					 * a front that retires; and on to the
					 * one that serves */

	MESSAGE_ASK,			/* value = enum ask_kind: a document */
	MESSAGE_ORDERED,		/* extra = the order's; value = enum
					 * order_end, text = a sentence */
	MESSAGE_ALIVE,			/* asked of a front, and answered out of
					 * its loop */

	/* supervisor -> front */
	MESSAGE_ANSWER,			/* value = enum ask_kind; fd: the
					 * document, sealed; none: no memory */
	MESSAGE_WORKER_DIED,		/* slot, incarnation, value = status,
					 * extra = 1 + the reply slot of the
					 * thread that crashed, 0: unknown */
	MESSAGE_LEAVE,			/* slot: no more jobs for this worker,
					 * which ends what it runs */
	MESSAGE_ORDER,			/* value = enum order_kind; extra = its
					 * number, 0: no answer is wanted; text
					 * = a request's id, a route's label */
	MESSAGE_SERVE,			/* accept connections from now on */
	MESSAGE_TAKE,			/* fd: an older front passes its
					 * connections there (handover.h) */
	MESSAGE_RETIRE,			/* fd: accept no more, pass everything
					 * there, leave when none is left; may
					 * come again with another fd */
	MESSAGE_STOP			/* finish what is begun, then leave */
};

/* What an operator may want of a front, and what may come of it. */
enum order_kind { ORDER_KILL, ORDER_HOLD, ORDER_RELEASE, ORDER_KINDS };
enum order_end { ORDER_UNKNOWN, ORDER_IMPOSSIBLE, ORDER_DONE };

/* A front asks for workers at most once in this time; after it has asked, the
 * supervisor looks once more when this time is over. */
#define DEMAND_PAUSE_MS		50

#define MESSAGE_TEXT_MAX	512
#define SLOT_FRONT		UINT32_MAX
#define SLOT_NONE		UINT32_MAX

struct message {
	uint32_t	type;
	uint32_t	team;
	uint32_t	slot;
	uint32_t	incarnation;	/* counts the processes of a slot */
	int32_t		pid;
	int32_t		value;
	uint32_t	extra;
	char		text[MESSAGE_TEXT_MAX];
};

/* Where a zygote finds its link after the exec. */
#define ZYGOTE_LINK	3

/* Descriptors that come with MESSAGE_START, in this order. */
enum start_fd {
	START_FD_LISTEN,
	START_FD_SPOOL,		/* the folder of spooled bodies */
	START_FD_CONFIG,	/* the configuration's text */
	START_FD_CACHE,		/* common/cache.h */
	START_FD_CRASHES,	/* the folder of captured requests; left out
				 * where none are kept */
	START_FDS
};

/* Descriptors that come with MESSAGE_SPAWN_*, in this order. */
enum spawn_fd {
	SPAWN_FD_SHM,		/* the team's shared memory */
	SPAWN_FD_EVENT,		/* wakes the front */
	SPAWN_FD_CONTROL,	/* the child's end of its own link */
	SPAWN_FD_OUTPUT,	/* its stdout and stderr */
	SPAWN_FD_CRASH,		/* its last words (common/crash.h) */
	SPAWN_FDS
};

#endif
