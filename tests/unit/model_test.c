/*
 * model_test.c - a model of kind file or preload, from the file to the map.
 *
 * Runs in: the test program.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor and no mapping is left.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>

#include "model_scratch.h"

/* ------------------------------------------ copying, with our hand in it */

/* Called after the first chunk was copied; or the error of the first call. */
static void	(*after_first_chunk)(void);
static int	 sendfile_error;
static size_t	 sendfile_most;
static unsigned	 sendfile_calls;

ssize_t
sendfile(int out, int in, off_t *offset, size_t count)
{
	void (*hook)(void) = after_first_chunk;
	ssize_t sent;

	sendfile_calls++;
	if (sendfile_error != 0) {
		errno = sendfile_error;
		sendfile_error = 0;
		return -1;
	}
	if (sendfile_most != 0 && count > sendfile_most)
		count = sendfile_most;
	sent = syscall(SYS_sendfile, out, in, offset, count);
	after_first_chunk = NULL;
	if (hook != NULL)
		hook();
	return sent;
}

/* What is only hashed is read, not sent. */
ssize_t
pread(int fd, void *buffer, size_t count, off_t offset)
{
	void (*hook)(void) = after_first_chunk;
	ssize_t got = syscall(SYS_pread64, fd, buffer, count, offset);

	after_first_chunk = NULL;
	if (hook != NULL)
		hook();
	return got;
}

/* Loads what is in the scratch file, expecting a failure that says `part`. */
static void
assert_refused(const struct config_model *config, const char *part)
{
	struct model_image image;
	struct err err;
	int fd;

	assert_int_equal(model_load(config, NULL, ADDRESS, &image, &fd, &err),
	    -1);
	assert_int_equal(fd, -1);
	assert_says(&err, "model \"tested\": ");
	assert_says(&err, part);
}

/* ------------------------------------------------------------------ loading */

static void
file_is_copied_whole(void **state)
{
	struct model_image image;
	struct model_identity identity;
	struct fh_model model;
	struct err err;
	struct stat info;
	int fd;

	(void)state;
	load_and_map(&image, &fd, &model);
	assert_string_equal(image.name, "tested");
	assert_int_equal(image.kind, CONFIG_MODEL_FILE);
	assert_int_equal(image.length, LENGTH);
	assert_int_equal(image.source_length, LENGTH);
	assert_int_equal(image.mapped % 4096, 0);
	assert_int_equal(image.address, ADDRESS);
	assert_int_equal(image.root_offset, 0);
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_size, image.mapped);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(model_identify(scratch_file, &identity, &err), 0);
	assert_true(model_identity_equal(&identity, &image.identity));
	close(fd);	/* the mapping holds it */
	assert_ptr_equal(model.data, (void *)(uintptr_t)ADDRESS);
	assert_ptr_equal(model.root, model.data);
	assert_int_equal(model.length, LENGTH);
	assert_string_equal(model.name, "tested");
	assert_ptr_equal(model.sha256, image.sha256);
	assert_pattern(model.data, LENGTH);
	for (size_t i = LENGTH; i < image.mapped; i++)
		assert_int_equal(((const uint8_t *)model.data)[i], 0);
	unmap(&image);
}

static void
digest_is_of_the_bytes(void **state)
{
	struct config_model config = file_config();
	struct model_image image;
	struct err err;
	int fd;

	(void)state;
	write_file(scratch_file, "abc", 3);
	/* FIPS 180-2, B.1; in capitals too */
	config.sha256 = (char *)"BA7816BF8F01CFEA414140DE5DAE2223"
	    "B00361A396177A9CB410FF61F20015AD";
	assert_int_equal(model_load(&config, NULL, ADDRESS, &image, &fd, &err),
	    0);
	assert_string_equal(image.sha256, "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	close(fd);
	config.sha256 = (char *)"0000000000000000000000000000000000000000"
	    "000000000000000000000000";
	assert_refused(&config, "has SHA-256 ba7816bf8f01cfea");
	config.sha256 = (char *)"";
	assert_int_equal(model_load(&config, NULL, ADDRESS, &image, &fd, &err),
	    0);
	close(fd);
}

static void
odd_sources_are_refused(void **state)
{
	struct config_model config = file_config();

	(void)state;
	assert_refused(&config, "No such file or directory");
	write_file(scratch_file, "", 0);
	assert_refused(&config, "is empty");
	unlink(scratch_file);
	assert_int_equal(mkfifo(scratch_file, 0600), 0);
	assert_refused(&config, "is a FIFO");
	config.path = scratch;
	assert_refused(&config, "is a directory");
	config.path = (char *)"/dev/null";
	assert_refused(&config, "is not a regular file");
	config.path = NULL;
	assert_refused(&config, "no path");
}

static void
larger_than_an_address_step_is_refused(void **state)
{
	struct config_model config = file_config();

	(void)state;
	write_file(scratch_file, "x", 1);
	if (truncate(scratch_file, (off_t)MODEL_ADDRESS_STEP + 1) != 0)
		skip();		/* the file system has no sparse files */
	assert_refused(&config, "64 GiB at most");
}

static void
sendfile_is_not_needed(void **state)
{
	struct model_image image;
	struct fh_model model;
	int fd;

	(void)state;
	sendfile_error = EINVAL;
	load_and_map(&image, &fd, &model);
	close(fd);
	assert_pattern(model.data, LENGTH);
	unmap(&image);
}

static void
short_and_interrupted_copies_go_on(void **state)
{
	struct model_image image;
	struct fh_model model;
	int fd;

	(void)state;
	sendfile_error = EINTR;
	sendfile_most = 100001;
	sendfile_calls = 0;
	load_and_map(&image, &fd, &model);
	sendfile_most = 0;
	assert_true(sendfile_calls > LENGTH / 100001);
	close(fd);
	assert_pattern(model.data, LENGTH);
	unmap(&image);
}

static void
read_errors_are_named(void **state)
{
	struct config_model config = file_config();

	(void)state;
	write_pattern(scratch_file, LENGTH);
	sendfile_error = EIO;
	assert_refused(&config, "copying byte 0 of 3145745 into shared memory: "
	    "Input/output error");
	sendfile_error = ENOMEM;
	assert_refused(&config, "Cannot allocate memory");
}

static void
large_pages_are_only_a_wish(void **state)
{
	struct config_model config = file_config();
	struct model_image image;
	struct fh_model model;
	struct err err;
	int fd;

	(void)state;
	write_pattern(scratch_file, LENGTH);
	config.hugepages = CONFIG_PAGES_TRY;
	assert_int_equal(model_load(&config, NULL, ADDRESS, &image, &fd, &err),
	    0);
	assert_int_equal(model_map(&image, fd, &model, &err), 0);
	close(fd);
	assert_pattern(model.data, LENGTH);
	unmap(&image);
}

/* ------------------------------------------------- changed while it is read */

static void
grow(void)
{
	assert_int_equal(truncate(scratch_file, LENGTH + 1), 0);
}

static void
shrink(void)
{
	assert_int_equal(truncate(scratch_file, 100), 0);
}

/* A time of its own, so that the clock's steps play no part. */
static void
overwrite(void)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
	    { .tv_sec = 1000000000 } };
	int fd = open(scratch_file, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "?", 1, LENGTH - 1), 1);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* ctime alone: the clock must have moved on since the file was made. */
static void
replace(void)
{
	char other[sizeof(scratch) + 16];
	struct stat before, after;

	assert_int_equal(stat(scratch_file, &before), 0);
	snprintf(other, sizeof(other), "%s/other", scratch);
	do {
		write_pattern(other, LENGTH);
		assert_int_equal(stat(other, &after), 0);
	} while (after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
	    after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
	assert_int_equal(rename(other, scratch_file), 0);
}

static void
change_during_the_copy_is_refused(void **state)
{
	static const struct {
		void		(*hook)(void);
		const char	*says;
	} cases[] = {
		{ grow, "its size went from 3145745 to 3145746 bytes" },
		{ shrink, "its size went from 3145745 to 100 bytes" },
		{ overwrite, "was written to (mtime)" },
		{ replace, "was replaced, renamed or its mode set (ctime)" }
	};
	struct config_model config = file_config(), hashed = config;

	(void)state;
	hashed.kind = CONFIG_MODEL_PRELOAD;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_pattern(scratch_file, LENGTH);
		after_first_chunk = cases[i].hook;
		assert_refused(&config, "changed while it was read");
		write_pattern(scratch_file, LENGTH);
		after_first_chunk = cases[i].hook;
		assert_refused(&config, cases[i].says);
		write_pattern(scratch_file, LENGTH);
		after_first_chunk = cases[i].hook;
		assert_refused(&hashed, cases[i].says);
	}
}

static void
change_afterwards_changes_nothing(void **state)
{
	struct model_image image;
	struct model_identity identity;
	struct fh_model model;
	struct err err;
	int fd;

	(void)state;
	load_and_map(&image, &fd, &model);
	close(fd);
	overwrite();
	assert_pattern(model.data, LENGTH);
	assert_int_equal(model_identify(scratch_file, &identity, &err), 0);
	assert_false(model_identity_equal(&identity, &image.identity));
	shrink();
	assert_pattern(model.data, LENGTH);
	unlink(scratch_file);
	assert_pattern(model.data, LENGTH);
	assert_int_equal(model_identify(scratch_file, &identity, &err), -1);
	unmap(&image);
}

static void
another_file_is_another_identity(void **state)
{
	struct model_identity a, b;
	struct err err;

	(void)state;
	write_pattern(scratch_file, 100);
	assert_int_equal(model_identify(scratch_file, &a, &err), 0);
	assert_int_equal(model_identify(scratch_file, &b, &err), 0);
	assert_true(model_identity_equal(&a, &b));
	replace();
	assert_int_equal(model_identify(scratch_file, &b, &err), 0);
	assert_false(model_identity_equal(&a, &b));
	for (size_t i = 0; i < sizeof(a) / sizeof(uint64_t); i++) {
		b = a;
		((uint64_t *)&b)[i]++;
		assert_false(model_identity_equal(&a, &b));
	}
}

/* ---------------------------------------------------------------- preload */

static void
preload_is_only_identified(void **state)
{
	struct config_model config = file_config();
	struct model_image image, copied;
	struct fh_model model;
	struct err err;
	int fd;

	(void)state;
	load_pattern(&copied, &fd);
	close(fd);
	config.kind = CONFIG_MODEL_PRELOAD;
	assert_int_equal(model_load(&config, NULL, ADDRESS, &image, &fd, &err),
	    0);
	assert_string_equal(image.sha256, copied.sha256);
	write_file(scratch_file, "abc", 3);
	assert_int_equal(model_load(&config, NULL, ADDRESS, &image, &fd, &err),
	    0);
	assert_int_equal(fd, -1);
	assert_int_equal(image.length, 0);
	assert_int_equal(image.mapped, 0);
	assert_int_equal(image.source_length, 3);
	assert_memory_equal(image.sha256, "ba7816bf", 8);
	assert_int_equal(model_verify(&image, -1, &err), 0);
	assert_int_equal(model_verify(&image, 0, &err), -1);
	assert_int_equal(model_map(&image, -1, &model, &err), 0);
	assert_null(model.data);
	assert_null(model.root);
	assert_string_equal(model.name, "tested");
	config.sha256 = (char *)"0000000000000000000000000000000000000000"
	    "000000000000000000000000";
	assert_refused(&config, "but sha256 says 0000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		model_unit_test(file_is_copied_whole),
		model_unit_test(digest_is_of_the_bytes),
		model_unit_test(odd_sources_are_refused),
		model_unit_test(larger_than_an_address_step_is_refused),
		model_unit_test(sendfile_is_not_needed),
		model_unit_test(short_and_interrupted_copies_go_on),
		model_unit_test(read_errors_are_named),
		model_unit_test(large_pages_are_only_a_wish),
		model_unit_test(change_during_the_copy_is_refused),
		model_unit_test(change_afterwards_changes_nothing),
		model_unit_test(another_file_is_another_identity),
		model_unit_test(preload_is_only_identified),
	};

	return cmocka_run_group_tests_name("model", tests, scratch_create,
	    scratch_destroy);
}
