/*
 * clerk_sqlite.c - jobs in a file: SQLite, in state_dir/jobs.
 *
 * Runs in: clerk.
 * Owns: the connection.
 * Invariant: a statement that has returned 0 is on the disk: WAL with
 * synchronous=FULL, since NORMAL could lose the last commits of a machine that
 * loses its power, and a 202 has been sent for them.
 */
#include "clerk/clerk_db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

#define BUSY_MS	500	/* somebody looks at the file by hand; all wait */

static const char *const no_setup[] = { NULL };
static const struct clerk_dialect dialect = { .find = "instr", .skip = "",
    .bytes = "BLOB", .begin = "BEGIN IMMEDIATE", .alone = "SELECT 1",
    .setup = no_setup };

/* Where the machine's clock is set back, time goes on from where it was: else
 * what waits would wait as much longer. */
static int64_t
steady_ms(void)
{
	static int64_t last_ms;
	static uint64_t at_ms;
	uint64_t now_ms = clock_now_ms();
	int64_t wall_ms = clock_wall_ms();

	last_ms += at_ms == 0 ? 0 : (int64_t)(now_ms - at_ms);
	at_ms = now_ms;
	if (wall_ms > last_ms)
		last_ms = wall_ms;
	return last_ms;
}

static void
now(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	(void)values;
	sqlite3_result_int64(context, steady_ms());
}

static int
complain(sqlite3 *sqlite, struct err *err)
{
	return err_set(err, "%s", sqlite == NULL ? "no memory" :
	    sqlite3_errmsg(sqlite));
}

static void
close_file(struct clerk_db *db)
{
	sqlite3_close_v2(db->handle);
	db->handle = NULL;
}

static int
open_file(struct clerk_db *db, struct err *err)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";
	sqlite3 *sqlite = NULL;
	int rc = sqlite3_open_v2(db->where, &sqlite, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE, NULL);

	db->handle = sqlite;
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(sqlite, BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function(sqlite, "fh_now", 0, SQLITE_UTF8,
		    NULL, now, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(sqlite, pragmas, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	complain(sqlite, err);
	close_file(db);
	return -1;
}

static int
bind(sqlite3_stmt *statement, const struct clerk_value *values, size_t count)
{
	char name[24];
	int rc = SQLITE_OK;

	for (size_t i = 0; i < count && rc == SQLITE_OK; i++) {
		const struct clerk_value *value = &values[i];
		int at;

		snprintf(name, sizeof(name), "$%zu", i + 1);
		at = sqlite3_bind_parameter_index(statement, name);
		if (at == 0 || value->kind == CLERK_NULL)
			continue;
		if (value->kind == CLERK_NUMBER)
			rc = sqlite3_bind_int64(statement, at, value->number);
		else if (value->kind == CLERK_TEXT)
			rc = sqlite3_bind_text64(statement, at, value->at,
			    value->length, SQLITE_STATIC, SQLITE_UTF8);
		else
			rc = sqlite3_bind_blob64(statement, at, value->at,
			    value->length, SQLITE_STATIC);
	}
	return rc;
}

/* Numbers come as texts. */
static int
take_row(sqlite3_stmt *statement, struct clerk_rows *rows)
{
	rows->columns = (size_t)sqlite3_column_count(statement);
	for (int i = 0; i < (int)rows->columns; i++) {
		int type = sqlite3_column_type(statement, i);
		const void *at = type == SQLITE_BLOB ?
		    sqlite3_column_blob(statement, i) :
		    sqlite3_column_text(statement, i);

		if (clerk_rows_add(rows, at, (size_t)sqlite3_column_bytes(
		    statement, i), type == SQLITE_NULL) < 0)
			return -1;
	}
	rows->count++;
	return 0;
}

static int
step(sqlite3_stmt *statement, struct clerk_rows *rows)
{
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
		if (rows != NULL && take_row(statement, rows) < 0)
			return SQLITE_NOMEM;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
run(struct clerk_db *db, const char *sql, const struct clerk_value *values,
    size_t count, struct clerk_rows *rows, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

	if (rows != NULL)
		memset(rows, 0, sizeof(*rows));
	if (rc == SQLITE_OK)
		rc = bind(statement, values, count);
	if (rc == SQLITE_OK)
		rc = step(statement, rows);
	if (rc != SQLITE_OK) {
		complain(db->handle, err);
		if (rows != NULL)
			clerk_rows_free(rows);
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_OK ? 0 : -1;
}

static int
no_fd(const struct clerk_db *db)
{
	(void)db;
	return -1;
}

static int
hear_nothing(struct clerk_db *db, void (*heard)(void *, const char *),
    void *context)
{
	(void)db;
	(void)heard;
	(void)context;
	return 0;
}

const struct clerk_db_class clerk_sqlite = { .name = "SQLite",
    .dialect = &dialect, .open = open_file, .close = close_file, .run = run,
    .fd = no_fd, .hear = hear_nothing };
