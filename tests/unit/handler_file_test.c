/*
 * handler_file_test.c - why a file is no handler, and that finding
 * out does no harm.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: nothing; the scratch directory is the fixture's.
 * Invariant: each broken file differs from a good one in one point.
 */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/elf.h"
#include "handler_fixture.h"

static void
files_that_are_no_handlers(void **state)
{
	struct scratch *s = *state;
	char path[256];

	fixture_put_file(s, "x.so", "", 0);
	fixture_expect_refused(s, "x.so", "is empty");
	fixture_put_file(s, "x.so", "#!/bin/sh\n", 10);
	fixture_expect_refused(s, "x.so", "is no ELF file (10 bytes)");
	fixture_put_file(s, "x.so", s->reports, sizeof(s->reports));
	fixture_expect_refused(s, "x.so", "is no ELF file");
	snprintf(path, sizeof(path), "%s/x.so", s->handlers);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	fixture_expect_refused(s, "x.so",
	    "is a link to a file that is not there");
	assert_int_equal(symlink("x.so", path), 0);
	fixture_expect_refused(s, "x.so", "is a link that leads to itself");
	assert_int_equal(mkfifo(path, 0600), 0);
	fixture_expect_refused(s, "x.so", "is a FIFO, not a file");
	fixture_put_file(s, "x.so", "x", 1);
	assert_int_equal(truncate(path, (256 << 20) + 1), 0);
	fixture_expect_refused(s, "x.so", "a handler may have 268435456");
	assert_int_equal(mkdir(path, 0755), 0);
	fixture_expect_refused(s, "x.so", "is a directory, not a file");
	rmdir(path);
	assert_int_equal(symlink("/proc/self/exe", path), 0);
	fixture_load(s);
	assert_non_null(strstr(s->set->handlers[0].error,
	    "has no symbol fh_handler_descriptor: it lacks FH_HANDLER"));
}

static void
elf_files_that_do_not_fit(void **state)
{
	struct scratch *s = *state;
	char *plain = s->plain;

	plain[4] ^= 3;		/* EI_CLASS: 32 for 64 bits, or back */
	fixture_put_plain(s, "x.so");
	plain[4] ^= 3;
	fixture_expect_refused(s, "x.so", "-bit programs, this is a");
	plain[18] ^= 1;		/* e_machine */
	fixture_put_plain(s, "x.so");
	plain[18] ^= 1;
	fixture_expect_refused(s, "x.so", "is for another machine");
	plain[16] = 2;		/* ET_EXEC */
	fixture_put_plain(s, "x.so");
	plain[16] = 3;
	fixture_expect_refused(s, "x.so", "link it with -shared");
	fixture_put_changed(s, "x.so", "fh_handler_descriptor",
	    "xx_handler_descriptor");
	fixture_expect_refused(s, "x.so",
	    "has no symbol fh_handler_descriptor");
	fixture_put_changed(s, "x.so", "fh_reply_text", "fh_reply_tomb");
	fixture_expect_refused(s, "x.so",
	    "cannot be loaded: undefined symbol: fh_reply_tomb");
}

/* Every length a copy may have stopped at: never loaded, never a crash. */
static void
a_file_cut_off_anywhere(void **state)
{
	struct scratch *s = *state;

	for (size_t size = 1; size < s->plain_size;
	    size += 1 + s->plain_size / 97) {
		fixture_put_file(s, "x.so", s->plain, size);
		fixture_load(s);
		assert_int_equal(s->set->route_count, 0);
		assert_non_null(s->set->handlers[0].error);
	}
	fixture_put_file(s, "x.so", s->plain, s->plain_size - 1);
	fixture_expect_refused(s, "x.so", "is cut off");
}

/* Whatever the headers say, reading them stays inside the file. */
static void
headers_that_lie(void **state)
{
	struct scratch *s = *state;
	char *lying = malloc(s->plain_size), path[256];
	uint32_t random = 12345;

	assert_non_null(lying);
	snprintf(path, sizeof(path), "%s/lie", s->root);
	for (int round = 0; round < 2000; round++) {
		struct elf_facts facts;
		struct err err;
		FILE *file;

		memcpy(lying, s->plain, s->plain_size);
		for (int i = 0; i < 3; i++) {
			random = random * 1103515245 + 12345;
			lying[4 + (random >> 8) % 1500] = (char)(random >> 20);
		}
		file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(lying, 1, s->plain_size, file);
		fclose(file);
		file = fopen(path, "rb");
		assert_non_null(file);
		elf_read(fileno(file), "fh_handler_descriptor", &facts, &err);
		fclose(file);
	}
	free(lying);
}

static void
descriptors_of_another_abi(void **state)
{
	struct scratch *s = *state;

	fixture_put_descriptor(s, "x.so", 0, FH_ABI_MAJOR + 1, 2);
	fixture_expect_refused(s, "x.so",
	    "is built for ABI 2.2, this host has 1.2");
	fixture_put_descriptor(s, "x.so", 2, FH_ABI_MINOR + 1, 2);
	fixture_expect_refused(s, "x.so",
	    "is built for ABI 1.3, newer than this");
	fixture_put_descriptor(s, "x.so", 4, offsetof(struct fh_handler,
	    worker_fini), 4);
	fixture_expect_refused(s, "x.so", "its struct fh_handler has 64 bytes");
	fixture_put_descriptor(s, "x.so", 4, 16, 4);
	fixture_expect_refused(s, "x.so", "its struct fh_handler has 16 bytes");
	fixture_put_descriptor(s, "x.so", 8, 8, 4);
	fixture_expect_refused(s, "x.so", "its struct fh_route has 8 bytes");
	fixture_put_descriptor(s, "x.so", 12, 1 << 20, 4);
	fixture_expect_refused(s, "x.so",
	    "its struct fh_model_def has 1048576 bytes");
}

/* Its descriptor ends before self_test: what lies behind is not looked at. */
static void
a_handler_of_abi_1_0(void **state)
{
	struct scratch *s = *state;
	const uint64_t size_1_0 = offsetof(struct fh_handler, self_test);

	fixture_put_plain(s, "new.so");
	fixture_load(s);
	assert_null(s->set->handlers[0].error);
	assert_non_null(s->set->handlers[0].desc.self_test);
	fixture_put_descriptor(s, "new.so", 0, FH_ABI_MAJOR | 0 << 16 |
	    size_1_0 << 32, 8);
	fixture_load(s);
	assert_null(s->set->handlers[0].error);
	assert_int_equal(s->set->route_count, 4);
	assert_null(s->set->handlers[0].desc.self_test);
	assert_non_null(s->set->handlers[0].desc.preload);
}

static void
names_and_routes_that_are_wrong(void **state)
{
	struct scratch *s = *state;

	fixture_put_changed(s, "x.so", "plainly", "plain y");
	fixture_expect_refused(s, "x.so",
	    "handler name \"plain y\": a name is");
	fixture_put_changed(s, "x.so", "objects", "obj/cts");
	fixture_expect_refused(s, "x.so", "model name \"obj/cts\": a name is");
	fixture_put_changed(s, "x.so", "/plain", "xplain");
	fixture_expect_refused(s, "x.so",
	    "route \"xplain\" does not start with '/'");
	fixture_put_changed(s, "x.so", "/plain/{id}", "/plain/{i}x");
	fixture_expect_refused(s, "x.so", "braces take a whole segment");
	fixture_put_changed(s, "x.so", "GET POST", "GET post");
	fixture_expect_refused(s, "x.so", "method \"post\"");
	fixture_put_changed(s, "x.so", "GET POST", "GET  GET");
	fixture_expect_refused(s, "x.so",
	    "has the route \"GET /plain/{id}\" twice");
	fixture_put_changed(s, "x.so", "GET POST", "        ");
	fixture_expect_refused(s, "x.so", "has no method");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_that_are_no_handlers),
		TEST(elf_files_that_do_not_fit),
		TEST(a_file_cut_off_anywhere),
		TEST(headers_that_lie),
		TEST(descriptors_of_another_abi),
		TEST(a_handler_of_abi_1_0),
		TEST(names_and_routes_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
