/*
 * sup_directory.h - the handler directory, watched: says when a reload is due.
 *
 * The policy is sup_debounce.h; this is inotify, a timer and the question
 * whether the directory is still the one of that path.  Nothing runs while
 * nothing happens, except that a directory that is gone is looked for every
 * two seconds.
 *
 * A path that leads elsewhere because a link in it, or a folder above it, was
 * replaced is noticed at the next reload of any kind, not by itself.
 */
#ifndef SUPERVISOR_SUP_DIRECTORY_H
#define SUPERVISOR_SUP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "common/err.h"

struct sup_directory;

/*
 * A reload is due, from the loop.  It begins with this call: what happens from
 * now on makes another one.  The directory may be closed in here.
 */
typedef void	sup_directory_changed(void *context);

/*
 * Watches the directory at `path`; `delay_ms` is how long it has to be quiet.
 * A directory that is not there (or that we may not read) is waited for, and
 * the log says so: that is no error.  NULL and why when a limit of inotify is
 * reached; the sentence names the sysctl.
 */
struct sup_directory	*sup_directory_open(uv_loop_t *, const char *path,
			    uint64_t delay_ms, sup_directory_changed *,
			    void *context, struct err *);

/* NULL is fine.  The memory is freed by the loop. */
void	sup_directory_close(struct sup_directory *);

void	sup_directory_set_delay(struct sup_directory *, uint64_t delay_ms);

/*
 * A reload for another reason begins: no callback comes for what happened
 * before.  Looks as well whether the path leads elsewhere by now.
 */
void	sup_directory_taken(struct sup_directory *);

/*
 * Names of files that somebody has written to and not closed yet, by index
 * from 0; NULL behind the last.  Their content is not to be taken.  True for
 * the moment of the callback, or of sup_directory_taken(); a name is good
 * until the loop runs on.
 */
const char	*sup_directory_being_written(const struct sup_directory *,
		    size_t index);

/* There is no directory to be watched at this moment. */
bool	sup_directory_is_missing(const struct sup_directory *);

#endif
