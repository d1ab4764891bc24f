/*
 * schema_places.c - the rules between the inputs of one route.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: every input has one place, in which it can be told from the
 * others, and a route's body is one thing: a form, an object, or a whole.
 */
#include <string.h>
#include <strings.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

static bool
is_in_path(const struct schema_source *source, const char *name)
{
	const char *at = source->names;

	for (size_t i = 0; i < source->name_count; i++) {
		if (strcmp(at, name) == 0)
			return true;
		at += strlen(at) + 1;
	}
	return false;
}

static bool
is_body(enum fh_in in)
{
	return in == FH_IN_BODY || in == FH_IN_WHOLE_BODY;
}

/* Nowhere else can it come, so .in need not be there. */
static int
settle_file(struct schema_maker *maker, struct schema_node *node, bool in_path)
{
	if (in_path || (node->in != FH_IN_PATH_OR_QUERY &&
	    node->in != FH_IN_FORM))
		return schema_refuse(maker, "\"%s\" is a file, which comes in "
		    "a form: take its .in away%s", node->name, in_path ?
		    ", and give it another .as than the path's" : "");
	node->in = FH_IN_FORM;
	return 0;
}

static int
settle_place(struct schema_maker *maker, struct schema_node *node)
{
	bool in_path = is_in_path(maker->source, node->name);

	if ((unsigned)node->in > FH_IN_WHOLE_BODY)
		return schema_refuse(maker, "\"%s\" has the place %u, which "
		    "there is not: set .in to one of enum fh_in", node->name,
		    (unsigned)node->in);
	if (schema_is_file(node))
		return settle_file(maker, node, in_path);
	if (node->in == FH_IN_PATH_OR_QUERY)
		node->in = in_path ? FH_IN_PATH : FH_IN_QUERY;
	if (node->in != FH_IN_PATH)
		return 0;
	if (!in_path)
		return schema_refuse(maker, "\"%s\" is FH_IN_PATH, but the "
		    "path has no {%s}: add it, or take .in away", node->name,
		    node->name);
	if (node->fallback != NULL)
		return schema_refuse(maker, "\"%s\" is in the path, so it is "
		    "always given: take its fallback away", node->name);
	node->required = true;
	return 0;
}

/* Elsewhere than in JSON there is only text. */
static int
check_text(struct schema_maker *maker, const struct schema_node *node)
{
	const struct schema_node *inner = node->type == FH_TYPE_ARRAY ?
	    &node->fields[0] : node;

	if (is_body(node->in))
		return 0;
	if (inner->type == FH_TYPE_OBJECT || inner->type == FH_TYPE_ARRAY)
		return schema_refuse(maker, "\"%s\" %s: only a JSON body has "
		    "such, give it .in = FH_IN_BODY", node->name,
		    inner == node ? "is an object" :
		    "is an array of arrays or objects");
	if (node->nullable || inner->nullable)
		return schema_refuse(maker, "\"%s\" is nullable, but null is "
		    "of JSON bodies: take it away", node->name);
	if ((node->in == FH_IN_HEADER || node->in == FH_IN_COOKIE) &&
	    !wire_is_token(node->name, strlen(node->name)))
		return schema_refuse(maker, "\"%s\" cannot be the name of a "
		    "header or cookie: give it .as = \"...\"", node->name);
	return 0;
}

static bool
are_same(const struct schema_node *a, const struct schema_node *b)
{
	if (a->in != b->in)
		return false;
	return a->in == FH_IN_HEADER ? strcasecmp(a->name, b->name) == 0 :
	    strcmp(a->name, b->name) == 0;
}

static int
check_twin(struct schema_maker *maker, const struct schema_node *fields,
    const struct schema_node *node)
{
	for (const struct schema_node *other = fields; other < node; other++) {
		if (are_same(other, node))
			return schema_refuse(maker, "\"%s\" is there twice, "
			    "in the same place: give one of them another .as",
			    node->name);
	}
	return 0;
}

static int
settle_body(struct schema_maker *maker, struct schema *schema)
{
	size_t count[SCHEMA_PLACES] = { 0 };
	size_t parts, form, whole;

	for (size_t i = 0; i < schema->inputs.field_count; i++) {
		const struct schema_node *node = &schema->inputs.fields[i];

		count[node->in]++;
		schema->has_files |= schema_is_file(node);
		if (node->required && is_body(node->in))
			schema->body_required = true;
	}
	parts = count[FH_IN_BODY];
	form = count[FH_IN_FORM];
	whole = count[FH_IN_WHOLE_BODY];
	if (form > 0 && parts + whole > 0)
		return schema_refuse(maker, "table mixes FH_IN_FORM with a "
		    "JSON body: a request has one of them");
	if (whole > 1 || (whole > 0 && parts > 0))
		return schema_refuse(maker, "table has FH_IN_WHOLE_BODY beside "
		    "another input of the body: it is all of it");
	schema->whole_body = whole > 0;
	schema->body = form > 0 ? SCHEMA_FORM :
	    parts + whole > 0 ? SCHEMA_JSON : SCHEMA_NO_BODY;
	return 0;
}

int
schema_places_settle(struct schema_maker *maker, struct schema *schema)
{
	struct schema_node *fields = schema->inputs.fields;

	for (size_t i = 0; i < schema->inputs.field_count; i++) {
		struct schema_node *node = &fields[i];

		if (settle_place(maker, node) < 0 ||
		    check_text(maker, node) < 0 ||
		    check_twin(maker, fields, node) < 0)
			return -1;
		schema->inputs.hidden |= node->hidden;
	}
	return settle_body(maker, schema);
}
