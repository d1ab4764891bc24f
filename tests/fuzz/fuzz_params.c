/*
 * fuzz_params.c - any bytes as a block of name-value pairs.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: what was read and is put again is read as the same.
 */
#include "fuzz.h"

#include <string.h>

#include "wire/wire_params.h"

static void
put_again(const struct wire_pair *pair)
{
	size_t size = 8 + (size_t)pair->name_length + pair->value_length;
	uint8_t *block = malloc(size);
	const uint8_t *cursor = block, *end;
	struct wire_pair again;

	CHECK(block != NULL);
	end = wire_params_put(block, block + size, (const char *)pair->name,
	    pair->name_length, (const char *)pair->value, pair->value_length);
	CHECK(end != NULL && end <= block + size);
	CHECK(wire_params_put(block, end - 1, (const char *)pair->name,
	    pair->name_length, (const char *)pair->value,
	    pair->value_length) == NULL);
	CHECK(wire_params_next(&cursor, end, &again) == 1 && cursor == end);
	CHECK(again.name_length == pair->name_length);
	CHECK(again.value_length == pair->value_length);
	CHECK(memcmp(again.name, pair->name, pair->name_length) == 0);
	CHECK(memcmp(again.value, pair->value, pair->value_length) == 0);
	CHECK(wire_params_next(&cursor, end, &again) == 0);
	free(block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cursor = data, *end = data + size, *before = data;
	struct wire_pair pair;
	int rc;

	while ((rc = wire_params_next(&cursor, end, &pair)) == 1) {
		CHECK(cursor >= before + 2 && cursor <= end);
		CHECK(pair.name >= before + 2);
		CHECK(pair.value == pair.name + pair.name_length);
		CHECK(pair.value + pair.value_length == cursor);
		put_again(&pair);
		before = cursor;
	}
	CHECK(cursor == before);
	CHECK((rc == 0) == (cursor == end));
	return 0;
}
