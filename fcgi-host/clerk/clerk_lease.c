/*
 * clerk_lease.c - the jobs, durable: who runs one, and what came of it.
 *
 * Runs in: clerk.
 * Owns: nothing; the connection is clerk_store.c's.
 * Invariant: what is written about an attempt is written under its token, by
 * compare: a late attempt changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clerk/clerk_store.h"

/* -------------------------------------------------------------- looking */

enum { LOOK_ROUTE, LOOK_OWNER, LOOK_STATE, LOOK_VERSION, LOOK_ATTEMPTS,
	LOOK_MAX, LOOK_RETRY, LOOK_CANCEL, LOOK_CREATED, LOOK_BEGIN,
	LOOK_STARTED, LOOK_FINISHED, LOOK_EXPIRES, LOOK_DONE, LOOK_TOTAL,
	LOOK_TEXT, LOOK_STATUS, LOOK_TYPE, LOOK_RESULT, LOOK_COLUMNS };

static void
fill_job(struct clerk_job *job, struct clerk_rows *rows)
{
	struct clerk_cell *result = &rows->cells[LOOK_RESULT];

#define NUMBER(column) clerk_rows_number(rows, 0, column)
#define TEXT(column) clerk_rows_text(rows, 0, column)
	snprintf(job->route, sizeof(job->route), "%s", TEXT(LOOK_ROUTE));
	snprintf(job->owner, sizeof(job->owner), "%s", TEXT(LOOK_OWNER));
	job->state = (enum clerk_state)NUMBER(LOOK_STATE);
	job->version = NUMBER(LOOK_VERSION);
	job->attempts = (unsigned)NUMBER(LOOK_ATTEMPTS);
	job->max_attempts = (unsigned)NUMBER(LOOK_MAX);
	job->retry_ms = (uint64_t)NUMBER(LOOK_RETRY);
	job->cancel = NUMBER(LOOK_CANCEL) != 0;
	job->created_at = NUMBER(LOOK_CREATED);
	job->begin_at = NUMBER(LOOK_BEGIN);
	job->started_at = NUMBER(LOOK_STARTED);
	job->finished_at = NUMBER(LOOK_FINISHED);
	job->expires_at = NUMBER(LOOK_EXPIRES);
	job->has_progress = rows->cells[LOOK_DONE].at != NULL;
	job->done = NUMBER(LOOK_DONE);
	job->total = NUMBER(LOOK_TOTAL);
	snprintf(job->text, sizeof(job->text), "%s", TEXT(LOOK_TEXT));
	job->status = (int)NUMBER(LOOK_STATUS);
	snprintf(job->type, sizeof(job->type), "%s", TEXT(LOOK_TYPE));
#undef NUMBER
#undef TEXT
	job->result = result->at;
	job->result_length = result->length;
	result->at = NULL;
}

int
clerk_store_look(struct clerk_store *store, const char *id,
    struct clerk_job *job_out, bool *found_out)
{
	struct clerk_value value = clerk_db_text(id);
	struct clerk_rows rows;

	memset(job_out, 0, sizeof(*job_out));
	if (clerk_store_run(store, &rows, "SELECT route, owner, state, "
	    "version, attempts, max_attempts, retry_ms, cancel, created_at, "
	    "begin_at, started_at, finished_at, expires_at, done, total, "
	    "text, status, type, fh_job_results.body FROM fh_jobs LEFT JOIN "
	    "fh_job_results "
	    "ON fh_job_results.id = fh_jobs.id WHERE fh_jobs.id = $1", &value,
	    1) < 0)
		return -1;
	*found_out = rows.count > 0 && rows.columns == LOOK_COLUMNS;
	if (*found_out) {
		snprintf(job_out->id, sizeof(job_out->id), "%s", id);
		fill_job(job_out, &rows);
	}
	clerk_rows_free(&rows);
	return 0;
}

void
clerk_job_finish(struct clerk_job *job)
{
	free(job->result);
	job->result = NULL;
}

/* One that waits, or whose lease is over, is nobody's: it ends here.  Who runs
 * it still finds that out by its token's state. */
int
clerk_store_cancel(struct clerk_store *store, const char *id)
{
	struct clerk_value value = clerk_db_text(id);

	if (clerk_store_begin(store) < 0 || clerk_store_run(store, NULL,
	    "UPDATE fh_jobs SET cancel = 1, version = version + 1, "
	    "finished_at = CASE WHEN state = 1 OR lease_until < fh_now() THEN "
	    "fh_now() END, expires_at = CASE WHEN state = 1 OR lease_until < "
	    "fh_now() THEN fh_now() + keep_ms END, state = CASE WHEN state = "
	    "1 OR lease_until < fh_now() THEN 5 ELSE state END WHERE id = $1 "
	    "AND state <= 2 AND (cancel = 0 OR lease_until < fh_now())",
	    &value, 1) < 0 || clerk_store_hook_arm(store, id) < 0)
		return -1;
	return clerk_store_commit(store);
}

/* -------------------------------------------------------------- running */

static int
take_request(struct clerk_store *store, struct clerk_claim *claim)
{
	struct clerk_value id = clerk_db_text(claim->id);
	struct clerk_rows rows;

	if (clerk_store_run(store, &rows, "SELECT params, body FROM "
	    "fh_job_requests WHERE id = $1", &id, 1) < 0)
		return -1;
	if (rows.count > 0) {
		claim->params = rows.cells[0].at;
		claim->params_length = rows.cells[0].length;
		claim->body = rows.cells[1].at;
		claim->body_length = rows.cells[1].length;
		rows.cells[0].at = rows.cells[1].at = NULL;
	}
	clerk_rows_free(&rows);
	return 0;
}

/* Each half by its own index: those that have ended are not looked at, however
 * many are kept. */
static int
update_claimed(struct clerk_store *store, const struct clerk_wanted *wanted,
    uint64_t lease_ms, const char *token, struct clerk_rows *rows)
{
	const struct clerk_dialect *dialect = store->db.class->dialect;
	const struct clerk_value values[] = { clerk_db_text(wanted->labels),
	    clerk_db_text(token), clerk_db_text(store->host),
	    CLERK_DB_NUMBER(lease_ms), clerk_db_text(wanted->ours) };
	char sql[1536];

	snprintf(sql, sizeof(sql), "WITH waiting AS (SELECT id, priority, "
	    "begin_at, created_at FROM fh_jobs WHERE state = 1 AND begin_at "
	    "<= fh_now() AND %s($1, '\n' || route || '\n') > 0 ORDER BY "
	    "priority DESC, begin_at, created_at LIMIT 1 %s), left_over AS ("
	    "SELECT id, priority, begin_at, created_at FROM fh_jobs WHERE "
	    "state = 2 AND lease_until < fh_now() AND %s($5, lease_token) = 0 "
	    "AND %s($1, '\n' || route || '\n') > 0 ORDER BY priority DESC, "
	    "begin_at, created_at LIMIT 1 %s), next AS (SELECT * FROM waiting "
	    "UNION ALL SELECT * FROM left_over ORDER BY priority DESC, "
	    "begin_at, created_at LIMIT 1) "
	    "UPDATE fh_jobs SET state = 2, version = version + 1, attempts = "
	    "attempts + 1, started_at = fh_now(), lease_token = $2, "
	    "lease_host = $3, lease_until = fh_now() + $4, done = NULL, "
	    "total = NULL, text = NULL WHERE id = (SELECT id FROM next) "
	    "RETURNING id, route, attempts, max_attempts, retry_ms, cancel",
	    dialect->find, dialect->skip, dialect->find, dialect->find,
	    dialect->skip);
	return clerk_store_run(store, rows, sql, values, 5);
}

int
clerk_store_claim(struct clerk_store *store,
    const struct clerk_wanted *wanted, uint64_t lease_ms,
    struct clerk_claim *claim, bool *found_out)
{
	struct clerk_rows rows;

	memset(claim, 0, sizeof(*claim));
	clerk_make_id(claim->token);
	if (update_claimed(store, wanted, lease_ms, claim->token, &rows) < 0)
		return -1;
	*found_out = rows.count > 0;
	if (*found_out) {
		snprintf(claim->id, sizeof(claim->id), "%s",
		    clerk_rows_text(&rows, 0, 0));
		snprintf(claim->route, sizeof(claim->route), "%s",
		    clerk_rows_text(&rows, 0, 1));
		claim->tries.attempts = (unsigned)clerk_rows_number(&rows, 0,
		    2);
		claim->tries.max = (unsigned)clerk_rows_number(&rows, 0, 3);
		claim->tries.retry_ms = (uint64_t)clerk_rows_number(&rows, 0,
		    4);
		claim->cancel = clerk_rows_number(&rows, 0, 5) != 0;
	}
	clerk_rows_free(&rows);
	return *found_out ? take_request(store, claim) : 0;
}

void
clerk_claim_finish(struct clerk_claim *claim)
{
	free(claim->params);
	free(claim->body);
	claim->params = claim->body = NULL;
}

int
clerk_store_next(struct clerk_store *store,
    const struct clerk_wanted *wanted, int64_t *delay_out)
{
	const struct clerk_value values[] = { clerk_db_text(wanted->labels),
	    clerk_db_text(wanted->ours) };
	const char *find = store->db.class->dialect->find;
	struct clerk_rows rows;
	char sql[640];

	snprintf(sql, sizeof(sql), "SELECT min(due) - fh_now() FROM (SELECT "
	    "min(begin_at) AS due FROM fh_jobs WHERE state = 1 AND "
	    "%s($1, '\n' || route || '\n') > 0 UNION ALL SELECT "
	    "min(lease_until) AS due FROM fh_jobs WHERE state = 2 AND "
	    "%s($2, lease_token) = 0 AND %s($1, '\n' || route || '\n') > 0) "
	    "AS dues", find, find, find);
	if (clerk_store_run(store, &rows, sql, values, 2) < 0)
		return -1;
	*delay_out = -1;
	if (rows.count > 0 && rows.cells[0].at != NULL) {
		*delay_out = clerk_rows_number(&rows, 0, 0);
		if (*delay_out < 0)
			*delay_out = 0;
	}
	clerk_rows_free(&rows);
	return 0;
}

int
clerk_store_renew(struct clerk_store *store, const char *id,
    const char *token, uint64_t lease_ms,
    const struct clerk_progress *progress, bool new,
    struct clerk_lease *lease_out)
{
	const struct clerk_value values[] = { clerk_db_text(id),
	    clerk_db_text(token), CLERK_DB_NUMBER(lease_ms),
	    CLERK_DB_NUMBER(new),
	    progress->any ? CLERK_DB_NUMBER(progress->done) : CLERK_DB_NULL,
	    progress->any ? CLERK_DB_NUMBER(progress->total) : CLERK_DB_NULL,
	    clerk_db_text(progress->any ? progress->text : NULL) };
	struct clerk_rows rows;

	if (clerk_store_run(store, &rows, "UPDATE fh_jobs SET lease_until = "
	    "fh_now() + $3, version = version + $4, done = $5, total = $6, "
	    "text = $7 WHERE id = $1 AND lease_token = $2 AND state = 2 "
	    "RETURNING cancel", values, 7) < 0)
		return -1;
	lease_out->ours = rows.count > 0;
	lease_out->cancel = rows.count > 0 && clerk_rows_number(&rows, 0,
	    0) != 0;
	clerk_rows_free(&rows);
	return 0;
}

/* Of several lines only one can have the token. */
static int
update_finished(struct clerk_store *store, const char *id, const char *token,
    const struct clerk_result *result, bool *kept_out)
{
	const struct clerk_verdict *verdict = &result->verdict;
	const struct clerk_progress *said = result->progress;
	bool any = said != NULL && said->any;
	const struct clerk_value values[] = { clerk_db_text(id),
	    clerk_db_text(token), CLERK_DB_NUMBER(verdict->state),
	    CLERK_DB_NUMBER(verdict->counts ? 0 : 1),
	    CLERK_DB_NUMBER(verdict->delay_ms),
	    result->status == 0 ? CLERK_DB_NULL :
	    CLERK_DB_NUMBER(result->status), clerk_db_text(result->type),
	    any ? CLERK_DB_NUMBER(said->done) : CLERK_DB_NULL,
	    any ? CLERK_DB_NUMBER(said->total) : CLERK_DB_NULL,
	    clerk_db_text(any ? said->text : NULL) };
	struct clerk_rows rows;

	if (clerk_store_run(store, &rows, "UPDATE fh_jobs SET state = CASE "
	    "WHEN cancel = 1 AND $3 = 1 THEN 5 ELSE $3 END, version = version "
	    "+ 1, attempts = attempts - $4, begin_at = fh_now() + $5, "
	    "lease_token = NULL, lease_until = NULL, finished_at = CASE WHEN "
	    "$3 > 2 OR cancel = 1 THEN fh_now() END, expires_at = CASE WHEN "
	    "$3 > 2 OR cancel = 1 THEN fh_now() + keep_ms END, status = "
	    "coalesce($6, status), type = coalesce($7, type), done = "
	    "coalesce($8, done), total = coalesce($9, total), text = "
	    "coalesce($10, text) WHERE id = $1 AND lease_token = $2 AND "
	    "state = 2 RETURNING id", values, 10) < 0)
		return -1;
	*kept_out = rows.count > 0;
	clerk_rows_free(&rows);
	return 0;
}

static int
put_result(struct clerk_store *store, const char *id,
    const struct clerk_result *result)
{
	const struct clerk_value values[] = { clerk_db_text(id),
	    clerk_db_bytes(result->body, result->length) };

	return clerk_store_run(store, NULL, "INSERT INTO fh_job_results (id, "
	    "body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = $2",
	    values, 2);
}

int
clerk_store_finish(struct clerk_store *store, const char *id,
    const char *token, const struct clerk_result *result, bool *kept_out)
{
	if (clerk_store_begin(store) < 0 ||
	    update_finished(store, id, token, result, kept_out) < 0)
		return -1;
	if (*kept_out && result->status != 0 &&
	    put_result(store, id, result) < 0)
		return -1;
	if (*kept_out && clerk_store_hook_arm(store, id) < 0)
		return -1;
	return clerk_store_commit(store);
}
