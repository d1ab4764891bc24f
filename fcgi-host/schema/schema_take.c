/*
 * schema_take.c - what came with a request, input by input, into the struct.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: every input is looked at, whatever was wrong with those before it.
 */
#include <json-c/json.h>
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

/* One request while it is gone through. */
struct taking {
	const struct schema		*schema;
	const struct schema_sent	*sent;
	struct schema_run		*run;
	void				*base;
	struct json_object		*object;	/* the body, if it is */
	bool				 body_told;	/* what is wrong */
};

static const struct schema_step places[SCHEMA_PLACES] = {
	[FH_IN_PATH] = { .name = "path", .length = 4 },
	[FH_IN_QUERY] = { .name = "query", .length = 5 },
	[FH_IN_HEADER] = { .name = "header", .length = 6 },
	[FH_IN_COOKIE] = { .name = "cookie", .length = 6 },
	[FH_IN_FORM] = { .name = "body", .length = 4 },
	[FH_IN_BODY] = { .name = "body", .length = 4 },
	[FH_IN_WHOLE_BODY] = { .name = "body", .length = 4 }
};

static void
report(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, enum schema_wrong wrong, const char *why,
    struct wire_span text)
{
	const struct schema_fault fault = { .at = at, .node = node,
	    .wrong = wrong, .why = why, .length = text.length,
	    .text = node->hidden ? NULL : text.at };

	schema_report(run, &fault);
}

/* ------------------------------------------------- texts */

/* 0, or -1: out of memory. */
static int
take_text(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, struct wire_span text, void *base)
{
	struct schema_reading reading;
	enum schema_wrong wrong = schema_value_read(node, text.at, text.length,
	    run, &reading);

	if (wrong == SCHEMA_NO_MEMORY)
		return -1;
	if (wrong == SCHEMA_OK)
		schema_store(run, node, base, &reading.value);
	else
		report(run, node, at, wrong, reading.why, text);
	return 0;
}

static void
report_count(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, enum schema_wrong wrong, size_t count,
    size_t most)
{
	const struct schema_fault fault = { .at = at, .node = node,
	    .wrong = wrong, .why = "", .length = most, .actual = count };

	schema_report(run, &fault);
}

static int
take_texts(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, const struct wire_span *texts, size_t count,
    void *base)
{
	const struct schema_node *item = &node->fields[0];
	struct schema_reading reading = { .length = count };
	enum schema_wrong wrong = schema_bounds_check(node, &reading, run);
	union schema_value value = { .list = { NULL, count } };
	size_t most = 0;

	if (wrong == SCHEMA_OK && count > 0) {
		value.list.at = schema_list_alloc(run, item, count, &most);
		if (value.list.at == NULL && most == SIZE_MAX)
			return -1;
		if (value.list.at == NULL)
			wrong = SCHEMA_LIST_LONG;
	}
	if (wrong != SCHEMA_OK) {
		report_count(run, node, at, wrong, count, most);
		return 0;
	}
	schema_store(run, node, base, &value);
	for (size_t i = 0; i < count; i++) {
		const struct schema_step step = { .outer = at, .index = i };

		if (take_text(run, item, &step, texts[i],
		    (char *)value.list.at + i * item->size) < 0)
			return -1;
	}
	return 0;
}

/* "a, b,c": each ends in NUL in a copy.  -1: out of memory. */
static int
take_commas(struct schema_run *run, const struct schema_node *node,
    const struct schema_step *at, struct wire_span text, void *base)
{
	char *copy = run->alloc(run->context, text.length + 1), *end;
	struct wire_span *spans;
	size_t most = 1, count = 0;

	for (size_t i = 0; i < text.length; i++)
		most += text.at[i] == ',';
	spans = run->alloc(run->context, most * sizeof(*spans));
	if (copy == NULL || spans == NULL)
		return -1;
	memcpy(copy, text.at, text.length);
	end = copy + text.length;
	for (char *from = copy; text.length > 0 && count < most; count++) {
		char *comma = memchr(from, ',', (size_t)(end - from));
		char *stop = comma != NULL ? comma : end;

		spans[count] = wire_trim((struct wire_span){ from,
		    (size_t)(stop - from) });
		*stop = '\0';
		copy[spans[count].at + spans[count].length - copy] = '\0';
		from = stop + 1;
	}
	return take_texts(run, node, at, spans, count, base);
}

/* ------------------------------------------------- places of texts */

static int
take_one(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at, struct wire_span text)
{
	if (node->type == FH_TYPE_ARRAY)
		return take_commas(taking->run, node, at, text, taking->base);
	return take_text(taking->run, node, at, text, taking->base);
}

static int
take_none(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at)
{
	const struct schema_fault missing = { .at = at, .node = node,
	    .wrong = SCHEMA_MISSING, .why = "" };

	if (node->required)
		schema_report(taking->run, &missing);
	return schema_store_absent(taking->run, node, taking->base);
}

/* All values of a name that may come several times. */
static int
take_several(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at, size_t count)
{
	const struct schema_fields *fields = &taking->sent->fields[node->in];
	struct schema_run *run = taking->run;
	struct wire_span *texts = run->alloc(run->context,
	    count * sizeof(*texts));
	size_t n = 0;

	if (texts == NULL)
		return -1;
	for (size_t i = 0; n < count; i++) {
		if (strcmp(fields->at[i].name, node->name) == 0)
			texts[n++] = (struct wire_span){ fields->at[i].value,
			    fields->at[i].length };
	}
	return take_texts(run, node, at, texts, count, taking->base);
}

static int
take_field(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at, bool *given_out)
{
	const struct schema_fields *fields = &taking->sent->fields[node->in];
	struct wire_span last = { "", 0 };
	size_t count = 0;

	for (size_t i = 0; i < fields->count; i++) {
		if (strcmp(fields->at[i].name, node->name) != 0)
			continue;
		last = (struct wire_span){ fields->at[i].value,
		    fields->at[i].length };
		count++;
	}
	*given_out = count > 0;
	if (count == 0)
		return take_none(taking, node, at);
	if (node->type == FH_TYPE_ARRAY && node->in != FH_IN_PATH)
		return take_several(taking, node, at, count);
	if (count == 1)
		return take_one(taking, node, at, last);
	report(taking->run, node, at, SCHEMA_REPEATED, "", last);
	return 0;
}

/* A file where a text is declared. */
static void
report_file(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at, const struct fh_file *file)
{
	const struct schema_node *inner = node->type == FH_TYPE_ARRAY ?
	    &node->fields[0] : node;

	report(taking->run, node, at, inner->type == FH_TYPE_ENUM ?
	    SCHEMA_STRING_TYPE : schema_type_wrong(inner->type), "",
	    (struct wire_span){ file->filename, strlen(file->filename) });
}

static int
take_form(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at, bool *given_out)
{
	const struct fh_file *file;

	if (schema_is_file(node))
		return schema_file_take(taking->run, node, taking->sent, at,
		    taking->base, given_out);
	file = schema_file_find(taking->sent, node->name);
	if (file == NULL)
		return take_field(taking, node, at, given_out);
	*given_out = true;
	report_file(taking, node, at, file);
	return 0;
}

static int
take_header(const struct taking *taking, const struct schema_node *node,
    const struct schema_step *at, bool *given_out)
{
	size_t lines = 0;
	const char *value = taking->sent->header(taking->sent->context,
	    node->name, &lines);
	struct wire_span text = { value, value == NULL ? 0 : strlen(value) };

	*given_out = value != NULL;
	if (value == NULL)
		return take_none(taking, node, at);
	if (lines < 2 || node->type == FH_TYPE_ARRAY)
		return take_one(taking, node, at, text);
	report(taking->run, node, at, SCHEMA_REPEATED, "", text);
	return 0;
}

/* ------------------------------------------------- the body */

/* Once: that it is not there, or is no object. */
static void
tell_body(struct taking *taking, enum schema_wrong wrong)
{
	const struct schema_node *inputs = &taking->schema->inputs;
	const struct schema_fault fault = { .at = &places[FH_IN_BODY],
	    .node = inputs, .wrong = wrong, .why = "",
	    .json = taking->sent->body,
	    .has_json = taking->sent->has_body && !inputs->hidden };

	if (!taking->body_told)
		schema_report(taking->run, &fault);
	taking->body_told = true;
}

static int
take_body(struct taking *taking, const struct schema_node *node,
    bool *given_out)
{
	if (!taking->sent->has_body && taking->schema->body_required)
		tell_body(taking, SCHEMA_MISSING);
	else if (taking->sent->has_body && taking->object == NULL)
		tell_body(taking, SCHEMA_OBJECT_TYPE);
	return schema_json_member(taking->run, node, taking->object,
	    &places[FH_IN_BODY], taking->base, given_out);
}

static int
take_whole(struct taking *taking, const struct schema_node *node,
    bool *given_out)
{
	const struct schema_sent *sent = taking->sent;

	*given_out = sent->has_body && !(sent->body == NULL && node->nullable);
	if (sent->has_body)
		return schema_json_take(taking->run, node, sent->body,
		    &places[FH_IN_BODY], taking->base);
	return take_none(taking, node, &places[FH_IN_BODY]);
}

/* ------------------------------------------------- all of it */

static int
take_input(struct taking *taking, const struct schema_node *node,
    bool *given_out)
{
	const struct schema_step step = { .outer = &places[node->in],
	    .name = node->name, .length = strlen(node->name) };
	int rc;

	switch (node->in) {
	case FH_IN_BODY:
		return take_body(taking, node, given_out);
	case FH_IN_WHOLE_BODY:
		rc = take_whole(taking, node, given_out);
		break;
	case FH_IN_HEADER:
		rc = take_header(taking, node, &step, given_out);
		break;
	case FH_IN_FORM:
		rc = take_form(taking, node, &step, given_out);
		break;
	default:
		rc = take_field(taking, node, &step, given_out);
	}
	schema_store_given(taking->run, node, taking->base, *given_out);
	return rc;
}

static bool
is_declared(const struct schema_node *inputs, enum fh_in in, const char *name)
{
	for (size_t i = 0; i < inputs->field_count; i++) {
		if (inputs->fields[i].in == in &&
		    strcmp(inputs->fields[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
check_declared(const struct taking *taking, enum fh_in in, const char *name,
    struct wire_span text)
{
	const struct schema_node *inputs = &taking->schema->inputs;
	const struct schema_step step = { .outer = &places[in], .name = name,
	    .length = strlen(name) };
	const struct schema_fault fault = { .at = &step,
	    .wrong = SCHEMA_EXTRA, .why = "", .length = text.length,
	    .text = inputs->hidden ? NULL : text.at };

	if (!is_declared(inputs, in, name))
		schema_report(taking->run, &fault);
}

static void
find_extras(const struct taking *taking, enum fh_in in)
{
	const struct schema_fields *fields = &taking->sent->fields[in];

	for (size_t i = 0; i < fields->count; i++)
		check_declared(taking, in, fields->at[i].name,
		    (struct wire_span){ fields->at[i].value,
		    fields->at[i].length });
}

static void
find_extra_files(const struct taking *taking)
{
	for (size_t i = 0; i < taking->sent->file_count; i++) {
		const struct fh_file *file = &taking->sent->files[i];

		check_declared(taking, FH_IN_FORM, file->field,
		    (struct wire_span){ file->filename,
		    strlen(file->filename) });
	}
}

static int
take_all(struct taking *taking, bool *given)
{
	const struct schema *schema = taking->schema;

	for (size_t i = 0; i < schema->inputs.field_count; i++) {
		if (take_input(taking, &schema->inputs.fields[i],
		    &given[i]) < 0)
			return -1;
	}
	if (!schema->strict)
		return 0;
	find_extras(taking, FH_IN_QUERY);
	if (schema->body == SCHEMA_FORM) {
		find_extras(taking, FH_IN_FORM);
		find_extra_files(taking);
	}
	if (taking->object != NULL)
		schema_json_extras(taking->run, &schema->inputs, FH_IN_BODY,
		    taking->object, &places[FH_IN_BODY]);
	return 0;
}

int
schema_take(const struct schema *schema, const struct schema_sent *sent,
    struct schema_run *run, void **values_out, bool **given_out)
{
	struct taking taking = { .schema = schema, .sent = sent, .run = run };
	bool *given;

	run->stores = true;
	run->strict = schema->strict;
	run->wrong = run->bytes = 0;
	taking.base = run->alloc(run->context, schema->inputs.size);
	given = run->alloc(run->context, schema->inputs.field_count + 1);
	if (taking.base == NULL || given == NULL)
		return -1;
	memset(taking.base, 0, schema->inputs.size);
	memset(given, 0, schema->inputs.field_count + 1);
	if (sent->has_body && json_object_is_type(sent->body,
	    json_type_object) && !schema->whole_body)
		taking.object = sent->body;
	*values_out = taking.base;
	*given_out = given;
	return take_all(&taking, given);
}
