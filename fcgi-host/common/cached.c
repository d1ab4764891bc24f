/*
 * cached.c - replies of routes that are kept in the cache: their form.
 *
 * Runs in: front, workers.
 * Owns: nothing.
 * Invariant: bytes that are no reply of ours are found out before their use.
 */
#include "common/cached.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"

#define MAGIC	UINT32_C(0x7265706c)

/* In front of head and body. */
struct packed {
	uint32_t	magic;
	uint32_t	head_length;
	uint64_t	made_ms;
};

size_t
cached_packed(const struct cached_reply *reply)
{
	return sizeof(struct packed) + reply->head_length +
	    reply->body_length;
}

void
cached_pack(const struct cached_reply *reply, void *out)
{
	const struct packed packed = { MAGIC, (uint32_t)reply->head_length,
	    reply->made_ms };
	char *at = out;

	memcpy(at, &packed, sizeof(packed));
	at += sizeof(packed);
	memcpy(at, reply->head, reply->head_length);
	if (reply->body_length > 0)
		memcpy(at + reply->head_length, reply->body,
		    reply->body_length);
}

static bool
is_head(const char *head, size_t length)
{
	static const char begin[] = "Status: 200", end[] = "\r\n\r\n";

	return length >= sizeof(begin) - 1 + sizeof(end) - 1 &&
	    memcmp(head, begin, sizeof(begin) - 1) == 0 &&
	    memcmp(head + length - (sizeof(end) - 1), end,
	    sizeof(end) - 1) == 0;
}

bool
cached_unpack(const void *bytes, size_t length, struct cached_reply *out)
{
	struct packed packed;

	if (length < sizeof(packed))
		return false;
	memcpy(&packed, bytes, sizeof(packed));
	length -= sizeof(packed);
	if (packed.magic != MAGIC || packed.head_length > length)
		return false;
	out->head = (const char *)bytes + sizeof(packed);
	out->head_length = packed.head_length;
	out->body = out->head + packed.head_length;
	out->body_length = length - packed.head_length;
	out->made_ms = packed.made_ms;
	return is_head(out->head, out->head_length);
}

size_t
cached_lines(char out[CACHED_LINES], const char *how,
    const struct cached_reply *reply, uint64_t left_ms)
{
	uint64_t now_ms = clock_now_ms();
	uint64_t age_ms = now_ms > reply->made_ms ? now_ms - reply->made_ms :
	    0;

	return (size_t)snprintf(out, CACHED_LINES, "Age: %llu\r\n"
	    "Cache-Status: fcgi-host; %s; ttl=%llu\r\n\r\n",
	    (unsigned long long)(age_ms / 1000), how,
	    (unsigned long long)(left_ms / 1000));
}

/* ---------------------------------------------------------------- headers */

static bool
is(struct wire_span span, const char *text)
{
	return span.length == strlen(text) &&
	    strncasecmp(span.at, text, span.length) == 0;
}

/* The next piece of a list with commas, without blanks; false: no more. */
static bool
next_piece(struct wire_span *list, struct wire_span *piece_out)
{
	const char *comma;

	if (list->length == 0)
		return false;
	comma = memchr(list->at, ',', list->length);
	piece_out->at = list->at;
	piece_out->length = comma == NULL ? list->length :
	    (size_t)(comma - list->at);
	list->at += piece_out->length + (comma != NULL);
	list->length -= piece_out->length + (comma != NULL);
	*piece_out = wire_trim(*piece_out);
	return true;
}

bool
cached_has_word(struct wire_span list, const char *word)
{
	struct wire_span piece;

	while (next_piece(&list, &piece)) {
		const char *equals = memchr(piece.at, '=', piece.length);

		if (equals != NULL)
			piece.length = (size_t)(equals - piece.at);
		if (is(wire_trim(piece), word))
			return true;
	}
	return false;
}

/* Nothing but what every key has in it. */
static bool
varies_by_key(struct wire_span value)
{
	struct wire_span piece;

	while (next_piece(&value, &piece))
		if (!is(piece, "Accept") && !is(piece, "Authorization") &&
		    piece.length > 0)
			return false;
	return true;
}

bool
cached_header_may(struct wire_span name, struct wire_span value)
{
	if (is(name, "Set-Cookie") || is(name, "X-Accel-Redirect"))
		return false;
	if (is(name, "Vary"))
		return varies_by_key(value);
	return !is(name, "Cache-Control") ||
	    (!cached_has_word(value, "no-store") &&
	    !cached_has_word(value, "no-cache") &&
	    !cached_has_word(value, "private"));
}
