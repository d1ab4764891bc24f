/*
 * sup_counts_test.c - counters over fronts that die and generations that go.
 *
 * Runs in: make check.
 * Owns: nothing; each test takes its teams down.
 * Invariant: the teams' memory is as real as the supervisor's, the processes
 * are made up.
 */
#include "supervisor/sup_counts.h"

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config_pool	pool = { .workers = 1, .threads = 1 };
static const struct config	config = { .pools = &pool, .pool_count = 1,
	.params_limit = 65536, .body_memory = 65536, .reply_space = 20000 };

static struct sup	sup;

/* ------------------------------------------------------------ made-up teams */

static struct sup_generation *
add_generation(uint32_t route_count)
{
	struct sup_generation *generation = calloc(1, sizeof(*generation));

	assert_non_null(generation);
	generation->sup = &sup;
	generation->geometry = shm_geometry_create(&config, route_count);
	assert_non_null(generation->geometry);
	generation->older = sup.generations;
	return sup.generations = generation;
}

static struct sup_team *
add_team(struct sup_generation *generation)
{
	struct sup_team *team = calloc(1, sizeof(*team));
	struct err err;
	int fd = shm_create(generation->geometry, &err);

	assert_non_null(team);
	assert_true(fd >= 0);
	team->generation = generation;
	team->shm = shm_map(generation->geometry, fd, SHM_SUPERVISOR, 0,
	    &err);
	assert_non_null(team->shm);
	team->shm_fd = fd;
	team->front.pid = 1;
	team->next = generation->teams;
	return generation->teams = team;
}

static struct sup_team *
add_first_team(uint32_t route_count)
{
	return add_team(add_generation(route_count));
}

static struct shm_route_stats *
name_route(const struct sup_team *team, uint32_t index, const char *label)
{
	struct shm_route_stats *stats = shm_route_stats(team->shm, index);

	assert_true(strlen(label) <= SHM_LABEL_MAX);
	memset(stats->label, 0, sizeof(stats->label));
	memcpy(stats->label, label, strlen(label));
	return stats;
}

/* Its processes are gone. */
static void
end_team(struct sup_team *team)
{
	struct sup_team **at = &team->generation->teams;

	sup_counts_keep(&sup, team);
	while (*at != team)
		at = &(*at)->next;
	*at = team->next;
	shm_unmap(team->shm);
	close(team->shm_fd);
	free(team);
}

static void
end_generation(struct sup_generation *generation)
{
	struct sup_generation **at = &sup.generations;

	while (generation->teams != NULL)
		end_team(generation->teams);
	while (*at != generation)
		at = &(*at)->older;
	*at = generation->older;
	shm_geometry_destroy(generation->geometry);
	free(generation);
}

static int
end_all(void **state)
{
	(void)state;
	while (sup.generations != NULL)
		end_generation(sup.generations);
	sup_counts_free(&sup);
	sup_counts_free(&sup);
	return sup.counts == NULL ? 0 : -1;
}

#define counts_test(f) \
	cmocka_unit_test_setup_teardown(f, NULL, end_all)

static uint64_t
requests_of(const char *label)
{
	struct shm_route_stats sum;

	sup_counts_route(&sup, label, &sum);
	return sum.requests;
}

/* ------------------------------------------------------------------- fronts */

static void
test_without_a_team_all_is_zero(void **state)
{
	struct shm_front_stats front, no_front;
	struct shm_route_stats route, no_route;

	(void)state;
	memset(&front, 1, sizeof(front));
	memset(&route, 1, sizeof(route));
	memset(&no_front, 0, sizeof(no_front));
	memset(&no_route, 0, sizeof(no_route));
	sup_counts_front(&sup, &front);
	sup_counts_route(&sup, "GET /", &route);
	assert_memory_equal(&front, &no_front, sizeof(front));
	assert_memory_equal(&route, &no_route, sizeof(route));
	add_generation(1);	/* it has not come to a team */
	sup_counts_front(&sup, &front);
	assert_memory_equal(&front, &no_front, sizeof(front));
}

static void
count_in(const struct sup_team *team, uint64_t by)
{
	struct shm_front_stats *stats = shm_front_stats(team->shm);

	stats->connections += by;
	stats->accepted += 2 * by;
	stats->requests += 3 * by;
	stats->no_route += 4 * by;
	stats->bad_requests += 5 * by;
	stats->protocol_errors += 6 * by;
	stats->turns_ns += 7 * by;
	stats->blocked_ns += 8 * by;
}

static void
expect_counts(uint64_t times, uint64_t connections)
{
	struct shm_front_stats sum;

	sup_counts_front(&sup, &sum);
	assert_int_equal(sum.connections, connections);
	assert_int_equal(sum.accepted, 2 * times);
	assert_int_equal(sum.requests, 3 * times);
	assert_int_equal(sum.no_route, 4 * times);
	assert_int_equal(sum.bad_requests, 5 * times);
	assert_int_equal(sum.protocol_errors, 6 * times);
	assert_int_equal(sum.turns_ns, 7 * times);
	assert_int_equal(sum.blocked_ns, 8 * times);
}

static void
test_all_fronts_are_counted_dead_ones_too(void **state)
{
	struct sup_team *first = add_first_team(1), *second, *third;

	(void)state;
	count_in(first, 1);
	expect_counts(1, 1);
	second = add_team(first->generation);	/* after its front crashed */
	first->front.pid = 0;
	count_in(second, 10);
	expect_counts(11, 10);
	end_team(first);
	expect_counts(11, 10);
	third = add_first_team(1);		/* after a reload */
	count_in(third, 100);
	expect_counts(111, 110);
	end_generation(second->generation);
	expect_counts(111, 100);
	end_generation(third->generation);
	expect_counts(111, 0);
}

static void
test_the_most_is_of_one_front(void **state)
{
	struct sup_team *first = add_first_team(1);
	struct sup_team *second = add_first_team(1);
	struct shm_front_stats sum;

	(void)state;
	shm_front_stats(first->shm)->connections_max = 70;
	shm_front_stats(second->shm)->connections_max = 50;
	sup_counts_front(&sup, &sum);
	assert_int_equal(sum.connections_max, 70);
	end_generation(first->generation);
	sup_counts_front(&sup, &sum);
	assert_int_equal(sum.connections_max, 70);
}

/* ------------------------------------------------------------------- routes */

static void
test_a_route_is_known_by_its_label(void **state)
{
	struct sup_team *first = add_first_team(2);
	struct sup_team *second = add_first_team(3);

	(void)state;
	name_route(first, 0, "GET /a")->requests = 1;
	name_route(first, 1, "GET /b")->requests = 10;
	name_route(second, 0, "GET /new")->requests = 100;
	name_route(second, 1, "GET /b")->requests = 1000;
	name_route(second, 2, "GET /a")->requests = 10000;
	for (int ended = 0; ended < 2; ended++) {
		assert_int_equal(requests_of("GET /a"), 10001);
		assert_int_equal(requests_of("GET /b"), 1010);
		assert_int_equal(requests_of("GET /new"), 100);
		assert_int_equal(requests_of("GET /"), 0);
		assert_int_equal(requests_of("POST /a"), 0);
		if (ended == 0)
			end_generation(first->generation);
	}
}

/* Its file is removed, and comes back later. */
static void
test_a_route_that_comes_back_goes_on(void **state)
{
	struct sup_team *team = add_first_team(1);

	(void)state;
	name_route(team, 0, "GET /a")->requests = 7;
	end_generation(team->generation);
	team = add_first_team(1);
	name_route(team, 0, "GET /b")->requests = 1;
	end_generation(team->generation);
	team = add_first_team(1);
	name_route(team, 0, "GET /a")->requests = 5;
	assert_int_equal(requests_of("GET /a"), 12);
	assert_int_equal(requests_of("GET /b"), 1);
}

static void
fill_route(struct shm_route_stats *stats, uint64_t by)
{
	stats->requests = by;
	for (uint64_t i = 0; i < 6; i++)
		stats->status[i] = (i + 2) * by;
	for (uint64_t i = 0; i < SHM_REFUSALS; i++)
		stats->refused[i] = (i + 10) * by;
	stats->timeouts = 20 * by;
	stats->slow = 26 * by;
	stats->crashes = 21 * by;
	stats->cancelled = 22 * by;
	stats->queue_ns = 23 * by;
	stats->run_ns = 24 * by;
	stats->write_ns = 27 * by;
	stats->cpu_ns = 28 * by;
	stats->request_bytes = 29 * by;
	stats->run_max_ns = by;
	stats->reply_bytes = 25 * by;
	stats->in_flight = by;
}

static void
expect_route(uint64_t times, uint64_t most, uint64_t in_flight)
{
	struct shm_route_stats sum;

	sup_counts_route(&sup, "GET /a", &sum);
	assert_int_equal(sum.requests, times);
	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(sum.status[i], (i + 2) * times);
	for (uint64_t i = 0; i < SHM_REFUSALS; i++)
		assert_int_equal(sum.refused[i], (i + 10) * times);
	assert_int_equal(sum.timeouts, 20 * times);
	assert_int_equal(sum.slow, 26 * times);
	assert_int_equal(sum.crashes, 21 * times);
	assert_int_equal(sum.cancelled, 22 * times);
	assert_int_equal(sum.queue_ns, 23 * times);
	assert_int_equal(sum.run_ns, 24 * times);
	assert_int_equal(sum.write_ns, 27 * times);
	assert_int_equal(sum.cpu_ns, 28 * times);
	assert_int_equal(sum.request_bytes, 29 * times);
	assert_int_equal(sum.run_max_ns, most);
	assert_int_equal(sum.reply_bytes, 25 * times);
	assert_int_equal(sum.in_flight, in_flight);
}

static void
test_each_counter_of_a_route(void **state)
{
	struct sup_team *first = add_first_team(1);
	struct sup_team *second = add_first_team(1);

	(void)state;
	fill_route(name_route(first, 0, "GET /a"), 30);
	fill_route(name_route(second, 0, "GET /a"), 4);
	expect_route(34, 30, 34);
	first->front.pid = 0;		/* what it had in flight is settled */
	expect_route(34, 30, 4);
	end_generation(first->generation);
	expect_route(34, 30, 4);
	end_generation(second->generation);
	expect_route(34, 30, 0);
}

/* A sync handler can write over it. */
static void
test_a_label_that_does_not_end(void **state)
{
	struct sup_team *team = add_first_team(2);
	char label[SHM_LABEL_MAX + 1];

	(void)state;
	memset(label, 'x', SHM_LABEL_MAX);
	label[SHM_LABEL_MAX] = '\0';
	name_route(team, 0, label)->requests = 3;
	label[SHM_LABEL_MAX - 1] = 'y';
	name_route(team, 1, label)->requests = 4;
	memset(shm_route_stats(team->shm, 0)->handler, 'x',
	    sizeof(shm_route_stats(team->shm, 0)->handler));
	assert_int_equal(requests_of(label), 4);
	end_generation(team->generation);
	assert_int_equal(requests_of(label), 4);
	label[SHM_LABEL_MAX - 1] = 'x';
	assert_int_equal(requests_of(label), 3);
}

/* Somebody's labels may be new in each generation. */
static void
test_what_is_remembered_has_a_bound(void **state)
{
	char label[SHM_LABEL_MAX];

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		struct sup_team *team = add_first_team(4000);

		for (uint32_t i = 0; i < 4000; i++) {
			snprintf(label, sizeof(label), "GET /%u",
			    4000 * round + i);
			name_route(team, i, label)->requests = 1;
		}
		assert_int_equal(requests_of(label), 1);
		end_generation(team->generation);
	}
	assert_int_equal(requests_of("GET /0"), 1);
	assert_int_equal(requests_of("GET /8191"), 1);
	assert_int_equal(requests_of("GET /8192"), 0);
}

/* --------------------------------------------------------------- histograms */

/* As a front does: at an edge, so that it is known in which bucket it is. */
static void
take_time(const struct sup_team *team, uint32_t place, uint64_t us)
{
	struct shm *front = NULL;
	struct hdr_histogram histogram;
	struct err err;

	front = shm_map(team->shm->geometry, team->shm_fd, SHM_FRONT, 0, &err);
	assert_non_null(front);
	times_init(&histogram, shm_times(front, place));
	times_record(&histogram, us * 1000);
	shm_unmap(front);
}

static uint64_t
times_of(const char *label, enum times_kind kind, uint64_t up_to_us)
{
	int64_t *counts = calloc(TIMES_KINDS * times_length(), 8);
	uint64_t buckets[TIMES_EDGES + 1];
	struct times_scale scale;
	size_t edge = 0;

	times_scale_init(&scale);
	sup_counts_times(&sup, label, counts);
	times_cumulate(&scale, counts + kind * times_length(), buckets);
	free(counts);
	while (times_edges_us[edge] < up_to_us)
		edge++;
	return buckets[edge];
}

/* The same route has another place in each generation. */
static void
test_histograms_go_on(void **state)
{
	struct sup_team *first = add_first_team(2);
	struct sup_team *second = add_first_team(3);

	(void)state;
	name_route(first, 1, "GET /a")->requests = 2;
	name_route(second, 2, "GET /a")->requests = 1;
	name_route(second, 0, "GET /b")->requests = 1;
	take_time(first, SHM_TIMES_ROUTE(1) + TIMES_RUN, 900);
	take_time(first, SHM_TIMES_ROUTE(1) + TIMES_RUN, 90000);
	take_time(second, SHM_TIMES_ROUTE(2) + TIMES_RUN, 950);
	take_time(second, SHM_TIMES_ROUTE(0) + TIMES_QUEUE, 10);
	for (int ended = 0; ended < 3; ended++) {
		assert_int_equal(times_of("GET /a", TIMES_RUN, 500), 0);
		assert_int_equal(times_of("GET /a", TIMES_RUN, 1000), 2);
		assert_int_equal(times_of("GET /a", TIMES_RUN, 100000), 3);
		assert_int_equal(times_of("GET /a", TIMES_QUEUE, 60000000), 0);
		assert_int_equal(times_of("GET /b", TIMES_QUEUE, 100), 1);
		assert_int_equal(times_of("GET /c", TIMES_RUN, 60000000), 0);
		if (ended < 2)
			end_generation(ended == 0 ? first->generation :
			    second->generation);
	}
}

static uint64_t
pages_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return (uint64_t)status.st_blocks / 8;
}

/* A thousand routes, of which one is asked for, cost one. */
static void
test_who_looks_makes_no_pages(void **state)
{
	struct sup_team *team = add_first_team(1000);
	uint64_t pages;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		name_route(team, i, "GET /a")->requests = 1;
	take_time(team, SHM_TIMES_ROUTE(500) + TIMES_RUN, 1000);
	pages = pages_of(team->shm_fd);
	assert_int_equal(times_of("GET /a", TIMES_RUN, 1000), 1);
	assert_int_equal(pages_of(team->shm_fd), pages);
}

static void
test_turns_go_on(void **state)
{
	struct sup_team *team = add_first_team(1);
	int64_t *counts = calloc(times_length(), sizeof(*counts));

	(void)state;
	take_time(team, SHM_TIMES_TURNS, 250);
	end_generation(team->generation);
	team = add_first_team(1);
	take_time(team, SHM_TIMES_TURNS, 250);
	sup_counts_turns(&sup, counts);
	assert_int_equal(times_percentile(counts, 50), 250);
	assert_int_equal(counts[250], 2);
	free(counts);
}

/* -------------------------------------------------------- whatever happens */

static uint32_t
draw(uint32_t below)
{
	static uint64_t seed = 1;

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % below;
}

static struct sup_team *
draw_team(void)
{
	struct sup_generation *generation = sup.generations;
	struct sup_team *team;

	for (uint32_t i = draw(3); i > 0 && generation->older != NULL; i--)
		generation = generation->older;
	if (generation->teams == NULL)
		return add_team(generation);
	team = generation->teams;
	for (uint32_t i = draw(3); i > 0 && team->next != NULL; i--)
		team = team->next;
	return team;
}

/* Crashes, reloads and requests in any order: nothing is lost or doubled. */
static void
test_a_counter_never_goes_back(void **state)
{
	uint64_t fronts = 0, routes[4] = { 0 };
	char label[] = "GET /?";
	struct shm_front_stats sum;

	(void)state;
	for (int step = 0; step < 3000; step++) {
		uint32_t action = draw(20), index = draw(4);
		struct sup_team *team;

		if (action == 0 || sup.generations == NULL) {
			team = add_first_team(4);
			for (uint32_t i = 0; i < 4; i++) {
				label[5] = (char)('a' + (i + index) % 4);
				name_route(team, i, label);
			}
			continue;
		}
		team = draw_team();
		if (action == 1) {
			end_generation(team->generation);
		} else if (action == 2) {
			team->front.pid = 0;
			end_team(team);
		} else {
			struct shm_route_stats *stats =
			    shm_route_stats(team->shm, index);

			label[5] = (char)('a' + index);
			if (stats->label[0] == '\0')
				name_route(team, index, label);
			stats->requests++;
			routes[stats->label[5] - 'a']++;
			shm_front_stats(team->shm)->requests++;
			fronts++;
		}
		sup_counts_front(&sup, &sum);
		assert_int_equal(sum.requests, fronts);
		for (uint32_t i = 0; i < 4; i++) {
			label[5] = (char)('a' + i);
			assert_int_equal(requests_of(label), routes[i]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		counts_test(test_without_a_team_all_is_zero),
		counts_test(test_all_fronts_are_counted_dead_ones_too),
		counts_test(test_the_most_is_of_one_front),
		counts_test(test_a_route_is_known_by_its_label),
		counts_test(test_a_route_that_comes_back_goes_on),
		counts_test(test_each_counter_of_a_route),
		counts_test(test_a_label_that_does_not_end),
		counts_test(test_histograms_go_on),
		counts_test(test_who_looks_makes_no_pages),
		counts_test(test_turns_go_on),
		counts_test(test_what_is_remembered_has_a_bound),
		counts_test(test_a_counter_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
