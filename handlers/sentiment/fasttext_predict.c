/*
 * fasttext_predict.c - a text to its most likely label.
 *
 * As fastText does it: the mean of the rows of the words, their character
 * n-grams and word n-grams, times the output matrix, through the loss.  The
 * rows are found by the same hashes, so the numbers are the same.
 *
 * Runs in: whatever serves the request; no state but the stack.
 * Owns: nothing.
 * Invariant: a row number is below the rows of its matrix, by modulus or by
 * the index.
 */
#include "fasttext_reader.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "fasttext_words.h"

#define NGRAM_FACTOR	116049371	/* fastText's */
#define END_OF_LINE	"</s>"
#define LABEL_PREFIX	"__label__"

struct sum {
	const struct fasttext_reader	*reader;
	float		 hidden[FASTTEXT_DIM_MAX];
	uint64_t	 rows;
	uint64_t	 open[FASTTEXT_NGRAMS_MAX];	/* n-grams begun */
	uint64_t	 tokens;
};

static uint32_t
hash_step(uint32_t hash, char c)
{
	uint32_t extended = (uint32_t)(int32_t)(signed char)c;

	return (hash ^ extended) * 16777619u;
}

uint32_t
fasttext_hash(const void *text, size_t length)
{
	const char *c = text;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = hash_step(hash, c[i]);
	return hash;
}

/* The slot of this text, or the free one where it would go. */
static uint32_t
index_slot(const struct fasttext_reader *reader, const void *text,
    size_t length, uint32_t hash)
{
	uint32_t slot = hash & reader->slot_mask;
	const struct fasttext_entry *entry;

	while (reader->slots[slot] != 0) {
		entry = &reader->entries[reader->slots[slot] - 1];
		if (entry->hash == hash && entry->length == length &&
		    memcmp(reader->bytes + entry->offset, text, length) == 0)
			break;
		slot = (slot + 1) & reader->slot_mask;
	}
	return slot;
}

void
fasttext_index_add(struct fasttext_reader *reader, uint32_t i)
{
	const struct fasttext_entry *entry = &reader->entries[i];
	uint32_t slot = index_slot(reader, reader->bytes + entry->offset,
	    entry->length, entry->hash);

	if (reader->slots[slot] == 0)
		reader->slots[slot] = i + 1;
}

uint32_t
fasttext_index_find(const struct fasttext_reader *reader, const char *text,
    size_t length, uint32_t hash)
{
	uint32_t slot = index_slot(reader, text, length, hash);

	return reader->slots[slot] == 0 ? FASTTEXT_UNKNOWN :
	    reader->slots[slot] - 1;
}

/* The matrix begins at any address: floats are copied out, not pointed to. */
static float
float_at(const uint8_t *floats, size_t i)
{
	float value;

	memcpy(&value, floats + i * sizeof(value), sizeof(value));
	return value;
}

static void
add_row(struct sum *sum, uint64_t row)
{
	uint32_t dim = sum->reader->dim;
	const uint8_t *floats = sum->reader->input + row * dim * sizeof(float);

	for (uint32_t i = 0; i < dim; i++)
		sum->hidden[i] += float_at(floats, i);
	sum->rows++;
}

static void
add_bucket(struct sum *sum, uint64_t hash)
{
	add_row(sum, sum->reader->words + hash % sum->reader->bucket);
}

/* A character of "<word>". */
static char
bracketed(const char *word, size_t length, size_t i)
{
	return i == 0 ? '<' : i == length + 1 ? '>' : word[i - 1];
}

static bool
continues(const char *word, size_t length, size_t i)
{
	return (bracketed(word, length, i) & 0xC0) == 0x80;	/* UTF-8 */
}

/* All n-grams of minn to maxn characters of "<word>", but "<" and ">". */
static void
add_characters(struct sum *sum, const char *word, size_t length)
{
	const struct fasttext_reader *reader = sum->reader;
	size_t end = length + 2, j;

	for (size_t i = 0; i < end; i++) {
		uint32_t hash = fasttext_hash("", 0);

		if (continues(word, length, i))
			continue;
		j = i;
		for (uint32_t n = 1; j < end && n <= reader->maxn; n++) {
			do {
				hash = hash_step(hash,
				    bracketed(word, length, j++));
			} while (j < end && continues(word, length, j));
			if (n >= reader->minn &&
			    !(n == 1 && (i == 0 || j == end)))
				add_bucket(sum, hash);
		}
	}
}

/*
 * The n-grams of words that end with this one.  open[] holds, for each of the
 * last word_ngrams - 1 words, the hash of what began there.
 */
static void
add_word_ngrams(struct sum *sum, uint32_t hash)
{
	uint32_t most = sum->reader->word_ngrams - 1;
	uint64_t begun = sum->tokens < most ? sum->tokens : most;
	uint64_t extended = (uint64_t)(int64_t)(int32_t)hash;

	for (uint64_t i = 0; i < begun; i++) {
		sum->open[i] = sum->open[i] * NGRAM_FACTOR + extended;
		add_bucket(sum, sum->open[i]);
	}
	if (most > 0)
		sum->open[sum->tokens % most] = extended;
	sum->tokens++;
}

static void
add_token(struct sum *sum, const char *token, size_t length)
{
	const struct fasttext_reader *reader = sum->reader;
	uint32_t hash = fasttext_hash(token, length);
	uint32_t id = fasttext_index_find(reader, token, length, hash);
	size_t prefix = strlen(LABEL_PREFIX);
	bool end_of_line = length == strlen(END_OF_LINE) &&
	    memcmp(token, END_OF_LINE, length) == 0;

	if (id == FASTTEXT_UNKNOWN ? length >= prefix &&
	    memcmp(token, LABEL_PREFIX, prefix) == 0 : id >= reader->words)
		return;		/* a label is not a word */
	if (id != FASTTEXT_UNKNOWN)
		add_row(sum, id);
	if (reader->maxn > 0 && !end_of_line)
		add_characters(sum, token, length);
	add_word_ngrams(sum, hash);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

static void
add_text(struct sum *sum, const char *text, size_t length)
{
	size_t at = 0, start;

	for (;;) {
		while (at < length && is_space(text[at]))
			at++;
		if (at == length)
			break;
		start = at;
		while (at < length && !is_space(text[at]))
			at++;
		if (at - start == strlen(END_OF_LINE) && memcmp(text + start,
		    END_OF_LINE, at - start) == 0)
			break;	/* ends the line for fastText, too */
		add_token(sum, text + start, at - start);
	}
	add_token(sum, END_OF_LINE, strlen(END_OF_LINE));
}

/* fastText looks it up in a table of 512 steps; so its answers are these. */
static double
sigmoid(double x)
{
	if (x < -8)
		return 0;
	if (x > 8)
		return 1;
	x = floor((x + 8) * 32) / 32 - 8;
	return 1 / (1 + exp(-x));
}

/* How well the label fits: to be compared, and for softmax normalized. */
static double
score(const struct sum *sum, uint32_t label)
{
	uint32_t dim = sum->reader->dim;
	const uint8_t *floats = sum->reader->output +
	    (uint64_t)label * dim * sizeof(float);
	float dot = 0;

	for (uint32_t i = 0; i < dim; i++)
		dot += float_at(floats, i) * sum->hidden[i];
	return sum->reader->loss == FASTTEXT_LOSS_SOFTMAX ? (double)dot :
	    sigmoid((double)dot);
}

/*
 * The best label and its probability, in one pass over the labels.  Of equal
 * ones the last, as in fastText.
 */
static uint32_t
best_label(const struct sum *sum, double *probability_out)
{
	double best = score(sum, 0), total = 1, next;
	uint32_t label = 0;

	for (uint32_t i = 1; i < sum->reader->labels; i++) {
		next = score(sum, i);
		if (next >= best) {
			total = total * exp(best - next) + 1;
			best = next;
			label = i;
		} else {
			total += exp(next - best);
		}
	}
	*probability_out = sum->reader->loss == FASTTEXT_LOSS_SOFTMAX ?
	    1 / total : best;
	return label;
}

enum fasttext_rc
fasttext_predict(const struct fasttext_reader *reader, const char *text,
    size_t length, struct fasttext_answer *answer_out)
{
	struct sum sum = { .reader = reader };
	const struct fasttext_entry *entry;
	size_t prefix = strlen(LABEL_PREFIX);
	double probability;
	uint32_t label;

	add_text(&sum, text, length);
	if (sum.rows == 0)
		return FASTTEXT_NO_WORDS;
	for (uint32_t i = 0; i < reader->dim; i++)
		sum.hidden[i] /= (float)sum.rows;
	label = best_label(&sum, &probability);
	if (!isfinite(probability))
		return FASTTEXT_NOT_A_NUMBER;

	entry = &reader->entries[reader->words + label];
	answer_out->label = (const char *)reader->bytes + entry->offset;
	answer_out->label_length = entry->length;
	if (entry->length > prefix && memcmp(answer_out->label, LABEL_PREFIX,
	    prefix) == 0) {
		answer_out->label += prefix;
		answer_out->label_length -= prefix;
	}
	answer_out->probability = probability;
	return FASTTEXT_OK;
}
