/*
 * cache_test.c - what the cache answers, in one process.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: none.
 */
#include <stdlib.h>

#include "cache_fixture.h"

#define KEYS	64	/* of the reference */
#define STEPS	200000

static void
values_are_set_and_got(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key one = key_of("one"), two = key_of("two");
	struct copy *copy = calloc(1, sizeof(*copy));

	(void)state;
	FAILS(get_copy(cache, &one, copy), ENOENT);
	assert_int_equal(put_text(cache, &one, CACHE_SET, "1", 0, 0), 0);
	assert_int_equal(put_text(cache, &two, CACHE_SET, "", 0, 0), 0);
	wants_text(cache, &one, "1");
	wants_text(cache, &two, "");
	assert_int_equal(get_copy(cache, &two, copy), 0);
	assert_int_equal(copy->found.left_ms, 0);
	assert_int_equal(put_text(cache, &one, CACHE_SET, "a longer value "
	    "that needs another place than the one before it", 0, 0), 0);
	wants_text(cache, &one, "a longer value that needs another place than "
	    "the one before it");
	assert_int_equal(cache_delete(cache, &one), 0);
	FAILS(cache_delete(cache, &one), ENOENT);
	FAILS(get_copy(cache, &one, copy), ENOENT);
	wants_text(cache, &two, "");
	free(copy);
	cache_unmap(cache);
}

static void
add_and_swap_have_one_winner(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key key = key_of("key");
	struct copy *copy = calloc(1, sizeof(*copy));
	uint64_t first;

	(void)state;
	FAILS(put_text(cache, &key, CACHE_SWAP, "x", 0, 7), ESTALE);
	assert_int_equal(put_text(cache, &key, CACHE_ADD, "a", 0, 0), 0);
	FAILS(put_text(cache, &key, CACHE_ADD, "b", 0, 0), EEXIST);
	FAILS(put_text(cache, &key, CACHE_SWAP, "b", 0, 0), ESTALE);
	assert_int_equal(get_copy(cache, &key, copy), 0);
	first = copy->found.version;
	assert_true(first != 0);
	assert_int_equal(put_text(cache, &key, CACHE_SWAP, "c", 0, first), 0);
	FAILS(put_text(cache, &key, CACHE_SWAP, "d", 0, first), ESTALE);
	wants_text(cache, &key, "c");
	/* a version does not come back with a key that was deleted */
	cache_delete(cache, &key);
	assert_int_equal(put_text(cache, &key, CACHE_SWAP, "e", 0, 0), 0);
	assert_int_equal(get_copy(cache, &key, copy), 0);
	assert_true(copy->found.version > first + 1);
	free(copy);
	cache_unmap(cache);
}

static void
time_runs_out(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key brief = key_of("brief"), kept = key_of("kept");
	struct copy *copy = calloc(1, sizeof(*copy));
	int64_t sum;

	(void)state;
	put_text(cache, &brief, CACHE_SET, "x", 400, 0);
	put_text(cache, &kept, CACHE_SET, "y", 3600000, 0);
	wants_text(cache, &brief, "x");
	assert_int_equal(get_copy(cache, &kept, copy), 0);
	assert_in_range(copy->found.left_ms, 3590000, 3600000);
	usleep(410000);
	FAILS(get_copy(cache, &brief, copy), ENOENT);
	assert_int_equal(put_text(cache, &brief, CACHE_ADD, "z", 0, 0), 0);
	wants_text(cache, &kept, "y");
	/* an integer keeps its time, whoever adds to it */
	cache_delete(cache, &brief);
	assert_int_equal(cache_add_count(cache, &brief, 1, 0, 700, &sum), 0);
	usleep(100000);
	cache_add_count(cache, &brief, 1, 0, 10000, &sum);
	usleep(610000);
	assert_int_equal(cache_add_count(cache, &brief, 1, 0, 700, &sum), 0);
	assert_int_equal(sum, 1);
	/* too long to be a time is for ever */
	put_text(cache, &kept, CACHE_SET, "y", UINT64_MAX, 0);
	assert_int_equal(get_copy(cache, &kept, copy), 0);
	assert_int_equal(copy->found.left_ms, 0);
	free(copy);
	cache_unmap(cache);
}

static void
integers_count(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key key = key_of("n"), text = key_of("text");
	int64_t sum = 0;

	(void)state;
	assert_int_equal(cache_add_count(cache, &key, 5, 10, 0, &sum), 0);
	assert_int_equal(sum, 15);
	assert_int_equal(cache_add_count(cache, &key, -20, 10, 0, &sum), 0);
	assert_int_equal(sum, -5);
	FAILS(cache_add_count(cache, &key, INT64_MIN, 0, 0, &sum), ERANGE);
	assert_int_equal(cache_add_count(cache, &key, 0, 0, 0, &sum), 0);
	assert_int_equal(sum, -5);
	put_text(cache, &text, CACHE_SET, "12345678", 0, 0);
	FAILS(cache_add_count(cache, &text, 1, 0, 0, &sum), EINVAL);
	wants_text(cache, &text, "12345678");
	cache_unmap(cache);
}

static void
spaces_do_not_meet(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key own, other, peer, shared, reply, odd;

	(void)state;
	cache_key_make(&own, CACHE_SPACE_HANDLER, "a", "k", 1);
	cache_key_make(&other, CACHE_SPACE_HANDLER, "ab", "k", 1);
	cache_key_make(&peer, CACHE_SPACE_HANDLER, "b", "k", 1);
	cache_key_make(&shared, CACHE_SPACE_SHARED, "", "k", 1);
	cache_key_make(&reply, CACHE_SPACE_REPLY, "", "k", 1);
	cache_key_make(&odd, CACHE_SPACE_HANDLER, "a", "b\0k", 3);
	put_text(cache, &own, CACHE_SET, "own", 0, 0);
	put_text(cache, &other, CACHE_SET, "other", 0, 0);
	put_text(cache, &peer, CACHE_SET, "peer", 0, 0);
	put_text(cache, &reply, CACHE_SET, "reply", 0, 0);
	put_text(cache, &shared, CACHE_SET, "shared", 0, 0);
	put_text(cache, &odd, CACHE_SET, "odd", 0, 0);
	wants_text(cache, &own, "own");
	wants_text(cache, &other, "other");
	wants_text(cache, &peer, "peer");
	wants_text(cache, &reply, "reply");
	wants_text(cache, &shared, "shared");
	wants_text(cache, &odd, "odd");
	cache_unmap(cache);
}

static void
bounds_are_kept(void **state)
{
	static char large[CACHE_VALUE_MAX + 1];
	struct cache_value value = { CACHE_BYTES, large, sizeof(large), 0, 0 };
	struct cache *cache = cache_of(32 * MIB), *small = cache_of(MIB);
	struct cache *off = cache_of(0);
	struct cache_key key = key_of("large");
	struct copy *copy = calloc(1, sizeof(*copy));
	char name[CACHE_KEY_MAX + 1] = "";

	(void)state;
	FAILS(cache_key_make(&key, CACHE_SPACE_SHARED, "", "", 0), EINVAL);
	FAILS(cache_key_make(&key, CACHE_SPACE_SHARED, "", name,
	    sizeof(name)), EINVAL);
	assert_int_equal(cache_key_make(&key, CACHE_SPACE_SHARED, "", name,
	    CACHE_KEY_MAX), 0);
	FAILS(cache_put(cache, &key, CACHE_SET, &value), EMSGSIZE);
	value.length = CACHE_VALUE_MAX - 2 * CACHE_KEY_MAX;
	memset(large, 'x', sizeof(large));
	assert_int_equal(cache_put(cache, &key, CACHE_SET, &value), 0);
	assert_int_equal(get_copy(cache, &key, copy), 0);
	assert_int_equal(copy->found.length, value.length);
	assert_memory_equal(copy->bytes, large, value.length);
	FAILS(cache_put(small, &key, CACHE_SET, &value), EMSGSIZE);
	value.length = MIB / 32 - 2 * CACHE_KEY_MAX;
	assert_int_equal(cache_put(small, &key, CACHE_SET, &value), 0);
	FAILS(cache_put(off, &key, CACHE_SET, &value), ENOTSUP);
	FAILS(get_copy(off, &key, copy), ENOTSUP);
	FAILS(cache_wait(off, &key, 0, 10, NULL, NULL), ENOTSUP);
	cache_release(off, getpid());
	free(copy);
	cache_unmap(cache);
	cache_unmap(small);
	cache_unmap(off);
}

/* Breaks when: a value has less room than cache.h says, a 32nd of the cache and
 * 1 MiB at most, or more. */
static void
the_largest_value(void **state)
{
	static const uint64_t sizes[] = { MIB, 4 * MIB, 32 * MIB, 33 * MIB,
	    48 * MIB, 64 * MIB, 200 * MIB };
	static char bytes[CACHE_VALUE_MAX + 1];
	struct cache_key key = key_of("k");

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cache *cache = cache_of(sizes[i]);
		size_t most = sizes[i] / 32 - 56 - key.length;
		struct cache_value value = { CACHE_BYTES, bytes,
		    most < CACHE_VALUE_MAX ? most : CACHE_VALUE_MAX, 0, 0 };

		if (cache_put(cache, &key, CACHE_SET, &value) != 0)
			fail_msg("%zu bytes of %zu", value.length,
			    (size_t)sizes[i]);
		value.length++;
		FAILS(cache_put(cache, &key, CACHE_SET, &value), EMSGSIZE);
		cache_unmap(cache);
	}
}

/* What is read stays, what is not leaves; the sizes do not matter. */
static void
the_wanted_stay(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key wanted = key_of("wanted"), first = key_of("first");
	struct copy *copy = calloc(1, sizeof(*copy));
	struct cache_counts counts;
	char filler[9000];

	(void)state;
	memset(filler, 'f', sizeof(filler));
	put_text(cache, &wanted, CACHE_SET, "wanted", 0, 0);
	put_text(cache, &first, CACHE_SET, "first", 0, 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct cache_key key = key_number("filler", i);
		struct cache_value value = { CACHE_BYTES, filler,
		    (i * 7919) % sizeof(filler), 0, 0 };

		assert_int_equal(cache_put(cache, &key, CACHE_SET, &value), 0);
		wants_text(cache, &wanted, "wanted");
	}
	FAILS(get_copy(cache, &first, copy), ENOENT);
	cache_count_all(cache, &counts);
	assert_int_equal(counts.cleared, 0);
	assert_in_range(counts.evictions, 15000, 20000);
	assert_in_range(counts.used, MIB * 6 / 10, MIB);
	assert_in_range(counts.entries, 50, 1000);
	assert_int_equal(counts.hits, 20000);
	assert_int_equal(counts.writes, 20002);
	free(copy);
	cache_unmap(cache);
}

/* Keys that all fall into the same few places evict one another only. */
static void
tiny_entries_fill_it(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_counts counts;
	int64_t sum;

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		struct cache_key key = key_number("k", i);

		assert_int_equal(cache_add_count(cache, &key, 1, 0, 0, &sum),
		    0);
		assert_int_equal(sum, 1);
	}
	cache_count_all(cache, &counts);
	assert_int_equal(counts.cleared, 0);
	assert_int_equal(counts.entries + counts.evictions, 50000);
	assert_in_range(counts.entries, 5000, 8000);
	cache_unmap(cache);
}

/* ------------------------------------------------- against a reference */

struct reference {
	bool		there;
	bool		number;
	int64_t		integer;
	char		text[400];
	uint64_t	version;
};

static void
check_one(struct cache *cache, const struct cache_key *key,
    struct reference *reference, struct copy *copy, bool may_miss)
{
	int rc = get_copy(cache, key, copy);

	if (rc < 0) {
		assert_int_equal(errno, ENOENT);
		assert_true(may_miss || !reference->there);
		reference->there = false;
		return;
	}
	assert_true(reference->there);
	assert_int_equal(copy->found.type, reference->number ?
	    CACHE_INTEGER : CACHE_BYTES);
	if (reference->number)
		assert_memory_equal(copy->bytes, &reference->integer, 8);
	else
		assert_memory_equal(copy->bytes, reference->text,
		    copy->found.length);
	assert_true(copy->found.version >= reference->version);
	reference->version = copy->found.version;
}

static void
step(struct cache *cache, const struct cache_key *key,
    struct reference *reference, int random)
{
	int length = random / 8 % 390;
	char text[400];
	int64_t sum;
	int rc;

	memset(text, 'a' + random % 26, (size_t)length);
	text[length] = '\0';
	switch (random % 5) {
	case 0:
		assert_int_equal(put_text(cache, key, CACHE_SET, text, 0, 0),
		    0);
		break;
	case 1:
		rc = put_text(cache, key, CACHE_ADD, text, 0, 0);
		assert_int_equal(rc, reference->there ? -1 : 0);
		if (rc < 0)
			return;
		break;
	case 2:
		rc = put_text(cache, key, CACHE_SWAP, text, 0,
		    reference->there ? reference->version : 0);
		assert_int_equal(rc, 0);
		break;
	case 3:
		rc = cache_delete(cache, key);
		assert_int_equal(rc, reference->there ? 0 : -1);
		reference->there = false;
		return;
	default:
		rc = cache_add_count(cache, key, random, 3, 0, &sum);
		assert_int_equal(rc, reference->there && !reference->number ?
		    -1 : 0);
		if (rc < 0)
			return;
		assert_int_equal(sum, random + (reference->there ?
		    reference->integer : 3));
		reference->integer = sum;
		reference->number = reference->there = true;
		return;
	}
	reference->there = true;
	reference->number = false;
	memcpy(reference->text, text, sizeof(text));
}

/* `other`: how many further keys crowd the cache, so that some are evicted. */
static void
compare(unsigned other)
{
	static struct reference references[KEYS];
	struct cache *cache = cache_of(MIB);
	struct copy *copy = calloc(1, sizeof(*copy));

	memset(references, 0, sizeof(references));
	srandom(7);
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned k = (unsigned)random() % KEYS;
		struct cache_key key = key_number("key", k);

		check_one(cache, &key, &references[k], copy, other > 0);
		step(cache, &key, &references[k], (int)(random() % 100000));
		check_one(cache, &key, &references[k], copy, false);
		if (other > 0) {
			key = key_number("other", (unsigned)random() % other);
			put_text(cache, &key, CACHE_SET, "crowd", 0, 0);
		}
	}
	free(copy);
	cache_unmap(cache);
}

static void
it_does_what_a_table_does(void **state)
{
	(void)state;
	compare(0);
}

static void
under_pressure_nothing_is_wrong(void **state)
{
	(void)state;
	compare(100000);
}

static void
a_wait_ends(void **state)
{
	struct cache *cache = cache_of(MIB);
	struct cache_key key = key_of("key");
	uint64_t begun_ms = clock_now_ms();

	(void)state;
	FAILS(cache_wait(cache, &key, 0, 30, NULL, NULL), ETIMEDOUT);
	assert_in_range(clock_now_ms() - begun_ms, 29, 2000);
	assert_int_equal(cache_wait(cache, &key, 77, 10000, NULL, NULL), 0);
	/* one that runs out is seen when it does */
	put_text(cache, &key, CACHE_SET, "x", 300, 0);
	{
		struct copy *copy = calloc(1, sizeof(*copy));

		assert_int_equal(get_copy(cache, &key, copy), 0);
		begun_ms = clock_now_ms();
		assert_int_equal(cache_wait(cache, &key, copy->found.version,
		    10000, NULL, NULL), 0);
		assert_in_range(clock_now_ms() - begun_ms, 0, 2000);
		free(copy);
	}
	cache_unmap(cache);
}

/* What a trial does is seen by nobody, and it sees nobody's. */
static void
detached_it_is_alone(void **state)
{
	struct err err;
	int fd = cache_create(MIB, &err);
	struct cache *cache = cache_map(fd, &err);
	struct cache *trial = cache_map(fd, &err);
	struct cache_key key = key_of("key"), other = key_of("other");
	struct copy *copy = calloc(1, sizeof(*copy));

	(void)state;
	close(fd);
	put_text(cache, &key, CACHE_SET, "x", 0, 0);
	wants_text(trial, &key, "x");
	assert_int_equal(cache_detach(trial, &err), 0);
	FAILS(get_copy(trial, &key, copy), ENOENT);
	put_text(trial, &other, CACHE_SET, "y", 0, 0);
	wants_text(trial, &other, "y");
	FAILS(get_copy(cache, &other, copy), ENOENT);
	free(copy);
	cache_unmap(cache);
	cache_unmap(trial);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_set_and_got),
		cmocka_unit_test(add_and_swap_have_one_winner),
		cmocka_unit_test(time_runs_out),
		cmocka_unit_test(integers_count),
		cmocka_unit_test(spaces_do_not_meet),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(the_largest_value),
		cmocka_unit_test(the_wanted_stay),
		cmocka_unit_test(tiny_entries_fill_it),
		cmocka_unit_test(it_does_what_a_table_does),
		cmocka_unit_test(under_pressure_nothing_is_wrong),
		cmocka_unit_test(a_wait_ends),
		cmocka_unit_test(detached_it_is_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
