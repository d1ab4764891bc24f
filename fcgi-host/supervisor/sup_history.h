/*
 * sup_history.h - which of the kept generations a rollback goes to, and which
 * are kept on.
 *
 * Pure.  Many generations are alike: a start, a reload that found nothing new,
 * a dropped file that was refused.  None of them is what somebody who says
 * `rollback` wants, and however many there are, they do not take the place of
 * those that differ.
 */
#ifndef SUPERVISOR_SUP_HISTORY_H
#define SUPERVISOR_SUP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"
#include "supervisor/sup_manifest.h"

struct sup_history {
	uint32_t	number;
	char		content[HASH_TEXT];	/* equal: the same files and
						 * configuration */
	bool		kept;			/* by sup_history_keep() */
};

/* Fills in `content`, whatever the order of the files.  0, or -1 and why. */
int	sup_history_content(const struct sup_manifest *, const char *config,
	    size_t length, char content_out[HASH_TEXT], struct err *);

/* Of `list`, newest first: the newest before number `from` that differs from
 * `content`; 0: none. */
uint32_t	sup_history_before(const struct sup_history *list,
		    size_t count, uint32_t from, const char *content);

/* Sets `kept` for `keep` of them: the newest of each content come first, then
 * the newest. */
void	sup_history_keep(struct sup_history *list, size_t count, size_t keep);

#endif
