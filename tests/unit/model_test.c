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
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>

#include "model_scratch.h"

#include "model/model_memory.h"

#define ADDRESS		(MODEL_ADDRESS_BASE + 3 * MODEL_ADDRESS_STEP)
#define LENGTH		((size_t)3 * 1024 * 1024 + 17)	/* several chunks */

/* ------------------------------------------- sendfile(), with our hand in it */

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

/* ------------------------------------------------------------ what is common */

static struct config_model
file_config(void)
{
	return (struct config_model){ .name = (char *)"tested",
	    .path = scratch_file, .kind = CONFIG_MODEL_FILE };
}

static void
load_pattern(struct model_image *image, int *fd)
{
	struct config_model config = file_config();
	struct err err;

	write_pattern(scratch_file, LENGTH);
	if (model_load(&config, NULL, ADDRESS, image, fd, &err) != 0)
		fail_msg("%s", err.text);
}

static void
load_and_map(struct model_image *image, int *fd, struct fh_model *model)
{
	struct err err;

	load_pattern(image, fd);
	if (model_map(image, *fd, model, &err) != 0)
		fail_msg("%s", err.text);
}

static void
unmap(const struct model_image *image)
{
	assert_int_equal(munmap((void *)(uintptr_t)image->address,
	    image->mapped), 0);
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

/* ------------------------------------------------------------------- loading */

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

/* --------------------------------------------------- changed while it is read */

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
	struct config_model config = file_config();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_pattern(scratch_file, LENGTH);
		after_first_chunk = cases[i].hook;
		assert_refused(&config, "changed while it was read");
		write_pattern(scratch_file, LENGTH);
		after_first_chunk = cases[i].hook;
		assert_refused(&config, cases[i].says);
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

/* ------------------------------------------------------------- it is sealed */

static void
nobody_can_open_it_again_to_write(void **state)
{
	struct model_image image;
	char path[64];
	int fd, writable;

	(void)state;
	load_pattern(&image, &fd);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EBADF);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	writable = open(path, O_RDWR | O_CLOEXEC);
	assert_true(writable >= 0);
	assert_int_equal(write(writable, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(writable, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(writable, (off_t)image.mapped + 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fallocate(writable, FALLOC_FL_PUNCH_HOLE |
	    FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
	    writable, 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(writable, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
	close(writable);
	close(fd);
}

static void
mapping_cannot_be_made_writable(void **state)
{
	struct model_image image;
	struct fh_model model;
	int fd, memory;

	(void)state;
	load_and_map(&image, &fd, &model);
	close(fd);
	assert_int_equal(mprotect((void *)(uintptr_t)ADDRESS, 4096,
	    PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	assert_true(memory >= 0);
	assert_int_equal(pwrite(memory, "x", 1, (off_t)ADDRESS), -1);
	assert_int_equal(errno, EIO);
	close(memory);
	assert_int_equal(madvise((void *)(uintptr_t)ADDRESS, image.mapped,
	    MADV_DONTNEED), 0);
	assert_pattern(model.data, LENGTH);
	unmap(&image);
}

static void
own_copy_is_allowed(void **state)
{
	struct model_image image;
	struct fh_model model;
	uint8_t *copy;
	int fd;

	(void)state;
	load_and_map(&image, &fd, &model);
	copy = mmap(NULL, image.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE,
	    fd, 0);
	assert_ptr_not_equal(copy, MAP_FAILED);
	copy[0]++;
	assert_int_not_equal(copy[0], *(const uint8_t *)model.data);
	assert_pattern(model.data, LENGTH);
	munmap(copy, image.mapped);
	close(fd);
	unmap(&image);
}

static void
leave_with_the_cause(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	_exit(info->si_code == SEGV_ACCERR &&
	    info->si_addr == (void *)(uintptr_t)(ADDRESS + 5000) ? 42 : 43);
}

/* 42: the write gave SIGSEGV for that address; 0: it went through. */
static int
stray_write_in_a_child(void)
{
	struct sigaction action = { .sa_sigaction = leave_with_the_cause,
	    .sa_flags = SA_SIGINFO };
	volatile uint8_t *data = (uint8_t *)(uintptr_t)ADDRESS;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		sigaction(SIGSEGV, &action, NULL);
		data[5000] = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
stray_write_hurts_only_its_process(void **state)
{
	struct model_image image;
	struct fh_model model;
	int fd, status;
	pid_t pid;

	(void)state;
	load_and_map(&image, &fd, &model);
	close(fd);
	assert_int_equal(stray_write_in_a_child(), 42);
	pid = fork();
	if (pid == 0)
		_exit(munmap((void *)(uintptr_t)ADDRESS, image.mapped));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_pattern(model.data, LENGTH);
	unmap(&image);
}

static void
second_writable_view_stops_the_seal(void **state)
{
	struct model_memory memory;
	struct err err;
	size_t mapped;
	void *view;
	int fd;

	(void)state;
	assert_int_equal(model_memory_create("x", 10000, 0, MODEL_PAGES_NORMAL,
	    &memory, &err), 0);
	view = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd,
	    0);
	assert_ptr_not_equal(view, MAP_FAILED);
	assert_int_equal(model_memory_seal(&memory, 10000, &mapped, &fd, &err),
	    -1);
	assert_int_equal(fd, -1);
	assert_says(&err, "sealing");
	munmap(view, 4096);
}

/* The VmFlags line of the mapping whose line begins with `start`. */
static void
smaps_flags(const char *start, char flags_out[512])
{
	FILE *file = fopen("/proc/self/smaps", "re");
	bool inside = false;

	assert_non_null(file);
	while (fgets(flags_out, 512, file) != NULL) {
		if (strncmp(flags_out, start, strlen(start)) == 0)
			inside = true;
		else if (inside && strncmp(flags_out, "VmFlags:", 8) == 0)
			break;
	}
	fclose(file);
	assert_true(inside);
}

static void
core_dumps_leave_it_out(void **state)
{
	struct model_image image;
	struct fh_model model;
	char start[32], flags[512];
	int fd;

	(void)state;
	load_and_map(&image, &fd, &model);
	close(fd);
	snprintf(start, sizeof(start), "%llx-", (unsigned long long)ADDRESS);
	smaps_flags(start, flags);
	assert_non_null(strstr(flags, " dd"));		/* not dumped */
	assert_null(strstr(flags, " wr"));
	assert_null(strstr(flags, " mw"));		/* nor ever writable */
	unmap(&image);
}

/* AddressSanitizer has an mlock() that does nothing. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__	1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
static const bool mlock_works = false;
#else
static const bool mlock_works = true;
#endif

static void
locked_pages_stay(void **state)
{
	struct config_model config = file_config();
	struct model_image image;
	struct fh_model model;
	struct err err;
	int fd;

	(void)state;
	write_pattern(scratch_file, 10000);	/* below any ulimit -l */
	config.lock = true;
	assert_int_equal(model_load(&config, NULL, ADDRESS, &image, &fd, &err),
	    0);
	assert_int_equal(model_map(&image, fd, &model, &err), 0);
	close(fd);
	if (mlock_works)
		assert_true(proc_has("/proc/self/status",
		    "VmLck:\t      12 kB"));
	unmap(&image);
}

static void
taken_address_is_refused(void **state)
{
	struct config_model config = file_config();
	struct model_image image, second;
	struct fh_model model;
	struct err err;
	int fd, other;

	(void)state;
	load_and_map(&image, &fd, &model);
	assert_int_equal(model_map(&image, fd, &model, &err), -1);
	assert_says(&err, "File exists");
	assert_int_equal(model_load(&config, NULL, ADDRESS, &second, &other,
	    &err), -1);
	assert_says(&err, "File exists");
	close(fd);
	assert_pattern((void *)(uintptr_t)ADDRESS, LENGTH);
	unmap(&image);
}

/* ------------------------------------------------------------ verification */

static void
assert_unverified(const struct model_image *image, int fd, const char *part)
{
	struct fh_model model;
	struct err err;

	assert_int_equal(model_verify(image, fd, &err), -1);
	assert_says(&err, part);
	assert_int_equal(model_map(image, fd, &model, &err), -1);
	assert_null(model.data);
}

static void
lies_in_an_image_are_found(void **state)
{
	struct model_image image, lie;
	struct err err;
	int fd;

	(void)state;
	load_pattern(&image, &fd);
	assert_int_equal(model_verify(&image, fd, &err), 0);
#define LIE(change, part) \
	do { lie = image; change; assert_unverified(&lie, fd, part); } while (0)
	LIE(memset(lie.name, 'x', sizeof(lie.name)), "name does not end");
	LIE(memset(lie.sha256, 'a', sizeof(lie.sha256)), "no SHA-256");
	LIE(lie.sha256[3] = '\0', "no SHA-256");
	LIE(lie.sha256[3] = '\n', "no SHA-256");
	LIE(lie.kind = 77, "kind 77");
	LIE(lie.kind = CONFIG_MODEL_PRELOAD, "cannot be");
	LIE(lie.address = 4096, "no address for a model");
	LIE(lie.address += 4096, "no address for a model");
	LIE(lie.length = 0, "cannot be");
	LIE(lie.length = image.mapped + 1, "cannot be");
	LIE(lie.mapped = UINT64_MAX, "cannot be");
	LIE(lie.mapped += 1, "cannot be");
	LIE(lie.mapped += 4096, "were announced");
	LIE(lie.root_offset = image.length, "root lies outside");
	LIE(lie.root_offset = UINT64_MAX, "root lies outside");
#undef LIE
	close(fd);
}

static int
half_sealed(const struct model_image *image, int seals)
{
	int fd = memfd_create("model:half", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)image->mapped), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void
wrong_descriptors_are_found(void **state)
{
	static const int all[] = { F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK,
	    F_SEAL_SEAL };
	struct model_image image;
	int fd, other, seals = 0;

	(void)state;
	load_pattern(&image, &fd);
	close(fd);
	assert_unverified(&image, -1, "Bad file descriptor");
	other = open(scratch_file, O_RDONLY | O_CLOEXEC);
	assert_unverified(&image, other, "not sealed memory");
	close(other);
	for (size_t i = 0; i < 4; i++)
		seals |= all[i];
	for (size_t i = 0; i < 4; i++) {
		other = half_sealed(&image, seals & ~all[i]);
		assert_unverified(&image, other, "seals missing");
		close(other);
	}
	other = half_sealed(&image, seals);
	assert_unverified(&image, other, "not read-only");
	close(other);
}

/* ----------------------------------------------------------------- preload */

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
		model_unit_test(nobody_can_open_it_again_to_write),
		model_unit_test(mapping_cannot_be_made_writable),
		model_unit_test(own_copy_is_allowed),
		model_unit_test(stray_write_hurts_only_its_process),
		model_unit_test(second_writable_view_stops_the_seal),
		model_unit_test(core_dumps_leave_it_out),
		model_unit_test(locked_pages_stay),
		model_unit_test(taken_address_is_refused),
		model_unit_test(lies_in_an_image_are_found),
		model_unit_test(wrong_descriptors_are_found),
		model_unit_test(preload_is_only_identified),
	};

	return cmocka_run_group_tests_name("model", tests, scratch_create,
	    scratch_destroy);
}
