/*
 * metrics.c - writes metrics as Prometheus and others read them.
 *
 * Runs in: supervisor.
 * Owns: the text while it grows.
 * Invariant: whatever bytes a label has, what is written can be read; once
 * memory has failed nothing is added, and there is no half text.
 */
#include "common/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_text.h"

#define FIRST_SIZE	65536
#define NS_PER_SECOND	UINT64_C(1000000000)
#define REPLACEMENT	"\xef\xbf\xbd"	/* U+FFFD */

/* The buckets of times_edges_us, in seconds, as OpenMetrics wants numbers. */
static const char *const	edges[TIMES_EDGES + 1] = {
	"0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
	"0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0",
	"30.0", "60.0", "+Inf"
};

/* ------------------------------------------------------------------ labels */

/* One character: its bytes as they are written, and how many of the value it
 * is. */
static size_t
take_character(const char *at, const char *end, const char **out,
    size_t *length_out)
{
	bool good;
	size_t took = wire_utf8_take(at, end, &good);

	*out = !good ? REPLACEMENT : *at == '\n' ? "\\n" : *at == '"' ?
	    "\\\"" : *at == '\\' ? "\\\\" : at;
	*length_out = *out == at ? took : strlen(*out);
	return took;
}

/* 0, or -1: it does not fit. */
static int
put_value(struct metrics_labels *labels, const char *at, const char *end)
{
	const char *bytes;
	size_t length;

	while (at < end) {
		at += take_character(at, end, &bytes, &length);
		if (labels->length + length + 2 > sizeof(labels->text))
			return -1;
		memcpy(labels->text + labels->length, bytes, length);
		labels->length += length;
	}
	labels->text[labels->length++] = '"';
	return 0;
}

void
metrics_label(struct metrics_labels *labels, const char *name,
    const char *value, size_t size)
{
	size_t before = labels->length;
	size_t room = sizeof(labels->text) - before;
	int put = snprintf(labels->text + before, room, "%s%s=\"",
	    before == 0 ? "" : ",", name);

	if (put < 0 || (size_t)put >= room)
		return;
	labels->length += (size_t)put;
	if (put_value(labels, value, value + strnlen(value, size)) < 0)
		labels->length = before;
}

/* -------------------------------------------------------------------- text */

/* Room for so many bytes and a NUL; NULL: there is none. */
static char *
room_for(struct metrics *metrics, size_t length)
{
	size_t wanted = metrics->size == 0 ? FIRST_SIZE : metrics->size;
	char *grown;

	if (metrics->failed)
		return NULL;
	while (wanted <= metrics->length + length)
		wanted *= 2;
	if (wanted > metrics->size) {
		grown = wanted > METRICS_TEXT_MAX ? NULL :
		    realloc(metrics->bytes, wanted);
		if (grown == NULL) {
			metrics->failed = true;
			return NULL;
		}
		metrics->bytes = grown;
		metrics->size = wanted;
	}
	return metrics->bytes + metrics->length;
}

static void
add(struct metrics *metrics, const char *bytes, size_t length)
{
	char *at = room_for(metrics, length);

	if (at == NULL)
		return;
	memcpy(at, bytes, length);
	metrics->length += length;
}

static void __attribute__((format(printf, 2, 3)))
print(struct metrics *metrics, const char *format, ...)
{
	char text[512];
	va_list ap;
	int length;

	va_start(ap, format);
	length = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (length < 0 || (size_t)length >= sizeof(text))
		metrics->failed = true;
	else
		add(metrics, text, (size_t)length);
}

void
metrics_begin(struct metrics *metrics, bool open_metrics)
{
	memset(metrics, 0, sizeof(*metrics));
	metrics->open = open_metrics;
}

/* What a sample's name has behind its family's. */
static const char *
suffix_of(const struct metrics *metrics)
{
	return metrics->type == METRICS_COUNTER ? "_total" :
	    metrics->type == METRICS_INFO ? "_info" : "";
}

/* In the older form the family's name is the sample's. */
void
metrics_family(struct metrics *metrics, enum metrics_type type,
    const char *name, const char *unit, const char *help)
{
	static const char *const types[] = { "counter", "gauge", "info",
	    "histogram" };
	const char *suffix;

	metrics->type = type;
	metrics->name = name;
	suffix = metrics->open ? "" : suffix_of(metrics);
	print(metrics, "# TYPE %s%s %s\n", name, suffix,
	    type == METRICS_INFO && !metrics->open ? "gauge" : types[type]);
	if (metrics->open && unit != NULL)
		print(metrics, "# UNIT %s %s\n", name, unit);
	print(metrics, "# HELP %s%s %s\n", name, suffix, help);
}

/* All before the value. */
static void
put_name(struct metrics *metrics, const char *suffix,
    const struct metrics_labels *labels)
{
	add(metrics, metrics->name, strlen(metrics->name));
	add(metrics, suffix, strlen(suffix));
	if (labels != NULL && labels->length > 0) {
		add(metrics, "{", 1);
		add(metrics, labels->text, labels->length);
		add(metrics, "}", 1);
	}
}

void
metrics_put(struct metrics *metrics, const struct metrics_labels *labels,
    uint64_t value)
{
	put_name(metrics, suffix_of(metrics), labels);
	print(metrics, " %" PRIu64 "\n", value);
}

static void
put_ns(struct metrics *metrics, const char *suffix,
    const struct metrics_labels *labels, uint64_t ns)
{
	put_name(metrics, suffix, labels);
	print(metrics, " %" PRIu64 ".%09" PRIu64 "\n", ns / NS_PER_SECOND,
	    ns % NS_PER_SECOND);
}

void
metrics_put_ns(struct metrics *metrics, const struct metrics_labels *labels,
    uint64_t ns)
{
	put_ns(metrics, suffix_of(metrics), labels, ns);
}

void
metrics_put_times(struct metrics *metrics, struct metrics_labels *labels,
    const uint64_t buckets[TIMES_EDGES + 1], uint64_t sum_ns)
{
	size_t before = labels->length;

	for (size_t i = 0; i <= TIMES_EDGES; i++) {
		metrics_label(labels, "le", edges[i], SIZE_MAX);
		put_name(metrics, "_bucket", labels);
		print(metrics, " %" PRIu64 "\n", buckets[i]);
		labels->length = before;
	}
	put_name(metrics, "_count", labels);
	print(metrics, " %" PRIu64 "\n", buckets[TIMES_EDGES]);
	put_ns(metrics, "_sum", labels, sum_ns);
}

char *
metrics_end(struct metrics *metrics, size_t *length_out)
{
	char *fit;

	if (metrics->open)
		add(metrics, "# EOF\n", 6);
	if (metrics->failed) {
		free(metrics->bytes);
		return NULL;
	}
	*length_out = metrics->length;
	fit = realloc(metrics->bytes, metrics->length + 1);
	return fit != NULL ? fit : metrics->bytes;
}

const char *
metrics_content_type(bool open_metrics)
{
	return open_metrics ? "application/openmetrics-text; version=1.0.0; "
	    "charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
}
