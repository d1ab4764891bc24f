/*
 * times_test.c - histograms of times, and which runs are measured.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: what is expected is counted by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/times.h"
#include "common/usage.h"

#define US	UINT64_C(1000)
#define SECOND	UINT64_C(1000000000)

static int64_t			*counts;
static struct hdr_histogram	 histogram;

static int
begin(void **state)
{
	(void)state;
	counts = calloc(times_length(), sizeof(*counts));
	assert_non_null(counts);
	times_init(&histogram, counts);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	free(counts);
	return 0;
}

#define times_case(f)	cmocka_unit_test_setup_teardown(f, begin, end)

/* How many took at most so long, an edge. */
static uint64_t
up_to(uint64_t us)
{
	uint64_t buckets[TIMES_EDGES + 1];
	struct times_scale scale;
	size_t edge = 0;

	times_scale_init(&scale);
	times_cumulate(&scale, counts, buckets);
	while (edge < TIMES_EDGES && times_edges_us[edge] != us)
		edge++;
	return buckets[edge];
}

static void
test_a_time_at_an_edge_is_in_its_bucket(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMES_EDGES; i++)
		times_record(&histogram, times_edges_us[i] * US);
	for (size_t i = 0; i < TIMES_EDGES; i++)
		assert_int_equal(up_to(times_edges_us[i]), i + 1);
	assert_int_equal(up_to(0), TIMES_EDGES);
}

/* Two digits: a hundredth more than an edge is above it. */
static void
test_a_time_above_an_edge_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMES_EDGES; i++)
		times_record(&histogram, times_edges_us[i] * US * 102 / 100);
	for (size_t i = 0; i < TIMES_EDGES; i++)
		assert_int_equal(up_to(times_edges_us[i]), i);
}

static void
test_nothing_is_too_short_or_too_long(void **state)
{
	(void)state;
	times_record(&histogram, 0);
	times_record(&histogram, 999);
	times_record(&histogram, 100 * 3600 * SECOND);
	times_record(&histogram, UINT64_MAX);
	assert_int_equal(up_to(100), 2);
	assert_int_equal(up_to(60000000), 2);
	assert_int_equal(up_to(0), 4);
}

/* Somebody has written over them. */
static void
test_counts_that_cannot_be_are_bounded(void **state)
{
	uint64_t last = 0;
	int64_t *sum = calloc(times_length(), sizeof(*sum));

	(void)state;
	for (size_t i = 0; i < times_length(); i++)
		counts[i] = i % 2 == 0 ? INT64_MIN : INT64_MAX;
	for (int i = 0; i < 3; i++)
		times_add(sum, counts);
	memcpy(counts, sum, times_length() * sizeof(*counts));
	for (size_t i = 0; i < TIMES_EDGES; i++) {
		assert_true(up_to(times_edges_us[i]) >= last);
		last = up_to(times_edges_us[i]);
	}
	assert_true(up_to(0) >= last && up_to(0) < UINT64_C(1) << 62);
	free(sum);
}

static void
test_sums(void **state)
{
	int64_t *sum = calloc(times_length(), sizeof(*sum));

	(void)state;
	times_record(&histogram, 100 * US);
	times_record(&histogram, 3 * SECOND);
	times_add(sum, counts);
	times_add(sum, counts);
	memcpy(counts, sum, times_length() * sizeof(*counts));
	assert_int_equal(up_to(100), 2);
	assert_int_equal(up_to(2500000), 2);
	assert_int_equal(up_to(5000000), 4);
	free(sum);
}

static void
test_percentiles(void **state)
{
	(void)state;
	assert_int_equal(times_percentile(counts, 50), 0);
	for (uint64_t i = 1; i <= 100; i++)
		times_record(&histogram, i * 1000 * US);
	assert_in_range(times_percentile(counts, 50), 49500, 50500);
	assert_in_range(times_percentile(counts, 99), 98000, 100000);
	assert_in_range(times_percentile(counts, 100), 100000, 101000);
}

/* -------------------------------------------------------- processor time */

static void
test_a_quick_handler_is_measured_now_and_then(void **state)
{
	struct usage_turn turn = { 0 };
	unsigned measured = 0;

	(void)state;
	assert_true(usage_is_due(&turn));
	for (unsigned i = 0; i < 10 * USAGE_EVERY; i++) {
		measured += usage_is_due(&turn);
		usage_ran(&turn, USAGE_ALWAYS_NS);
	}
	assert_int_equal(measured, 10);
}

static void
test_a_slow_one_is_measured_always(void **state)
{
	struct usage_turn turn = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5 * USAGE_EVERY; i++) {
		assert_true(usage_is_due(&turn));
		usage_ran(&turn, USAGE_ALWAYS_NS + 1);
	}
	usage_ran(&turn, 10);	/* it was quick once, and not measured next */
	assert_false(usage_is_due(&turn));
}

static void
test_what_is_not_measured_is_like_what_was(void **state)
{
	struct usage_known known = { 0 };

	(void)state;
	assert_int_equal(usage_of_run(&known, USAGE_UNKNOWN, 1000), 0);
	assert_int_equal(usage_of_run(&known, 250, 1000), 250);
	assert_int_equal(usage_of_run(&known, USAGE_UNKNOWN, 4000), 1000);
	assert_int_equal(usage_of_run(&known, 750, 1000), 750);
	assert_int_equal(usage_of_run(&known, USAGE_UNKNOWN, 4000), 2000);
}

static void
test_a_run_has_one_thread(void **state)
{
	struct usage_known known = { 0 };

	(void)state;
	assert_int_equal(usage_of_run(&known, 5000, 1000), 1000);
	assert_int_equal(usage_of_run(&known, USAGE_UNKNOWN, 1000), 1000);
	assert_int_equal(usage_between(10, USAGE_UNKNOWN), USAGE_UNKNOWN);
	assert_int_equal(usage_between(USAGE_UNKNOWN, 10), USAGE_UNKNOWN);
	assert_int_equal(usage_between(10, 5), USAGE_UNKNOWN);
	assert_int_equal(usage_between(10, 15), 5);
}

static void
test_only_work_counts(void **state)
{
	struct timespec pause = { 0, 20000000 };
	uint64_t from = usage_now_ns(true);

	(void)state;
	nanosleep(&pause, NULL);
	assert_true(usage_between(from, usage_now_ns(true)) < 10000000);
	assert_int_equal(usage_now_ns(false), USAGE_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		times_case(test_a_time_at_an_edge_is_in_its_bucket),
		times_case(test_a_time_above_an_edge_is_not),
		times_case(test_nothing_is_too_short_or_too_long),
		times_case(test_counts_that_cannot_be_are_bounded),
		times_case(test_sums),
		times_case(test_percentiles),
		cmocka_unit_test(test_a_quick_handler_is_measured_now_and_then),
		cmocka_unit_test(test_a_slow_one_is_measured_always),
		cmocka_unit_test(test_what_is_not_measured_is_like_what_was),
		cmocka_unit_test(test_a_run_has_one_thread),
		cmocka_unit_test(test_only_work_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
