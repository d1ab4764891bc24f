/*
 * sup_loader_test.c - loaders that load, and loaders that do anything else:
 * real forks, a real handler (tests/fixtures/loader_build.so).
 *
 * Runs in: the test program; FH_BUILD names the build folder, else it is the
 * working directory.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no process, descriptor or handle is left.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>

#include "model_scratch.h"

#include "common/log.h"
#include "supervisor/sup_loader.h"

static uv_loop_t		 loop;
static char			 handlers[sizeof(scratch) + 16];
static struct config_pool	 pool = { .name = (char *)"default",
	.workers = 1, .threads = 1 };
static const struct sup_loader_source source = { .copies = handlers,
	.maker = "loader_build.so" };
static struct config		 config = { .handlers = handlers,
	.pools = &pool, .pool_count = 1 };

/* What the callback was told. */
static unsigned			 calls;
static struct model_image	 image;
static int			 model_fd;
static char			 error[512];

static void
loaded(void *context, const struct model_image *image_or_null, int fd,
    const char *why)
{
	assert_ptr_equal(context, &loop);
	calls++;
	model_fd = fd;
	error[0] = '\0';
	if (image_or_null != NULL)
		image = *image_or_null;
	else
		snprintf(error, sizeof(error), "%s", why);
}

/* ----------------------------------------------------------- before, after */

static void
copy_file(const char *from, const char *to)
{
	char buffer[65536];
	ssize_t got;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (in < 0)
		fail_msg("%s is missing: %s", from, strerror(errno));
	assert_true(out >= 0);
	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)got), got);
	close(in);
	close(out);
}

static const char *
handler_file(void)
{
	static char path[sizeof(handlers) + 32];

	snprintf(path, sizeof(path), "%s/loader_build.so", handlers);
	return path;
}

/* A folder with only the one handler in it, that any user can read. */
static int
handlers_create(void **state)
{
	const char *build = getenv("FH_BUILD");
	char from[1024];

	if (scratch_create(state) != 0)
		return -1;
	snprintf(handlers, sizeof(handlers), "%s/handlers", scratch);
	assert_int_equal(chmod(scratch, 0777), 0);
	assert_int_equal(mkdir(handlers, 0755), 0);
	snprintf(from, sizeof(from), "%s/tests/fixtures/loader_build.so",
	    build != NULL ? build : ".");
	copy_file(from, handler_file());
	/* what libuv opens once and never closes */
	return uv_loop_init(&loop) + uv_loop_close(&loop);
}

static int
handlers_destroy(void **state)
{
	unlink(handler_file());
	rmdir(handlers);
	return scratch_destroy(state);
}

static int
loop_begin(void **state)
{
	count_before(state);
	calls = 0;
	model_fd = -1;
	memset(&image, 0, sizeof(image));
	error[0] = '\0';
	config.user = NULL;
	write_pattern(scratch_file, 10000);
	chmod(scratch_file, 0666);
	return uv_loop_init(&loop);
}

static int
loop_end(void **state)
{
	if (model_fd >= 0)
		close(model_fd);
	if (uv_loop_close(&loop) != 0) {
		print_error("handles left open\n");
		return -1;
	}
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		print_error("a loader was not reaped\n");
		return -1;
	}
	return count_after(state);
}

#define loader_test(f) \
	cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

/* ----------------------------------------------------------------- helpers */

static struct config_model
model_config(const char *name, enum config_kind kind)
{
	return (struct config_model){ .name = (char *)(uintptr_t)name,
	    .path = scratch_file, .kind = kind, .load_timeout_ms = 60000 };
}

static void
run(const struct config_model *model)
{
	struct err err;

	if (sup_loader_start(&loop, &config, model, &source, ADDRESS, loaded,
	    &loop, &err) == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(calls, 0);	/* not before the loop runs */
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(calls, 1);
}

static void
assert_loads(const struct config_model *model)
{
	struct err err;

	run(model);
	if (error[0] != '\0')
		fail_msg("%s", error);
	assert_int_equal(model_verify(&image, model_fd, &err), 0);
}

static void
assert_fails(const struct config_model *model, const char *part)
{
	char start[128];

	run(model);
	assert_int_equal(model_fd, -1);
	snprintf(start, sizeof(start), "model \"%s\": ", model->name);
	assert_memory_equal(error, start, strlen(start));
	if (strstr(error, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error, part);
}

static void
assert_build_fails(const char *name, const char *part)
{
	struct config_model model = model_config(name, CONFIG_MODEL_BUILD);

	assert_fails(&model, part);
}

/* ------------------------------------------------------------------- tests */

static void
file_is_loaded(void **state)
{
	struct config_model model = model_config("m", CONFIG_MODEL_FILE);
	struct fh_model mapped;
	struct err err;

	(void)state;
	assert_loads(&model);
	assert_int_equal(model_map(&image, model_fd, &mapped, &err), 0);
	assert_int_equal(mapped.length, 10000);
	assert_pattern(mapped.data, 10000);
	munmap((void *)(uintptr_t)ADDRESS, image.mapped);
}

static void
preload_is_identified(void **state)
{
	struct config_model model = model_config("m", CONFIG_MODEL_PRELOAD);

	(void)state;
	assert_loads(&model);
	assert_int_equal(model_fd, -1);
	assert_int_equal(image.source_length, 10000);
}

static void
build_is_run_from_a_handler(void **state)
{
	struct config_model model = model_config("good", CONFIG_MODEL_BUILD);
	struct fh_model mapped;
	struct err err;

	(void)state;
	assert_loads(&model);
	assert_int_equal(model_map(&image, model_fd, &mapped, &err), 0);
	assert_pattern(mapped.root, 10000);
	munmap((void *)(uintptr_t)ADDRESS, image.mapped);
}

static void
report(char text_out[1024])
{
	struct config_model model = model_config("report", CONFIG_MODEL_BUILD);
	struct fh_model mapped;
	struct err err;

	assert_loads(&model);
	assert_int_equal(model_map(&image, model_fd, &mapped, &err), 0);
	snprintf(text_out, 1024, "%s", (const char *)mapped.root);
	munmap((void *)(uintptr_t)ADDRESS, image.mapped);
}

/* Open in the loader: stdio, its socket and, while it builds, the source and
 * the arena.  Not open: what the supervisor has, without close-on-exec even. */
static void
loader_keeps_only_what_it_needs(void **state)
{
	char text[1024], *list;
	int more[40], count = 0;

	(void)state;
	for (int i = 0; i < 40; i++)
		more[i] = dup(STDERR_FILENO);
	report(text);
	for (int i = 0; i < 40; i++)
		close(more[i]);
	assert_non_null(strstr(text, "comm=fh-loader oom=1000 "));
	assert_non_null(strstr(text, "limited=1"));
	list = strstr(text, "fds=");
	assert_non_null(list);
	for (char *at = list; *at != '\0'; at++)
		count += *at == ',';
	assert_int_equal(count, 3 + 1 + 2);
}

static void
loader_is_not_root(void **state)
{
	char text[1024];

	(void)state;
	if (geteuid() != 0)
		skip();
	config.user = (char *)"nobody";
	report(text);
	assert_null(strstr(text, "uid=0"));
	assert_non_null(strstr(text, "comm=fh-loader"));
	assert_int_equal(chmod(scratch_file, 0600), 0);
	close(model_fd);
	model_fd = -1;
	calls = 0;
	assert_build_fails("good", "Permission denied");
}

static void
unknown_user_is_a_reason(void **state)
{
	struct config_model model = model_config("m", CONFIG_MODEL_FILE);

	(void)state;
	if (geteuid() != 0)
		skip();
	config.user = (char *)"no-such-user";
	assert_fails(&model, "no-such-user");
}

static void
reasons_come_through(void **state)
{
	struct config_model model = model_config("m", CONFIG_MODEL_FILE);

	(void)state;
	model.sha256 = (char *)"0000000000000000000000000000000000000000"
	    "000000000000000000000000";
	assert_fails(&model, "but sha256 says 0000");
	calls = 0;
	model.path = scratch;
	assert_fails(&model, "is a directory");
	calls = 0;
	assert_build_fails("fail", "build() returned -1");
	calls = 0;
	assert_build_fails("unbuilt", "has a build() for it");
	calls = 0;
	assert_build_fails("of nobody", "has a build() for it");
}

static void
crash_is_a_reason(void **state)
{
	(void)state;
	assert_build_fails("crash", "loader killed by signal 11 (");
}

static void
kill_is_a_reason(void **state)
{
	(void)state;
	assert_build_fails("killed",
	    "loader killed by signal 9 (out of memory?)");
}

static void
exit_is_a_reason(void **state)
{
	(void)state;
	assert_build_fails("exit",
	    "loader exited with status 0 and no result");
}

static void
hang_is_a_reason(void **state)
{
	struct config_model model = model_config("hang", CONFIG_MODEL_BUILD);

	(void)state;
	model.load_timeout_ms = 100;
	assert_fails(&model, "took longer than load_timeout (100 ms)");
}

static void
private_memory_is_limited(void **state)
{
	(void)state;
	assert_build_fails("greedy", "build() returned -1");
}

/* Breaks when: a build() sees what the configuration does not name. */
static void
environment_is_private(void **state)
{
	(void)state;
	setenv("LOADER_SECRET", "x", 1);
	config.sandbox = true;
	assert_build_fails("variable", "exited with status 8");
	config.sandbox = false;
}

/* Breaks when: a variable is gone though there is no sandbox. */
static void
environment_is_whole(void **state)
{
	(void)state;
	setenv("LOADER_SECRET", "x", 1);
	assert_build_fails("variable", "exited with status 9");
}

/* The socket stays open in a grandchild, so end-of-file never comes. */
static void
death_is_seen_without_end_of_file(void **state)
{
	FILE *file;
	int pid = 0;

	(void)state;
	assert_build_fails("fork",
	    "loader exited with status 7 and no result");
	file = fopen(scratch_file, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, 0), 0);
	kill(pid, SIGKILL);
}

/* The change of user clears the signal that comes with the parent's death. */
static void
loader_dies_with_its_parent(void **state)
{
	struct config_model model = model_config("hang", CONFIG_MODEL_BUILD);
	char alive[sizeof(scratch_file) + 8], byte;
	int fd;
	pid_t pid;

	(void)state;
	if (geteuid() == 0)
		config.user = (char *)"nobody";
	snprintf(alive, sizeof(alive), "%s.alive", scratch_file);
	assert_int_equal(mkfifo(alive, 0666), 0);
	assert_int_equal(chmod(alive, 0666), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (sup_loader_start(&loop, &config, &model, &source, ADDRESS,
		    loaded, &loop, NULL) == NULL)
			_exit(1);
		uv_run(&loop, UV_RUN_DEFAULT);
		_exit(2);
	}
	alarm(30);
	fd = open(alive, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(read(fd, &byte, 1), 0);
	alarm(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fd);
	unlink(alive);
}

static void
missing_handler_folder_is_a_reason(void **state)
{
	char kept[sizeof(handlers)];

	(void)state;
	memcpy(kept, handlers, sizeof(kept));
	handlers[strlen(handlers) - 1] = 'X';
	assert_build_fails("good", "No such file");
	memcpy(handlers, kept, sizeof(kept));
}

static void
cancelled_loader_says_nothing(void **state)
{
	struct config_model model = model_config("hang", CONFIG_MODEL_BUILD);
	struct sup_loader *loader;
	struct err err;

	(void)state;
	loader = sup_loader_start(&loop, &config, &model, &source, ADDRESS,
	    loaded, &loop, &err);
	assert_non_null(loader);
	uv_run(&loop, UV_RUN_NOWAIT);
	sup_loader_cancel(loader);
	sup_loader_cancel(NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(calls, 0);
}

static void
several_load_at_a_time(void **state)
{
	struct config_model models[3] = {
		model_config("a", CONFIG_MODEL_PRELOAD),
		model_config("b", CONFIG_MODEL_PRELOAD),
		model_config("crash", CONFIG_MODEL_BUILD)
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_non_null(sup_loader_start(&loop, &config, &models[i],
		    &source, ADDRESS + i * MODEL_ADDRESS_STEP, loaded, &loop,
		    &err));
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(calls, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		loader_test(file_is_loaded),
		loader_test(preload_is_identified),
		loader_test(build_is_run_from_a_handler),
		loader_test(loader_keeps_only_what_it_needs),
		loader_test(loader_is_not_root),
		loader_test(unknown_user_is_a_reason),
		loader_test(reasons_come_through),
		loader_test(crash_is_a_reason),
		loader_test(kill_is_a_reason),
		loader_test(exit_is_a_reason),
		loader_test(hang_is_a_reason),
		loader_test(private_memory_is_limited),
		loader_test(environment_is_private),
		loader_test(environment_is_whole),
		loader_test(death_is_seen_without_end_of_file),
		loader_test(loader_dies_with_its_parent),
		loader_test(missing_handler_folder_is_a_reason),
		loader_test(cancelled_loader_says_nothing),
		loader_test(several_load_at_a_time),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("sup_loader", tests,
	    handlers_create, handlers_destroy);
}
