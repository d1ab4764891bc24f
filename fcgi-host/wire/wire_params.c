/*
 * wire_params.c - FastCGI name-value pairs.
 *
 * Runs in: every process that reads a request, and the front.
 * Owns: nothing; a pair points into the caller's block.
 * Invariant: no pair reaches over the end of its block, whatever its lengths
 * say; a cursor moves only over a whole pair.
 */
#include "wire/wire_params.h"

#include <string.h>

#define SHORT_MAX	127u
#define LENGTH_MAX	0x7fffffffu
#define LONG_FLAG	0x80u

/* Reads one length, or gives NULL when it is cut off. */
static const uint8_t *
get_length(const uint8_t *at, const uint8_t *end, uint32_t *length_out)
{
	if (at == end)
		return NULL;
	if ((*at & LONG_FLAG) == 0) {
		*length_out = *at;
		return at + 1;
	}
	if (end - at < 4)
		return NULL;
	*length_out = ((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	    (uint32_t)at[2] << 8 | at[3]) & LENGTH_MAX;
	return at + 4;
}

int
wire_params_next(const uint8_t **cursor, const uint8_t *end,
    struct wire_pair *pair_out)
{
	const uint8_t *at = *cursor;
	uint32_t name_length, value_length;
	size_t left;

	if (at == end)
		return 0;
	if (end - at >= 2 && ((at[0] | at[1]) & LONG_FLAG) == 0) {
		name_length = at[0];	/* nearly every pair */
		value_length = at[1];
		at += 2;
	} else if ((at = get_length(at, end, &name_length)) == NULL ||
	    (at = get_length(at, end, &value_length)) == NULL)
		return -1;
	left = (size_t)(end - at);
	if (name_length > left || value_length > left - name_length)
		return -1;
	pair_out->name = at;
	pair_out->name_length = name_length;
	pair_out->value = at + name_length;
	pair_out->value_length = value_length;
	*cursor = at + name_length + value_length;
	return 1;
}

bool
wire_pair_is(const struct wire_pair *pair, const char *name)
{
	return pair->name_length == strlen(name) &&
	    memcmp(pair->name, name, pair->name_length) == 0;
}

bool
wire_params_find(const uint8_t *params, size_t length, const char *name,
    struct wire_pair *pair_out)
{
	const uint8_t *cursor = params, *end = params + length;
	struct wire_pair pair;
	bool found = false;

	while (wire_params_next(&cursor, end, &pair) == 1) {
		if (!wire_pair_is(&pair, name))
			continue;
		*pair_out = pair;
		found = true;
	}
	return found;
}

static size_t
length_size(size_t length)
{
	return length <= SHORT_MAX ? 1 : 4;
}

static uint8_t *
put_length(uint8_t *at, size_t length)
{
	if (length <= SHORT_MAX) {
		*at = (uint8_t)length;
		return at + 1;
	}
	at[0] = (uint8_t)(length >> 24 | LONG_FLAG);
	at[1] = (uint8_t)(length >> 16);
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
	return at + 4;
}

uint8_t *
wire_params_put(uint8_t *at, const uint8_t *limit, const char *name,
    size_t name_length, const char *value, size_t value_length)
{
	size_t space = (size_t)(limit - at);
	size_t lengths = length_size(name_length) + length_size(value_length);

	if (name_length > LENGTH_MAX || value_length > LENGTH_MAX)
		return NULL;
	if (lengths > space || name_length > space - lengths ||
	    value_length > space - lengths - name_length)
		return NULL;
	at = put_length(at, name_length);
	at = put_length(at, value_length);
	memcpy(at, name, name_length);
	memcpy(at + name_length, value, value_length);
	return at + name_length + value_length;
}
