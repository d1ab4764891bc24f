/*
 * model_seal_test.c - a loaded model can be changed by nobody, and what is not
 * so is not taken for one.
 *
 * Runs in: the test program.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor and no mapping is left.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>

#include "model_scratch.h"

#include "model/model_memory.h"

/* ------------------------------------------------------------ it is sealed */

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

/* ----------------------------------------------------------- verification */

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("model_seal", tests, scratch_create,
	    scratch_destroy);
}
