/*
 * api_inputs_get.c - what a handler reads of its declared inputs.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a handler that asks for what it did not declare, or as another
 * type, is told so by a 500; it never reads what is not there.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>

static const char *const type_names[] = {
	[FH_TYPE_BOOLEAN] = "BOOLEAN",
	[FH_TYPE_INTEGER] = "INTEGER",
	[FH_TYPE_NUMBER] = "NUMBER",
	[FH_TYPE_STRING] = "STRING",
	[FH_TYPE_DATE] = "DATE",
	[FH_TYPE_DATE_TIME] = "DATE_TIME",
	[FH_TYPE_UUID] = "UUID",
	[FH_TYPE_BYTE] = "BYTE",
	[FH_TYPE_ENUM] = "ENUM",
	[FH_TYPE_ARRAY] = "ARRAY",
	[FH_TYPE_OBJECT] = "OBJECT",
	[FH_TYPE_FILE] = "FILE"
};

const void *
fh_input(struct fh_request *rq)
{
	const struct schema *schema = rq->input->route->schema;

	return schema != NULL && schema->has_struct ? rq->values : NULL;
}

/* NULL after a fault. */
static const struct schema_node *
find(struct fh_request *rq, const char *name, size_t *index_out)
{
	const struct schema *schema = rq->input->route->schema;

	for (size_t i = 0; rq->values != NULL &&
	    i < schema->inputs.field_count; i++) {
		*index_out = i;
		if (strcmp(schema->inputs.fields[i].name, name) == 0)
			return &schema->inputs.fields[i];
	}
	api_fault(rq, EINVAL, "the input \"%.64s\" is asked for, which the "
	    "route does not declare", name);
	return NULL;
}

bool
fh_input_given(struct fh_request *rq, const char *name)
{
	size_t i;

	return find(rq, name, &i) != NULL && rq->given[i];
}

/* Copies the value of an input of that type; else leaves it as it is. */
static const struct schema_node *
get(struct fh_request *rq, const char *name, enum fh_type type,
    void *value_out)
{
	size_t i;
	const struct schema_node *node = find(rq, name, &i);
	bool choice = node != NULL && type == FH_TYPE_STRING &&
	    node->type == FH_TYPE_ENUM;

	if (node == NULL)
		return NULL;
	if (node->type != type && !choice) {
		api_fault(rq, EINVAL, "the input \"%.64s\" is asked for as "
		    "%s, but it is declared as %s", name, type_names[type],
		    type_names[node->type]);
		return NULL;
	}
	memcpy(value_out, (const char *)rq->values + node->offset,
	    node->size);
	return node;
}

bool
fh_input_boolean(struct fh_request *rq, const char *name)
{
	bool value = false;

	get(rq, name, FH_TYPE_BOOLEAN, &value);
	return value;
}

int64_t
fh_input_integer(struct fh_request *rq, const char *name)
{
	int64_t value = 0;

	get(rq, name, FH_TYPE_INTEGER, &value);
	return value;
}

double
fh_input_number(struct fh_request *rq, const char *name)
{
	double value = 0;

	get(rq, name, FH_TYPE_NUMBER, &value);
	return value;
}

const char *
fh_input_string(struct fh_request *rq, const char *name)
{
	union schema_value value = { .string = NULL };
	const struct schema_node *node = get(rq, name, FH_TYPE_STRING,
	    &value);

	if (node == NULL || node->type == FH_TYPE_STRING)
		return value.string;
	return value.choice < 0 ? NULL : node->choices[value.choice];
}

struct fh_date
fh_input_date(struct fh_request *rq, const char *name)
{
	struct fh_date value = { 0, 0, 0 };

	get(rq, name, FH_TYPE_DATE, &value);
	return value;
}

struct fh_time
fh_input_time(struct fh_request *rq, const char *name)
{
	struct fh_time value = { 0, 0, 0 };

	get(rq, name, FH_TYPE_DATE_TIME, &value);
	return value;
}

struct fh_uuid
fh_input_uuid(struct fh_request *rq, const char *name)
{
	struct fh_uuid value;

	memset(&value, 0, sizeof(value));
	get(rq, name, FH_TYPE_UUID, &value);
	return value;
}

struct fh_bytes
fh_input_bytes(struct fh_request *rq, const char *name)
{
	struct fh_bytes value = { NULL, 0 };

	get(rq, name, FH_TYPE_BYTE, &value);
	return value;
}

const struct fh_file *
fh_input_file(struct fh_request *rq, const char *name)
{
	const struct fh_file *value = NULL;

	get(rq, name, FH_TYPE_FILE, &value);
	return value;
}
