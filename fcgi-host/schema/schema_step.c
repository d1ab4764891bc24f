/*
 * schema_step.c - where a value is: the way to it as JSON, and as text.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a name that a client made up is cut, and made valid UTF-8.
 */
#include <stdio.h>
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

#define STEPS_MAX	(2 * SCHEMA_DEPTH_MAX + 4)
#define NAME_MAX_SHOWN	100

/* From outside in; how many. */
static size_t
collect(const struct schema_step *step, const struct schema_step **steps)
{
	size_t count = 0, at;

	for (const struct schema_step *s = step; s != NULL && count <
	    STEPS_MAX; s = s->outer)
		count++;
	at = count;
	for (; step != NULL && at > 0; step = step->outer)
		steps[--at] = step;
	return count;
}

/* The inside of a string; as much of a name as may be shown. */
static size_t
put_name(char *out, const struct schema_step *step)
{
	const char *at = step->name, *end = at + step->length;

	return wire_json_escape_some(out, NAME_MAX_SHOWN, &at, end);
}

static size_t
put_step(char out[NAME_MAX_SHOWN + 32], const struct schema_step *step,
    const char *quote)
{
	char name[NAME_MAX_SHOWN];

	if (step->name == NULL)
		return (size_t)snprintf(out, NAME_MAX_SHOWN + 32, "%zu",
		    step->index);
	return (size_t)snprintf(out, NAME_MAX_SHOWN + 32, "%s%.*s%s", quote,
	    (int)put_name(name, step), name, quote);
}

/* Between two marks, of which the last always fits. */
static size_t
put_steps(const struct schema_step *step, char *out, size_t size,
    const char *between, const char *quote)
{
	const struct schema_step *steps[STEPS_MAX];
	size_t count = collect(step, steps), length = 0;

	for (size_t i = 0; i < count; i++) {
		char one[NAME_MAX_SHOWN + 32];
		size_t n = put_step(one, steps[i], quote);

		if (length + n + 1 > size)
			break;
		if (i > 0)
			out[length++] = *between;
		memcpy(out + length, one, n);
		length += n;
	}
	return length;
}

size_t
schema_step_json(const struct schema_step *step, char *out, size_t size)
{
	size_t length;

	if (size < 3) {
		out[0] = '\0';
		return 0;
	}
	out[0] = '[';
	length = 1 + put_steps(step, out + 1, size - 3, ",", "\"");
	out[length++] = ']';
	out[length] = '\0';
	return length;
}

size_t
schema_step_text(const struct schema_step *step, char *out, size_t size)
{
	size_t length = put_steps(step, out, size - 1, ".", "");

	out[length] = '\0';
	return length;
}
