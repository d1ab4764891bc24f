/*
 * sup_directory_scratch.h - what the tests of the watcher share: a directory, a
 * loop, and what was called.
 *
 * Waiting ends when what is waited for has come: lengths of time are only upper
 * bounds, but for those in which nothing may happen.
 */
#ifndef TESTS_UNIT_SUP_DIRECTORY_SCRATCH_H
#define TESTS_UNIT_SUP_DIRECTORY_SCRATCH_H

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "descriptors.h"
#include "supervisor/sup_directory.h"

#define DELAY	60
#define LONG	15000		/* until a test gives up */

static char			 scratch[64], path[128];
static uv_loop_t		 loop;
static uv_timer_t		 stopper;
static uv_prepare_t		 turns_watcher;
static struct sup_directory	*directory;
static unsigned			 changes, turns;
static char			 written[256];	/* at the last change */
static int			 log_fd_mem = -1;
static size_t			 descriptors_before;

/* ------------------------------------------------------------- the fixture */

static inline void
note_change(void *context)
{
	assert_ptr_equal(context, &loop);
	changes++;
	written[0] = '\0';
	for (size_t i = 0; sup_directory_being_written(directory, i) != NULL;
	    i++) {
		strcat(written, sup_directory_being_written(directory, i));
		strcat(written, " ");
	}
	uv_stop(&loop);
}

static inline void
count_turn(uv_prepare_t *prepare)
{
	(void)prepare;
	turns++;
}

static inline void
stop(uv_timer_t *timer)
{
	(void)timer;
	uv_stop(&loop);
}

/* Runs the loop for so long, or until a change. */
static inline void
run(uint64_t ms)
{
	uv_update_time(&loop);
	uv_timer_start(&stopper, stop, ms, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_timer_stop(&stopper);
}

static inline void
pass(uint64_t ms)
{
	uint64_t until = uv_hrtime() / 1000000 + ms;

	while (uv_hrtime() / 1000000 < until)
		run(until - uv_hrtime() / 1000000);
}

static inline void
wait_for_change(void)
{
	unsigned before = changes;

	run(LONG);
	assert_int_equal(changes, before + 1);
}

static inline void
assert_quiet(uint64_t ms)
{
	unsigned before = changes;

	pass(ms);
	assert_int_equal(changes, before);
}

static inline void
watch_path(void)
{
	struct err err;

	directory = sup_directory_open(&loop, path, DELAY, note_change, &loop,
	    &err);
	if (directory == NULL)
		fail_msg("%s", err.text);
}

/* Forgets how soon the calls came after each other. */
static inline void
watch_again(void)
{
	sup_directory_close(directory);
	watch_path();
}

static inline int
set_up(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/sup_directory_test_XXXXXX");
	if (mkdtemp(scratch) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/handlers", scratch);
	descriptors_before = open_descriptors();
	log_fd_mem = memfd_create("log", MFD_CLOEXEC);
	log_set_fd(log_fd_mem);
	changes = turns = 0;
	directory = NULL;
	uv_loop_init(&loop);
	uv_timer_init(&loop, &stopper);
	uv_prepare_init(&loop, &turns_watcher);
	uv_prepare_start(&turns_watcher, count_turn);
	return mkdir(path, 0755);
}

static inline int
remove_one(const char *name, const struct stat *status, int type,
    struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(name);
}

static inline int
tear_down(void **state)
{
	(void)state;
	sup_directory_close(directory);
	uv_close((uv_handle_t *)&stopper, NULL);
	uv_close((uv_handle_t *)&turns_watcher, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	log_set_fd(STDERR_FILENO);
	close(log_fd_mem);
	if (uv_loop_close(&loop) != 0) {
		print_error("handles left open\n");
		return -1;
	}
	if (open_descriptors() != descriptors_before) {
		print_error("descriptors left open\n");
		return -1;
	}
	return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ----------------------------------------------------- what others do there */

static inline const char *
in(const char *folder, const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *text = paths[turn++ % 4];

	snprintf(text, sizeof(paths[0]), "%s/%s", folder, name);
	return text;
}

static inline int
open_to_write(const char *name, int flags)
{
	int fd = open(in(path, name), O_WRONLY | O_CLOEXEC | flags, 0644);

	assert_true(fd >= 0);
	return fd;
}

static inline void
put_piece(int fd)
{
	assert_int_equal(write(fd, "some code", 9), 9);
}

static inline void
copy(const char *name)
{
	int fd = open_to_write(name, O_CREAT | O_TRUNC);

	put_piece(fd);
	close(fd);
}

static inline unsigned
log_has(const char *part)
{
	char text[8192] = "";
	unsigned count = 0;

	assert_true(pread(log_fd_mem, text, sizeof(text) - 1, 0) >= 0);
	for (char *line = strtok(text, "\n"); line != NULL;
	    line = strtok(NULL, "\n"))
		count += strstr(line, part) != NULL;
	return count;
}

/* What libuv opens once and never closes. */
static inline int
open_before(void **state)
{
	(void)state;
	return uv_loop_init(&loop) + uv_loop_close(&loop);
}

#define directory_unit_test(f) \
	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
