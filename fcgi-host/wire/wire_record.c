/*
 * wire_record.c - FastCGI records, both ways.
 *
 * Runs in: front, and whatever speaks to it (tests, tools).
 * Owns: nothing; the reader belongs to its connection.
 * Invariant: a record costs at most WIRE_CONTROL_MAX bytes of memory whatever
 * its header says, and each content byte is given out at most once, in order.
 */
#include "wire/wire_record.h"

#include <string.h>

/* Where a member of the header lies. */
#define AT(member)	offsetof(FCGI_Header, member)

#define STREAM_TYPES	(1u << FCGI_PARAMS | 1u << FCGI_STDIN | \
	1u << FCGI_DATA | 1u << FCGI_STDOUT | 1u << FCGI_STDERR)

static bool
is_stream(uint8_t type)
{
	return type < 32 && (STREAM_TYPES >> type & 1) != 0;
}

static uint16_t
get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
fill_piece(const uint8_t *header, const uint8_t *data, size_t length,
    struct wire_piece *piece_out)
{
	piece_out->type = header[AT(type)];
	piece_out->id = get_u16(header + AT(requestIdB1));
	piece_out->content_length = get_u16(header + AT(contentLengthB1));
	piece_out->truncated = false;
	piece_out->data = data;
	piece_out->length = length;
	if (length > WIRE_CONTROL_MAX && !is_stream(piece_out->type)) {
		piece_out->truncated = true;
		piece_out->length = WIRE_CONTROL_MAX;
	}
}

static void
skip_padding(struct wire_reader *reader, const uint8_t **cursor,
    const uint8_t *end)
{
	size_t n = smaller(reader->padding_left, (size_t)(end - *cursor));

	*cursor += n;
	reader->padding_left = (uint8_t)(reader->padding_left - n);
}

/*
 * The usual case: the whole record is at hand, and nothing of the reader is
 * touched.  0 when it isn't so.
 */
static int
read_whole(const uint8_t **cursor, const uint8_t *end,
    struct wire_piece *piece_out)
{
	const uint8_t *header = *cursor;
	size_t have = (size_t)(end - header);
	size_t content, whole;

	if (have < FCGI_HEADER_LEN)
		return 0;
	content = get_u16(header + AT(contentLengthB1));
	whole = FCGI_HEADER_LEN + content + header[AT(paddingLength)];
	if (have < whole)
		return 0;
	fill_piece(header, header + FCGI_HEADER_LEN, content, piece_out);
	*cursor = header + whole;
	return 1;
}

/* 1 when the header is whole, 0 when more bytes are needed. */
static int
take_header(struct wire_reader *reader, const uint8_t **cursor,
    const uint8_t *end)
{
	size_t n = smaller((size_t)(FCGI_HEADER_LEN - reader->header_have),
	    (size_t)(end - *cursor));

	memcpy(reader->header + reader->header_have, *cursor, n);
	*cursor += n;
	reader->header_have = (uint8_t)(reader->header_have + n);
	if (reader->header_have < FCGI_HEADER_LEN)
		return 0;
	reader->header_have = 0;
	reader->in_record = true;
	reader->content_left = get_u16(reader->header + AT(contentLengthB1));
	reader->padding_left = reader->header[AT(paddingLength)];
	reader->control_have = 0;
	return 1;
}

/* The content at hand.  0: none is, though some is still to come. */
static int
take_stream(struct wire_reader *reader, const uint8_t **cursor,
    const uint8_t *end, struct wire_piece *piece_out)
{
	size_t n = smaller(reader->content_left, (size_t)(end - *cursor));

	if (n == 0 && reader->content_left > 0)
		return 0;
	fill_piece(reader->header, *cursor, n, piece_out);
	*cursor += n;
	reader->content_left = (uint16_t)(reader->content_left - n);
	return 1;
}

/* Keeps what is at hand.  1 when the last byte has come. */
static int
take_control(struct wire_reader *reader, const uint8_t **cursor,
    const uint8_t *end, struct wire_piece *piece_out)
{
	size_t n = smaller(reader->content_left, (size_t)(end - *cursor));
	size_t keep = smaller(n,
	    (size_t)(WIRE_CONTROL_MAX - reader->control_have));

	memcpy(reader->control + reader->control_have, *cursor, keep);
	reader->control_have = (uint16_t)(reader->control_have + keep);
	*cursor += n;
	reader->content_left = (uint16_t)(reader->content_left - n);
	if (reader->content_left > 0)
		return 0;
	fill_piece(reader->header, reader->control, reader->control_have,
	    piece_out);
	piece_out->truncated = piece_out->content_length > WIRE_CONTROL_MAX;
	return 1;
}

static int
take_content(struct wire_reader *reader, const uint8_t **cursor,
    const uint8_t *end, struct wire_piece *piece_out)
{
	int rc;

	if (is_stream(reader->header[AT(type)]))
		rc = take_stream(reader, cursor, end, piece_out);
	else
		rc = take_control(reader, cursor, end, piece_out);
	if (rc == 1 && reader->content_left == 0) {
		reader->in_record = false;
		skip_padding(reader, cursor, end);
	}
	return rc;
}

int
wire_read(struct wire_reader *reader, const uint8_t **cursor,
    const uint8_t *end, struct wire_piece *piece_out)
{
	if (reader->in_record)
		return take_content(reader, cursor, end, piece_out);
	if (reader->padding_left > 0)
		skip_padding(reader, cursor, end);
	if (*cursor == end)
		return 0;
	if (reader->header_have == 0) {
		if (**cursor != FCGI_VERSION_1)
			return -1;
		if (read_whole(cursor, end, piece_out) == 1)
			return 1;
	}
	if (take_header(reader, cursor, end) == 0)
		return 0;
	return take_content(reader, cursor, end, piece_out);
}

bool
wire_reader_at_boundary(const struct wire_reader *reader)
{
	return reader->header_have == 0 && !reader->in_record &&
	    reader->padding_left == 0;
}

void
wire_put_header(uint8_t out[FCGI_HEADER_LEN], uint8_t type, uint16_t id,
    uint16_t content_length, uint8_t padding_length)
{
	out[0] = FCGI_VERSION_1;
	out[1] = type;
	out[2] = (uint8_t)(id >> 8);
	out[3] = (uint8_t)id;
	out[4] = (uint8_t)(content_length >> 8);
	out[5] = (uint8_t)content_length;
	out[6] = padding_length;
	out[7] = 0;
}

size_t
wire_put_end(uint8_t out[WIRE_END_LEN], uint16_t id, uint32_t app_status,
    uint8_t protocol_status)
{
	FCGI_EndRequestBody body = {
		.appStatusB3 = (uint8_t)(app_status >> 24),
		.appStatusB2 = (uint8_t)(app_status >> 16),
		.appStatusB1 = (uint8_t)(app_status >> 8),
		.appStatusB0 = (uint8_t)app_status,
		.protocolStatus = protocol_status
	};

	wire_put_header(out, FCGI_END_REQUEST, id, sizeof(body), 0);
	memcpy(out + FCGI_HEADER_LEN, &body, sizeof(body));
	return WIRE_END_LEN;
}

size_t
wire_put_unknown(uint8_t out[WIRE_END_LEN], uint8_t type)
{
	FCGI_UnknownTypeBody body = { .type = type };

	wire_put_header(out, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID,
	    sizeof(body), 0);
	memcpy(out + FCGI_HEADER_LEN, &body, sizeof(body));
	return WIRE_END_LEN;
}

size_t
wire_put_begin(uint8_t out[WIRE_END_LEN], uint16_t id, uint16_t role,
    uint8_t flags)
{
	FCGI_BeginRequestBody body = {
		.roleB1 = (uint8_t)(role >> 8),
		.roleB0 = (uint8_t)role,
		.flags = flags
	};

	wire_put_header(out, FCGI_BEGIN_REQUEST, id, sizeof(body), 0);
	memcpy(out + FCGI_HEADER_LEN, &body, sizeof(body));
	return WIRE_END_LEN;
}
