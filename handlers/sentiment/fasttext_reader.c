/*
 * fasttext_reader.c - opens a fastText model where it lies.
 *
 * The file, in the byte order of the machine that wrote it:
 *
 *	magic, version				2 x int32
 *	dim ws epoch minCount neg wordNgrams
 *	loss model bucket minn maxn rate	12 x int32
 *	t					double
 *	size words labels			3 x int32
 *	tokens, pruned				2 x int64
 *	per entry: text NUL, count, type	... int64 int8
 *	quantized?  rows columns floats		int8 2 x int64 float...
 *	quantized?  rows columns floats		the same for the output
 *
 * Runs in: the zygote, before it forks (the handler's preload).
 * Owns: the index of the words; not the bytes.
 * Invariant: every read is checked against what is left of the bytes.
 */
#include "fasttext_reader.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fasttext_words.h"

#define MAGIC		793712314
#define MODEL_SUPERVISED	3
#define ENTRY_MIN	10	/* NUL, count and type of an empty word */

struct cursor {
	const uint8_t	*at;
	size_t		 left;
	bool		 short_of;	/* something was missing */
	char		*why;
	size_t		 why_size;
};

struct header {
	int32_t	 magic, version, dim, ws, epoch, min_count, neg, word_ngrams,
		 loss, model, bucket, minn, maxn, rate;
};

static int refuse(struct cursor *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(struct cursor *cursor, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(cursor->why, cursor->why_size, format, ap);
	va_end(ap);
	return -1;
}

static const uint8_t *
take(struct cursor *cursor, size_t size)
{
	const uint8_t *at = cursor->at;

	if (size > cursor->left) {
		cursor->short_of = true;
		return NULL;
	}
	cursor->at += size;
	cursor->left -= size;
	return at;
}

static void
copy(struct cursor *cursor, void *to, size_t size)
{
	const uint8_t *from = take(cursor, size);

	memset(to, 0, size);
	if (from != NULL)
		memcpy(to, from, size);
}

static int32_t
take_int32(struct cursor *cursor)
{
	int32_t value;

	copy(cursor, &value, sizeof(value));
	return value;
}

static int64_t
take_int64(struct cursor *cursor)
{
	int64_t value;

	copy(cursor, &value, sizeof(value));
	return value;
}

static int
check_header(struct cursor *cursor, const struct header *h)
{
	if (cursor->short_of || h->magic != MAGIC)
		return refuse(cursor, "not a fastText model");
	if (h->version != 11 && h->version != 12)
		return refuse(cursor, "fastText version %d; 11 and 12 are "
		    "read", h->version);
	if (h->model != MODEL_SUPERVISED)
		return refuse(cursor, "not made by `fasttext supervised`");
	if (h->loss == FASTTEXT_LOSS_HS)
		return refuse(cursor, "loss hs is not read; train with "
		    "-loss softmax");
	if (h->loss < FASTTEXT_LOSS_NS || h->loss > FASTTEXT_LOSS_OVA)
		return refuse(cursor, "unknown loss %d", h->loss);
	if (h->dim < 1 || h->dim > FASTTEXT_DIM_MAX)
		return refuse(cursor, "dim %d; 1 to %d are read", h->dim,
		    FASTTEXT_DIM_MAX);
	if (h->word_ngrams > FASTTEXT_NGRAMS_MAX ||
	    h->maxn > FASTTEXT_NGRAMS_MAX)
		return refuse(cursor, "wordNgrams %d, maxn %d; up to %d are "
		    "read", h->word_ngrams, h->maxn, FASTTEXT_NGRAMS_MAX);
	if (h->bucket < 0 ||
	    (h->bucket == 0 && (h->word_ngrams > 1 || h->maxn > 0)))
		return refuse(cursor, "n-grams without buckets");
	return 0;
}

static int
read_header(struct fasttext_reader *reader, struct cursor *cursor)
{
	struct header h;

	copy(cursor, &h, sizeof(h));
	(void)take(cursor, sizeof(double));	/* t: for training */
	if (check_header(cursor, &h) != 0)
		return -1;
	if (h.version == 11)
		h.maxn = 0;	/* was stored, but not meant */
	reader->dim = (uint32_t)h.dim;
	reader->loss = (uint32_t)h.loss;
	reader->bucket = (uint32_t)h.bucket;
	reader->word_ngrams = h.word_ngrams < 1 ? 1 : (uint32_t)h.word_ngrams;
	reader->maxn = h.maxn < 0 ? 0 : (uint32_t)h.maxn;
	reader->minn = h.minn < 1 ? 1 : (uint32_t)h.minn;
	return 0;
}

static int
read_entry(struct fasttext_reader *reader, struct cursor *cursor, uint32_t i)
{
	struct fasttext_entry *entry = &reader->entries[i];
	const uint8_t *text = cursor->at, *end, *rest;

	end = cursor->left == 0 ? NULL : memchr(text, '\0', cursor->left);
	if (end == NULL || (size_t)(end - text) > UINT32_MAX)
		return refuse(cursor, "cut off in entry %u", i);
	entry->offset = (uint64_t)(text - reader->bytes);
	entry->length = (uint32_t)(end - text);
	entry->hash = fasttext_hash(text, entry->length);
	(void)take(cursor, entry->length + (size_t)1);
	rest = take(cursor, sizeof(int64_t) + 1);	/* count, type */
	if (rest == NULL)
		return refuse(cursor, "cut off in entry %u", i);
	if (rest[sizeof(int64_t)] != (i >= reader->words))
		return refuse(cursor, "entry %u is not in its place", i);
	return 0;
}

static int
read_dictionary(struct fasttext_reader *reader, struct cursor *cursor)
{
	int32_t size = take_int32(cursor), words = take_int32(cursor);
	int32_t labels = take_int32(cursor);
	int64_t pruned;

	(void)take_int64(cursor);	/* tokens */
	pruned = take_int64(cursor);
	if (cursor->short_of)
		return refuse(cursor, "cut off before the dictionary");
	if (pruned >= 0)
		return refuse(cursor, "pruned, as `fasttext quantize` does it");
	if (words < 0 || labels < 1 || (int64_t)words + labels != size)
		return refuse(cursor, "%d words and %d labels are not %d "
		    "entries", words, labels, size);
	if ((size_t)size > cursor->left / ENTRY_MIN)
		return refuse(cursor, "cut off in the dictionary");

	reader->words = (uint32_t)words;
	reader->labels = (uint32_t)labels;
	reader->entries = calloc((size_t)size, sizeof(*reader->entries));
	if (reader->entries == NULL)
		return refuse(cursor, "out of memory");
	for (uint32_t i = 0; i < (uint32_t)size; i++)
		if (read_entry(reader, cursor, i) != 0)
			return -1;
	return 0;
}

/* A table at most half full, so that a search ends soon at a free slot. */
static int
build_index(struct fasttext_reader *reader, struct cursor *cursor)
{
	uint32_t count = reader->words + reader->labels;
	size_t slots = 16;

	while (slots < (size_t)count * 2)
		slots *= 2;
	if (slots > UINT32_MAX || (reader->slots = calloc(slots,
	    sizeof(*reader->slots))) == NULL)
		return refuse(cursor, "out of memory");
	reader->slot_mask = (uint32_t)(slots - 1);
	for (uint32_t i = 0; i < count; i++)
		fasttext_index_add(reader, i);
	return 0;
}

static int
read_matrix(struct fasttext_reader *reader, struct cursor *cursor,
    uint64_t rows, const char *name, const uint8_t **floats_out)
{
	const uint8_t *quantized = take(cursor, 1);
	int64_t m = take_int64(cursor), n = take_int64(cursor);

	if (cursor->short_of)
		return refuse(cursor, "cut off before the %s matrix", name);
	if (*quantized != 0)
		return refuse(cursor, "quantized (.ftz); this reader needs "
		    "the .bin it was made from");
	if (m < 0 || (uint64_t)m != rows || n != (int64_t)reader->dim)
		return refuse(cursor, "the %s matrix is %lld x %lld, not "
		    "%llu x %u", name, (long long)m, (long long)n,
		    (unsigned long long)rows, reader->dim);
	/* No overflow: rows < 2^32 and dim <= 2^10. */
	*floats_out = take(cursor, rows * reader->dim * sizeof(float));
	if (*floats_out == NULL)
		return refuse(cursor, "cut off in the %s matrix", name);
	return 0;
}

int
fasttext_reader_open(struct fasttext_reader *reader, const void *bytes,
    size_t length, char *why, size_t why_size)
{
	struct cursor cursor = {
		.at = bytes, .left = length, .why = why, .why_size = why_size
	};

	memset(reader, 0, sizeof(*reader));
	reader->bytes = bytes;
	if (read_header(reader, &cursor) == 0 &&
	    read_dictionary(reader, &cursor) == 0 &&
	    read_matrix(reader, &cursor, (uint64_t)reader->words +
	    reader->bucket, "input", &reader->input) == 0 &&
	    read_matrix(reader, &cursor, reader->labels, "output",
	    &reader->output) == 0 &&
	    build_index(reader, &cursor) == 0)
		return 0;
	fasttext_reader_close(reader);
	return -1;
}

void
fasttext_reader_close(struct fasttext_reader *reader)
{
	free(reader->entries);
	free(reader->slots);
	memset(reader, 0, sizeof(*reader));
}
