/*
 * api_form_test.c - forms with files, and files that are kept.
 *
 * Runs in: make check.
 * Owns: a scratch folder, gone with each test.
 * Invariant: each serve_ function asks one thing; what it saw is checked in it
 * or told through `told`.
 */
#include "api_fixture.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TYPE	"multipart/form-data; boundary=b"
#define FIELD(name, value)						\
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" \
	value "\r\n"
#define FILED(name, filename, bytes)					\
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"; "	\
	"filename=\"" filename "\"\r\nContent-Type: text/css\r\n\r\n" bytes \
	"\r\n"
#define END	"--b--\r\n"

static char	 told[256], folder[64], path[128];
static bool	 no_unnamed;	/* a file system without O_TMPFILE */

/* In place of libc's; both names, for either width of off_t. */
static int
open_as(const char *name, int flags, mode_t mode)
{
	if (no_unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

#define OPEN(function)							\
int	function(const char *, int, ...);				\
int									\
function(const char *name, int flags, ...)				\
{									\
	mode_t mode = 0;						\
	va_list ap;							\
									\
	va_start(ap, flags);						\
	if (flags & (O_CREAT | O_TMPFILE))				\
		mode = va_arg(ap, mode_t);				\
	va_end(ap);							\
	return open_as(name, flags, mode);				\
}

#undef open
#undef open64
OPEN(open)
OPEN(open64)

static int
setup(void **state)
{
	struct fixture *f;

	if (fixture_setup(state) != 0)
		return -1;
	f = *state;
	f->config.form_fields = 3;
	f->config.form_files = 2;
	f->config.form_memory = 1024;
	fixture_param(f, "CONTENT_TYPE", TYPE);
	strcpy(folder, "/tmp/fh-form-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/saved", folder);
	return 0;
}

static int
teardown(void **state)
{
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	return fixture_teardown(state);
}

/* In memory of exactly its length. */
static void
serve(struct fixture *f, const char *body, int (*handler)(struct fh_request *))
{
	size_t length = strlen(body);
	char *copy = malloc(length + (length == 0));

	assert_non_null(copy);
	memcpy(copy, body, length);
	fixture_body(f, copy, length);
	fixture_serve(f, handler);
	free(copy);
}

/* The same, from a file as a large body is. */
static void
serve_spooled(struct fixture *f, const char *body,
    int (*handler)(struct fh_request *))
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, body, strlen(body)), strlen(body));
	fixture_body(f, NULL, strlen(body));
	f->input.body_fd = fd;
	fixture_serve(f, handler);
	f->input.body_fd = -1;
	close(fd);
}

/* ------------------------------------------------- fields and files */

static int
serve_parts(struct fh_request *rq)
{
	size_t fields, files, length;
	const struct fh_field *field = fh_form_fields(rq, &fields);
	const struct fh_file *file = fh_files(rq, &files);
	const char *body = fh_body(rq, &length);

	assert_null(fh_form_error(rq));
	assert_int_equal(fields, 2);
	assert_string_equal(field[0].name, "a");
	assert_string_equal(field[0].value, "1");
	assert_string_equal(field[1].value, "");
	assert_string_equal(fh_form(rq, "a"), "1");
	assert_null(fh_form(rq, "f"));
	assert_int_equal(files, 2);
	assert_ptr_equal(fh_file(rq, "f"), file);
	assert_null(fh_file(rq, "a"));
	assert_string_equal(file->filename, "../x.css");
	assert_string_equal(file->name, "x.css");
	assert_string_equal(file->type, "text/css");
	assert_int_equal(file->length, 4);
	assert_memory_equal(file->data, "\r\n--", 4);
	assert_ptr_equal(file->data, body + file->offset);
	assert_string_equal(file[1].field, "g");
	assert_string_equal(file[1].name, "e");
	assert_int_equal(file[1].length, 0);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_fields_and_files(void **state)
{
	static const char form[] = FIELD("a", "1") FILED("f", "../x.css",
	    "\r\n--") FIELD("a", "") FILED("g", "e", "") END;

	serve(*state, form, serve_parts);
	assert_int_equal(((struct fixture *)*state)->result.status, 200);
	serve_spooled(*state, form, serve_parts);
	assert_int_equal(((struct fixture *)*state)->result.status, 200);
}

static int
serve_nothing(struct fh_request *rq)
{
	size_t fields, files;

	assert_null(fh_file(rq, "f"));
	assert_null(fh_form(rq, "a"));
	fh_form_fields(rq, &fields);
	fh_files(rq, &files);
	assert_int_equal(fields + files, 0);
	snprintf(told, sizeof(told), "%s", fh_form_error(rq) == NULL ? "" :
	    fh_form_error(rq));
	return fh_form_error(rq) == NULL ? fh_reply_text(rq, 200, "ok") :
	    fh_form_problem(rq);
}

static void
test_an_input_left_empty_is_no_file(void **state)
{
	serve(*state, FILED("f", "", "") END, serve_nothing);
	assert_string_equal(told, "");
}

static void
test_another_type_is_no_form(void **state)
{
	struct fixture *f = *state;

	fixture_no_params(f);
	fixture_param(f, "REQUEST_METHOD", "POST");
	serve(f, FIELD("a", "1") END, serve_nothing);
	assert_string_equal(told, "");
	fixture_param(f, "CONTENT_TYPE", "multipart/mixed; boundary=b");
	serve(f, FIELD("a", "1") END, serve_nothing);
	assert_string_equal(told, "");
}

struct fault {
	const char	*body;
	int		 status;
	const char	*told;
};

static void
test_faults(void **state)
{
	static const struct fault faults[] = {
		{ FIELD("a", "1"), 400, "The form is malformed: it ends in" },
		{ "", 400, "The form is malformed: its boundary" },
		{ FIELD("a", "1") FIELD("\xff", "") END, 400, "not UTF-8" },
		{ FIELD("a", "1") "--b\r\n\r\n\r\n" END, 400,
		    "no Content-Disposition" },
		{ FIELD("a", "1") FIELD("b", "") FIELD("c", "") FIELD("d", "")
		    END, 413, "more than 3 fields (form_fields)" },
		{ FILED("f", "x", "") FILED("g", "x", "") FILED("h", "", "")
		    END, 413, "more than 2 files (form_files)" },
		/* Inputs that were left empty are parts to go through. */
		{ FILED("f", "", "") FILED("g", "", "") FILED("h", "", "")
		    END, 413, "more than 2 files (form_files)" }
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		serve(f, faults[i].body, serve_nothing);
		if (strstr(told, faults[i].told) == NULL)
			fail_msg("fault %zu: %s", i, told);
		assert_int_equal(f->result.status, faults[i].status);
		assert_non_null(strstr(f->body, told));
	}
}

static int
serve_count(struct fh_request *rq)
{
	size_t count;

	fh_form_fields(rq, &count);
	if (fh_form_error(rq) != NULL)
		return count == 0 ? fh_form_problem(rq) : -1;
	return fh_printf(rq, "%zu", count);
}

/* Breaks when: an urlencoded form has another bound than one of multipart, or
 * what is over it is left out and nobody told. */
static void
test_urlencoded_is_bounded(void **state)
{
	struct fixture *f = *state;

	fixture_no_params(f);
	fixture_param(f, "REQUEST_METHOD", "POST");
	fixture_param(f, "CONTENT_TYPE", "application/x-www-form-urlencoded");
	serve(f, "a&&b=1&a=2&", serve_count);
	assert_int_equal(f->result.status, 200);
	wants_body(f, "3");
	serve(f, "a&b=1&a=2&c", serve_count);
	assert_int_equal(f->result.status, 413);
	assert_non_null(strstr(f->body,
	    "The form has more than 3 fields (form_fields)."));
}

static void
test_memory_is_bounded(void **state)
{
	static char form[4096];
	struct fixture *f = *state;

	/* "a" and 1021 bytes, each with a NUL: 1024 */
	for (int room = 0; room < 2; room++) {
		snprintf(form, sizeof(form), FIELD("a", "%0*d") END,
		    1021 + room, 1);
		serve(f, form, room == 0 ? fixture_hello : serve_nothing);
	}
	assert_int_equal(f->result.status, 413);
	assert_non_null(strstr(told, "form_memory (1024 bytes)"));
	snprintf(form, sizeof(form), FILED("a", "%0*d", "x") END, 900, 1);
	serve(f, form, serve_nothing);
	assert_int_equal(f->result.status, 413);
}

static int
serve_length(struct fh_request *rq)
{
	snprintf(told, sizeof(told), "%zu", fh_form(rq, "a") == NULL ? 0 :
	    strlen(fh_form(rq, "a")));
	return fh_reply_text(rq, 200, "ok");
}

static void
test_memory_holds_what_it_may(void **state)
{
	static char form[4096];

	snprintf(form, sizeof(form), FIELD("a", "%0*d") END, 1021, 1);
	serve(*state, form, serve_length);
	assert_string_equal(told, "1021");
}

/* A problem for a form that has none is the handler's mistake. */
static void
test_no_problem(void **state)
{
	serve(*state, FIELD("a", "1") END, fh_form_problem);
	wants_500(*state, "without a fault");
}

/* ------------------------------------------------- kept */

static int
serve_save(struct fh_request *rq)
{
	mode_t before = umask(027);

	assert_int_equal(fh_file_save(rq, fh_file(rq, "f"), path), 0);
	umask(before);
	FAILS(fh_file_save(rq, fh_file(rq, "f"), path), EEXIST);
	FAILS(fh_file_save(rq, fh_file(rq, "f"), "/nowhere/x"), ENOENT);
	FAILS(fh_file_save(rq, fh_file(rq, "f"), ""), ENOENT);
	return fh_reply_text(rq, 200, "ok");
}

static int
serve_body_save(struct fh_request *rq)
{
	assert_int_equal(fh_body_save(rq, path), 0);
	return fh_reply_text(rq, 200, "ok");
}

static void
wants_saved(const char *bytes)
{
	char buffer[1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, strlen(bytes));
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(read(fd, buffer, sizeof(buffer)), strlen(bytes));
	assert_memory_equal(buffer, bytes, strlen(bytes));
	close(fd);
	assert_int_equal(unlink(path), 0);
}

static void
test_save(void **state)
{
	static const char form[] = FIELD("a", "1") FILED("f", "x",
	    "some bytes") END;
	struct fixture *f = *state;
	struct stat st;

	serve(f, form, serve_save);
	assert_int_equal(f->result.status, 200);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	wants_saved("some bytes");
	serve_spooled(f, form, serve_save);
	wants_saved("some bytes");
	serve(f, form, serve_body_save);
	wants_saved(form);
	serve_spooled(f, form, serve_body_save);
	wants_saved(form);
}

static int
serve_save_late(struct fh_request *rq)
{
	FAILS(fh_file_save(rq, fh_file(rq, "f"), path), ECANCELED);
	FAILS(fh_file_fd(rq, fh_file(rq, "f")), ECANCELED);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_nothing_is_saved_for_nobody(void **state)
{
	static const char form[] = FILED("f", "x", "some bytes") END;
	struct fixture *f = *state;

	f->cancelled = 1;
	serve(f, form, serve_save_late);
	assert_int_equal(f->result.status, 200);
	assert_int_equal(access(path, F_OK), -1);
	serve_spooled(f, form, serve_save_late);
	assert_int_equal(access(path, F_OK), -1);
}

/* Breaks when: a file cannot be kept where the file system knows no unnamed
 * ones, or half of it stays there. */
static void
test_without_unnamed_files(void **state)
{
	static const char form[] = FILED("f", "x", "some bytes") END;
	struct fixture *f = *state;

	no_unnamed = true;
	serve(f, form, serve_save);
	wants_saved("some bytes");
	f->cancelled = 1;
	serve(f, form, serve_save_late);
	assert_int_equal(access(path, F_OK), -1);
	no_unnamed = false;
}

static int	 kept_fd;

static int
serve_fd(struct fh_request *rq)
{
	static const struct fh_file other = { .data = "" };
	char bytes[16];

	kept_fd = fh_file_fd(rq, fh_file(rq, "g"));
	assert_true(kept_fd >= 0);
	assert_int_equal(read(kept_fd, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "some", 4);
	assert_int_equal(fh_file_fd(rq, fh_file(rq, "g")), kept_fd);
	FAILS(fh_file_fd(rq, &other), EINVAL);
	return fh_reply_text(rq, 200, "ok");
}

static void
test_a_private_file(void **state)
{
	static const char form[] = FILED("f", "x", "1") FILED("g", "y", "some")
	    END;

	serve(*state, form, serve_fd);
	assert_int_equal(fcntl(kept_fd, F_GETFD), -1);
	serve_spooled(*state, form, serve_fd);
	assert_int_equal(fcntl(kept_fd, F_GETFD), -1);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fields_and_files),
		TEST(test_an_input_left_empty_is_no_file),
		TEST(test_another_type_is_no_form),
		TEST(test_faults),
		TEST(test_urlencoded_is_bounded),
		TEST(test_memory_is_bounded),
		TEST(test_memory_holds_what_it_may),
		TEST(test_no_problem),
		TEST(test_save),
		TEST(test_nothing_is_saved_for_nobody),
		TEST(test_without_unnamed_files),
		TEST(test_a_private_file)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
