/*
 * booster.h - what is needed of XGBoost: train in rounds, save, load, score.
 *
 * A booster is used by one thread at a time.  All of it runs on one thread
 * (nthread 1): the host has as many processes as it wants cores.
 */
#ifndef TRAIN_BOOSTER_H
#define TRAIN_BOOSTER_H

#include <stddef.h>

struct booster;

/* Row after row; NAN is a missing value.  Labels are 0 or 1. */
struct booster_samples {
	float	*values;
	float	*labels;
	size_t	 rows;
	size_t	 columns;
};

/* Ready for its first round; the samples are copied.  NULL: booster_error(). */
struct booster	*booster_create(const struct booster_samples *, int depth);

/* Adds one tree.  0 or -1. */
int		 booster_round(struct booster *, int round);

/* The model as bytes, good until the booster is next used.  0 or -1. */
int		 booster_save(struct booster *, const void **bytes_out,
		    size_t *length_out);

/* From what booster_save() gave. */
struct booster	*booster_load(const void *bytes, size_t length);

/* How many columns it was trained with. */
size_t		 booster_columns(struct booster *);

/*
 * The probability of label 1 for each row; the array is good until the booster
 * is next used.  NULL on failure.
 */
const float	*booster_score(struct booster *, const float *values,
		    size_t rows, size_t columns);

void		 booster_destroy(struct booster *);

/* Why the last call of this thread failed. */
const char	*booster_error(void);

#endif
