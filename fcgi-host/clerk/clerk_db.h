/*
 * clerk_db.h - one connection to a database, whichever it is.
 *
 * Statements are the same text for SQLite and PostgreSQL, with parameters $1,
 * $2, ...; what differs is in struct clerk_dialect.  All calls wait for the
 * answer, and come from the clerk's only thread.  A connection that is broken
 * is opened again by the caller (clerk_store.c).
 */
#ifndef CLERK_CLERK_DB_H
#define CLERK_CLERK_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* A parameter; the bytes are the caller's. */
struct clerk_value {
	enum { CLERK_NULL, CLERK_NUMBER, CLERK_TEXT, CLERK_BYTES } kind;
	int64_t		 number;
	const void	*at;
	size_t		 length;
};

/* Ends in a NUL beyond its length; NULL for SQL's. */
struct clerk_cell {
	char		*at;
	size_t		 length;
};

struct clerk_rows {
	size_t			 count, columns;
	size_t			 cell_count;
	struct clerk_cell	*cells;		/* row by row */
};

/* The words that differ. */
struct clerk_dialect {
	const char	*find;		/* position of a text in one */
	const char	*skip;		/* after the SELECT of a claim */
	const char	*bytes;		/* the type of any bytes */
	const char	*begin;		/* of a transaction that writes */
	const char	*alone;		/* in it: no other clerk is here */
	const char *const *setup;	/* after the tables; ends in NULL */
};

struct clerk_db;
struct clerk_db_class {
	const char			*name;
	const struct clerk_dialect	*dialect;
	/* 0, or -1 and why. */
	int	(*open)(struct clerk_db *, struct err *);
	void	(*close)(struct clerk_db *);
	/* `rows_out` may be NULL; else clerk_rows_free() it. */
	int	(*run)(struct clerk_db *, const char *sql,
		    const struct clerk_value *, size_t count,
		    struct clerk_rows *rows_out, struct err *);
	/* Changes that others made are told here; -1: never. */
	int	(*fd)(const struct clerk_db *);
	/* Reads them, and calls `heard` with each: a job's id, whether it is
	 * to be cancelled (0 or 1), and its state, blanks between.  -1: it is
	 * broken. */
	int	(*hear)(struct clerk_db *, void (*heard)(void *, const char *),
		    void *context);
};

struct clerk_db {
	const struct clerk_db_class	*class;
	const char			*where;	/* path, or conninfo */
	void				*handle; /* NULL: closed */
};

extern const struct clerk_db_class clerk_sqlite;
extern const struct clerk_db_class clerk_postgres;

/* For the classes: the next cell, a copy.  0, or -1: memory. */
int	clerk_rows_add(struct clerk_rows *, const void *bytes, size_t length,
	    bool null);
void	clerk_rows_free(struct clerk_rows *);

/* "" or 0 for SQL's NULL. */
const char	*clerk_rows_text(const struct clerk_rows *, size_t row,
		    size_t column);
int64_t		 clerk_rows_number(const struct clerk_rows *, size_t row,
		    size_t column);

#define CLERK_DB_NUMBER(n) \
	((struct clerk_value){ .kind = CLERK_NUMBER, .number = (int64_t)(n) })
#define CLERK_DB_NULL	((struct clerk_value){ .kind = CLERK_NULL })
struct clerk_value	clerk_db_text(const char *);	/* NULL: SQL's */
struct clerk_value	clerk_db_bytes(const void *, size_t);

#endif
