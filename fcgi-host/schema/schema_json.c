/*
 * schema_json.c - a tree of JSON against what is declared, and into a struct.
 *
 * Runs in: front, workers, call, cgi; zygote for what the tables hold.
 * Owns: nothing.
 * Invariant: JSON has types of its own, and nothing is taken for another one:
 * "3" is no number.
 */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "schema/schema_private.h"

/* A double from here on stands for several integers. */
#define EXACT_END	9007199254740992.0	/* 2^53 */

static const enum schema_wrong type_wrongs[] = {
	[FH_TYPE_BOOLEAN] = SCHEMA_BOOL_TYPE,
	[FH_TYPE_INTEGER] = SCHEMA_INT_TYPE,
	[FH_TYPE_NUMBER] = SCHEMA_FLOAT_TYPE,
	[FH_TYPE_STRING] = SCHEMA_STRING_TYPE,
	[FH_TYPE_DATE] = SCHEMA_DATE_TYPE,
	[FH_TYPE_DATE_TIME] = SCHEMA_TIME_TYPE,
	[FH_TYPE_UUID] = SCHEMA_UUID_TYPE,
	[FH_TYPE_BYTE] = SCHEMA_BYTES_TYPE,
	[FH_TYPE_ENUM] = SCHEMA_ENUM,
	[FH_TYPE_ARRAY] = SCHEMA_LIST_TYPE,
	[FH_TYPE_OBJECT] = SCHEMA_OBJECT_TYPE,
	[FH_TYPE_FILE] = SCHEMA_FILE_TYPE
};

enum schema_wrong
schema_type_wrong(enum fh_type type)
{
	return type_wrongs[type];
}

static void
report(struct schema_run *run, const struct schema_node *node,
    struct json_object *json, const struct schema_step *at,
    enum schema_wrong wrong, const char *why)
{
	const struct schema_fault fault = { .at = at, .node = node,
	    .wrong = wrong, .why = why, .json = json,
	    .has_json = !node->hidden };

	schema_report(run, &fault);
}

/* ------------------------------------------------- what has no insides */

static enum schema_wrong
read_double(double number, int64_t *out)
{
	if (!isfinite(number) || number >= EXACT_END || number <= -EXACT_END)
		return SCHEMA_INT_SIZE;
	if (number != trunc(number))
		return SCHEMA_INT_FRACTION;
	*out = (int64_t)number;
	return SCHEMA_OK;
}

static enum schema_wrong
read_integer(struct json_object *json, int64_t *out)
{
	switch (json_object_get_type(json)) {
	case json_type_double:
		return read_double(json_object_get_double(json), out);
	case json_type_int:
		*out = json_object_get_int64(json);
		return json_object_get_uint64(json) > INT64_MAX ?
		    SCHEMA_INT_SIZE : SCHEMA_OK;
	default:
		return SCHEMA_INT_TYPE;
	}
}

static enum schema_wrong
read_number(struct json_object *json, double *out)
{
	enum json_type type = json_object_get_type(json);

	if (type != json_type_double && type != json_type_int)
		return SCHEMA_FLOAT_TYPE;
	*out = json_object_get_double(json);
	return isfinite(*out) ? SCHEMA_OK : SCHEMA_FLOAT_SIZE;
}

static enum schema_wrong
read_scalar(struct schema_run *run, const struct schema_node *node,
    struct json_object *json, struct schema_reading *out)
{
	enum schema_wrong wrong;

	out->length = 0;
	out->why = "";
	switch (node->type) {
	case FH_TYPE_BOOLEAN:
		out->value.boolean = json_object_get_boolean(json);
		wrong = json_object_is_type(json, json_type_boolean) ?
		    SCHEMA_OK : SCHEMA_BOOL_TYPE;
		break;
	case FH_TYPE_INTEGER:
		wrong = read_integer(json, &out->value.integer);
		break;
	case FH_TYPE_NUMBER:
		wrong = read_number(json, &out->value.number);
		break;
	default:
		if (!json_object_is_type(json, json_type_string))
			return type_wrongs[node->type];
		return schema_value_read(node, json_object_get_string(json),
		    (size_t)json_object_get_string_len(json), run, out);
	}
	return wrong != SCHEMA_OK ? wrong :
	    schema_bounds_check(node, out, run);
}

static int
take_scalar(struct schema_run *run, const struct schema_node *node,
    struct json_object *json, const struct schema_step *at, void *base)
{
	struct schema_reading reading;
	enum schema_wrong wrong = read_scalar(run, node, json, &reading);

	if (wrong == SCHEMA_NO_MEMORY)
		return -1;
	if (wrong == SCHEMA_OK)
		schema_store(run, node, base, &reading.value);
	else
		report(run, node, json, at, wrong, reading.why);
	return 0;
}

/* ------------------------------------------------- lists */

/* A list that is too long is not looked into. */
static void
report_length(struct schema_run *run, const struct schema_node *node,
    struct json_object *json, const struct schema_step *at,
    enum schema_wrong wrong, size_t most)
{
	const struct schema_fault fault = { .at = at, .node = node,
	    .wrong = wrong, .why = "", .json = json,
	    .has_json = !node->hidden, .length = most,
	    .actual = json_object_array_length(json) };

	schema_report(run, &fault);
}

static int
take_items(struct schema_run *run, const struct schema_node *item,
    struct json_object *json, const struct schema_step *at, char *items)
{
	size_t count = json_object_array_length(json);

	for (size_t i = 0; i < count; i++) {
		const struct schema_step step = { .outer = at, .index = i };

		if (schema_json_take(run, item,
		    json_object_array_get_idx(json, i), &step,
		    items == NULL ? NULL : items + i * item->size) < 0)
			return -1;
	}
	return 0;
}

static int
take_list(struct schema_run *run, const struct schema_node *node,
    struct json_object *json, const struct schema_step *at, void *base)
{
	size_t count = json_object_array_length(json), most = 0;
	struct schema_reading reading = { .length = count };
	enum schema_wrong wrong = schema_bounds_check(node, &reading, run);
	union schema_value value = { .list = { NULL, count } };

	if (wrong != SCHEMA_OK) {
		report_length(run, node, json, at, wrong, 0);
		return 0;
	}
	if (run->stores && count > 0) {
		value.list.at = schema_list_alloc(run, &node->fields[0],
		    count, &most);
		if (value.list.at == NULL && most == SIZE_MAX)
			return -1;
		if (value.list.at == NULL) {
			report_length(run, node, json, at, SCHEMA_LIST_LONG,
			    most);
			return 0;
		}
	}
	schema_store(run, node, base, &value);
	return take_items(run, &node->fields[0], json, at, value.list.at);
}

/* ------------------------------------------------- objects */

static bool
has_field(const struct schema_node *node, enum fh_in in, const char *name)
{
	for (size_t i = 0; i < node->field_count; i++) {
		if (node->fields[i].in == in &&
		    strcmp(node->fields[i].name, name) == 0)
			return true;
	}
	return false;
}

void
schema_json_extras(struct schema_run *run, const struct schema_node *node,
    enum fh_in in, struct json_object *object, const struct schema_step *at)
{
	struct json_object_iterator i = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);

	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i)) {
		const char *name = json_object_iter_peek_name(&i);
		const struct schema_step step = { .outer = at, .name = name,
		    .length = strlen(name) };
		const struct schema_fault fault = { .at = &step,
		    .wrong = SCHEMA_EXTRA, .why = "",
		    .json = json_object_iter_peek_value(&i),
		    .has_json = !node->hidden };

		if (!has_field(node, in, name))
			schema_report(run, &fault);
	}
}

int
schema_json_member(struct schema_run *run, const struct schema_node *field,
    struct json_object *object, const struct schema_step *outer, void *base,
    bool *given_out)
{
	const struct schema_step step = { .outer = outer, .name = field->name,
	    .length = strlen(field->name) };
	const struct schema_fault missing = { .at = &step, .node = field,
	    .wrong = SCHEMA_MISSING, .why = "" };
	struct json_object *json = NULL;
	bool found = object != NULL &&
	    json_object_object_get_ex(object, field->name, &json);

	*given_out = found && !(json == NULL && field->nullable);
	schema_store_given(run, field, base, *given_out);
	if (found)
		return schema_json_take(run, field, json, &step, base);
	if (object != NULL && field->required)
		schema_report(run, &missing);
	return schema_store_absent(run, field, base);
}

int
schema_json_members(struct schema_run *run, const struct schema_node *node,
    struct json_object *object, const struct schema_step *at, void *base)
{
	bool given;

	if (node->same != NULL)
		node = node->same;
	for (size_t i = 0; i < node->field_count; i++) {
		if (schema_json_member(run, &node->fields[i], object, at, base,
		    &given) < 0)
			return -1;
	}
	if (run->strict && object != NULL && node->field_count > 0)
		schema_json_extras(run, node, FH_IN_PATH_OR_QUERY, object, at);
	return 0;
}

/* ------------------------------------------------- any of them */

int
schema_json_take(struct schema_run *run, const struct schema_node *node,
    struct json_object *json, const struct schema_step *at, void *base)
{
	char *inside = run->stores ? (char *)base + node->offset : NULL;

	if (json == NULL && node->nullable)
		return schema_store_absent(run, node, base);
	if (node->type == FH_TYPE_ARRAY &&
	    json_object_is_type(json, json_type_array))
		return take_list(run, node, json, at, base);
	if (node->type == FH_TYPE_OBJECT &&
	    json_object_is_type(json, json_type_object))
		return schema_json_members(run, node, json, at, inside);
	if (node->type == FH_TYPE_ARRAY || node->type == FH_TYPE_OBJECT) {
		report(run, node, json, at, type_wrongs[node->type], "");
		return 0;
	}
	return take_scalar(run, node, json, at, base);
}

int
schema_check(const struct schema_response *response, struct json_object *body,
    struct schema_run *run)
{
	const struct schema_step step = { .name = "body", .length = 4 };

	run->stores = run->strict = false;
	return response->node.type == 0 ? 0 :
	    schema_json_take(run, &response->node, body, &step, NULL);
}
