/*
 * metrics.h - writes metrics as Prometheus and others read them.
 *
 * Two forms of the same: OpenMetrics 1.0, and the older text format 0.0.4 of
 * Prometheus.  Families come one after the other, each with its samples:
 *
 *	metrics_begin(&w, true);
 *	metrics_family(&w, METRICS_COUNTER, "fcgi_host_requests", NULL, "...");
 *	metrics_put(&w, &labels, 17);
 *	text = metrics_end(&w, &length);
 *
 * Names have no suffix of their type: "_total", "_info" and those of a
 * histogram are added where the form wants them.  Pure, no I/O.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/times.h"

#define METRICS_LABELS_MAX	1600
#define METRICS_TEXT_MAX	(64u << 20)	/* bytes; no more is written */

/* The labels of a sample, as they are written.  Zeroed: there are none. */
struct metrics_labels {
	size_t	length;
	char	text[METRICS_LABELS_MAX];
};

/*
 * Adds one; the value ends at `size` or at its NUL.  Bytes that are no UTF-8
 * become U+FFFD.  Three names of a hundred bytes each are sure to fit; one that
 * does not is left out.  To take it off again, set `length` back.
 */
void	metrics_label(struct metrics_labels *, const char *name,
	    const char *value, size_t size);

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_INFO,
	METRICS_HISTOGRAM };

struct metrics {
	char			*bytes;
	size_t			 length, size;
	bool			 open;		/* OpenMetrics */
	bool			 failed;	/* no memory, or too much */
	enum metrics_type	 type;		/* of the family */
	const char		*name;
};

void	metrics_begin(struct metrics *, bool open_metrics);

/* `unit` is the end of the name, "seconds" or "bytes", or NULL. */
void	metrics_family(struct metrics *, enum metrics_type, const char *name,
	    const char *unit, const char *help);

/* One sample of the family; labels may be NULL.  `put_ns` is one in seconds,
 * and loses nothing. */
void	metrics_put(struct metrics *, const struct metrics_labels *, uint64_t);
void	metrics_put_ns(struct metrics *, const struct metrics_labels *,
	    uint64_t ns);

/* A histogram's: buckets as of times_cumulate(), and the sum of all times. */
void	metrics_put_times(struct metrics *, struct metrics_labels *,
	    const uint64_t buckets[TIMES_EDGES + 1], uint64_t sum_ns);

/* The whole; free() it.  NULL: no memory. */
char	*metrics_end(struct metrics *, size_t *length_out);

/* The Content-Type of either form. */
const char	*metrics_content_type(bool open_metrics);

#endif
