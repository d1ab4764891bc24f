/*
 * schema_create.c - a route's tables into a schema.
 *
 * Runs in: zygote and the tools.
 * Owns: struct schema, until schema_destroy().
 * Invariant: a schema that was made is constant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

/* The sizes of ABI 1.2: where its last member ends.  They never change. */
#define END_OF(type, member) \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))
#define INPUTS_SIZE_1_2		END_OF(struct fh_inputs, strict)
#define PROPERTY_SIZE_1_2	END_OF(struct fh_property, media_types)
#define RESPONSE_SIZE_1_2	END_OF(struct fh_response, about)
#define SIZE_MAX_SANE		4096
#define STRUCT_MAX		((size_t)1 << 20)

static int
check_size(const struct schema_maker *maker, const char *what, size_t size,
    size_t least)
{
	if (size >= least && size <= SIZE_MAX_SANE)
		return 0;
	return err_set(maker->err, "route \"%s\": its struct %s has %zu "
	    "bytes, ABI 1.2 has %zu: write the descriptor with FH_HANDLER",
	    maker->source->label, what, size, least);
}

static int
check_sizes(const struct schema_maker *maker)
{
	const struct schema_source *source = maker->source;
	const struct fh_handler *handler = source->handler;

	if (source->inputs != NULL && check_size(maker, "fh_inputs",
	    handler->inputs_size, INPUTS_SIZE_1_2) < 0)
		return -1;
	if (source->responses != NULL && check_size(maker, "fh_response",
	    handler->response_size, RESPONSE_SIZE_1_2) < 0)
		return -1;
	return check_size(maker, "fh_property", handler->property_size,
	    PROPERTY_SIZE_1_2);
}

static int
make_inputs(struct schema_maker *maker, struct schema *schema)
{
	const struct schema_source *source = maker->source;
	struct fh_inputs inputs = { .size = 0 };
	size_t size = source->handler->inputs_size;

	memcpy(&inputs, source->inputs, size < sizeof(inputs) ? size :
	    sizeof(inputs));
	maker->what = "input";
	maker->stores = true;
	schema->declared = true;
	schema->strict = inputs.strict;
	schema->has_struct = inputs.size != 0;
	schema->inputs.type = FH_TYPE_OBJECT;
	schema->inputs.name = "";
	schema->inputs.size = inputs.size;
	if (inputs.size > STRUCT_MAX)
		return schema_refuse(maker, "struct has %zu bytes: more than "
		    "%zu are not filled", inputs.size, STRUCT_MAX);
	if (schema_node_fields(maker, inputs.properties, &schema->inputs) < 0)
		return -1;
	return schema_places_settle(maker, schema);
}

/* ------------------------------------------------- responses */

static bool
is_media_type(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash != NULL && wire_is_token(text, (size_t)(slash - text)) &&
	    wire_is_token(slash + 1, strlen(slash + 1));
}

static int
make_response(struct schema_maker *maker, const struct fh_response *from,
    struct schema_response *response)
{
	struct schema_node *node = &response->node;

	response->status = from->status;
	response->type = from->type;
	response->about = from->about;
	node->name = "";
	if (from->status < 100 || from->status > 599)
		return schema_refuse(maker, "has a status that is not in "
		    "100..599");
	if (from->type != NULL && !is_media_type(from->type))
		return schema_refuse(maker, "has the type \"%.100s\", which is "
		    "none: write it without parameters, as "
		    "\"application/json\"", from->type);
	if (from->fields != NULL && from->items != NULL)
		return schema_refuse(maker, "has fields and items: it is an "
		    "object or an array");
	if (from->fields != NULL) {
		node->type = FH_TYPE_OBJECT;
		maker->depth = 1;
		return schema_node_fields(maker, from->fields, node);
	}
	if (from->items == NULL)
		return 0;
	node->type = FH_TYPE_ARRAY;
	maker->depth = 1;
	return schema_node_item(maker, from->items, node);
}

static int
make_responses(struct schema_maker *maker, struct schema *schema)
{
	struct fh_response response;
	char what[32];
	size_t count = 0;

	while (count <= SCHEMA_ENTRIES_MAX && schema_table_response(maker,
	    maker->source->responses, count, &response))
		count++;
	maker->what = "table of responses";
	if (count > SCHEMA_ENTRIES_MAX)
		return schema_refuse(maker, "has no end: write it with "
		    "FH_RESPONSES(...)");
	schema->responses = calloc(count + 1, sizeof(*schema->responses));
	if (schema->responses == NULL)
		return err_sys(maker->err, "route \"%s\"",
		    maker->source->label);
	for (size_t i = 0; i < count; i++) {
		schema_table_response(maker, maker->source->responses, i,
		    &response);
		snprintf(what, sizeof(what), "response %d", response.status);
		maker->what = what;
		maker->stores = false;
		schema->response_count = i + 1;
		if (make_response(maker, &response,
		    &schema->responses[i]) < 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------- all of it */

struct schema *
schema_create(const struct schema_source *source, struct err *err)
{
	struct schema_maker maker = { .source = source, .err = err };
	struct schema *schema = calloc(1, sizeof(*schema));
	int rc = 0;

	if (schema == NULL) {
		err_sys(err, "route \"%s\"", source->label);
		return NULL;
	}
	if (source->inputs != NULL || source->responses != NULL)
		rc = check_sizes(&maker);
	if (rc == 0 && source->inputs != NULL)
		rc = make_inputs(&maker, schema);
	if (rc == 0 && source->responses != NULL)
		rc = make_responses(&maker, schema);
	if (rc == 0)
		return schema;
	schema_destroy(schema);
	return NULL;
}

void
schema_destroy(struct schema *schema)
{
	if (schema == NULL)
		return;
	schema_node_finish(&schema->inputs);
	for (size_t i = 0; i < schema->response_count; i++)
		schema_node_finish(&schema->responses[i].node);
	free(schema->responses);
	free(schema);
}
