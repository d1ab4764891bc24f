/*
 * wire_multipart.c - multipart/form-data: from bytes to parts.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: each byte is looked at a bounded number of times, whatever they
 * are: a delimiter begins with the only CR it has, so that where a match breaks
 * off none can have begun inside of it.
 */
#include "wire/wire_multipart.h"

#include <string.h>

static int
fail(struct wire_multipart *multipart, const char *error)
{
	multipart->state = WIRE_MULTIPART_FAILED;
	multipart->error = error;
	return -1;
}

/* The line end before a delimiter may be the one that ends what came before:
 * nothing at all, or the header of a part without a body. */
static void
expect_delimiter(struct wire_multipart *multipart,
    enum wire_multipart_state state)
{
	multipart->state = state;
	multipart->matched = 2;
	multipart->owed = 2;
}

void
wire_multipart_init(struct wire_multipart *multipart,
    struct wire_span boundary)
{
	memcpy(multipart->delimiter, "\r\n--", 4);
	memcpy(multipart->delimiter + 4, boundary.at, boundary.length);
	multipart->delimiter_length = 4 + boundary.length;
	multipart->header_length = 0;
	multipart->error = NULL;
	expect_delimiter(multipart, WIRE_MULTIPART_PREAMBLE);
}

/* ------------------------------------------------- up to a delimiter */

/* How many bytes at the end are the begin of a delimiter. */
static size_t
begun_at_end(const struct wire_multipart *multipart, const char *at,
    const char *end)
{
	size_t length = (size_t)(end - at);
	const char *from = length < multipart->delimiter_length ? at :
	    end - multipart->delimiter_length + 1;
	const char *found = memrchr(from, '\r', (size_t)(end - from));

	if (found == NULL || memcmp(found, multipart->delimiter,
	    (size_t)(end - found)) != 0)
		return 0;
	return (size_t)(end - found);
}

/* The delimiter that had begun at the end of the bytes before: 2: it has come;
 * 1: it is none, and what was held back of it is data; 0: neither yet. */
static int
go_on_matching(struct wire_multipart *multipart, const char **cursor,
    const char *end, struct wire_span *bytes_out)
{
	size_t matched = multipart->matched, owed = multipart->owed;
	const char *at = *cursor;

	while (at < end && matched < multipart->delimiter_length &&
	    *at == multipart->delimiter[matched]) {
		matched++;
		at++;
	}
	if (matched < multipart->delimiter_length && at == end) {
		multipart->matched = matched;
		*cursor = at;
		return 0;
	}
	bytes_out->at = multipart->delimiter + owed;
	bytes_out->length = multipart->matched - owed;
	multipart->matched = 0;
	multipart->owed = 0;
	if (matched < multipart->delimiter_length)
		return 1;
	*cursor = at;
	return 2;
}

/* The same where none had begun. */
static int
look_for(struct wire_multipart *multipart, const char **cursor,
    const char *end, struct wire_span *bytes_out)
{
	const char *found = memmem(*cursor, (size_t)(end - *cursor),
	    multipart->delimiter, multipart->delimiter_length);

	if (found == *cursor) {
		*cursor += multipart->delimiter_length;
		return 2;
	}
	if (found == NULL) {
		multipart->matched = begun_at_end(multipart, *cursor, end);
		found = end - multipart->matched;
	}
	bytes_out->at = *cursor;
	bytes_out->length = (size_t)(found - *cursor);
	*cursor = found + multipart->matched;
	return 1;
}

/* 2: the delimiter has come; 1: bytes of the part; 0: more is needed. */
static int
scan(struct wire_multipart *multipart, const char **cursor, const char *end,
    struct wire_span *bytes_out)
{
	while (*cursor < end) {
		int rc = multipart->matched > 0 ?
		    go_on_matching(multipart, cursor, end, bytes_out) :
		    look_for(multipart, cursor, end, bytes_out);

		if (rc == 2 || (rc == 1 && bytes_out->length > 0))
			return rc;
	}
	return 0;
}

/* ------------------------------------------------- around a delimiter */

static enum wire_multipart_state
after_delimiter(char c)
{
	if (c == '\r')
		return WIRE_MULTIPART_RETURN;
	return c == ' ' || c == '\t' ? WIRE_MULTIPART_PADDING :
	    WIRE_MULTIPART_FAILED;
}

static enum wire_multipart_state
behind_last(char c)
{
	if (c == '\r')
		return WIRE_MULTIPART_CLOSED_RETURN;
	return c == ' ' || c == '\t' ? WIRE_MULTIPART_CLOSED :
	    WIRE_MULTIPART_FAILED;
}

/* The states of one byte. */
static int
step(struct wire_multipart *multipart, char c)
{
	switch (multipart->state) {
	case WIRE_MULTIPART_DELIMITED:
		multipart->state = c == '-' ? WIRE_MULTIPART_DASH :
		    after_delimiter(c);
		break;
	case WIRE_MULTIPART_DASH:
		multipart->state = c == '-' ? WIRE_MULTIPART_CLOSED :
		    WIRE_MULTIPART_FAILED;
		break;
	case WIRE_MULTIPART_PADDING:
		multipart->state = after_delimiter(c);
		break;
	case WIRE_MULTIPART_RETURN:
		multipart->state = c == '\n' ? WIRE_MULTIPART_HEADER :
		    WIRE_MULTIPART_FAILED;
		multipart->header_length = 0;
		break;
	case WIRE_MULTIPART_CLOSED:
		multipart->state = behind_last(c);
		break;
	default:
		multipart->state = c == '\n' ? WIRE_MULTIPART_EPILOGUE :
		    WIRE_MULTIPART_FAILED;
		break;
	}
	if (multipart->state == WIRE_MULTIPART_FAILED)
		return fail(multipart, "something follows a boundary in its "
		    "line");
	return 0;
}

/* ------------------------------------------------- the header of a part */

/* 1: it is whole; 0: more is needed; -1. */
static int
gather_header(struct wire_multipart *multipart, const char **cursor,
    const char *end)
{
	const char *header = multipart->header;

	while (*cursor < end) {
		size_t length = multipart->header_length;

		if (length == WIRE_PART_HEADER_MAX)
			return fail(multipart, "the header of a part is "
			    "larger than 8192 bytes");
		multipart->header[length++] = *(*cursor)++;
		multipart->header_length = length;
		if ((length == 2 && memcmp(header, "\r\n", 2) == 0) ||
		    (length >= 4 &&
		    memcmp(header + length - 4, "\r\n\r\n", 4) == 0))
			return 1;
	}
	return 0;
}

static int
take_header(struct wire_multipart *multipart, const char **cursor,
    const char *end, struct wire_part *part_out)
{
	int rc = gather_header(multipart, cursor, end);
	const char *error;

	if (rc <= 0)
		return rc;
	error = wire_part_header(multipart->header,
	    multipart->header_length - 2, part_out);
	if (error != NULL)
		return fail(multipart, error);
	expect_delimiter(multipart, WIRE_MULTIPART_DATA);
	return 1;
}

/* ------------------------------------------------- all of it */

/* 1: an event; 0: more is needed. */
static int
take_data(struct wire_multipart *multipart, const char **cursor,
    const char *end, enum wire_multipart_event *event_out,
    struct wire_span *bytes_out)
{
	int rc = scan(multipart, cursor, end, bytes_out);

	*event_out = rc == 2 ? WIRE_PART_ENDS : WIRE_PART_BYTES;
	if (rc == 2)
		multipart->state = WIRE_MULTIPART_DELIMITED;
	return rc != 0;
}

static void
skip_preamble(struct wire_multipart *multipart, const char **cursor,
    const char *end)
{
	struct wire_span bytes;
	int rc;

	while ((rc = scan(multipart, cursor, end, &bytes)) == 1)
		continue;
	if (rc == 2)
		multipart->state = WIRE_MULTIPART_DELIMITED;
}

/* 1: an event; 0: go on, with another state or at the end; -1. */
static int
take(struct wire_multipart *multipart, const char **cursor, const char *end,
    enum wire_multipart_event *event_out, struct wire_part *part_out,
    struct wire_span *bytes_out)
{
	switch (multipart->state) {
	case WIRE_MULTIPART_PREAMBLE:
		skip_preamble(multipart, cursor, end);
		return 0;
	case WIRE_MULTIPART_DATA:
		return take_data(multipart, cursor, end, event_out,
		    bytes_out);
	case WIRE_MULTIPART_HEADER:
		*event_out = WIRE_PART_BEGINS;
		return take_header(multipart, cursor, end, part_out);
	case WIRE_MULTIPART_EPILOGUE:
		*cursor = end;
		return 0;
	case WIRE_MULTIPART_FAILED:
		return -1;
	default:
		return step(multipart, *(*cursor)++);
	}
}

int
wire_multipart_next(struct wire_multipart *multipart, const char **cursor,
    const char *end, enum wire_multipart_event *event_out,
    struct wire_part *part_out, struct wire_span *bytes_out)
{
	int rc = multipart->state == WIRE_MULTIPART_FAILED ? -1 : 0;

	while (rc == 0 && *cursor < end)
		rc = take(multipart, cursor, end, event_out, part_out,
		    bytes_out);
	return rc;
}

int
wire_multipart_end(struct wire_multipart *multipart)
{
	switch (multipart->state) {
	case WIRE_MULTIPART_FAILED:
		return -1;
	case WIRE_MULTIPART_CLOSED:
	case WIRE_MULTIPART_CLOSED_RETURN:
	case WIRE_MULTIPART_EPILOGUE:
		return 0;
	case WIRE_MULTIPART_PREAMBLE:
		return fail(multipart, "its boundary, which Content-Type "
		    "gives, is nowhere in it");
	case WIRE_MULTIPART_HEADER:
		return fail(multipart, "it ends in the header of a part");
	default:
		return fail(multipart, "it ends in a part: the boundary that "
		    "ends the last one has not come");
	}
}
