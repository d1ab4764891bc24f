/*
 * database.c - one connection, whichever database is behind it.
 *
 * Teaches: two back ends behind one table of functions, and a connection that
 *	outlives a restart of its server.
 * Runs in: the workers, one struct for each thread.
 * Owns: the connection.
 * Invariant: a question is asked at most twice, the second time on a new
 * connection; rows are handed out of one answer only.
 */
#include "database.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum database_rc
connect_now(struct database *db)
{
	if (db->connection == NULL)
		db->connection = db->backend->open(db->where, db->why);
	return db->connection == NULL ? DATABASE_GONE : DATABASE_OK;
}

enum database_rc
database_open(struct database *db, const char *where)
{
	bool server = strncmp(where, "postgresql://", 13) == 0 ||
	    strncmp(where, "postgres://", 11) == 0;

	memset(db, 0, sizeof(*db));
	db->backend = server ? &database_postgresql : &database_sqlite;
	db->where = where;
	return connect_now(db);
}

void
database_close(struct database *db)
{
	if (db->connection != NULL)
		db->backend->close(db->connection);
	db->connection = NULL;
}

enum database_rc
database_query(struct database *db, const struct database_query *query)
{
	enum database_rc rc = DATABASE_GONE;

	for (int attempt = 0; attempt < 2 && rc == DATABASE_GONE; attempt++) {
		if (connect_now(db) != DATABASE_OK)
			break;
		rc = db->backend->query(db->connection, query, db->why);
		if (rc == DATABASE_GONE)
			database_close(db);
	}
	return rc;
}

double
database_number(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	return end == text || *end != '\0' ? (double)NAN : value;
}
