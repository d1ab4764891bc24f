/*
 * model_build_test.c - a model of kind build: the arena, and pointers that
 * stay good in a process that has nothing in common with its builder.
 *
 * Runs in: the test program; with arguments it is that other process.
 * Owns: a scratch folder in /tmp.
 * Invariant: after each test no descriptor and no mapping is left.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>

#include "model_scratch.h"

#include "model/model_arena.h"

#define NODES	100000

struct node {
	const struct node	*next;
	uint64_t		 value;
};

struct list {
	const struct node	*first;
	uint64_t		 sum;
};

/* ---------------------------------------------------------- some build()s */

/* A list of NODES numbers made from the source's bytes, last one first. */
static int
build_list(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	const uint8_t *bytes = source->data;
	struct list *list = fh_arena_alloc(arena, sizeof(*list), 0);

	if (list == NULL)
		return -1;
	for (size_t i = 0; i < NODES; i++) {
		struct node *node = fh_arena_alloc(arena, sizeof(*node), 0);

		if (node == NULL)
			return -1;
		node->value = i * bytes[i % source->length];
		node->next = list->first;
		list->first = node;
		list->sum += node->value;
	}
	*root_out = list;
	return 0;
}

/* The root is not at the start. */
static int
build_late_root(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	char *root;

	(void)source;
	fh_arena_alloc(arena, 5000, 0);
	root = fh_arena_alloc(arena, 6, 64);
	memcpy(root, "hello", 6);
	*root_out = root;
	return 0;
}

static int
build_failing(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	(void)source;
	*root_out = fh_arena_alloc(arena, 10, 0);
	return -1;
}

static int
build_without_root(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	(void)arena;
	(void)source;
	(void)root_out;
	return 0;
}

static int
build_outside(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	static char outside;

	(void)source;
	fh_arena_alloc(arena, 10, 0);
	*root_out = &outside;
	return 0;
}

static int
build_one_past(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	(void)source;
	*root_out = (char *)fh_arena_alloc(arena, 10, 0) + 10;
	return 0;
}

/* Overwrites the file it was given, and still sees what was hashed. */
static int
build_vandal(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	char *copy = fh_arena_alloc(arena, source->length, 0);

	write_file(source->path, "gone", 4);
	memcpy(copy, source->data, source->length);
	*root_out = copy;
	return 0;
}

static int
build_probing_arena(struct fh_arena *arena, const struct fh_source *source,
    void **root_out)
{
	uint8_t *a, *b, *c, *large;

	(void)source;
	a = fh_arena_alloc(arena, 1, 0);
	b = fh_arena_alloc(arena, 1, 0);
	assert_int_equal((uintptr_t)a % _Alignof(max_align_t), 0);
	assert_int_equal((uintptr_t)b % _Alignof(max_align_t), 0);
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(fh_arena_alloc(arena, 0, 1),
	    fh_arena_alloc(arena, 0, 1));
	for (size_t align = 1; align <= 65536; align *= 2)
		assert_int_equal((uintptr_t)fh_arena_alloc(arena, 1, align) %
		    align, 0);
	errno = 0;
	assert_null(fh_arena_alloc(arena, 1, 3));
	assert_int_equal(errno, EINVAL);
	assert_null(fh_arena_alloc(arena, SIZE_MAX, 0));
	assert_int_equal(errno, ENOMEM);
	assert_null(fh_arena_alloc(arena, SIZE_MAX - 5, 1));
	assert_null(fh_arena_alloc(arena, 1, (size_t)1 << 63));
	large = fh_arena_alloc(arena, 300000, 1);
	assert_non_null(large);
	for (size_t i = 0; i < 300000; i++)
		assert_int_equal(large[i], 0);
	/* room for 100 bytes, but not after the gap before them */
	assert_non_null(fh_arena_alloc(arena,
	    arena->capacity - arena->used - 100, 1));
	assert_int_not_equal(arena->used % 64, 0);
	assert_null(fh_arena_alloc(arena, 100, 64));
	/* to the last byte, and no further */
	c = fh_arena_alloc(arena, arena->capacity - arena->used, 1);
	assert_ptr_equal(c + (arena->base + arena->capacity - c),
	    arena->base + arena->capacity);
	assert_null(fh_arena_alloc(arena, 1, 1));
	*root_out = a;
	return 0;
}

/* ----------------------------------------------------------------- helpers */

static struct config_model
build_config(void)
{
	return (struct config_model){ .name = (char *)"built",
	    .path = scratch_file, .kind = CONFIG_MODEL_BUILD };
}

static int
load_with(const struct config_model *config,
    int (*build)(struct fh_arena *, const struct fh_source *, void **),
    struct model_image *image, int *fd, struct err *err)
{
	struct fh_model_def def = { .name = "built", .build = build };

	write_pattern(scratch_file, 10000);
	return model_load(config, &def, ADDRESS, image, fd, err);
}

static void
assert_refused(const struct config_model *config,
    int (*build)(struct fh_arena *, const struct fh_source *, void **),
    const char *part)
{
	struct model_image image;
	struct err err;
	int fd;

	assert_int_equal(load_with(config, build, &image, &fd, &err), -1);
	assert_int_equal(fd, -1);
	assert_says(&err, "model \"built\": ");
	assert_says(&err, part);
}

/* ------------------------------------------------------------------- tests */

static void
pointers_survive_an_exec(void **state)
{
	struct config_model config = build_config();
	struct model_image image;
	struct err err;
	char number[16];
	int fd, status, image_fd;
	pid_t pid;

	(void)state;
	if (load_with(&config, build_list, &image, &fd, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(image.mapped, (image.length + 4095) / 4096 * 4096);
	assert_true(image.length >= NODES * sizeof(struct node));
	assert_true(image.length < NODES * sizeof(struct node) + 4096);
	write_file(scratch_file, &image, sizeof(image));
	image_fd = open(scratch_file, O_RDONLY | O_CLOEXEC);
	assert_true(image_fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(image_fd, 3) != 3 || dup2(fd, 4) != 4)
			_exit(98);
		fcntl(3, F_SETFD, 0);
		fcntl(4, F_SETFD, 0);
		snprintf(number, sizeof(number), "%d", NODES);
		execl("/proc/self/exe", "model_build_test", "walk", number,
		    (char *)NULL);
		_exit(99);
	}
	close(image_fd);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The other process: image on descriptor 3, model on 4. */
static int
walk(size_t nodes)
{
	struct model_image image;
	struct fh_model model;
	const struct list *list;
	const struct node *node;
	struct err err;
	uint64_t sum = 0;
	size_t count = 0;

	if (read(3, &image, sizeof(image)) != (ssize_t)sizeof(image))
		return 2;
	if (model_map(&image, 4, &model, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 3;
	}
	list = model.root;
	for (node = list->first; node != NULL; node = node->next) {
		sum += node->value;
		count++;
	}
	return sum == list->sum && sum != 0 && count == nodes ? 0 : 4;
}

static void
root_may_lie_anywhere(void **state)
{
	struct config_model config = build_config();
	struct model_image image;
	struct fh_model model;
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(load_with(&config, build_late_root, &image, &fd,
	    &err), 0);
	assert_int_equal(image.root_offset, 5056);
	assert_int_equal(image.length, 5062);
	assert_int_equal(image.mapped, 8192);
	assert_int_equal(image.source_length, 10000);
	assert_int_equal(model_verify(&image, fd, &err), 0);
	assert_int_equal(model_map(&image, fd, &model, &err), 0);
	close(fd);
	assert_string_equal(model.root, "hello");
	assert_ptr_equal(model.data, (void *)(uintptr_t)ADDRESS);
	munmap((void *)(uintptr_t)ADDRESS, image.mapped);
}

static void
bad_builds_are_refused(void **state)
{
	struct config_model config = build_config();

	(void)state;
	assert_refused(&config, build_failing, "build() returned -1");
	assert_refused(&config, build_without_root, "build() set no root");
	assert_refused(&config, build_outside, "root outside its arena");
	assert_refused(&config, build_one_past, "root outside its arena");
	assert_refused(&config, NULL, "no handler has a build()");
	config.max_bytes = 100000;
	assert_refused(&config, build_list, "used up max_bytes (");
	config.max_bytes = 0;
	config.sha256 = (char *)"0000000000000000000000000000000000000000"
	    "000000000000000000000000";
	assert_refused(&config, build_list, "but sha256 says");
}

static void
configured_limit_wins_over_the_handlers(void **state)
{
	struct config_model config = build_config();
	struct fh_model_def def = { .name = "built", .build = build_list,
	    .max_bytes = 100000 };
	struct model_image image;
	struct err err;
	int fd;

	(void)state;
	write_pattern(scratch_file, 10000);
	assert_int_equal(model_load(&config, &def, ADDRESS, &image, &fd, &err),
	    -1);
	assert_says(&err, "of 100000)");
	config.max_bytes = 10000000;
	assert_int_equal(model_load(&config, &def, ADDRESS, &image, &fd, &err),
	    0);
	close(fd);
}

static void
build_sees_what_was_hashed(void **state)
{
	struct config_model config = build_config();
	struct model_image image, again;
	struct fh_model model;
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(load_with(&config, build_vandal, &image, &fd, &err),
	    0);
	assert_int_equal(model_map(&image, fd, &model, &err), 0);
	close(fd);
	assert_pattern(model.root, 10000);
	munmap((void *)(uintptr_t)ADDRESS, image.mapped);
	config.kind = CONFIG_MODEL_PRELOAD;
	write_pattern(scratch_file, 10000);
	assert_int_equal(model_load(&config, NULL, ADDRESS, &again, &fd, &err),
	    0);
	assert_string_equal(image.sha256, again.sha256);
}

static void
arena_keeps_its_promises(void **state)
{
	struct config_model config = build_config();
	struct model_image image;
	struct err err;
	int fd;

	(void)state;
	config.max_bytes = 1000001;
	assert_int_equal(load_with(&config, build_probing_arena, &image, &fd,
	    &err), 0);
	assert_int_equal(image.length, 1000001);
	close(fd);
	config.hugepages = CONFIG_PAGES_TRY;
	assert_int_equal(load_with(&config, build_probing_arena, &image, &fd,
	    &err), 0);
	close(fd);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		model_unit_test(pointers_survive_an_exec),
		model_unit_test(root_may_lie_anywhere),
		model_unit_test(bad_builds_are_refused),
		model_unit_test(configured_limit_wins_over_the_handlers),
		model_unit_test(build_sees_what_was_hashed),
		model_unit_test(arena_keeps_its_promises),
	};

	if (argc == 3 && strcmp(argv[1], "walk") == 0)
		return walk(strtoul(argv[2], NULL, 10));
	return cmocka_run_group_tests_name("model_build", tests,
	    scratch_create, scratch_destroy);
}
