/*
 * clerk_due.c - the jobs, durable: who is to be told of their end.
 *
 * Runs in: clerk.
 * Owns: nothing; the connection is clerk_store.c's.
 * Invariant: a webhook is due from the transaction on that ends its job; who
 * takes it has a minute, then it is due again, for any host.
 */
#include <stdio.h>
#include <string.h>

#include "clerk/clerk_store.h"

#define LEASE_MS	60000

/* In their `state`: 0 while the job has not ended. */
enum { DUE = 1, DELIVERED, GIVEN_UP };

int
clerk_store_hook_arm(struct clerk_store *store, const char *id)
{
	struct clerk_value value = clerk_db_text(id);

	return clerk_store_run(store, NULL, "UPDATE fh_job_hooks SET state = "
	    "1, due_at = fh_now() WHERE id = $1 AND state = 0 AND EXISTS "
	    "(SELECT 1 FROM fh_jobs WHERE fh_jobs.id = $1 AND state > 2)",
	    &value, 1);
}

int
clerk_store_hook_add(struct clerk_store *store, const char *id,
    const char *url)
{
	const struct clerk_value values[] = { clerk_db_text(id),
	    clerk_db_text(url) };

	return clerk_store_run(store, NULL, "INSERT INTO fh_job_hooks (id, "
	    "url, state, tries, due_at) VALUES ($1, $2, 0, 0, 0)", values, 2);
}

int
clerk_store_hook_claim(struct clerk_store *store, struct clerk_due *due,
    bool *found_out)
{
	const struct clerk_value values[] = { CLERK_DB_NUMBER(LEASE_MS),
	    clerk_db_text(store->host) };
	struct clerk_rows rows;
	char sql[512];

	snprintf(sql, sizeof(sql), "WITH next AS (SELECT id FROM fh_job_hooks "
	    "WHERE state = 1 AND due_at <= fh_now() ORDER BY due_at LIMIT 1 "
	    "%s) UPDATE fh_job_hooks SET tries = tries + 1, due_at = fh_now() "
	    "+ $1, host = $2 WHERE id = (SELECT id FROM next) RETURNING id, "
	    "url, tries",
	    store->db.class->dialect->skip);
	if (clerk_store_run(store, &rows, sql, values, 2) < 0)
		return -1;
	*found_out = rows.count > 0;
	if (*found_out) {
		snprintf(due->id, sizeof(due->id), "%s",
		    clerk_rows_text(&rows, 0, 0));
		snprintf(due->url, sizeof(due->url), "%s",
		    clerk_rows_text(&rows, 0, 1));
		due->tries = (unsigned)clerk_rows_number(&rows, 0, 2);
	}
	clerk_rows_free(&rows);
	return 0;
}

/* Of two who had it, the one of the last try says what came of it. */
int
clerk_store_hook_done(struct clerk_store *store, const struct clerk_due *due,
    bool over, bool well, uint64_t delay_ms)
{
	const struct clerk_value values[] = { clerk_db_text(due->id),
	    CLERK_DB_NUMBER(due->tries), CLERK_DB_NUMBER(delay_ms),
	    CLERK_DB_NUMBER(!over ? DUE : well ? DELIVERED : GIVEN_UP) };

	return clerk_store_run(store, NULL, "UPDATE fh_job_hooks SET state = "
	    "$4, due_at = fh_now() + $3 WHERE id = $1 AND tries = $2 AND "
	    "state = 1", values, 4);
}

int
clerk_store_hook_next(struct clerk_store *store, int64_t *delay_out)
{
	struct clerk_rows rows;

	if (clerk_store_run(store, &rows, "SELECT min(due_at) - fh_now() FROM "
	    "fh_job_hooks WHERE state = 1", NULL, 0) < 0)
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
