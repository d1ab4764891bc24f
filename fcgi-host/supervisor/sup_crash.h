/*
 * sup_crash.h - from a process's death to its report.
 *
 *	death of a front or worker (sup_crash_begin)
 *	  -> the front says which requests ended with it (sup_crash_lost)
 *	  -> all is known of them (sup_crash_settle)
 *	  -> the witness reads its last words (sup_witness)
 *	  -> one line in the log, one document kept (sup_crash_report,
 *	     sup_crashes)
 *
 * A process that ended because it was asked to is no crash.
 */
#ifndef SUPERVISOR_SUP_CRASH_H
#define SUPERVISOR_SUP_CRASH_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/crash.h"
#include "supervisor/sup.h"

struct sup_crash {
	LIST_ENTRY(sup_crash)	 link;
	struct sup		*sup;
	const struct sup_team	*team;		/* NULL: settled */
	uint32_t		 slot, incarnation;
	pid_t			 pid;
	int			 status;	/* of wait */
	const char		*blame;		/* what the host saw, or NULL */
	bool			 out_of_memory;	/* the kernel ended it */
	char			 aborted[2 * SUP_PRINTED_MAX + 64]; /* or "" */
	int			 fd;		/* its last words */
	struct crash_record	 record;	/* believed only in `reply` */
	struct json_object	*report;
	struct json_object	*others;	/* requests lost beside it */
};

/*
 * `child` is reaped and still has its pid; its descriptor of last words is
 * taken over.  Returns 1 + the reply slot of the thread that crashed, 0 if that
 * is not known: for the front.
 */
uint32_t	sup_crash_begin(struct sup_child *child, int status);

/* Who is killed from now on, for want of memory? */
void		sup_crash_watch_memory(struct sup *);

/* From the front: a request that ended with a worker. */
void		sup_crash_lost(const struct sup_team *, const struct message *);

/* The front has said all of this worker, or (SLOT_NONE) of any: no more will
 * come. */
void		sup_crash_settle(const struct sup_team *, uint32_t slot);

/* sup_crash_report.c: what is known at once; of a request; in the end. */
void	sup_crash_describe(struct sup_crash *, const struct sup_child *);
void	sup_crash_add_request(struct sup_crash *, const struct sup_team *,
	    const struct lost_request *);
void	sup_crash_conclude(struct sup_crash *, struct json_object *words);
void	sup_crash_log(struct json_object *report);

/* sup_capture.c: the request in which a front crashed, if it left one: its
 * file is named in the report.  The file alone, from its last words: 0, or -1
 * and why. */
void		sup_capture(struct sup_crash *);
int		sup_capture_write(int folder, pid_t, int fd,
		    const struct crash_record *,
		    char name_out[CAPTURE_NAME_MAX], struct err *);

/* sup_core_file.c */
void	sup_core_file(char *out, size_t size, const char *process, pid_t,
	    int signal);

#endif
