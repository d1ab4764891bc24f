/*
 * sup_store.h - kept generations, in state_dir/generations:
 *
 *	generations/		ours, 0710, of the service's group
 *	  last			the greatest number so far
 *	  N/			ours, 0710, the same
 *	    handlers/NAME.so	0700, of the service's user
 *	    fcgi-host.conf	ours, 0600
 *	    manifest.json	ours, 0600; written last
 *
 * A generation without manifest.json is incomplete: nobody may count on it, and
 * the next sup_store_open() removes it.
 *
 * The service's user, whom handlers run as, is not trusted.  In handlers/ it
 * may put what it likes: no link there is followed, none is written through,
 * and what is not a file of its own is not read.  What lies outside of
 * handlers/ is believed only if it belongs to us.
 *
 * Sentences begin with "state_dir: " and name the folder or file.  Calls block
 * for as long as the disk takes; finish waits until all is on it.
 */
#ifndef SUPERVISOR_SUP_STORE_H
#define SUPERVISOR_SUP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "supervisor/sup_history.h"
#include "supervisor/sup_manifest.h"

struct sup_store;

/*
 * Makes generations/ where it is missing and removes what is incomplete.
 * `owner` and `group` are those of the service's processes; they matter only
 * when we are root.  NULL and why: also if generations/ belongs to somebody
 * else, or is a link.
 */
struct sup_store	*sup_store_open(const char *state_dir, uid_t owner,
			    gid_t group, struct err *);
void	sup_store_close(struct sup_store *);	/* NULL is fine */

/*
 * For when generations/ was removed or replaced while we run: its descriptor,
 * still the store's, to see that; and opens what is there now, or a new one.
 * Numbers go on.  0, or -1 and why, and nothing has changed.
 */
int	sup_store_fd(const struct sup_store *);
int	sup_store_reopen(struct sup_store *, struct err *);

/* Are the files of this generation there, as far as can be seen? */
bool	sup_store_holds(const struct sup_store *, const struct sup_manifest *);

/* The greatest number that any generation has had there, also one that is
 * removed since; 0: none. */
uint32_t	sup_store_last(const struct sup_store *);

/* After another host has used the folder, and is gone: numbers go on after its,
 * and what it left incomplete is removed.  The greatest number. */
uint32_t	sup_store_catch_up(struct sup_store *);

/* -------------------------------------------------- a generation to be made */

/*
 * Makes N/ and N/handlers/.  `number` has to be greater than sup_store_last(),
 * and is used up even when this fails.  Returns a descriptor of N/handlers/
 * (O_DIRECTORY, O_CLOEXEC), the caller's; or -1 and why, and nothing is left.
 */
int	sup_store_begin(struct sup_store *, uint32_t number, struct err *);

/* The path of N/handlers/.  0, or -1 if it is too long. */
int	sup_store_path(const struct sup_store *, uint32_t number, char *out,
	    size_t size);

/*
 * Gives the generation `to` the file `name` of `from`, in place of what it has
 * of that name: a hard link, or a copy where links are refused.  The file has
 * to be a regular one of the service's user.  0, or -1 and why.
 */
int	sup_store_link(struct sup_store *, uint32_t from, uint32_t to,
	    const char *name, struct err *);

/* Removes a handler's file; it is fine if there is none.  0, or -1, errno. */
int	sup_store_unlink(struct sup_store *, uint32_t number, const char *name);

/*
 * Puts a handler's file aside, under a number of the caller's, so that another
 * version can have its name; puts it back, in place of what has its name by
 * then; or removes it, there or not.  0, or -1, errno.
 */
int	sup_store_put_aside(struct sup_store *, uint32_t number,
	    const char *name, size_t aside);
int	sup_store_put_back(struct sup_store *, uint32_t number,
	    const char *name, size_t aside);
int	sup_store_unlink_aside(struct sup_store *, uint32_t number,
	    size_t aside);

/*
 * Completes manifest->number: each file that the manifest serves has to be
 * there in its size.  All of it is on the disk when this returns 0.  -1 and
 * why: it is incomplete, with its handlers, as before; drop it, or go on with
 * it without keeping it.  For one that is complete already, configuration and
 * manifest are replaced, one after the other.
 */
int	sup_store_finish(struct sup_store *, const struct sup_manifest *,
	    const char *config_text, size_t length, struct err *);

/*
 * Removes it, whatever is in it, complete or not.  What cannot be removed is
 * logged; from the first moment on the generation is not complete.
 */
void	sup_store_drop(struct sup_store *, uint32_t number);

/* ------------------------------------------------------- complete ones */

/*
 * The numbers of the complete ones, newest first; free() them.  A generation
 * with a manifest that cannot be read is left out, and left alone; the log says
 * so, once for each.
 */
int	sup_store_list(struct sup_store *, uint32_t **numbers_out,
	    size_t *count_out, struct err *);

/* 0, and sup_manifest_finish() frees it; or -1 and why. */
int	sup_store_read(struct sup_store *, uint32_t number,
	    struct sup_manifest *out, struct err *);

/* The text of its configuration, with a NUL behind it; free() it.  NULL and
 * why. */
char	*sup_store_config(struct sup_store *, uint32_t number,
	    size_t *length_out, struct err *);

/* The complete ones, newest first, to be compared; free() it.  One that cannot
 * be read whole is like no other. */
int	sup_store_history(struct sup_store *, struct sup_history **list_out,
	    size_t *count_out, struct err *);

/* Drops all complete ones but those in use and `keep` others: those that are
 * like a newer one go first, then the oldest. */
void	sup_store_prune(struct sup_store *, size_t keep,
	    const uint32_t *in_use, size_t count);

#endif
