/*
 * booster.c - XGBoost through its C API.
 *
 * Runs in: the workers.
 * Owns: the booster and, while it is trained, its matrix.
 * Invariant: no OpenMP region ever has a second thread, so a process that has
 * used a booster may be forked.
 */
#include "booster.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <xgboost/c_api.h>

struct booster {
	BoosterHandle	 handle;
	DMatrixHandle	 matrix;	/* NULL in one that was loaded */
};

static int
set_parameters(BoosterHandle handle, int depth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", depth);
	return XGBoosterSetParam(handle, "nthread", "1") != 0 ||
	    XGBoosterSetParam(handle, "verbosity", "0") != 0 ||
	    XGBoosterSetParam(handle, "objective", "binary:logistic") != 0 ||
	    XGBoosterSetParam(handle, "tree_method", "hist") != 0 ||
	    XGBoosterSetParam(handle, "max_depth", text) != 0 ? -1 : 0;
}

struct booster *
booster_create(const struct booster_samples *samples, int depth)
{
	struct booster *booster = calloc(1, sizeof(*booster));

	if (booster == NULL)
		return NULL;
	if (XGDMatrixCreateFromMat_omp(samples->values, samples->rows,
	    samples->columns, NAN, &booster->matrix, 1) == 0 &&
	    XGDMatrixSetFloatInfo(booster->matrix, "label", samples->labels,
	    samples->rows) == 0 &&
	    XGBoosterCreate(&booster->matrix, 1, &booster->handle) == 0 &&
	    set_parameters(booster->handle, depth) == 0)
		return booster;
	booster_destroy(booster);
	return NULL;
}

int
booster_round(struct booster *booster, int round)
{
	return XGBoosterUpdateOneIter(booster->handle, round, booster->matrix);
}

int
booster_save(struct booster *booster, const void **bytes_out,
    size_t *length_out)
{
	bst_ulong length;
	const char *bytes;

	if (XGBoosterSaveModelToBuffer(booster->handle,
	    "{\"format\": \"ubj\"}", &length, &bytes) != 0)
		return -1;
	*bytes_out = bytes;
	*length_out = (size_t)length;
	return 0;
}

struct booster *
booster_load(const void *bytes, size_t length)
{
	struct booster *booster = calloc(1, sizeof(*booster));

	if (booster == NULL)
		return NULL;
	if (XGBoosterCreate(NULL, 0, &booster->handle) == 0 &&
	    XGBoosterSetParam(booster->handle, "nthread", "1") == 0 &&
	    XGBoosterLoadModelFromBuffer(booster->handle, bytes, length) == 0 &&
	    XGBoosterSetParam(booster->handle, "nthread", "1") == 0)
		return booster;
	booster_destroy(booster);
	return NULL;
}

size_t
booster_columns(struct booster *booster)
{
	bst_ulong columns = 0;

	return XGBoosterGetNumFeature(booster->handle, &columns) == 0 ?
	    (size_t)columns : 0;
}

const float *
booster_score(struct booster *booster, const float *values, size_t rows,
    size_t columns)
{
	static const char how[] = "{\"type\": 0, \"training\": false, "
	    "\"iteration_begin\": 0, \"iteration_end\": 0, "
	    "\"strict_shape\": false, \"cache_id\": 0, \"missing\": NaN}";
	const bst_ulong *shape;
	bst_ulong dimensions;
	const float *scores;
	char array[160];

	snprintf(array, sizeof(array), "{\"data\": [%ju, true], \"shape\": "
	    "[%zu, %zu], \"typestr\": \"<f4\", \"version\": 3}",
	    (uintmax_t)(uintptr_t)values, rows, columns);
	if (XGBoosterPredictFromDense(booster->handle, array, how, NULL,
	    &shape, &dimensions, &scores) != 0)
		return NULL;
	return scores;
}

void
booster_destroy(struct booster *booster)
{
	if (booster == NULL)
		return;
	if (booster->handle != NULL)
		XGBoosterFree(booster->handle);
	if (booster->matrix != NULL)
		XGDMatrixFree(booster->matrix);
	free(booster);
}

const char *
booster_error(void)
{
	return XGBGetLastError();
}
