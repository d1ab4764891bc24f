/*
 * train.c - POST /train: rows from the table, a model back into the database.
 *
 * Teaches: a job (job.h): the client gets a 202 at once, fh_progress() says how
 *	far it is, fh_cancelled() between rounds whether it is still wanted.
 *	It may run twice, when a worker or a machine dies: then there is a
 *	second version of the same model, and the job's result names the last.
 * Runs in: the workers.
 * Owns: the samples and the booster of this request.
 * Invariant: a model is stored whole, or not at all.
 */
#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#define ROWS_MIN	20
#define HELD_OUT	5	/* every fifth row measures, the rest trains */
#define VERSIONS_KEPT	5

struct collected {
	struct booster_samples	 training;
	struct booster_samples	 measuring;
	size_t			 capacity;
	size_t			 seen;
	size_t			 skipped;	/* label not 0 or 1 */
};

static bool
reserve(struct collected *all, size_t columns, size_t rows)
{
	struct booster_samples *sets[] = { &all->training, &all->measuring };

	for (int i = 0; i < 2; i++) {
		sets[i]->columns = columns;
		sets[i]->values = malloc(rows * columns * sizeof(float));
		sets[i]->labels = malloc(rows * sizeof(float));
		if (sets[i]->values == NULL || sets[i]->labels == NULL)
			return false;
	}
	all->capacity = rows;
	return true;
}

static void
release(struct collected *all)
{
	free(all->training.values);
	free(all->training.labels);
	free(all->measuring.values);
	free(all->measuring.labels);
}

/* A database_row: the features, then the label. */
static int
collect(void *context, const struct database_value *values, size_t count)
{
	struct collected *all = context;
	struct booster_samples *set = all->seen % HELD_OUT == 0 ?
	    &all->measuring : &all->training;
	double label = values[count - 1].number;

	if (all->seen + all->skipped >= all->capacity)
		return 1;
	if (label != 0 && label != 1) {
		all->skipped++;
		return 0;
	}
	for (size_t i = 0; i < set->columns; i++)
		set->values[set->rows * set->columns + i] =
		    (float)values[i].number;
	set->labels[set->rows++] = (float)label;
	all->seen++;
	return 0;
}

static enum database_rc
read_rows(struct fh_request *rq, struct train *train, struct collected *all)
{
	const struct train_settings *s = &train->settings;
	struct database_value limit = { .number = (double)s->max_rows };
	struct database_query query = {
		.sql = fh_sprintf(rq, "SELECT %s, %s FROM %s LIMIT $1",
		    s->features, s->label, s->table),
		.params = &limit, .param_count = 1,
		.row = collect, .context = all
	};

	return database_query(&train->db, &query);
}

static struct booster *
learn(struct fh_request *rq, const struct train_settings *s,
    const struct booster_samples *samples)
{
	struct booster *booster = booster_create(samples, (int)s->depth);

	for (int i = 0; booster != NULL && i < s->rounds; i++) {
		if (fh_cancelled(rq) || booster_round(booster, i) != 0) {
			booster_destroy(booster);
			return NULL;
		}
		fh_progress(rq, i + 1, s->rounds, "trees");
	}
	return booster;
}

/* The share of rows it is right about, of those it has not seen. */
static double
measure(struct booster *booster, const struct booster_samples *samples)
{
	const float *scores = booster_score(booster, samples->values,
	    samples->rows, samples->columns);
	size_t right = 0;

	if (scores == NULL)
		return (double)NAN;
	for (size_t i = 0; i < samples->rows; i++)
		right += (scores[i] > 0.5f) == (samples->labels[i] > 0.5f);
	return (double)right / (double)samples->rows;
}

static int
take_version(void *context, const struct database_value *values, size_t count)
{
	(void)count;
	*(int64_t *)context = (int64_t)values[0].number;
	return 1;
}

static enum database_rc
store(struct fh_request *rq, struct train *train, size_t rows, double accuracy,
    const void *bytes, size_t length, int64_t *version_out)
{
	const char *models = train->settings.models;
	struct database_value params[] = {
		{ .number = (double)rows }, { .number = accuracy },
		{ .bytes = bytes, .length = length }
	};
	struct database_query insert = {
		.sql = fh_sprintf(rq, "INSERT INTO %s (row_count, accuracy, "
		    "body) VALUES ($1, $2, $3) RETURNING version", models),
		.params = params, .param_count = 3,
		.row = take_version, .context = version_out
	};
	struct database_query tidy = {
		.sql = fh_sprintf(rq, "DELETE FROM %s WHERE version <= $1",
		    models),
		.params = params, .param_count = 1
	};
	enum database_rc rc = database_query(&train->db, &insert);

	if (rc != DATABASE_OK)
		return rc;
	params[0].number = (double)(*version_out - VERSIONS_KEPT);
	if (database_query(&train->db, &tidy) != DATABASE_OK)
		fh_log(rq, FH_LOG_WARN, "old models stay: %s", train->db.why);
	return DATABASE_OK;
}

static int
reply(struct fh_request *rq, const struct collected *all, double accuracy,
    size_t length, int64_t version)
{
	struct json_object *object = json_object_new_object();
	struct json_object *share = json_object_new_double(accuracy);

	json_object_set_serializer(share, json_object_double_to_json_string,
	    "%.4f", NULL);
	json_object_object_add(object, "version",
	    json_object_new_int64(version));
	json_object_object_add(object, "rows",
	    json_object_new_int64((int64_t)all->seen));
	json_object_object_add(object, "skipped",
	    json_object_new_int64((int64_t)all->skipped));
	json_object_object_add(object, "held_out",
	    json_object_new_int64((int64_t)all->measuring.rows));
	json_object_object_add(object, "accuracy", share);
	json_object_object_add(object, "bytes",
	    json_object_new_int64((int64_t)length));
	return fh_reply_json(rq, 200, object);
}

static int
train_on(struct fh_request *rq, struct train *train,
    const struct collected *all)
{
	struct booster *booster;
	const void *bytes;
	size_t length;
	double accuracy;
	int64_t version = 0;
	enum database_rc rc;

	if (all->seen < ROWS_MIN)
		return fh_problem(rq, 409, "table %s has %zu rows with a label "
		    "of 0 or 1; %d are needed", train->settings.table,
		    all->seen, ROWS_MIN);
	booster = learn(rq, &train->settings, &all->training);
	if (booster == NULL && fh_cancelled(rq))
		return fh_problem(rq, 504, "stopped: the time is up, or the "
		    "job was cancelled");
	accuracy = booster == NULL ? (double)NAN :
	    measure(booster, &all->measuring);
	if (isnan(accuracy) || booster_save(booster, &bytes, &length) != 0) {
		fh_log(rq, FH_LOG_ERROR, "xgboost: %s", booster_error());
		booster_destroy(booster);
		return fh_problem(rq, 500, "training failed");
	}
	rc = store(rq, train, all->seen, accuracy, bytes, length, &version);
	booster_destroy(booster);
	if (rc != DATABASE_OK)
		return train_database_problem(rq, train, rc);
	return reply(rq, all, accuracy, length, version);
}

int
train_serve(struct fh_request *rq)
{
	struct collected all = { .seen = 0 };
	enum database_rc database_rc;
	struct train *train;
	int rc;

	if ((train = train_ready(rq, &rc)) == NULL)
		return rc;
	if (!reserve(&all, train->settings.columns,
	    (size_t)train->settings.max_rows)) {
		rc = fh_problem(rq, 500, "out of memory");
	} else if ((database_rc = read_rows(rq, train, &all)) != DATABASE_OK) {
		rc = train_database_problem(rq, train, database_rc);
	} else {
		rc = train_on(rq, train, &all);
	}
	release(&all);
	return rc;
}
