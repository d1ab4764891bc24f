/*
 * sup_pulse.h - does the front's loop turn?  What the service manager's
 * watchdog is fed with.
 *
 * Four times in WatchdogSec the front that serves is asked over its link, and
 * the service manager is told that the host lives when its answer comes: out of
 * the loop that dispatches requests, and not before.  A front that has missed
 * two looks, half of WatchdogSec at least, is ended and replaced, as one whose
 * sync handler is over sync_max is (sup_hang.c, which is the first to act
 * where sync_max is less): nothing is lost but what it had, and models stay.
 * Only what even that does not mend is left to the service manager.
 *
 * Looks are counted, not time: a host that was stopped as a whole has not
 * missed any.  While a front is being replaced the supervisor answers for it,
 * for two times WatchdogSec; while the host stops, for as long as that takes,
 * which has a bound of its own.
 */
#ifndef SUPERVISOR_SUP_PULSE_H
#define SUPERVISOR_SUP_PULSE_H

#include <stdbool.h>
#include <stdint.h>

/* ------------------------------------------------------------------- policy */

#define SUP_PULSE_LOOKS		4	/* in WatchdogSec */
#define SUP_PULSE_MISSED_MAX	2
#define SUP_PULSE_ALONE_MAX	(2 * SUP_PULSE_LOOKS)

struct sup_pulse {		/* zeroed is fresh */
	bool		asked;		/* the front, and it has not answered */
	unsigned	missed;		/* looks since then */
	unsigned	alone;		/* looks without a front */
};

enum sup_pulse_step {
	SUP_PULSE_ASK,		/* the front */
	SUP_PULSE_WAIT,		/* say nothing */
	SUP_PULSE_FEED,		/* say that all is well, for the front */
	SUP_PULSE_END		/* the front does not turn: end it */
};

/* What the front is: the one that was asked, another one, or none. */
enum sup_pulse_front { SUP_PULSE_SAME, SUP_PULSE_OTHER, SUP_PULSE_NONE };

/* A look. */
enum sup_pulse_step	sup_pulse_step(struct sup_pulse *,
			    enum sup_pulse_front, bool stopping);
void			sup_pulse_step_answered(struct sup_pulse *);

/* Microseconds as the environment has them, for this process; 0: there is no
 * watchdog.  A successor has the process id of the host before in `pid`. */
uint64_t	sup_pulse_period_us(const char *usec, const char *pid,
		    int own_pid, bool successor);

/* ---------------------------------------------------------------- mechanism */

struct sup;
struct sup_asker;
struct sup_child;
struct sup_team;

/* The host serves, or a front does: asks at once.  Nothing where there is no
 * watchdog. */
void	sup_pulse_begin(struct sup *);
void	sup_pulse_stop(void);

/* MESSAGE_ALIVE came: its loop turns. */
void	sup_pulse_answered(struct sup_child *);

/* Has the front missed a look? */
bool	sup_pulse_is_missed(const struct sup_team *);

/* Answers with the document of sup_health.h when the front has said that its
 * loop turns, or has not for two seconds; with or without a watchdog. */
void	sup_pulse_ask(struct sup *, struct sup_asker *);
void	sup_pulse_forget(struct sup_asker *);

#endif
