/*
 * sup_loader_lies_test.c - a loader that sends what it likes.  Links the
 * supervisor's side alone; the child's side is here.
 *
 * Runs in: the test program.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no process, descriptor or handle is left.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>

#include "model_scratch.h"

#include "supervisor/sup_loader.h"
#include "supervisor/sup_loader_child.h"

#define FDS_MOST	20

static uv_loop_t		 loop;
static struct config		 config;
static struct config_model	 model;

/* ------------------------------------------------------ the child's side */

/* A true result, for each test to spoil. */
struct child {
	int			 socket;
	struct loader_result	 result;
	int			 fd;
};

static void	(*behaviour)(struct child *);

void
sup_loader_child(const struct config *unused, const struct config_model *wanted,
    const struct sup_loader_source *unused_too, uint64_t address, int socket,
    pid_t parent)
{
	struct child child = { .socket = socket };
	sigset_t none;

	(void)unused;
	(void)unused_too;
	(void)parent;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (model_load(wanted, NULL, address, &child.result.image, &child.fd,
	    &child.result.error) != 0)
		_exit(1);
	child.result.loaded = 1;
	behaviour(&child);
	_exit(0);
}

static void
send_packet(int socket, void *bytes, size_t length, int fd, size_t count)
{
	struct iovec piece = { bytes, length };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1 };
	union {
		char		bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
		struct cmsghdr	align;
	} space = { .bytes = "" };
	struct cmsghdr *control;
	int fds[FDS_MOST];

	for (size_t i = 0; i < count; i++)
		fds[i] = fd;
	if (count > 0) {
		packet.msg_control = space.bytes;
		packet.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control = CMSG_FIRSTHDR(&packet);
		control->cmsg_level = SOL_SOCKET;
		control->cmsg_type = SCM_RIGHTS;
		control->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(control), fds, count * sizeof(int));
	}
	if (sendmsg(socket, &packet, MSG_NOSIGNAL) < 0)
		_exit(1);
}

static void
send_result(struct child *child, size_t count)
{
	send_packet(child->socket, &child->result, sizeof(child->result),
	    child->fd, count);
}

static const struct sup_loader_source nowhere = { "", NULL };

/* --------------------------------------------------------------- behaviours */

static void
honest(struct child *child)
{
	send_result(child, 1);
}

static void
honest_and_lingering(struct child *child)
{
	send_result(child, 1);
	for (;;)
		pause();
}

static void
twice(struct child *child)
{
	send_result(child, 1);
	send_result(child, 1);
}

static void
short_packet(struct child *child)
{
	send_packet(child->socket, child, 5, child->fd, 1);
}

static void
long_packet(struct child *child)
{
	char bytes[sizeof(child->result) + 1] = "";

	send_packet(child->socket, bytes, sizeof(bytes), child->fd, 1);
}

static void
no_descriptor(struct child *child)
{
	send_result(child, 0);
}

static void
two_descriptors(struct child *child)
{
	send_result(child, 2);
}

static void
many_descriptors(struct child *child)
{
	send_result(child, FDS_MOST);
}

static void
wrong_name(struct child *child)
{
	memset(child->result.image.name, 'm',
	    sizeof(child->result.image.name));
	send_result(child, 1);
}

static void
wrong_kind(struct child *child)
{
	child->result.image.kind = CONFIG_MODEL_BUILD;
	send_result(child, 1);
}

static void
wrong_address(struct child *child)
{
	child->result.image.address += MODEL_ADDRESS_STEP;
	send_result(child, 1);
}

static void
wrong_length(struct child *child)
{
	child->result.image.mapped += 4096;
	send_result(child, 1);
}

static void
not_sealed(struct child *child)
{
	child->fd = memfd_create("model:lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(child->fd, (off_t)child->result.image.mapped) != 0)
		_exit(1);
	send_result(child, 1);
}

static void
failed_with_a_descriptor_and_no_end(struct child *child)
{
	child->result.loaded = 0;
	memset(&child->result.error, 'x', sizeof(child->result.error));
	send_result(child, 1);
}

static void
deaf(struct child *child)
{
	close(child->socket);
	for (;;)
		pause();
}

static void
stopped(struct child *child)
{
	(void)child;
	raise(SIGSTOP);
}

/* ----------------------------------------------------------- the other side */

static unsigned	 calls;
static bool	 good;
static char	 error[sizeof(struct err)];

static void
loaded(void *context, const struct model_image *image, int fd, const char *why)
{
	struct err err;

	(void)context;
	calls++;
	good = image != NULL;
	error[0] = '\0';
	if (good) {
		assert_int_equal(model_verify(image, fd, &err), 0);
		close(fd);
	} else {
		assert_int_equal(fd, -1);
		snprintf(error, sizeof(error), "%s", why);
	}
}

static void
run(void (*what)(struct child *))
{
	size_t before = open_descriptors();
	struct err err;

	behaviour = what;
	calls = 0;
	if (sup_loader_start(&loop, &config, &model, &nowhere, ADDRESS, loaded,
	    NULL, &err) == NULL)
		fail_msg("%s", err.text);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(calls, 1);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
assert_refused(void (*what)(struct child *), const char *part)
{
	run(what);
	assert_false(good);
	if (strstr(error, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error, part);
}

static int
loop_begin(void **state)
{
	(void)state;
	write_pattern(scratch_file, 10000);
	model = (struct config_model){ .name = (char *)"m",
	    .path = scratch_file, .kind = CONFIG_MODEL_FILE,
	    .load_timeout_ms = 60000 };
	return uv_loop_init(&loop);
}

static int
loop_end(void **state)
{
	(void)state;
	return uv_loop_close(&loop);
}

#define loader_test(f) \
	cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

/* ------------------------------------------------------------------- tests */

static void
true_result_is_taken(void **state)
{
	(void)state;
	run(honest);
	assert_true(good);
	run(honest_and_lingering);
	assert_true(good);
	run(twice);
	assert_true(good);
}

static void
odd_packets_are_refused(void **state)
{
	(void)state;
	assert_refused(short_packet, "sent something odd");
	assert_refused(long_packet, "sent something odd");
	assert_refused(many_descriptors, "sent something odd");
	assert_refused(no_descriptor, "0 descriptors, not 1");
	assert_refused(two_descriptors, "2 descriptors, not 1");
	model.kind = CONFIG_MODEL_PRELOAD;
	assert_refused(not_sealed, "1 descriptors, not 0");
}

static void
another_model_is_refused(void **state)
{
	(void)state;
	assert_refused(wrong_name, "not the model asked for");
	assert_refused(wrong_kind, "not the model asked for");
	assert_refused(wrong_address, "not the model asked for");
	assert_refused(wrong_length, "were announced");
	assert_refused(not_sealed, "seals missing");
}

static void
reason_without_an_end_gets_one(void **state)
{
	(void)state;
	assert_refused(failed_with_a_descriptor_and_no_end, "xxx");
	assert_int_equal(strlen(error), sizeof(error) - 1);
}

static void
silence_ends_with_the_timeout(void **state)
{
	(void)state;
	model.load_timeout_ms = 50;
	assert_refused(deaf, "took longer than load_timeout (50 ms)");
	assert_refused(stopped, "took longer than load_timeout (50 ms)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		loader_test(true_result_is_taken),
		loader_test(odd_packets_are_refused),
		loader_test(another_model_is_refused),
		loader_test(reason_without_an_end_gets_one),
		loader_test(silence_ends_with_the_timeout),
	};

	return cmocka_run_group_tests_name("sup_loader_lies", tests,
	    scratch_create, scratch_destroy);
}
