/*
 * clerk_store_test.c - jobs in a database: who may write what, and when.
 *
 * Runs in: make check.
 * Owns: a scratch folder with a SQLite file.
 * Invariant: leases here are so short that they end, or so long that they do
 * not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "clerk/clerk_store.h"

#define LONG	1000000
#define LABELS	"\nPOST /a\nPOST /b\n"

struct world {
	char			 folder[64], path[96];
	struct clerk_store	 one, two;	/* of two hosts */
};

static void
open_one(struct clerk_store *store, const char *path, const char *host)
{
	struct err err;

	memset(store, 0, sizeof(*store));
	store->db.class = &clerk_sqlite;
	store->db.where = path;
	snprintf(store->host, sizeof(store->host), "%s", host);
	assert_int_equal(clerk_store_open(store, &err), 0);
}

static int
set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->folder, sizeof(world->folder), "/tmp/fh-clerk-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/jobs", world->folder);
	open_one(&world->one, world->path, "one");
	open_one(&world->two, world->path, "two");
	*state = world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	clerk_store_close(&world->one);
	clerk_store_close(&world->two);
	unlink(world->path);
	rmdir(world->folder);
	free(world);
	return 0;
}

static enum clerk_accepted
accept_new(struct clerk_store *store, struct clerk_new *new,
    const char *label, uint32_t priority, char id_out[CLERK_ID_MAX])
{
	struct clerk_route route = { .attempts = 2, .priority = priority,
	    .retry_ms = 1000, .keep_ms = 1000 };
	enum clerk_accepted accepted;

	new->route = &route;
	new->params = "P";
	new->params_length = 1;
	new->body = "B\0Y";
	new->body_length = 3;
	snprintf(route.label, sizeof(route.label), "%s", label);
	assert_int_equal(clerk_store_accept(store, new, &accepted, id_out),
	    0);
	return accepted;
}

static enum clerk_accepted
accept_as(struct clerk_store *store, const char *label, const char *key,
    const char *hash, uint32_t priority, char id_out[CLERK_ID_MAX])
{
	struct clerk_new new = { .owner = "me", .key = key, .hash = hash };

	return accept_new(store, &new, label, priority, id_out);
}

static bool
claim_beside(struct clerk_store *store, const char *labels, const char *ours,
    uint64_t lease_ms, struct clerk_claim *out)
{
	const struct clerk_wanted wanted = { labels, ours };
	bool found;

	assert_int_equal(clerk_store_claim(store, &wanted, lease_ms, out,
	    &found), 0);
	return found;
}

static bool
claim(struct clerk_store *store, const char *labels, uint64_t lease_ms,
    struct clerk_claim *out)
{
	return claim_beside(store, labels, "", lease_ms, out);
}

static int64_t
next(struct clerk_store *store, const char *labels, const char *ours)
{
	const struct clerk_wanted wanted = { labels, ours };
	int64_t delay;

	assert_int_equal(clerk_store_next(store, &wanted, &delay), 0);
	return delay;
}

static int64_t
number(struct clerk_store *store, const char *sql)
{
	struct clerk_rows rows;
	int64_t found;

	assert_int_equal(clerk_store_run(store, &rows, sql, NULL, 0), 0);
	found = clerk_rows_number(&rows, 0, 0);
	clerk_rows_free(&rows);
	return found;
}

static bool
finish(struct clerk_store *store, const struct clerk_claim *claim,
    enum clerk_state to, const char *body)
{
	struct clerk_result result = { .verdict = { .state = to,
	    .counts = true }, .status = 200, .type = "text/plain",
	    .body = body, .length = strlen(body) };
	bool kept;

	assert_int_equal(clerk_store_finish(store, claim->id, claim->token,
	    &result, &kept), 0);
	return kept;
}

static void
check_state(struct clerk_store *store, const char *id, enum clerk_state wanted,
    const char *result)
{
	struct clerk_job job;
	bool found;

	assert_int_equal(clerk_store_look(store, id, &job, &found), 0);
	assert_true(found);
	assert_int_equal(job.state, wanted);
	if (result == NULL)
		assert_null(job.result);
	else
		assert_string_equal(job.result, result);
	clerk_job_finish(&job);
}

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
	char first[CLERK_ID_MAX], id[CLERK_ID_MAX];

	assert_int_equal(accept_new(&world->one, &new, "POST /a", 0, first),
	    CLERK_ACCEPTED_NEW);
	new.owner = "bob";
	new.hash = "other";
	assert_int_equal(accept_new(&world->one, &new, "POST /a", 0, id),
	    CLERK_ACCEPTED_NEW);
	assert_string_not_equal(id, first);
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, \
	tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_job_is_claimed_once_with_its_request),
		TEST(test_of_two_results_the_one_of_the_last_lease_is_kept),
		TEST(test_a_lease_that_is_renewed_is_nobody_elses),
		TEST(test_what_a_host_ran_when_it_died_is_run_at_once),
		TEST(test_order_and_routes),
		TEST(test_what_was_left_over_has_its_place),
		TEST(test_what_we_run_is_not_begun_beside_us),
		TEST(test_one_that_nobody_runs_can_be_cancelled),
		TEST(test_those_that_are_kept_cost_nothing),
		TEST(test_what_is_over_goes_in_pieces),
		TEST(test_a_full_disk_takes_nothing_and_loses_nothing),
		TEST(test_tables_of_an_older_version_are_taken_over),
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
