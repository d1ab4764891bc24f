/*
 * wire_params.h - FastCGI name-value pairs (specification, section 3.4).
 * Pure: no I/O, never fatal, nothing allocated.
 */
#ifndef WIRE_PARAMS_H
#define WIRE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_pair {
	const uint8_t	*name;		/* no NUL at the end */
	const uint8_t	*value;
	uint32_t	 name_length;
	uint32_t	 value_length;
};

/*
 * The next pair of a complete block.  1: *pair_out is filled and *cursor moved
 * on.  0: the end.  -1: a length points behind `end`;
 * *cursor stays.
 */
int	wire_params_next(const uint8_t **cursor, const uint8_t *end,
	    struct wire_pair *pair_out);

/* Is that its name, which ends in NUL? */
bool	wire_pair_is(const struct wire_pair *, const char *name);

/* The pair of that name in a sound block; of several the last.  False: there is
 * none. */
bool	wire_params_find(const uint8_t *params, size_t length,
	    const char *name, struct wire_pair *pair_out);

/*
 * Appends one pair at `at`.  Returns the new end, or NULL when `limit` is too
 * near.
 */
uint8_t	*wire_params_put(uint8_t *at, const uint8_t *limit, const char *name,
	    size_t name_length, const char *value, size_t value_length);

#endif
