/*
 * handler_fixture.c - a scratch directory of handlers, good ones and broken.
 *
 * Runs in: make check, beside tests/fixtures/tools_plain.so.
 * Owns: a scratch directory with a handler and copy directories in it.
 * Invariant: broken handlers are copies of tools_plain.so with bytes changed,
 * so that each differs from a good one in one point.
 */
#include "handler_fixture.h"

#include <sys/stat.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/handler_copy.h"

/* What the handlers call; they find it here by -rdynamic. */
const char	*fixture_setting;

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
	return fixture_setting;
}

void *
fh_arena_alloc(struct fh_arena *arena, size_t size, size_t align)
{
	(void)arena;
	(void)size;
	(void)align;
	return NULL;
}

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

int
fixture_setup(void **state)
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
	fixture_setting = NULL;
	*state = s;
	return 0;
}

int
fixture_teardown(void **state)
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

void
fixture_put_file(struct scratch *s, const char *name, const void *bytes,
    size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", s->handlers, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

void
fixture_put_plain(struct scratch *s, const char *name)
{
	fixture_put_file(s, name, s->plain, s->plain_size);
}

/* A copy with `from`, NUL included, replaced by `to`, everywhere. */
void
fixture_put_changed(struct scratch *s, const char *name, const char *from,
    const char *to)
{
	size_t length = strlen(from) + 1;
	char *copy = malloc(s->plain_size);
	unsigned found = 0;

	assert_int_equal(strlen(to) + 1, length);
	assert_non_null(copy);
	memcpy(copy, s->plain, s->plain_size);
	for (size_t i = 1; i + length <= s->plain_size; i++) {
		/* not only whole: a linker lets names share their ends */
		if (memcmp(copy + i, from, length) != 0)
			continue;
		memcpy(copy + i, to, length);
		found++;
	}
	if (found == 0)
		fail_msg("tools_plain.so has no \"%s\"", from);
	fixture_put_file(s, name, copy, s->plain_size);
	free(copy);
}

/* A copy with `size` bytes at `offset` of its descriptor changed. */
void
fixture_put_descriptor(struct scratch *s, const char *name, size_t offset,
    uint64_t value, size_t size)
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
	fixture_put_file(s, name, copy, s->plain_size);
	free(copy);
}

void
fixture_report(void *context, const struct handler *about,
    const char *sentence)
{
	struct scratch *s = context;
	size_t have = strlen(s->reports);

	if (about != NULL)
		s->about = about;
	snprintf(s->reports + have, sizeof(s->reports) - have, "%s\n",
	    sentence);
}

/* A new folder of copies each time: dlopen() knows a file again by its name.
 * What is no file is copied as what it is. */
static void
copy_all(struct scratch *s)
{
	char command[256];

	snprintf(s->copies, sizeof(s->copies), "%s/%u", s->root, s->loads++);
	snprintf(command, sizeof(command), "cp -a '%s' '%s'", s->handlers,
	    s->copies);
	assert_int_equal(system(command), 0);
}

static int
is_handler_file(const struct dirent *entry)
{
	return handler_is_file_name(entry->d_name);
}

void
fixture_load(struct scratch *s)
{
	struct handler_source source = { .copies = s->copies };
	struct dirent **entries;
	const char *names[16];
	int count;

	copy_all(s);
	count = scandir(s->copies, &entries, is_handler_file, alphasort);
	assert_in_range(count, 0, 16);
	for (int i = 0; i < count; i++)
		names[i] = entries[i]->d_name;
	source.names = names;
	source.count = (size_t)count;
	fixture_load_source(s, &source);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

void
fixture_load_source(struct scratch *s, const struct handler_source *source)
{
	struct err err = { "" };

	handler_set_free(s->set);
	s->reports[0] = '\0';
	s->about = NULL;
	s->set = handler_set_load(&s->config, source, fixture_report, s, &err);
	if (s->set == NULL)
		fail_msg("%s", err.text);
}

/* The only handler there is, `name`, is refused for `why`, and reported. */
void
fixture_expect_refused(struct scratch *s, const char *name, const char *why)
{
	char path[256];

	fixture_load(s);
	assert_int_equal(s->set->handler_count, 1);
	assert_int_equal(s->set->route_count, 0);
	if (s->set->handlers[0].error == NULL)
		fail_msg("%s was loaded", name);
	if (strstr(s->set->handlers[0].error, why) == NULL)
		fail_msg("%s, not %s", s->set->handlers[0].error, why);
	snprintf(path, sizeof(path), "%s/%s: ", s->handlers, name);
	assert_memory_equal(s->reports, path, strlen(path));
	assert_non_null(strstr(s->reports, why));
	assert_ptr_equal(s->about, &s->set->handlers[0]);
	snprintf(path, sizeof(path), "%s/%s", s->handlers, name);
	unlink(path);
}
