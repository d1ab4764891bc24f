/*
 * api_value.h - members of a struct as a declaration has them (input.h), to be
 * written.
 */
#ifndef API_API_VALUE_H
#define API_API_VALUE_H

#include "api/api_private.h"

/* Room for a number, a date, a time or a UUID. */
#define API_VALUE_MAX	48

/* The name the client knows it by. */
const char	*api_value_name(const struct fh_property *);

/* False: it has none.  `base` is the struct that the member is in. */
bool	api_value_given(const struct fh_property *, const char *base);

/*
 * The text of a value that is given, for all but ARRAY and OBJECT: in `out`, or
 * where it lies.  BYTE is base64, in the request's arena.  NULL after
 * api_fault(), which names `call`.
 */
const char	*api_value_text(struct fh_request *, const char *call,
		    const struct fh_property *, const char *base,
		    char out[API_VALUE_MAX]);

/* May it stand in JSON as it is, without quotes?  Numbers and booleans. */
bool	api_value_is_bare(const struct fh_property *);

/* How many bytes an item of an array has; 0: a type that is none. */
size_t	api_value_size(const struct fh_property *);

#endif
