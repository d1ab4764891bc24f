/*
 * sup_printed.c - policy: what a process printed before it gave up.
 *
 * Runs in: supervisor.
 * Owns: nothing; the lines are the caller's.
 * Invariant: pure; what another thread printed last is not called the reason.
 */
#include "supervisor/sup_printed.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TERMINATE	"terminate called "	/* libstdc++ */
#define PURE		"pure virtual method called"
#define WHAT		"  what():"

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

void
sup_printed_line(struct sup_printed *printed, const char *text, size_t length,
    uint64_t now_ms)
{
	memcpy(printed->text[1], printed->text[0], SUP_PRINTED_MAX);
	snprintf(printed->text[0], SUP_PRINTED_MAX, "%.*s", (int)length, text);
	printed->at_ms = now_ms;
}

void
sup_printed_words(const struct sup_printed *printed, uint64_t now_ms,
    char *out, size_t size)
{
	const char *last = printed->text[0], *before = printed->text[1];

	out[0] = '\0';
	if (printed->at_ms == 0 ||
	    now_ms > printed->at_ms + SUP_PRINTED_RECENT_MS)
		return;
	if (begins(last, WHAT) && begins(before, TERMINATE))
		snprintf(out, size, "abort: %s,%s", before, last + 1);
	else if (begins(last, TERMINATE) && strcmp(before, PURE) == 0)
		snprintf(out, size, "abort: %s", before);
	else if (begins(last, TERMINATE))
		snprintf(out, size, "abort: %s", last);
	else
		snprintf(out, size, "abort; printed last: %s", last);
}
