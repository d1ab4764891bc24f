/*
 * api_cache_test.c - the cache, as two handlers see it.
 *
 * Runs in: make check.
 * Owns: a cache of this process.
 * Invariant: each serve_ function asks one thing and checks it.
 */
#include "api_fixture.h"

#include <string.h>

#include "api/api_private.h"
#include "common/cache.h"

static struct cache		*cache;
static struct fh_worker		 other;	/* another handler's */
static const struct handler	 other_handler = { .name = (char *)(uintptr_t)
    "other" };

static int
setup(void **state)
{
	struct fixture *f;
	struct err err;

	if (fixture_setup(state) != 0)
		return -1;
	f = *state;
	cache = cache_map_private(UINT64_C(1) << 20, &err);
	handler_set_cache(&f->set, cache);
	f->thread = api_worker_create(&f->set, API_ALL_POOLS);
	assert_non_null(f->thread);
	other = (struct fh_worker){ .handler = &other_handler,
	    .thread = f->thread };
	api_cache_init(&other);
	return cache == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	cache_unmap(cache);
	return fixture_teardown(state);
}

static int
serve_values(struct fh_request *rq)
{
	struct fh_cache *own = fh_cache(rq);
	struct fh_cache_value value;
	int64_t integer = 0;
	double number = 0;

	FAILS(fh_cache_get(rq, own, "k", FH_CACHE_TEXT, &value), ENOENT);
	assert_int_equal(fh_cache_set(own, "k", 1, "value", 5, 60000), 0);
	assert_int_equal(fh_cache_get(rq, own, "k", FH_CACHE_TEXT, &value), 0);
	assert_string_equal(value.bytes, "value");
	assert_int_equal(value.length, 5);
	assert_int_equal(value.type, FH_CACHE_BYTES);
	assert_in_range(value.left_ms, 50000, 60000);
	assert_int_equal((uintptr_t)value.bytes % 16, 0);
	FAILS(fh_cache_get_integer(own, "k", 1, &integer), EINVAL);
	FAILS(fh_cache_count(own, "k", 1, 1, 0, 0, NULL), EINVAL);
	assert_int_equal(fh_cache_set_integer(own, "i", 1, -7, 0), 0);
	assert_int_equal(fh_cache_get_integer(own, "i", 1, &integer), 0);
	assert_int_equal(integer, -7);
	assert_int_equal(fh_cache_count(own, "i", 1, 10, 0, 0, &integer), 0);
	assert_int_equal(integer, 3);
	assert_int_equal(fh_cache_set_number(own, "d", 1, 0.1, 0), 0);
	assert_int_equal(fh_cache_get_number(own, "d", 1, &number), 0);
	assert_true(number > 0.0999 && number < 0.1001);
	FAILS(fh_cache_get_integer(own, "d", 1, &integer), EINVAL);
	assert_int_equal(fh_cache_get(rq, own, "d", 1, &value), 0);
	assert_int_equal(value.type, FH_CACHE_NUMBER);
	assert_true(value.left_ms == INT64_MAX);
	FAILS(fh_cache_add(own, "k", 1, "x", 1, 0), EEXIST);
	FAILS(fh_cache_swap(own, "k", 1, 1, "x", 1, 0), ESTALE);
	assert_int_equal(fh_cache_get(rq, own, "k", 1, &value), 0);
	assert_int_equal(fh_cache_swap(own, "k", 1, value.version, "new", 3,
	    0), 0);
	assert_int_equal(fh_cache_wait(rq, own, "k", 1, value.version, 1000),
	    0);
	assert_int_equal(fh_cache_delete(own, "k", 1), 0);
	FAILS(fh_cache_delete(own, "k", 1), ENOENT);
	return 0;
}

static void
test_values(void **state)
{
	fixture_serve(*state, serve_values);
}

static int
serve_buffers(struct fh_request *rq)
{
	struct fh_cache *own = fh_worker_cache(fh_worker(rq));
	struct fh_cache_value value;
	char buffer[6] = "-----", small[5] = "----", many[FH_CACHE_KEY_MAX + 2];

	assert_ptr_equal(own, fh_cache(rq));
	fh_cache_set(own, "k", 1, "value", 5, 0);
	assert_int_equal(fh_cache_read(own, "k", 1, buffer, sizeof(buffer),
	    &value), 0);
	assert_string_equal(buffer, "value");
	assert_ptr_equal(value.bytes, buffer);
	FAILS(fh_cache_read(own, "k", 1, small, sizeof(small), &value),
	    ERANGE);
	assert_string_equal(small, "----");
	assert_int_equal(value.length, 5);
	FAILS(fh_cache_set(own, "", FH_CACHE_TEXT, "x", 1, 0), EINVAL);
	memset(many, 'k', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	FAILS(fh_cache_set(own, many, FH_CACHE_TEXT, "x", 1, 0), EINVAL);
	assert_int_equal(fh_cache_set(own, many, FH_CACHE_KEY_MAX, "x", 1, 0),
	    0);
	return 0;
}

static void
test_buffers(void **state)
{
	fixture_serve(*state, serve_buffers);
}

/* Breaks when: a handler reads or overwrites what is another's. */
static int
serve_spaces(struct fh_request *rq)
{
	struct fh_cache_value value;

	fh_cache_set(fh_cache(rq), "k", 1, "mine", 4, 0);
	FAILS(fh_cache_get(rq, fh_worker_cache(&other), "k", 1, &value),
	    ENOENT);
	fh_cache_set(fh_worker_cache(&other), "k", 1, "other's", 7, 0);
	assert_int_equal(fh_cache_get(rq, fh_cache(rq), "k", 1, &value), 0);
	assert_string_equal(value.bytes, "mine");
	FAILS(fh_cache_get(rq, fh_cache_shared(rq), "k", 1, &value), ENOENT);
	fh_cache_set(fh_cache_shared(rq), "k", 1, "all", 3, 0);
	assert_int_equal(fh_cache_get(rq, fh_worker_cache_shared(&other), "k",
	    1, &value), 0);
	assert_string_equal(value.bytes, "all");
	return 0;
}

static void
test_spaces(void **state)
{
	fixture_serve(*state, serve_spaces);
}

/* Breaks when: one whose time is up goes on waiting. */
static int
serve_wait(struct fh_request *rq)
{
	FAILS(fh_cache_wait(rq, fh_cache(rq), "k", 1, 0, 60000), ECANCELED);
	return 0;
}

static void
test_cancelled_wait(void **state)
{
	struct fixture *f = *state;

	f->cancelled = 1;
	fixture_serve(f, serve_wait);
}

static int
serve_without(struct fh_request *rq)
{
	struct fh_cache_value value;
	int64_t sum;

	FAILS(fh_cache_get(rq, fh_cache(rq), "k", 1, &value), ENOTSUP);
	FAILS(fh_cache_set(fh_cache(rq), "k", 1, "x", 1, 0), ENOTSUP);
	FAILS(fh_cache_count(fh_cache(rq), "k", 1, 1, 0, 0, &sum), ENOTSUP);
	FAILS(fh_cache_wait(rq, fh_cache(rq), "k", 1, 0, 10), ENOTSUP);
	return 0;
}

static void
test_without(void **state)
{
	struct fixture *f = *state;

	handler_set_cache(&f->set, NULL);
	for (size_t i = 0; i < f->set.handler_count; i++)
		api_cache_init(&f->thread->handlers[i]);
	fixture_serve(f, serve_without);
}

#define ONE(test)	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_values),
		ONE(test_buffers),
		ONE(test_spaces),
		ONE(test_cancelled_wait),
		ONE(test_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
