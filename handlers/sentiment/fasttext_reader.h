/*
 * fasttext_reader.h - answers from the bytes of a fastText model, in place.
 *
 * Takes the .bin file of `fasttext supervised` (versions 11 and 12, not
 * quantized, loss softmax, one-vs-all or ns) as it lies in memory, read-only
 * and at any alignment.  Opening makes an index of the words, on the heap; the
 * matrices, which are nearly all of the file, are used where they are.
 *
 * The bytes are not trusted: whatever they are, nothing outside of them is
 * read.  Predicting is safe in several threads at a time.
 */
#ifndef FASTTEXT_READER_H
#define FASTTEXT_READER_H

#include <stddef.h>
#include <stdint.h>

#define FASTTEXT_DIM_MAX	1024
#define FASTTEXT_NGRAMS_MAX	16	/* words, or characters, in a row */

struct fasttext_entry {
	uint64_t	 offset;	/* of its text in the file */
	uint32_t	 length;
	uint32_t	 hash;
};

struct fasttext_reader {
	const uint8_t		*bytes;
	const uint8_t		*input;		/* a row per word and bucket */
	const uint8_t		*output;	/* a row per label */
	uint32_t		 dim;
	uint32_t		 word_ngrams;
	uint32_t		 loss;
	uint32_t		 bucket;
	uint32_t		 minn, maxn;	/* character n-grams; 0: none */
	uint32_t		 words, labels;
	struct fasttext_entry	*entries;	/* words, then labels */
	uint32_t		*slots;		/* hash -> entry + 1, 0: free */
	uint32_t		 slot_mask;
};

enum fasttext_rc {
	FASTTEXT_OK,
	FASTTEXT_NO_WORDS,	/* nothing in the text says anything to it */
	FASTTEXT_NOT_A_NUMBER	/* the model is spoilt */
};

/* `label` is without "__label__"; it lies in the model and has no NUL. */
struct fasttext_answer {
	const char	*label;
	size_t		 label_length;
	double		 probability;	/* of this label, 0 to 1 */
};

/*
 * `bytes` must live as long as the reader.  0, or -1 and a sentence in `why`
 * (nothing is left to close then).
 */
int	fasttext_reader_open(struct fasttext_reader *, const void *bytes,
	    size_t length, char *why, size_t why_size);
void	fasttext_reader_close(struct fasttext_reader *);

/* The most likely label.  The text is one line: newlines count as spaces. */
enum fasttext_rc	fasttext_predict(const struct fasttext_reader *,
			    const char *text, size_t length,
			    struct fasttext_answer *answer_out);

#endif
