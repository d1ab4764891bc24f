/*
 * wire_record_test.c - records are read the same however they are split.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: each chunk is fed from memory of exactly its size, so that a
 * sanitizer sees every byte read too many.
 */
#include "wire/wire_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM	(512 * 1024)

/* ------------------------------------------------------------ transcripts */

/*
 * What came out of a stream of bytes, in a form that does not depend on where
 * the bytes were split: one line a record, its content behind it.
 */
struct transcript {
	uint8_t	*bytes;
	size_t	 length;
	size_t	 records;
	size_t	 stream_left;	/* of the stream record being read */
	int	 rc;		/* the last of wire_read */
};

static void
transcript_init(struct transcript *t)
{
	memset(t, 0, sizeof(*t));
	t->bytes = malloc(ROOM);
	assert_non_null(t->bytes);
}

static void
transcript_put(struct transcript *t, const void *bytes, size_t length)
{
	assert_true(length <= ROOM - t->length);
	memcpy(t->bytes + t->length, bytes, length);
	t->length += length;
}

static bool
is_stream(uint8_t type)
{
	return type == FCGI_PARAMS || type == FCGI_STDIN ||
	    type == FCGI_DATA || type == FCGI_STDOUT || type == FCGI_STDERR;
}

static void
transcript_add(struct transcript *t, const struct wire_piece *piece)
{
	if (t->stream_left == 0) {
		char line[64];
		int n = snprintf(line, sizeof(line), "%u %u %u %d\n",
		    piece->type, piece->id, piece->content_length,
		    piece->truncated);

		transcript_put(t, line, (size_t)n);
		t->records++;
		if (is_stream(piece->type))
			t->stream_left = piece->content_length;
		else
			assert_int_equal(piece->length, piece->truncated ?
			    WIRE_CONTROL_MAX : piece->content_length);
	} else {
		assert_true(piece->length > 0);
	}
	if (is_stream(piece->type)) {
		assert_false(piece->truncated);
		assert_true(piece->length <= t->stream_left);
		assert_true(piece->length > 0 || piece->content_length == 0);
		t->stream_left -= piece->length;
	}
	if (piece->length > 0)
		transcript_put(t, piece->data, piece->length);
}

/* Feeds one chunk; all of it must be taken unless the stream is no FastCGI. */
static void
feed(struct wire_reader *reader, struct transcript *t, const uint8_t *bytes,
    size_t length)
{
	uint8_t *chunk = malloc(length + (length == 0));
	const uint8_t *cursor = chunk;
	struct wire_piece piece;

	assert_non_null(chunk);
	memcpy(chunk, bytes, length);
	while ((t->rc = wire_read(reader, &cursor, chunk + length,
	    &piece)) == 1)
		transcript_add(t, &piece);
	if (t->rc == 0)
		assert_ptr_equal(cursor, chunk + length);
	free(chunk);
}

static void
assert_same(const struct transcript *a, const struct transcript *b)
{
	assert_int_equal(a->rc, b->rc);
	assert_int_equal(a->records, b->records);
	assert_int_equal(a->length, b->length);
	assert_memory_equal(a->bytes, b->bytes, a->length);
}

/* ------------------------------------------------------------ the streams */

static size_t
put_record(uint8_t *at, uint8_t type, uint16_t id, uint16_t length,
    uint8_t padding)
{
	wire_put_header(at, type, id, length, padding);
	for (size_t i = 0; i < length; i++)
		at[FCGI_HEADER_LEN + i] = (uint8_t)(i * 7 + type);
	memset(at + FCGI_HEADER_LEN + length, 0xee, padding);
	return (size_t)FCGI_HEADER_LEN + length + padding;
}

/* A request with everything in it that a peer may send, 300 bytes or so. */
static size_t
put_mixed(uint8_t *at)
{
	uint8_t *start = at;

	at += wire_put_begin(at, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	at += put_record(at, FCGI_PARAMS, 1, 33, 7);
	at += put_record(at, FCGI_PARAMS, 1, 1, 0);
	at += put_record(at, FCGI_GET_VALUES, 0, 20, 3);
	at += put_record(at, FCGI_PARAMS, 1, 0, 0);
	at += wire_put_begin(at, 2, FCGI_RESPONDER, 0);
	at += put_record(at, FCGI_STDIN, 1, 17, 0);
	at += put_record(at, FCGI_STDIN, 1, 0, 5);
	at += put_record(at, 77, 0, 9, 1);
	at += put_record(at, FCGI_DATA, 0xfffe, 8, 0);
	at += put_record(at, FCGI_ABORT_REQUEST, 1, 0, 0);
	at += put_record(at, 255, 3, 0, 2);
	at += put_record(at, FCGI_STDOUT, 1, 12, 4);
	at += put_record(at, FCGI_STDERR, 1, 3, 5);
	at += wire_put_end(at, 1, 0, FCGI_REQUEST_COMPLETE);
	at += wire_put_unknown(at, 77);
	return (size_t)(at - start);
}

static size_t
put_long(uint8_t *at)
{
	uint8_t *start = at;

	at += put_record(at, FCGI_GET_VALUES, 0, WIRE_CONTROL_MAX + 5, 3);
	at += put_record(at, FCGI_STDIN, 1, 700, 255);
	at += put_record(at, 200, 0, WIRE_CONTROL_MAX, 1);
	at += put_record(at, FCGI_STDIN, 1, 0, 0);
	return (size_t)(at - start);
}

/* ------------------------------------------------------------------ cases */

static void
each_split_reads_the_same(size_t (*put)(uint8_t *), size_t records)
{
	uint8_t *stream = malloc(ROOM);
	size_t length = put(stream);
	struct transcript whole, cut;
	struct wire_reader reader = { 0 };

	transcript_init(&whole);
	transcript_init(&cut);
	feed(&reader, &whole, stream, length);
	assert_int_equal(whole.rc, 0);
	assert_int_equal(whole.records, records);
	assert_true(wire_reader_at_boundary(&reader));
	for (size_t at = 0; at <= length; at++) {
		cut.length = cut.records = cut.stream_left = 0;
		memset(&reader, 0, sizeof(reader));
		feed(&reader, &cut, stream, at);
		feed(&reader, &cut, stream + at, length - at);
		assert_same(&whole, &cut);
		assert_true(wire_reader_at_boundary(&reader));
	}
	free(whole.bytes);
	free(cut.bytes);
	free(stream);
}

static void
test_one_split_at_each_byte(void **state)
{
	(void)state;
	each_split_reads_the_same(put_mixed, 16);
}

static void
test_one_split_of_long_records(void **state)
{
	(void)state;
	each_split_reads_the_same(put_long, 4);
}

static void
test_two_splits_at_each_pair_of_bytes(void **state)
{
	uint8_t stream[1024];
	size_t length = put_mixed(stream);
	struct transcript whole, cut;
	struct wire_reader reader = { 0 };

	(void)state;
	transcript_init(&whole);
	transcript_init(&cut);
	feed(&reader, &whole, stream, length);
	for (size_t a = 0; a < length; a++) {
		for (size_t b = a; b < length; b++) {
			cut.length = cut.records = cut.stream_left = 0;
			memset(&reader, 0, sizeof(reader));
			feed(&reader, &cut, stream, a);
			feed(&reader, &cut, stream + a, b - a);
			feed(&reader, &cut, stream + b, length - b);
			assert_same(&whole, &cut);
		}
	}
	free(whole.bytes);
	free(cut.bytes);
}

static void
test_chunks_of_each_size(void **state)
{
	uint8_t *stream = malloc(ROOM);
	size_t length = put_long(stream);
	struct transcript whole, cut;
	struct wire_reader reader = { 0 };

	(void)state;
	transcript_init(&whole);
	transcript_init(&cut);
	feed(&reader, &whole, stream, length);
	for (size_t size = 1; size <= 64; size++) {
		cut.length = cut.records = cut.stream_left = 0;
		memset(&reader, 0, sizeof(reader));
		for (size_t at = 0; at < length; at += size)
			feed(&reader, &cut, stream + at,
			    size < length - at ? size : length - at);
		assert_same(&whole, &cut);
	}
	free(whole.bytes);
	free(cut.bytes);
	free(stream);
}

/* The boundary is where a record ends, padding included, and nowhere else. */
static void
test_boundary_is_between_records_only(void **state)
{
	uint8_t stream[1024];
	size_t length = put_mixed(stream), next = 0;
	struct transcript t;
	struct wire_reader reader = { 0 };

	(void)state;
	transcript_init(&t);
	for (size_t at = 0; at < length; at++) {
		assert_int_equal(wire_reader_at_boundary(&reader), at == next);
		if (at == next)
			next = at + FCGI_HEADER_LEN +
			    (size_t)(stream[at + 4] << 8 | stream[at + 5]) +
			    stream[at + 6];
		feed(&reader, &t, stream + at, 1);
	}
	assert_true(wire_reader_at_boundary(&reader));
	free(t.bytes);
}

static void
test_each_padding_is_skipped(void **state)
{
	uint8_t stream[4096];
	struct transcript t;

	(void)state;
	transcript_init(&t);
	for (unsigned padding = 0; padding <= 255; padding++) {
		struct wire_reader reader = { 0 };
		size_t length = put_record(stream, FCGI_STDIN, 1, 5,
		    (uint8_t)padding);

		length += put_record(stream + length, FCGI_STDIN, 1, 0,
		    (uint8_t)padding);
		length += put_record(stream + length, FCGI_GET_VALUES, 0, 0,
		    (uint8_t)padding);
		t.length = t.records = 0;
		feed(&reader, &t, stream, length);
		assert_int_equal(t.records, 3);
		assert_true(wire_reader_at_boundary(&reader));
	}
	free(t.bytes);
}

/* A lying length costs no memory: the record simply goes on. */
static void
test_largest_record(void **state)
{
	static const uint8_t types[] = { FCGI_STDIN, FCGI_PARAMS, FCGI_DATA,
		FCGI_STDOUT, FCGI_STDERR, FCGI_GET_VALUES, 200 };
	uint8_t *stream = malloc(ROOM);
	struct transcript t;

	(void)state;
	transcript_init(&t);
	for (size_t i = 0; i < sizeof(types); i++) {
		struct wire_reader reader = { 0 };
		size_t length = put_record(stream, types[i], 1, 65535, 255);

		t.length = t.records = 0;
		for (size_t at = 0; at < length; at += 4096)
			feed(&reader, &t, stream + at,
			    length - at < 4096 ? length - at : 4096);
		assert_int_equal(t.records, 1);
		assert_int_equal(t.stream_left, 0);
		assert_true(wire_reader_at_boundary(&reader));
	}
	free(t.bytes);
	free(stream);
}

static void
test_control_is_cut_at_its_limit(void **state)
{
	uint8_t stream[4096];
	struct wire_piece piece;

	(void)state;
	for (uint16_t n = WIRE_CONTROL_MAX - 1; n <= WIRE_CONTROL_MAX + 1;
	    n++) {
		struct wire_reader reader = { 0 };
		size_t length = put_record(stream, FCGI_GET_VALUES, 0, n, 0);
		const uint8_t *cursor = stream;

		assert_int_equal(wire_read(&reader, &cursor, stream + length,
		    &piece), 1);
		assert_int_equal(piece.truncated, n > WIRE_CONTROL_MAX);
		assert_int_equal(piece.content_length, n);
		assert_true(piece.length <= WIRE_CONTROL_MAX);
		assert_memory_equal(piece.data, stream + FCGI_HEADER_LEN,
		    piece.length);
		assert_ptr_equal(cursor, stream + length);
	}
}

/* Whole records are given out where they lie. */
static void
test_whole_record_is_not_copied(void **state)
{
	uint8_t stream[256];
	size_t length = put_record(stream, FCGI_PARAMS, 1, 40, 0);
	const uint8_t *cursor = stream;
	struct wire_reader reader = { 0 };
	struct wire_piece piece;

	(void)state;
	assert_int_equal(wire_read(&reader, &cursor, stream + length, &piece),
	    1);
	assert_ptr_equal(piece.data, stream + FCGI_HEADER_LEN);
	assert_int_equal(piece.length, 40);
}

/* Padding at hand goes with the last piece: the boundary is seen at once. */
static void
test_padding_goes_with_the_last_piece(void **state)
{
	uint8_t stream[64];
	size_t length = put_record(stream, FCGI_STDIN, 1, 9, 6);
	struct wire_piece piece;

	(void)state;
	for (size_t at = 0; at < FCGI_HEADER_LEN + 9; at++) {
		struct wire_reader reader = { 0 };
		const uint8_t *cursor = stream;

		while (wire_read(&reader, &cursor, stream + at, &piece) == 1)
			continue;
		assert_int_equal(wire_read(&reader, &cursor, stream + length,
		    &piece), 1);
		assert_ptr_equal(cursor, stream + length);
		assert_true(wire_reader_at_boundary(&reader));
	}
}

static void
test_other_versions_are_refused(void **state)
{
	uint8_t stream[64];
	size_t length = put_record(stream, FCGI_STDIN, 1, 3, 1);

	(void)state;
	for (unsigned version = 0; version <= 255; version++) {
		struct wire_reader reader = { 0 };
		const uint8_t *cursor = stream;
		struct wire_piece piece;
		uint8_t first = (uint8_t)version;

		if (version == FCGI_VERSION_1)
			continue;
		stream[length] = first;
		assert_int_equal(wire_read(&reader, &cursor,
		    stream + length + 1, &piece), 1);
		assert_int_equal(wire_read(&reader, &cursor,
		    stream + length + 1, &piece), -1);
		assert_int_equal(wire_read(&reader, &cursor,
		    stream + length + 1, &piece), -1);
		cursor = &first;
		memset(&reader, 0, sizeof(reader));
		assert_int_equal(wire_read(&reader, &cursor, &first + 1,
		    &piece), -1);
	}
}

static void
test_no_bytes_are_no_piece(void **state)
{
	struct wire_reader reader = { 0 };
	const uint8_t byte = 1, *cursor = &byte;
	struct wire_piece piece;

	(void)state;
	assert_int_equal(wire_read(&reader, &cursor, &byte, &piece), 0);
	assert_true(wire_reader_at_boundary(&reader));
}

/* ---------------------------------------------------------------- writing */

static void
test_header_bytes(void **state)
{
	static const uint8_t want[] = { 1, 6, 0xab, 0xcd, 0x12, 0x34, 5, 0 };
	uint8_t out[FCGI_HEADER_LEN];

	(void)state;
	memset(out, 0xff, sizeof(out));
	wire_put_header(out, FCGI_STDOUT, 0xabcd, 0x1234, 5);
	assert_memory_equal(out, want, sizeof(want));
	assert_int_equal(WIRE_CONTENT_MAX % 8, 0);
}

static void
test_whole_records_bytes(void **state)
{
	static const uint8_t end[] = { 1, 3, 0, 9, 0, 8, 0, 0,
		1, 2, 3, 4, FCGI_CANT_MPX_CONN, 0, 0, 0 };
	static const uint8_t unknown[] = { 1, 11, 0, 0, 0, 8, 0, 0,
		77, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t begin[] = { 1, 1, 1, 0, 0, 8, 0, 0,
		0, 1, 1, 0, 0, 0, 0, 0 };
	uint8_t out[WIRE_END_LEN];

	(void)state;
	memset(out, 0xff, sizeof(out));
	assert_int_equal(wire_put_end(out, 9, 0x01020304, FCGI_CANT_MPX_CONN),
	    sizeof(end));
	assert_memory_equal(out, end, sizeof(end));
	memset(out, 0xff, sizeof(out));
	assert_int_equal(wire_put_unknown(out, 77), sizeof(unknown));
	assert_memory_equal(out, unknown, sizeof(unknown));
	memset(out, 0xff, sizeof(out));
	assert_int_equal(wire_put_begin(out, 256, FCGI_RESPONDER,
	    FCGI_KEEP_CONN), sizeof(begin));
	assert_memory_equal(out, begin, sizeof(begin));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_split_at_each_byte),
		cmocka_unit_test(test_one_split_of_long_records),
		cmocka_unit_test(test_two_splits_at_each_pair_of_bytes),
		cmocka_unit_test(test_chunks_of_each_size),
		cmocka_unit_test(test_boundary_is_between_records_only),
		cmocka_unit_test(test_each_padding_is_skipped),
		cmocka_unit_test(test_largest_record),
		cmocka_unit_test(test_control_is_cut_at_its_limit),
		cmocka_unit_test(test_whole_record_is_not_copied),
		cmocka_unit_test(test_padding_goes_with_the_last_piece),
		cmocka_unit_test(test_other_versions_are_refused),
		cmocka_unit_test(test_no_bytes_are_no_piece),
		cmocka_unit_test(test_header_bytes),
		cmocka_unit_test(test_whole_records_bytes)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
