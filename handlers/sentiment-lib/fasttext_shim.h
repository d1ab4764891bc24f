/*
 * fasttext_shim.h - the two calls of libfasttext that are needed, for C.
 *
 * libfasttext is C++ and reports by exceptions; no exception passes here.
 */
#ifndef FASTTEXT_SHIM_H
#define FASTTEXT_SHIM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fasttext_shim;

/* Loads a model, of any kind fastText makes; NULL, and why. */
struct fasttext_shim	*fasttext_shim_load(const char *path, char *why,
			    size_t why_size);

/*
 * The most likely label of one line, without "__label__", cut to `label_size`.
 * 0; 1 if the model knows nothing in the line; -1 and why.  For any number of
 * threads at a time.
 */
int	fasttext_shim_predict(const struct fasttext_shim *, const char *line,
	    char *label_out, size_t label_size, double *probability_out,
	    char *why, size_t why_size);

#ifdef __cplusplus
}
#endif

#endif
