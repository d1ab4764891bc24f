/*
 * score.c - POST /score: answers from the newest model in the database.
 *
 * Teaches: something that many processes share and that changes: the database
 *	says which version is the newest, each thread keeps that one loaded.
 * Runs in: the workers.
 * Owns: the thread's booster, replaced when there is a newer one.
 * Invariant: all rows of a request are scored by one version.
 */
#include <math.h>

#include <json-c/json.h>

#include "train.h"

#define VECTORS_MAX	10000
#define FAULTS_MAX	20

static int
take_version(void *context, const struct database_value *values, size_t count)
{
	(void)count;
	*(int64_t *)context = (int64_t)values[0].number;
	return 1;
}

static int
take_booster(void *context, const struct database_value *values, size_t count)
{
	(void)count;
	if (values[0].bytes != NULL)
		*(struct booster **)context = booster_load(values[0].bytes,
		    values[0].length);
	return 1;
}

/* Loads the newest model unless it is loaded.  Version 0: there is none. */
static enum database_rc
refresh(struct fh_request *rq, struct train *train, int64_t *newest_out)
{
	struct database_value version = { .number = 0 };
	struct booster *booster = NULL;
	struct database_query newest = {
		.sql = fh_sprintf(rq, "SELECT version FROM %s "
		    "ORDER BY version DESC LIMIT 1", train->settings.models),
		.row = take_version, .context = newest_out
	};
	struct database_query body = {
		.sql = fh_sprintf(rq, "SELECT body FROM %s "
		    "WHERE version = $1", train->settings.models),
		.params = &version, .param_count = 1, .binary = true,
		.row = take_booster, .context = &booster
	};
	enum database_rc rc = database_query(&train->db, &newest);

	if (rc != DATABASE_OK || *newest_out == 0 ||
	    (train->booster != NULL && *newest_out == train->version))
		return rc;
	version.number = (double)*newest_out;
	rc = database_query(&train->db, &body);
	if (rc != DATABASE_OK)
		return rc;
	booster_destroy(train->booster);
	train->booster = booster;
	train->version = *newest_out;
	return DATABASE_OK;
}

/* Copies {"features": [...]} to `values`; what is wrong with it, or NULL. */
static const char *
take_vector(struct fh_request *rq, struct json_object *object, float *values,
    size_t columns)
{
	struct json_object *list, *item;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, "features", &list) ||
	    !json_object_is_type(list, json_type_array))
		return "needs {\"features\": [...]}";
	if (json_object_array_length(list) != columns)
		return fh_sprintf(rq, "has %zu features, the model %zu",
		    json_object_array_length(list), columns);
	for (size_t i = 0; i < columns; i++) {
		item = json_object_array_get_idx(list, i);
		if (item != NULL && !json_object_is_type(item,
		    json_type_double) && !json_object_is_type(item,
		    json_type_int))
			return fh_sprintf(rq, "has a feature %zu that is "
			    "neither a number nor null", i);
		values[i] = item == NULL ? NAN :
		    (float)json_object_get_double(item);
	}
	return NULL;
}

/* All vectors of a body, one or a list; every fault of it in *faults_out. */
static float *
take_vectors(struct fh_request *rq, struct json_object *body, size_t rows,
    size_t columns, const char **faults_out)
{
	float *values = fh_alloc(rq, rows * columns * sizeof(*values));
	bool is_list = json_object_is_type(body, json_type_array);
	const char *fault, *faults = NULL;
	int named = 0;

	for (size_t i = 0; values != NULL && i < rows; i++) {
		fault = take_vector(rq, is_list ?
		    json_object_array_get_idx(body, i) : body,
		    values + i * columns, columns);
		if (fault != NULL && named++ < FAULTS_MAX)
			faults = fh_sprintf(rq, "%s%srow %zu %s",
			    faults == NULL ? "" : faults,
			    faults == NULL ? "" : "; ", i, fault);
	}
	*faults_out = values == NULL ? "too much for this process" : faults;
	return values;
}

static struct json_object *
score_object(float score)
{
	struct json_object *number = json_object_new_double((double)score);

	json_object_set_serializer(number, json_object_double_to_json_string,
	    "%.6f", NULL);
	return number;
}

static int
reply(struct fh_request *rq, const struct train *train, const float *scores,
    size_t rows, bool is_list)
{
	struct json_object *object = json_object_new_object(), *list;

	json_object_object_add(object, "version",
	    json_object_new_int64(train->version));
	if (!is_list) {
		json_object_object_add(object, "score",
		    score_object(scores[0]));
		return fh_reply_json(rq, 200, object);
	}
	list = json_object_new_array();
	for (size_t i = 0; i < rows; i++)
		json_object_array_add(list, score_object(scores[i]));
	json_object_object_add(object, "scores", list);
	return fh_reply_json(rq, 200, object);
}

static int
score_body(struct fh_request *rq, struct train *train)
{
	struct json_object *body = fh_json(rq);
	bool is_list = json_object_is_type(body, json_type_array);
	size_t rows = is_list ? json_object_array_length(body) : 1;
	size_t columns = booster_columns(train->booster);
	const char *faults;
	const float *scores;
	float *values;

	if (body == NULL && fh_json_error(rq) != NULL)
		return fh_problem(rq, 400, "%s", fh_json_error(rq));
	if (rows < 1 || rows > VECTORS_MAX)
		return fh_problem(rq, 422, "%zu rows; 1 to %d are taken",
		    rows, VECTORS_MAX);
	values = take_vectors(rq, body, rows, columns, &faults);
	if (faults != NULL)
		return fh_problem(rq, 422, "%s", faults);
	scores = booster_score(train->booster, values, rows, columns);
	if (scores == NULL) {
		fh_log(rq, FH_LOG_ERROR, "xgboost: %s", booster_error());
		return fh_problem(rq, 500, "scoring failed");
	}
	return reply(rq, train, scores, rows, is_list);
}

int
score_serve(struct fh_request *rq)
{
	int64_t newest = 0;
	enum database_rc database_rc;
	struct train *train;
	int rc;

	if ((train = train_ready(rq, &rc)) == NULL)
		return rc;
	database_rc = refresh(rq, train, &newest);
	if (database_rc != DATABASE_OK)
		return train_database_problem(rq, train, database_rc);
	if (newest == 0)
		return fh_problem(rq, 409, "there is no model yet: POST /train "
		    "first");
	if (train->booster == NULL) {
		fh_log(rq, FH_LOG_ERROR, "model %lld does not load: %s",
		    (long long)newest, booster_error());
		return fh_problem(rq, 500, "the model does not load");
	}
	return score_body(rq, train);
}
