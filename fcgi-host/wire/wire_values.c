/*
 * wire_values.c - the answer to FCGI_GET_VALUES (specification, section 4.1).
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: each name is answered at most once, however often it is asked,
 * so the answer never grows with the question.
 */
#include "wire/wire_record.h"

#include <stdio.h>
#include <string.h>

#include "wire/wire_params.h"

#define VALUE_COUNT	3
#define ALIGNMENT	8

static const char *const value_names[VALUE_COUNT] = {
	FCGI_MAX_CONNS, FCGI_MAX_REQS, FCGI_MPXS_CONNS
};

/* The index of the pair's name, or VALUE_COUNT. */
static size_t
find_name(const struct wire_pair *pair)
{
	size_t i;

	for (i = 0; i < VALUE_COUNT; i++) {
		if (wire_pair_is(pair, value_names[i]))
			break;
	}
	return i;
}

static uint8_t *
put_value(uint8_t *at, const uint8_t *limit, const char *name, uint32_t value)
{
	char digits[sizeof("4294967295")];
	int n = snprintf(digits, sizeof(digits), "%lu", (unsigned long)value);

	return wire_params_put(at, limit, name, strlen(name), digits,
	    (size_t)n);
}

size_t
wire_put_values(uint8_t out[WIRE_VALUES_MAX], const uint8_t *content,
    size_t length, uint32_t max_conns, uint32_t max_reqs)
{
	const uint32_t values[VALUE_COUNT] = { max_conns, max_reqs, 0 };
	bool answered[VALUE_COUNT + 1] = { [VALUE_COUNT] = true };
	const uint8_t *cursor = content;
	uint8_t *start = out + FCGI_HEADER_LEN;
	uint8_t *at = start;
	struct wire_pair pair;
	size_t padding;

	while (wire_params_next(&cursor, content + length, &pair) == 1) {
		size_t i = find_name(&pair);

		if (answered[i])
			continue;
		answered[i] = true;
		at = put_value(at, out + WIRE_VALUES_MAX, value_names[i],
		    values[i]);
	}
	padding = (size_t)(start - at) % ALIGNMENT;
	memset(at, 0, padding);
	wire_put_header(out, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID,
	    (uint16_t)(at - start), (uint8_t)padding);
	return (size_t)(at - out) + padding;
}
