/*
 * model_scratch.h - what the tests of models share: files to load, and proof
 * that nothing is left open or mapped.
 */
#ifndef TESTS_UNIT_MODEL_SCRATCH_H
#define TESTS_UNIT_MODEL_SCRATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptors.h"
#include "model/model.h"

static char	 scratch[] = "/tmp/model_test_XXXXXX";
static char	 scratch_file[sizeof(scratch) + 16];

/* Has a line of a file in /proc this in it? */
static inline bool
proc_has(const char *path, const char *words)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[512];

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strstr(line, words) != NULL;
	fclose(file);
	return found;
}

static inline void
write_file(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* `length` bytes that repeat neither with the page nor with the chunk. */
static inline uint8_t *
pattern(size_t length)
{
	uint8_t *bytes = malloc(length);

	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4093 + 1);
	return bytes;
}

static inline void
write_pattern(const char *path, size_t length)
{
	uint8_t *bytes = pattern(length);

	write_file(path, bytes, length);
	free(bytes);
}

static inline void
assert_pattern(const void *data, size_t length)
{
	uint8_t *bytes = pattern(length);

	assert_memory_equal(data, bytes, length);
	free(bytes);
}

static inline void
assert_says(const struct err *err, const char *part)
{
	if (strstr(err->text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

static inline int
scratch_create(void **state)
{
	(void)state;
	if (mkdtemp(scratch) == NULL)
		return -1;
	snprintf(scratch_file, sizeof(scratch_file), "%s/model", scratch);
	return 0;
}

static inline int
scratch_destroy(void **state)
{
	(void)state;
	unlink(scratch_file);
	return rmdir(scratch);
}

static size_t	 descriptors_before;

static inline int
count_before(void **state)
{
	(void)state;
	descriptors_before = open_descriptors();
	return 0;
}

/* After every test: no descriptor and no mapping of a model is left. */
static inline int
count_after(void **state)
{
	(void)state;
	unlink(scratch_file);
	if (open_descriptors() != descriptors_before) {
		print_error("descriptors left open\n");
		return -1;
	}
	if (proc_has("/proc/self/maps", "memfd:model")) {
		print_error("a model is still mapped\n");
		munmap((void *)(uintptr_t)MODEL_ADDRESS_BASE,
		    16 * MODEL_ADDRESS_STEP);
		return -1;
	}
	return 0;
}

/* ---------------------------------------------- a loaded model of kind file */

#define ADDRESS		(MODEL_ADDRESS_BASE + 3 * MODEL_ADDRESS_STEP)
#define LENGTH		((size_t)3 * 1024 * 1024 + 17)	/* several chunks */

static inline struct config_model
file_config(void)
{
	return (struct config_model){ .name = (char *)"tested",
	    .path = scratch_file, .kind = CONFIG_MODEL_FILE };
}

static inline void
load_pattern(struct model_image *image, int *fd)
{
	struct config_model config = file_config();
	struct err err;

	write_pattern(scratch_file, LENGTH);
	if (model_load(&config, NULL, ADDRESS, image, fd, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void
load_and_map(struct model_image *image, int *fd, struct fh_model *model)
{
	struct err err;

	load_pattern(image, fd);
	if (model_map(image, *fd, model, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void
unmap(const struct model_image *image)
{
	assert_int_equal(munmap((void *)(uintptr_t)image->address,
	    image->mapped), 0);
}

#define model_unit_test(f) \
	cmocka_unit_test_setup_teardown(f, count_before, count_after)

#endif
