/*
 * clerk_postgres.c - jobs in PostgreSQL, for several hosts.
 *
 * Runs in: clerk.
 * Owns: the connection.
 * Invariant: a server that does not answer is given up after some seconds; what
 * others change is told by NOTIFY, in the transaction that changes it, so a
 * host that sleeps misses nothing and asks for nothing.
 */
#include "clerk/clerk_db.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of silence, where a server that lives would have ended the statement: one
 * that stands still, or a network that takes bytes and brings none.  libpq
 * alone would wait for ever, and the clerk with it. */
#ifndef CLERK_ANSWER_MS
#define CLERK_ANSWER_MS	12000
#endif

#define PARAMS_MAX	16
#define BYTEA		17	/* the type's number, pg_type.dat */

/* After the tables.  Lines of jobs others look at carry their id, whether they
 * are to be cancelled, and their state. */
static const char *const setup[] = {
	"CREATE FUNCTION fh_jobs_tell() RETURNS trigger LANGUAGE plpgsql AS "
	"$$ BEGIN PERFORM pg_notify('fh_jobs', NEW.id || ' ' || NEW.cancel "
	"|| ' ' || NEW.state); RETURN NULL; END $$",
	"CREATE TRIGGER fh_jobs_new AFTER INSERT ON fh_jobs FOR EACH ROW "
	"EXECUTE FUNCTION fh_jobs_tell()",
	"CREATE TRIGGER fh_jobs_changed AFTER UPDATE ON fh_jobs FOR EACH ROW "
	"WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION fh_jobs_tell()",
	"CREATE FUNCTION fh_now() RETURNS bigint LANGUAGE sql STABLE AS $$ "
	"SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint "
	"$$",
	NULL
};

static const struct clerk_dialect dialect = { .find = "strpos",
    .skip = "FOR UPDATE SKIP LOCKED", .bytes = "BYTEA", .begin = "BEGIN",
    .alone = "SELECT pg_advisory_xact_lock(1717071986)", .setup = setup };

/* One line, without the line break that libpq ends it with. */
static int
complain(const char *message, struct err *err)
{
	if (*message == '\0')
		message = "the server does not answer";
	return err_set(err, "%.*s", (int)strcspn(message, "\n"), message);
}

static void
ignore(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

/* 0: it is ready; -1: nothing moved. */
static int
wait_for(PGconn *conn, short events)
{
	struct pollfd socket = { .fd = PQsocket(conn), .events = events };
	int ready;

	do
		ready = poll(&socket, 1, CLERK_ANSWER_MS);
	while (ready < 0 && errno == EINTR);
	return ready > 0 ? 0 : -1;
}

/* Reads too: a server that waits for us to read would take nothing. */
static int
send_all(PGconn *conn)
{
	int left;

	while ((left = PQflush(conn)) == 1)
		if (wait_for(conn, POLLIN | POLLOUT) < 0 ||
		    PQconsumeInput(conn) == 0)
			return -1;
	return left;
}

/* What was sent is answered; NULL: it was not.  PQclear() it. */
static PGresult *
take_answer(PGconn *conn)
{
	PGresult *first = NULL, *result;

	if (send_all(conn) < 0)
		return NULL;
	for (;;) {
		while (PQisBusy(conn))
			if (wait_for(conn, POLLIN) < 0 ||
			    PQconsumeInput(conn) == 0) {
				PQclear(first);
				return NULL;
			}
		result = PQgetResult(conn);
		if (result == NULL)
			return first;
		if (first == NULL)
			first = result;
		else
			PQclear(result);
	}
}

static int
command(PGconn *conn, const char *sql, struct err *err)
{
	PGresult *result = PQsendQuery(conn, sql) == 1 ? take_answer(conn) :
	    NULL;
	ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 :
	    complain(PQerrorMessage(conn), err);
}

static void
close_connection(struct clerk_db *db)
{
	PQfinish(db->handle);
	db->handle = NULL;
}

/* A server may have been told to lose commits; not those of jobs.  And what
 * another host has committed meanwhile is to be seen. */
static int
prepare(PGconn *conn, struct err *err)
{
	static const char *const words[] = {
		"SET statement_timeout = '10s'",
		"SET lock_timeout = '5s'",
		"SET idle_in_transaction_session_timeout = '30s'",
		"SET default_transaction_isolation = 'read committed'",
		("SELECT set_config('synchronous_commit', 'on', false) WHERE "
		"current_setting('synchronous_commit') = 'off'"),
		"LISTEN fh_jobs",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (command(conn, words[i], err) < 0)
			return -1;
	return 0;
}

/* What the conninfo itself says wins over what stands before it. */
static int
open_connection(struct clerk_db *db, struct err *err)
{
	static const char *const names[] = { "connect_timeout",
	    "tcp_user_timeout", "client_encoding", "dbname",
	    "fallback_application_name", NULL };
	const char *const values[] = { "3", "5000", "UTF8", db->where,
	    "fcgi-host jobs", NULL };
	PGconn *conn = PQconnectdbParams(names, values, 1);

	if (conn == NULL)
		return complain("no memory", err);
	db->handle = conn;
	if (PQstatus(conn) == CONNECTION_OK) {
		PQsetNoticeReceiver(conn, ignore, NULL);
		if (PQsetnonblocking(conn, 1) == 0 && prepare(conn, err) == 0)
			return 0;
	} else
		complain(PQerrorMessage(conn), err);
	close_connection(db);
	return -1;
}

/* A cell; bytes come as text, and are bytes again. */
static int
take_cell(const PGresult *result, int row, int column,
    struct clerk_rows *rows)
{
	const char *text = PQgetvalue(result, row, column);
	size_t length = (size_t)PQgetlength(result, row, column);
	unsigned char *bytes;
	int rc;

	if (PQgetisnull(result, row, column))
		return clerk_rows_add(rows, NULL, 0, true);
	if (PQftype(result, column) != BYTEA)
		return clerk_rows_add(rows, text, length, false);
	bytes = PQunescapeBytea((const unsigned char *)text, &length);
	if (bytes == NULL)
		return -1;
	rc = clerk_rows_add(rows, bytes, length, false);
	PQfreemem(bytes);
	return rc;
}

static int
take_rows(const PGresult *result, struct clerk_rows *rows, struct err *err)
{
	rows->columns = (size_t)PQnfields(result);
	for (int row = 0; row < PQntuples(result); row++) {
		for (int column = 0; column < PQnfields(result); column++)
			if (take_cell(result, row, column, rows) < 0) {
				clerk_rows_free(rows);
				return complain("no memory", err);
			}
		rows->count++;
	}
	return 0;
}

struct params {
	Oid		 types[PARAMS_MAX];
	const char	*values[PARAMS_MAX];
	int		 lengths[PARAMS_MAX], formats[PARAMS_MAX];
	char		 numbers[PARAMS_MAX][24];
};

/* Texts of ours end in NUL: clerk_db_text(). */
static void
fill(struct params *params, const struct clerk_value *values, size_t count)
{
	memset(params, 0, sizeof(*params));
	for (size_t i = 0; i < count && i < PARAMS_MAX; i++) {
		const struct clerk_value *value = &values[i];

		if (value->kind == CLERK_NULL)
			continue;
		params->values[i] = value->at;
		if (value->kind == CLERK_NUMBER) {
			snprintf(params->numbers[i], sizeof(params->numbers[i]),
			    "%lld", (long long)value->number);
			params->values[i] = params->numbers[i];
		} else if (value->kind == CLERK_BYTES) {
			params->types[i] = BYTEA;
			params->lengths[i] = (int)value->length;
			params->formats[i] = 1;
		}
	}
}

static int
run(struct clerk_db *db, const char *sql, const struct clerk_value *values,
    size_t count, struct clerk_rows *rows, struct err *err)
{
	struct params params;
	PGresult *result = NULL;
	int rc = 0;

	if (rows != NULL)
		memset(rows, 0, sizeof(*rows));
	fill(&params, values, count);
	if (PQsendQueryParams(db->handle, sql, (int)count, params.types,
	    params.values, params.lengths, params.formats, 0) == 1)
		result = take_answer(db->handle);
	if (PQresultStatus(result) == PGRES_TUPLES_OK && rows != NULL)
		rc = take_rows(result, rows, err);
	else if (PQresultStatus(result) != PGRES_COMMAND_OK &&
	    PQresultStatus(result) != PGRES_TUPLES_OK)
		rc = complain(PQerrorMessage(db->handle), err);
	PQclear(result);
	return rc;
}

static int
fd_of(const struct clerk_db *db)
{
	return PQsocket(db->handle);
}

static int
hear(struct clerk_db *db, void (*heard)(void *, const char *), void *context)
{
	PGnotify *notify;

	if (PQconsumeInput(db->handle) == 0 ||
	    PQstatus(db->handle) != CONNECTION_OK)
		return -1;
	/* `heard` may run a statement, and close what is broken */
	while (db->handle != NULL &&
	    (notify = PQnotifies(db->handle)) != NULL) {
		heard(context, notify->extra);
		PQfreemem(notify);
	}
	return 0;
}

const struct clerk_db_class clerk_postgres = { .name = "PostgreSQL",
    .dialect = &dialect, .open = open_connection, .close = close_connection,
    .run = run, .fd = fd_of, .hear = hear };
