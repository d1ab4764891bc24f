/*
 * fuzz_records.c - any bytes, in any chunks, give the same records.
 *
 * Input: one byte that seeds the chunk sizes, then what a peer sends.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: each chunk lies in memory of exactly its size.
 */
#include "fuzz.h"

#include <string.h>

#include "wire/wire_params.h"
#include "wire/wire_record.h"

/* What came out, in a form that does not depend on the chunks. */
struct digest {
	uint64_t	 hash;
	size_t		 content;	/* bytes given out */
	size_t		 taken;		/* bytes taken */
	size_t		 stream_left;
	int		 rc;
	bool		 at_boundary;
};

static void
mix(struct digest *digest, uint64_t value)
{
	digest->hash = (digest->hash ^ value) * 1099511628211u;
}

static bool
is_stream(uint8_t type)
{
	return type == FCGI_PARAMS || type == FCGI_STDIN ||
	    type == FCGI_DATA || type == FCGI_STDOUT || type == FCGI_STDERR;
}

static void
answer_values(const struct wire_piece *piece)
{
	uint8_t out[WIRE_VALUES_MAX];
	const uint8_t *cursor = out;
	struct wire_reader reader = { 0 };
	struct wire_piece answer;
	size_t length = wire_put_values(out, piece->data, piece->length,
	    UINT32_MAX, UINT32_MAX);

	CHECK(length <= sizeof(out) && length % 8 == 0);
	CHECK(wire_read(&reader, &cursor, out + length, &answer) == 1);
	CHECK(answer.type == FCGI_GET_VALUES_RESULT && answer.id == 0);
	CHECK(cursor == out + length && wire_reader_at_boundary(&reader));
}

static void
add_piece(struct digest *digest, const struct wire_piece *piece)
{
	if (digest->stream_left == 0) {
		mix(digest, (uint64_t)piece->type << 48 |
		    (uint64_t)piece->id << 32 |
		    (uint64_t)piece->content_length << 1 | piece->truncated);
		if (is_stream(piece->type))
			digest->stream_left = piece->content_length;
	}
	if (is_stream(piece->type)) {
		CHECK(!piece->truncated);
		CHECK(piece->length <= digest->stream_left);
		CHECK(piece->length > 0 || piece->content_length == 0);
		digest->stream_left -= piece->length;
	} else {
		CHECK(piece->truncated ==
		    (piece->content_length > WIRE_CONTROL_MAX));
		CHECK(piece->length == (piece->truncated ? WIRE_CONTROL_MAX :
		    piece->content_length));
		answer_values(piece);
	}
	for (size_t i = 0; i < piece->length; i++)
		mix(digest, piece->data[i]);
	digest->content += piece->length;
}

static void
feed(struct wire_reader *reader, struct digest *digest, const uint8_t *data,
    size_t size)
{
	uint8_t *chunk = malloc(size + (size == 0));
	const uint8_t *cursor = chunk;
	struct wire_piece piece;

	CHECK(chunk != NULL);
	memcpy(chunk, data, size);
	while ((digest->rc = wire_read(reader, &cursor, chunk + size,
	    &piece)) == 1)
		add_piece(digest, &piece);
	CHECK(digest->rc == -1 || cursor == chunk + size);
	digest->taken += (size_t)(cursor - chunk);
	free(chunk);
}

/* Chunks of 1 to 64 bytes by a seed that isn't 0, else one chunk. */
static struct digest
read_all(const uint8_t *data, size_t size, uint32_t seed)
{
	struct digest digest = { 0 };
	struct wire_reader reader = { 0 };
	size_t at = 0;

	do {
		size_t n = size - at;

		seed = seed * 1664525u + (seed == 0 ? 0 : 1013904223u);
		if (seed != 0 && n > 1 + (seed >> 26))
			n = 1 + (seed >> 26);
		feed(&reader, &digest, data + at, n);
		at += n;
	} while (at < size && digest.rc == 0);
	CHECK(digest.content <= size);
	digest.at_boundary = wire_reader_at_boundary(&reader);
	return digest;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest whole, cut;

	if (size == 0)
		return 0;
	whole = read_all(data + 1, size - 1, 0);
	cut = read_all(data + 1, size - 1, data[0] + 1u);
	CHECK(whole.rc == cut.rc);
	CHECK(whole.hash == cut.hash);
	CHECK(whole.content == cut.content);
	CHECK(whole.taken == cut.taken);
	CHECK(whole.at_boundary == cut.at_boundary);
	return 0;
}
