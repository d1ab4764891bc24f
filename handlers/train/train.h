/*
 * train.h - what one serving thread keeps between requests.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fcgi-host/handler.h>

#include "booster.h"
#include "database.h"

#define TRAIN_COLUMNS_MAX	(DATABASE_VALUES_MAX - 1)

/* handler "train" { set = { "key=value", ... } }, see README.md. */
struct train_settings {
	const char	*database;	/* NULL: not set */
	const char	*table;
	const char	*features;	/* "x1,x2,x3,x4" */
	const char	*label;
	const char	*models;
	size_t		 columns;	/* in features */
	long		 rounds;
	long		 depth;
	long		 max_rows;
};

struct train {
	struct train_settings	 settings;
	char			 fault[160];	/* in the settings, or "" */
	struct database		 db;
	bool			 prepared;	/* the models' table exists */
	struct booster		*booster;	/* NULL: none loaded yet */
	int64_t			 version;	/* of booster */
};

/* Reads and checks the settings; what is wrong goes to `fault`. */
void	train_settings_read(struct train *, const struct fh_worker *);

/*
 * The state of the thread this request runs in, its database ready; or NULL,
 * and the reply says why: serve() returns *rc_out then.
 */
struct train	*train_ready(struct fh_request *, int *rc_out);

/* The reply to a database that did not answer as it should. */
int	train_database_problem(struct fh_request *, struct train *,
	    enum database_rc);

/* POST /train and POST /score. */
int	train_serve(struct fh_request *);
int	score_serve(struct fh_request *);

#endif
