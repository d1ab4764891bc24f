/*
 * fuzz_fasttext.c - the reader of fastText models on any bytes.
 *
 * The input is a model, and behind its last NUL a text to label with it; a
 * second copy of the model starts at an odd address.
 *
 * Runs in: make check (over the corpus), and a fuzzer.
 * Owns: nothing.
 * Invariant: nothing outside the bytes is read; an accepted model answers
 * every text with one of its labels, or says why not, at any alignment alike.
 */
#include "fuzz.h"

#include <string.h>

#include "handlers/sentiment/fasttext_reader.h"

static void
check_answer(enum fasttext_rc rc, const struct fasttext_answer *answer,
    const uint8_t *model, size_t length)
{
	const uint8_t *label = (const uint8_t *)answer->label;

	if (rc != FASTTEXT_OK)
		return;
	CHECK(label >= model && label < model + length);
	CHECK((size_t)(model + length - label) > answer->label_length);
	CHECK(memchr(label, '\0', answer->label_length) == NULL);
	CHECK(answer->probability >= 0 && answer->probability <= 1.0001);
}

static enum fasttext_rc
label_text(const uint8_t *model, size_t length, const char *text,
    size_t text_length, struct fasttext_answer *answer, int *opened)
{
	struct fasttext_reader reader;
	enum fasttext_rc rc = FASTTEXT_NO_WORDS;
	char why[160] = "";

	*opened = fasttext_reader_open(&reader, model, length, why,
	    sizeof(why)) == 0;
	CHECK(*opened == (why[0] == '\0'));
	if (*opened) {
		rc = fasttext_predict(&reader, text, text_length, answer);
		check_answer(rc, answer, model, length);
		fasttext_reader_close(&reader);
	}
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fasttext_answer one = { 0 }, two = { 0 };
	const uint8_t *last = size == 0 ? NULL : memrchr(data, '\0', size);
	const char *text = last == NULL ? (const char *)data :
	    (const char *)last + 1;
	size_t text_length = last == NULL ? size :
	    size - (size_t)(last + 1 - data);
	uint8_t *copy = malloc(size + 1);
	int opened_one, opened_two;
	enum fasttext_rc rc;

	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy + 1, data, size);
	rc = label_text(data, size, text, text_length, &one, &opened_one);
	CHECK(rc == label_text(copy + 1, size, text, text_length, &two,
	    &opened_two));
	CHECK(opened_one == opened_two);
	CHECK(rc != FASTTEXT_OK || (one.label_length == two.label_length &&
	    one.probability == two.probability));
	free(copy);
	return 0;
}
