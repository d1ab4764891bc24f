/*
 * schema_node.c - entries of a handler's tables as nodes.
 *
 * Runs in: zygote and the tools.
 * Owns: the nodes, until schema_node_finish().
 * Invariant: a node that was made can be gone through without another look at
 * whether its parts fit together.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

int
schema_refuse(const struct schema_maker *maker, const char *format, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	if (maker->length == 0)
		return err_set(maker->err, "route \"%s\": %s %s",
		    maker->source->label, maker->what, why);
	return err_set(maker->err, "route \"%s\": %s \"%s\" %s",
	    maker->source->label, maker->what, maker->path, why);
}

static int
no_memory(const struct schema_maker *maker)
{
	return err_sys(maker->err, "route \"%s\"", maker->source->label);
}

/* ------------------------------------------------- tables */

static bool
entry(const void *table, size_t from_size, size_t index, void *out,
    size_t size)
{
	memset(out, 0, size);
	if (table == NULL)
		return false;
	memcpy(out, (const char *)table + index * from_size,
	    from_size < size ? from_size : size);
	return true;
}

bool
schema_table_property(const struct schema_maker *maker,
    const struct fh_property *table, size_t index, struct fh_property *out)
{
	return entry(table, maker->source->handler->property_size, index, out,
	    sizeof(*out)) && out->type != 0;
}

bool
schema_table_response(const struct schema_maker *maker,
    const struct fh_response *table, size_t index, struct fh_response *out)
{
	return entry(table, maker->source->handler->response_size, index, out,
	    sizeof(*out)) && out->status != 0;
}

static int
count_entries(const struct schema_maker *maker,
    const struct fh_property *table, size_t *count_out)
{
	struct fh_property property;

	*count_out = 0;
	while (*count_out <= SCHEMA_ENTRIES_MAX &&
	    schema_table_property(maker, table, *count_out, &property))
		(*count_out)++;
	return *count_out <= SCHEMA_ENTRIES_MAX ? 0 :
	    schema_refuse(maker, "has a table of more than %d entries: end it "
	    "with FH_END", SCHEMA_ENTRIES_MAX);
}

/* ------------------------------------------------- the way to an entry */

static size_t
enter(struct schema_maker *maker, const char *name)
{
	size_t before = maker->length;
	size_t room = sizeof(maker->path) - before;
	int n = snprintf(maker->path + before, room, "%s%s",
	    before > 0 && *name != '[' ? "." : "", name);

	maker->length = (size_t)n < room ? before + (size_t)n :
	    sizeof(maker->path) - 1;
	return before;
}

static void
leave(struct schema_maker *maker, size_t before)
{
	maker->length = before;
	maker->path[before] = '\0';
}

/* ------------------------------------------------- one entry */

static int
check_insides(const struct schema_maker *maker,
    const struct fh_property *from)
{
	bool array = from->type == FH_TYPE_ARRAY;
	bool object = from->type == FH_TYPE_OBJECT;

	if (array && from->items == NULL)
		return schema_refuse(maker, "is an array of nothing: say of "
		    "what, .items = FH_ITEMS(FH_ITEM(...))");
	if (!array && from->items != NULL)
		return schema_refuse(maker, "has items, but is no array: take "
		    "them away, or begin it with FH_ARRAY");
	if (object && from->fields == NULL)
		return schema_refuse(maker, "is an object without fields: say "
		    "which, .fields = FH_FIELDS(...)");
	if (!object && from->fields != NULL)
		return schema_refuse(maker, "has fields, but is no object: "
		    "take them away, or begin it with FH_OBJECT");
	if (maker->depth > SCHEMA_DEPTH_MAX)
		return schema_refuse(maker, "is deeper than %d levels: a "
		    "table must not contain itself", SCHEMA_DEPTH_MAX);
	return 0;
}

static int
make_insides(struct schema_maker *maker, const struct fh_property *from,
    struct schema_node *node)
{
	int rc = 0;

	maker->depth++;
	if (check_insides(maker, from) < 0)
		return -1;
	if (node->type == FH_TYPE_ARRAY)
		rc = schema_node_item(maker, from->items, node);
	else if (node->type == FH_TYPE_OBJECT)
		rc = schema_node_fields(maker, from->fields, node);
	maker->depth--;
	return rc;
}

/* What is inside of something secret is. */
static void
hide(struct schema_node *node)
{
	node->hidden = true;
	for (size_t i = 0; i < node->field_count; i++)
		hide(&node->fields[i]);
}

static int
make_node(struct schema_maker *maker, const struct fh_property *from,
    struct schema_node *node)
{
	if ((unsigned)from->type > FH_TYPE_FILE)
		return schema_refuse(maker, "has the type %u, which there is "
		    "not: begin it with FH_STRING(...) or its kin",
		    (unsigned)from->type);
	node->type = from->type;
	node->in = from->in;
	node->offset = from->offset;
	node->size = node->type == FH_TYPE_OBJECT ? from->size :
	    schema_size_of(node->type);
	node->has = from->has;
	node->required = from->required;
	node->nullable = from->nullable;
	node->secret = node->hidden = from->secret;
	node->about = from->about;
	node->example = from->example;
	if (from->required && from->fallback != NULL)
		return schema_refuse(maker, "is required and has a fallback "
		    "of \"%.80s\": take one of them away", from->fallback);
	if (make_insides(maker, from, node) < 0)
		return -1;
	for (size_t i = 0; i < node->field_count; i++)
		node->hidden |= node->fields[i].hidden;
	if (node->secret)
		hide(node);
	if (schema_limits_make(maker, from, node) < 0)
		return -1;
	return schema_fallback_make(maker, from, node);
}

/* ------------------------------------------------- several */

static int
refuse_file(const struct schema_maker *maker)
{
	return schema_refuse(maker, "is a file: only a form has such, each "
	    "under a name of its own or in one array; take it out of there");
}

static int
name_field(struct schema_maker *maker, const struct fh_property *from,
    const struct schema_node *object, struct schema_node *node)
{
	node->name = from->as != NULL ? from->as :
	    from->name != NULL ? from->name : "";
	enter(maker, node->name);
	if (from->in == FH_IN_WHOLE_BODY && maker->depth == 0)
		return 0;
	if (*node->name == '\0')
		return schema_refuse(maker, "has no name: give it .as = "
		    "\"...\"");
	if (!wire_is_utf8(node->name, strlen(node->name)))
		return schema_refuse(maker, "has a name that is no UTF-8: no "
		    "client can write it");
	if (maker->depth > 0 && from->in != FH_IN_PATH_OR_QUERY)
		return schema_refuse(maker, "is inside of an object and is "
		    "looked for there: take its .in away");
	if (maker->depth > 0 && from->type == FH_TYPE_FILE)
		return refuse_file(maker);
	for (const struct schema_node *other = object->fields; other < node;
	    other++) {
		if (maker->depth > 0 &&
		    strcmp(other->name, node->name) == 0)
			return schema_refuse(maker, "is there twice: give one "
			    "of them another .as");
	}
	return 0;
}

/* Only a reply may have a table in itself: nothing of it is laid out. */
static const struct schema_node *
find_around(const struct schema_maker *maker, const struct fh_property *table)
{
	const struct schema_around *around = maker->around;

	while (around != NULL && around->table != table)
		around = around->outer;
	return around == NULL || maker->stores ? NULL : around->object;
}

static int
make_fields(struct schema_maker *maker, const struct fh_property *table,
    size_t count, struct schema_node *object)
{
	struct fh_property property;

	for (size_t i = 0; i < count; i++) {
		struct schema_node *field = &object->fields[i];
		size_t before = maker->length;

		schema_table_property(maker, table, i, &property);
		object->field_count = i + 1;
		if (name_field(maker, &property, object, field) < 0 ||
		    make_node(maker, &property, field) < 0)
			return -1;
		leave(maker, before);
	}
	return maker->stores ? schema_layout(maker, object) : 0;
}

int
schema_node_fields(struct schema_maker *maker,
    const struct fh_property *table, struct schema_node *object)
{
	const struct schema_around around = { maker->around, table, object };
	size_t count;
	int rc;

	object->same = find_around(maker, table);
	if (object->same != NULL)
		return 0;
	if (count_entries(maker, table, &count) < 0)
		return -1;
	object->fields = calloc(count + 1, sizeof(*object->fields));
	if (object->fields == NULL)
		return no_memory(maker);
	maker->around = &around;
	rc = make_fields(maker, table, count, object);
	maker->around = around.outer;
	return rc;
}

int
schema_node_item(struct schema_maker *maker, const struct fh_property *table,
    struct schema_node *array)
{
	struct fh_property property;
	size_t before = enter(maker, "[]");

	array->fields = calloc(1, sizeof(*array->fields));
	if (array->fields == NULL)
		return no_memory(maker);
	if (!schema_table_property(maker, table, 0, &property))
		return schema_refuse(maker, "has no type: write "
		    "FH_ITEMS(FH_ITEM(...))");
	array->field_count = 1;
	array->fields[0].name = "";
	property.offset = property.has = 0;
	if (property.type == FH_TYPE_FILE &&
	    (maker->depth > 1 || !maker->stores))
		return refuse_file(maker);
	if (property.required || property.fallback != NULL)
		return schema_refuse(maker, "is an item, which is there or is "
		    "not: take required and fallback away");
	if (make_node(maker, &property, &array->fields[0]) < 0)
		return -1;
	leave(maker, before);
	return 0;
}

void
schema_node_finish(struct schema_node *node)
{
	for (size_t i = 0; i < node->field_count; i++)
		schema_node_finish(&node->fields[i]);
	free(node->fields);
	free(node->expected);
	if (node->type == FH_TYPE_BYTE && node->fallback != NULL)
		free((void *)(uintptr_t)node->value.bytes.at);
	json_object_put(node->json);
	schema_pattern_free(node->code);
}
