/*
 * schema_file_test.c - the files of a form, against what was declared of them.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: a file has a length and no bytes here: whoever looks at them
 * crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"

#define PIECES_MAX	64
#define COUNT(table)	(sizeof(table) / sizeof(table[0]))

struct form {
	const char			*title;
	const struct fh_file		*cover;
	FH_LIST(const struct fh_file *)	 pages;
	bool				 has_cover;
};

static const struct fh_property properties[] = {
	{ FH_STRING(struct form, title), .in = FH_IN_FORM },
	{ FH_FILE(struct form, cover), .min_length = 1, .max_length = 100,
	    .has = FH_HAS(struct form, has_cover),
	    .media_types = FH_MEDIA_TYPES("image/png", "text/*") },
	{ FH_ARRAY(struct form, pages), .required = true, .max_length = 3,
	    .items = FH_ITEMS(FH_ITEM(FILE), .max_length = 10) },
	FH_END
};

static const struct fh_property secret_properties[] = {
	{ FH_FILE(struct form, cover), .secret = true, .max_length = 5,
	    .media_types = FH_MEDIA_TYPES("image/png") },
	FH_END
};

static const struct fh_property *table = properties;

static const struct fh_handler desc = {
	.inputs_size = sizeof(struct fh_inputs),
	.property_size = sizeof(struct fh_property),
	.response_size = sizeof(struct fh_response)
};

struct scene {
	void		*pieces[PIECES_MAX];
	size_t		 piece_count;
	struct schema	*schema;
	void		*values;
	bool		*given;
	char		 faults[4096];
};

static void *
alloc(void *context, size_t size)
{
	struct scene *s = context;

	assert_true(s->piece_count < PIECES_MAX);
	return s->pieces[s->piece_count++] = malloc(size);
}

/* "body.cover file_too_large x.png {"max_length":100,...}" */
static void
report(void *context, const struct schema_fault *fault)
{
	struct scene *s = context;
	char way[512], words[512];
	size_t length = strlen(s->faults);

	schema_step_text(fault->at, way, sizeof(way));
	schema_fault_context(fault, words, sizeof(words));
	snprintf(s->faults + length, sizeof(s->faults) - length,
	    "%s %s%s%.*s%s%s\n", way, schema_fault_type(fault),
	    fault->text != NULL ? " " : "", fault->text != NULL ?
	    (int)fault->length : 0, fault->text != NULL ? fault->text : "",
	    words[0] != '\0' ? " " : "", words);
}

static void
clean(struct scene *s)
{
	while (s->piece_count > 0)
		free(s->pieces[--s->piece_count]);
	schema_destroy(s->schema);
	s->schema = NULL;
	s->faults[0] = '\0';
}

static void
take(struct scene *s, bool strict, const struct fh_file *files,
    size_t file_count, const struct fh_field *fields, size_t field_count)
{
	const struct fh_inputs inputs = { sizeof(struct form), table,
	    strict };
	const struct schema_source source = { .label = "POST /x",
	    .names = "", .handler = &desc, .inputs = &inputs };
	struct schema_sent sent = { .files = files, .file_count = file_count,
	    .fields = { [FH_IN_FORM] = { fields, field_count } } };
	struct schema_run run = { .alloc = alloc, .report = report,
	    .context = s, .matcher = schema_matcher_create() };
	struct err err = { "" };

	clean(s);
	s->schema = schema_create(&source, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(schema_take(s->schema, &sent, &run, &s->values,
	    &s->given), 0);
	schema_matcher_destroy(run.matcher);
}

#define FILE_OF(of, kind, size)	{ .field = of, .filename = of ".x",	\
	.name = of ".x", .type = kind, .data = NULL, .length = size }
#define TAKE(s, strict, ...) do {					\
	const struct fh_file files[] = { __VA_ARGS__ };			\
	take(s, strict, files, COUNT(files), NULL, 0);			\
} while (0)

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct scene));
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	clean(*state);
	free(*state);
	return 0;
}

/* Breaks when: a file is put where another belongs, or a list's order is not
 * that of the form. */
static void
sound(void **state)
{
	const struct fh_file files[] = { FILE_OF("pages", "a/b", 10),
		FILE_OF("cover", "IMAGE/png ; x=y", 100),
		FILE_OF("other", "a/b", 1000), FILE_OF("pages", "c/d", 0) };
	struct scene *s = *state;
	const struct form *in;

	take(s, false, files, COUNT(files), NULL, 0);
	assert_string_equal(s->faults, "");
	in = s->values;
	assert_null(in->title);
	assert_ptr_equal(in->cover, &files[1]);
	assert_int_equal(in->pages.count, 2);
	assert_ptr_equal(in->pages.at[0], &files[0]);
	assert_ptr_equal(in->pages.at[1], &files[3]);
	assert_true(in->has_cover);
	TAKE(s, true, FILE_OF("pages", "a/b", 10));
	in = s->values;
	assert_null(in->cover);
	assert_false(in->has_cover);
	assert_false(s->given[1]);
}

/* Breaks when: a bound is not looked at, or one fault hides the next. */
static void
bounds(void **state)
{
	struct scene *s = *state;

	TAKE(s, false, FILE_OF("cover", "image/gif", 101),
	    FILE_OF("pages", "a/b", 10), FILE_OF("pages", "a/b", 11));
	assert_string_equal(s->faults,
	    "body.cover file_media_type image/gif "
	    "{\"expected\":\"'image/png' or 'text/*'\"}\n"
	    "body.cover file_too_large cover.x "
	    "{\"max_length\":100,\"actual_length\":101}\n"
	    "body.pages.1 file_too_large pages.x "
	    "{\"max_length\":10,\"actual_length\":11}\n");
	TAKE(s, false, FILE_OF("cover", "text/plain", 0));
	assert_string_equal(s->faults, "body.cover file_too_small cover.x "
	    "{\"min_length\":1,\"actual_length\":0}\nbody.pages missing\n");
	TAKE(s, false, FILE_OF("pages", "a/b", 1), FILE_OF("pages", "a/b", 1),
	    FILE_OF("pages", "a/b", 1), FILE_OF("pages", "a/b", 1));
	assert_string_equal(s->faults, "body.pages too_long {\"field_type\":"
	    "\"List\",\"max_length\":3,\"actual_length\":4}\n");
	TAKE(s, false, FILE_OF("cover", "image/png", 1),
	    FILE_OF("cover", "image/png", 1), FILE_OF("pages", "a/b", 1));
	assert_string_equal(s->faults, "body.cover repeated cover.x\n");
}

/* Breaks when: what a secret file is called, or is said to be, is repeated. */
static void
secrets(void **state)
{
	struct scene *s = *state;

	table = secret_properties;
	TAKE(s, true, FILE_OF("cover", "a/b", 6), FILE_OF("cuver", "a/b", 1));
	assert_string_equal(s->faults, "body.cover file_media_type "
	    "{\"expected\":\"'image/png'\"}\nbody.cover file_too_large "
	    "{\"max_length\":5,\"actual_length\":6}\n"
	    "body.cuver extra_forbidden\n");
	TAKE(s, false, FILE_OF("cover", "a/b", 1), FILE_OF("cover", "a/b",
	    1));
	assert_string_equal(s->faults, "body.cover repeated\n");
	table = properties;
}

/* Breaks when: a range of media types takes more than its kind. */
static void
ranges(void **state)
{
	static const char *const good[] = { "text/plain", "TEXT/x;charset=a" },
	    *const bad[] = { "text/", "text", "textual/x", "x/text/plain",
		"image/png2", "image/pn", "" };
	struct scene *s = *state;

	for (size_t i = 0; i < COUNT(good); i++) {
		TAKE(s, false, FILE_OF("cover", good[i], 1),
		    FILE_OF("pages", "a/b", 1));
		assert_string_equal(s->faults, "");
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		TAKE(s, false, FILE_OF("cover", bad[i], 1),
		    FILE_OF("pages", "a/b", 1));
		assert_non_null(strstr(s->faults, "file_media_type"));
	}
}

/* Breaks when: a text passes for a file, a file for a text, or what is not
 * declared is let through where nothing else may come. */
static void
the_other_kind(void **state)
{
	const struct fh_field texts[] = { { "cover", "hello", 5 } };
	const struct fh_file files[] = { FILE_OF("title", "a/b", 3),
		FILE_OF("pages", "a/b", 1), FILE_OF("more", "a/b", 1) };
	struct scene *s = *state;

	take(s, true, files, COUNT(files), texts, 1);
	assert_string_equal(s->faults, "body.title string_type title.x\n"
	    "body.cover file_type hello\nbody.more extra_forbidden more.x\n");
	take(s, false, files, COUNT(files), NULL, 0);
	assert_string_equal(s->faults, "body.title string_type title.x\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sound, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(the_other_kind, setup,
		    teardown),
	};

	return cmocka_run_group_tests_name("schema_file", tests, NULL, NULL);
}
