/*
 * times.h - how long things took: histograms over six decades of time.
 *
 * The counting is HdrHistogram's (vendor/hdr_histogram): two significant
 * digits from a microsecond to an hour, in an array of counts whose length is
 * always the same.  The array may lie in shared memory; the struct
 * hdr_histogram belongs to one process, and only one process records.
 *
 *	struct hdr_histogram h;
 *	times_init(&h, counts);			counts: times_length(), zeros
 *	times_record(&h, ended_ns - begun_ns);
 *
 * Who reads an array that another process writes copies it first, and believes
 * nothing: a count may be any number.
 */
#ifndef COMMON_TIMES_H
#define COMMON_TIMES_H

#include <stddef.h>
#include <stdint.h>

#include "vendor/hdr_histogram/hdr_histogram.h"

/* What is measured of each request of a route. */
enum times_kind {
	TIMES_QUEUE,	/* from its admission to its handler's begin */
	TIMES_RUN,	/* its handler */
	TIMES_WRITE,	/* from then on until the kernel has the reply */
	TIMES_KINDS
};

#define TIMES_HIGHEST_US	UINT64_C(3600000000)	/* longer counts as */

/* Entries of a count array: a constant, some 3300. */
size_t	times_length(void);

/* `counts` lives as long as the histogram is used. */
void	times_init(struct hdr_histogram *, int64_t *counts);
void	times_record(struct hdr_histogram *, uint64_t ns);

/* Adds an array to another; counts that cannot be are bounded. */
void	times_add(int64_t *sum, const int64_t *counts);

/*
 * The counts as buckets: how many took at most so many microseconds.  A time
 * counts as what two digits of it are, rounded down.
 */
#define TIMES_EDGES	18
extern const uint64_t	times_edges_us[TIMES_EDGES];

struct times_scale {
	uint32_t	ends[TIMES_EDGES];	/* first entry above an edge */
	uint32_t	length;
};
void	times_scale_init(struct times_scale *);

/* Cumulative; the last of out is of all. */
void	times_cumulate(const struct times_scale *, const int64_t *counts,
	    uint64_t out[TIMES_EDGES + 1]);

/* Microseconds that so many in a hundred did not exceed; 0: there are none. */
uint64_t	times_percentile(int64_t *counts, double percent);

#endif
