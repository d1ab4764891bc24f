/*
 * clerk_words.h - the small grammars of jobs: what clients and handlers write.
 *
 * Pure: no I/O, never fatal, nothing allocated.
 */
#ifndef CLERK_CLERK_WORDS_H
#define CLERK_CLERK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire_text.h"

#define CLERK_ID_MAX	33	/* 128 random bits in hex, and the NUL */
#define CLERK_KEY_MAX	256	/* of an Idempotency-Key, with its NUL */
#define CLERK_URL_MAX	2048	/* of a Webhook-URL, with its NUL */
#define CLERK_TEXT_MAX	256	/* of what a handler says of its progress */

enum clerk_what { CLERK_WHAT_JOB, CLERK_WHAT_RESULT, CLERK_WHAT_EVENTS,
	CLERK_WHAT_NOTHING };

/* Of a path at or below `jobs_path`: "/jobs/ID", "/jobs/ID/result" or
 * "/jobs/ID/events"; else NOTHING, and id_out is "". */
enum clerk_what	clerk_words_path(struct wire_span path, const char *jobs_path,
		    char id_out[CLERK_ID_MAX]);

/*
 * An Idempotency-Key.  The draft has it as a string of structured fields, in
 * quotes; what comes without is taken as it is.  0, or -1 for one that has no
 * or too many bytes, or others than visible ASCII.
 */
int	clerk_words_key(struct wire_span, char key_out[CLERK_KEY_MAX]);

/*
 * A Webhook-URL: one that begins with one of `prefixes` (ended by NULL) as a
 * whole name or segment, so that "https://a.org" is not the beginning of
 * "https://a.org.evil.net/".  http or https, visible ASCII, without user,
 * fragment, backslash, and segments that are dots, percent-encoded or not.
 * 0, or -1.
 */
int	clerk_words_hook(struct wire_span, char *const *prefixes,
	    char url_out[CLERK_URL_MAX]);

/* ?wait=10s, 500ms, or a number of seconds.  0, and 0 where it is not asked
 * for; -1: it is none of these. */
int	clerk_words_wait(struct wire_span query, uint64_t *ms_out);

struct clerk_progress {
	bool		 any;
	int64_t		 done, total;
	char		 text[CLERK_TEXT_MAX];	/* valid UTF-8, one line */
};

/* "DONE TOTAL TEXT", which ends in NUL, as a front sends it. */
void	clerk_words_progress(const char *said, struct clerk_progress *out);

/* Each control character and each byte that is no UTF-8 becomes '?'. */
void	clerk_words_clean(char *text);

#endif
