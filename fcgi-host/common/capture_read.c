/*
 * capture_read.c - a request out of a file of FastCGI records.
 *
 * Runs in: the tools.
 * Owns: nothing; what is found goes to the caller's sink.
 * Invariant: whatever the file holds, no more than the sink's limits goes to
 * it; each byte of the request does once, and in order.
 */
#include "common/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define BLOCK	65536

void
capture_begin(struct capture_reader *reader, const struct capture_sink *sink,
    const char *name)
{
	memset(reader, 0, sizeof(*reader));
	reader->sink = sink;
	reader->name = name;
}

/* What is wrong with the present record. */
static int
refuse(const struct capture_reader *reader, struct err *err, const char *why)
{
	errno = EINVAL;
	return err_set(err, "%s: byte %" PRIu64 ": %s", reader->name,
	    reader->record_at, why);
}

static int
no_room(const struct capture_reader *reader, struct err *err,
    const char *option, uint64_t most)
{
	errno = EFBIG;
	return err_set(err, "%s: byte %" PRIu64 ": more than %s (%" PRIu64
	    " bytes)", reader->name, reader->record_at, option, most);
}

/* ---------------------------------------------------------------- records */

static int
begin(struct capture_reader *reader, const struct wire_piece *piece,
    struct err *err)
{
	if (reader->awaits != CAPTURE_BEGIN)
		return refuse(reader, err, "a second request begins; a "
		    "capture holds one");
	if (piece->content_length != sizeof(FCGI_BeginRequestBody))
		return refuse(reader, err, "a BEGIN_REQUEST of a wrong "
		    "length");
	if ((piece->data[0] << 8 | piece->data[1]) != FCGI_RESPONDER)
		return refuse(reader, err, "the request is not for a "
		    "responder");
	reader->id = piece->id;
	reader->awaits = CAPTURE_PARAMS;
	return 0;
}

static int
params(struct capture_reader *reader, const struct wire_piece *piece,
    struct err *err)
{
	const struct capture_sink *sink = reader->sink;

	if (reader->awaits != CAPTURE_PARAMS)
		return refuse(reader, err, "PARAMS after their end");
	if (piece->content_length == 0)
		reader->awaits = CAPTURE_STDIN;
	reader->params_length += piece->length;
	if (reader->params_length > sink->params_max)
		return no_room(reader, err, "params_limit", sink->params_max);
	if (sink->params(sink->context, piece->data, piece->length) < 0)
		return err_sys(err, "%s", reader->name);
	return 0;
}

static int
body(struct capture_reader *reader, const struct wire_piece *piece,
    struct err *err)
{
	const struct capture_sink *sink = reader->sink;

	if (reader->awaits == CAPTURE_PARAMS)
		return refuse(reader, err, "STDIN before the end of PARAMS");
	if (reader->awaits == CAPTURE_END)
		return refuse(reader, err, "STDIN after its end");
	if (piece->content_length == 0)
		reader->awaits = CAPTURE_END;
	reader->body_length += piece->length;
	if (reader->body_length > sink->body_max)
		return no_room(reader, err, "body_limit", sink->body_max);
	if (sink->body(sink->context, piece->data, piece->length) < 0)
		return err_sys(err, "%s", reader->name);
	return 0;
}

static int
take(struct capture_reader *reader, const struct wire_piece *piece,
    struct err *err)
{
	if (piece->id == FCGI_NULL_REQUEST_ID)
		return refuse(reader, err, "a management record, which "
		    "belongs to no request");
	if (piece->type == FCGI_BEGIN_REQUEST)
		return begin(reader, piece, err);
	if (reader->awaits == CAPTURE_BEGIN)
		return refuse(reader, err, "not the BEGIN_REQUEST that a "
		    "capture begins with");
	if (piece->id != reader->id)
		return refuse(reader, err, "a record of another request; a "
		    "capture holds one");
	if (piece->type == FCGI_PARAMS)
		return params(reader, piece, err);
	if (piece->type == FCGI_STDIN)
		return body(reader, piece, err);
	return refuse(reader, err, piece->type == FCGI_ABORT_REQUEST ?
	    "the web server gave the request up: it is not whole" :
	    "a record that a web server does not send to a responder");
}

/* ------------------------------------------------------------------ bytes */

int
capture_feed(struct capture_reader *reader, const void *bytes, size_t length,
    struct err *err)
{
	const uint8_t *begin = bytes, *cursor = begin, *end = begin + length;
	struct wire_piece piece;
	int rc;

	while ((rc = wire_read(&reader->wire, &cursor, end, &piece)) == 1) {
		if (take(reader, &piece, err) < 0)
			return -1;
		if (!reader->wire.in_record)
			reader->record_at = reader->offset +
			    (uint64_t)(cursor - begin) +
			    reader->wire.padding_left;
	}
	reader->offset += length;
	return rc < 0 ? refuse(reader, err, "no FastCGI record") : 0;
}

int
capture_end(const struct capture_reader *reader, struct err *err)
{
	static const char *const lacks[] = {
		[CAPTURE_BEGIN] = "its BEGIN_REQUEST",
		[CAPTURE_PARAMS] = "the end of PARAMS",
		[CAPTURE_STDIN] = "the end of STDIN",
		[CAPTURE_END] = "the end of its last record"
	};

	if (reader->awaits == CAPTURE_END &&
	    wire_reader_at_boundary(&reader->wire))
		return 0;
	errno = ENODATA;
	return err_set(err, "%s: ends at byte %" PRIu64 ", before %s",
	    reader->name, reader->offset, lacks[reader->awaits]);
}

int
capture_read(int fd, const char *name, const struct capture_sink *sink,
    struct err *err)
{
	struct capture_reader reader;
	uint8_t block[BLOCK];

	capture_begin(&reader, sink, name);
	for (;;) {
		ssize_t got = read(fd, block, sizeof(block));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "%s", name);
		if (got == 0)
			return capture_end(&reader, err);
		if (capture_feed(&reader, block, (size_t)got, err) < 0)
			return -1;
	}
}
