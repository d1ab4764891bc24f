/*
 * memory_use_test.c - what a process has for itself, and what it shares.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: compares growth, since a process has some memory to begin with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory_use.h"

#define BYTES	((size_t)16 << 20)
#define NOISE	((size_t)2 << 20)

struct seen {
	struct memory_use	 use;
	uint64_t		 own, anonymous;
};

static struct seen
see(void)
{
	struct seen seen;

	assert_int_equal(memory_use_read_own(&seen.use, &seen.own), 0);
	assert_int_equal(memory_use_anonymous(&seen.anonymous), 0);
	return seen;
}

/* Maps so much and touches all of it; fd -1: of our own. */
static uint8_t *
touch(int fd)
{
	uint8_t *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
	    fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	memset(at, 1, BYTES);
	return at;
}

static void
assert_grown(uint64_t before, uint64_t after, size_t bytes)
{
	assert_in_range(after + NOISE, before + bytes,
	    before + bytes + 2 * NOISE);
}

/* As a model is that nobody else has read so far. */
static void
test_shared_memory_is_not_our_own(void **state)
{
	int fd = memfd_create("memory_use_test", MFD_CLOEXEC);
	struct seen before, after;
	uint8_t *at;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)BYTES), 0);
	before = see();
	at = touch(fd);
	after = see();
	assert_grown(before.own, after.own, 0);
	assert_grown(before.anonymous, after.anonymous, 0);
	assert_grown(before.use.private_bytes, after.use.private_bytes, BYTES);
	munmap(at, BYTES);
	close(fd);
}

static void
test_private_memory_is(void **state)
{
	struct seen before = see(), after;
	uint8_t *at = touch(-1);

	(void)state;
	after = see();
	assert_grown(before.own, after.own, BYTES);
	assert_grown(before.anonymous, after.anonymous, BYTES);
	assert_grown(before.use.private_bytes, after.use.private_bytes, BYTES);
	assert_grown(before.use.pss_bytes, after.use.pss_bytes, BYTES);
	munmap(at, BYTES);
}

/* The two ways of reading say the same of what they both say. */
static void
test_both_files_agree(void **state)
{
	struct seen seen = see();
	struct memory_use rolled;

	(void)state;
	assert_int_equal(memory_use_read(0, &rolled), 0);
	assert_grown(seen.use.private_bytes, rolled.private_bytes, 0);
	assert_grown(seen.use.pss_bytes, rolled.pss_bytes, 0);
	assert_int_equal(memory_use_read(getpid(), &rolled), 0);
	assert_grown(seen.use.private_bytes, rolled.private_bytes, 0);
}

static void
test_nobody(void **state)
{
	struct memory_use use;

	(void)state;
	assert_int_equal(memory_use_read(INT32_MAX, &use), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_memory_is_not_our_own),
		cmocka_unit_test(test_private_memory_is),
		cmocka_unit_test(test_both_files_agree),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
