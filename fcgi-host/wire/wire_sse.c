/*
 * wire_sse.c - server-sent events as they go over the wire.
 *
 * Runs in: whoever serves handlers.
 * Owns: nothing.
 * Invariant: what comes out has no line end in it; a client that puts the data
 * together again has what went in, with LF for each line end.
 */
#include "wire/wire_sse.h"

#include <string.h>

bool
wire_sse_is_value(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0')
			return false;
	return true;
}

static struct wire_span
span_of(const char *text)
{
	struct wire_span span = { text, strlen(text) };

	return span;
}

/* Up to the first line end; the rest begins behind it, if there was one. */
static struct wire_span
take_line(struct wire_sse *event)
{
	struct wire_span line = { event->data, 0 };
	const char *end = event->data + event->data_length, *at = event->data;

	while (at < end && *at != '\r' && *at != '\n')
		at++;
	line.length = (size_t)(at - event->data);
	event->data = NULL;
	if (at == end)
		return line;
	at += at[0] == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1;
	event->data = at;
	event->data_length = (size_t)(end - at);
	return line;
}

int
wire_sse_next(struct wire_sse *event, struct wire_span *name_out,
    struct wire_span *value_out)
{
	if (event->id != NULL) {
		*name_out = span_of("id");
		*value_out = span_of(event->id);
		event->id = NULL;
		return 1;
	}
	if (event->event != NULL) {
		*name_out = span_of("event");
		*value_out = span_of(event->event);
		event->event = NULL;
		return 1;
	}
	if (event->data == NULL)
		return 0;
	*name_out = span_of("data");
	*value_out = take_line(event);
	return 1;
}
