/*
 * fasttext_words.h - between the two halves of the reader: losses, and words
 * to row numbers.
 */
#ifndef FASTTEXT_WORDS_H
#define FASTTEXT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "fasttext_reader.h"

enum fasttext_loss {
	FASTTEXT_LOSS_HS = 1,
	FASTTEXT_LOSS_NS,
	FASTTEXT_LOSS_SOFTMAX,
	FASTTEXT_LOSS_OVA
};

#define FASTTEXT_UNKNOWN	UINT32_MAX

/* fastText's hash: FNV-1a, over signed characters. */
uint32_t	fasttext_hash(const void *text, size_t length);

/* Puts an entry into the index; the first of two equal ones is found. */
void		fasttext_index_add(struct fasttext_reader *, uint32_t entry);

/* The entry with that text, or FASTTEXT_UNKNOWN. */
uint32_t	fasttext_index_find(const struct fasttext_reader *,
		    const char *text, size_t length, uint32_t hash);

#endif
