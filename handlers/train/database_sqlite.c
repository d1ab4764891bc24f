/*
 * database_sqlite.c - the SQLite back end.
 *
 * Runs in: the workers, one connection for each thread.
 * Owns: the sqlite3 handle and its statements.
 * Invariant: a locked file is waited for, BUSY_MS at most.
 */
#include <math.h>
#include <stdio.h>

#include <sqlite3.h>

#include "database.h"

#define BUSY_MS	5000

static void *
sqlite_open(const char *where, char *why)
{
	sqlite3 *connection = NULL;
	int rc = sqlite3_open_v2(where, &connection, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(connection, BUSY_MS);
		return connection;
	}
	snprintf(why, DATABASE_WHY_MAX, "%s: %s", where, connection == NULL ?
	    "out of memory" : sqlite3_errmsg(connection));
	sqlite3_close(connection);
	return NULL;
}

static void
sqlite_close(void *connection)
{
	sqlite3_close(connection);
}

static int
bind_all(sqlite3_stmt *statement, const struct database_query *query)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < query->param_count && rc == SQLITE_OK; i++) {
		const struct database_value *value = &query->params[i];

		rc = value->bytes == NULL ?
		    sqlite3_bind_double(statement, (int)i + 1, value->number) :
		    sqlite3_bind_blob64(statement, (int)i + 1, value->bytes,
		    value->length, SQLITE_STATIC);
	}
	return rc;
}

static struct database_value
column(sqlite3_stmt *statement, int i, bool binary)
{
	struct database_value value = { .number = (double)NAN };
	int type = sqlite3_column_type(statement, i);

	if (binary) {
		value.bytes = sqlite3_column_blob(statement, i);
		value.length = (size_t)sqlite3_column_bytes(statement, i);
	} else if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
		value.number = sqlite3_column_double(statement, i);
	} else if (type == SQLITE_TEXT) {
		value.number = database_number(
		    (const char *)sqlite3_column_text(statement, i));
	}
	return value;
}

static int
step_all(sqlite3_stmt *statement, const struct database_query *query)
{
	struct database_value values[DATABASE_VALUES_MAX];
	int count = sqlite3_column_count(statement);
	int rc;

	if (count > DATABASE_VALUES_MAX)
		return SQLITE_TOOBIG;
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		for (int i = 0; i < count; i++)
			values[i] = column(statement, i, query->binary);
		if (query->row != NULL &&
		    query->row(query->context, values, (size_t)count) != 0)
			return SQLITE_DONE;
	}
	return rc;
}

static enum database_rc
sqlite_query(void *connection, const struct database_query *query, char *why)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(connection, query->sql, -1, &statement,
	    NULL);

	if (rc == SQLITE_OK)
		rc = bind_all(statement, query);
	if (rc == SQLITE_OK)
		rc = step_all(statement, query);
	if (rc != SQLITE_DONE)
		snprintf(why, DATABASE_WHY_MAX, "%s",
		    sqlite3_errmsg(connection));
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? DATABASE_OK : DATABASE_FAILED;
}

const struct database_backend database_sqlite = {
	.serial = "INTEGER PRIMARY KEY AUTOINCREMENT",
	.blob = "BLOB",
	.open = sqlite_open,
	.close = sqlite_close,
	.query = sqlite_query
};
