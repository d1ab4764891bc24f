/*
 * schema_store.c - values into the handler's struct.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: what is written lies where schema_layout() found room for it.
 */
#include <string.h>

#include "schema/schema_private.h"

void
schema_report(struct schema_run *run, const struct schema_fault *fault)
{
	run->wrong++;
	run->report(run->context, fault);
}

void
schema_store(const struct schema_run *run, const struct schema_node *node,
    void *base, const union schema_value *value)
{
	if (run->stores)
		memcpy((char *)base + node->offset, value, node->size);
}

void
schema_store_given(const struct schema_run *run,
    const struct schema_node *node, void *base, bool given)
{
	if (run->stores && node->has != 0)
		memcpy((char *)base + node->has - 1, &given, sizeof(given));
}

/* The struct is zeroed: all but an ENUM need nothing. */
int
schema_store_absent(struct schema_run *run, const struct schema_node *node,
    void *base)
{
	static const union schema_value no_choice = { .choice = -1 };

	if (!run->stores)
		return 0;
	if (node->json != NULL)
		return schema_json_take(run, node, node->json, NULL, base);
	if (node->type == FH_TYPE_OBJECT)
		return schema_json_members(run, node, NULL, NULL,
		    (char *)base + node->offset);
	if (node->fallback != NULL)
		schema_store(run, node, base, &node->value);
	else if (node->type == FH_TYPE_ENUM)
		schema_store(run, node, base, &no_choice);
	return 0;
}

void *
schema_list_alloc(struct schema_run *run, const struct schema_node *item,
    size_t count, size_t *most_out)
{
	size_t left = SCHEMA_LISTS_MAX - run->bytes;
	void *at;

	*most_out = left / item->size;
	if (count > *most_out)
		return NULL;
	*most_out = SIZE_MAX;
	at = run->alloc(run->context, count * item->size);
	if (at == NULL)
		return NULL;
	memset(at, 0, count * item->size);
	run->bytes += count * item->size;
	return at;
}
