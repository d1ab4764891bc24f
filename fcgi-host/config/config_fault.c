/*
 * config_fault.c - the faults of one configuration file, told in order.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: the sentences until they are reported.
 * Invariant: a fault that was found is reported, and none twice.
 */
#include "config/config_fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
config_grow(void *old, size_t count, size_t size)
{
	void *new = reallocarray(old, count, size);

	if (new == NULL)
		fatal(EXIT_CODE_SYSTEM, "reading the configuration");
	return new;
}

void *
config_allocate(size_t count, size_t size)
{
	return memset(config_grow(NULL, count, size), 0, count * size);
}

char *
config_copy(const char *text, size_t length)
{
	char *copy = config_allocate(length + 1, 1);

	memcpy(copy, text, length);
	return copy;
}

const char *
config_excerpt(const char *text, size_t length, char out[CONFIG_EXCERPT])
{
	const size_t most = CONFIG_EXCERPT - sizeof("...");
	size_t keep = length;
	char *end;

	if (length > most) {
		keep = most;
		while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
			keep--;
	}
	for (size_t i = 0; i < keep; i++) {
		unsigned char c = (unsigned char)text[i];

		out[i] = c < ' ' || c == 127 ? '?' : text[i];
	}
	end = out + keep;
	strcpy(end, keep < length ? "..." : "");
	return out;
}

void
config_fault(struct config_faults *faults, unsigned line, const char *key,
    const char *format, ...)
{
	char where[32] = "", sentence[1024];
	struct config_fault *fault;
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	if (line != 0)
		snprintf(where, sizeof(where), "%u:", line);
	if (faults->count == faults->room) {
		faults->room = faults->room * 2 + 16;
		faults->list = config_grow(faults->list, faults->room,
		    sizeof(*faults->list));
	}
	fault = &faults->list[faults->count];
	fault->line = line;
	fault->order = faults->count++;
	if (asprintf(&fault->text, "%s:%s %s%s%s", faults->file, where,
	    key == NULL ? "" : key, key == NULL ? "" : ": ", sentence) < 0)
		fatal(EXIT_CODE_SYSTEM, "reading the configuration");
}

static int
compare(const void *left, const void *right)
{
	const struct config_fault *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void
config_faults_report(struct config_faults *faults, config_report *report,
    void *context)
{
	if (faults->count > 0)
		qsort(faults->list, faults->count, sizeof(*faults->list),
		    compare);
	for (size_t i = 0; i < faults->count; i++) {
		report(context, faults->list[i].text);
		free(faults->list[i].text);
	}
	free(faults->list);
	faults->list = NULL;
	faults->count = faults->room = 0;
}
