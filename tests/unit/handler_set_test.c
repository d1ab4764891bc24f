/*
 * handler_set_test.c - which files are loaded, and why the others are not.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: a scratch directory with a handler and a copy directory in it.
 * Invariant: broken handlers are copies of tools_plain.so with bytes changed,
 * so that each differs from a good one in one point.
 */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/elf.h"
#include "common/handler_set.h"

/* What the handlers call; they find it here by -rdynamic. */
static const char	*setting;

int
fh_reply_text(struct fh_request *rq, int status, const char *text)
{
	(void)rq;
	(void)text;
	return status;
}

void
fh_log(struct fh_request *rq, enum fh_log_level level, const char *format, ...)
{
	(void)rq;
	(void)level;
	(void)format;
}

const char *
fh_host_setting(const struct fh_host *host, const char *key)
{
	assert_non_null(host->handler);
	assert_string_equal(key, "preload");
	return setting;
}

void *
fh_arena_alloc(struct fh_arena *arena, size_t size, size_t align)
{
	(void)arena;
	(void)size;
	(void)align;
	return NULL;
}

/* ------------------------------------------------------------- scratch */

struct scratch {
	char			 root[64];
	char			 handlers[80];
	char			 copies[96];	/* of the last load */
	unsigned		 loads;
	struct config		 config;
	struct config_pool	 pools[2];
	char			*plain;		/* tools_plain.so */
	size_t			 plain_size;
	char			 reports[8192];	/* one a line */
	struct handler_set	*set;
};

static char *
read_file(const char *path, size_t *size_out)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	char *bytes;

	if (file == NULL)
		fail_msg("%s is not there: build it first", path);
	assert_int_equal(fstat(fileno(file), &status), 0);
	bytes = malloc((size_t)status.st_size);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, (size_t)status.st_size, file),
	    status.st_size);
	fclose(file);
	*size_out = (size_t)status.st_size;
	return bytes;
}

static int
setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));
	const char *fixtures = getenv("FH_FIXTURES");
	char path[512];

	assert_non_null(s);
	snprintf(path, sizeof(path), "%s/tools_plain.so",
	    fixtures != NULL ? fixtures : "tests/fixtures");
	s->plain = read_file(path, &s->plain_size);
	strcpy(s->root, "/tmp/handler_set_test.XXXXXX");
	assert_non_null(mkdtemp(s->root));
	snprintf(s->handlers, sizeof(s->handlers), "%s/handlers", s->root);
	assert_int_equal(mkdir(s->handlers, 0755), 0);
	s->pools[0].name = strdup("default");
	s->pools[1].name = strdup("special");
	s->config.pools = s->pools;
	s->config.pool_count = 2;
	s->config.handlers = s->handlers;
	s->config.timeout_ms = 60000;
	setting = NULL;
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scratch *s = *state;
	char command[128];

	handler_set_watch(NULL, NULL);
	handler_set_free(s->set);
	snprintf(command, sizeof(command), "rm -rf '%s'", s->root);
	assert_int_equal(system(command), 0);
	free(s->pools[0].name);
	free(s->pools[1].name);
	free(s->plain);
	free(s);
	return 0;
}

static void
put_file(struct scratch *s, const char *name, const void *bytes, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", s->handlers, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void
put_plain(struct scratch *s, const char *name)
{
	put_file(s, name, s->plain, s->plain_size);
}

/* A copy with `from`, NUL included, replaced by `to`, everywhere. */
static void
put_changed(struct scratch *s, const char *name, const char *from,
    const char *to)
{
	size_t length = strlen(from) + 1;
	char *copy = malloc(s->plain_size);
	unsigned found = 0;

	assert_int_equal(strlen(to) + 1, length);
	assert_non_null(copy);
	memcpy(copy, s->plain, s->plain_size);
	for (size_t i = 1; i + length <= s->plain_size; i++) {
		if (copy[i - 1] != '\0' ||
		    memcmp(copy + i, from, length) != 0)
			continue;
		memcpy(copy + i, to, length);
		found++;
	}
	if (found == 0)
		fail_msg("tools_plain.so has no \"%s\"", from);
	put_file(s, name, copy, s->plain_size);
	free(copy);
}

/* A copy with `size` bytes at `offset` of its descriptor changed. */
static void
put_descriptor(struct scratch *s, const char *name, size_t offset,
    uint32_t value, size_t size)
{
	const struct fh_handler wanted = { .abi_major = FH_ABI_MAJOR,
	    .abi_minor = FH_ABI_MINOR, .size = sizeof(struct fh_handler),
	    .route_size = sizeof(struct fh_route),
	    .model_size = sizeof(struct fh_model_def) };
	char *copy = malloc(s->plain_size);
	char *at;

	assert_non_null(copy);
	memcpy(copy, s->plain, s->plain_size);
	at = memmem(copy, s->plain_size, &wanted, 16);
	assert_non_null(at);
	memcpy(at + offset, &value, size);
	put_file(s, name, copy, s->plain_size);
	free(copy);
}

static void
report(void *context, const char *sentence)
{
	struct scratch *s = context;
	size_t have = strlen(s->reports);

	snprintf(s->reports + have, sizeof(s->reports) - have, "%s\n",
	    sentence);
}

/* A new copy directory each time: dlopen() knows a file again by its name. */
static void
load(struct scratch *s)
{
	struct err err = { "" };

	handler_set_free(s->set);
	s->reports[0] = '\0';
	snprintf(s->copies, sizeof(s->copies), "%s/%u", s->root, s->loads++);
	assert_int_equal(mkdir(s->copies, 0755), 0);
	s->set = handler_set_load(&s->config, s->copies, report, s, &err);
	if (s->set == NULL)
		fail_msg("%s", err.text);
}

/* The only handler there is, `name`, is refused for `why`, and reported. */
static void
expect_refused(struct scratch *s, const char *name, const char *why)
{
	char path[256];

	load(s);
	assert_int_equal(s->set->handler_count, 1);
	assert_int_equal(s->set->route_count, 0);
	if (s->set->handlers[0].error == NULL)
		fail_msg("%s was loaded", name);
	if (strstr(s->set->handlers[0].error, why) == NULL)
		fail_msg("%s, not %s", s->set->handlers[0].error, why);
	snprintf(path, sizeof(path), "%s/%s: ", s->handlers, name);
	assert_memory_equal(s->reports, path, strlen(path));
	assert_non_null(strstr(s->reports, why));
	snprintf(path, sizeof(path), "%s/%s", s->handlers, name);
	unlink(path);
}

static const struct route *
route_of(const struct scratch *s, const char *label)
{
	for (size_t i = 0; i < s->set->route_count; i++) {
		if (strcmp(s->set->routes[i].label, label) == 0)
			return &s->set->routes[i];
	}
	fail_msg("no route %s", label);
	return NULL;
}

/* --------------------------------------------------------------- tests */

static void
a_good_handler(void **state)
{
	struct scratch *s = *state;
	const struct handler *handler;
	const struct route *route;
	struct route_match match;

	put_plain(s, "plain.so");
	load(s);
	assert_string_equal(s->reports, "");
	assert_int_equal(s->set->handler_count, 1);
	assert_int_equal(s->set->route_count, 4);
	handler = &s->set->handlers[0];
	assert_null(handler->error);
	assert_string_equal(handler->name, "plainly");
	assert_string_equal(handler->desc.version, "1.2");
	assert_int_equal(strlen(handler->build_id), 40);
	assert_ptr_equal(handler->host.handler, handler);
	route = route_of(s, "GET /plain");
	assert_false(route->async);
	assert_string_equal(route->summary, "says plain");
	assert_int_equal(route->timeout_ms, 60000);
	assert_ptr_equal(route->handler, handler);
	route = route_of(s, "POST /plain/{id}");
	assert_true(route->async);
	assert_true(route->async_tag);
	assert_int_equal(route->timeout_ms, 1500);
	assert_int_equal(route->max_concurrent, 3);
	assert_int_equal(route_of(s, "DELETE /pooled/{rest...}")->pool, 1);
	route_find(s->set, "GET", 3, "/plain/8", 8, &match);
	assert_ptr_equal(match.route, route_of(s, "GET /plain/{id}"));
	assert_int_equal(match.route->serve(NULL), 200);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(s->set->routes[i].index, i);
}

static void
the_copy_is_opened(void **state)
{
	struct scratch *s = *state;
	struct stat status, again;
	struct err err;
	char path[256];

	put_plain(s, "b.so");
	load(s);
	snprintf(path, sizeof(path), "%s/0-b.so", s->copies);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0500);
	assert_int_equal(status.st_size, s->plain_size);
	/* The dropped file overwritten in place: what runs is the copy. */
	put_file(s, "b.so", "broken", 6);
	assert_int_equal(route_of(s, "GET /plain")->serve(NULL), 200);
	/* A copy that is there already is replaced, not written to. */
	put_plain(s, "b.so");
	handler_set_free(s->set);
	s->set = handler_set_load(&s->config, s->copies, report, s, &err);
	assert_non_null(s->set);
	assert_int_equal(stat(path, &again), 0);
	assert_true(again.st_ino != status.st_ino);
	/* Tools open it where it lies. */
	handler_set_free(s->set);
	s->set = handler_set_load(&s->config, NULL, report, s, &err);
	assert_non_null(s->set);
	assert_int_equal(s->set->route_count, 4);
}

static void
order_and_other_files(void **state)
{
	struct scratch *s = *state;

	put_changed(s, "b.so", "plainly", "handlr1");
	put_plain(s, "a.so");
	put_file(s, "README", "x", 1);
	put_file(s, ".c.so.x7Fa", "x", 1);
	put_file(s, ".d.so", "x", 1);
	put_file(s, ".so", "x", 1);
	put_file(s, "e.so~", "x", 1);
	load(s);
	assert_int_equal(s->set->handler_count, 2);
	assert_string_equal(s->set->handlers[0].name, "plainly");
	assert_null(s->set->handlers[0].error);
	assert_string_equal(s->set->handlers[1].name, "handlr1");
	assert_string_equal(s->set->handlers[1].error,
	    "model \"objects\" is made by a.so already");
}

static void
an_empty_directory_and_a_missing_one(void **state)
{
	struct scratch *s = *state;
	struct err err;

	load(s);
	assert_int_equal(s->set->handler_count, 0);
	assert_int_equal(s->set->route_count, 0);
	handler_set_free(s->set);
	s->config.handlers = (char *)(uintptr_t)"/nowhere/at/all";
	s->set = handler_set_load(&s->config, NULL, report, s, &err);
	assert_null(s->set);
	assert_string_equal(err.text, "the handler directory /nowhere/at/all "
	    "cannot be read: No such file or directory");
}

static void
files_that_are_no_handlers(void **state)
{
	struct scratch *s = *state;
	char path[256];

	put_file(s, "x.so", "", 0);
	expect_refused(s, "x.so", "is empty");
	put_file(s, "x.so", "#!/bin/sh\n", 10);
	expect_refused(s, "x.so", "is no shared object (10 bytes)");
	put_file(s, "x.so", s->reports, sizeof(s->reports));
	expect_refused(s, "x.so", "is no shared object (not ELF)");
	snprintf(path, sizeof(path), "%s/x.so", s->handlers);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	expect_refused(s, "x.so", "is a link to a file that is not there");
	assert_int_equal(symlink("x.so", path), 0);
	expect_refused(s, "x.so", "cannot be opened: Too many levels");
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refused(s, "x.so", "is no regular file");
	put_file(s, "x.so", "x", 1);
	assert_int_equal(truncate(path, (256 << 20) + 1), 0);
	expect_refused(s, "x.so", "a handler may have 268435456");
	assert_int_equal(mkdir(path, 0755), 0);
	expect_refused(s, "x.so", "is a directory, not a file");
	rmdir(path);
	assert_int_equal(symlink("/proc/self/exe", path), 0);
	load(s);
	assert_non_null(strstr(s->set->handlers[0].error,
	    "has no symbol fh_handler_descriptor: it lacks FH_HANDLER"));
}

static void
elf_files_that_do_not_fit(void **state)
{
	struct scratch *s = *state;
	char *plain = s->plain;

	plain[4] ^= 3;		/* EI_CLASS: 32 for 64 bits, or back */
	put_plain(s, "x.so");
	plain[4] ^= 3;
	expect_refused(s, "x.so", "-bit programs, this is a");
	plain[18] ^= 1;		/* e_machine */
	put_plain(s, "x.so");
	plain[18] ^= 1;
	expect_refused(s, "x.so", "is for another machine");
	plain[16] = 2;		/* ET_EXEC */
	put_plain(s, "x.so");
	plain[16] = 3;
	expect_refused(s, "x.so", "link it with -shared");
	put_changed(s, "x.so", "fh_handler_descriptor",
	    "xx_handler_descriptor");
	expect_refused(s, "x.so", "has no symbol fh_handler_descriptor");
	put_changed(s, "x.so", "fh_reply_text", "fh_reply_tomb");
	expect_refused(s, "x.so",
	    "cannot be loaded: undefined symbol: fh_reply_tomb");
}

/* Every length a copy may have stopped at: never loaded, never a crash. */
static void
a_file_cut_off_anywhere(void **state)
{
	struct scratch *s = *state;

	for (size_t size = 1; size < s->plain_size;
	    size += 1 + s->plain_size / 97) {
		put_file(s, "x.so", s->plain, size);
		load(s);
		assert_int_equal(s->set->route_count, 0);
		assert_non_null(s->set->handlers[0].error);
	}
	put_file(s, "x.so", s->plain, s->plain_size - 1);
	expect_refused(s, "x.so", "is cut off");
}

/* Whatever the headers say, reading them stays inside the file. */
static void
headers_that_lie(void **state)
{
	struct scratch *s = *state;
	char *lying = malloc(s->plain_size), path[256];
	uint32_t random = 12345;

	assert_non_null(lying);
	snprintf(path, sizeof(path), "%s/lie", s->root);
	for (int round = 0; round < 2000; round++) {
		struct elf_facts facts;
		struct err err;
		FILE *file;

		memcpy(lying, s->plain, s->plain_size);
		for (int i = 0; i < 3; i++) {
			random = random * 1103515245 + 12345;
			lying[4 + (random >> 8) % 1500] = (char)(random >> 20);
		}
		file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(lying, 1, s->plain_size, file);
		fclose(file);
		file = fopen(path, "rb");
		assert_non_null(file);
		elf_read(fileno(file), "fh_handler_descriptor", &facts, &err);
		fclose(file);
	}
	free(lying);
}

static void
descriptors_of_another_abi(void **state)
{
	struct scratch *s = *state;

	put_descriptor(s, "x.so", 0, FH_ABI_MAJOR + 1, 2);
	expect_refused(s, "x.so", "is built for ABI 2.0, this host has 1.0");
	put_descriptor(s, "x.so", 2, FH_ABI_MINOR + 1, 2);
	expect_refused(s, "x.so", "is built for ABI 1.1, newer than this");
	put_descriptor(s, "x.so", 4, 16, 4);
	expect_refused(s, "x.so", "its struct fh_handler has 16 bytes");
	put_descriptor(s, "x.so", 8, 8, 4);
	expect_refused(s, "x.so", "its struct fh_route has 8 bytes");
	put_descriptor(s, "x.so", 12, 1 << 20, 4);
	expect_refused(s, "x.so", "its struct fh_model_def has 1048576 bytes");
}

static void
names_and_routes_that_are_wrong(void **state)
{
	struct scratch *s = *state;

	put_changed(s, "x.so", "plainly", "plain y");
	expect_refused(s, "x.so", "handler name \"plain y\": a name is");
	put_changed(s, "x.so", "objects", "obj/cts");
	expect_refused(s, "x.so", "model name \"obj/cts\": a name is");
	put_changed(s, "x.so", "/plain", "xplain");
	expect_refused(s, "x.so",
	    "route \"xplain\" does not start with '/'");
	put_changed(s, "x.so", "/plain/{id}", "/plain/{i}x");
	expect_refused(s, "x.so", "braces take a whole segment");
	put_changed(s, "x.so", "GET POST", "GET post");
	expect_refused(s, "x.so", "method \"post\"");
	put_changed(s, "x.so", "GET POST", "GET  GET");
	expect_refused(s, "x.so",
	    "has the route \"GET /plain/{id}\" twice");
	put_changed(s, "x.so", "GET POST", "        ");
	expect_refused(s, "x.so", "has no method");
}

static void
a_route_that_is_taken(void **state)
{
	struct scratch *s = *state;
	struct route_match match;

	put_plain(s, "a.so");
	put_changed(s, "b.so", "plainly", "handlr1");
	put_changed(s, "c.so", "objects", "objectz");
	load(s);
	assert_int_equal(s->set->route_count, 4);
	assert_non_null(s->set->handlers[1].error);
	assert_string_equal(s->set->handlers[2].error,
	    "its name \"plainly\" is taken by a.so");
	route_find(s->set, "GET", 3, "/plain", 6, &match);
	assert_ptr_equal(match.route->handler, &s->set->handlers[0]);
}

static void
a_conflict_names_the_other_file(void **state)
{
	struct scratch *s = *state;
	char *const models[] = { "objects", "tables" };
	char *kept = malloc(s->plain_size);

	assert_non_null(kept);
	memcpy(kept, s->plain, s->plain_size);
	put_plain(s, "a.so");
	/* Other name, other models, and another name for {id}. */
	for (size_t i = 0; i < 2; i++) {
		char *at = memmem(s->plain, s->plain_size, models[i],
		    strlen(models[i]) + 1);

		assert_non_null(at);
		*at = 'x';
	}
	memcpy(memmem(s->plain, s->plain_size, "plainly", 8), "handlr1", 7);
	memcpy(memmem(s->plain, s->plain_size, "/plain", 7), "/other", 6);
	put_changed(s, "b.so", "/plain/{id}", "/plain/{no}");
	memcpy(s->plain, kept, s->plain_size);
	free(kept);
	load(s);
	assert_string_equal(s->set->handlers[1].error,
	    "route \"GET /plain/{no}\" is taken by a.so (\"GET /plain/{id}\")"
	    );
	/* Nothing of a refused handler stays, not even what came first. */
	assert_int_equal(s->set->route_count, 4);
}

static void
the_configuration_wins(void **state)
{
	struct scratch *s = *state;
	struct config_route sections[] = {
		{ .method = "GET", .path = "/plain", .async = 1,
		    .pool = "special", .timeout_ms = 250,
		    .max_concurrent = CONFIG_UNSET, .line = 3 },
		{ .method = "POST", .path = "/plain/{id}", .async = 0,
		    .timeout_ms = 0, .max_concurrent = 9, .line = 4 },
		{ .method = "GET", .path = "/plain/{id}",
		    .async = CONFIG_UNSET, .timeout_ms = CONFIG_UNSET,
		    .max_concurrent = 0, .line = 5 },
	};
	const struct route *route;

	s->config.routes = sections;
	s->config.route_count = 3;
	put_plain(s, "a.so");
	load(s);
	assert_string_equal(s->reports, "");
	route = route_of(s, "GET /plain");
	assert_true(route->async);
	assert_false(route->async_tag);
	assert_int_equal(route->pool, 1);
	assert_int_equal(route->timeout_ms, 250);
	route = route_of(s, "POST /plain/{id}");
	assert_false(route->async);
	assert_int_equal(route->timeout_ms, 0);
	assert_int_equal(route->max_concurrent, 9);
	route = route_of(s, "GET /plain/{id}");
	assert_true(route->async);
	assert_int_equal(route->timeout_ms, 1500);
	assert_int_equal(route->max_concurrent, 0);
}

static void
sections_without_use_are_reported(void **state)
{
	struct scratch *s = *state;
	struct config_route routes[] = {
		{ .method = "GET", .path = "/plains", .async = 1,
		    .timeout_ms = CONFIG_UNSET,
		    .max_concurrent = CONFIG_UNSET, .line = 3 },
		{ .method = "PATCH", .path = "/quite/something/else",
		    .async = 1, .line = 7 },
	};
	struct config_model models[] = {
		{ .name = "tables", .kind = CONFIG_MODEL_BUILD, .line = 8 },
		{ .name = "tabels", .kind = CONFIG_MODEL_BUILD, .line = 9 },
		{ .name = "tables", .kind = CONFIG_MODEL_PRELOAD, .line = 10 },
		{ .name = "file", .kind = CONFIG_MODEL_FILE, .line = 11 },
	};
	struct config_handler handlers[] = {
		{ .name = "plainly", .line = 12 },
		{ .name = "fancy", .line = 13 },
	};
	char expected[1024];

	s->config.file = "x.conf";
	s->config.routes = routes;
	s->config.route_count = 2;
	s->config.models = models;
	s->config.model_count = 4;
	s->config.handler_sections = handlers;
	s->config.handler_count = 2;
	put_plain(s, "a.so");
	load(s);
	snprintf(expected, sizeof(expected),
	    "x.conf:3: route \"GET /plains\": no loaded handler has this "
	    "route; near: \"GET /plain\"\n"
	    "x.conf:7: route \"PATCH /quite/something/else\": no loaded "
	    "handler has a route like it\n"
	    "x.conf:9: model \"tabels\": kind = build, but no loaded handler "
	    "has a build function for it\n"
	    "x.conf:10: model \"tables\": kind = preload, but no loaded "
	    "handler has a preload function for it\n"
	    "x.conf:13: handler \"fancy\": no file in %s is a handler of "
	    "that name\n", s->handlers);
	assert_string_equal(s->reports, expected);
}

static void
a_pool_that_is_not_there(void **state)
{
	struct scratch *s = *state;
	struct config_route section = { .method = "DELETE",
	    .path = "/pooled/{rest...}", .async = 1, .timeout_ms = 0,
	    .max_concurrent = 0, .line = 3 };

	s->config.pool_count = 1;
	put_plain(s, "x.so");
	load(s);
	assert_null(s->set->handlers[0].error);	/* sync: no pool needed */
	s->config.routes = &section;
	s->config.route_count = 1;
	expect_refused(s, "x.so", "route \"DELETE /pooled/{rest...}\" wants "
	    "pool \"special\", which the configuration does not have");
}

static void
models_of_a_library(void **state)
{
	struct scratch *s = *state;
	char path[100];
	struct config_model sections[] = {
		{ .name = "objects", .kind = CONFIG_MODEL_PRELOAD,
		    .path = path },
		{ .name = "tables", .kind = CONFIG_MODEL_BUILD },
	};
	struct fh_model models[2] = { { .name = "objects" },
	    { .name = "tables", .root = sections } };
	const struct handler *handler;

	s->config.models = sections;
	s->config.model_count = 2;
	snprintf(path, sizeof(path), "%s/object", s->root);
	put_plain(s, "a.so");
	load(s);
	assert_non_null(handler_set_model_def(s->set, "tables", &handler));
	assert_ptr_equal(handler, &s->set->handlers[0]);
	assert_null(handler_set_model_def(s->set, "chairs", NULL));
	handler_set_models(s->set, models, 2);
	put_file(s, "../object", "knowledge", 9);
	assert_int_equal(handler_set_preload(s->set, report, s), 0);
	assert_string_equal(models[0].root, "knowledge");
	assert_int_equal(s->set->route_count, 4);

	models[0].root = NULL;
	put_file(s, "../object", "!", 1);
	assert_int_equal(handler_set_preload(s->set, report, s), 1);
	assert_string_equal(s->reports, "model \"objects\": its preload "
	    "function left no object\n");
	assert_null(handler_set_model(s->set, "objects"));
	assert_ptr_equal(handler_set_model(s->set, "tables")->root, sections);
}

static void
a_preload_that_fails(void **state)
{
	struct scratch *s = *state;
	struct route_match match;

	put_plain(s, "a.so");
	load(s);
	setting = "fail";
	assert_int_equal(handler_set_preload(s->set, report, s), 1);
	assert_string_equal(s->set->handlers[0].error,
	    "its preload returned -7");
	assert_non_null(strstr(s->reports, "a.so: its preload returned -7"));
	assert_int_equal(s->set->route_count, 0);
	route_find(s->set, "GET", 3, "/plain", 6, &match);
	assert_int_equal(match.status, 404);
	assert_null(handler_set_model_def(s->set, "tables", NULL));
}

static bool
watch(void *context, const char *file)
{
	report(context, file[0] != '\0' ? strrchr(file, '/') : "end");
	return strstr(file, "skip") == NULL;
}

static void
a_watcher_sees_each_file(void **state)
{
	struct scratch *s = *state;

	put_plain(s, "a.so");
	put_plain(s, "skip.so");
	handler_set_watch(watch, s);
	load(s);
	assert_non_null(strstr(s->reports, "/a.so\n/skip.so\n"));
	assert_non_null(strstr(s->reports, "/skip.so: left out\nend\n"));
	assert_string_equal(s->set->handlers[1].error, "left out");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_handler),
		TEST(the_copy_is_opened),
		TEST(order_and_other_files),
		TEST(an_empty_directory_and_a_missing_one),
		TEST(files_that_are_no_handlers),
		TEST(elf_files_that_do_not_fit),
		TEST(a_file_cut_off_anywhere),
		TEST(headers_that_lie),
		TEST(descriptors_of_another_abi),
		TEST(names_and_routes_that_are_wrong),
		TEST(a_route_that_is_taken),
		TEST(a_conflict_names_the_other_file),
		TEST(the_configuration_wins),
		TEST(sections_without_use_are_reported),
		TEST(a_pool_that_is_not_there),
		TEST(models_of_a_library),
		TEST(a_preload_that_fails),
		TEST(a_watcher_sees_each_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
