/*
 * handler.c - routes and hooks of `train`: learn from a database, answer from
 * what was learnt.
 *
 * Teaches: worker_init and worker_fini.  Each serving thread has a connection
 *	of its own, opened before its first request and opened again when the
 *	server went away.  A server that is down at start is a warning, not
 *	the end.  In the configuration:
 *
 *		handler "train" {
 *			set = { "database=postgresql://user@host/name" }
 *			network = true
 *		}
 *
 * Runs in: the workers.
 * Owns: one struct train for each thread.
 * Invariant: no two threads share a connection or a booster.
 */
#include <stdlib.h>
#include <string.h>

#include "train.h"

static int
init(struct fh_worker *worker)
{
	struct train *train = calloc(1, sizeof(*train));

	if (train == NULL)
		return -1;
	fh_worker_set_data(worker, train);
	train_settings_read(train, worker);
	if (train->fault[0] != '\0') {
		fh_worker_log(worker, FH_LOG_WARN, "%s", train->fault);
		return 0;
	}
	if (database_open(&train->db, train->settings.database) != DATABASE_OK)
		fh_worker_log(worker, FH_LOG_WARN, "database: %s; the next "
		    "request tries again", train->db.why);
	return 0;
}

static void
fini(struct fh_worker *worker)
{
	struct train *train = fh_worker_data(worker);

	if (train == NULL)
		return;
	booster_destroy(train->booster);
	database_close(&train->db);
	free(train);
}

int
train_database_problem(struct fh_request *rq, struct train *train,
    enum database_rc rc)
{
	train->prepared = false;	/* it may be another one next time */
	fh_log(rq, FH_LOG_ERROR, "database: %s", train->db.why);
	if (rc == DATABASE_FAILED)
		return fh_problem(rq, 500, "the database refused; the log "
		    "says why");
	fh_set_header(rq, "Retry-After", "5");
	return fh_problem(rq, 503, "the database is not there");
}

static enum database_rc
prepare(struct fh_request *rq, struct train *train)
{
	const struct database_backend *backend = train->db.backend;
	struct database_query query = { .sql = fh_sprintf(rq,
	    "CREATE TABLE IF NOT EXISTS %s (version %s, "
	    "made_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, "
	    "row_count INTEGER NOT NULL, accuracy REAL NOT NULL, "
	    "body %s NOT NULL)", train->settings.models, backend->serial,
	    backend->blob) };
	enum database_rc rc = database_query(&train->db, &query);

	train->prepared = rc == DATABASE_OK;
	return rc;
}

struct train *
train_ready(struct fh_request *rq, int *rc_out)
{
	struct train *train = fh_worker_data(fh_worker(rq));
	enum database_rc rc = DATABASE_OK;

	if (train->fault[0] != '\0') {
		fh_set_header(rq, "Retry-After", "30");
		*rc_out = fh_problem(rq, 503, "%s", train->fault);
		return NULL;
	}
	if (!train->prepared)
		rc = prepare(rq, train);
	if (rc != DATABASE_OK) {
		*rc_out = train_database_problem(rq, train, rc);
		return NULL;
	}
	return train;
}

#define TRAIN_TIMEOUT_MS	3600000	/* one attempt */

FH_HANDLER(.name = "train", .version = "2",
    .worker_init = init, .worker_fini = fini,
    .routes = FH_ROUTES(
	{ "POST", "/train", .serve = train_serve, .job = true,
	    .timeout_ms = TRAIN_TIMEOUT_MS,
	    .summary = "trains a model on the table's rows and stores it" },
	{ "POST", "/score", .serve = score_serve, .async = true,
	    .summary = "the newest model's score of {\"features\": [...]}" }));
