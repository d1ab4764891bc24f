/*
 * schema_file.c - the files of a form against what is declared of them.
 *
 * Runs in: front, workers, call, cgi; zygote for what the tables hold.
 * Owns: nothing.
 * Invariant: a file's bytes are not looked at, so its size costs nothing here.
 */
#include <string.h>
#include <strings.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

bool
schema_is_file(const struct schema_node *node)
{
	return node->type == FH_TYPE_FILE || (node->type == FH_TYPE_ARRAY &&
	    node->fields[0].type == FH_TYPE_FILE);
}

/* An asterisk is a character of tokens, so "image/" and one is two of them. */
bool
schema_file_is_range(const char *type)
{
	size_t kind = strcspn(type, "/");

	if (type[kind] == '\0' || memchr(type, '*', kind) != NULL)
		return false;
	return wire_is_token(type, kind) && wire_is_token(type + kind + 1,
	    strlen(type + kind + 1));
}

/* ------------------------------------------------- one file */

/* `type` of the client, perhaps with parameters, is it of `range`? */
static bool
is_of(const char *type, const char *range)
{
	struct wire_span plain = wire_trim((struct wire_span){ type,
	    strcspn(type, ";") });
	size_t length = strlen(range);

	if (length > 2 && strcmp(range + length - 2, "/*") == 0)
		return plain.length > length - 1 &&
		    strncasecmp(plain.at, range, length - 1) == 0;
	return plain.length == length &&
	    strncasecmp(plain.at, range, length) == 0;
}

static bool
is_of_any(const struct schema_node *node, const char *type)
{
	for (size_t i = 0; i < node->choice_count; i++) {
		if (is_of(type, node->choices[i]))
			return true;
	}
	return node->choice_count == 0;
}

static void
report(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, enum schema_wrong wrong, const char *text,
    size_t actual)
{
	const struct schema_fault fault = { .at = at, .node = node,
	    .wrong = wrong, .why = "", .actual = actual,
	    .text = node->hidden ? NULL : text,
	    .length = text == NULL ? 0 : strlen(text) };

	schema_report(run, &fault);
}

/* The media type and the size: both are told. */
static void
take_file(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, const struct fh_file *file, void *base)
{
	const struct schema_reading reading = { .value.file = file,
	    .length = file->length };
	enum schema_wrong wrong = schema_bounds_check(node, &reading, run);

	if (!is_of_any(node, file->type))
		report(run, node, at, SCHEMA_FILE_MEDIA, file->type, 0);
	if (wrong != SCHEMA_OK)
		report(run, node, at, wrong, file->filename, file->length);
	schema_store(run, node, base, &reading.value);
}

/* ------------------------------------------------- all of a name */

const struct fh_file *
schema_file_find(const struct schema_sent *sent, const char *name)
{
	for (size_t i = 0; i < sent->file_count; i++) {
		if (strcmp(sent->files[i].field, name) == 0)
			return &sent->files[i];
	}
	return NULL;
}

static const struct fh_field *
find_text(const struct schema_sent *sent, const char *name)
{
	const struct schema_fields *fields = &sent->fields[FH_IN_FORM];

	for (size_t i = 0; i < fields->count; i++) {
		if (strcmp(fields->at[i].name, name) == 0)
			return &fields->at[i];
	}
	return NULL;
}

static void
take_items(struct schema_run *run, const struct schema_node *node,
    const struct schema_sent *sent, const struct schema_step *at, char *items)
{
	const struct schema_node *item = &node->fields[0];
	size_t n = 0;

	for (size_t i = 0; i < sent->file_count; i++) {
		const struct schema_step step = { .outer = at, .index = n };

		if (strcmp(sent->files[i].field, node->name) == 0)
			take_file(run, item, &step, &sent->files[i],
			    items + n++ * item->size);
	}
}

static int
take_list(struct schema_run *run, const struct schema_node *node,
    const struct schema_sent *sent, const struct schema_step *at, size_t count,
    void *base)
{
	const struct schema_reading reading = { .length = count };
	enum schema_wrong wrong = schema_bounds_check(node, &reading, run);
	union schema_value value = { .list = { NULL, count } };
	size_t most;

	if (wrong != SCHEMA_OK) {
		report(run, node, at, wrong, NULL, count);
		return 0;
	}
	/* There are form_files at most: far from SCHEMA_LISTS_MAX. */
	value.list.at = schema_list_alloc(run, &node->fields[0], count, &most);
	if (value.list.at == NULL)
		return -1;
	schema_store(run, node, base, &value);
	take_items(run, node, sent, at, value.list.at);
	return 0;
}

static size_t
count_files(const struct schema_sent *sent, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < sent->file_count; i++)
		count += strcmp(sent->files[i].field, name) == 0;
	return count;
}

int
schema_file_take(struct schema_run *run, const struct schema_node *node,
    const struct schema_sent *sent, const struct schema_step *at, void *base,
    bool *given_out)
{
	const struct fh_field *text = find_text(sent, node->name);
	size_t count = count_files(sent, node->name);

	*given_out = count > 0;
	if (text != NULL)
		report(run, node, at, SCHEMA_FILE_TYPE, text->value, 0);
	else if (count == 0 && node->required)
		report(run, node, at, SCHEMA_MISSING, NULL, 0);
	else if (node->type == FH_TYPE_ARRAY && count > 0)
		return take_list(run, node, sent, at, count, base);
	else if (count > 1)
		report(run, node, at, SCHEMA_REPEATED,
		    schema_file_find(sent, node->name)->filename, 0);
	else if (count == 1)
		take_file(run, node, at, schema_file_find(sent, node->name),
		    base);
	return 0;
}
