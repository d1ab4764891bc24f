/*
 * api_json_struct.c - a struct as a JSON object, by its declaration.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: only members that are declared are read; how deep it goes is
 * bounded by FH_JSON_DEPTH.
 */
#include "api/api_value.h"

#include <errno.h>
#include <string.h>

static int	put_value(struct fh_request *, const struct fh_property *,
		    const char *base);

static int
put_items(struct fh_request *rq, const struct fh_property *property,
    const char *base)
{
	const struct fh_property *item = property->items;
	FH_LIST(const char) list;
	size_t size;

	memcpy(&list, base + property->offset, sizeof(list));
	if (item == NULL || (size = api_value_size(item)) == 0)
		return api_json_misuse(rq, "fh_json_struct",
		    "an array does not say what it is made of");
	if (fh_json_array(rq) != 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		if (put_value(rq, item, list.at + i * size) != 0)
			return -1;
	}
	return fh_json_close(rq);
}

static int
put_scalar(struct fh_request *rq, const struct fh_property *property,
    const char *base)
{
	char room[API_VALUE_MAX];
	const char *text;

	if (!api_value_given(property, base))
		return fh_json_null(rq);
	text = api_value_text(rq, "fh_json_struct", property, base, room);
	if (text == NULL)
		return -1;
	if (!api_value_is_bare(property))
		return fh_json_string(rq, text);
	return api_json_put(rq, "fh_json_struct", text, strlen(text));
}

static int
put_value(struct fh_request *rq, const struct fh_property *property,
    const char *base)
{
	switch (property->type) {
	case FH_TYPE_OBJECT:
		return fh_json_struct(rq, property->fields,
		    base + property->offset);
	case FH_TYPE_ARRAY:
		return put_items(rq, property, base);
	default:
		return put_scalar(rq, property, base);
	}
}

int
fh_json_struct(struct fh_request *rq, const struct fh_property *fields,
    const void *at)
{
	if (fields == NULL)
		return api_json_misuse(rq, "fh_json_struct",
		    "no fields are declared");
	if (fh_json_object(rq) != 0)
		return -1;
	for (; fields->type != 0;
	    fields = route_next_property(rq->input->route, fields)) {
		if (!api_value_given(fields, at) && !fields->nullable)
			continue;
		if (fh_json_name(rq, api_value_name(fields)) != 0)
			return -1;
		if (!api_value_given(fields, at) ? fh_json_null(rq) != 0 :
		    put_value(rq, fields, at) != 0)
			return -1;
	}
	return fh_json_close(rq);
}
