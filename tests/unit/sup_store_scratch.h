/*
 * sup_store_scratch.h - what the tests of the store share: a state directory,
 * generations to put into it, the log, and proof that nothing is left open.
 */
#ifndef TESTS_UNIT_SUP_STORE_SCRATCH_H
#define TESTS_UNIT_SUP_STORE_SCRATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "descriptors.h"
#include "supervisor/sup_store.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SERVICE	65534		/* uid and gid of the service, if we are root */
#define CONFIG_TEXT "timeout = 5s\n"

static char		 scratch[64];
static int		 scratch_log = -1;
static size_t		 descriptors_before;

static inline uid_t
service_user(void)
{
	return geteuid() == 0 ? SERVICE : geteuid();
}

static inline int
remove_one(const char *path, const struct stat *status, int type,
    struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

/* Before and after each test. */
static inline int
scratch_create(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/sup_store_test_XXXXXX");
	if (mkdtemp(scratch) == NULL)
		return -1;
	descriptors_before = open_descriptors();
	scratch_log = memfd_create("log", MFD_CLOEXEC);
	log_set_fd(scratch_log);
	return scratch_log < 0 ? -1 : 0;
}

static inline int
scratch_destroy(void **state)
{
	(void)state;
	log_set_fd(STDERR_FILENO);
	close(scratch_log);
	if (open_descriptors() != descriptors_before) {
		print_error("descriptors left open\n");
		return -1;
	}
	return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path below the state directory; good until the fourth next call. */
static inline const char *
at(const char *format, ...)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	int length = snprintf(path, sizeof(paths[0]), "%s/", scratch);
	va_list ap;

	va_start(ap, format);
	vsnprintf(path + length, sizeof(paths[0]) - (size_t)length, format,
	    ap);
	va_end(ap);
	return path;
}

static inline bool
exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static inline void
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline void
assert_text(const char *path, const char *expected)
{
	char text[4096] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	assert_string_equal(text, expected);
}

static inline void
assert_says(const struct err *err, const char *part)
{
	if (strstr(err->text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

/* How many lines of the log have this in them? */
static inline unsigned
log_has(const char *part)
{
	char text[16384] = "";
	unsigned count = 0;

	assert_true(pread(scratch_log, text, sizeof(text) - 1, 0) >= 0);
	for (char *line = strtok(text, "\n"); line != NULL;
	    line = strtok(NULL, "\n"))
		count += strstr(line, part) != NULL;
	return count;
}

/* ------------------------------------------------------------ generations */

static inline struct sup_store *
open_store(void)
{
	struct err err;
	struct sup_store *store = sup_store_open(scratch, SERVICE, SERVICE,
	    &err);

	if (store == NULL)
		fail_msg("%s", err.text);
	return store;
}

/* A handler's copy, as the service's user would have written it. */
static inline void
put_file(uint32_t number, const char *name, const char *text)
{
	const char *path = at("generations/%u/handlers/%s", number, name);

	write_text(path, text);
	if (geteuid() == 0)
		assert_int_equal(lchown(path, SERVICE, SERVICE), 0);
}

static inline void
begin(struct sup_store *store, uint32_t number)
{
	struct err err;
	int fd = sup_store_begin(store, number, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	close(fd);
}

/* A version of a file with this text. */
static inline struct sup_file
file_of(const char *name, const char *text, uint32_t since)
{
	struct sup_file file = { .version = { .sha256 = SHA_A,
	    .build_id = "0123456789abcdef", .device = UINT64_MAX,
	    .inode = UINT64_C(1) << 63, .mtime_ns = INT64_C(-5),
	    .ctime_ns = INT64_MAX }, .since = since, .since_at = 1700000000 };

	snprintf(file.version.name, sizeof(file.version.name), "%s", name);
	file.version.size = strlen(text);
	return file;
}

static inline int
finish_with(struct sup_store *store, uint32_t number, struct sup_file *files,
    size_t count, struct err *err)
{
	struct sup_manifest manifest = { .number = number,
	    .made_at = 1700000001, .trigger = "watch", .files = files,
	    .file_count = count };

	return sup_store_finish(store, &manifest, CONFIG_TEXT,
	    strlen(CONFIG_TEXT), err);
}

/* A complete one, with hello.so in it. */
static inline void
make(struct sup_store *store, uint32_t number)
{
	struct sup_file file = file_of("hello.so", "code", number);
	struct err err;

	begin(store, number);
	put_file(number, "hello.so", "code");
	if (finish_with(store, number, &file, 1, &err) < 0)
		fail_msg("%s", err.text);
}

/* Are these the complete ones, newest first?  0 ends them. */
static inline void
assert_listed(struct sup_store *store, const uint32_t *expected)
{
	uint32_t *numbers;
	size_t count, i;
	struct err err;

	assert_int_equal(sup_store_list(store, &numbers, &count, &err), 0);
	for (i = 0; expected[i] != 0; i++) {
		assert_true(i < count);
		assert_int_equal(numbers[i], expected[i]);
	}
	assert_int_equal(count, i);
	free(numbers);
}

#define LISTED(...) ((const uint32_t[]){ __VA_ARGS__ __VA_OPT__(,) 0 })

#define store_unit_test(f) \
	cmocka_unit_test_setup_teardown(f, scratch_create, scratch_destroy)

#endif
