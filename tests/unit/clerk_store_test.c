/*
 * clerk_store_test.c - jobs in a database: who may write what, and when.
 *
 * Runs in: make check.
 * Owns: a scratch folder with a SQLite file.
 * Invariant: leases here are so short that they end, or so long that they do
 * not.
 */
#include "clerk_fixture.h"

static void
test_a_job_is_claimed_once_with_its_request(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim first, second;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->two, LABELS, LONG, &first));
	assert_string_equal(first.id, id);
	assert_int_equal(first.body_length, 3);
	assert_memory_equal(first.body, "B\0Y", 3);
	assert_int_equal(first.tries.attempts, 1);
	assert_int_equal(first.tries.max, 2);
	assert_false(claim(&world->one, LABELS, LONG, &second));
	assert_true(finish(&world->two, &first, CLERK_SUCCEEDED, "done"));
	check_state(&world->one, id, CLERK_SUCCEEDED, "done");
	clerk_claim_finish(&first);
}

static void
test_of_two_results_the_one_of_the_last_lease_is_kept(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim late, next;
	struct clerk_lease lease;
	struct clerk_progress none = { .any = false };

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, 1, &late));
	usleep(20000);
	assert_true(claim(&world->two, LABELS, LONG, &next));
	assert_string_equal(next.id, late.id);
	assert_int_equal(next.tries.attempts, 2);
	assert_false(finish(&world->one, &late, CLERK_SUCCEEDED, "late"));
	assert_int_equal(clerk_store_renew(&world->one, id, late.token, LONG,
	    &none, true, &lease), 0);
	assert_false(lease.ours);
	check_state(&world->one, id, CLERK_RUNNING, NULL);
	assert_true(finish(&world->two, &next, CLERK_SUCCEEDED, "next"));
	assert_false(finish(&world->one, &late, CLERK_SUCCEEDED, "late"));
	check_state(&world->one, id, CLERK_SUCCEEDED, "next");
	clerk_claim_finish(&late);
	clerk_claim_finish(&next);
}

static void
test_a_lease_that_is_renewed_is_nobody_elses(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim mine, none;
	struct clerk_lease lease;
	struct clerk_progress progress = { true, 3, 4, "three" };
	struct clerk_job job;
	bool found;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, 1, &mine));
	assert_int_equal(clerk_store_renew(&world->one, id, mine.token, LONG,
	    &progress, true, &lease), 0);
	assert_true(lease.ours && !lease.cancel);
	usleep(20000);
	assert_false(claim(&world->two, LABELS, LONG, &none));
	assert_int_equal(clerk_store_look(&world->two, id, &job, &found), 0);
	assert_true(job.has_progress);
	assert_int_equal(job.done, 3);
	assert_string_equal(job.text, "three");
	clerk_job_finish(&job);
	assert_int_equal(clerk_store_cancel(&world->two, id), 0);
	assert_int_equal(clerk_store_renew(&world->one, id, mine.token, LONG,
	    &progress, false, &lease), 0);
	assert_true(lease.ours && lease.cancel);
	clerk_claim_finish(&mine);
}

static void
test_what_a_host_ran_when_it_died_is_run_at_once(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim mine, again;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, LONG, &mine));
	assert_int_equal(clerk_store_take_back(&world->two), 0);
	assert_false(claim(&world->two, LABELS, LONG, &again));
	assert_int_equal(clerk_store_take_back(&world->one), 0);
	assert_true(claim(&world->one, LABELS, LONG, &again));
	assert_false(finish(&world->one, &mine, CLERK_SUCCEEDED, "late"));
	clerk_claim_finish(&mine);
	clerk_claim_finish(&again);
}

static void
test_order_and_routes(void **state)
{
	struct world *world = *state;
	char low[CLERK_ID_MAX], high[CLERK_ID_MAX];
	struct clerk_claim one;

	accept_as(&world->one, "POST /a", NULL, "h", 0, low);
	accept_as(&world->one, "POST /b", NULL, "h", 5, high);
	assert_false(claim(&world->one, "\nPOST /\n", LONG, &one));
	assert_int_equal(next(&world->one, "\nPOST /\n", ""), -1);
	assert_int_equal(next(&world->one, LABELS, ""), 0);
	assert_true(claim(&world->one, LABELS, LONG, &one));
	assert_string_equal(one.id, high);
	clerk_claim_finish(&one);
	assert_true(claim(&world->one, "\nPOST /a\n", LONG, &one));
	assert_string_equal(one.id, low);
	clerk_claim_finish(&one);
	assert_in_range(next(&world->one, LABELS, ""), LONG / 2, LONG);
}

static void
test_a_failure_waits_and_a_cancel_ends_it(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim one;
	struct clerk_result again = { .verdict = { CLERK_QUEUED, true,
	    LONG } };
	bool kept;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, LONG, &one));
	assert_int_equal(clerk_store_finish(&world->one, id, one.token,
	    &again, &kept), 0);
	assert_true(kept);
	clerk_claim_finish(&one);
	assert_false(claim(&world->one, LABELS, LONG, &one));
	assert_int_equal(clerk_store_cancel(&world->one, id), 0);
	check_state(&world->one, id, CLERK_CANCELLED, NULL);
	assert_int_equal(clerk_store_cancel(&world->one, id), 0);
	check_state(&world->one, id, CLERK_CANCELLED, NULL);
}

static void
test_one_that_is_put_back_after_a_cancel_is_cancelled(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_claim one;
	struct clerk_result again = { .verdict = { CLERK_QUEUED, false, 0 } };
	bool kept;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, LONG, &one));
	assert_int_equal(clerk_store_cancel(&world->two, id), 0);
	assert_int_equal(clerk_store_finish(&world->one, id, one.token,
	    &again, &kept), 0);
	check_state(&world->one, id, CLERK_CANCELLED, NULL);
	clerk_claim_finish(&one);
}

static void
test_a_key_is_one_job(void **state)
{
	struct world *world = *state;
	char first[CLERK_ID_MAX], id[CLERK_ID_MAX];

	assert_int_equal(accept_as(&world->one, "POST /a", "k", "h", 0,
	    first), CLERK_ACCEPTED_NEW);
	assert_int_equal(accept_as(&world->two, "POST /a", "k", "h", 0, id),
	    CLERK_ACCEPTED_BEFORE);
	assert_string_equal(id, first);
	assert_int_equal(accept_as(&world->two, "POST /a", "k", "other", 0,
	    id), CLERK_ACCEPTED_OTHER);
	assert_int_equal(accept_as(&world->two, "POST /b", "k", "other", 0,
	    id), CLERK_ACCEPTED_NEW);
	assert_int_equal(accept_as(&world->two, "POST /a", NULL, "h", 0, id),
	    CLERK_ACCEPTED_NEW);
}

/* Breaks when: one client gets another one's job for having chosen the same
 * key. */
static void
test_an_owner_has_keys_of_its_own(void **state)
{
	struct world *world = *state;
	struct clerk_new new = { .owner = "ada", .key = "k", .hash = "h" };
	char first[CLERK_ID_MAX], second[CLERK_ID_MAX], id[CLERK_ID_MAX];

	assert_int_equal(accept_new(&world->one, &new, "POST /a", 0, first),
	    CLERK_ACCEPTED_NEW);
	new.owner = "bob";
	new.hash = "other";
	assert_int_equal(accept_new(&world->one, &new, "POST /a", 0, second),
	    CLERK_ACCEPTED_NEW);
	assert_string_not_equal(second, first);
	assert_int_equal(accept_new(&world->two, &new, "POST /a", 0, id),
	    CLERK_ACCEPTED_BEFORE);
	assert_string_equal(id, second);
	new.owner = "ada";
	new.hash = "h";
	assert_int_equal(accept_new(&world->two, &new, "POST /a", 0, id),
	    CLERK_ACCEPTED_BEFORE);
	assert_string_equal(id, first);
}

static void
run_sql(struct clerk_store *store, const char *sql)
{
	assert_int_equal(clerk_store_run(store, NULL, sql, NULL, 0), 0);
}

/* Breaks when: of jobs of the same priority the last one that came is run
 * first, or one that waits for its next attempt is run before its time. */
static void
test_the_oldest_is_first(void **state)
{
	struct world *world = *state;
	char ids[3][CLERK_ID_MAX];
	struct clerk_claim one;

	for (int i = 0; i < 3; i++) {
		accept_as(&world->one, "POST /a", NULL, "h", 0, ids[i]);
		run_sql(&world->one, "UPDATE fh_jobs SET begin_at = begin_at "
		    "- 1000, created_at = created_at - 1000");
	}
	for (int i = 0; i < 3; i++) {
		assert_true(claim(&world->two, LABELS, LONG, &one));
		assert_string_equal(one.id, ids[i]);
		clerk_claim_finish(&one);
	}
}

/* Breaks when: what the last attempt said is shown of the next one. */
static void
test_each_attempt_says_its_own(void **state)
{
	struct world *world = *state;
	char id[CLERK_ID_MAX];
	struct clerk_progress half = { true, 1, 2, "half" };
	struct clerk_result again = { .verdict = { CLERK_QUEUED, true, 0 },
	    .progress = &half };
	struct clerk_claim one;
	struct clerk_job job;
	bool flag;

	accept_as(&world->one, "POST /a", NULL, "h", 0, id);
	assert_true(claim(&world->one, LABELS, LONG, &one));
	assert_int_equal(clerk_store_finish(&world->one, id, one.token,
	    &again, &flag), 0);
	clerk_claim_finish(&one);
	assert_int_equal(clerk_store_look(&world->one, id, &job, &flag), 0);
	assert_true(job.has_progress);
	clerk_job_finish(&job);
	assert_true(claim(&world->two, LABELS, LONG, &one));
	clerk_claim_finish(&one);
	assert_int_equal(clerk_store_look(&world->one, id, &job, &flag), 0);
	assert_false(job.has_progress);
	assert_string_equal(job.text, "");
	clerk_job_finish(&job);
}

static bool
is_there(struct clerk_store *store, const char *id)
{
	struct clerk_job job;
	bool found, more;

	assert_int_equal(clerk_store_sweep(store, &more), 0);
	assert_int_equal(clerk_store_look(store, id, &job, &found), 0);
	clerk_job_finish(&job);
	return found;
}

static bool
claim_hook(struct clerk_store *store, struct clerk_due *due)
{
	bool found;

	assert_int_equal(clerk_store_hook_claim(store, due, &found), 0);
	return found;
}

/* Breaks when: a job goes before its time, while it runs, or before somebody
 * was told of its end; or stays for ever. */
static void
test_what_was_kept_long_enough_goes(void **state)
{
	struct world *world = *state;
	struct clerk_new new = { .owner = "me", .hook = "https://a.org/" };
	char told[CLERK_ID_MAX], runs[CLERK_ID_MAX];
	struct clerk_claim one;
	struct clerk_due due;

	accept_new(&world->one, &new, "POST /a", 0, told);
	assert_false(claim_hook(&world->one, &due));
	assert_true(claim(&world->one, LABELS, LONG, &one));
	assert_true(finish(&world->one, &one, CLERK_SUCCEEDED, "done"));
	clerk_claim_finish(&one);
	accept_as(&world->one, "POST /b", NULL, "h", 0, runs);
	assert_true(claim(&world->one, LABELS, LONG, &one));
	clerk_claim_finish(&one);
	assert_true(is_there(&world->one, told));
	run_sql(&world->one, "UPDATE fh_jobs SET expires_at = fh_now() - 1");
	assert_true(is_there(&world->one, told));	/* to be told */
	assert_true(claim_hook(&world->one, &due));
	assert_string_equal(due.id, told);
	assert_int_equal(clerk_store_hook_done(&world->one, &due, true, true,
	    0), 0);
	assert_false(claim_hook(&world->one, &due));
	run_sql(&world->one, "UPDATE fh_jobs SET expires_at = fh_now() + "
	    "60000 WHERE state > 2");
	assert_true(is_there(&world->one, told));
	run_sql(&world->one, "UPDATE fh_jobs SET expires_at = fh_now() - 1");
	assert_false(is_there(&world->one, told));
	assert_true(is_there(&world->one, runs));
}

/* Breaks when: of two hosts that have called, the one that was late says what
 * came of it. */
static void
test_a_webhook_is_the_last_ones(void **state)
{
	struct world *world = *state;
	struct clerk_new new = { .owner = "me", .hook = "https://a.org/" };
	char id[CLERK_ID_MAX];
	struct clerk_due late, next, none;

	accept_new(&world->one, &new, "POST /a", 0, id);
	assert_int_equal(clerk_store_cancel(&world->one, id), 0);
	assert_true(claim_hook(&world->one, &late));
	assert_false(claim_hook(&world->two, &none));	/* for a minute */
	run_sql(&world->one, "UPDATE fh_job_hooks SET due_at = 0");
	assert_true(claim_hook(&world->two, &next));
	assert_int_equal(next.tries, 2);
	assert_int_equal(clerk_store_hook_done(&world->one, &late, true, true,
	    0), 0);
	assert_int_equal(clerk_store_hook_done(&world->two, &next, false,
	    false, 0), 0);
	assert_true(claim_hook(&world->one, &next));
	assert_int_equal(next.tries, 3);
	assert_int_equal(clerk_store_hook_done(&world->one, &next, false,
	    false, LONG), 0);
	assert_false(claim_hook(&world->two, &none));
}

static void
test_a_database_of_a_newer_version_is_not_touched(void **state)
{
	struct world *world = *state;
	struct err err;

	assert_int_equal(clerk_store_run(&world->one, NULL,
	    "INSERT INTO fh_jobs_schema (version) VALUES (1000)", NULL, 0), 0);
	assert_int_equal(clerk_store_open(&world->two, &err), -1);
	assert_non_null(strstr(err.text, "newer"));
	assert_false(world->two.up);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_job_is_claimed_once_with_its_request),
		TEST(test_of_two_results_the_one_of_the_last_lease_is_kept),
		TEST(test_a_lease_that_is_renewed_is_nobody_elses),
		TEST(test_what_a_host_ran_when_it_died_is_run_at_once),
		TEST(test_order_and_routes),
		TEST(test_a_failure_waits_and_a_cancel_ends_it),
		TEST(test_one_that_is_put_back_after_a_cancel_is_cancelled),
		TEST(test_a_key_is_one_job),
		TEST(test_an_owner_has_keys_of_its_own),
		TEST(test_the_oldest_is_first),
		TEST(test_each_attempt_says_its_own),
		TEST(test_what_was_kept_long_enough_goes),
		TEST(test_a_webhook_is_the_last_ones),
		TEST(test_a_database_of_a_newer_version_is_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
