/*
 * sup_stage_hang_test.c - a handler directory on a file system that has ceased
 * to answer: whoever waits for it cannot even be killed.
 *
 * Runs in: make check, as root where FUSE can be mounted; else it is skipped.
 * Owns: a mount in the scratch directory, which is gone with its descriptor.
 * Invariant: the test hangs nowhere: an alarm ends it.
 */
#include "supervisor/sup_stage.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

#define LONGEST	30	/* s */

struct mount {
	char		path[64];
	int		fuse;
	pthread_t	server;
};

static uv_loop_t	 loop;
static unsigned		 done_count;
static char		 done_error[512];

/* Says that it is there, and then nothing more. */
static void *
serve(void *context)
{
	const struct mount *mounted = context;
	static _Alignas(8) char request[FUSE_MIN_READ_BUFFER];
	struct fuse_in_header in;
	struct {
		struct fuse_out_header	header;
		struct fuse_init_out	init;
	} reply;

	while (read(mounted->fuse, request, sizeof(request)) > 0) {
		memcpy(&in, request, sizeof(in));
		if (in.opcode != FUSE_INIT)
			break;
		memset(&reply, 0, sizeof(reply));
		reply.header.len = sizeof(reply);
		reply.header.unique = in.unique;
		reply.init.major = FUSE_KERNEL_VERSION;
		reply.init.minor = FUSE_KERNEL_MINOR_VERSION;
		reply.init.max_write = 4096;
		if (write(mounted->fuse, &reply, sizeof(reply)) < 0)
			break;
	}
	return NULL;
}

static int
begin(void **state)
{
	static struct mount mounted;
	char options[80];

	strcpy(mounted.path, "/tmp/sup_stage_hang_test_XXXXXX");
	assert_non_null(mkdtemp(mounted.path));
	mounted.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
	    mounted.fuse);
	*state = NULL;
	if (mounted.fuse >= 0 && mount("test", mounted.path, "fuse",
	    MS_NODEV | MS_NOSUID, options) == 0)
		*state = &mounted;
	else
		return rmdir(mounted.path);
	assert_int_equal(pthread_create(&mounted.server, NULL, serve,
	    &mounted), 0);
	return 0;
}

static int
end(void **state)
{
	struct mount *mounted = *state;

	if (mounted == NULL)
		return 0;
	pthread_join(mounted->server, NULL);
	return umount2(mounted->path, MNT_DETACH) + rmdir(mounted->path);
}

static void
on_found(void *context, const struct sup_stage_file *file)
{
	(void)context;
	fail_msg("%s was found", file->version.name);
}

static void
on_done(void *context, const char *error)
{
	(void)context;
	done_count++;
	snprintf(done_error, sizeof(done_error), "%s", error);
}

static struct sup_stage *
start(struct config *config)
{
	struct sup_stage_work work = { .config = config, .to_dir = -1 };
	struct sup_stage *stage;
	struct err err;

	assert_int_equal(uv_loop_init(&loop), 0);
	stage = sup_stage_start(&loop, &work, on_found, on_done, NULL, &err);
	assert_non_null(stage);
	return stage;
}

/* The supervisor's work goes on, with or without the child's death. */
static void
test_a_file_system_that_does_not_answer(void **state)
{
	struct mount *mounted = *state;
	struct config config = { .load_timeout_ms = 200 };
	pid_t pid;

	if (mounted == NULL)
		skip();
	alarm(LONGEST);
	config.handlers = mounted->path;
	pid = sup_stage_pid(start(&config));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(done_count, 1);
	assert_non_null(strstr(done_error, "within load_timeout (200 ms)"));
	assert_int_equal(uv_loop_close(&loop), 0);

	/* only its end frees the child */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	close(mounted->fuse);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_file_system_that_does_not_answer, begin, end),
	};

	log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
