/*
 * api_content_file_test.c - files that the host reads: reply.h, sentence by
 * sentence.
 *
 * Runs in: make check.
 * Owns: a scratch folder.
 * Invariant: what lies outside of the folder is never read.
 */
#include "api_fixture.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THEN	"Sun, 06 Nov 1994 08:49:37 GMT"
#define THEN_S	INT64_C(784111777)

static char	folder[64];
static char	path[128];
static const char *file_name;
static int	file_fd;

static void
make_file(const char *name, const char *text, size_t length, bool old)
{
	const struct timespec times[2] = { { THEN_S, 5 }, { THEN_S, 5 } };
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), (ssize_t)length);
	if (old)
		assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static int
setup_folder(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	strcpy(folder, "/tmp/api_answer.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static int
teardown_folder(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	return fixture_teardown(state);
}

static int
serve_path(struct fh_request *rq)
{
	return fh_reply_path(rq, NULL, path);
}

static int
serve_typed_before(struct fh_request *rq)
{
	fh_set_header(rq, "Content-Type", "text/x-set");
	return fh_reply_path(rq, NULL, path);
}

static int
serve_under(struct fh_request *rq)
{
	fh_download(rq, "x");
	return fh_reply_under(rq, NULL, folder, file_name);
}

static int
serve_fd(struct fh_request *rq)
{
	int rc;

	file_fd = open(path, O_RDONLY);
	rc = fh_reply_fd(rq, "text/x-own", file_fd);
	assert_int_equal(lseek(file_fd, 0, SEEK_CUR), 0);
	assert_int_equal(close(file_fd), 0);
	return rc;
}

static void
test_file(void **state)
{
	struct fixture *f = *state;

	make_file("a.JSON", "{\"a\":1}", 7, true);
	fixture_serve(f, serve_path);
	wants_head(f, "Status: 200 OK\r\nContent-Type: application/json\r\n"
	    "Content-Length: 7\r\nETag: \"ae1b981bc490a05-7\"\r\n"
	    "Last-Modified: " THEN "\r\nAccept-Ranges: bytes\r\n\r\n");
	wants_body(f, "{\"a\":1}");
	fixture_serve(f, serve_fd);
	wants_header(f, "Content-Type: text/x-own");
	fixture_serve(f, serve_typed_before);
	wants_header(f, "Content-Type: text/x-set");
	fixture_param(f, "HTTP_RANGE", "bytes=1-3");
	fixture_serve(f, serve_path);
	wants_body(f, "\"a\"");
	fixture_param(f, "HTTP_IF_NONE_MATCH", "\"ae1b981bc490a05-7\"");
	fixture_serve(f, serve_path);
	assert_int_equal(f->result.status, 304);
	/* It may be changed again within the same tick of its clock. */
	make_file("b", "new", 3, false);
	fixture_serve(f, serve_path);
	assert_non_null(strstr(f->head, "\r\nETag: W/\""));
	wants_header(f, "Content-Type: application/octet-stream");
}

static void
test_large_file(void **state)
{
	struct fixture *f = *state;
	size_t length = 300000;
	char *text = malloc(length);

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = (char)('a' + i % 23);
	make_file("large", text, length, true);
	fixture_serve(f, serve_path);
	assert_int_equal(f->body_length, length);
	assert_memory_equal(f->body, text, length);
	fixture_param(f, "HTTP_RANGE", "bytes=70000-269999,0-9,299990-");
	fixture_serve(f, serve_path);
	assert_int_equal(f->result.status, 206);
	assert_non_null(memmem(f->body, f->body_length, text + 70000, 200000));
	assert_int_equal(f->outcome, API_DONE);
	free(text);
}

static void
test_empty_file(void **state)
{
	struct fixture *f = *state;

	make_file("empty.txt", "", 0, true);
	fixture_serve(f, serve_path);
	assert_int_equal(f->result.status, 200);
	wants_header(f, "Content-Length: 0");
	fixture_param(f, "HTTP_RANGE", "bytes=0-");
	fixture_serve(f, serve_path);
	assert_int_equal(f->result.status, 416);
}

static int
serve_shrinking(struct fh_request *rq)
{
	int fd = open(path, O_RDONLY), rc;

	/* Its size is known; then it is cut. */
	assert_int_equal(fh_set_etag(rq, "x", false), 0);
	rc = fh_reply_fd(rq, NULL, fd);
	close(fd);
	return rc;
}

static int
cut_at_first_send(struct api_sink *sink, const char *head, size_t head_length,
    const void *body, size_t length)
{
	(void)sink, (void)head, (void)head_length, (void)body, (void)length;
	assert_int_equal(truncate(path, 0), 0);
	return 0;
}

static void
test_a_file_that_becomes_shorter(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, 300000);

	assert_non_null(text);
	make_file("shrinks", text, 300000, true);
	free(text);
	f->sink.send = cut_at_first_send;
	fixture_serve(f, serve_shrinking);
	assert_int_equal(f->outcome, API_BROKEN);
	assert_non_null(strstr(fixture_log(f), "the file has become shorter"));
}

static void
test_names_from_a_client(void **state)
{
	static const char *const bad[] = { "", ".", "..", "../inside/a",
	    "/etc/passwd", "a/b", "none", "out", "loop", "fifo", "sub",
	    "sub/../../inside/../../etc/passwd" };
	struct fixture *f = *state;
	char link[128];

	make_file("a", "inside", 6, true);
	snprintf(link, sizeof(link), "%s/out", folder);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	snprintf(link, sizeof(link), "%s/loop", folder);
	assert_int_equal(symlink("loop", link), 0);
	snprintf(link, sizeof(link), "%s/in", folder);
	assert_int_equal(symlink("a", link), 0);
	snprintf(link, sizeof(link), "%s/sub", folder);
	assert_int_equal(mkdir(link, 0700), 0);
	snprintf(link, sizeof(link), "%s/fifo", folder);
	assert_int_equal(mkfifo(link, 0600), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		file_name = bad[i];
		fixture_serve(f, serve_under);
		if (f->result.status != 404)
			fail_msg("\"%s\": %d", bad[i], f->result.status);
		wants_no_header(f, "Content-Disposition");
	}
	for (size_t i = 0; i < 3; i++) {
		file_name = ((const char *[]){ "a", "in", "sub/../a" })[i];
		fixture_serve(f, serve_under);
		wants_body(f, "inside");
	}
	strcpy(folder + strlen(folder), "x");
	fixture_serve(f, serve_under);
	wants_500(f, "cannot be opened: No such file");
	folder[strlen(folder) - 1] = '\0';
}

/* Breaks when: a file that is there and may not be read, by its mode or the
 * sandbox, passes for one that is not there. */
static void
test_a_file_that_may_not_be_read(void **state)
{
	struct fixture *f = *state;
	uid_t user = geteuid();

	make_file("shut", "secret", 6, true);
	assert_int_equal(chmod(path, 0), 0);
	if (user == 0)		/* who may read everything */
		assert_int_equal(seteuid(65534), 0);
	fixture_serve(f, serve_path);
	assert_int_equal(seteuid(user), 0);
	wants_500(f, "the file cannot be opened: Permission denied");
}

/* ------------------------------------------------- others rename */

static atomic_bool	over;

static void *
rename_on_and_on(void *argument)
{
	char one[128], two[128];

	(void)argument;
	snprintf(one, sizeof(one), "%s/one", folder);
	snprintf(two, sizeof(two), "%s/two", folder);
	assert_int_equal(mkdir(one, 0700), 0);
	while (!over) {
		assert_int_equal(rename(one, two), 0);
		assert_int_equal(rename(two, one), 0);
	}
	return NULL;
}

/* Breaks when: the kernel's "try again", which it says of a path with ".."
 * while anything is renamed, is taken for an answer. */
static void
test_a_rename_elsewhere(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	make_file("a", "inside", 6, true);
	snprintf(path, sizeof(path), "%s/sub", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	file_name = "sub/../sub/../sub/../a";
	over = false;
	assert_int_equal(pthread_create(&thread, NULL, rename_on_and_on,
	    NULL), 0);
	for (int i = 0; i < 5000; i++) {
		fixture_serve(f, serve_under);
		if (f->result.status != 200)
			break;
	}
	over = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(f->result.status, 200);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup_folder, \
	    teardown_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file),
		TEST(test_large_file),
		TEST(test_empty_file),
		TEST(test_a_file_that_becomes_shorter),
		TEST(test_names_from_a_client),
		TEST(test_a_file_that_may_not_be_read),
		TEST(test_a_rename_elsewhere)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
