/*
 * sup_printed.h - policy: what a process printed before it gave up.
 *
 * abort() says nothing of itself; who calls it mostly has, on stderr: the C++
 * runtime, a library's check.
 */
#ifndef SUPERVISOR_SUP_PRINTED_H
#define SUPERVISOR_SUP_PRINTED_H

#include <stddef.h>
#include <stdint.h>

#define SUP_PRINTED_MAX		200
#define SUP_PRINTED_RECENT_MS	1000	/* older lines have other reasons */

/* Its last two lines, the last one first.  Zeroed: none. */
struct sup_printed {
	char		text[2][SUP_PRINTED_MAX];
	uint64_t	at_ms;		/* of the last one */
};

void	sup_printed_line(struct sup_printed *, const char *text,
	    size_t length, uint64_t now_ms);

/* "abort: what the runtime says", "abort; printed last: a line", or "" when
 * nothing came just before. */
void	sup_printed_words(const struct sup_printed *, uint64_t now_ms,
	    char *out, size_t size);

#endif
