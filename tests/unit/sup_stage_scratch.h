/*
 * sup_stage_scratch.h - what the tests of the stage share: a handler directory
 * with a folder for copies, a loop, what the callbacks were told, and proof
 * that nothing is left.
 */
#ifndef TESTS_UNIT_SUP_STAGE_SCRATCH_H
#define TESTS_UNIT_SUP_STAGE_SCRATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "descriptors.h"
#include "handler_fixture.h"
#include "supervisor/sup_stage.h"

#define FOUND_MAX	64
#define SERVICE		65534		/* "nobody", if we are root */
#define FOREVER		60000

static uv_loop_t		 loop;
static struct sup_stage_work	 work;
static struct sup_stage		*stage;
static size_t			 descriptors_before;

/* What the callbacks were told. */
static struct sup_stage_file	 found[FOUND_MAX];
static size_t			 found_count;
static unsigned			 done_count;
static char			 done_error[512];
static size_t			 cancel_after;	/* so many files; 0: never */

static inline void
on_found(void *context, const struct sup_stage_file *file)
{
	assert_ptr_equal(context, &loop);
	assert_int_equal(done_count, 0);
	assert_true(found_count < FOUND_MAX);
	found[found_count++] = *file;
	if (found_count == cancel_after)
		sup_stage_cancel(stage);
}

static inline void
on_done(void *context, const char *error)
{
	assert_ptr_equal(context, &loop);
	done_count++;
	snprintf(done_error, sizeof(done_error), "%s",
	    error == NULL ? "" : error);
}

/* ----------------------------------------------------------- before, after */

/* What libuv opens once and never closes. */
static inline int
open_once(void **state)
{
	(void)state;
	return uv_loop_init(&loop) + uv_loop_close(&loop);
}

/* A handler directory, and a folder for copies that the service may use. */
static inline int
stage_begin(void **state)
{
	struct scratch *s;

	if (fixture_setup(state) != 0)
		return -1;
	s = *state;
	s->config.load_timeout_ms = FOREVER;
	snprintf(s->copies, sizeof(s->copies), "%s/copies", s->root);
	assert_int_equal(mkdir(s->copies, 0700), 0);
	assert_int_equal(chmod(s->root, 0755), 0);
	descriptors_before = open_descriptors();
	work = (struct sup_stage_work){ .config = &s->config, .to_dir =
	    open(s->copies, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	assert_true(work.to_dir >= 0);
	found_count = cancel_after = done_count = 0;
	done_error[0] = '\0';
	return uv_loop_init(&loop);
}

static inline int
stage_end(void **state)
{
	close(work.to_dir);
	if (uv_loop_close(&loop) != 0) {
		print_error("handles left open\n");
		return -1;
	}
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		print_error("a child was not reaped\n");
		return -1;
	}
	if (open_descriptors() != descriptors_before) {
		print_error("descriptors left open\n");
		return -1;
	}
	return fixture_teardown(state);
}

#define stage_test(f) \
	cmocka_unit_test_setup_teardown(f, stage_begin, stage_end)

/* ----------------------------------------------------------------- helpers */

static inline void
start(void)
{
	struct err err;

	found_count = 0;
	stage = sup_stage_start(&loop, &work, on_found, on_done, &loop, &err);
	if (stage == NULL)
		fail_msg("%s", err.text);
	assert_true(sup_stage_pid(stage) > 0);
	assert_int_equal(done_count + found_count, 0);
}

static inline void
finish(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(done_count, 1);
	done_count = 0;
}

static inline void
run(void)
{
	start();
	finish();
	assert_string_equal(done_error, "");
}

static inline const struct sup_stage_file *
file_of(const char *name)
{
	for (size_t i = 0; i < found_count; i++)
		if (strcmp(found[i].version.name, name) == 0)
			return &found[i];
	fail_msg("%s was not found", name);
	return NULL;
}

static inline const char *
path_of(const char *folder, const char *name)
{
	static char paths[2][512];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	assert_true(snprintf(path, sizeof(paths[0]), "%s/%s", folder, name) <
	    (int)sizeof(paths[0]));
	return path;
}

static inline bool
has_copy(const struct scratch *s, const char *name)
{
	return access(path_of(s->copies, name), F_OK) == 0;
}

static inline void
expect_refused(const struct scratch *s, const char *name, const char *why)
{
	const struct sup_stage_file *file = file_of(name);

	if (strstr(file->reason, why) == NULL)
		fail_msg("%s: \"%s\", not \"%s\"", name, file->reason, why);
	assert_true(strlen(file->version.sha256) % (HASH_TEXT - 1) == 0);
	assert_false(file->known);
	assert_false(has_copy(s, name));
}

static inline void
hash_of(const char *path, char out[HASH_TEXT])
{
	char bytes[4096];
	struct hash hash;
	struct err err;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(hash_begin(&hash, &err), 0);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		hash_add(&hash, bytes, (size_t)got);
	close(fd);
	assert_int_equal(hash_finish(&hash, out, &err), 0);
}

static inline void
expect_copied(const struct scratch *s, const char *name)
{
	const struct sup_stage_file *file = file_of(name);
	char sha256[HASH_TEXT];

	assert_string_equal(file->reason, "");
	assert_false(file->known);
	hash_of(path_of(s->copies, name), sha256);
	assert_string_equal(file->version.sha256, sha256);
	assert_int_equal(strlen(file->version.build_id), 40);
	assert_int_equal(file->version.size, s->plain_size);
}

#endif
