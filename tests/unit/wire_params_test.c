/*
 * wire_params_test.c - pairs come back as they were put, and never lie.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: blocks lie in memory of exactly their size.
 */
#include "wire/wire_params.h"

#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const size_t lengths[] = { 0, 1, 2, 126, 127, 128, 129, 255, 256,
	16383, 16384, 65535, 65536, 1024 * 1024 };

#define LENGTH_COUNT	(sizeof(lengths) / sizeof(lengths[0]))

static char *
make_text(size_t length, char seed)
{
	char *text = malloc(length + 1);

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(seed + (char)(i % 26));
	return text;
}

static void
round_trip(size_t name_length, size_t value_length)
{
	size_t size = name_length + value_length +
	    (name_length < 128 ? 1 : 4) + (value_length < 128 ? 1 : 4);
	uint8_t *block = malloc(size);
	char *name = make_text(name_length, 'A');
	char *value = make_text(value_length, 'a');
	const uint8_t *cursor = block;
	struct wire_pair pair;

	assert_null(wire_params_put(block, block + size - 1, name,
	    name_length, value, value_length));
	assert_ptr_equal(wire_params_put(block, block + size, name,
	    name_length, value, value_length), block + size);
	assert_int_equal(wire_params_next(&cursor, block + size, &pair), 1);
	assert_ptr_equal(cursor, block + size);
	assert_int_equal(pair.name_length, name_length);
	assert_int_equal(pair.value_length, value_length);
	assert_memory_equal(pair.name, name, name_length);
	assert_memory_equal(pair.value, value, value_length);
	assert_int_equal(wire_params_next(&cursor, block + size, &pair), 0);
	free(block);
	free(name);
	free(value);
}

static void
test_round_trip_of_each_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH_COUNT; i++) {
		for (size_t j = 0; j < LENGTH_COUNT; j++)
			round_trip(lengths[i], lengths[j]);
	}
}

/* Cut at any byte but the boundary, the pair is refused and stays unread. */
static void
test_cut_at_each_byte(void **state)
{
	char name[200], value[200];
	uint8_t block[1024], *end;

	(void)state;
	memset(name, 'N', sizeof(name));
	memset(value, 'v', sizeof(value));
	end = wire_params_put(block, block + sizeof(block), name, 9, value, 5);
	assert_non_null(end);
	end = wire_params_put(end, block + sizeof(block), name, sizeof(name),
	    value, sizeof(value));
	assert_non_null(end);
	for (size_t length = 0; length <= (size_t)(end - block); length++) {
		uint8_t *copy = malloc(length + 1);
		const uint8_t *cursor = copy;
		struct wire_pair pair;
		int rc, pairs = 0;

		memcpy(copy, block, length);
		copy = realloc(copy, length + (length == 0));
		cursor = copy;
		while ((rc = wire_params_next(&cursor, copy + length,
		    &pair)) == 1)
			pairs++;
		assert_int_equal(pairs, (length >= 16) +
		    (length == (size_t)(end - block)));
		assert_int_equal(rc, length == 0 || length == 16 ||
		    length == (size_t)(end - block) ? 0 : -1);
		assert_int_equal(cursor - copy, length < 16 ? 0 :
		    length < (size_t)(end - block) ? 16 : end - block);
		free(copy);
	}
}

struct bad_block {
	const char	*what;
	const char	*bytes;
	size_t		 length;
};

#define BLOCK(text)	text, sizeof(text) - 1

static const struct bad_block bad_blocks[] = {
	{ "a name's length alone", BLOCK("\x01") },
	{ "long length cut to one byte", BLOCK("\x80") },
	{ "long length cut to three bytes", BLOCK("\x80\x00\x00") },
	{ "value's length missing", BLOCK("\x80\x00\x00\x01") },
	{ "value's long length cut", BLOCK("\x01\x80\x00\x00") },
	{ "name over the end", BLOCK("\x02\x00N") },
	{ "value over the end", BLOCK("\x01\x02Nv") },
	{ "largest lengths", BLOCK("\xff\xff\xff\xff\xff\xff\xff\xff"
	    "Nv") },
	{ "sum that wraps at 2^32", BLOCK("\xff\xff\xff\xff\x80\x00\x00\x03"
	    "Nv") },
	{ "name fits, value is the largest", BLOCK("\x01\xff\xff\xff\xffNv") }
};

static void
test_bad_blocks_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_blocks) / sizeof(bad_blocks[0]);
	    i++) {
		uint8_t *block = malloc(bad_blocks[i].length);
		const uint8_t *cursor = block;
		struct wire_pair pair;

		memcpy(block, bad_blocks[i].bytes, bad_blocks[i].length);
		assert_int_equal(wire_params_next(&cursor,
		    block + bad_blocks[i].length, &pair), -1);
		assert_ptr_equal(cursor, block);
		free(block);
	}
}

/* A length below 128 may be written long; zero bytes are a pair without. */
static void
test_unusual_good_blocks(void **state)
{
	static const uint8_t long_form[] = "\x80\x00\x00\x02\x80\x00\x00\x01"
	    "ABc";
	static const uint8_t empty[] = { 0, 0 };
	const uint8_t *cursor = long_form;
	struct wire_pair pair;

	(void)state;
	assert_int_equal(wire_params_next(&cursor,
	    long_form + sizeof(long_form) - 1, &pair), 1);
	assert_int_equal(pair.name_length, 2);
	assert_memory_equal(pair.name, "AB", 2);
	assert_int_equal(pair.value_length, 1);
	assert_memory_equal(pair.value, "c", 1);
	cursor = empty;
	assert_int_equal(wire_params_next(&cursor, empty + 2, &pair), 1);
	assert_int_equal(pair.name_length + pair.value_length, 0);
}

static void
test_ten_thousand_pairs(void **state)
{
	size_t size = 10000 * 10, pairs = 0;
	uint8_t *block = malloc(size), *at = block;
	const uint8_t *cursor = block;
	struct wire_pair pair;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "N%05d", i);
		at = wire_params_put(at, block + size, name, 6, "\0v", 2);
		assert_non_null(at);
	}
	while (wire_params_next(&cursor, at, &pair) == 1) {
		assert_int_equal(pair.value_length, 2);
		assert_memory_equal(pair.value, "\0v", 2);
		pairs++;
	}
	assert_int_equal(pairs, 10000);
	assert_ptr_equal(cursor, at);
	free(block);
}

static void
test_put_refuses_what_has_no_length(void **state)
{
	size_t huge = (size_t)5 << 30;
	uint8_t *space = mmap(NULL, huge, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t block[16];

	(void)state;
	assert_ptr_not_equal(space, MAP_FAILED);
	assert_null(wire_params_put(space, space + huge, "N", 0x80000000u,
	    "v", 1));
	assert_null(wire_params_put(space, space + huge, "N", 1, "v",
	    0x80000000u));
	munmap(space, huge);
	assert_null(wire_params_put(block, block + sizeof(block), "N",
	    0x80000000u, "v", 1));
	assert_null(wire_params_put(block, block + sizeof(block), "N", 1, "v",
	    SIZE_MAX));
	assert_null(wire_params_put(block, block + sizeof(block), "N",
	    SIZE_MAX, "v", 2));
	assert_null(wire_params_put(block, block, "", 0, "", 0));
	assert_null(wire_params_put(block, block + 1, "", 0, "", 0));
	assert_ptr_equal(wire_params_put(block, block + 2, "", 0, "", 0),
	    block + 2);
}

/* Breaks when: a name is found in a longer or a shorter one, or the first of
 * two is taken. */
static void
test_find(void **state)
{
	static const uint8_t block[] = "\1\1Aa\2\1ABb\1\1Ac\0\1d";
	struct wire_pair pair;

	(void)state;
	assert_true(wire_params_find(block, sizeof(block) - 1, "A", &pair));
	assert_int_equal(pair.value[0], 'c');
	assert_true(wire_params_find(block, sizeof(block) - 1, "AB", &pair));
	assert_int_equal(pair.value[0], 'b');
	assert_true(wire_params_find(block, sizeof(block) - 1, "", &pair));
	assert_int_equal(pair.value[0], 'd');
	assert_false(wire_params_find(block, sizeof(block) - 1, "ABC", &pair));
	assert_false(wire_params_find(block, 0, "A", &pair));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_of_each_length),
		cmocka_unit_test(test_cut_at_each_byte),
		cmocka_unit_test(test_bad_blocks_are_refused),
		cmocka_unit_test(test_unusual_good_blocks),
		cmocka_unit_test(test_ten_thousand_pairs),
		cmocka_unit_test(test_put_refuses_what_has_no_length),
		cmocka_unit_test(test_find)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
