/*
 * api_content.c - whole content, or the parts of it that a client asks for.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; a descriptor is its caller's.
 * Invariant: the announced length is that of what is sent; a file that becomes
 * shorter meanwhile breaks the reply off.
 */
#include "api/api_content.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "wire/wire_range.h"

#define BOUNDARY	32	/* hex digits of 16 random bytes */
#define PART_ROOM	128	/* a part's header without its type */

/* A reply in several parts. */
struct parts {
	const struct api_content	*content;
	const struct wire_range		*ranges;
	int				 count;
	char				 boundary[BOUNDARY + 1];
	char				*head;	/* room for one's header */
	size_t				 head_size;
};

/* ------------------------------------------------- pieces */

/* Without a copy in memory of more than a piece. */
static int
push_file(struct fh_request *rq, const struct api_content *content,
    uint64_t at, uint64_t length)
{
	while (length > 0) {
		ssize_t n = pread(content->fd, content->piece,
		    length < API_PIECE ? (size_t)length : API_PIECE,
		    (off_t)at);

		if (n < 0 && errno == EINTR && !fh_cancelled(rq))
			continue;
		if (n < 0)
			return api_fault(rq, errno, "the file cannot be read: "
			    "%s", strerror(errno));
		if (n == 0)
			return api_fault(rq, EIO, "the file has become "
			    "shorter");
		if (api_reply_push(rq, content->piece, (size_t)n) != 0)
			return -1;
		at += (uint64_t)n;
		length -= (uint64_t)n;
	}
	return 0;
}

static int
push_range(struct fh_request *rq, const struct api_content *content,
    uint64_t at, uint64_t length)
{
	if (content->fd >= 0)
		return push_file(rq, content, at, length);
	return api_reply_push(rq, (const char *)content->bytes + at,
	    (size_t)length);
}

/* The header's part of a reply whose length is known. */
static int
announce(struct fh_request *rq, int status, const char *type, uint64_t length)
{
	if (api_reply_begin(rq, status, type) != 0)
		return -1;
	rq->declared = (int64_t)length;
	rq->replied = true;
	return 0;
}

static int
send_whole(struct fh_request *rq, const struct api_content *content)
{
	if (announce(rq, 200, content->type, content->size) != 0)
		return -1;
	if (rq->input->head_only)
		return 0;
	return push_range(rq, content, 0, content->size);
}

/* ------------------------------------------------- parts */

static int
send_one(struct fh_request *rq, const struct api_content *content,
    const struct wire_range *range)
{
	uint64_t length = range->last - range->first + 1;
	char text[96];

	snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
	    range->first, range->last, content->size);
	if (fh_set_header(rq, "Content-Range", text) != 0 ||
	    announce(rq, 206, content->type, length) != 0)
		return -1;
	return push_range(rq, content, range->first, length);
}

static size_t
put_part_head(const struct parts *parts, int i)
{
	const struct wire_range *range = &parts->ranges[i];

	return (size_t)snprintf(parts->head, parts->head_size,
	    "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %" PRIu64
	    "-%" PRIu64 "/%" PRIu64 "\r\n\r\n", parts->boundary,
	    parts->content->type, range->first, range->last,
	    parts->content->size);
}

static size_t
put_parts_end(const struct parts *parts)
{
	return (size_t)snprintf(parts->head, parts->head_size, "\r\n--%s--\r\n",
	    parts->boundary);
}

static uint64_t
length_of(const struct parts *parts)
{
	uint64_t length = put_parts_end(parts);

	for (int i = 0; i < parts->count; i++)
		length += put_part_head(parts, i) + parts->ranges[i].last -
		    parts->ranges[i].first + 1;
	return length;
}

/* By chance alone would it be in the content too: 1 in 2^128. */
static int
make_boundary(struct parts *parts)
{
	unsigned char bytes[BOUNDARY / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(parts->boundary + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int
push_parts(struct fh_request *rq, const struct parts *parts)
{
	for (int i = 0; i < parts->count; i++) {
		const struct wire_range *range = &parts->ranges[i];
		size_t length = put_part_head(parts, i);

		if (api_reply_push(rq, parts->head, length) != 0 ||
		    push_range(rq, parts->content, range->first,
		    range->last - range->first + 1) != 0)
			return -1;
	}
	return api_reply_push(rq, parts->head, put_parts_end(parts));
}

static int
send_several(struct fh_request *rq, const struct api_content *content,
    const struct wire_range *ranges, int count)
{
	struct parts parts = { .content = content, .ranges = ranges,
	    .count = count,
	    .head_size = strlen(content->type) + BOUNDARY + PART_ROOM };
	char *type;

	parts.head = api_arena_alloc(&rq->arena, parts.head_size);
	if (parts.head == NULL || make_boundary(&parts) != 0)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	type = fh_sprintf(rq, "multipart/byteranges; boundary=%s",
	    parts.boundary);
	if (type == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	if (announce(rq, 206, type, length_of(&parts)) != 0)
		return -1;
	return push_parts(rq, &parts);
}

static int
send_none(struct fh_request *rq, uint64_t size)
{
	char text[48];

	snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
	if (fh_set_header(rq, "Content-Range", text) != 0 ||
	    fh_set_header(rq, "Content-Disposition", NULL) != 0)
		return -1;
	return fh_problem(rq, 416, "The content has %" PRIu64 " bytes, and "
	    "none of those asked for.", size);
}

/* ------------------------------------------------- what is asked for */

/* As wire_ranges(); only a GET may ask for parts. */
static int
ranges_of(const struct fh_request *rq, uint64_t size,
    struct wire_range out[WIRE_RANGES_MAX])
{
	const char *range = fh_header(rq, "Range");

	if (range == NULL || strcmp(fh_method(rq), "GET") != 0 ||
	    !api_range_stands(rq))
		return 0;
	return wire_ranges((struct wire_span){ range, strlen(range) }, size,
	    out);
}

int
api_content_send(struct fh_request *rq, const struct api_content *content)
{
	struct wire_range ranges[WIRE_RANGES_MAX];
	int count;

	if (api_reply_open(rq) != 0)
		return -1;
	if (api_condition_is_due(rq, 200) && fh_precondition(rq) != 0)
		return api_reply_state(rq);
	if (fh_set_header(rq, "Accept-Ranges", "bytes") != 0)
		return -1;
	count = ranges_of(rq, content->size, ranges);
	if (count < 0)
		return send_none(rq, content->size);
	if (count == 0)
		return send_whole(rq, content);
	if (count == 1)
		return send_one(rq, content, &ranges[0]);
	return send_several(rq, content, ranges, count);
}

int
fh_reply_content(struct fh_request *rq, const char *type, const void *bytes,
    size_t length)
{
	struct api_content content = { .fd = -1, .size = length,
	    .bytes = bytes != NULL ? bytes : "" };

	if (api_content_type(rq, type, "", &content.type) != 0)
		return -1;
	return api_content_send(rq, &content);
}
