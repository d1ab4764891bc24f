/*
 * fasttext_reader_test.c - the reader of fastText models, on models whose
 * numbers are known.
 *
 * Runs in: make check.
 * Owns: the model it writes for each case.
 * Invariant: a model lies in memory of exactly its size, so that a read past
 * its end is seen by the sanitizer.
 */
#include "handlers/sentiment/fasttext_reader.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handlers/sentiment/fasttext_words.h"

#define MODEL_MAX	4096
#define WORDS		3
#define LABELS		2
#define BUCKETS_MAX	16	/* rows written; a plan may promise more */
#define FACTOR		4.0	/* of the output matrix */

/* What can be turned wrong in a model, or just other. */
struct plan {
	int32_t		 magic, version, dim, word_ngrams, loss, model, bucket,
			 minn, maxn;
	int32_t		 size, words, labels;
	int64_t		 pruned, rows, columns, output_rows;
	uint8_t		 quantized, output_quantized, first_type;
	bool		 no_end_of_line;
	float		 bucket_value;	/* in column 1 of each bucket's row */
	float		 factor;
};

struct model {
	uint8_t	 bytes[MODEL_MAX];
	size_t	 length;
};

static const struct plan sound = {
	.magic = 793712314, .version = 12, .dim = 2, .word_ngrams = 1,
	.loss = FASTTEXT_LOSS_SOFTMAX, .model = 3, .size = WORDS + LABELS,
	.words = WORDS, .labels = LABELS, .pruned = -1, .rows = WORDS,
	.columns = 2, .output_rows = LABELS, .factor = (float)FACTOR
};

static void
put(struct model *model, const void *bytes, size_t length)
{
	assert_true(model->length + length <= MODEL_MAX);
	memcpy(model->bytes + model->length, bytes, length);
	model->length += length;
}

static void
put_entry(struct model *model, const char *text, uint8_t type)
{
	int64_t count = 7;

	put(model, text, strlen(text) + 1);
	put(model, &count, sizeof(count));
	put(model, &type, sizeof(type));
}

static void
put_row(struct model *model, float one, float two)
{
	put(model, &one, sizeof(one));
	put(model, &two, sizeof(two));
}

/* "good" is column 0, "bad" column 1; so are the labels. */
static void
write_model(struct model *model, const struct plan *plan)
{
	const int32_t header[] = { plan->magic, plan->version, plan->dim, 5, 5,
	    1, 5, plan->word_ngrams, plan->loss, plan->model, plan->bucket,
	    plan->minn, plan->maxn, 100 };
	const int32_t counts[] = { plan->size, plan->words, plan->labels };
	const int64_t numbers[] = { 100, plan->pruned };
	const int64_t input[] = { plan->rows, plan->columns };
	const int64_t output[] = { plan->output_rows, plan->columns };
	double t = 1e-4;

	model->length = 0;
	put(model, header, sizeof(header));
	put(model, &t, sizeof(t));
	put(model, counts, sizeof(counts));
	put(model, numbers, sizeof(numbers));
	put_entry(model, "good", plan->first_type);
	put_entry(model, "bad", 0);
	put_entry(model, plan->no_end_of_line ? "other" : "</s>", 0);
	put_entry(model, "__label__up", 1);
	put_entry(model, "__label__down", 1);
	put(model, &plan->quantized, 1);
	put(model, input, sizeof(input));
	put_row(model, 1, 0);
	put_row(model, 0, 1);
	put_row(model, 0, 0);
	for (int32_t i = 0; i < plan->bucket && i < BUCKETS_MAX; i++)
		put_row(model, 0, plan->bucket_value);
	put(model, &plan->output_quantized, 1);
	put(model, output, sizeof(output));
	put_row(model, plan->factor, 0);
	put_row(model, 0, plan->factor);
}

/* Opens a copy of exactly `length` bytes at an offset from an aligned address;
 * *block_out is what to free. */
static int
open_copy(struct fasttext_reader *reader, const struct model *model,
    size_t length, size_t offset, char why[160], uint8_t **block_out)
{
	uint8_t *block = malloc(length + offset);

	assert_true(block != NULL || length + offset == 0);
	if (length > 0)
		memcpy(block + offset, model->bytes, length);
	*block_out = block;
	return fasttext_reader_open(reader, block == NULL ? (uint8_t *)"" :
	    block + offset, length, why, 160);
}

static enum fasttext_rc
ask(const struct plan *plan, const char *text, size_t length, char label[32],
    double *probability)
{
	struct fasttext_reader reader;
	struct fasttext_answer answer;
	struct model model;
	enum fasttext_rc rc;
	char why[160];
	uint8_t *block;

	write_model(&model, plan);
	assert_int_equal(open_copy(&reader, &model, model.length, 1, why,
	    &block), 0);
	rc = fasttext_predict(&reader, text, length, &answer);
	if (rc == FASTTEXT_OK) {
		snprintf(label, 32, "%.*s", (int)answer.label_length,
		    answer.label);
		*probability = answer.probability;
	}
	fasttext_reader_close(&reader);
	free(block);
	return rc;
}

static void
assert_near(double a, double b)
{
	if (!(fabs(a - b) <= 1e-6))
		fail_msg("%g is not %g", a, b);
}

/* The mean of the rows has `up` and `down` in its columns. */
static void
expect(const struct plan *plan, const char *text, const char *label,
    double up, double down)
{
	double probability = 0, distance = FACTOR * fabs(up - down);
	char found[32] = "";

	assert_int_equal(ask(plan, text, strlen(text), found, &probability),
	    FASTTEXT_OK);
	assert_string_equal(found, label);
	assert_near(probability, 1 / (1 + exp(-distance)));
}

static void
expect_refused(const struct plan *plan, const char *says)
{
	struct fasttext_reader reader;
	struct model model;
	char why[160] = "";
	uint8_t *block;

	write_model(&model, plan);
	assert_int_equal(open_copy(&reader, &model, model.length, 0, why,
	    &block), -1);
	if (strstr(why, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why, says);
	assert_null(reader.entries);
	assert_null(reader.slots);
	free(block);
}

static void
the_hash_is_fasttexts(void **state)
{
	(void)state;
	assert_int_equal(fasttext_hash("", 0), 0x811c9dc5);
	assert_int_equal(fasttext_hash("a", 1), 0xe40c292c);
	assert_int_equal(fasttext_hash("foobar", 6), 0xbf9cf968);
	/* Bytes are signed there: 0xff extends to 32 ones. */
	assert_int_equal(fasttext_hash("\xff", 1),
	    (0x811c9dc5u ^ 0xffffffffu) * 16777619u);
}

static void
words_make_the_label(void **state)
{
	(void)state;
	/* The end of the line is a word, too: its row is 0 0. */
	expect(&sound, "good", "up", 1 / 2.0, 0);
	expect(&sound, "bad", "down", 0, 1 / 2.0);
	expect(&sound, "good good bad", "up", 2 / 4.0, 1 / 4.0);
	expect(&sound, "good\nbad\tgood", "up", 2 / 4.0, 1 / 4.0);
	expect(&sound, "  bad\r\v\f ", "down", 0, 1 / 2.0);
}

static void
what_says_nothing_is_left_out(void **state)
{
	(void)state;
	expect(&sound, "good unknown Good goodx", "up", 1 / 2.0, 0);
	expect(&sound, "good __label__down __label__new", "up", 1 / 2.0, 0);
	expect(&sound, "good </s> bad bad bad", "up", 1 / 2.0, 0);
}

static void
a_nul_in_the_text_is_a_space(void **state)
{
	double probability;
	char label[32];

	(void)state;
	assert_int_equal(ask(&sound, "good\0bad\0good", 13, label,
	    &probability), FASTTEXT_OK);
	assert_string_equal(label, "up");
	assert_near(probability, 1 / (1 + exp(-1.0)));
}

static void
of_equal_labels_the_last_wins(void **state)
{
	(void)state;
	expect(&sound, "", "down", 0, 0);
	expect(&sound, "good bad", "down", 1 / 3.0, 1 / 3.0);
}

static void
a_text_of_unknown_words_is_said_to_be_one(void **state)
{
	struct plan plan = sound;
	double probability;
	char label[32];

	(void)state;
	plan.no_end_of_line = true;
	assert_int_equal(ask(&plan, "what", 4, label, &probability),
	    FASTTEXT_NO_WORDS);
	assert_int_equal(ask(&plan, "", 0, label, &probability),
	    FASTTEXT_NO_WORDS);
	expect(&plan, "good", "up", 1, 0);
}

static void
word_ngrams_add_their_buckets(void **state)
{
	struct plan plan = sound;

	(void)state;
	plan.word_ngrams = 2;
	plan.bucket = 3;
	plan.rows = WORDS + plan.bucket;
	plan.bucket_value = 0.5;
	/* good </s>: 2 words, 1 bigram */
	expect(&plan, "good", "up", 1 / 3.0, 0.5 / 3);
	/* good what good </s>: 3 known words, 3 bigrams */
	expect(&plan, "good what good", "up", 2 / 6.0, 1.5 / 6);
	plan.word_ngrams = 3;
	/* the same and 2 of three words */
	expect(&plan, "good what good", "down", 2 / 8.0, 2.5 / 8);
}

static void
character_ngrams_add_theirs(void **state)
{
	struct plan plan = sound;

	(void)state;
	plan.minn = 2;
	plan.maxn = 2;
	plan.bucket = 5;
	plan.rows = WORDS + plan.bucket;
	plan.bucket_value = 0.5;
	/* <good>: 5 pairs; the end of the line has none */
	expect(&plan, "good", "down", 1 / 7.0, 2.5 / 7);
	/* <xü>: <x xü ü>; ü is one character of two bytes */
	expect(&plan, "x\xc3\xbc", "down", 0, 1.5 / 4);
	plan.minn = 1;
	/* and x, ü, but neither < nor > */
	expect(&plan, "x\xc3\xbc", "down", 0, 2.5 / 6);
	/* version 11 stored maxn without meaning it */
	plan.version = 11;
	expect(&plan, "good", "up", 1 / 2.0, 0);
}

static void
other_losses_are_sigmoids(void **state)
{
	struct plan plan = sound;
	double probability;
	char label[32];

	(void)state;
	for (int32_t loss = FASTTEXT_LOSS_NS; loss <= FASTTEXT_LOSS_OVA;
	    loss += 2) {
		plan.loss = loss;
		assert_int_equal(ask(&plan, "good", 4, label, &probability),
		    FASTTEXT_OK);
		assert_string_equal(label, "up");
		assert_near(probability, 1 / (1 + exp(-FACTOR / 2)));
	}
	plan.factor = 100;	/* beyond the table's end */
	assert_int_equal(ask(&plan, "good", 4, label, &probability),
	    FASTTEXT_OK);
	assert_near(probability, 1);
}

static void
a_spoilt_model_is_noticed(void **state)
{
	struct plan plan = sound;
	double probability;
	char label[32];

	(void)state;
	plan.factor = NAN;
	assert_int_equal(ask(&plan, "good", 4, label, &probability),
	    FASTTEXT_NOT_A_NUMBER);
	plan.loss = FASTTEXT_LOSS_OVA;
	assert_int_equal(ask(&plan, "good", 4, label, &probability),
	    FASTTEXT_NOT_A_NUMBER);
	plan = sound;
	plan.factor = INFINITY;
	assert_int_equal(ask(&plan, "good bad", 8, label, &probability),
	    FASTTEXT_NOT_A_NUMBER);
}

static void
any_alignment_gives_the_same(void **state)
{
	struct fasttext_reader reader;
	struct fasttext_answer answer;
	struct model model;
	char why[160];
	uint8_t *block;
	double first = 0;

	(void)state;
	write_model(&model, &sound);
	for (size_t offset = 0; offset < 16; offset++) {
		assert_int_equal(open_copy(&reader, &model, model.length,
		    offset, why, &block), 0);
		assert_int_equal(fasttext_predict(&reader, "good bad good", 13,
		    &answer), FASTTEXT_OK);
		if (offset == 0)
			first = answer.probability;
		assert_true(answer.probability == first);
		fasttext_reader_close(&reader);
		free(block);
	}
}

static void
cut_anywhere_it_is_refused(void **state)
{
	struct fasttext_reader reader;
	struct model model;
	char why[160];
	uint8_t *block;

	(void)state;
	write_model(&model, &sound);
	for (size_t length = 0; length < model.length; length++) {
		why[0] = '\0';
		assert_int_equal(open_copy(&reader, &model, length, 0, why,
		    &block), -1);
		assert_true(strlen(why) > 0);
		free(block);
	}
}

#define REFUSED(member, value, says) do {				\
	struct plan plan_ = sound;					\
	plan_.member = (value);						\
	expect_refused(&plan_, (says));					\
} while (0)

static void
each_fault_has_its_sentence(void **state)
{
	(void)state;
	REFUSED(magic, 793712313, "not a fastText model");
	REFUSED(version, 13, "version 13");
	REFUSED(version, 10, "version 10");
	REFUSED(model, 2, "fasttext supervised");
	REFUSED(loss, FASTTEXT_LOSS_HS, "hs");
	REFUSED(loss, 5, "unknown loss");
	REFUSED(dim, 0, "dim 0");
	REFUSED(dim, -1, "dim -1");
	REFUSED(dim, FASTTEXT_DIM_MAX + 1, "dim 1025");
	REFUSED(word_ngrams, 2, "without buckets");
	REFUSED(word_ngrams, 17, "wordNgrams 17");
	REFUSED(maxn, 3, "without buckets");
	REFUSED(maxn, 17, "maxn 17");
	REFUSED(bucket, -1, "without buckets");
	REFUSED(pruned, 0, "pruned");
	REFUSED(size, WORDS + LABELS + 1, "entries");
	REFUSED(words, -1, "entries");
	REFUSED(labels, 0, "entries");
	REFUSED(first_type, 1, "entry 0");
	REFUSED(first_type, 2, "entry 0");
	REFUSED(quantized, 1, "quantized");
	REFUSED(output_quantized, 1, "quantized");
	REFUSED(rows, WORDS + 1, "input matrix is 4 x 2");
	REFUSED(rows, -1, "input matrix is -1 x 2");
	REFUSED(columns, 3, "input matrix is 3 x 3");
	REFUSED(output_rows, INT64_MAX, "output matrix is");
}

static void
counts_that_lie_allocate_nothing(void **state)
{
	struct plan plan = sound;

	(void)state;
	plan.size = INT32_MAX;
	plan.words = INT32_MAX - LABELS;
	expect_refused(&plan, "cut off in the dictionary");
	plan = sound;
	plan.bucket = INT32_MAX;
	plan.rows = (int64_t)WORDS + plan.bucket;
	plan.word_ngrams = 2;
	expect_refused(&plan, "cut off in the input matrix");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_fasttexts),
		cmocka_unit_test(words_make_the_label),
		cmocka_unit_test(what_says_nothing_is_left_out),
		cmocka_unit_test(a_nul_in_the_text_is_a_space),
		cmocka_unit_test(of_equal_labels_the_last_wins),
		cmocka_unit_test(a_text_of_unknown_words_is_said_to_be_one),
		cmocka_unit_test(word_ngrams_add_their_buckets),
		cmocka_unit_test(character_ngrams_add_theirs),
		cmocka_unit_test(other_losses_are_sigmoids),
		cmocka_unit_test(a_spoilt_model_is_noticed),
		cmocka_unit_test(any_alignment_gives_the_same),
		cmocka_unit_test(cut_anywhere_it_is_refused),
		cmocka_unit_test(each_fault_has_its_sentence),
		cmocka_unit_test(counts_that_lie_allocate_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
