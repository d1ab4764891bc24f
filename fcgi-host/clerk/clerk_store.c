/*
 * clerk_store.c - the jobs, durable: the connection, and a job's beginning.
 *
 * Runs in: clerk.
 * Owns: the connection to the database.
 * Invariant: after a statement that failed the connection is closed, so a
 * transaction is never left half open, and nothing is tried on it again.
 */
#include "clerk/clerk_store.h"

#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

void
clerk_make_id(char out[CLERK_ID_MAX])
{
	unsigned char bytes[(CLERK_ID_MAX - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		fatal(EXIT_CODE_SYSTEM, "random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void
clerk_store_close(struct clerk_store *store)
{
	if (store->db.handle != NULL)
		store->db.class->close(&store->db);
	store->up = false;
}

int
clerk_store_run(struct clerk_store *store, struct clerk_rows *rows,
    const char *sql, const struct clerk_value *values, size_t count)
{
	struct err err;

	if (store->db.handle == NULL)
		return -1;
	if (store->db.class->run(&store->db, sql, values, count, rows,
	    &err) == 0)
		return 0;
	log_warnx("jobs: %s: %s", store->db.class->name, err.text);
	clerk_store_close(store);
	return -1;
}

int
clerk_store_begin(struct clerk_store *store)
{
	return clerk_store_run(store, NULL, store->db.class->dialect->begin,
	    NULL, 0);
}

int
clerk_store_commit(struct clerk_store *store)
{
	return clerk_store_run(store, NULL, "COMMIT", NULL, 0);
}

int
clerk_store_open(struct clerk_store *store, struct err *err)
{
	clerk_store_close(store);
	if (store->db.class->open(&store->db, err) < 0)
		return -1;
	if (clerk_schema_make(store, err) < 0) {
		clerk_store_close(store);
		return -1;
	}
	store->up = true;
	return 0;
}

int
clerk_store_take_back(struct clerk_store *store)
{
	struct clerk_value host = clerk_db_text(store->host);

	return clerk_store_run(store, NULL, "UPDATE fh_jobs SET "
	    "lease_until = 0 WHERE state = 2 AND lease_host = $1", &host,
	    1) < 0 ? -1 : clerk_store_run(store, NULL, "UPDATE fh_job_hooks "
	    "SET due_at = 0 WHERE state = 1 AND host = $1", &host, 1);
}

/* ------------------------------------------------------------ accepting */

static int
insert_job(struct clerk_store *store, const struct clerk_new *new,
    const char *id, bool *inserted_out)
{
	const struct clerk_route *route = new->route;
	const struct clerk_value values[] = { clerk_db_text(id),
	    clerk_db_text(route->label), clerk_db_text(new->owner),
	    CLERK_DB_NUMBER(route->priority), CLERK_DB_NUMBER(route->attempts),
	    CLERK_DB_NUMBER(route->retry_ms), CLERK_DB_NUMBER(route->keep_ms),
	    clerk_db_text(new->key), clerk_db_text(new->hash) };
	struct clerk_rows rows;

	if (clerk_store_run(store, &rows, "INSERT INTO fh_jobs (id, route, "
	    "owner, state, version, priority, attempts, max_attempts, "
	    "retry_ms, keep_ms, created_at, begin_at, cancel, request_key, "
	    "request_hash) VALUES ($1, $2, $3, 1, 1, $4, 0, $5, $6, $7, "
	    "fh_now(), fh_now(), 0, $8, $9) ON CONFLICT DO NOTHING "
	    "RETURNING id", values, 9) < 0)
		return -1;
	*inserted_out = rows.count > 0;
	clerk_rows_free(&rows);
	return 0;
}

static int
insert_request(struct clerk_store *store, const struct clerk_new *new,
    const char *id)
{
	const struct clerk_value values[] = { clerk_db_text(id),
	    clerk_db_bytes(new->params, new->params_length),
	    clerk_db_bytes(new->body, new->body_length) };

	if (clerk_store_run(store, NULL, "INSERT INTO fh_job_requests "
	    "(id, params, body) VALUES ($1, $2, $3)", values, 3) < 0)
		return -1;
	return new->hook == NULL ? 0 : clerk_store_hook_add(store, id,
	    new->hook);
}

/* The one that has its key.  0 also if that was removed just now. */
static int
find_before(struct clerk_store *store, const struct clerk_new *new,
    enum clerk_accepted *accepted_out, char id_out[CLERK_ID_MAX],
    bool *found_out)
{
	const struct clerk_value values[] = { clerk_db_text(new->owner),
	    clerk_db_text(new->route->label), clerk_db_text(new->key) };
	struct clerk_rows rows;

	if (clerk_store_run(store, &rows, "SELECT id, request_hash FROM "
	    "fh_jobs WHERE owner = $1 AND route = $2 AND request_key = $3",
	    values, 3) < 0)
		return -1;
	*found_out = rows.count > 0;
	if (*found_out) {
		snprintf(id_out, CLERK_ID_MAX, "%s", clerk_rows_text(&rows, 0,
		    0));
		*accepted_out = strcmp(clerk_rows_text(&rows, 0, 1),
		    new->hash) == 0 ? CLERK_ACCEPTED_BEFORE :
		    CLERK_ACCEPTED_OTHER;
	}
	clerk_rows_free(&rows);
	return 0;
}

int
clerk_store_accept(struct clerk_store *store, const struct clerk_new *new,
    enum clerk_accepted *accepted_out, char id_out[CLERK_ID_MAX])
{
	bool inserted = false, found = true;

	*accepted_out = CLERK_ACCEPTED_NEW;
	for (int tries = 0; tries < 3; tries++) {
		clerk_make_id(id_out);
		if (clerk_store_begin(store) < 0 ||
		    insert_job(store, new, id_out, &inserted) < 0)
			return -1;
		if (inserted && insert_request(store, new, id_out) < 0)
			return -1;
		if (!inserted && find_before(store, new, accepted_out,
		    id_out, &found) < 0)
			return -1;
		if (clerk_store_commit(store) < 0)
			return -1;
		if (inserted || found)
			return 0;
	}
	return -1;
}

/* ------------------------------------------------------------- tidying up */

int
clerk_store_count(struct clerk_store *store,
    uint64_t counts_out[CLERK_CANCELLED + 1])
{
	struct clerk_rows rows;

	memset(counts_out, 0, (CLERK_CANCELLED + 1) * sizeof(*counts_out));
	if (clerk_store_run(store, &rows, "SELECT state, count(*) FROM "
	    "fh_jobs GROUP BY state", NULL, 0) < 0)
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		int64_t state = clerk_rows_number(&rows, i, 0);

		if (state > 0 && state <= CLERK_CANCELLED)
			counts_out[state] = (uint64_t)clerk_rows_number(&rows,
			    i, 1);
	}
	clerk_rows_free(&rows);
	return 0;
}

/* In pieces, so that nobody waits long, and no time-out ends it in vain. */
int
clerk_store_sweep(struct clerk_store *store, bool *more_out)
{
	struct clerk_value most = CLERK_DB_NUMBER(CLERK_SWEEP);
	struct clerk_rows rows;

	*more_out = false;
	if (clerk_store_run(store, &rows, "DELETE FROM fh_jobs WHERE id IN ("
	    "SELECT id FROM fh_jobs WHERE state > 2 AND expires_at < fh_now() "
	    "AND NOT EXISTS (SELECT 1 FROM fh_job_hooks WHERE "
	    "fh_job_hooks.id = fh_jobs.id AND fh_job_hooks.state = 1) ORDER "
	    "BY expires_at LIMIT $1) RETURNING id", &most, 1) < 0)
		return -1;
	*more_out = rows.count == CLERK_SWEEP;
	clerk_rows_free(&rows);
	return 0;
}
