/*
 * sup_debounce.h - policy: when do changes in the handler directory make a
 * reload, and which files are not to be taken yet.
 *
 * Pure: the clock is passed in.  A reload is due when there has been no change
 * for `delay`, or 20 times that after the first one, so that a file that never
 * comes to rest holds nobody back for longer.  A file between its first write
 * and the writer's close is not waited for: the others are taken without it,
 * and the close is a change of its own.
 *
 * Reloads that follow each other without a pause get further and further
 * apart after the tenth, up to 30 s: changes that never end stay cheap.
 */
#ifndef SUPERVISOR_SUP_DEBOUNCE_H
#define SUPERVISOR_SUP_DEBOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/handler_version.h"

#define SUP_DEBOUNCE_DELAYS	20	/* a reload waits for at most these */
#define SUP_DEBOUNCE_NAMES	1024	/* files remembered at a time */
#define SUP_DEBOUNCE_NEVER	UINT64_MAX

/* How far two reloads are apart when changes go on: doubled each time. */
#define SUP_DEBOUNCE_GAP_FIRST_MS	1000
#define SUP_DEBOUNCE_GAP_MAX_MS		30000
/* From a reload to the next change: under this part of a delay changes go on,
 * which people and scripts that deploy one file after the other don't; over it
 * the gap is halved; over a minute it is forgotten. */
#define SUP_DEBOUNCE_PAUSE_PART		4
#define SUP_DEBOUNCE_PAUSE_LEAST_MS	20	/* however short the delay */
/* So many in a row without a pause are nothing unusual: a script deploys. */
#define SUP_DEBOUNCE_FREE		10
#define SUP_DEBOUNCE_QUIET_MS		60000

enum sup_debounce_event {
	SUP_DEBOUNCE_WRITTEN,	/* bytes were written, or it was truncated */
	SUP_DEBOUNCE_CREATED,	/* whole: a link */
	SUP_DEBOUNCE_CLOSED,	/* by somebody who could write */
	SUP_DEBOUNCE_MOVED_IN,
	SUP_DEBOUNCE_GONE,	/* removed, or moved elsewhere */
	SUP_DEBOUNCE_ATTRIBUTES
};

/* A file with a change that waits, or that is being written. */
struct sup_debounce_file {
	char		name[HANDLER_FILE_MAX + 1];
	bool		pending, writing;
	uint64_t	last_ms;	/* its last change */
	uint64_t	latest_ms;	/* while pending: it waits till then */
	uint64_t	left_ms;	/* else: how long it may wait yet */
};

struct sup_debounce {
	uint64_t		 delay_ms;
	uint64_t		 seen_ms, clock_ms;	/* never goes back */
	struct sup_debounce_file *files;
	size_t			 count, room;
	struct sup_debounce_file others;	/* all without a place */
	bool			 reloaded;	/* ever */
	uint64_t		 reloaded_ms;
	bool			 changed;	/* since then */
	uint64_t		 pause_ms;	/* till the first change */
	unsigned		 restless;	/* reloads without a pause */
	uint64_t		 gap_ms;
};

void	sup_debounce_init(struct sup_debounce *, uint64_t delay_ms);
void	sup_debounce_finish(struct sup_debounce *);

/* Another delay, for changes from now on. */
void	sup_debounce_set_delay(struct sup_debounce *, uint64_t delay_ms);

/*
 * Something happened to a file.  Names that no handler's file has (hidden, or
 * without .so at the end) are ignored.
 */
void	sup_debounce_event(struct sup_debounce *, enum sup_debounce_event,
	    const char *name, uint64_t now_ms);

/*
 * Anything may have happened: events were lost, or the directory is another.
 * Nothing is known to be written any more.
 */
void	sup_debounce_anything(struct sup_debounce *, uint64_t now_ms);

/* The directory is gone: nothing waits, nothing is being written. */
void	sup_debounce_nothing(struct sup_debounce *, uint64_t now_ms);

/* In how many milliseconds is a reload due?  0 is now, or
 * SUP_DEBOUNCE_NEVER. */
uint64_t	sup_debounce_wait(struct sup_debounce *, uint64_t now_ms);

/* The reload that was due begins. */
void	sup_debounce_reload(struct sup_debounce *, uint64_t now_ms);

/* A reload for another reason begins: it takes what waits as well. */
void	sup_debounce_forget(struct sup_debounce *, uint64_t now_ms);

/* The name of a file that is being written, by index from 0; NULL behind the
 * last.  Good until the next call of another function. */
const char	*sup_debounce_being_written(const struct sup_debounce *,
		    size_t index);

#endif
