/*
 * openapi_table.c - reads a handler's tables, whatever the size of their
 * entries.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: nobody else in openapi/ steps through a table of a handler's.
 */
#include <string.h>

#include "openapi/openapi_private.h"

static bool
entry(const void *table, size_t from_size, size_t index, void *out,
    size_t size)
{
	memset(out, 0, size);
	if (table == NULL || from_size == 0 || index >= OPENAPI_ENTRIES_MAX)
		return false;
	memcpy(out, (const char *)table + index * from_size,
	    from_size < size ? from_size : size);
	return true;
}

bool
openapi_property(const struct fh_handler *desc,
    const struct fh_property *table, size_t index, struct fh_property *out)
{
	return entry(table, desc->property_size, index, out, sizeof(*out)) &&
	    out->type != 0;
}

bool
openapi_response(const struct fh_handler *desc,
    const struct fh_response *table, size_t index, struct fh_response *out)
{
	return entry(table, desc->response_size, index, out, sizeof(*out)) &&
	    out->status != 0;
}

bool
openapi_inputs(const struct route *route, struct fh_inputs *out)
{
	return entry(route->inputs, route->handler->desc.inputs_size, 0, out,
	    sizeof(*out));
}

const char *
openapi_name(const struct fh_property *property)
{
	if (property->as != NULL)
		return property->as;
	return property->name != NULL ? property->name : "";
}

/* `names` of a route: "id\0rest\0". */
static bool
is_in_path(const struct route *route, const char *name)
{
	const char *at = route->names;

	for (uint32_t i = 0; i < route->capture_count; i++) {
		if (strcmp(at, name) == 0)
			return true;
		at += strlen(at) + 1;
	}
	return false;
}

enum fh_in
openapi_in(const struct route *route, const struct fh_property *property)
{
	if (property->in != FH_IN_PATH_OR_QUERY)
		return property->in;
	return is_in_path(route, openapi_name(property)) ? FH_IN_PATH :
	    FH_IN_QUERY;
}
