/*
 * clerk_schema.c - the tables, and their way from one version to the next.
 *
 * Runs in: clerk.
 * Owns: the shape of the database.
 * Invariant: a version that was released is never changed, only followed by
 * another; of several clerks that come at once one makes them.
 */
#include <stdio.h>
#include <string.h>

#include "clerk/clerk_store.h"

/* BYTES is the dialect's word for any bytes.  The request is in a table of its
 * own: SQLite writes all of a row when a part of it changes. */
static const char *const version_1[] = {
	"CREATE TABLE fh_jobs ("
	" id TEXT PRIMARY KEY, route TEXT NOT NULL, owner TEXT NOT NULL,"
	" state INTEGER NOT NULL, version BIGINT NOT NULL,"
	" priority INTEGER NOT NULL, attempts INTEGER NOT NULL,"
	" max_attempts INTEGER NOT NULL, retry_ms BIGINT NOT NULL,"
	" keep_ms BIGINT NOT NULL, created_at BIGINT NOT NULL,"
	" begin_at BIGINT NOT NULL, started_at BIGINT, finished_at BIGINT,"
	" expires_at BIGINT, lease_token TEXT, lease_host TEXT,"
	" lease_until BIGINT, cancel INTEGER NOT NULL, done BIGINT,"
	" total BIGINT, text TEXT, request_key TEXT, request_hash TEXT,"
	" status INTEGER, type TEXT)",
	"CREATE TABLE fh_job_requests ("
	" id TEXT PRIMARY KEY REFERENCES fh_jobs ON DELETE CASCADE,"
	" params BYTES NOT NULL, body BYTES NOT NULL)",
	"CREATE TABLE fh_job_results ("
	" id TEXT PRIMARY KEY REFERENCES fh_jobs ON DELETE CASCADE,"
	" body BYTES NOT NULL)",
	"CREATE UNIQUE INDEX fh_jobs_key ON fh_jobs (owner, route,"
	" request_key) WHERE request_key IS NOT NULL",
	"CREATE INDEX fh_jobs_next ON fh_jobs (priority DESC, begin_at)"
	" WHERE state = 1",
	"CREATE INDEX fh_jobs_lease ON fh_jobs (lease_until)"
	" WHERE state = 2",
	"CREATE INDEX fh_jobs_end ON fh_jobs (expires_at) WHERE state > 2",
	NULL
};

static const char *const version_2[] = {
	"CREATE TABLE fh_job_hooks ("
	" id TEXT PRIMARY KEY REFERENCES fh_jobs ON DELETE CASCADE,"
	" url TEXT NOT NULL, state INTEGER NOT NULL, tries INTEGER NOT NULL,"
	" due_at BIGINT NOT NULL, host TEXT)",
	"CREATE INDEX fh_job_hooks_due ON fh_job_hooks (due_at)"
	" WHERE state = 1",
	NULL
};

static const char *const *const versions[] = { version_1, version_2 };
#define VERSIONS	((int64_t)(sizeof(versions) / sizeof(versions[0])))

/* BYTES becomes the dialect's word. */
static int
make_table(struct clerk_store *store, const char *text)
{
	const char *word = store->db.class->dialect->bytes;
	char sql[2048];
	size_t length = 0;

	while (*text != '\0' && length < sizeof(sql) - 16) {
		if (strncmp(text, "BYTES", 5) != 0) {
			sql[length++] = *text++;
			continue;
		}
		length += (size_t)snprintf(sql + length,
		    sizeof(sql) - length, "%s", word);
		text += 5;
	}
	sql[length] = '\0';
	return clerk_store_run(store, NULL, sql, NULL, 0);
}

/* What the dialect needs beside the tables belongs to the first version. */
static int
make_version(struct clerk_store *store, int64_t number)
{
	const char *const *setup = store->db.class->dialect->setup;
	const char *const *tables = versions[number - 1];
	struct clerk_value version = CLERK_DB_NUMBER(number);

	for (size_t i = 0; tables[i] != NULL; i++)
		if (make_table(store, tables[i]) < 0)
			return -1;
	for (size_t i = 0; number == 1 && setup[i] != NULL; i++)
		if (clerk_store_run(store, NULL, setup[i], NULL, 0) < 0)
			return -1;
	return clerk_store_run(store, NULL,
	    "INSERT INTO fh_jobs_schema (version) VALUES ($1)", &version, 1);
}

static int
find_version(struct clerk_store *store, int64_t *version_out)
{
	struct clerk_rows rows;

	if (clerk_store_run(store, NULL, "CREATE TABLE IF NOT EXISTS "
	    "fh_jobs_schema (version INTEGER NOT NULL)", NULL, 0) < 0 ||
	    clerk_store_run(store, &rows, "SELECT coalesce(max(version), 0) "
	    "FROM fh_jobs_schema", NULL, 0) < 0)
		return -1;
	*version_out = clerk_rows_number(&rows, 0, 0);
	clerk_rows_free(&rows);
	return 0;
}

int
clerk_schema_make(struct clerk_store *store, struct err *err)
{
	const char *alone = store->db.class->dialect->alone;
	int64_t version;

	if (clerk_store_begin(store) < 0 ||
	    clerk_store_run(store, NULL, alone, NULL, 0) < 0 ||
	    find_version(store, &version) < 0)
		return err_set(err, "its tables cannot be read");
	if (version > VERSIONS)
		return err_set(err, "its tables are those of a newer version "
		    "(%d is known here, it has %d)", (int)VERSIONS,
		    (int)version);
	while (version < VERSIONS)
		if (make_version(store, ++version) < 0)
			return err_set(err, "its tables cannot be made");
	if (clerk_store_commit(store) < 0)
		return err_set(err, "its tables cannot be made");
	return 0;
}
