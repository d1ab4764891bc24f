/*
 * database.h - SQLite or PostgreSQL, one connection, the same SQL.
 *
 * A struct database belongs to one thread.  Parameters are written $1, $2, ...
 * for both.  The connection is made when first needed and made again when the
 * server went away; what is asked may therefore reach the server twice.
 */
#ifndef TRAIN_DATABASE_H
#define TRAIN_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATABASE_VALUES_MAX	64	/* columns, and parameters */
#define DATABASE_WHY_MAX	256

enum database_rc {
	DATABASE_OK,
	DATABASE_FAILED,	/* the question is at fault */
	DATABASE_GONE		/* no server, no file */
};

/* A parameter (bytes, or else the number) or a column of a row. */
struct database_value {
	double		 number;	/* NAN: NULL, or no number */
	const void	*bytes;
	size_t		 length;
};

/* Nonzero stops; the values are good until it returns. */
typedef int	database_row(void *context, const struct database_value *,
		    size_t count);

/* params[]: no more than DATABASE_VALUES_MAX; `row` may be NULL. */
struct database_query {
	const char			*sql;
	const struct database_value	*params;
	size_t				 param_count;
	bool				 binary;	/* rows are bytes */
	database_row			*row;
	void				*context;
};

/*
 * One kind of database.  A failing open or query fills `why`.
 * serial, blob		its words for a growing key, and for bytes
 */
struct database_backend {
	const char	*serial;
	const char	*blob;
	void		*(*open)(const char *where, char *why);
	void		 (*close)(void *connection);
	enum database_rc (*query)(void *connection,
			    const struct database_query *, char *why);
};

extern const struct database_backend	database_sqlite;
extern const struct database_backend	database_postgresql;

struct database {
	const struct database_backend	*backend;
	const char			*where;
	void				*connection;	/* NULL: none now */
	char				 why[DATABASE_WHY_MAX];
};

/*
 * `where` is "postgresql://..." or the path of a SQLite file that exists; it
 * must live on.  Connects, too; if that fails a later query tries again.
 */
enum database_rc	database_open(struct database *, const char *where);
void			database_close(struct database *);

/* On failure `why` in the struct says the reason. */
enum database_rc	database_query(struct database *,
			    const struct database_query *);

/* A number out of text; NAN if it is none. */
double			database_number(const char *text);

#endif
