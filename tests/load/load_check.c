/*
 * load_check.c - looks at every byte of a body made by live_version.
 *
 * Runs in: the load generator of the live tests.
 * Owns: nothing.
 * Invariant: what it takes is the answer to this request, wholly of one
 * version, made in one process.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

#define NUMBER_AT	65	/* of the line's number, 8 digits */
#define FAULT_SIZE	200

static int
read_number(const char *text, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 8; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		*out = *out * 10 + (unsigned)(text[i] - '0');
	}
	return 0;
}

/* What the first line must be, given the versions it names. */
static int
check_first(const struct ask *ask, const char *line,
    struct version *version_out, char *fault)
{
	char wanted[LINE_LENGTH + 1];

	if (read_number(line + 2, &version_out->part[0]) < 0 ||
	    read_number(line + 13, &version_out->part[1]) < 0 ||
	    read_number(line + 24, &version_out->part[2]) < 0)
		goto wrong;
	snprintf(wanted, sizeof(wanted), "c=%08u m=%08u s=%08u p=%.8s "
	    "d=%016" PRIx64 " n=%08u id=%-20.20s\n", version_out->part[0],
	    version_out->part[1], version_out->part[2], line + 35,
	    ask->digest, 0U, ask->id);
	if (memcmp(line, wanted, LINE_LENGTH) == 0)
		return 0;
wrong:
	snprintf(fault, FAULT_SIZE, "line 0 is \"%.*s\"", LINE_LENGTH - 1,
	    line);
	return -1;
}

int
check_body(const struct ask *ask, const unsigned char *body, size_t length,
    struct version *version_out, char fault[200])
{
	const char *text = (const char *)body;
	char wanted[LINE_LENGTH + 1], number[16];

	if (length != (size_t)ask->lines * LINE_LENGTH) {
		snprintf(fault, FAULT_SIZE, "%zu bytes instead of %u", length,
		    ask->lines * LINE_LENGTH);
		return -1;
	}
	if (check_first(ask, text, version_out, fault) < 0)
		return -1;
	memcpy(wanted, text, LINE_LENGTH);
	for (unsigned i = 1; i < ask->lines; i++) {
		snprintf(number, sizeof(number), "%08u", i);
		memcpy(wanted + NUMBER_AT, number, 8);
		text += LINE_LENGTH;
		if (memcmp(text, wanted, LINE_LENGTH) == 0)
			continue;
		snprintf(fault, FAULT_SIZE, "line %u is \"%.*s\" after "
		    "\"%.60s\"", i, LINE_LENGTH - 1, text, body);
		return -1;
	}
	return 0;
}
