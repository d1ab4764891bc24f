/*
 * metrics_test.c - how metrics are written, in both forms.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: what is expected is written out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/metrics.h"

static void
expect(struct metrics *metrics, const char *wanted)
{
	size_t length;
	char *text = metrics_end(metrics, &length);

	assert_non_null(text);
	assert_int_equal(length, strlen(wanted));
	assert_memory_equal(text, wanted, length);
	free(text);
}

static void
put_some(struct metrics *metrics, bool open_metrics)
{
	struct metrics_labels labels = { .length = 0 };

	metrics_begin(metrics, open_metrics);
	metrics_family(metrics, METRICS_COUNTER, "a_seconds", "seconds",
	    "One.");
	metrics_put_ns(metrics, NULL, UINT64_C(12000000345));
	metrics_family(metrics, METRICS_GAUGE, "b", NULL, "Two.");
	metrics_label(&labels, "x", "1", SIZE_MAX);
	metrics_put(metrics, &labels, UINT64_MAX);
	metrics_family(metrics, METRICS_INFO, "c", NULL, "Three.");
	metrics_label(&labels, "y", "2", SIZE_MAX);
	metrics_put(metrics, &labels, 1);
}

static void
test_open_metrics(void **state)
{
	struct metrics metrics;

	(void)state;
	put_some(&metrics, true);
	expect(&metrics, "# TYPE a_seconds counter\n"
	    "# UNIT a_seconds seconds\n"
	    "# HELP a_seconds One.\n"
	    "a_seconds_total 12.000000345\n"
	    "# TYPE b gauge\n"
	    "# HELP b Two.\n"
	    "b{x=\"1\"} 18446744073709551615\n"
	    "# TYPE c info\n"
	    "# HELP c Three.\n"
	    "c_info{x=\"1\",y=\"2\"} 1\n"
	    "# EOF\n");
}

static void
test_the_older_form(void **state)
{
	struct metrics metrics;

	(void)state;
	put_some(&metrics, false);
	expect(&metrics, "# TYPE a_seconds_total counter\n"
	    "# HELP a_seconds_total One.\n"
	    "a_seconds_total 12.000000345\n"
	    "# TYPE b gauge\n"
	    "# HELP b Two.\n"
	    "b{x=\"1\"} 18446744073709551615\n"
	    "# TYPE c_info gauge\n"
	    "# HELP c_info Three.\n"
	    "c_info{x=\"1\",y=\"2\"} 1\n");
}

static void
expect_label(const char *value, size_t size, const char *wanted)
{
	struct metrics_labels labels = { .length = 0 };

	metrics_label(&labels, "x", value, size);
	assert_int_equal(labels.length, strlen(wanted));
	assert_memory_equal(labels.text, wanted, labels.length);
}

static void
test_labels_can_be_read_whatever_they_are(void **state)
{
	(void)state;
	expect_label("", SIZE_MAX, "x=\"\"");
	expect_label("GET /{id}", SIZE_MAX, "x=\"GET /{id}\"");
	expect_label("a\"b\\c\nd", SIZE_MAX, "x=\"a\\\"b\\\\c\\nd\"");
	expect_label("gr\xc3\xbc\xc3\x9f", SIZE_MAX,
	    "x=\"gr\xc3\xbc\xc3\x9f\"");
	expect_label("a\xff\xc3", SIZE_MAX,
	    "x=\"a\xef\xbf\xbd\xef\xbf\xbd\"");
	expect_label("abc", 2, "x=\"ab\"");
	expect_label("a\0b", 3, "x=\"a\"");
}

/* A label that would be half there is not there. */
static void
test_labels_have_a_bound(void **state)
{
	struct metrics_labels labels = { .length = 0 };
	char bad[200];
	size_t before = 0;

	(void)state;
	memset(bad, 0xff, sizeof(bad));
	for (int i = 0; i < 20; i++) {
		metrics_label(&labels, "name", bad, sizeof(bad));
		assert_true(labels.length <= sizeof(labels.text));
		assert_int_equal(labels.text[labels.length - 1], '"');
		if (i >= 2)
			assert_int_equal(labels.length, before);
		before = labels.length;
	}
	for (int i = 0; i < 2000; i++) {
		metrics_label(&labels, "n", "", 0);
		assert_true(labels.length <= sizeof(labels.text));
	}
}

static void
test_a_histogram(void **state)
{
	uint64_t buckets[TIMES_EDGES + 1];
	struct metrics_labels labels = { .length = 0 };
	struct metrics metrics;
	size_t length;
	char *text;

	(void)state;
	for (size_t i = 0; i <= TIMES_EDGES; i++)
		buckets[i] = i;
	metrics_label(&labels, "x", "1", SIZE_MAX);
	metrics_begin(&metrics, true);
	metrics_family(&metrics, METRICS_HISTOGRAM, "h_seconds", "seconds",
	    "Three.");
	metrics_put_times(&metrics, &labels, buckets, 5);
	text = metrics_end(&metrics, &length);
	assert_non_null(text);
	text = realloc(text, length + 1);
	text[length] = '\0';
	assert_non_null(strstr(text, "h_seconds_bucket{x=\"1\","
	    "le=\"0.0001\"} 0\nh_seconds_bucket{x=\"1\",le=\"0.00025\"} 1\n"));
	assert_non_null(strstr(text, "h_seconds_bucket{x=\"1\",le=\"1.0\"} "
	    "12\n"));
	assert_non_null(strstr(text, "h_seconds_bucket{x=\"1\",le=\"60.0\"} "
	    "17\nh_seconds_bucket{x=\"1\",le=\"+Inf\"} 18\n"
	    "h_seconds_count{x=\"1\"} 18\n"
	    "h_seconds_sum{x=\"1\"} 0.000000005\n# EOF\n"));
	free(text);
}

/* The names of the buckets are those of their edges. */
static void
test_buckets_are_called_what_they_are(void **state)
{
	uint64_t buckets[TIMES_EDGES + 1] = { 0 };
	struct metrics_labels labels = { .length = 0 };
	struct metrics metrics;
	size_t length, edge = 0;
	char *text, *at;

	(void)state;
	metrics_begin(&metrics, false);
	metrics_family(&metrics, METRICS_HISTOGRAM, "h", NULL, "h");
	metrics_put_times(&metrics, &labels, buckets, 0);
	text = metrics_end(&metrics, &length);
	assert_non_null(text);
	text = realloc(text, length + 1);
	text[length] = '\0';
	for (at = text; (at = strstr(at, "le=\"")) != NULL; at += 4) {
		if (edge < TIMES_EDGES)
			assert_int_equal((uint64_t)(strtod(at + 4, NULL) *
			    1e6 + 0.5), times_edges_us[edge]);
		edge++;
	}
	assert_int_equal(edge, TIMES_EDGES + 1);
	free(text);
}

/* More than fits is nothing: half a text would be read as a whole one. */
static void
test_a_text_has_a_bound(void **state)
{
	struct metrics_labels labels = { .length = 0 };
	struct metrics metrics;
	char value[1500];
	size_t length;

	(void)state;
	memset(value, 'a', sizeof(value));
	metrics_label(&labels, "x", value, sizeof(value));
	metrics_begin(&metrics, true);
	metrics_family(&metrics, METRICS_GAUGE, "g", NULL, "g");
	for (size_t i = 0; i < METRICS_TEXT_MAX / sizeof(value) + 1; i++)
		metrics_put(&metrics, &labels, i);
	assert_true(metrics.failed);
	assert_true(metrics.size <= METRICS_TEXT_MAX);
	assert_null(metrics_end(&metrics, &length));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_metrics),
		cmocka_unit_test(test_the_older_form),
		cmocka_unit_test(test_labels_can_be_read_whatever_they_are),
		cmocka_unit_test(test_labels_have_a_bound),
		cmocka_unit_test(test_a_histogram),
		cmocka_unit_test(test_buckets_are_called_what_they_are),
		cmocka_unit_test(test_a_text_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
