/*
 * database_postgresql.c - the PostgreSQL back end.
 *
 * Runs in: the workers, one connection for each thread.
 * Owns: the libpq connection.
 * Invariant: the connection string, which may hold a password, gets into no
 * message.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "database.h"

/* libpq's messages end in a newline and may have several. */
static void
keep_message(char *why, const char *message)
{
	size_t length;

	snprintf(why, DATABASE_WHY_MAX, "%s", message);
	for (char *c = why; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	length = strlen(why);
	while (length > 0 && why[length - 1] == ' ')
		why[--length] = '\0';
}

static void
ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;	/* "relation exists, skipping" */
}

static void *
postgresql_open(const char *where, char *why)
{
	/* Before dbname, so that the connection string may say otherwise. */
	const char *const names[] = { "connect_timeout",
	    "fallback_application_name", "dbname", NULL };
	const char *const values[] = { "5", "fcgi-host train", where, NULL };
	PGconn *connection = PQconnectdbParams(names, values, 1);

	if (PQstatus(connection) == CONNECTION_OK) {
		PQsetNoticeProcessor(connection, ignore_notice, NULL);
		return connection;
	}
	keep_message(why, PQerrorMessage(connection));
	PQfinish(connection);
	return NULL;
}

static void
postgresql_close(void *connection)
{
	PQfinish(connection);
}

/* Numbers go as text, bytes as they are; the server knows the types. */
static PGresult *
execute(PGconn *connection, const struct database_query *query)
{
	const char *values[DATABASE_VALUES_MAX];
	int lengths[DATABASE_VALUES_MAX], formats[DATABASE_VALUES_MAX];
	char texts[DATABASE_VALUES_MAX][32];

	for (size_t i = 0; i < query->param_count; i++) {
		const struct database_value *value = &query->params[i];

		snprintf(texts[i], sizeof(texts[i]), "%.17g", value->number);
		values[i] = value->bytes == NULL ? texts[i] : value->bytes;
		lengths[i] = (int)value->length;
		formats[i] = value->bytes != NULL;
	}
	return PQexecParams(connection, query->sql, (int)query->param_count,
	    NULL, values, lengths, formats, query->binary);
}

static struct database_value
field(const PGresult *result, int row, int i, bool binary)
{
	struct database_value value = { .number = (double)NAN };
	const char *text = PQgetvalue(result, row, i);

	if (PQgetisnull(result, row, i))
		return value;
	if (binary) {
		value.bytes = text;
		value.length = (size_t)PQgetlength(result, row, i);
	} else if (strcmp(text, "t") == 0 || strcmp(text, "f") == 0) {
		value.number = text[0] == 't';
	} else {
		value.number = database_number(text);
	}
	return value;
}

static void
give_rows(const PGresult *result, const struct database_query *query)
{
	struct database_value values[DATABASE_VALUES_MAX];
	int count = PQnfields(result);

	for (int row = 0; row < PQntuples(result); row++) {
		for (int i = 0; i < count; i++)
			values[i] = field(result, row, i, query->binary);
		if (query->row != NULL &&
		    query->row(query->context, values, (size_t)count) != 0)
			return;
	}
}

static enum database_rc
postgresql_query(void *connection, const struct database_query *query,
    char *why)
{
	PGresult *result = execute(connection, query);
	ExecStatusType status = PQresultStatus(result);
	enum database_rc rc = DATABASE_OK;

	if (status == PGRES_TUPLES_OK &&
	    PQnfields(result) <= DATABASE_VALUES_MAX) {
		give_rows(result, query);
	} else if (status != PGRES_COMMAND_OK) {
		keep_message(why, PQerrorMessage(connection));
		rc = PQstatus(connection) == CONNECTION_OK ? DATABASE_FAILED :
		    DATABASE_GONE;
	}
	PQclear(result);
	return rc;
}

const struct database_backend database_postgresql = {
	.serial = "BIGSERIAL PRIMARY KEY",
	.blob = "BYTEA",
	.open = postgresql_open,
	.close = postgresql_close,
	.query = postgresql_query
};
