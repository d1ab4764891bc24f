/*
 * clerk_kept_test.c - jobs in a database: many that are kept, what a clock, a
 * disk or a machine does to them, and tables of another version.
 *
 * Runs in: make check.
 * Owns: a scratch folder with a SQLite file.
 * Invariant: none.
 */
#include "clerk_fixture.h"

#include <sqlite3.h>

#include "clerk/clerk.h"

/* Breaks when: one whose machine died is begun after those that wait and are
 * less urgent, or before those that are more. */
static void
test_what_was_left_over_has_its_place(void **state)
{
	static const uint32_t priorities[] = { 1, 5, 3 };
	struct world *world = *state;
	char ids[3][CLERK_ID_MAX];
	struct clerk_claim one;

	accept_as(&world->one, "POST /a", NULL, "h", priorities[2], ids[2]);
	assert_true(claim(&world->one, LABELS, 1, &one));
	clerk_claim_finish(&one);
	usleep(20000);
	for (int i = 0; i < 2; i++)
		accept_as(&world->one, "POST /a", NULL, "h", priorities[i],
		    ids[i]);
	for (int i = 1; i < 4; i++) {
		assert_true(claim(&world->two, LABELS, LONG, &one));
		assert_string_equal(one.id, ids[i == 1 ? 1 : i == 2 ? 2 : 0]);
		clerk_claim_finish(&one);
	}
}

/* Breaks when: a clock that was set forward lets a host run once more what it
 * runs, or keeps it busy looking for it. */
static void
test_what_we_run_is_not_begun_beside_us(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim mine, again;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, 1, &mine));
	usleep(20000);
	assert_false(claim_beside(&world->one, LABELS, mine.token, LONG,
	    &again));
	assert_int_equal(next(&world->one, LABELS, mine.token), -1);
	assert_int_equal(next(&world->one, LABELS, ""), 0);
	assert_true(finish(&world->one, &mine, CLERK_SUCCEEDED, "done"));
	clerk_claim_finish(&mine);
}

/* Breaks when: a job whose machine died and whose route is gone runs for ever,
 * also for who deletes it, or has deleted it before. */
static void
test_one_that_nobody_runs_can_be_cancelled(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim one;

	for (int before = 0; before < 2; before++) {
		accept_as(&world->one, "POST /a", NULL, "h", 0, id);
		assert_true(claim(&world->one, LABELS, 100, &one));
		if (before != 0)
			assert_int_equal(clerk_store_cancel(&world->two, id),
			    0);
		check_state(&world->one, id, CLERK_RUNNING, NULL);
		usleep(120000);
		assert_int_equal(clerk_store_cancel(&world->two, id), 0);
		check_state(&world->one, id, CLERK_CANCELLED, NULL);
		assert_false(finish(&world->one, &one, CLERK_SUCCEEDED,
		    "late"));
		clerk_claim_finish(&one);
	}
}

/* ------------------------------------------------------- many that are kept */

#define KEPT	2000

static void
keep_many(struct clerk_store *store)
{
	const struct clerk_value most = CLERK_DB_NUMBER(KEPT);

	assert_int_equal(clerk_store_run(store, NULL, "WITH RECURSIVE n(i) AS "
	    "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT "
	    "INTO fh_jobs (id, route, owner, state, version, priority, "
	    "attempts, max_attempts, retry_ms, keep_ms, created_at, begin_at, "
	    "cancel, finished_at, expires_at) SELECT 'kept' || i, 'POST /a', "
	    "'me', 3, 1, 0, 1, 2, 1000, 1000, 1, 1, 0, 1, fh_now() + i "
	    "* 1000000 FROM n", &most, 1), 0);
}

static int
count_steps(unsigned what, void *context, void *statement, void *took)
{
	(void)what;
	(void)took;
	*(int64_t *)context += sqlite3_stmt_status(statement,
	    SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
	return 0;
}

/* Breaks when: beginning and ending a job takes the longer the more have ended
 * and are kept. */
static void
test_those_that_are_kept_cost_nothing(void **state)
{
	struct world *world = *state;
	struct clerk_store *store = &world->one;
	char id[CLERK_ID_MAX];
	struct clerk_claim one;
	int64_t steps = 0;
	bool more;

	keep_many(store);
	sqlite3_trace_v2(store->db.handle, SQLITE_TRACE_PROFILE, count_steps,
	    &steps);
	accept_as(store, "POST /a", "k", "h", 0, id);
	assert_true(claim(store, LABELS, LONG, &one));
	assert_in_range(next(store, LABELS, ""), 1, LONG);
	assert_true(finish(store, &one, CLERK_SUCCEEDED, "done"));
	assert_int_equal(next(store, LABELS, ""), -1);
	assert_int_equal(clerk_store_sweep(store, &more), 0);
	clerk_claim_finish(&one);
	assert_in_range(steps, 0, 50);
	assert_int_equal(number(store, "SELECT count(*) FROM fh_jobs WHERE "
	    "version > 0"), KEPT + 1);
	assert_true(steps >= KEPT);	/* ... and that one is seen */
}

/* Breaks when: what is to go is deleted in one piece, for which all wait and
 * which a time-out ends in vain, or a part of it stays. */
static void
test_what_is_over_goes_in_pieces(void **state)
{
	struct world *world = *state;
	struct clerk_store *store = &world->one;
	bool more = true;

	keep_many(store);
	assert_int_equal(clerk_store_run(store, NULL, "UPDATE fh_jobs SET "
	    "expires_at = 1", NULL, 0), 0);
	for (int64_t left = KEPT; more; left -= CLERK_SWEEP) {
		assert_true(number(store, "SELECT count(*) FROM fh_jobs") ==
		    (left < 0 ? 0 : left));
		assert_int_equal(clerk_store_sweep(store, &more), 0);
	}
	assert_int_equal(number(store, "SELECT count(*) FROM fh_jobs"), 0);
}

/* ------------------------------------------------------- what goes wrong */

/* Breaks when: a disk that is full leaves half a job, loses one that was kept,
 * or the store is of no use when there is room again. */
static void
test_a_full_disk_takes_nothing_and_loses_nothing(void **state)
{
	static char body[1 << 20];
	struct world *world = *state;
	struct clerk_store *store = &world->one;
	struct clerk_route route = { .attempts = 2, .label = "POST /a" };
	struct clerk_new new = { .route = &route, .owner = "me", .hash = "h",
	    .params = "P", .params_length = 1, .body = body,
	    .body_length = sizeof(body) };
	struct clerk_result result = { .verdict = { CLERK_SUCCEEDED, true, 0 },
	    .status = 200, .type = "text/plain", .body = body,
	    .length = sizeof(body) };
	enum clerk_accepted accepted;
	char kept[CLERK_ID_MAX], id[CLERK_ID_MAX];
	struct clerk_claim one;
	struct err err;
	bool was_kept;

	accept_as(store, "POST /a", NULL, "h", 0, kept);
	assert_true(claim(store, LABELS, LONG, &one));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(clerk_store_run(store, NULL,
		    "PRAGMA max_page_count = 40", NULL, 0), 0);
		assert_int_equal(i == 0 ? clerk_store_accept(store, &new,
		    &accepted, id) : clerk_store_finish(store, one.id,
		    one.token, &result, &was_kept), -1);
		assert_false(store->up);
		assert_int_equal(clerk_store_open(store, &err), 0);
		assert_int_equal(number(store, "SELECT count(*) FROM fh_jobs"),
		    1);
		check_state(store, kept, CLERK_RUNNING, NULL);
	}
	assert_int_equal(clerk_store_finish(store, one.id, one.token, &result,
	    &was_kept), 0);
	assert_true(was_kept);
	assert_int_equal(clerk_store_accept(store, &new, &accepted, id), 0);
	clerk_claim_finish(&one);
}

/* As version 1 left them.  Breaks when: jobs that an older host has accepted
 * are lost, or its tables are not brought up to date. */
static void
test_tables_of_an_older_version_are_taken_over(void **state)
{
	static const char *const back[] = { "DROP TABLE fh_job_hooks",
	    "DELETE FROM fh_jobs_schema WHERE version > 1", NULL };
	struct world *world = *state;
	struct clerk_store *store = &world->one;
	char id[CLERK_ID_MAX];
	struct clerk_claim one;
	struct err err;

	accept_as(store, "POST /a", NULL, "h", 0, id);
	for (int i = 0; back[i] != NULL; i++)
		assert_int_equal(clerk_store_run(store, NULL, back[i], NULL,
		    0), 0);
	clerk_store_close(&world->two);
	assert_int_equal(clerk_store_open(store, &err), 0);
	assert_int_equal(number(store, "SELECT max(version) FROM "
	    "fh_jobs_schema"), 2);
	assert_true(claim(store, LABELS, LONG, &one));
	assert_string_equal(one.id, id);
	assert_int_equal(clerk_store_hook_add(store, id, "https://a/"), 0);
	assert_true(finish(store, &one, CLERK_SUCCEEDED, "done"));
	clerk_claim_finish(&one);
}

/* Breaks when: a result that is a large document is parsed for each look at its
 * job, or a small one is no longer in it. */
static void
test_a_large_document_has_a_place_of_its_own(void **state)
{
	static char text[(1 << 20) + 2];
	struct clerk clerk = { .config = config_defaults() };
	struct clerk_job job = { .id = "0123", .route = "POST /a",
	    .state = CLERK_SUCCEEDED, .status = 200,
	    .type = "application/json", .result = text };

	(void)state;
	for (size_t length = sizeof(text) - 2; length < sizeof(text);
	    length++) {
		bool fits = length == sizeof(text) - 2;
		char *shown;

		memset(text, ' ', length);
		text[length - 1] = '7';
		text[length] = '\0';
		job.result_length = length;
		shown = clerk_show(&clerk, &job, "/api");
		assert_non_null(shown);
		assert_true((strstr(shown, "\"body\":7") != NULL) == fits);
		assert_true((strstr(shown, "\"location\":\"/api/jobs/0123/"
		    "result\"") != NULL) == !fits);
		free(shown);
	}
	config_free((struct config *)(uintptr_t)clerk.config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_left_over_has_its_place),
		TEST(test_what_we_run_is_not_begun_beside_us),
		TEST(test_one_that_nobody_runs_can_be_cancelled),
		TEST(test_those_that_are_kept_cost_nothing),
		TEST(test_what_is_over_goes_in_pieces),
		TEST(test_a_full_disk_takes_nothing_and_loses_nothing),
		TEST(test_tables_of_an_older_version_are_taken_over),
		TEST(test_a_large_document_has_a_place_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
