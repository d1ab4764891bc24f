/*
 * api_block.c - the header block of a reply, ready to leave.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; a block lies on the caller's stack or in the request's arena.
 * Invariant: Status stands first, Content-Length is right or not there, and a
 * block over header_limit never leaves.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>

#include "wire/wire_number.h"
#include "wire/wire_text.h"

#define DEFAULT_TYPE	"text/plain; charset=utf-8"
#define RECORD_HEADER	8	/* nginx keeps it in the same buffer */

/* Room for all of a block but the handler's own texts. */
#define BLOCK_FRAME	160

static char *
put(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

#define PUT(at, literal)	put(at, literal, sizeof(literal) - 1)

static char *
put_status(char *at, int status)
{
	const char *title;

	if (status == 200)
		return PUT(at, "Status: 200 OK\r\n");
	title = wire_status_title(status);
	at = PUT(at, "Status: ");
	at = wire_put_unsigned(at, (uint64_t)status);
	*at++ = ' ';
	at = put(at, title, strlen(title));
	return PUT(at, "\r\n");
}

static char *
put_header(char *at, const struct api_header *header)
{
	at = put(at, header->name, header->name_length);
	at = PUT(at, ": ");
	at = put(at, header->value, header->value_length);
	return PUT(at, "\r\n");
}

/*
 * The length to announce, or -1 for none.  A 304 has only the one the handler
 * knows; a HEAD without a body may have been left out by the handler.
 */
static int64_t
length_to_say(const struct fh_request *rq, bool whole, size_t length)
{
	if (!wire_status_has_body(rq->status))
		return rq->status == 304 ? rq->declared : -1;
	if (rq->declared >= 0 || !whole)
		return rq->declared;
	if (rq->input->head_only)
		return rq->written > 0 ? (int64_t)rq->written : -1;
	return (int64_t)length;
}

/* A type is said where there is, or may come, a body that has none. */
static const char *
type_to_say(const struct fh_request *rq, bool whole)
{
	if (rq->content_type != NULL)
		return rq->content_type;
	if (!wire_status_has_body(rq->status) || (whole && rq->written == 0))
		return NULL;
	return api_negotiated(rq) != NULL ? api_negotiated(rq) : DEFAULT_TYPE;
}

static size_t
block_room(const struct fh_request *rq, const char *type)
{
	size_t room = BLOCK_FRAME + (type == NULL ? 0 : strlen(type)) +
	    (rq->timed ? API_TIMING_ROOM : 0);

	for (size_t i = 0; i < rq->header_count; i++)
		room += rq->headers[i].name_length +
		    rq->headers[i].value_length + 4;
	return room;
}

static char *
put_block(const struct fh_request *rq, char *at, const char *type,
    int64_t length)
{
	at = put_status(at, rq->status);
	if (type != NULL) {
		at = PUT(at, "Content-Type: ");
		at = put(at, type, strlen(type));
		at = PUT(at, "\r\n");
	}
	if (length >= 0) {
		at = PUT(at, "Content-Length: ");
		at = wire_put_unsigned(at, (uint64_t)length);
		at = PUT(at, "\r\n");
	}
	for (size_t i = 0; i < rq->header_count; i++)
		at = put_header(at, &rq->headers[i]);
	if (rq->flushed && api_header_get(rq, "X-Accel-Buffering") == NULL)
		at = PUT(at, "X-Accel-Buffering: no\r\n");
	if (rq->timed)
		at += api_timing_line(rq, at);
	return PUT(at, "\r\n");
}

const char *
api_header_block(struct fh_request *rq, bool whole, size_t length, char *fast,
    size_t fast_size, size_t *length_out)
{
	const char *type = type_to_say(rq, whole);
	size_t room = block_room(rq, type);
	size_t limit = rq->thread->header_limit;
	char *block = fast;

	if (room > fast_size)
		block = api_arena_alloc(&rq->arena, room);
	if (block == NULL) {
		api_fault(rq, ENOMEM, "out of memory for the headers");
		return NULL;
	}
	*length_out = (size_t)(put_block(rq, block, type,
	    length_to_say(rq, whole, length)) - block);
	if (*length_out + RECORD_HEADER <= limit)
		return block;
	api_fault(rq, EMSGSIZE, "the header block is %zu bytes long; "
	    "header_limit allows %zu", *length_out, limit - RECORD_HEADER);
	return NULL;
}
