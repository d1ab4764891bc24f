/*
 * sup_witness.h - a child that says in words what happened to a process.
 *
 * `fcgi-host witness` (fcgi-host/witness) reads what nobody believes: the
 * record of a process that crashed, or the stack of one that is slow, and the
 * files its map names.  It has the rights of the service's user, at most
 * SUP_WITNESS_PATIENCE_MS, and is killed if it says more than
 * SUP_WITNESS_REPORT_MAX bytes.
 *
 * SUP_WITNESSES_RUN run at a time; SUP_WITNESSES_WAIT more wait for their turn.
 */
#ifndef SUPERVISOR_SUP_WITNESS_H
#define SUPERVISOR_SUP_WITNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct json_object;
struct sup;

#define SUP_WITNESSES_RUN	2
#define SUP_WITNESSES_WAIT	32
#define SUP_WITNESS_REPORT_MAX	(256u << 10)
#define SUP_WITNESS_PATIENCE_MS	10000
#define SUP_WITNESS_TURN_MS	60000	/* one that waits is given up */

enum sup_witness_kind {
	SUP_WITNESS_CRASH,	/* subject: a descriptor, common/crash.h */
	SUP_WITNESS_SLOW	/* subject: a process */
};

/* The report, an object, or NULL: none could be had, and the log says why.  It
 * is freed after the call: json_object_get() it to keep it. */
typedef void	sup_witness_done(void *context, struct json_object *report);

/*
 * `done` is called once: from the loop, or before this returns if no witness
 * can be had.  A descriptor is copied and stays the caller's; what it leads to
 * must not change until `done` is called.
 */
void	sup_witness_start(struct sup *, enum sup_witness_kind, int subject,
	    sup_witness_done *, void *context);

/* Is it one that is not reaped yet? */
bool	sup_witness_is_one(const struct sup *, pid_t);

/* Those with this context end, and their `done` is not called. */
void	sup_witness_forget(struct sup *, const void *context);

/* All end, each with its `done`, and none is left when this returns. */
void	sup_witness_stop(struct sup *);

#endif
