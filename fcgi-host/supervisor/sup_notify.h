/*
 * sup_notify.h - what the service manager is told, sd_notify(3).
 *
 * Nothing where there is none ($NOTIFY_SOCKET).  STATUS is a sentence on what
 * the host does; it is looked at when that changes, and every five seconds.
 * While the host starts, reloads or stops, each look asks for more time too
 * (EXTEND_TIMEOUT_USEC): a model that takes long to load is not cut off by
 * TimeoutStartSec, nor a long drain by TimeoutStopSec; what takes too long is
 * for load_timeout, drain_timeout and their like to say.
 */
#ifndef SUPERVISOR_SUP_NOTIFY_H
#define SUPERVISOR_SUP_NOTIFY_H

#include "supervisor/sup.h"

#define SUP_NOTIFY_STATUS_MAX	512

void	sup_notify_begin(struct sup *);		/* the looks */
void	sup_notify_end(void);
void	sup_notify_look(struct sup *);		/* something has changed */

void	sup_notify_ready(struct sup *);
void	sup_notify_reloading(struct sup *);	/* if something serves */
void	sup_notify_reloaded(struct sup *);	/* well or not */
void	sup_notify_stopping(struct sup *);	/* now, or in a while */
void	sup_notify_alive(void);			/* see sup_pulse.h */
void	sup_notify_main(pid_t);			/* who is the host now */
bool	sup_notify_is_heard(void);

/* sup_notify_status.c: the sentence. */
void	sup_notify_describe(const struct sup *,
	    char out[SUP_NOTIFY_STATUS_MAX]);

#endif
