/*
 * times.c - how long things took: histograms over six decades of time.
 *
 * Runs in: every process.
 * Owns: nothing; the arrays are the caller's.
 * Invariant: every array has the same length and the same meaning, so any two
 * may be added; what is read is bounded before it is summed.
 */
#include "common/times.h"

#define DIGITS		2
#define COUNT_MAX	(INT64_C(1) << 48)	/* so that no sum overflows */

const uint64_t	times_edges_us[TIMES_EDGES] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
	500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000
};

/* It fails for numbers that make no sense, and these are constants. */
static struct hdr_histogram_bucket_config
layout(void)
{
	struct hdr_histogram_bucket_config config;

	hdr_calculate_bucket_config(1, (int64_t)TIMES_HIGHEST_US, DIGITS,
	    &config);
	return config;
}

size_t
times_length(void)
{
	return (size_t)layout().counts_len;
}

void
times_init(struct hdr_histogram *histogram, int64_t *counts)
{
	struct hdr_histogram_bucket_config config = layout();

	hdr_init_preallocated(histogram, &config);
	histogram->counts = counts;
}

void
times_record(struct hdr_histogram *histogram, uint64_t ns)
{
	uint64_t us = ns / 1000;

	hdr_record_value(histogram, (int64_t)(us < TIMES_HIGHEST_US ? us :
	    TIMES_HIGHEST_US));
}

static int64_t
bounded(int64_t count)
{
	return count < 0 ? 0 : count < COUNT_MAX ? count : COUNT_MAX;
}

void
times_add(int64_t *sum, const int64_t *counts)
{
	size_t length = times_length();

	for (size_t i = 0; i < length; i++)
		sum[i] = bounded(sum[i] + bounded(counts[i]));
}

void
times_scale_init(struct times_scale *scale)
{
	struct hdr_histogram histogram;
	uint32_t i = 0;

	times_init(&histogram, NULL);
	scale->length = (uint32_t)histogram.counts_len;
	for (size_t e = 0; e < TIMES_EDGES; e++) {
		while (i < scale->length && (uint64_t)hdr_value_at_index(
		    &histogram, (int32_t)i) <= times_edges_us[e])
			i++;
		scale->ends[e] = i;
	}
}

void
times_cumulate(const struct times_scale *scale, const int64_t *counts,
    uint64_t out[TIMES_EDGES + 1])
{
	uint64_t sum = 0;
	uint32_t i = 0;

	for (size_t e = 0; e <= TIMES_EDGES; e++) {
		uint32_t end = e == TIMES_EDGES ? scale->length :
		    scale->ends[e];

		for (; i < end; i++)
			sum += (uint64_t)bounded(counts[i]);
		out[e] = sum;
	}
}

uint64_t
times_percentile(int64_t *counts, double percent)
{
	struct hdr_histogram histogram;

	times_init(&histogram, counts);
	hdr_reset_internal_counters(&histogram);
	if (histogram.total_count <= 0)
		return 0;
	return (uint64_t)hdr_value_at_percentile(&histogram, percent);
}
